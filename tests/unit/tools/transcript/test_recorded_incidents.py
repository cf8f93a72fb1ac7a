"""Real sessions of real incidents: what is read from the text is what the API held."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from copilot.model import Detail, Ref, Snapshot, children, instant, parse_time, text
from tests.shared import shared
from tests.unit.tools.transcript.compare import objects_of, wrong
from tools.cluster.transcript import looks_like_transcript, parse_transcript
from tools.cluster.transcript.clock import UNDATED

INCIDENTS = [f"node-{number:02}" for number in range(1, 26)] + [f"simulated-{number}" for number in range(26, 47)]

# The two commands were seconds apart, ages are cut to units, and a row shows only a part of these lists.
INEXACT = {
    ".metadata.creationTimestamp",
    ".metadata.deletionTimestamp",
    ".status.containerStatuses",
    ".status.initContainerStatuses",
    ".status.startTime",
    ".status.lastScheduleTime",
    ".status.conditions[].lastHeartbeatTime",
    ".apiVersion",
    ".subsets",
    ".spec.ports",
    ".spec.metrics",
    ".endpoints",
    ".status.active",
    ".status.conditions",
}


def folder(name: str) -> Path:
    return shared("datasets", "incidents", name)


def read(name: str) -> Snapshot:
    return parse_transcript((folder(name) / "transcript.txt").read_text(), "transcript.txt")


@pytest.mark.parametrize("name", INCIDENTS)
def test_what_was_read_is_what_the_api_held(name: str) -> None:
    snapshot = read(name)
    objects = objects_of(folder(name) / "objects.json.gz")
    if snapshot.observed_at.year == UNDATED.year:
        snapshot = type(snapshot)(resources=tuple(item for item in snapshot.resources if item.detail is not Detail.ROW))
    found = [line for line in wrong(snapshot, objects, INEXACT) if not _moved_on(line)]
    assert found == []


def _moved_on(line: str) -> bool:
    """A field that kept changing between the command and the recording of the objects."""
    return any(
        field in line
        for field in (
            ".restartCount", ".state.", ".lastState", ".status.phase", ".status.readyReplicas", ".status.availableReplicas",
            ".renewTime", ".resourceVersion", ".lastTransitionTime", ".ready:", ".status.conditions[].status", ".unavailableReplicas",
        )
    )  # fmt: skip


@pytest.mark.parametrize("name", INCIDENTS)
def test_a_described_pod_shows_every_container_with_its_image_state_and_probes(name: str) -> None:
    objects = objects_of(folder(name) / "objects.json.gz")
    for item in read(name).resources:
        real = objects.get(item.ref)
        if item.ref.kind != "Pod" or item.detail is not Detail.DESCRIBED or real is None:
            continue
        for field in ("containers", "initContainers"):
            mine, theirs = list(children(item.body, "spec", field)), list(children(real, "spec", field))
            assert [text(one, "image") for one in mine] == [text(one, "image") for one in theirs]
            for one, other in zip(mine, theirs, strict=True):
                for part in ("command", "args", "env", "envFrom", "resources", "volumeMounts", "ports"):
                    assert bool(one.get(part)) == bool(other.get(part)), (item.ref, part)
                for part in ("livenessProbe", "readinessProbe", "startupProbe"):
                    assert one.get(part) == other.get(part), (item.ref, part)
        mine_states = {
            text(one, "name"): set(one["state"]) for one in children(item.body, "status", "containerStatuses")
        }
        theirs_states = {text(one, "name") for one in children(real, "status", "containerStatuses")}
        assert set(mine_states) == theirs_states


@pytest.mark.parametrize("name", INCIDENTS)
def test_events_read_back_with_their_object_reason_and_message(name: str) -> None:
    objects = objects_of(folder(name) / "objects.json.gz")
    real = {
        (item["involvedObject"].get("name"), item["reason"], item.get("message", "").strip()): item
        for ref, item in objects.items()
        if ref.kind == "Event"
    }
    snapshot = read(name)
    dated = snapshot.observed_at.year > UNDATED.year
    missing = 0
    events = [item.body for item in snapshot.resources if item.ref.kind == "Event"]
    for event in events:
        other = real.get((event["involvedObject"]["name"], event["reason"], event.get("message", "").strip()))
        if other is None:
            missing += 1
            continue
        assert event["involvedObject"]["kind"] == other["involvedObject"]["kind"]
        assert event["type"] == other["type"]
        happened = instant(other.get("lastTimestamp") or other.get("eventTime"))
        last = parse_time(event["lastTimestamp"])
        if (
            dated
            and name.startswith("node-")
            and happened is not None
            and last is not None
            and event.get("count", 1) == 1
        ):
            assert abs((last - happened).total_seconds()) < 30, event
    assert missing <= len(events) // 4


@pytest.mark.parametrize("name", INCIDENTS)
def test_now_is_close_below_the_time_of_recording(name: str) -> None:
    truth = json.loads((folder(name) / "truth.json").read_text())
    recorded = parse_time(truth.get("recorded") or truth["captured_at"])
    snapshot = read(name)
    assert recorded is not None
    if snapshot.observed_at.year == UNDATED.year:
        assert "Start Time" not in "".join(command.output for command in snapshot.commands)
        return
    late = (recorded - snapshot.observed_at).total_seconds()
    assert -2 <= late <= 3600, late


@pytest.mark.parametrize("name", INCIDENTS)
def test_every_command_is_understood_and_nothing_is_invented(name: str) -> None:
    snapshot = read(name)
    known = set(objects_of(folder(name) / "objects.json.gz"))
    assert [command.command for command in snapshot.commands if not command.read] == []
    assert [item.ref for item in snapshot.resources if item.ref.kind != "Event" and item.ref not in known] == []


def test_every_recording_looks_like_a_transcript() -> None:
    for name in INCIDENTS:
        assert looks_like_transcript((folder(name) / "transcript.txt").read_text())


def test_ownership_is_read_from_controlled_by() -> None:
    snapshot = read("node-13")
    body = next(
        item.body for item in snapshot.resources if item.ref == Ref("ReplicaSet", "ratings", "heron-6dc9499c58", "apps")
    )
    (owner,) = body["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("Deployment", "heron", True)
