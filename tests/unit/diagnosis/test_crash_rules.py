"""Containers that end again and again are seen in every moment of their loop, also while they are up."""

from typing import Any

import pytest

from copilot.diagnosis.rules.pods import crash
from tests.unit.diagnosis.cluster import Cluster, ago


def with_init(state: dict[str, Any], code: int) -> Cluster:
    """A pod whose init container is in that state after three runs of which the last ended with `code`."""
    ended = {"exitCode": code, "reason": "Error" if code else "Completed", "finishedAt": ago(20)}
    status = {
        "phase": "Pending",
        "conditions": [{"type": "Ready", "status": "False"}],
        "initContainerStatuses": [
            {"name": "schema", "ready": False, "restartCount": 3, "state": state, "lastState": {"terminated": ended}}
        ],
        "containerStatuses": [{"name": "main", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": "PodInitializing"}}}],
    }  # fmt: skip
    containers = {"initContainers": [{"name": "schema", "image": "shop/schema:1"}]}
    cluster = Cluster().node("n1").deployment("web", have=1, spec=containers)
    spec = {**containers, "containers": [{"name": "main", "image": "shop/web:1"}]}
    return cluster.pod("web-abc-x", owner=("ReplicaSet", "web-abc"), node="n1", status=status, spec=spec)


RUNS = {"running": {"startedAt": ago(1)}}
WAITS = {"waiting": {"reason": "CrashLoopBackOff"}}


@pytest.mark.parametrize("state", [RUNS, WAITS], ids=["up again", "waits"])
def test_an_init_container_that_keeps_failing_is_named_in_each_moment_of_its_loop(state):
    found = with_init(state, 1).only(crash.RULES)
    assert "init container schema" in found.title


def test_an_init_container_that_runs_anew_after_it_had_finished_has_not_failed():
    assert with_init(RUNS, 0).find(crash.RULES) == []
