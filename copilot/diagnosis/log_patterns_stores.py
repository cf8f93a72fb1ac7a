"""How servers that keep data fail at their own start: data of another version, damaged, locked; kernel limits. Data only."""

from __future__ import annotations

from copilot.diagnosis.log_pattern import rows

STORE_PATTERNS = (
    *rows(
        "app.data.incompatible", 0.75,
        (r"database files are incompatible with server|was initialized by PostgreSQL version|is not compatible with this version", "the data on its volume was written by another (incompatible) version of the server"),
        (r"[Ff]eature ?[Cc]ompatibility ?[Vv]ersion|Invalid MySQL server (?:up|down)grade|[Cc]annot (?:up|down)grade (?:from|a node|directly)|[Cc]an't handle RDB format version|downgrade.{0,40}not supported|on-disk format.{0,60}(?:newer|older)|incompatible.{0,40}(?:index|data|store) (?:format|version)", "the data on its volume was written by another (incompatible) version of the server"),
        (r"InconsistentClusterId|[Cc]luster ?I[Dd] \S{1,60} doesn't match|cluster ID mismatch|Invalid cluster\.id in|[Ii]nconsistent node ?[Ii]d|member \S{1,60} has already been bootstrapped|request cluster ID mismatch", "the data on its volume belongs to another cluster (cluster.id in meta.properties does not match)"),
        (r"could not locate a valid checkpoint record|invalid (?:page|primary checkpoint)|checksum mismatch|corrupt(?:ed|ion)\b|Bad file format reading the append only file|Unexpected end of file reading the append only file|WiredTiger error.{0,80}(?:corrupt|WT_ERROR|-3180\d)|InnoDB: .{0,60}(?:corrupt|page \[page id)|wal: .{0,20}(?:crc mismatch|file not found)", "the data on its volume is damaged (corrupt)"),
        (r"directory .{0,120}exists but is not empty|[Dd]ata ?dir(?:ectory)? .{0,120}(?:is not empty|has files in it|unusable)|--initialize specified but the data directory has files", "its data directory is not empty: the volume holds other files (lost+found), use a sub-directory"),
        (r"[Uu]nable to lock|[Ff]ailed to (?:obtain|acquire) (?:node )?lock|lock file .{0,120}already exists|[Rr]esource temporarily unavailable.{0,60}lock|LockObtainFailed|another (?:process|instance|mongod) .{0,60}(?:using|running|lock)|DBPathInUse", "its data directory is locked by another process: two pods share the volume"),
    ),
    *rows(
        "app.permission.denied", 0.75,
        (r"data directory .{0,120}(?:has (?:wrong|invalid)|invalid) (?:ownership|permissions)|could not change permissions of directory|[Ww]rong ownership|must be owned by the user|failed to (?:chown|chmod)", "the data directory has the wrong owner or permissions: the container's user may not use it"),
    ),
    *rows(
        "app.disk.full", 0.75,
        (r"(?:flood stage|high) disk watermark|disk (?:usage|space) .{0,60}(?:exceeded|critical)|low on disk|disk_free_limit|[Dd]isk alarm|not enough (?:free )?disk space|insufficient (?:disk )?space", "the disk or volume it writes to is nearly full, so it refuses writes (disk watermark)"),
    ),
    *rows(
        "app.kernel.limit", 0.75,
        (r"vm\.max_map_count.{0,60}(?:too low|increase|at least)|max virtual memory areas", "the node's kernel setting vm.max_map_count is too low"),
        (r"[Tt]oo many open files|EMFILE|ENFILE|max file descriptors .{0,60}too low", "it runs out of file descriptors (too many open files)"),
        (r"inotify.{0,80}(?:limit|too many|No space)|ENOSPC: System limit for number of file watchers|user limit on the total number of inotify", "the node's inotify limit is used up"),
        (r"[Rr]esource temporarily unavailable|pthread_create failed|unable to create (?:new )?native thread|can't start new thread", "it may start no more threads or processes (PID limit)"),
    ),
    *rows(
        "app.credentials.rejected", 0.75,
        (r"\bAccessDenied\b|Access Denied\b.{0,60}(?:operation|bucket|s3)|\b403\b.{0,40}[Ff]orbidden|PERMISSION_DENIED|does not have \S{1,80} (?:access|permission)|not authorized to perform|AuthorizationPermissionMismatch|not authorized on \S{1,80} to execute", "the server denies access (access denied, 403): the credentials lack the right, or are wrong"),
        (r"failed to (?:refresh|retrieve|get) (?:cached )?credentials|get credentials: |[Nn]o EC2 IMDS role|NoCredentialProviders|Unable to locate credentials|[Cc]ould not (?:load|find) (?:default )?credentials|no valid credential|DefaultCredentialsError|failed to retrieve credentials|CredentialsProviderError", "it finds no credentials for the cloud service"),
        (r"no pg_hba\.conf entry for host|no encryption|SSL off|Host '[^']{1,200}' is not allowed to connect", "the database does not let this client in (pg_hba, host grant or TLS): wrong credentials or access rule"),
    ),
)  # fmt: skip
