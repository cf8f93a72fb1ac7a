"""How clients of many languages say that a name does not resolve, a server refuses, is silent, or has no room. Data only."""

from __future__ import annotations

from copilot.diagnosis.log_pattern import HOST, PORT, rows

# host:port that is no time of day, no source file and line, and not the client's own end of a connection.
ADDRESS = (
    r"(?<![\w./-])(?!\d{4}-\d\d)"
    + HOST
    + r"(?<!\.go)(?<!\.py)(?<!\.js)(?<!\.ts)(?<!\.rs)(?<!\.rb)(?<!\.cs)(?<!\.cc)(?<!\.cpp)(?<!\.java)(?<!\.kt)(?<!\.php)"
    r":" + PORT + r"\b(?!:\d|->)"
)
_SCHEMES = r"(?:https?|postgres(?:ql)?|mysql|redis|amqp|mongodb|kafka|grpc|tcp|jdbc:\w{1,20})://(?:[^@\s/]{1,100}@)?"
_REFUSED = r"(?:[Cc]onnection (?:was )?refused|ECONNREFUSED|actively refused|[Cc]onnect(?:ion)? call failed|\(111\)|errno[:=] ?111)"
_SILENT = r"(?:i/o timeout|[Tt]imed? ?-?out|ETIMEDOUT|[Nn]o route to host|EHOSTUNREACH|[Dd]eadline exceeded|errno[:=] ?110|\(110\))"
_NO_NAME = "the host name {host} does not resolve"
_REFUSES = "{host}:{port} refuses connections (connection refused)"
_NO_ANSWER = "{host}:{port} does not answer (timeout)"

NETWORK_PATTERNS = (
    *rows(
        "app.dependency.unknown_host", 0.75,
        (r"lookup (?!error\b)" + HOST + r"(?: on [\d.:\[\]a-f]+)?: (?:no such host|server misbehaving|Temporary failure|.{0,80}(?:i/o timeout|refused|Try again))", "the host name {host} does not resolve (no such host)"),
        (r"[Cc]ould(?: not|n't) resolve (?:host(?:name)?|proxy|server):? ?[\"']?" + HOST, _NO_NAME),
        (r"[Cc]ould(?: not|n't) resolve:? ?[\"']?" + HOST + r"(?![\w.-]| [A-Za-z])", _NO_NAME),
        (r"could not translate host name \"" + HOST + r"\"", _NO_NAME),
        (r"getaddrinfo (?:ENOTFOUND|EAI_AGAIN) " + HOST, _NO_NAME),
        (r"UnknownHostException:? (?:failed to resolve '|.{0,40}: )?" + HOST, _NO_NAME),
        (r"[Uu]nknown (?:MySQL )?(?:server )?host '?" + HOST, _NO_NAME),
        (r"[Ff]ailed to (?:resolve|lookup)(?: host| address)? ?[\"'`:]? ?[\"'`]?(?!address)" + HOST + r"[\"'`]? ?(?:\(|after|with|:|$)", _NO_NAME),
        (r"(?:bad address|can't resolve|[Hh]ost not found:?|NXDOMAIN|can't find|[Nn]ame does not resolve:?) [\"'`]?(?!in )" + HOST, _NO_NAME),
        (r"host not found in upstream \"" + HOST, _NO_NAME),
        (r"\b" + HOST + r" could not be resolved", _NO_NAME),
        (r"(?:host='|://)(?:[^@\s/]{1,100}@)?" + HOST + r".{0,200}(?:Name or service not known|[Nn]ame resolution|nodename nor servname|Name does not resolve|nxdomain|[Nn]o such host)", _NO_NAME),
        (ADDRESS + r".{0,120}(?:Name or service not known|[Nn]ame resolution|nodename nor servname|nxdomain|[Nn]o such host|not be resolved|DNS resolution failed)", _NO_NAME),
        (r"(?:connect(?:ing)? to|[Hh]ost|DNS resolution failed for) \[?[\"'`]?" + HOST + r"[\"'`]?\]?.{0,80}(?:Name or service not known|[Nn]ame resolution|nodename nor servname|nxdomain|No address associated|could not be resolved)", _NO_NAME),
        (r"DNS resolution failed for [\"']?(?:dns:(?:///)?)?" + HOST, _NO_NAME),
        (r"[Nn]o resolvable bootstrap urls", "no host name of its bootstrap servers resolves"),
        (r"Name or service not known|Temporary failure in name resolution|No address associated with hostname|nodename nor servname|:nxdomain|failed to lookup address information|no servers could be reached|produced zero addresses|[Nn]ame does not resolve", "a host name it uses does not resolve"),
    ),
    *rows(
        "app.dependency.refused", 0.7,
        (r"connection to server at \"" + HOST + r"\"(?: \([\d.a-f:]+\))?, port " + PORT + r" failed: Connection refused", _REFUSES),
        (r"(?:UnableToConnect|SocketFailure|SocketClosed) (?:\([\w, /]{0,60}\) )?on (?:\w{1,60}@)?" + HOST + r":" + PORT, "{host}:{port} cannot be reached (connection failed)"),
        (r"\[thrd:(?:\w{2,20}://)?" + HOST + r":" + PORT + r"/.{0,200}" + _REFUSED, _REFUSES),
        (r"(?:[Ff]ailed to connect to|connect to) " + HOST + r" port " + PORT + r"(?: \(tcp\))?(?: failed)?.{0,40}(?:" + _REFUSED + r"|Couldn't connect)", _REFUSES),
        (r"can't connect to remote host \(" + HOST + r"\): Connection refused", "{host} refuses connections (connection refused)"),
        (r"\b50[234]\b.{0,60}(?:for url:?|from|calling|GET|POST) \"?https?://" + HOST + r"(?::(?P<port>\d{1,5}))?|https?://" + HOST.replace("host", "host2") + r"(?::(?P<port2>\d{1,5}))?\S{0,200}.{0,80}\b50[234] (?:Service Unavailable|Bad Gateway|Gateway Time)", "{host} answers that it is unavailable (HTTP 502, 503 or 504)"),
        (r"(?:[Gg]et|[Pp]ost|[Pp]ut|[Hh]ead|[Pp]atch|[Dd]elete) \"?https?://" + HOST + r"(?::(?P<port>\d{1,5}))?[/\":].{0,200}" + _REFUSED, "{host} refuses connections (connection refused)"),
        (r"upstream: \"(?:\w{2,8}://)?" + HOST + r"(?::(?P<port>\d{1,5}))?[/\"].{0,400}" + _REFUSED + r"|" + _REFUSED + r".{0,400}upstream: \"(?:\w{2,8}://)?(?P<host2>[\w.-]{1,253}):(?P<port2>\d{1,5})", "its upstream refuses connections (connection refused)"),
        (r"[Cc]onnection to " + HOST + r"(?:/[\d.]{7,15})?:" + PORT + r" (?:was )?refused", _REFUSES),
        (r"(?<![\w./-])" + HOST + r"/(?:<unresolved>|[\d.]{7,15}):" + PORT + r".{0,120}(?:" + _REFUSED + r"|could not be established|[Ff]ailed)", _REFUSES),
        (_REFUSED + r".{0,60}?[: ]" + HOST + r"/[\d.]{7,15}:" + PORT, _REFUSES),
        (r"[Cc]an't connect to (?:MySQL|MariaDB) server on '" + HOST + r"(?::(?P<port>\d{1,5}))?'.{0,20}\((?:111|61|Errno 111|10061)", "{host} refuses connections (connection refused)"),
        (r"connecting to " + HOST + r":" + PORT + r"\. " + _REFUSED, _REFUSES),
        (r"(?:ECONNREFUSED|connect call failed) \(?'?" + HOST + r"'?(?::|, )" + PORT, _REFUSES),
        (r"dial tcp " + HOST + r":" + PORT + r": (?:connect: )?connection refused", _REFUSES),
        (r"host='" + HOST + r"', port=" + PORT + r".{0,400}" + _REFUSED, _REFUSES),
        (r"\[" + HOST + r"\]:" + PORT + r".{0,120}" + _REFUSED, _REFUSES),
        (_SCHEMES + HOST + r":" + PORT + r".{0,300}" + _REFUSED, _REFUSES),
        (ADDRESS + r".{0,160}" + _REFUSED, _REFUSES),
        (_REFUSED + r".{0,100}?(?<![\w.-])" + HOST + r"(?::|, port |/)" + PORT + r"\b", _REFUSES),
        (r"(?:[Cc]an't|[Cc]annot|[Cc]ould not|[Uu]nable to) reach (?:\w{1,20} ){0,3}(?:server )?at [`'\"]?" + HOST + r"[`'\"]?:[`'\"]?" + PORT, "{host}:{port} cannot be reached (connection failed)"),
        (r"[Ff]ailed to connect to(?: GCS)?(?: at)?(?: address)? [\"']?" + HOST + r":" + PORT, "{host}:{port} cannot be reached (connection failed)"),
        (r"(?:[Uu]nable|[Ff]ailed|[Cc]annot|[Cc]ould not|[Cc]an't) (?:to )?connect(?:ion)? (?:to|with) (?:\w{1,20} (?:at|on) )?[\"'`]?(?:\w{2,12}://)?" + HOST + r":" + PORT, "{host}:{port} cannot be reached (connection failed)"),
        (r"[Cc]onnection refused|ECONNREFUSED|actively refused", "a server it needs refuses connections (connection refused)"),
        (r"NoBrokersAvailable|[Nn]o reachable servers?\b|Communications link failure|Could not create connection to database server|[Nn]o (?:available|alive) (?:brokers|nodes|servers)|server closed the connection unexpectedly", "the server it needs cannot be reached (connection failed)"),
        (r"upstream connect error or disconnect/reset|no healthy upstream|no_healthy_upstream|UF,URX", "its upstream cannot be reached (no healthy upstream)"),
    ),
    *rows(
        "app.dependency.timeout", 0.65,
        (r"(?:[Ff]ailed to connect to|connect to) " + HOST + r" port " + PORT + r".{0,60}(?:[Tt]ime(?:d )?out|\(tcp\) timed out)", _NO_ANSWER),
        (r"->" + HOST + r":" + PORT + r": .{0,40}" + _SILENT, _NO_ANSWER),
        (r"upstream timed out.{0,400}upstream: \"(?:\w{2,8}://)?" + HOST + r"(?::(?P<port>\d{1,5}))?", "its upstream {host} does not answer (timeout)"),
        (r"[Cc]an't connect to (?:MySQL|MariaDB) server on '" + HOST + r"(?::(?P<port>\d{1,5}))?'.{0,20}\((?:110|60|Errno 110|113)", "{host} does not answer (timeout)"),
        (r"connection to server at \"" + HOST + r"\"(?: \([\d.a-f:]+\))?, port " + PORT + r" failed: (?:Connection timed out|timeout expired|No route)", _NO_ANSWER),
        (r"\[" + HOST + r"\]:" + PORT + r".{0,120}" + _SILENT, _NO_ANSWER),
        (_SILENT + r".{0,100}\(" + HOST + r", " + PORT + r"\)", _NO_ANSWER),
        (r"(?<![\w./-])" + HOST + r"/[\d.]{7,15}:" + PORT + r".{0,160}" + _SILENT, _NO_ANSWER),
        (ADDRESS + r".{0,160}" + _SILENT, _NO_ANSWER),
        (_SILENT + r".{0,100}?(?<![\w./-])" + HOST + r"(?::|, port )" + PORT + r"\b", _NO_ANSWER),
        (r"host='" + HOST + r"', port=" + PORT + r".{0,400}" + _SILENT, _NO_ANSWER),
        (_SCHEMES + HOST + r".{0,200}" + _SILENT, "{host} does not answer (timeout)"),
        (r"[`\"]?host=" + HOST + r" .{0,200}(?:[Tt]imeout|deadline exceeded|timed out)", "{host} does not answer (timeout)"),
        (r"(?:i/o timeout|ETIMEDOUT|[Cc]onnection timed out|[Cc]onnect timeout|[Cc]onnect timed out|[Nn]o route to host|EHOSTUNREACH|upstream request timeout|Timeout during (?:reading|connection|writing) attempt|SocketTimeoutException: |[Rr]ead timed out|connection timeout expired|urlopen error timed out|socket\.timeout: |download timed out|Timeout connecting to server|TLS handshake timeout)", "a server it needs does not answer (timeout)"),
    ),
    *rows(
        "app.dependency.exhausted", 0.75,
        (r"query_wait_timeout|no more connections allowed|pooler error", "the connection pooler has no server connection left in its pool (query_wait_timeout)"),
        server="postgres",
    ),
    *rows(
        "app.dependency.exhausted", 0.75,
        (r"connection pool (?:has been |is |was )?exhausted|(?:connection )?pool (?:is )?(?:exhausted|timed? ?out|empty)|QueuePool limit|[Tt]imeout waiting for (?:a )?(?:idle )?connection from pool|Unable to acquire (?:a )?JDBC Connection|Connection is not available, request timed out|[Tt]imed? ?out (?:fetching|acquiring|waiting for) (?:a )?(?:new )?(?:connection|client)|ResourceRequest timed out|no (?:more )?connections available in pool|PoolTimeout|pool_timeout|WaitQueueTimeoutError|Timeout expired.{0,60}obtaining a connection from the pool", "its connection pool is exhausted"),
    ),
    *rows(
        "app.dependency.exhausted", 0.75,
        (r"[Tt]oo many (?:clients|connections)|remaining connection slots are reserved|[Mm]ax(?:imum)? (?:number of )?(?:client )?connections? (?:reached|exceeded)|max number of clients reached|max_user_connections|exceeded the maximum number of connections", "the database is out of connections (too many clients)"),
        server="any",
    ),
    *rows(
        "app.dependency.read_only", 0.75,
        (r"read-only transaction|database is (?:in )?read[- ]only|READONLY You can't write|--(?:super-)?read-only option|cannot execute \w+ in a read-only|not (?:the )?(?:primary|master|leader) and (?:secondaryOk|slaveOk)=false|NotWritablePrimary", "the database it writes to is read-only"),
    ),
)  # fmt: skip
