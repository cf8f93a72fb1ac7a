"""What applications print when they fail, as data: pattern, the cause it means, and the sentence that names it.

General messages of runtimes, libraries and databases only. Patterns are linear: no nested repetition, bounded gaps.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec


class LogPattern(msgspec.Struct, frozen=True):
    """One message shape. `sentence` is formatted with the named groups; `{line}` is the whole line."""

    cause: str
    pattern: re.Pattern[str]
    sentence: str
    weight: float = 0.75


class LogMatch(msgspec.Struct, frozen=True):
    """A line that fits a pattern, with its named groups."""

    pattern: LogPattern
    groups: Mapping[str, str]


_HOST = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?)"
_PORT = r"(?P<port>\d{1,5})"
_NAME = r"[\"'`]?(?P<name>[A-Za-z_][A-Za-z0-9_.-]{0,120})[\"'`]?"
_PATH = r"(?P<path>/[^\s:'\"]{1,300})"


def _rows(cause: str, weight: float, *rows: tuple[str, str]) -> tuple[LogPattern, ...]:
    return tuple(LogPattern(cause, re.compile(pattern), sentence, weight) for pattern, sentence in rows)


PATTERNS: tuple[LogPattern, ...] = (
    *_rows(
        "app.port.in_use", 0.85,
        (r"(?::|port |\]:)(?P<port>\d{2,5})\b.{0,80}(?:[Aa]ddress already in use|EADDRINUSE)", "port {port} is already in use: address already in use"),
        (r"(?:[Aa]ddress already in use|EADDRINUSE|[Pp]ort is already allocated).{0,80}?[: ](?P<port>\d{2,5})\b", "port {port} is already in use: address already in use"),
        (r"[Pp]ort (?P<port>\d{2,5}) (?:was|is) already in use", "port {port} is already in use: address already in use"),
        (r"[Aa]ddress already in use|EADDRINUSE", "a port it listens on is already in use: address already in use"),
    ),
    *_rows(
        "app.module.missing", 0.85,
        (r"(?:ModuleNotFoundError|ImportError): No module named '?(?P<name>[\w.-]{1,120})'?", "Python module {name} is not in the image"),
        (r"ImportError: cannot import name '?(?P<name>[\w.]{1,120})'?", "Python cannot import name {name}: the module in the image is another version"),
        (r"Error: Cannot find (?:module|package) '(?P<name>[^']{1,200})'", "Node module {name} is not in the image"),
        (r"(?:ClassNotFoundException|NoClassDefFoundError): (?P<name>[\w./$-]{1,200})", "Java class {name} is not on the class path"),
        (r"error while loading shared libraries: (?P<name>[\w.+-]{1,120})", "shared library {name} is not in the image"),
        (r"cannot load such file -- (?P<name>[\w./-]{1,200})", "Ruby library {name} is not in the image"),
        (r"Could not find or load main class (?P<name>[\w.$]{1,200})", "Java main class {name} is not in the image"),
    ),
    *_rows(
        "app.schema.missing", 0.8,
        (r"relation \"(?P<name>[\w.]{1,120})\" does not exist", "the SQL relation {name} does not exist: the schema was not migrated, or the migration is wrong"),
        (r"column \"?(?P<name>[\w.]{1,120})\"? (?:of relation \S{1,80} )?does not exist", "the SQL column {name} does not exist: schema and code are of different versions"),
        (r"Table '(?P<name>[\w.]{1,160})' doesn't exist", "the SQL table {name} does not exist"),
        (r"no such table: (?P<name>[\w.]{1,120})", "the SQL table {name} does not exist"),
        (r"Unknown column '(?P<name>[\w.]{1,120})'", "the SQL column {name} does not exist"),
        (r"(?:FATAL|ERROR).{0,40}database \"(?P<name>[\w.-]{1,120})\" does not exist", "database {name} does not exist on the server"),
        (r"Unknown database '(?P<name>[\w.-]{1,120})'", "database {name} does not exist on the server"),
        (r"bucket (?P<name>\S{1,100}) does not exist|NoSuchBucket", "the storage bucket it uses does not exist"),
    ),
    *_rows(
        "app.credentials.rejected", 0.8,
        (r"password authentication failed for user \"?(?P<name>[\w.@-]{1,80})", "the database rejected the password of user {name}: wrong credentials"),
        (r"role \"(?P<name>[\w.-]{1,80})\" does not exist", "the database has no role {name}: wrong user in the credentials"),
        (r"Access denied for user '?(?P<name>[\w.@%-]{0,80})", "the database denied access to user {name}: wrong credentials (password or host grant)"),
        (r"NOAUTH Authentication required|NOAUTH|AUTH failed: .{0,60}no password", "the server requires a password and none was sent (NOAUTH: authentication required)"),
        (r"WRONGPASS|invalid username-password pair", "the server rejected the password (WRONGPASS): wrong credentials"),
        (r"ACCESS_REFUSED|SASL.{0,40}(?:[Aa]uthentication failed|failed)|[Aa]uthentication failed|AuthenticationFailed|Login failed for user", "authentication failed: wrong credentials (user, password or token)"),
        (r"\b401\b.{0,30}[Uu]nauthorized|[Uu]nauthorized.{0,20}\b401\b|[Ii]nvalid (?:API|api|access) (?:key|token)|InvalidAccessKeyId|SignatureDoesNotMatch|[Tt]oken (?:has )?expired|ExpiredToken", "a server answered 401 Unauthorized: wrong or expired credentials"),
        (r"[Pp]assword (?:is )?(?:incorrect|wrong|invalid)|[Bb]ad credentials|[Ii]nvalid (?:credentials|password)", "the server rejected the credentials (password)"),
    ),
    *_rows(
        "app.config.missing", 0.8,
        (r"(?:[Mm]ust|[Hh]ave to|[Pp]lease|[Nn]eed to) (?:specify|set|provide|define|supply) (?:the )?(?:environment variable |env(?:ironment)? var(?:iable)? )?\$?[\"'`]?(?P<name>[A-Z][A-Z0-9_]{2,80})", "the environment variable {name} is not set"),
        (r"\$?[\"'`]?(?P<name>[A-Z][A-Z0-9]*_[A-Z0-9_]{1,80})[\"'`]? (?:environment variable )?(?:is|was|must be|has) (?:not (?:been )?(?:set|defined|specified|provided|found)|required|missing|unset|empty|undefined|set\b)", "the environment variable {name} is not set"),
        (r"(?:[Ee]nvironment variable|[Ee]nv(?:ironment)? var|variable|setting) [\"'`$]{0,2}(?P<name>[A-Za-z][A-Za-z0-9_.]{1,80})[\"'`]? (?:is|was|must be|not|has|does) ?(?:not (?:been )?(?:set|defined|exist|found)|required|missing|unset|empty|set|found|exist)", "the environment variable {name} is not set"),
        (r"(?:[Mm]issing|[Rr]equired|[Uu]ndefined|[Uu]nset)(?: required| mandatory)? (?:environment variables?|env(?:ironment)? vars?|variables?|settings?|config(?:uration)?(?: keys?| values?)?|key)[: ]{1,2}[\"'`$]{0,2}(?P<name>[A-Za-z][A-Za-z0-9_.]{1,80})", "the setting {name} is missing"),
        (r"KeyError: '(?P<name>[A-Z][A-Z0-9_]{2,80})'", "the environment variable {name} is not set (KeyError)"),
        (r"(?P<name>[A-Z][A-Z0-9_]{2,80}): (?:parameter (?:null or )?not set|unbound variable|[Mm]ust be set)", "the environment variable {name} is not set"),
        (r"[Nn]o such file or directory.{0,20}: '?" + _PATH, "the file {path} does not exist in the container"),
        (r"(?:open|stat|read|[Cc]annot (?:open|access|read|find)|[Ff]ailed to (?:open|read|load)|[Cc]ould not (?:open|read|load|find)).{0,40}?" + _PATH + r".{0,40}?(?:[Nn]o such file|not found|does not exist)", "the file {path} does not exist in the container"),
        (r"FileNotFoundError.{0,60}'" + _PATH, "the file {path} does not exist in the container"),
    ),
    *_rows(
        "app.config.invalid", 0.8,
        (r"FATAL CONFIG FILE ERROR", "the server refuses its configuration file"),
        (r"(?:\[emerg\]|nginx: \[emerg\]).{0,200}? in " + _PATH + r":(?P<number>\d+)", "nginx refuses its configuration {path}, line {number}"),
        (r"AH\d{5}: .{0,60}[Ss]yntax error|[Ss]yntax error on line (?P<number>\d+) of " + _PATH, "the server refuses its configuration: syntax error"),
        (r"(?:[Ee]rror|[Ff]ailed|[Cc]annot|[Cc]ould not|[Uu]nable to).{0,60}(?:pars(?:e|ing)|load(?:ing)?|read(?:ing)?|unmarshal(?:ling|ing)?|decod(?:e|ing)|validat(?:e|ing)).{0,40}(?:config(?:uration)?|settings|ya?ml|json|toml|properties)", "the program cannot parse its configuration"),
        (r"(?:[Cc]onfig(?:uration)?|[Ss]ettings)(?: file)?.{0,60}(?:is )?(?:invalid|not valid|malformed|[Pp]arse error|[Vv]alidation (?:error|failed))", "the program refuses its configuration as invalid"),
        (r"[Ii]nvalid (?:config(?:uration)?|settings?|value|argument|option|flag)\b.{0,120}", "the program refuses a configuration value as invalid"),
        (r"yaml: (?:line \d+|unmarshal|cannot|mapping|did not)|mapping values are not allowed|YAMLException|yaml\.scanner|JSONDecodeError|toml: |unexpected end of JSON", "a configuration file is not well-formed"),
        (r"[Uu]nknown (?:directive|option|configuration|config|flag|argument|parameter|setting|field|variable)\b.{0,120}|[Uu]nrecognized (?:option|argument|configuration|arguments).{0,80}|flag provided but not defined", "the program does not know an option or setting it is given"),
        (r"unrecognized configuration parameter|invalid value for parameter", "the database refuses a configuration parameter"),
    ),
    *_rows(
        "app.dependency.unknown_host", 0.8,
        (r"lookup " + _HOST + r"(?: on [\d.:\[\]a-f]+)?: (?:no such host|server misbehaving|Temporary failure)", "the host name {host} does not resolve (no such host)"),
        (r"[Cc]ould not resolve (?:host|hostname|proxy)?:? ?[\"']?" + _HOST, "the host name {host} does not resolve"),
        (r"could not translate host name \"" + _HOST + r"\"", "the host name {host} does not resolve"),
        (r"getaddrinfo (?:ENOTFOUND|EAI_AGAIN) " + _HOST, "the host name {host} does not resolve"),
        (r"UnknownHostException:? " + _HOST, "the host name {host} does not resolve"),
        (r"[Uu]nknown (?:MySQL server )?host '?" + _HOST, "the host name {host} does not resolve"),
        (r"(?:bad address|can't resolve|[Hh]ost not found:?|NXDOMAIN|no servers could be reached|[Nn]ame does not resolve:?) '?" + _HOST, "the host name {host} does not resolve"),
        (r"host not found in upstream \"" + _HOST, "the host name {host} does not resolve"),
        (r"(?:host='|://)" + _HOST + r".{0,200}(?:Name or service not known|[Nn]ame resolution|nodename nor servname|Name does not resolve)", "the host name {host} does not resolve"),
        (r"Name or service not known|Temporary failure in name resolution|No address associated with hostname|nodename nor servname", "a host name it uses does not resolve"),
    ),
    *_rows(
        "app.dependency.refused", 0.7,
        (r"connection to server at \"" + _HOST + r"\"(?: \([\d.a-f:]+\))?, port " + _PORT + r" failed: Connection refused", "{host}:{port} refuses connections (connection refused)"),
        (r"(?:[Gg]et|[Pp]ost|[Pp]ut|[Hh]ead) \"?https?://" + _HOST + r"(?::(?P<port>\d{1,5}))?[/\"].{0,200}[Cc]onnection refused", "{host} refuses connections (connection refused)"),
        (r"(?:upstream|server|broker|host|to|at) \"?" + _HOST + r":" + _PORT + r"\b.{0,160}(?:[Cc]onnection refused|ECONNREFUSED)", "{host}:{port} refuses connections (connection refused)"),
        (r"ECONNREFUSED " + _HOST + r":" + _PORT, "{host}:{port} refuses connections (connection refused)"),
        (r"dial tcp " + _HOST + r":" + _PORT + r": (?:connect: )?connection refused", "{host}:{port} refuses connections (connection refused)"),
        (r"host='" + _HOST + r"', port=" + _PORT + r".{0,300}[Cc]onnection refused", "{host}:{port} refuses connections (connection refused)"),
        (r"" + _HOST + r":" + _PORT + r"\b.{0,120}(?:[Cc]onnection refused|ECONNREFUSED)", "{host}:{port} refuses connections (connection refused)"),
        (r"(?:[Cc]onnection refused|ECONNREFUSED).{0,100}?" + _HOST + r"(?::|, port |/)" + _PORT, "{host}:{port} refuses connections (connection refused)"),
        (r"[Cc]onnection refused|ECONNREFUSED", "a server it needs refuses connections (connection refused)"),
    ),
    *_rows(
        "app.dependency.timeout", 0.65,
        (r"" + _HOST + r":" + _PORT + r"\b.{0,160}(?:i/o timeout|[Tt]imed? ?out|ETIMEDOUT|[Nn]o route to host|EHOSTUNREACH|context deadline exceeded)", "{host}:{port} does not answer (timeout)"),
        (r"(?:https?|postgres(?:ql)?|mysql|redis|amqp|mongodb|kafka)://(?:[^@\s/]{1,100}@)?" + _HOST + r".{0,200}(?:i/o timeout|[Tt]imed? ?out|context deadline exceeded|[Nn]o route to host)", "{host} does not answer (timeout)"),
        (r"(?:i/o timeout|ETIMEDOUT|[Cc]onnection timed out|[Cc]onnect timeout|[Nn]o route to host|EHOSTUNREACH)", "a server it needs does not answer (timeout)"),
    ),
    *_rows(
        "app.dependency.exhausted", 0.75,
        (r"too many (?:clients|connections)|remaining connection slots are reserved|[Mm]ax(?:imum)? (?:number of )?connections? (?:reached|exceeded)|max number of clients reached", "the database is out of connections (too many clients)"),
        (r"(?:connection )?pool (?:is )?(?:exhausted|timed? ?out)|QueuePool limit|[Tt]imeout waiting for (?:a )?(?:idle )?connection from pool|Unable to acquire JDBC Connection", "its connection pool is exhausted"),
        (r"read-only transaction|database is (?:in )?read[- ]only|READONLY You can't write|--read-only option|cannot execute \w+ in a read-only", "the database is read-only"),
    ),
    *_rows(
        "app.certificate.untrusted", 0.85,
        (r"x509: certificate has expired|certificate (?:has )?expired|CERT_HAS_EXPIRED|CertificateExpired", "a server certificate has expired"),
        (r"x509: certificate signed by unknown authority|unable to get local issuer certificate|self[- ]signed certificate|PKIX path building failed|CERTIFICATE_VERIFY_FAILED|certificate verify failed", "a server certificate is not trusted: its certificate authority is unknown to the client"),
        (r"x509: certificate is (?:valid for|not valid for)|[Hh]ostname mismatch|doesn't match either of|certificate subject name", "a server certificate is for another host name"),
    ),
    *_rows(
        "app.disk.full", 0.85,
        (r"[Nn]o space left on device|ENOSPC|disk (?:quota exceeded|full)|could not extend file", "the disk or volume it writes to is full (no space left on device)"),
    ),
    *_rows(
        "app.disk.read_only", 0.85,
        (r"[Rr]ead-only file ?system.{0,20}:? ?'?" + _PATH, "{path} is on a read-only file system"),
        (_PATH + r".{0,40}[Rr]ead-only file ?system", "{path} is on a read-only file system"),
        (r"[Rr]ead-only file ?system|EROFS", "it writes to a read-only file system"),
    ),
    *_rows(
        "app.permission.denied", 0.8,
        (r"bind.{0,60}[Pp]ermission denied|[Pp]ermission denied.{0,60}\bbind|EACCES.{0,60}:(?P<port>\d{1,3})\b", "it may not listen on a port below 1024: permission denied"),
        (r"[Pp]ermission denied[^/]{0,40}" + _PATH, "permission denied on {path}: the container's user may not use it"),
        (_PATH + r".{0,60}(?:[Pp]ermission denied|EACCES|[Oo]peration not permitted)", "permission denied on {path}: the container's user may not use it, or the file lacks the mode"),
        (r"[Pp]ermission denied|EACCES|[Oo]peration not permitted", "permission denied: the container's user may not do what the program needs"),
    ),
    *_rows(
        "app.memory.exhausted", 0.75,
        (r"java\.lang\.OutOfMemoryError: (?P<name>[\w ]{1,60})", "the Java heap is exhausted (OutOfMemoryError: {name})"),
        (r"CUDA out of memory|OutOfMemoryError: CUDA|CUDA_ERROR_OUT_OF_MEMORY", "the GPU's memory is exhausted (CUDA out of memory)"),
        (r"JavaScript heap out of memory|MemoryError|std::bad_alloc|[Oo]ut of memory|[Cc]annot allocate memory", "the program ran out of memory"),
    ),
    *_rows(
        "pod.exit2.shell_syntax", 0.8,
        (r"(?:sh|bash|dash|ash)(?:\[\d+\])?: .{0,80}[Ss]yntax error.{0,100}|-c: line \d+: syntax error", "the inline script has a syntax error"),
    ),
    *_rows(
        "pod.crashloop.exit127", 0.85,
        (r"(?:sh|bash|ash|dash)(?:\[\d+\])?: (?:line )?\d*:? ?(?P<name>[\w./-]{1,200}): (?:command )?not found", "the command {name} is not in the image (command not found)"),
        (r"exec:? \"?(?P<name>[\w./-]{1,200})\"?: (?:executable file )?not found", "the command {name} is not in the image (executable file not found)"),
    ),
    *_rows(
        "pod.exec.format", 0.9,
        (r"exec format error", "the image is built for another CPU architecture than the node's (exec format error)"),
    ),
)  # fmt: skip


def match_line(line: str) -> LogMatch | None:
    """The first pattern that fits the line; patterns stand from the most to the least specific cause."""
    for pattern in PATTERNS:
        if found := pattern.pattern.search(line):
            groups = {name: value or "" for name, value in found.groupdict().items()}
            return LogMatch(pattern=pattern, groups=groups)
    return None
