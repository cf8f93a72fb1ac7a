"""Someone else writes to the object between the yes and the change: nothing of ours is applied, whoever it is and whenever it is.

A second client of the real API server makes each change. The deep run makes 1,000 of them; the quick one, 50.
"""

import copy
import itertools
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from copilot.changing.opening import Workshop, open_changing
from copilot.settings import Settings
from copilot.target import Target
from guardrails.errors import PlanChanged
from guardrails.steps import SendState
from tests.deep import DEEP
from tests.live.deployed import APPLY, Deployed
from tests.live.test_change import Scene, _workload, _yes
from tests.live.test_operations import JOB, SETTINGS, _agreed
from tests.live.testbed.cluster import Cluster

RACES = 1_000 if DEEP else 50
A_SHOP = 8  # races before a new journal: after a few changes that failed, the copilot stops taking new ones
PATHS = {
    "Deployment": "/apis/apps/v1/namespaces/{ns}/deployments/web",
    "ConfigMap": "/api/v1/namespaces/{ns}/configmaps/settings",
    "CronJob": "/apis/batch/v1/namespaces/{ns}/cronjobs/nightly",
}
WORDS = (
    "scale web to 3", "restart web", "set image deploy/web app=nginx:2", "label deploy/web a=b", "annotate deploy/web note=x",
    "pause web", "delete deploy/web", "patch cm/settings /data/level=debug", "label cm/settings a=b", "delete cm/settings",
    "suspend cj/nightly", "annotate cj/nightly note=x",
)  # fmt: skip


class Other:
    """A person, a controller or a pipeline that writes to the same object at the wrong moment."""

    def __init__(self, deployed: Deployed, namespace: str) -> None:
        """Nothing is sent yet."""
        self._call = deployed.admin.call
        self._namespace = namespace
        self._count = itertools.count(1)

    def path(self, kind: str) -> str:
        """Where the object of this kind is."""
        return PATHS[kind].format(ns=self._namespace)

    def version(self, kind: str) -> str:
        """The object's version now."""
        return str(self._call("GET", self.path(kind))["metadata"]["resourceVersion"])

    def annotate(self, kind: str) -> None:
        """A note."""
        self._merge(self.path(kind), {"metadata": {"annotations": {"other": str(next(self._count))}}})

    def label(self, kind: str) -> None:
        """A label that nothing selects by."""
        self._merge(self.path(kind), {"metadata": {"labels": {"other": str(next(self._count))}}})

    def apply(self, kind: str) -> None:
        """A pipeline's server-side apply under its own name."""
        version = {"Deployment": "apps/v1", "ConfigMap": "v1", "CronJob": "batch/v1"}[kind]
        name = self.path(kind).rpartition("/")[2]
        marks = {"name": name, "annotations": {"pipeline": str(next(self._count))}}
        body = {"apiVersion": version, "kind": kind, "metadata": marks}
        self._call("PATCH", f"{self.path(kind)}?fieldManager=pipeline", body, APPLY)

    def content(self, kind: str) -> None:
        """What the object is about: an autoscaler's replicas, a ConfigMap's value, a CronJob's schedule."""
        number = next(self._count)
        match kind:
            case "Deployment":
                self._merge(f"{self.path(kind)}/scale", {"spec": {"replicas": 4 + number % 2}})
            case "ConfigMap":
                self._merge(self.path(kind), {"data": {"other": str(number)}})
            case _:
                self._merge(self.path(kind), {"spec": {"schedule": f"{1 + number % 59} 3 * * *"}})

    def put_back(self, kind: str, plain: dict[str, Any]) -> None:
        """The object's content as it was."""
        self._merge(self.path(kind), plain)

    def _merge(self, path: str, body: dict[str, Any]) -> None:
        self._call("PATCH", path, body, "application/merge-patch+json")


@pytest.fixture
def scene(live_cluster: Cluster, namespace: str, tmp_path: Path) -> Scene:
    scene = Scene(live_cluster, namespace, tmp_path)
    scene.apply(_workload("web"), copy.deepcopy(JOB), copy.deepcopy(SETTINGS))
    scene.settled()
    return scene


def _open(scene: Scene, number: int) -> Workshop:
    target = Target(kubeconfig=str(scene.cluster.kubeconfig), context="operator")
    return open_changing(target, Settings(data_dir=scene.folder / f"data-{number}"), scene.said.append)


def _race(
    scene: Scene, workshop: Workshop, words: str, other: Other, write_as_other: Callable[[str], None], late: bool
) -> str:
    """Plan, agree, let the other write, and carry out. `late`: the other writes after everything was checked again."""
    plan = _agreed(workshop.desk.plan(words, scene.namespace))
    assert workshop.door is not None
    assert workshop.gate is not None
    workshop.door.note_planned(plan)
    yes = _yes(workshop, plan)

    def write() -> None:
        """Let the other write, and see that the object really has another version: a patch of nothing is no race."""
        write_as_other(plan.target.kind)
        now = other.version(plan.target.kind)
        assert now != plan.target.resource_version, f"{write_as_other.__name__} changed nothing"

    if late:
        (step,) = workshop.gate.consume(plan, (yes,), workshop.desk.requester)
        write()
        outcome = workshop.door._writer.send(step)
        return f"{outcome.state.value} {outcome.status}"
    write()
    try:
        carried = workshop.door.carry_out(plan, yes)
    except PlanChanged as changed:
        return "conflict 409" if "409" in changed.title else "plan changed"
    return carried.state.value


def test_nothing_is_applied_when_someone_else_writes_between_the_yes_and_the_change(
    deployed: Deployed, scene: Scene, record_property: Callable[[str, object], None]
) -> None:
    other = Other(deployed, scene.namespace)
    plain: dict[str, dict[str, Any]] = {
        "Deployment": {"spec": {"replicas": 2}},
        "ConfigMap": {"data": {"other": None}},
        "CronJob": {"spec": {"schedule": "0 3 * * *"}},
    }
    ends: Counter[str] = Counter()
    injections = (other.annotate, other.label, other.apply, other.content)
    rounds = itertools.cycle(itertools.product(injections, (False, True), WORDS))
    # The quick run takes every other combination of the 96 or so: 12 sentences, 4 ways to write, 2 moments.
    chosen = itertools.islice(rounds, 0, None, 1 if DEEP else 5)
    workshop = _open(scene, 0)
    for number in range(RACES):
        if number % A_SHOP == 0:
            workshop = _open(scene, number)
        inject, late, words = next(chosen)
        ends[_race(scene, workshop, words, other, inject, late)] += 1
        if inject == other.content:
            kind = next(each for each in PATHS if _is_about(words, each))
            other.put_back(kind, plain[kind])
    record_property("ends", dict(ends))
    print(f"\n{RACES} races: {dict(ends)}")
    assert set(ends) <= {"plan changed", f"{SendState.CONFLICT.value} 409", f"{SendState.CONFLICT.value} 422"}, ends
    assert sum(ends.values()) == RACES
    for kind in PATHS:
        assert not _writes_of_ours(deployed.admin.call("GET", other.path(kind))), kind
    assert not _applied(scene)


def _is_about(words: str, kind: str) -> bool:
    short = {"ConfigMap": " cm/", "CronJob": " cj/"}
    return short[kind] in words if kind in short else not any(each in words for each in short.values())


def _writes_of_ours(body: dict[str, Any]) -> bool:
    return any(entry["manager"] == "cluster-copilot" for entry in body["metadata"].get("managedFields", []))


def _applied(scene: Scene) -> list[dict[str, Any]]:
    """Of the server's own log: our real requests in this namespace that did something."""
    events = [json.loads(line) for line in scene.cluster.audit_log.read_text().splitlines() if scene.namespace in line]
    return [event for event in events if " plan/" in event.get("userAgent", "") and "dry-run" not in event.get("userAgent", "")
            and event["verb"] in ("patch", "create", "delete", "update") and event["responseStatus"]["code"] < 300]  # fmt: skip
