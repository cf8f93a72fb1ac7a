"""What applications print when they fail, as data: pattern, the cause it means, and the sentence that names it.

General messages of runtimes, libraries and databases only. Patterns are linear: no nested repetition, bounded gaps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from copilot.diagnosis.log_pattern import PATH, LogMatch, LogPattern, may_matter, rows
from copilot.diagnosis.log_patterns_models import MODEL_PATTERNS
from copilot.diagnosis.log_patterns_network import NETWORK_PATTERNS
from copilot.diagnosis.log_patterns_servers import SERVER_PATTERNS
from copilot.diagnosis.log_patterns_stores import STORE_PATTERNS

# Shapes of several lines, newest last, parted by line ends.
BLOCKS: tuple[LogPattern, ...] = (
    *rows(
        "app.config.invalid", 0.72,
        (r"File \"(?P<path>/[^\"\n]{1,300})\", line (?P<number>\d{1,6})\n[^\n]{0,300}\n[^\n]{0,300}\n(?:Syntax|Indentation|Tab)Error: ", "the program {path} has a syntax error in line {number}"),
    ),
    *rows(
        "app.config.missing", 0.75,
        (r"validation errors? for \w{1,60}\n(?P<name>[A-Za-z_][\w.]{1,80})\n\s+Field required", "the setting {name} is missing (field required)"),
        (r"specify one of the following as an environment variable:\n(?:[^\n]{0,80}\s)?- (?P<name>[A-Z][A-Z0-9_]{2,80})", "none of the environment variables that set its password is given (for example {name})"),
        (r"(?:required|missing)[^\n]{0,80}(?:environment variables?|settings?|config\w{0,10})[^\n]{0,40}:\n\s*[-*] ?(?P<name>[A-Z][A-Z0-9_]{2,80})", "the environment variable {name} is not set"),
    ),
)  # fmt: skip

PATTERNS: tuple[LogPattern, ...] = (
    *MODEL_PATTERNS,
    *SERVER_PATTERNS,
    *rows(
        "app.port.in_use", 0.85,
        (r"(?::|port |\]:)(?P<port>\d{2,5})\b.{0,80}(?:[Aa]ddress already in use|EADDRINUSE)", "port {port} is already in use: address already in use"),
        (r"(?:[Aa]ddress already in use|EADDRINUSE|[Pp]ort is already allocated).{0,80}?[: ](?P<port>\d{2,5})\b", "port {port} is already in use: address already in use"),
        (r"[Pp]ort (?P<port>\d{2,5}) (?:was|is) already in use", "port {port} is already in use: address already in use"),
        (r"[Aa]ddress already in use|EADDRINUSE", "a port it listens on is already in use: address already in use"),
    ),
    *rows(
        "app.module.missing", 0.85,
        (r"(?:ModuleNotFoundError|ImportError): No module named '?(?P<name>[\w.-]{1,120})'?", "Python module {name} is not in the image"),
        (r"ImportError: cannot import name '?(?P<name>[\w.]{1,120})'?", "Python cannot import name {name}: the module in the image is another version"),
        (r"Error: Cannot find (?:module|package) '(?P<name>[^']{1,200})'", "Node module {name} is not in the image"),
        (r"(?:ClassNotFoundException|NoClassDefFoundError): (?P<name>[\w./$-]{1,200})", "Java class {name} is not on the class path"),
        (r"error while loading shared libraries: (?P<name>[\w.+-]{1,120})", "shared library {name} is not in the image"),
        (r"cannot load such file -- (?P<name>[\w./-]{1,200})", "Ruby library {name} is not in the image"),
        (r"Could not find or load main class (?P<name>[\w.$]{1,200})", "Java main class {name} is not in the image"),
    ),
    *rows(
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
    *rows(
        "app.credentials.rejected", 0.8,
        (r"password authentication failed for user \"?(?P<name>[\w.@-]{1,80})", "the database rejected the password of user {name}: wrong credentials"),
        (r"role \"(?P<name>[\w.-]{1,80})\" does not exist", "the database has no role {name}: wrong user in the credentials"),
        (r"Access denied for user '?(?P<name>[\w.@%-]{0,80})", "the database denied access to user {name}: wrong credentials (password or host grant)"),
        (r"NOAUTH Authentication required|NOAUTH|AUTH failed: .{0,60}no password", "the server requires a password and none was sent (NOAUTH: authentication required)"),
        (r"WRONGPASS|invalid username-password pair", "the server rejected the password (WRONGPASS): wrong credentials"),
        (r"LDAP: error code 49|535[ -]5\.7\.\d|[Uu]sername and [Pp]assword not accepted|LDAP Result Code 49|ldap\S{0,40}[^\n]{0,60}[Ii]nvalid [Cc]redentials|nats: (?:Authorization Violation|[Aa]uthentication)|ACCESS_REFUSED|SASL.{0,40}(?:[Aa]uthentication failed|failed)|[Aa]uthentication failed|AuthenticationFailed|Login failed for user", "authentication failed: wrong credentials (user, password or token)"),
    ),
    *rows(
        "app.credentials.rejected", 0.8,
        (r"\b401\b.{0,30}[Uu]nauthorized|[Uu]nauthorized.{0,20}\b401\b|[Ii]nvalid (?:API|api|access) (?:key|token)|InvalidAccessKeyId|SignatureDoesNotMatch|[Tt]oken (?:has )?expired|ExpiredToken", "a server answered 401 Unauthorized: wrong or expired credentials"),
        (r"[Pp]assword (?:is )?(?:incorrect|wrong|invalid)|[Bb]ad credentials|[Ii]nvalid (?:credentials|password)", "the server rejected the credentials (password)"),
        inbound=True,
    ),
    *STORE_PATTERNS,
    *rows(
        "app.config.missing", 0.8,
        (r"(?:[Mm]ust|[Hh]ave to|[Pp]lease|[Nn]eed to) (?:specify|set|provide|define|supply) (?:the )?(?:environment variable |env(?:ironment)? var(?:iable)? )?\$?[\"'`]?(?P<name>[A-Z][A-Z0-9_]{2,80})", "the environment variable {name} is not set"),
        (r"\$?[\"'`]?(?P<name>[A-Z][A-Z0-9]*_[A-Z0-9_]{1,80})[\"'`]? (?:environment variable )?(?:is|was|must be|has) (?:not (?:been )?(?:set|defined|specified|provided|found)|required|missing|unset|empty|undefined|set\b)", "the environment variable {name} is not set"),
        (r"(?:[Ee]nvironment variable|[Ee]nv(?:ironment)? var|variable|setting) [\"'`$]{0,2}(?P<name>[A-Za-z][A-Za-z0-9_.]{1,80})[\"'`]? (?:is|was|must be|not|has|does) ?(?:not (?:been )?(?:set|defined|exist|found)|required|missing|unset|empty|set|found|exist)", "the environment variable {name} is not set"),
        (r"(?:[Mm]issing|[Rr]equired|[Uu]ndefined|[Uu]nset)(?: required| mandatory)? (?:environment variables?|env(?:ironment)? vars?|variables?|settings?|config(?:uration)?(?: keys?| values?)?|key)[: ]{1,2}[\"'`$]{0,2}(?P<name>[A-Za-z][A-Za-z0-9_.]{1,80})", "the setting {name} is missing"),
        (r"required key (?P<name>[A-Z][A-Z0-9_]{2,80}) missing value|[Mm]issing `?\w{2,60}`? .{0,120}\bor (?P<name2>[A-Z][A-Z0-9_]{4,80})\b", "a required environment variable ({name}) is not set"),
        (r"[Cc]ould not resolve placeholder '(?P<name>[\w.-]{1,120})'", "the setting {name} is missing (unresolved placeholder)"),
        (r"[Tt]he (?P<name>[A-Z][A-Z0-9_]{2,80}) (?:setting|config(?:uration)?|env(?:ironment)? var(?:iable)?) (?:must not be empty|is required|must be)", "the setting {name} is missing"),
        (r"[Nn]o (?P<name>[A-Z][A-Z0-9]*_[A-Z0-9_]{1,80}) (?:provided|given|found|set|specified|configured)|(?P<name2>[A-Z][A-Z0-9]*_[A-Z0-9_]{1,80}) not (?:set|provided|found|defined|configured)", "the environment variable {name} is not set"),
        (r"ConfigException: Missing required configuration \"(?P<name>[\w.]{1,100})\"", "the setting {name} is missing"),
        (r"KeyError: '(?P<name>[A-Z][A-Z0-9_]{2,80})'", "the environment variable {name} is not set (KeyError)"),
        (r"(?P<name>[A-Z][A-Z0-9_]{2,80}): (?:parameter (?:null or )?not set|unbound variable|[Mm]ust be set)", "the environment variable {name} is not set"),
        (r"[Nn]o such file or directory.{0,20}: '?" + PATH, "the file {path} does not exist in the container"),
        (r"(?:open|stat|read|[Cc]annot (?:open|access|read|find)|[Ff]ailed to (?:open|read|load)|[Cc]ould not (?:open|read|load|find)).{0,40}?" + PATH + r".{0,40}?(?:[Nn]o such file|not found|does not exist)", "the file {path} does not exist in the container"),
        (r"Unable to access jarfile (?P<path>\S{1,200})", "the file {path} does not exist in the container"),
        (r"Missing script: [\"']?(?P<name>[\w:.-]{1,60})", "the npm script {name} is missing from package.json"),
        (r"cannot load certificate(?: key)? \"" + PATH, "the certificate file {path} cannot be read"),
        (r"FileNotFoundError.{0,60}'" + PATH, "the file {path} does not exist in the container"),
    ),
    *rows(
        "app.config.invalid", 0.8,
        (r"[Cc]onfiguration error detected|[Ee]rror in (?:the )?config(?:uration)? file", "the program refuses its configuration as invalid"),
        (r"FATAL CONFIG FILE ERROR", "the server refuses its configuration file"),
        (r"(?:error|[Ff]ailed|parsing|[Pp]arse)[^/]{0,60}\[?[\"']?" + PATH + r"[\"']?:(?P<number>\d{1,6})\]?.{0,20}(?:unknown keyword|syntax|[Ee]rror|unexpected|invalid)", "the server refuses its configuration {path}, line {number}"),
        (r"error initializing configuration '" + PATH + r"'|" + r"(?P<path2>/[^\s:'\"]{1,300}):\d{1,6} - Error during parsing|[Ss]yntax error in file \"(?P<path3>/[^\"]{1,300})\"|configuration file \"(?P<path4>/[^\"]{1,300})\" contains errors", "the server refuses its configuration file"),
        (r"has unknown fields|[Cc]annot find field|INVALID_ARGUMENT.{0,80}(?:bootstrap|static_resources)", "the server refuses its configuration: unknown fields"),
        (r"(?:\[emerg\]|nginx: \[emerg\])(?!.{0,40}host not found).{0,200}? in " + PATH + r":(?P<number>\d+)", "nginx refuses its configuration {path}, line {number}"),
        (r"AH\d{5}: .{0,60}[Ss]yntax error|[Ss]yntax error on line (?P<number>\d+) of " + PATH, "the server refuses its configuration: syntax error"),
        (r"(?:[Ee]rror|[Ff]ailed|[Cc]annot|[Cc]ould not|[Uu]nable to).{0,60}(?:pars(?:e|ing)|load(?:ing)?|read(?:ing)?|unmarshal(?:ling|ing)?|decod(?:e|ing)|validat(?:e|ing)).{0,40}(?:config(?:uration)?|settings|ya?ml|json|toml|properties)", "the program cannot parse its configuration"),
        (r"(?:[Cc]onfig(?:uration)?|[Ss]ettings)(?: file)?.{0,60}(?:is )?(?:invalid|not valid|malformed|[Pp]arse error|[Vv]alidation (?:error|failed))", "the program refuses its configuration as invalid"),
        (r"[Ii]nvalid (?:config(?:uration)?|settings?|value|argument|option|flag)\b.{0,120}", "the program refuses a configuration value as invalid"),
        (r"yaml: (?:line \d+|unmarshal|cannot|mapping|did not)|mapping values are not allowed|YAMLException|yaml\.scanner|JSONDecodeError|toml: |unexpected end of JSON", "a configuration file is not well-formed"),
        (r"[Uu]nknown (?:directive|option|configuration|config|flag|argument|parameter|setting|field|variable)\b.{0,120}|[Uu]nrecognized (?:option|argument|configuration|arguments).{0,80}|flag provided but not defined", "the program does not know an option or setting it is given"),
        (r"invalid literal for (?:int|float)\(\)|strconv\.Parse\w{2,8}: parsing|NumberFormatException|could not convert string to float|invalid (?:int|port|boolean|duration|number) value|bad port number|time: invalid duration|converting '.{0,80}' to type", "a value it is given is not of the type it expects (number, port, duration)"),
        (r"[Ii]nvalid [Cc]onfiguration", "the program refuses its configuration as invalid"),
        (r"unrecognized configuration parameter|invalid value for parameter", "the database refuses a configuration parameter"),
    ),
    *NETWORK_PATTERNS,
    *rows(
        "app.certificate.untrusted", 0.85,
        (r"x509: certificate has expired|certificate (?:has )?expired|CERT_HAS_EXPIRED|CertificateExpired", "a server certificate has expired"),
        (r"x509: certificate signed by unknown authority|unable to verify the first certificate|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT|tlsv1 alert unknown ca|tls: unknown certificate authority|SSLHandshakeException|RemoteCertificateChainErrors|UntrustedRoot|PartialChain|remote certificate is invalid|invalid peer certificate: UnknownIssuer|unable to get local issuer certificate|self[- ]signed certificate|PKIX path building failed|CERTIFICATE_VERIFY_FAILED|certificate verify failed", "a server certificate is not trusted: its certificate authority is unknown to the client"),
        (r"x509: certificate is (?:valid for|not valid for)|x509: cannot validate certificate for|doesn't contain any IP SANs|[Hh]ostname mismatch|doesn't match either of|certificate subject name", "a server certificate is for another host name"),
    ),
    *rows(
        "app.disk.full", 0.85,
        (r"[Nn]o space left on device|ENOSPC|disk (?:quota exceeded|full)|could not extend file", "the disk or volume it writes to is full (no space left on device)"),
    ),
    *rows(
        "app.disk.read_only", 0.85,
        (r"[Rr]ead-only file ?system.{0,20}:? ?'?" + PATH, "{path} is on a read-only file system"),
        (PATH + r".{0,40}[Rr]ead-only file ?system", "{path} is on a read-only file system"),
        (r"[Rr]ead-only file ?system|EROFS", "it writes to a read-only file system"),
    ),
    *rows(
        "app.permission.denied", 0.8,
        (r"ip6?tables.{0,160}(?:[Pp]ermission denied|[Oo]peration not permitted|must be root)", "it may not change network rules: iptables needs root and the capability NET_ADMIN (permission denied)"),
        (r"(?:you must be|[Mm]ust be run as|[Rr]equires|please run (?:it |this )?as) root\b", "it has to run as root, and its container's user is not (permission denied)"),
        (r"bind.{0,60}[Pp]ermission denied|[Pp]ermission denied.{0,60}\bbind|EACCES.{0,60}:(?P<port>\d{1,3})\b", "it may not listen on a port below 1024: permission denied"),
        (r"[Pp]ermission denied[^/]{0,40}" + PATH, "permission denied on {path}: the container's user may not use it"),
        (PATH + r".{0,60}(?:[Pp]ermission denied|EACCES|[Oo]peration not permitted)", "permission denied on {path}: the container's user may not use it, or the file lacks the mode"),
        (r"[Pp]ermission denied|EACCES|[Oo]peration not permitted", "permission denied: the container's user may not do what the program needs"),
    ),
    *rows(
        "app.memory.exhausted", 0.75,
        (r"java\.lang\.OutOfMemoryError: (?P<name>[\w ]{1,60})", "the Java heap is exhausted (OutOfMemoryError: {name})"),
        (r"JavaScript heap out of memory|MemoryError|std::bad_alloc|[Oo]ut of memory|[Cc]annot allocate memory", "the program ran out of memory"),
    ),
    *rows(
        "pod.exit2.shell_syntax", 0.8,
        (r"(?:sh|bash|dash|ash)(?:\[\d+\])?: .{0,80}[Ss]yntax error.{0,100}|-c: line \d+: syntax error", "the inline script has a syntax error"),
    ),
    *rows(
        "pod.crashloop.exit127", 0.85,
        (r"(?:sh|bash|ash|dash)(?:\[\d+\])?: (?:line )?\d*:? ?(?P<name>[\w./-]{1,200}): (?:command )?not found", "the command {name} is not in the image (command not found)"),
        (r"(?P<name>[\w./-]{1,200}): (?:\S{1,80}: )?bad interpreter", "the interpreter of {name} is not in the image (bad interpreter; Windows line ends look the same)"),
        (r"^exec (?P<name>/[\w./-]{1,200}): no such file or directory|exec user process caused.{0,20}no such file", "the command {name} is not in the image, or its interpreter is not (no such file or directory; a script with Windows line ends looks the same)"),
        (r"exec:? \"?(?P<name>[\w./-]{1,200})\"?: (?:executable file )?not found", "the command {name} is not in the image (executable file not found)"),
    ),
    *rows(
        "pod.exec.format", 0.9,
        (r"exec format error", "the image is built for another CPU architecture than the node's (exec format error)"),
    ),
)  # fmt: skip


@lru_cache(maxsize=4096)  # lines of a log repeat, and several rules read the same ones
def match_line(line: str) -> LogMatch | None:
    """The first pattern that fits the line; patterns stand from the most to the least specific cause."""
    if not may_matter(line):
        return None
    return _first(_compiled_lines(), line)


@lru_cache(maxsize=512)
def match_block(lines: str) -> LogMatch | None:
    """The first shape that spans several lines (newest last) and fits."""
    return _first(_compiled_blocks(), lines)


_Compiled = tuple[tuple[LogPattern, re.Pattern[str]], ...]


@cache
def _compiled_lines() -> _Compiled:
    """Compiled at the first line that may matter: most questions read no log, and it takes longer than their answer."""
    return tuple((one, re.compile(one.shape)) for one in PATTERNS)


@cache
def _compiled_blocks() -> _Compiled:
    return tuple((one, re.compile(one.shape)) for one in BLOCKS)


def _first(patterns: Iterable[tuple[LogPattern, re.Pattern[str]]], words: str) -> LogMatch | None:
    for pattern, compiled in patterns:
        if found := compiled.search(words):
            return LogMatch(pattern=pattern, groups=_named(found.groupdict()))
    return None


def _named(groups: Mapping[str, str | None]) -> dict[str, str]:
    """The named groups; `host2` of another branch is the `host`."""
    named: dict[str, str] = {}
    for key, value in groups.items():
        name = key.rstrip("0123456789")
        named[name] = named.get(name) or value or ""
    return named
