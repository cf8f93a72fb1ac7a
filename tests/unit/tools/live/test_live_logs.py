"""Which logs are read, and what happens with those that are not there."""

from __future__ import annotations

import pytest

from tests.unit.tools.live.api_server import ApiServer, Reply, Request, status
from tools.cluster import live_logs
from tools.cluster.live import LiveSource
from tools.cluster.source import LogRequest

PATH = "/api/v1/namespaces/shop/pods/web-0/log"
LOG = LogRequest("shop", "web-0", "web")


def text(body: bytes) -> Reply:
    return Reply(body=body, content_type="text/plain")


def test_the_end_of_a_log_is_read(live: LiveSource, server: ApiServer) -> None:
    server.special[PATH] = lambda _: text(b"one\ntwo\n")
    (log,) = live.read_logs([LOG]).logs
    assert (log.text, log.truncated, log.source) == ("one\ntwo\n", False, "logs/shop/web-0/web.log")
    query = server.seen[-1].query
    assert (query["container"], query["tailLines"]) == ("web", str(live_logs.TAIL_LINES))
    assert "previous" not in query


def test_the_previous_runs_log_is_asked_for(live: LiveSource, server: ApiServer) -> None:
    server.special[PATH] = lambda request: text(b"old\n" if request.query.get("previous") == "true" else b"new\n")
    now, before = live.read_logs([LOG, LogRequest("shop", "web-0", "web", previous=True)]).logs
    assert (now.text, before.text, before.previous) == ("new\n", "old\n", True)


def test_a_log_that_is_not_there_is_a_note_and_the_others_are_read(live: LiveSource, server: ApiServer) -> None:
    server.special[PATH] = lambda _: text(b"fine\n")
    server.special["/api/v1/namespaces/shop/pods/web-1/log"] = lambda _: status(400, "container is waiting to start")
    read = live.read_logs([LogRequest("shop", "web-1", "web"), LogRequest("shop", "gone", "web"), LOG])
    assert [log.text for log in read.logs] == ["fine\n"]
    assert read.notes[0] == "The log of shop/web-1 web could not be read: HTTP 400 container is waiting to start"
    assert "HTTP 404" in read.notes[1]


def test_a_kubelets_excuse_is_not_taken_for_a_log(live: LiveSource, server: ApiServer) -> None:
    server.special[PATH] = lambda _: text(b"unable to retrieve container logs for containerd://4f2a")
    read = live.read_logs([LOG])
    assert (read.logs, len(read.notes)) == ((), 1)


def test_a_log_that_fills_the_limit_is_asked_for_again_with_its_newest_lines(
    live: LiveSource, server: ApiServer
) -> None:
    def answer(request: Request) -> Reply:
        lines = int(request.query["tailLines"])
        whole = b"".join(b"%06d %s\n" % (number, b"x" * 2000) for number in range(1000 - lines, 1000))
        return text(whole[: int(request.query["limitBytes"])])

    server.special[PATH] = answer
    (log,) = live.read_logs([LOG]).logs
    assert log.text.splitlines()[-1].startswith("000999")
    assert log.truncated


def test_bytes_that_are_no_text_are_kept_readable(live: LiveSource, server: ApiServer) -> None:
    server.special[PATH] = lambda _: text(b"caf\xe9 \xff\n")
    assert live.read_logs([LOG]).logs[0].text == "caf� �\n"


def test_names_cannot_lead_to_another_path(live: LiveSource, server: ApiServer) -> None:
    live.read_logs([LogRequest("shop", "../../secrets", "web")])
    assert server.paths() == ["/api/v1/namespaces/shop/pods/..%2F..%2Fsecrets/log"]


def test_logs_of_nodes_that_do_not_answer_cost_a_bounded_time(
    live: LiveSource, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_logs, "LOG_SECONDS", 0.1)
    monkeypatch.setattr(live_logs, "ALL_LOGS_SECONDS", 0.2)
    requests = [LogRequest("shop", f"web-{number}", "web") for number in range(40)]
    for request in requests:
        server.special[f"/api/v1/namespaces/shop/pods/{request.pod}/log"] = lambda _: Reply(lines=[], hold=True)
    read = live.read_logs(requests)
    assert (read.logs, len(read.notes)) == ((), 40)
    assert "took too long" in read.notes[-1]
    assert len(server.seen) < 40
