"""Which logs are read, and what happens with those that are not there."""

from __future__ import annotations

from typing import Any

from copilot.model import Resource
from tests.unit.tools.live.api_server import ApiServer, Reply, Request, pod, status
from tools.cluster import live_logs
from tools.cluster.live import LiveSource
from tools.cluster.live_logs import wanted_logs
from tools.cluster.resources import resource
from tools.cluster.source import LogRequest

PATH = "/api/v1/namespaces/shop/pods/web-0/log"
LOG = LogRequest("shop", "web-0", "web")


def text(body: bytes) -> Reply:
    return Reply(body=body, content_type="text/plain")


def test_the_end_of_a_log_is_read(live: LiveSource, server: ApiServer) -> None:
    server.special[PATH] = lambda _: text(b"one\ntwo\n")
    (log,) = live.logs([LOG])
    assert (log.text, log.truncated, log.source) == ("one\ntwo\n", False, "logs/shop/web-0/web.log")
    query = server.seen[-1].query
    assert (query["container"], query["tailLines"]) == ("web", str(live_logs.TAIL_LINES))
    assert "previous" not in query


def test_the_previous_runs_log_is_asked_for(live: LiveSource, server: ApiServer) -> None:
    server.special[PATH] = lambda request: text(b"old\n" if request.query.get("previous") == "true" else b"new\n")
    now, before = live.logs([LOG, LogRequest("shop", "web-0", "web", previous=True)])
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
    (log,) = live.logs([LOG])
    assert log.text.splitlines()[-1].startswith("000999")
    assert log.truncated


def test_bytes_that_are_no_text_are_kept_readable(live: LiveSource, server: ApiServer) -> None:
    server.special[PATH] = lambda _: text(b"caf\xe9 \xff\n")
    assert live.logs([LOG])[0].text == "caf� �\n"


def test_names_cannot_lead_to_another_path(live: LiveSource, server: ApiServer) -> None:
    live.logs([LogRequest("shop", "../../secrets", "web")])
    assert server.paths() == ["/api/v1/namespaces/shop/pods/..%2F..%2Fsecrets/log"]


def troubled(name: str, owner: str = "", **container: Any) -> Resource:
    body = pod(name)
    if owner:
        body["metadata"]["ownerReferences"] = [{"uid": owner}]
    body["status"]["containerStatuses"] = [{"name": "web", "ready": True, "restartCount": 0, **container}]
    return resource({"apiVersion": "v1", "kind": "Pod", **body}, "api")


def test_healthy_containers_logs_are_not_read() -> None:
    assert wanted_logs([troubled("web-0")]) == ()


def test_a_restarted_containers_two_logs_are_read() -> None:
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    last = {"terminated": {"exitCode": 1}}
    assert wanted_logs([troubled("web-0", ready=False, restartCount=3, state=state, lastState=last)]) == (
        LOG,
        LogRequest("shop", "web-0", "web", previous=True),
    )


def test_a_container_that_never_started_has_no_log_to_read() -> None:
    state = {"waiting": {"reason": "ImagePullBackOff"}}
    assert wanted_logs([troubled("web-0", ready=False, state=state)]) == ()


def test_a_running_container_that_is_not_ready_is_read() -> None:
    assert wanted_logs([troubled("web-0", ready=False, state={"running": {}})]) == (LOG,)


def test_a_finished_job_is_read_only_when_it_failed() -> None:
    done = troubled("job", ready=False, state={"terminated": {"exitCode": 0}})
    done.body["status"]["phase"] = "Succeeded"
    failed = troubled("web-0", ready=False, state={"terminated": {"exitCode": 2}})
    assert wanted_logs([done, failed]) == (LOG,)


def test_of_many_equal_replicas_two_are_read() -> None:
    pods = [troubled(f"web-{i}", "rs-1", ready=False, state={"running": {}}) for i in range(50)]
    assert len(wanted_logs(pods)) == 2


def test_the_number_of_logs_is_bounded() -> None:
    pods = [troubled(f"web-{i}", ready=False, restartCount=2, state={"running": {}}) for i in range(500)]
    assert len(wanted_logs(pods)) == live_logs.MAX_REQUESTS


def test_garbage_in_a_status_is_skipped() -> None:
    odd = resource(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "status": {"containerStatuses": [7, {}]}}, "api"
    )
    assert wanted_logs([odd]) == ()
