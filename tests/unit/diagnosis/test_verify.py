"""The verification pass looks for evidence against an answer, says what it found, and only ever lowers confidence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.diagnosis import diagnose
from copilot.diagnosis.catalogue import CAUSES
from copilot.diagnosis.document import document
from copilot.diagnosis.verify import against, verify
from copilot.diagnosis.view import View
from copilot.model import Coverage, Evidence, GapKind, Reading, ReadState, Ref, RootCause, Snapshot
from copilot.model.moment import parse_time
from retrievers.graph import build_graph
from tests.unit.diagnosis import test_unseen
from tests.unit.diagnosis.cluster import Cluster, ago, condition, ref
from tests.unit.diagnosis.unseen import SITUATIONS

_ = test_unseen  # importing it declares the situations


def answer(cause: str, blamed: str, *hurt: str, confidence: float = 0.9, since: float | None = None, evidence: tuple[Evidence, ...] = ()) -> RootCause:  # fmt: skip
    kind, _, path = blamed.partition(" ")
    affected = tuple(ref(*one.split(" ", 1)) for one in hurt)
    began = None if since is None else parse_time(ago(since))
    return RootCause(1, cause, "t", ref(kind, path), confidence, evidence, affected=affected, since=began)


def doubts(cluster: Cluster, cause: RootCause) -> str:
    return " | ".join(against(View(build_graph(cluster.snapshot())), cause, [cause], CAUSES))


def crashing(
    cluster: Cluster, name: str, node: str, *, age: float = 3600, labels: dict[str, str] | None = None
) -> Cluster:
    status = {
        "conditions": [condition("Ready", "False", since=age - 100)],
        "containerStatuses": [{"name": "main", "ready": False, "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                               "lastState": {"terminated": {"exitCode": 1, "finishedAt": ago(60)}}}],
    }  # fmt: skip
    return cluster.pod(name, owner=("ReplicaSet", "web-abc"), node=node, status=status, age=age, labels=labels)


def test_a_victim_that_fails_where_the_culprit_is_not_is_held_against_it() -> None:
    cluster = Cluster().node("n1").node("n2").deployment("web", replicas=2, have=2)
    crashing(crashing(cluster, "web-abc-1", "n1"), "web-abc-2", "n2")
    cause = answer("node.unknown", "Node n1", "Pod shop/web-abc-1")
    assert "web-abc-2 of the same Deployment fails too" in doubts(cluster, cause)
    other = answer("node.unknown", "Node n1", "Pod shop/web-abc-1", "Pod shop/web-abc-2")
    assert doubts(cluster, other) == ""


def test_a_newer_pod_of_the_same_revision_that_is_ready_is_held_against_a_shared_culprit() -> None:
    cluster = Cluster().node("n1").deployment("web", replicas=2, have=2)
    same = {"pod-template-hash": "abc"}
    crashing(cluster, "web-abc-1", "n1", labels=same)
    cluster.pod("web-abc-2", owner=("ReplicaSet", "web-abc"), node="n1", age=600, labels=same)
    cause = answer("pod.create.configmap_missing", "ConfigMap shop/settings", "Pod shop/web-abc-1")
    assert "web-abc-2 of the same revision was made later and is ready" in doubts(cluster, cause)


def test_what_was_ill_before_the_culprit_is_held_against_it() -> None:
    cluster = (
        Cluster().node("n1", conditions=[condition("Ready", "False", since=300)]).deployment("web", replicas=1, have=1)
    )
    crashing(cluster, "web-abc-1", "n1")
    assert "before Node n1 was" in doubts(cluster, answer("node.unknown", "Node n1", "Pod shop/web-abc-1"))


def test_a_culprit_that_has_recovered_is_held_against_it() -> None:
    cluster = Cluster().node("n1", conditions=[condition("Ready", "True", since=300)])
    assert "reports itself well again" in doubts(cluster, answer("node.unknown", "Node n1", since=900))
    assert doubts(cluster, answer("node.unknown", "Node n1", since=100)) == ""


def test_events_older_than_the_last_good_state_are_held_against_it() -> None:
    cluster = Cluster().node("n1").deployment("web", replicas=1, have=1, ready=1)
    cluster.pod("web-abc-1", owner=("ReplicaSet", "web-abc"), node="n1").event("Pod", "web-abc-1", "shop", "FailedMount", "no", last=3000)  # fmt: skip
    told = Evidence(ref("Pod", "shop/web-abc-1"), "event FailedMount", "FailedMount: no")
    cause = answer(next(iter(CAUSES)), "Pod shop/web-abc-1", evidence=(told,))
    assert "has become well since" in doubts(cluster, cause)


def refusing(cluster: Cluster, *kinds: str) -> Snapshot:
    made = cluster.snapshot()
    kept = [reading for reading in made.coverage.readings if reading.kind not in kinds]
    refused = [Reading(kind, "", "*", ReadState.REFUSED, 0, "forbidden") for kind in kinds]
    return msgspec.structs.replace(made, coverage=Coverage((*kept, *refused)))


def test_a_refused_list_lowers_only_the_answers_that_show_on_it() -> None:
    on_events = next(cause for cause in CAUSES.values() if any(field.startswith("event") for field in cause.fields) and not cause.secondary)  # fmt: skip
    without = next(cause for cause in CAUSES.values() if not any(field.startswith("event") for field in cause.fields) and not cause.secondary)  # fmt: skip
    view = View(build_graph(refusing(Cluster().node("n1"), "Event")))
    for cause, told in ((on_events, True), (without, False)):
        found = against(view, answer(cause.id, "Pod shop/x"), [], CAUSES)
        assert any("Event objects of namespace shop were refused" in doubt for doubt in found) is told


def test_every_gap_is_named_in_the_answer_and_in_the_document() -> None:
    cluster = Cluster().node("n1").deployment("web", replicas=1, have=1)
    crashing(cluster, "web-abc-1", "n1").event("Pod", "web-abc-1", "shop", "BackOff", "Back-off", last=9000, first=9000)
    diagnosis = diagnose(build_graph(refusing(cluster, "Secret", "Lease")))
    kinds = {gap.kind for gap in diagnosis.gaps}
    assert {GapKind.REFUSED, GapKind.LOGS, GapKind.METRICS, GapKind.STALE} <= kinds
    assert {gap["kind"] for gap in document(diagnosis)["gaps"]} == {kind.value for kind in kinds}


def test_where_nothing_is_wrong_nothing_is_missing() -> None:
    healthy = diagnose(build_graph(Cluster().node("n1").snapshot()))
    assert healthy.gaps == ()


@lru_cache(maxsize=64)
def view_of(number: int) -> tuple[View, Sequence[RootCause]]:
    graph = build_graph(SITUATIONS[number % len(SITUATIONS)].build().snapshot())
    return View(graph), diagnose(graph).root_causes


@given(st.integers(0, 40), st.lists(st.floats(0.05, 0.98), min_size=4, max_size=4), st.booleans())
def test_it_never_raises_and_never_reorders_upward(number: int, confidences: list[float], refuse: bool) -> None:
    view, found = view_of(number * 7)
    if refuse:
        view.coverage = Coverage(tuple(Reading(kind, "", "*", ReadState.REFUSED) for kind in ("Event", "Node", "ConfigMap")))  # fmt: skip
    blamed = [Ref("Node", "", "n1"), *(resource.ref for resource in view.graph.resources())]
    made = [
        RootCause(0, cause, f"t{i}", blamed[(number + i * 3) % len(blamed)], value, (), affected=tuple(blamed[:6]), since=view.now)
        for i, (cause, value) in enumerate(zip([*CAUSES][number :: len(CAUSES) // 5], confidences, strict=False))
    ]  # fmt: skip
    before = sorted([*found, *made], key=lambda cause: cause.confidence < 0.5)
    after = verify(view, before, CAUSES)
    by_title = {(cause.cause, cause.object, cause.title): cause for cause in after}
    places = {key: place for place, key in enumerate(by_title)}
    assert len(after) == len(before)
    for place, old in enumerate(before):
        key = (old.cause, old.object, old.title)
        new = by_title[key]
        assert new.confidence <= old.confidence
        assert new.doubts[: len(old.doubts)] == old.doubts
        assert (new.confidence < old.confidence) <= (len(new.doubts) > len(old.doubts))
        for other in before[:place]:  # whoever stood before still does, unless it fell below even odds
            there = (other.cause, other.object, other.title)
            assert places[there] < places[key] or by_title[there].confidence < 0.5 <= other.confidence


@pytest.mark.parametrize("number", range(0, 60, 6))
def test_the_pass_asks_the_same_twice(number: int) -> None:
    view, found = view_of(number)
    assert verify(view, found, CAUSES) == verify(view, found, CAUSES)
