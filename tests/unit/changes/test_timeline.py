"""The line of time about an object: its onset, what came before it, what several pods share told once."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from copilot.cli.main import main
from copilot.diagnosis.timeline import EntryKind, timeline
from retrievers.graph import build_graph
from tests.unit.changes.revised import container, rolled, wrote
from tests.unit.diagnosis.cluster import Cluster, ago, condition, owned, ref


def broken_rollout() -> Cluster:
    """A rollout five minutes ago whose two pods crash."""
    old, new = ({"containers": [container(f"web:{n}")]} for n in (1, 2))
    cluster = rolled(Cluster().node(), "web", [(3600, old), (300, new)], [wrote("kubectl-set", 301)])
    for name in ("a", "b"):
        ended = {"name": "web", "ready": False, "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                 "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(40)}}}  # fmt: skip
        cluster.pod(f"web-h2-{name}", "shop", owner=("ReplicaSet", "web-h2"), node="n1", spec=new, age=299,
                    status={"containerStatuses": [ended], "conditions": [condition("Ready", "False", "ContainersNotReady", since=290)]})  # fmt: skip
        cluster.event(
            "Pod",
            f"web-h2-{name}",
            "shop",
            "BackOff",
            "Back-off restarting failed container web",
            first=280,
            last=20,
            count=9,
        )
    return cluster


LINE = timeline(build_graph(broken_rollout().snapshot()), ref("Deployment", "shop/web"))


def test_the_onset_is_the_first_sign_of_the_present_trouble() -> None:
    assert LINE.onset is not None
    assert (LINE.observed_at - LINE.onset.at).total_seconds() == 299
    assert "never became ready" in LINE.onset.sign.text


def test_the_change_stands_before_the_onset() -> None:
    assert LINE.onset is not None
    before = [entry.text for entry in LINE.entries if entry.at < LINE.onset.at]
    assert "image of container web: web:1 → web:2 by kubectl-set" in before


def test_what_two_pods_share_is_one_entry_about_their_owner() -> None:
    back_off = [entry for entry in LINE.entries if "BackOff" in entry.path]
    assert [(entry.object.kind, entry.count, entry.pods) for entry in back_off] == [("ReplicaSet", 18, 2)]
    assert [entry.pods for entry in LINE.entries if entry.kind is EntryKind.RESTART] == [2]


def test_a_healthy_object_has_no_onset() -> None:
    cluster = Cluster().node().deployment("web", have=1, ready=1).running("web", "n1")
    assert timeline(build_graph(cluster.snapshot()), ref("Deployment", "shop/web")).onset is None


def test_a_span_bounds_the_line() -> None:
    line = timeline(build_graph(broken_rollout().snapshot()), ref("Deployment", "shop/web"), span=timedelta(seconds=60))
    assert {entry.kind for entry in line.entries} == {EntryKind.EVENT, EntryKind.RESTART}


def test_an_event_of_an_earlier_object_of_the_same_name_is_left_out() -> None:
    cluster = broken_rollout().event(
        "Pod", "web-h2-a", "shop", "Killing", "Stopping container web", first=4000, last=4000
    )
    line = timeline(build_graph(cluster.snapshot()), ref("Deployment", "shop/web"), span=timedelta(hours=2))
    assert not any("Killing" in entry.path for entry in line.entries)


def test_a_lasting_onset_of_a_node_reaches_the_workload_on_it() -> None:
    cluster = Cluster().node(conditions=[condition("Ready", "Unknown", "NodeStatusUnknown", since=500)])
    cluster.deployment("web", have=1, ready=0)
    cluster.pod(
        "web-abc-n1",
        "shop",
        owner=("ReplicaSet", "web-abc"),
        node="n1",
        status={"conditions": [condition("Ready", "False", since=460)]},
    )
    line = timeline(build_graph(cluster.snapshot()), ref("Deployment", "shop/web"))
    assert line.onset is not None
    assert line.onset.sign.object == ref("Node", "n1")


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    cluster = broken_rollout()
    cluster.add(
        "Pod", "other", "shop", metadata=owned("ReplicaSet", "none", "shop"), spec={}, status={"phase": "Running"}
    )
    cluster.event("Pod", "other", "shop", "Pulled", "now", type_="Normal", first=0, last=0)
    path = tmp_path / "dump.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [body for body, _ in cluster.bodies]}))
    return path


def test_the_command_marks_the_onset_between_cause_and_effect(dump: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["timeline", "deploy/web", "-n", "shop", "--from", str(dump)]) == 0
    shown = capsys.readouterr().out
    assert shown.index("web:1 → web:2") < shown.index("──── onset") < shown.index("BackOff")


def test_the_commands_json_holds_onset_and_entries(dump: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["timeline", "deploy/web", "-n", "shop", "--from", str(dump), "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["onset"]["at"]) == ("cluster-copilot/timeline/v1", ago(299))
    assert any(entry["change"] and entry["change"]["after"] == "web:2" for entry in document["entries"])
