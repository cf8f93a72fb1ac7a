"""Gates over every described failure: noise, other names and another order change nothing; without its evidence a cause is gone."""

from __future__ import annotations

import copy
import random
from typing import Any

import msgspec
import pytest

from copilot.diagnosis import diagnose
from copilot.model import Coverage, Diagnosis, Reading, ReadState, Resource
from retrievers.graph import build_graph
from tests.unit.diagnosis.gates import first, new_names, noise, renamed, renamed_ref, renamer
from tests.unit.diagnosis.judging import FIRM, answer_to, ask, one_of
from tests.unit.diagnosis.unseen import SITUATIONS, Case, Situation, ago, condition

pytestmark = pytest.mark.proof

# Faults that lie in how objects name each other: they stand with every pod healthy and every log silent.
STRUCTURAL = (
    "svc.",
    "ingress.",
    "gateway.",
    "configuration.route",
    "cert.",
    "deploy.",
    "cronjob.",
    "job.",
    "quota.",
    "sandbox.runtime",
)


@pytest.mark.parametrize("situation", one_of(2, SITUATIONS, "noise"), ids=str)
def test_unrelated_noise_does_not_change_the_first_answer(situation: Situation) -> None:
    assert first(ask(noise(situation.build()))) == first(answer_to(situation))


@pytest.mark.parametrize("situation", one_of(2, SITUATIONS, "names"), ids=str)
def test_other_names_give_the_same_answer(situation: Situation) -> None:
    snapshot = situation.build().snapshot()
    plain = first(answer_to(situation))
    rename = renamer(new_names(snapshot, seed=7))
    again = first(diagnose(build_graph(renamed(snapshot, rename))))
    assert plain is not None
    assert again == (plain[0], renamed_ref(plain[1], rename))


@pytest.mark.parametrize("situation", one_of(3, SITUATIONS, "order"), ids=str)
def test_the_order_of_the_objects_does_not_matter(situation: Situation) -> None:
    made = situation.build()
    plain = msgspec.json.encode(answer_to(situation).root_causes)
    random.Random(3).shuffle(made.bodies)
    assert msgspec.json.encode(ask(made).root_causes) == plain


def healed(made: Case) -> Case:
    """The same objects with every pod ready, every log and event gone: the fault has passed, or never was."""
    better = copy.deepcopy(made)
    better.logs, better.alerts, better.series, better.usage, better.probes = [], [], [], [], []
    better.bodies = [(body, detail) for body, detail in better.bodies if body["kind"] != "Event"]
    for body, _ in better.bodies:
        status = body.get("status", {})
        if body["kind"] == "Pod":
            status["phase"] = "Running"
            status["conditions"] = [condition("Ready", "True")]
            ended = {"terminated": {"exitCode": 0, "reason": "Completed"}}
            for entry in status.get("containerStatuses", []):
                entry |= {
                    "ready": True,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": ago(3000)}},
                    "lastState": {},
                }
            for entry in status.get("initContainerStatuses", []):
                entry |= {"ready": True, "restartCount": 0, "state": ended, "lastState": {}}
            body["spec"].setdefault("nodeName", "n1")
        if body["kind"] in ("Deployment", "StatefulSet", "ReplicaSet"):
            wanted = body["spec"].get("replicas", 1)
            status |= {"replicas": wanted, "readyReplicas": wanted, "availableReplicas": wanted, "updatedReplicas": wanted, "unavailableReplicas": 0, "conditions": []}  # fmt: skip
        if body["kind"] == "PersistentVolumeClaim":
            status["phase"] = "Bound"
        if body["kind"] == "DaemonSet":
            status["numberReady"] = status.get("desiredNumberScheduled", 0)
        if body["kind"] == "Job":
            body["status"] = {"succeeded": 1, "conditions": [condition("Complete", "True")]}
    return better


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_a_failure_that_has_passed_is_blamed_on_nothing(situation: Situation) -> None:
    answer = ask(healed(situation.build()))
    left = [
        cause for cause in answer.root_causes if cause.confidence >= FIRM and not cause.cause.startswith(STRUCTURAL)
    ]
    assert [(cause.cause, cause.title) for cause in left] == []


def _silenced(made: Case) -> Case:
    quiet = copy.deepcopy(made)
    quiet.logs, quiet.alerts, quiet.series, quiet.usage, quiet.probes = [], [], [], [], []
    quiet.bodies = [(body, detail) for body, detail in quiet.bodies if body["kind"] != "Event"]
    return quiet


def _spoken(answer: Diagnosis) -> bool:
    """Whether the proof of the first answer is something that was said, not only how objects are."""
    pieces = [piece.path for piece in answer.root_causes[0].evidence]
    return any(path.startswith(("log", "event", "connectivity", "alert")) for path in pieces)


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_without_logs_and_events_a_cause_they_prove_is_not_said_as_firmly(situation: Situation) -> None:
    made = situation.build()
    before = answer_to(situation)
    if not _spoken(before):
        pytest.skip("proven by the objects alone")
    after = {(cause.cause, cause.object): cause.confidence for cause in ask(_silenced(made)).root_causes}
    told = before.root_causes[0]
    assert after.get((told.cause, told.object), 0.0) <= told.confidence


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_what_was_not_read_is_not_taken_for_absent(situation: Situation) -> None:
    """With every list only partly seen, nothing may be blamed because it does not exist."""
    snapshot = situation.build().snapshot()
    readings = tuple(Reading(r.kind, r.group, state=ReadState.PARTIAL) for r in snapshot.coverage.readings)
    partly = msgspec.structs.replace(snapshot, coverage=Coverage(readings))
    for cause in diagnose(build_graph(partly)).root_causes:
        proven_elsewhere = any(
            piece.path.startswith(("log", "event", "status")) or ".state." in piece.path for piece in cause.evidence
        )
        assert proven_elsewhere or "does not exist" not in cause.title, cause.title


def _garbled(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict):
        return {
            key: rng.choice([None, 7, "x", [], {}, [[1]]])
            if rng.random() < 0.06 and key != "kind"
            else _garbled(item, rng)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_garbled(item, rng) for item in value]
    return value


@pytest.mark.parametrize("situation", one_of(4, SITUATIONS, "garbled"), ids=str)
def test_garbled_objects_never_crash_a_rule(situation: Situation) -> None:
    snapshot = situation.build().snapshot()
    for seed in range(4):
        rng = random.Random(seed)
        broken = tuple(
            Resource(ref=r.ref, body={**_garbled(r.body, rng), "metadata": r.body["metadata"]}, source=r.source)
            for r in snapshot.resources
        )
        diagnose(build_graph(msgspec.structs.replace(snapshot, resources=broken)))
