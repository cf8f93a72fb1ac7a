"""What applications print is read as the cause a person would name; ordinary lines are read as nothing."""

from __future__ import annotations

import gzip
import itertools
import json
import time

import pytest

from copilot.diagnosis.log_lines import most_telling
from copilot.diagnosis.log_patterns import match_line
from copilot.model import ContainerLog
from tests.shared import shared

LINES = [
    ("dial tcp: lookup orders-db on 10.96.0.10:53: no such host", "app.dependency.unknown_host", {"host": "orders-db"}),
    ("curl: (6) Could not resolve host: api.example.com", "app.dependency.unknown_host", {"host": "api.example.com"}),
    ('psycopg2.OperationalError: could not translate host name "pg" to address', "app.dependency.unknown_host", {"host": "pg"}),
    ("Error: getaddrinfo ENOTFOUND mongo-svc", "app.dependency.unknown_host", {"host": "mongo-svc"}),
    ("java.net.UnknownHostException: kafka-0.kafka", "app.dependency.unknown_host", {"host": "kafka-0.kafka"}),
    ('nginx: [emerg] host not found in upstream "backend" in /etc/nginx/conf.d/default.conf:3', "app.dependency.unknown_host", {"host": "backend"}),
    ("dial tcp 10.96.3.4:5432: connect: connection refused", "app.dependency.refused", {"host": "10.96.3.4", "port": "5432"}),
    ("Error: connect ECONNREFUSED 10.0.0.9:6379", "app.dependency.refused", {"host": "10.0.0.9", "port": "6379"}),
    ('Get "http://payments/": dial tcp 10.96.1.1:80: connect: connection refused', "app.dependency.refused", {"host": "payments"}),
    ("dial tcp 10.96.3.4:5432: i/o timeout", "app.dependency.timeout", {"host": "10.96.3.4", "port": "5432"}),
    ('FATAL:  password authentication failed for user "orders"', "app.credentials.rejected", {"name": "orders"}),
    ("ERROR 1045 (28000): Access denied for user 'shop'@'10.1.1.1' (using password: YES)", "app.credentials.rejected", {"name": "shop"}),
    ("NOAUTH Authentication required.", "app.credentials.rejected", {}),
    ("ModuleNotFoundError: No module named 'torch'", "app.module.missing", {"name": "torch"}),
    ("Error: Cannot find module 'express'", "app.module.missing", {"name": "express"}),
    ("app: error while loading shared libraries: libpq.so.5: cannot open shared object file", "app.module.missing", {"name": "libpq.so.5"}),
    ("app: error while loading shared libraries: libcuda.so.1: cannot open shared object file", "cuda.init", {}),
    ('ERROR:  relation "users" does not exist at character 15', "app.schema.missing", {"name": "users"}),
    ("sqlite3.OperationalError: no such table: jobs", "app.schema.missing", {"name": "jobs"}),
    ("listen tcp :8080: bind: address already in use", "app.port.in_use", {"port": "8080"}),
    ("OSError: [Errno 98] Address already in use: ('0.0.0.0', 9000)", "app.port.in_use", {}),
    ("Error: required environment variable DATABASE_URL is not set", "app.config.missing", {"name": "DATABASE_URL"}),
    ("You must specify POSTGRES_PASSWORD to a non-empty value", "app.config.missing", {"name": "POSTGRES_PASSWORD"}),
    ("KeyError: 'STRIPE_KEY'", "app.config.missing", {"name": "STRIPE_KEY"}),
    ("sh: API_TOKEN: parameter not set", "app.config.missing", {"name": "API_TOKEN"}),
    ("FileNotFoundError: [Errno 2] No such file or directory: '/etc/app/settings.yaml'", "app.config.missing", {"path": "/etc/app/settings.yaml"}),
    ("*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***", "app.config.invalid", {}),
    ('nginx: [emerg] unknown directive "servr" in /etc/nginx/nginx.conf:12', "app.config.invalid", {"path": "/etc/nginx/nginx.conf", "number": "12"}),
    ("yaml: line 4: mapping values are not allowed in this context", "app.config.invalid", {}),
    ("flag provided but not defined: -listn", "app.config.invalid", {}),
    ("FATAL: sorry, too many clients already", "app.dependency.exhausted", {}),
    ("x509: certificate signed by unknown authority", "app.certificate.untrusted", {}),
    ("x509: certificate has expired or is not yet valid", "app.certificate.untrusted", {}),
    ("write /data/wal/0001: no space left on device", "app.disk.full", {}),
    ("mkdir /var/cache: read-only file system", "app.disk.read_only", {}),
    ("open /data/lock: permission denied", "app.permission.denied", {}),
    ("listen tcp :80: bind: permission denied", "app.permission.denied", {}),
    ("java.lang.OutOfMemoryError: Java heap space", "app.memory.exhausted", {"name": "Java heap space"}),
    ("RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB", "cuda.oom", {}),
    ("/bin/sh: 1: gunicorn: not found", "pod.crashloop.exit127", {"name": "gunicorn"}),
    ("/bin/sh: syntax error: unexpected end of file", "pod.exit2.shell_syntax", {}),
    ("exec /app/server: exec format error", "pod.exec.format", {}),
]  # fmt: skip

ORDINARY = [
    "2026/03/01 12:00:00 INFO http: listening on :8080",
    'GET /healthz 200 "kube-probe/1.37"',
    "connected to orders-db:5432",
    "cache warmed: 1042 entries in 3.2s",
    'level=info msg="leader election won" lease=shop/leader',
]


@pytest.mark.parametrize(("line", "cause", "groups"), LINES, ids=[line[:50] for line, _, _ in LINES])
def test_a_failure_line_is_read_as_its_cause(line: str, cause: str, groups: dict[str, str]) -> None:
    match = match_line(line)
    assert match is not None
    assert match.pattern.cause == cause
    assert {name: match.groups.get(name) for name in groups} == groups


@pytest.mark.parametrize("line", ORDINARY)
def test_an_ordinary_line_means_nothing(line: str) -> None:
    assert match_line(line) is None


def test_every_sentence_can_be_filled_from_its_own_groups() -> None:
    for line, _, _ in LINES:
        match = match_line(line)
        assert match is not None
        assert "{" not in match.pattern.sentence.format(**match.groups)


def test_hostile_lines_are_read_in_linear_time() -> None:
    evil = ["a" * 2000, "://" + "a." * 900, "config " * 280, "'" * 2000, "/a" * 1000, "environment variable " * 90]
    started = time.process_time()
    for line in evil * 5:
        match_line(line)
    assert time.process_time() - started < 5  # a quadratic pattern takes minutes on these


def test_the_last_severe_line_is_the_telling_one() -> None:
    text = "INFO start\nERROR first try failed\nFATAL giving up on orders-db\nINFO bye\n"
    line = most_telling(ContainerLog("shop", "web", "main", text))
    assert line == (3, "FATAL giving up on orders-db")


def test_an_empty_log_has_no_telling_line() -> None:
    assert most_telling(ContainerLog("shop", "web", "main", "\n\n")) is None


def test_logs_of_sound_systems_seldom_look_like_failures_of_the_application() -> None:
    with gzip.open(shared("datasets", "loghub", "HealthApp.jsonl.gz"), "rt") as rows:
        lines = [json.loads(row) for row in itertools.islice(rows, 2000)]
    content = [str(row.get("line") or row.get("content") or row.get("Content") or row) for row in lines]
    hits = [line for line in content if match_line(line) is not None]
    assert len(hits) <= len(content) * 0.01
