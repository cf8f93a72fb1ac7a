"""Following a cluster: nothing is missed, nothing is told twice, and closing ends everything."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from copilot.model import CopilotError, ReadState, Snapshot
from retrievers.graph import build_graph
from tests.unit.tools.live.api_server import ApiServer, Reply, Request, pod, status
from tools.cluster import watch as watching
from tools.cluster.discovery_known import ApiKind
from tools.cluster.live import LiveSource
from tools.cluster.live_lists import Lister, ListRequest
from tools.cluster.source import Scope
from tools.cluster.watch import Change, ChangeType, KindWatch, pause

PODS = "/api/v1/pods"
LIST = ListRequest(ApiKind("", "v1", "pods", "Pod", True))


def event(kind: str, body: dict[str, Any], version: str) -> dict[str, Any]:
    return {"type": kind, "object": {**body, "metadata": {**body["metadata"], "resourceVersion": version}}}


def bookmark(version: str) -> dict[str, Any]:
    return {"type": "BOOKMARK", "object": {"kind": "Pod", "metadata": {"resourceVersion": version}}}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(watching, "_LONGEST_PAUSE", 0.002)


class Streams:
    """Answers watches of pods with these streams in turn and then holds; lists are answered as usual."""

    def __init__(self, server: ApiServer, *replies: Reply) -> None:
        self.waiting = list(replies)
        self.versions: list[str] = []
        server.special[PODS] = self

    def __call__(self, request: Request) -> Reply | None:
        if not request.query.get("watch"):
            return None
        assert request.query["allowWatchBookmarks"] == "true"
        self.versions.append(request.query["resourceVersion"])
        return self.waiting.pop(0) if self.waiting else Reply(lines=[], hold=True)


def follow(live: LiveSource, count: int) -> tuple[list[tuple[str, str]], KindWatch]:
    """The first changes of all pods, and the watch that gave them."""
    watch = KindWatch(live.transport, Lister(live.transport).read(LIST))
    return take(watch, count), watch


def take(watch: KindWatch, count: int) -> list[tuple[str, str]]:
    changes: Iterator[Change] = watch.changes()
    found = [(change.type.value, change.resource.ref.name) for _, change in zip(range(count), changes, strict=False)]
    watch.close()
    changes.close()  # type: ignore[attr-defined]
    return found


def test_changes_arrive_as_they_happen(live: LiveSource, server: ApiServer) -> None:
    lines = [
        event("ADDED", pod("web-1"), "1001"),
        event("MODIFIED", pod("web-0"), "1002"),
        event("DELETED", pod("web-1"), "1003"),
    ]
    Streams(server, Reply(lines=lines, hold=True))
    assert follow(live, 3)[0] == [("added", "web-1"), ("modified", "web-0"), ("deleted", "web-1")]


def test_an_event_cut_into_several_chunks_is_one_event(live: LiveSource, server: ApiServer) -> None:
    Streams(server, Reply(lines=[b'{"type":"ADDED","object":{"meta', b'data":{"name":"web-9"}}}\n'], hold=True))
    assert follow(live, 1)[0] == [("added", "web-9")]


def test_a_stream_that_ends_is_resumed_after_the_last_change(live: LiveSource, server: ApiServer) -> None:
    streams = Streams(
        server,
        Reply(lines=[event("ADDED", pod("web-1"), "1001")]),
        Reply(lines=[event("ADDED", pod("web-2"), "1002")], hold=True),
    )
    assert follow(live, 2)[0] == [("added", "web-1"), ("added", "web-2")]
    assert streams.versions == ["1000", "1001"]


def test_a_bookmark_moves_the_place_to_resume_from(live: LiveSource, server: ApiServer) -> None:
    streams = Streams(
        server, Reply(lines=[bookmark("1500")]), Reply(lines=[event("ADDED", pod("web-2"), "1501")], hold=True)
    )
    follow(live, 1)
    assert streams.versions == ["1000", "1500"]


GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}


@pytest.mark.parametrize("gone", [Reply(lines=[GONE]), status(410, "too old resource version")])
def test_after_a_410_the_kind_is_listed_again_and_the_difference_told(
    live: LiveSource, server: ApiServer, gone: Reply
) -> None:
    watch = KindWatch(live.transport, Lister(live.transport).read(LIST))
    changed = pod("web-0")
    changed["metadata"]["resourceVersion"] = "1900"
    remade = pod("coredns", "kube-system")
    remade["metadata"]["uid"] = "another"
    server.objects[PODS] = [changed, remade, pod("new")]
    server.version = "2000"
    streams = Streams(server, gone, Reply(lines=[event("ADDED", pod("last"), "2001")], hold=True))
    assert take(watch, 6) == [
        ("deleted", "ledger"),
        ("modified", "web-0"),
        ("deleted", "coredns"),
        ("added", "coredns"),
        ("added", "new"),
        ("added", "last"),
    ]
    assert (streams.versions, watch.relists) == (["1000", "2000"], 1)


def test_what_the_list_already_showed_is_not_told_again(live: LiveSource, server: ApiServer) -> None:
    lines = [event("ADDED", pod("web-0"), "7"), event("ADDED", pod("fresh"), "1001")]
    Streams(server, Reply(lines=lines, hold=True))
    assert follow(live, 1)[0] == [("added", "fresh")]


@pytest.mark.parametrize(
    "broken",
    [
        Reply(lines=[b"no json\n"]),
        Reply(lines=[b'{"type":"ADDED","object":7}\n']),
        Reply(lines=[{"type": "ERROR", "object": {"code": 500, "message": "etcd"}}]),
        Reply(lines=[]),
        status(500, "boom"),
        status(429, "slow down"),
    ],
)
def test_a_stream_that_fails_is_taken_up_where_it_was(live: LiveSource, server: ApiServer, broken: Reply) -> None:
    streams = Streams(server, broken, broken, Reply(lines=[event("ADDED", pod("web-1"), "1001")], hold=True))
    assert follow(live, 1)[0] == [("added", "web-1")]
    assert streams.versions == ["1000"] * 3


@pytest.mark.parametrize("code", [403, 404, 405])
def test_a_kind_that_may_not_be_watched_ends_with_the_reason(live: LiveSource, server: ApiServer, code: int) -> None:
    Streams(server, status(code, "no"))
    found, watch = follow(live, 1)
    assert (found, watch.ended) == ([], f"pods may not be watched: HTTP {code}")


def test_a_list_that_was_not_read_to_its_end_is_listed_before_it_is_watched(
    live: LiveSource, server: ApiServer
) -> None:
    server.script(PODS, status(500, "boom"))
    listed = Lister(live.transport).read(LIST)
    assert listed.state is ReadState.PARTIAL
    Streams(server)
    assert take(KindWatch(live.transport, listed), 3) == [("added", "web-0"), ("added", "ledger"), ("added", "coredns")]


def test_an_endless_event_is_not_collected_for_ever(
    live: LiveSource, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_MAX_LINE", 1000)
    Streams(server, Reply(lines=[b"x" * 5000]), Reply(lines=[event("ADDED", pod("web-1"), "1001")], hold=True))
    assert follow(live, 1)[0] == [("added", "web-1")]


def test_pauses_double_up_to_a_cap_and_are_never_all_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_FIRST_PAUSE", 0.5)
    monkeypatch.setattr(watching, "_LONGEST_PAUSE", 30.0)
    for failures, longest in ((1, 0.5), (2, 1.0), (5, 8.0), (7, 30.0), (10_000, 30.0)):
        seen = {pause(failures) for _ in range(20)}
        assert all(longest / 2 <= seconds <= longest for seconds in seen)
        assert len(seen) > 1


def test_closing_from_another_thread_interrupts_a_silent_stream(live: LiveSource, server: ApiServer) -> None:
    streams = Streams(server, Reply(lines=[event("ADDED", pod("web-1"), "1001")], hold=True))
    watch = KindWatch(live.transport, Lister(live.transport).read(LIST))
    told = threading.Event()
    thread = threading.Thread(target=lambda: [told.set() for _ in watch.changes()])
    thread.start()
    assert told.wait(10)
    watch.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(streams.versions) == 1


def test_a_graph_is_kept_up_with_the_cluster(live: LiveSource, server: ApiServer) -> None:
    snapshot: Snapshot = live.snapshot(Scope())
    graph = build_graph(snapshot)
    Streams(
        server, Reply(lines=[event("ADDED", pod("web-1"), "1001"), event("DELETED", pod("web-0"), "1002")], hold=True)
    )
    with live.watch() as watch:
        for _ in range(2):
            change = watch.next(10)
            assert change is not None
            if change.type is ChangeType.DELETED:
                graph.remove(change.resource.ref)
            else:
                graph.put(change.resource)
    assert [one.ref.name for one in graph.of_kind("Pod", "shop")] == ["web-1"]


def test_leaving_ends_every_thread(live: LiveSource) -> None:
    live.snapshot(Scope())
    before = threading.active_count()
    with live.watch() as watch:
        assert watch.next(0.05) is None
        assert threading.active_count() > before
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("watch ")]


def test_the_follow_generator_ends_every_thread_when_closed(live: LiveSource, server: ApiServer) -> None:
    live.snapshot(Scope())
    Streams(server, Reply(lines=[event("ADDED", pod("web-1"), "1001")], hold=True))
    changes = live.follow()
    assert next(changes).resource.ref.name == "web-1"
    changes.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("watch ")]


def test_heartbeats_are_not_followed(live: LiveSource, server: ApiServer) -> None:
    server.objects["/apis/coordination.k8s.io/v1/leases"] = [
        {"metadata": {"name": "node-1", "namespace": "kube-node-lease"}}
    ]
    live.snapshot(Scope())
    assert "leases" not in {one.request.kind.plural for one in live.watch().watches}


def test_an_add_on_without_objects_is_not_followed(live: LiveSource, server: ApiServer) -> None:
    server.serve("/apis/example.com/v1/empties", "Empty")
    live.snapshot(Scope())
    plurals = {one.request.kind.plural for one in live.watch().watches}
    assert ("widgets" in plurals, "empties" in plurals) == (True, False)


def test_following_before_a_snapshot_is_an_error(live: LiveSource) -> None:
    with pytest.raises(CopilotError, match="nothing to follow"):
        live.watch()


def test_when_every_watch_has_ended_the_stream_ends(live: LiveSource, server: ApiServer) -> None:
    live.snapshot(Scope())
    for path in list(server.kinds):
        server.refuse(path)
    with live.watch() as watch:
        assert list(watch.changes()) == []
        assert len(watch.ended()) == len(watch.watches)
