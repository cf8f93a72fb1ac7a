"""What servers that keep data say of rights, room, speed and records, to their clients or in their own log. Data only.

`server` names whose objects have to be changed when a client is told so.
"""

from __future__ import annotations

from copilot.diagnosis.log_pattern import rows

_LACKS_RIGHT = "the database user {name} lacks a right it needs (permission denied, privilege not granted)"

SERVER_PATTERNS = (
    *rows(
        "app.database.rights", 0.8,
        (r"not authorized on (?P<name>[\w.-]{1,80}) to execute command", "the database user lacks the role for database {name} (not authorized to execute: its privileges were revoked or never granted)"),
        (r"UserNotFound|[Cc]ould not find user \"?'?(?P<name>[\w.@-]{1,80})", "the database has no user {name} (user not found: it was never registered, or was dropped)"),
        server="mongo",
    ),
    *rows(
        "app.database.rights", 0.8,
        (r"permission denied for (?:table|relation|schema|sequence|database|view|function|materialized view|foreign table) \"?(?P<name>[\w.]{1,80})", "the database user lacks the privilege on {name} (permission denied, a GRANT is missing)"),
        (r"must be (?:owner of|superuser|a member of)", "the database user lacks the role that the statement needs (permission denied)"),
        server="postgres",
    ),
    *rows(
        "app.database.rights", 0.8,
        (r"[Aa]ccess denied for user '?(?P<name>[\w.-]{0,80})'?@'?[\w.%-]{0,100}'? to database", "the database user {name} has no privilege on that database (access denied, a GRANT is missing)"),
        (r"(?:SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|EXECUTE|INDEX|REFERENCES)(?:, ?\w{1,12})* command denied to user '?(?P<name>[\w.-]{1,80})", "the database user {name} lacks a privilege (command denied, a GRANT is missing)"),
        server="mysql",
    ),
    *rows(
        "app.database.rights", 0.8,
        (r"NOPERM|this user has no permissions to (?:run|access)", "the user of the cache lacks a permission (ACL, NOPERM)"),
        server="redis",
    ),
    *rows(
        "app.database.rights", 0.8,
        (r"(?:TOPIC|GROUP|CLUSTER|TRANSACTIONAL_ID)_AUTHORIZATION_FAILED|(?:Topic|Group|Cluster)AuthorizationException|[Nn]ot authorized to access (?:topics|group)", "the broker's access rules (ACL) lack the right this client needs: not authorized"),
        server="kafka",
    ),
    *rows(
        "app.database.rights", 0.8,
        (r"access to (?:exchange|queue|vhost|topic) '?(?P<name>[\w./-]{0,80})'?.{0,40} refused for user", "the broker refuses the user access to {name}: its permissions lack it"),
        server="amqp",
    ),
    *rows(
        "app.permission.denied", 0.8,
        (r"Failed opening the (?:temp )?(?:RDB|AOF) file .{0,80}in server root dir (?P<path>/[^\s)]{1,200})\).{0,60}Permission denied", "the cache may not write its snapshot in {path}: permission denied"),
        server="redis",
    ),
    *rows(
        "app.store.full", 0.8,
        (r"OOM command not allowed when used memory", "the cache is full: it reached maxmemory and may evict nothing, so it refuses writes"),
        (r"MISCONF .{0,80}(?:RDB|unable to persist|save)|stop-writes-on-bgsave-error", "the cache cannot save its snapshot (RDB) to disk, so it refuses writes: its disk is full (no space) or not writable"),
        (r"Failed opening the temp RDB file .{0,120}|Background saving error", "the cache cannot save its snapshot (RDB) to disk, so it refuses writes: its disk is full (no space) or not writable"),
        server="redis",
    ),
    *rows(
        "app.store.full", 0.8,
        (r"SERVER_ERROR out of memory storing object", "the cache is full: it has no memory for the object"),
        server="redis",
    ),
    *rows(
        "app.store.full", 0.8,
        (r"mvcc: database space exceeded|alarm:? ?\"?:?\"?NOSPACE|NOSPACE\b.{0,40}alarm", "etcd is out of space (NOSPACE alarm): its database reached its quota"),
        server="etcd",
    ),
    *rows(
        "app.store.no_primary", 0.78,
        (r"NotYetInitialized|no replset config has been received|ReplicaSetNoPrimary|RSGhost|[Nn]o primary (?:available|server|found)|not master and slaveOk", "its replica set has no primary: it was never initiated, or lost its majority"),
        server="mongo",
    ),
    *rows(
        "app.store.no_primary", 0.78,
        (r"CLUSTERDOWN|[Hh]ash slot not served|MASTERDOWN|NOREPLICAS", "the cache cluster is down: slots without a master"),
        server="redis",
    ),
    *rows(
        "app.store.no_primary", 0.78,
        (r"LEADER_NOT_AVAILABLE|NotEnoughReplicas|NOT_ENOUGH_REPLICAS|NotLeaderOrFollower|no brokers? in the ISR|offline partitions?\b", "partitions have no leader or too few replicas in sync"),
        server="kafka",
    ),
    *rows(
        "app.store.no_primary", 0.78,
        (r"master_not_discovered|no known master node|MasterNotDiscovered|cluster_manager_not_discovered", "the search cluster has no elected master"),
        server="elastic",
    ),
    *rows(
        "app.store.no_primary", 0.78,
        (r"etcdserver: (?:no leader|leader changed|request timed out)|raft: no leader", "etcd has no leader"),
        server="etcd",
    ),
    *rows(
        "app.store.no_primary", 0.75,
        (r"[Tt]he database system is (?:starting up|in recovery mode|shutting down|not yet accepting connections)|CannotConnectNow", "the database does not accept connections yet: it starts, recovers or shuts down"),
        server="postgres",
    ),
    *rows(
        "app.dependency.exhausted", 0.75,
        (r"Host '[^']{1,200}' is blocked because of many connection errors", "the database blocked this client's host after many connection errors"),
        server="mysql",
    ),
    *rows(
        "app.store.full", 0.8,
        (r"(?:memory|disk) (?:resource limit )?alarm (?:set|is set)|publishers will be blocked|connection\.blocked", "the broker blocks publishers: a memory or disk alarm is set"),
        server="amqp",
    ),
    *rows(
        "app.store.full", 0.8,
        (r"FORBIDDEN/12/index read-only|cluster_block_exception.{0,120}read-only|flood stage disk watermark", "the search cluster made its indices read-only: its disk is above the flood-stage watermark"),
        server="elastic",
    ),
    *rows(
        "app.schema.missing", 0.75,
        (r"UNKNOWN_TOPIC_OR_PART(?:ITION)?|UnknownTopicOrPartition|topic or partition that does not exist|[Uu]nknown topic or partition|[Tt]opic (?P<name>[\w.-]{1,120}) not present in metadata", "the topic it uses does not exist on the broker, and the broker does not create topics by itself"),
        server="kafka",
    ),
    *rows(
        "app.schema.missing", 0.75,
        (r"NOT_FOUND - no (?:queue|exchange|vhost) '(?P<name>[\w./-]{1,120})", "the queue or exchange {name} does not exist on the broker"),
        server="amqp",
    ),
    *rows(
        "app.schema.missing", 0.75,
        (r"[Cc]ollection [`'\"]?(?P<name>[\w.-]{1,120})[`'\"]? (?:doesn\\?'t exist|does not exist|not found)|index_not_found_exception.{0,40}\[(?P<name2>[\w.-]{1,120})\]|no such index \[(?P<name3>[\w.-]{1,120})\]|ns (?:does not exist|not found)|NamespaceNotFound", "the collection or index {name} does not exist on the server"),
        (r"[Nn]o such (?:collection|keyspace|bucket|stream)[: ]+[`'\"]?(?P<name>[\w.-]{1,120})|[Kk]eyspace '?(?P<name2>[\w.-]{1,80})'? does not exist|unconfigured table (?P<name3>[\w.-]{1,80})", "the collection, keyspace or stream {name} does not exist on the server"),
    ),
    *rows(
        "app.data.incompatible", 0.72,
        (r"[Vv]ector dimension error|[Dd]imension(?:s|ality)? (?:mismatch|\d{1,6} does not match|of .{0,60} (?:does not|doesn't) match)|expected dim(?:ension)?:? ?\d{1,6},? (?:but )?got|different vector dimensions \d{1,6} and \d{1,6}|expected \d{1,6} dimensions, not \d{1,6}", "the vectors it sends have another dimension than the collection's (the embedding model was changed)"),
    ),
    *rows(
        "app.data.poison", 0.75,
        (r"RecordDeserializationException|[Ee]rror deserializing (?:key/value|VALUE|KEY|message) for partition \S{1,120} at offset \d{1,20}", "a message it cannot deserialize stops the consumer: it reads the same offset again and again"),
        (r"(?:[Cc]ould not|[Cc]annot|[Cc]an't|[Ff]ailed to|[Uu]nable to|[Ee]rror) (?:deserialize|deserializing|decode|decoding|unmarshal|parse) (?:the )?(?:kafka |queue |avro )?(?:message|record|event|payload)\b.{0,80}(?:offset|partition|delivery|queue)|InvalidProtocolBufferException|SerializationException: Unknown magic byte|poison (?:pill|message)", "a message it cannot deserialize stops the consumer"),
    ),
    *rows(
        "app.data.poison", 0.75,
        (r"OffsetOutOfRange|OFFSET_OUT_OF_RANGE|[Oo]ffset (?P<name>\d{1,20}) is out of range", "the offset it wants to read is gone (out of range), and no reset policy tells it where to go on"),
    ),
    *rows(
        "app.dependency.wrong_scheme", 0.75,
        (r"server gave HTTP response to HTTPS client|first record does not look like a TLS handshake|SSL routines.{0,60}wrong version number|ERR_SSL_WRONG_VERSION_NUMBER|\[SSL: WRONG_VERSION_NUMBER\]|Unsupported or unrecognized SSL message|packet length too long|InvalidContentType|record layer failure|[Cc]annot determine the frame size or a corrupted frame", "it speaks TLS (https) to a port that answers in plain text"),
        (r"[Cc]lient sent an HTTP request to an HTTPS server|[Tt]he plain HTTP request was sent to HTTPS port|malformed HTTP (?:response|status).{0,20}\\x15\\x03|server requires (?:TLS|SSL)|SSL is required|SSL connection is required", "it speaks plain text to a port that wants TLS (https)"),
    ),
    *rows(
        "app.capacity.exhausted", 0.72,
        (r"server reached pm\.max_children|(?P<name>\d{1,6}) worker_connections are not enough|server reached MaxRequestWorkers|listen queue of socket .{0,60}is full|uWSGI listen queue", "its workers or connections are all busy: the server's own limit is reached"),
        (r"RejectedExecutionException|TaskRejectedException|[Tt]hread ?pool (?:is )?(?:exhausted|full|starv)|ThreadPool is starved|[Nn]o (?:more )?(?:idle|free|available) (?:worker|thread)s?|BulkheadFull|Queue capacity exceeded", "its thread pool is exhausted and its queue is full, so it rejects work"),
        (r"EADDRNOTAVAIL|[Cc]annot assign requested address", "it has no local port left for new connections (cannot assign requested address): connections are not reused"),
    ),
    *rows(
        "app.database.slow", 0.7,
        (r"still waiting for (?:\w{1,30}Lock) on .{0,60} after (?P<name>\d{3,9}(?:\.\d{1,6})?) ms", "transactions wait for each other's locks ({name} ms)"),
        (r"duration: (?P<name>\d{4,9}(?:\.\d{1,6})?) ms\b.{0,20}(?:statement|execute|parse|bind|plan)", "statements take {name} ms: the queries or its disk are slow"),
        (r"# Query_time: (?P<name>\d{1,6}\.\d{1,9})", "statements take {name} s (slow query log)"),
        (r"[Ss]low query.{0,4000}?durationMillis\"?:(?P<name>\d{4,9})", "statements take {name} ms (slow query)"),
        (r"deadlock detected|Deadlock found when trying to get lock|canceling statement due to (?:statement|lock) timeout|Lock wait timeout exceeded|lock timeout", "transactions wait for each other's locks (deadlock, lock timeout)"),
    ),
    *rows(
        "app.memory.gc", 0.7,
        (r"Pause Full \([\w .()]{1,60}\) (?P<name>\d{1,7}[KMG]->\d{1,7}[KMG]\(\d{1,7}[KMG]\)) \d{3,7}\.\d{1,4}ms|\[Full GC \([\w ]{1,40}\).{0,160}(?:\d\.\d{1,9}|\d\d\.\d{1,9}) secs", "it spends its time in full garbage collections: its heap is all but full ({name})"),
        (r"GC overhead limit exceeded|[Dd]etected JVM pause|JvmGcMonitor.{0,60}overhead|JvmPauseMonitor|(?:spent|spending) \[?\d.{0,40} collecting in the last|[Mm]anual (?:full )?GC|garbage collect(?:ion|or).{0,40}took \d{4,}", "it spends its time in garbage collection: its heap is all but full"),
    ),
    *rows(
        "app.clock.skew", 0.6,
        (r"[Tt]oken (?:was )?used before (?:it was )?issued|jwt not active|token is not (?:yet )?valid(?: yet)?\b|(?<!expired or is )not yet valid|[Ii]mmature[Ss]ignature|ImmatureSignatureError|RequestTimeTooSkewed|[Cc]lock skew|time (?:is )?(?:too far|out of sync)", "tokens or certificates are not valid yet: its clock differs from the issuer's (clock skew)"),
    ),
)  # fmt: skip
