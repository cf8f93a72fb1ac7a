"""Gates over every described failure: noise, other names and another order change nothing; without its evidence a cause is gone."""

from __future__ import annotations

import copy
import random
import re
from typing import Any

import msgspec
import pytest

from copilot.diagnosis import diagnose
from copilot.model import ContainerLog, Coverage, Diagnosis, Reading, ReadState, Ref, Resource, Snapshot
from copilot.model.resource import ref_of
from retrievers.graph import build_graph
from tests.unit.diagnosis.test_unseen import ask
from tests.unit.diagnosis.unseen import SITUATIONS, Case, Situation, ago, condition, put, svc

FIRM = 0.5
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


def first(answer: Diagnosis) -> tuple[str, Ref] | None:
    return (answer.root_causes[0].cause, answer.root_causes[0].object) if answer.root_causes else None


def noise(made: Case) -> Case:
    """Unrelated things that are a little wrong, as in every cluster."""
    made.add("Namespace", "elsewhere")
    svc(
        put(made, "blog", ns="elsewhere", replicas=2, logs="INFO up\nERROR one bad request\nINFO ok\n" * 3),
        "blog",
        80,
        ns="elsewhere",
    )
    svc(made, "retired", 80, ns="elsewhere")
    made.deployment("parked", "elsewhere", replicas=0)
    made.event("Pod", "blog-abc-x0", "elsewhere", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", count=1, last=3000)  # fmt: skip
    made.event(
        "Pod",
        "gone-abc-1",
        "elsewhere",
        "FailedScheduling",
        "0/2 nodes are available: 2 Insufficient cpu.",
        count=1,
        last=3300,
    )
    made.event(
        "Node",
        "n1",
        "",
        "NodeHasSufficientMemory",
        "Node n1 status is now: NodeHasSufficientMemory",
        type_="Normal",
        last=3500,
    )
    put(made, "once", ns="elsewhere", kind="Job", states="done", phase="Succeeded", status={"succeeded": 1, "failed": 1, "conditions": [condition("Complete", "True")]})  # fmt: skip
    put(made, "flaky", ns="elsewhere", logs="dial tcp 10.1.1.1:80: connect: connection refused\nconnected\n")
    made.bodies[-1][0]["status"]["containerStatuses"][0] |= {"restartCount": 2, "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(3000)}}}  # fmt: skip
    return made


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_unrelated_noise_does_not_change_the_first_answer(situation: Situation) -> None:
    assert first(ask(noise(situation.build()))) == first(ask(situation.build()))


_KEPT = {"kube-system", "kube-dns", "coredns", "default", "default-scheduler", "main", "n1", "n2", "n3", "nginx", "http", "kube-root-ca.crt", "gvisor", "db", "app"}  # fmt: skip


def _new_names(snapshot: Snapshot, seed: int) -> dict[str, str]:
    rng = random.Random(seed)
    names = {resource.ref.name for resource in snapshot.resources if resource.ref.kind != "Event"}
    names |= {resource.ref.namespace for resource in snapshot.resources}
    stems = {name.split("-abc-")[0].removesuffix("-abc") for name in names} - _KEPT - {""}
    stems |= {stem.rpartition("-")[0] for stem in stems if re.search(r"-(?:\d+|[k-o]\d?)$", stem)} - _KEPT - {""}
    letters = "bcdfghjklmnpqrstvwxz"
    return {stem: "".join(rng.choice(letters) for _ in range(9)) for stem in sorted(stems, key=len, reverse=True)}


def _renamer(names: dict[str, str]) -> Any:
    pattern = re.compile(r"(?<![A-Za-z0-9])(" + "|".join(map(re.escape, names)) + r")(?![A-Za-z0-9])")
    return lambda text: pattern.sub(lambda match: names[match[1]], text)


def _walk(value: Any, rename: Any) -> Any:
    if isinstance(value, str):
        return rename(value)
    if isinstance(value, list):
        return [_walk(item, rename) for item in value]
    if isinstance(value, dict):
        kept = ("kind", "apiVersion", "reason", "type", "restartPolicy", "protocol")
        return {key: item if key in kept else _walk(item, rename) for key, item in value.items()}
    return value


def _renamed(snapshot: Snapshot, rename: Any) -> Snapshot:
    def ref(one: Ref) -> Ref:
        return Ref(one.kind, rename(one.namespace), rename(one.name), one.group)

    bodies = [(_walk(resource.body, rename), resource) for resource in snapshot.resources]
    return msgspec.structs.replace(
        snapshot,
        resources=tuple(msgspec.structs.replace(r, ref=ref_of(body), body=body) for body, r in bodies),
        logs=tuple(ContainerLog(rename(g.namespace), rename(g.pod), rename(g.container), rename(g.text), g.previous) for g in snapshot.logs),
        usage=tuple(msgspec.structs.replace(u, ref=ref(u.ref), container=rename(u.container)) for u in snapshot.usage),
        alerts=tuple(msgspec.structs.replace(a, labels={k: rename(v) if k != "alertname" else v for k, v in a.labels.items()}) for a in snapshot.alerts),
        series=tuple(msgspec.structs.replace(s, labels={k: rename(v) if k != "__name__" else v for k, v in s.labels.items()}) for s in snapshot.series),
        probes=tuple(msgspec.structs.replace(p, host=rename(p.host), origin=rename(p.origin)) for p in snapshot.probes),
    )  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_other_names_give_the_same_answer(situation: Situation) -> None:
    snapshot = situation.build().snapshot()
    plain = first(diagnose(build_graph(snapshot)))
    rename = _renamer(_new_names(snapshot, seed=7))
    renamed = first(diagnose(build_graph(_renamed(snapshot, rename))))
    assert plain is not None
    assert renamed == (plain[0], Ref(plain[1].kind, rename(plain[1].namespace), rename(plain[1].name), plain[1].group))


@pytest.mark.parametrize("situation", SITUATIONS[::3], ids=str)
def test_the_order_of_the_objects_does_not_matter(situation: Situation) -> None:
    made = situation.build()
    plain = msgspec.json.encode(ask(made).root_causes)
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
    before = ask(made)
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


@pytest.mark.parametrize("situation", SITUATIONS[::2], ids=str)
def test_garbled_objects_never_crash_a_rule(situation: Situation) -> None:
    snapshot = situation.build().snapshot()
    for seed in range(4):
        rng = random.Random(seed)
        broken = tuple(
            Resource(ref=r.ref, body={**_garbled(r.body, rng), "metadata": r.body["metadata"]}, source=r.source)
            for r in snapshot.resources
        )
        diagnose(build_graph(msgspec.structs.replace(snapshot, resources=broken)))
