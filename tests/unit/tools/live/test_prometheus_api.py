"""Prometheus is asked a few bounded questions, and whatever goes wrong is a sentence in the answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest

from copilot.model import UsageError
from tests.loopback import LoopbackServer
from tools.cluster import prometheus_api
from tools.cluster.prometheus_api import check_url, queries, read_series

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Reply = tuple[int, bytes]


def matrix(**labels: str) -> bytes:
    values = [[NOW.timestamp() - 60, "1"], [NOW.timestamp(), "2.5"]]
    result = [{"metric": labels, "values": values}]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


class Server:
    """A small HTTP server that answers as it is told and keeps what it was asked."""

    def __init__(self, answer: Callable[[str], Reply]) -> None:
        self.answer = answer
        self.asked: list[dict[str, str]] = []
        self.headers: list[str] = []

    @contextmanager
    def running(self) -> Iterator[str]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                asked = {key: values[0] for key, values in parse_qs(parts.query).items()} | {"path": parts.path}
                owner.asked.append(asked)
                owner.headers.append(self.headers.get("Authorization", ""))
                status, body = owner.answer(asked.get("query", ""))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = LoopbackServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def test_the_series_of_each_query_carry_its_metric() -> None:
    server = Server(lambda _: (200, matrix(namespace="shop", pod="web-0", container="web")))
    with server.running() as url:
        read = read_series(url, ("shop",), NOW)
    assert {one.name for one in read.series} == set(queries(("shop",)))
    assert read.notes == ()
    assert read.series[0].labels["pod"] == "web-0"
    assert read.series[0].points[-1] == (NOW.timestamp(), 2.5)
    assert {one["path"] for one in server.asked} == {"/api/v1/query_range"}
    assert {float(one["end"]) - float(one["start"]) for one in server.asked} == {3600.0}


def test_only_the_namespaces_in_scope_are_asked_for_and_no_name_can_change_a_query() -> None:
    hostile = ("shop", 'x"} or vector(1) or a{b="', "..*")
    assert all("vector" not in query and "..*" not in query for query in queries(hostile).values())
    assert any('namespace=~"shop"' in query for query in queries(hostile).values())


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((500, b"no"), "HTTP 500"),
        ((302, b""), "HTTP 302"),
        ((200, b"<html>"), "no JSON"),
        ((200, b"[1,2]"), "no result of a query"),
        ((200, b"[" * 100_000), "no JSON"),
        ((200, b'{"status":"error","error":"query timed out"}'), "no result of a query"),
    ],
)
def test_what_fails_is_a_named_gap(reply: Reply, said: str) -> None:
    with Server(lambda _: reply).running() as url:
        read = read_series(url, None, NOW)
    assert read.series == ()
    assert len(read.notes) == 1
    assert said in read.notes[0]
    assert read.notes[0].startswith("Prometheus at 127.0.0.1:")


def test_one_failing_query_leaves_the_others() -> None:
    server = Server(lambda query: (422, b"") if "istio" in query else (200, matrix(pod="p")))
    with server.running() as url:
        read = read_series(url, None, NOW)
    assert read.series
    assert "2 of 10 queries" in read.notes[0]


def test_nobody_there_is_a_named_gap() -> None:
    with Server(lambda _: (200, b"")).running() as url:
        pass
    assert "gave nothing" in read_series(url, None, NOW).notes[0]


def test_an_answer_too_large_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus_api, "MAX_BYTES", 1_000)
    with Server(lambda _: (200, b"x" * 500_000)).running() as url:
        assert "too large" in read_series(url, None, NOW).notes[0]


def test_when_the_time_is_used_up_nothing_more_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus_api, "ALL_SECONDS", 0.0)
    server = Server(lambda _: (200, matrix()))
    with server.running() as url:
        assert "used up" in read_series(url, None, NOW).notes[0]
    assert server.asked == []


def test_a_password_in_the_address_is_sent_and_never_shown() -> None:
    server = Server(lambda _: (401, b""))
    with server.running() as url:
        read = read_series(url.replace("http://", "http://me:s3cret@"), None, NOW)
    assert server.headers[0].startswith("Basic ")
    assert "s3cret" not in read.notes[0]


@pytest.mark.parametrize("url", ["", "prometheus:9090", "file:///etc/passwd", "ftp://x", "http://"])
def test_only_a_web_address_is_taken(url: str) -> None:
    with pytest.raises(UsageError):
        check_url(url)
