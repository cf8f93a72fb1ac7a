"""The tools and client libraries that people use in containers are understood as they print, not as one would wish."""

from __future__ import annotations

import pytest

from copilot.diagnosis.log_lines import spoken
from copilot.diagnosis.log_patterns import match_line

LINES = [
    ("wget: bad address 'api:8080'", "app.dependency.unknown_host", "api"),
    ("wget: can't connect to remote host (10.96.1.1): Connection refused", "app.dependency.refused", "10.96.1.1"),
    (
        "curl: (7) Failed to connect to api port 8081 after 2 ms: Couldn't connect to server",
        "app.dependency.refused",
        "api",
    ),
    ("curl: (7) Failed to connect to api port 8081: Connection refused", "app.dependency.refused", "api"),
    ("curl: (28) Failed to connect to db port 5432 after 5001 ms: Timeout was reached", "app.dependency.timeout", "db"),
    ("curl: (28) Connection timed out after 5001 milliseconds", "app.dependency.timeout", ""),
    ("nc: connect to db port 5433 (tcp) failed: Connection refused", "app.dependency.refused", "db"),
    ('nc: getaddrinfo for host "dbb" port 5432: Name or service not known', "app.dependency.unknown_host", "dbb"),
    (
        'psql: error: connection to server at "db" (10.96.1.1), port 5433 failed: timeout expired',
        "app.dependency.timeout",
        "db",
    ),
    ("Could not connect to Redis at cache:6379: Name or service not known", "app.dependency.unknown_host", "cache"),
    ("Could not connect to Redis at cache:6380: Connection refused", "app.dependency.refused", "cache"),
    (
        "mysqladmin: connect to server at 'db' failed error: 'Can't connect to MySQL server on 'db:3307' (111)'",
        "app.dependency.refused",
        "db",
    ),
    ("telnet: can't connect to remote host (10.96.7.7): Connection refused", "app.dependency.refused", "10.96.7.7"),
    ("wget: download timed out", "app.dependency.timeout", ""),
    ("curl: (60) SSL certificate problem: certificate has expired", "app.certificate.untrusted", ""),
    ("curl: (60) SSL certificate problem: unable to get local issuer certificate", "app.certificate.untrusted", ""),
    ("urllib.error.URLError: <urlopen error [Errno 111] Connection refused>", "app.dependency.refused", ""),
    ("urllib.error.URLError: <urlopen error [Errno -2] Name or service not known>", "app.dependency.unknown_host", ""),
    ("urllib.error.URLError: <urlopen error timed out>", "app.dependency.timeout", ""),
    ("TimeoutError: [Errno 110] Connection timed out", "app.dependency.timeout", ""),
    ("socket.timeout: timed out", "app.dependency.timeout", ""),
    ("ERROR cannot reach orders-db:5432: timed out", "app.dependency.timeout", "orders-db"),
    (
        "redis.exceptions.ConnectionError: Error 111 connecting to cache:6380. Connection refused.",
        "app.dependency.refused",
        "cache",
    ),
    (
        "redis.exceptions.ConnectionError: Error -2 connecting to cachee:6379. Name or service not known.",
        "app.dependency.unknown_host",
        "cachee",
    ),
    ("redis.exceptions.TimeoutError: Timeout connecting to server", "app.dependency.timeout", ""),
    (
        "redis.exceptions.AuthenticationError: invalid username-password pair or user is disabled.",
        "app.credentials.rejected",
        "",
    ),
    (
        "pymongo.errors.ServerSelectionTimeoutError: mongo:27018: [Errno 111] Connection refused (configured timeouts: socketTimeoutMS: 20000.0ms), Timeout: 30s",
        "app.dependency.refused",
        "mongo",
    ),
    (
        "pymongo.errors.OperationFailure: Authentication failed., full error: {'ok': 0.0, 'code': 18}",
        "app.credentials.rejected",
        "",
    ),
    ("kafka.errors.NoBrokersAvailable: NoBrokersAvailable", "app.dependency.refused", ""),
    (
        "[2026-03-01 11:59:01,101] WARN [Producer clientId=p] Connection to node -1 (kafka/10.96.7.7:9093) could not be established. Node may not be available. (org.apache.kafka.clients.NetworkClient)",
        "app.dependency.refused",
        "kafka",
    ),
    (
        "WARN Couldn't resolve server kafkaa:9092 from bootstrap.servers as DNS resolution failed for kafkaa",
        "app.dependency.unknown_host",
        "kafkaa",
    ),
    ("com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure", "app.dependency.refused", ""),
    (
        "java.sql.SQLNonTransientConnectionException: Could not create connection to database server",
        "app.dependency.refused",
        "",
    ),
    (
        'org.postgresql.util.PSQLException: FATAL: password authentication failed for user "app"',
        "app.credentials.rejected",
        "",
    ),
    ('2026-03-01 11:59:01.101 UTC [71] FATAL:  role "app" does not exist', "app.credentials.rejected", ""),
    ('2026-03-01 11:59:01.101 UTC [71] FATAL:  database "orders" does not exist', "app.schema.missing", ""),
    ('npm ERR! Missing script: "start"', "app.config.missing", ""),
    ("sh: can't open '/scripts/run.sh': No such file or directory", "app.config.missing", ""),
    ("/bin/sh: /scripts/run.sh: Permission denied", "app.permission.denied", ""),
    ("bash: /app/start.sh: /bin/bash^M: bad interpreter: No such file or directory", "pod.crashloop.exit127", ""),
    ("python: can't open file '/app/mian.py': [Errno 2] No such file or directory", "app.config.missing", ""),
    ("Error: Unable to access jarfile /app/app.jar", "app.config.missing", ""),
    ("ls: cannot access '/data': Permission denied", "app.permission.denied", ""),
    ("chown: changing ownership of '/var/lib/postgresql/data': Operation not permitted", "app.permission.denied", ""),
    ("fatal: could not create listening socket: Address already in use", "app.port.in_use", ""),
    ("OSError: [Errno 28] No space left on device", "app.disk.full", ""),
    ("dd: error writing '/data/x': No space left on device", "app.disk.full", ""),
    ("x509: certificate is valid for a.example, not b.example", "app.certificate.untrusted", ""),
    ('Get "https://api:6443": net/http: TLS handshake timeout', "app.dependency.timeout", ""),
    (
        'Get "http://10.0.0.1:80": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
        "app.dependency.timeout",
        "",
    ),
    (
        "requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: http://api/x",
        "app.credentials.rejected",
        "",
    ),
    ("HTTPError: 503 Server Error: Service Unavailable for url: http://api:80/x", "app.dependency.refused", ""),
    ('Error: Invalid Configuration: backend "x" not found', "app.config.invalid", ""),
    ("ERROR: for x: invalid int value: 'abc'", "app.config.invalid", ""),
    ("ValueError: invalid literal for int() with base 10: 'abc'", "app.config.invalid", ""),
    ('strconv.ParseInt: parsing "5432a": invalid syntax', "app.config.invalid", ""),
    (
        "envconfig.Process: assigning APP_PORT to Port: converting 'eighty' to type int. details: strconv.ParseInt: parsing \"eighty\": invalid syntax",
        "app.config.invalid",
        "",
    ),
    ("Error: bad port number: 99999", "app.config.invalid", ""),
    (
        'nginx: [emerg] invalid port in upstream "api:80800" in /etc/nginx/conf.d/default.conf:2',
        "app.config.invalid",
        "",
    ),
    (
        'nginx: [emerg] cannot load certificate "/etc/nginx/tls/tls.crt": BIO_new_file() failed (SSL: error:80000002:system library::No such file or directory:calling fopen(/etc/nginx/tls/tls.crt, r))',
        "app.config.missing",
        "",
    ),
    (
        "error parsing config: yaml: unmarshal errors: line 3: cannot unmarshal !!str `abc` into int",
        "app.config.invalid",
        "",
    ),
    ("json.decoder.JSONDecodeError: Expecting ',' delimiter: line 3 column 5 (char 42)", "app.config.invalid", ""),
    ("Unable to load config file /etc/app/config.toml: TOML parse error at line 3, column 5", "app.config.invalid", ""),
]


@pytest.mark.parametrize(("line", "cause", "host"), LINES, ids=[line[:60] for line, _, _ in LINES])
def test_a_client_s_complaint_names_its_cause_and_host(line: str, cause: str, host: str) -> None:
    match = match_line(spoken(line))
    assert match is not None
    assert match.pattern.cause == cause
    assert match.groups.get("host", "") == host or not host


WRAPPED = [
    '{"level":"error","ts":1772366341.1,"msg":"ping failed","error":"dial tcp 10.96.7.7:6379: i/o timeout"}',
    "2026-03-01T11:59:01.101234567Z stderr F dial tcp 10.96.7.7:6379: i/o timeout",
    'ts=2026-03-01T11:59:01Z level=error caller=main.go:41 err="dial tcp 10.96.7.7:6379: i/o timeout"',
    "E0301 11:59:01.101234       1 main.go:41] dial tcp 10.96.7.7:6379: i/o timeout",
    '{"severity":"ERROR","message":"ping: dial tcp 10.96.7.7:6379: i/o timeout","logging.googleapis.com/sourceLocation":{"line":"41"}}',
    '{"level":50,"time":1772366341,"msg":"ping","err":{"type":"Error","message":"dial tcp 10.96.7.7:6379: i/o timeout"}}',
    "[2026-03-01 11:59:01,101] ERROR main.py:12 read tcp 10.244.1.20:40001->10.96.7.7:6379: i/o timeout",
]


@pytest.mark.parametrize("line", WRAPPED)
def test_the_wrapping_of_a_line_does_not_hide_or_change_its_address(line: str) -> None:
    match = match_line(spoken(line))
    assert match is not None
    assert (match.pattern.cause, match.groups["host"], match.groups["port"]) == (
        "app.dependency.timeout",
        "10.96.7.7",
        "6379",
    )
