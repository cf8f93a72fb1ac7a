"""metrics-server, where it is built (`python -m tests.live.testbed build --metrics`), tells what pods state as their usage."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.test_testbed import create, pod
from tests.live.testbed.cluster import Cluster


@pytest.fixture
def measured_cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path / "measured")
    cluster.start(nodes=1, owner=os.getpid(), metrics=True)
    yield cluster
    cluster.stop()


def test_top_shows_the_usage_that_a_pod_states(measured_cluster: Cluster) -> None:
    measured_cluster.wait_for_accounts("default")
    create(measured_cluster, "default", pod("busy", {"testbed/usage-cpu": "250m", "testbed/usage-memory": "128Mi"}))

    def top() -> list[str]:
        return measured_cluster.kubectl("top", "pod", "busy", "-n", "default", "--no-headers").split()

    found = measured_cluster.wait_for(top, timeout=120, what="kubectl top")
    assert found[0] == "busy"
    assert int(found[1].removesuffix("m")) == pytest.approx(250, abs=25)
    assert found[2] == "128Mi"
    assert "node-1" in measured_cluster.kubectl("top", "nodes")
