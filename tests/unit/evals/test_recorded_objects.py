"""Objects as kubectl saved them on real clusters: each trouble is named, and what shows none stays silent."""

import pytest

from copilot.diagnosis import diagnose
from copilot.model import Diagnosis, Verdict
from retrievers.graph import build_graph
from tests.shared import shared
from tools.cluster.open_source import open_path
from tools.cluster.source import Scope

PODS = [
    ("pods/message-image-pull-fail.json", "pod.image.x509", "no-image-deployment"),
    ("pods/message-oomkill-pod.json", "pod.oomkilled.limit", "oom-kill-job3"),
    ("pods/message-pending-node-affinity.json", "sched.nodeaffinity", "kotsadm"),
    ("pods/message-pending-pod-resources.json", "sched.insufficient.extended", "pending-pod-resources"),
    ("pods/message-pod-crashloop-backoff.json", "pod.crashloop.exit127", "init-demo"),
    ("pods/message-pod-init-crashloop-backoff.json", "pod.crashloop.exit127", "init-demo2"),
    ("events/message-image-pull-fail.json", "pod.image.x509", "no-image-deployment"),
    ("events/message-container-creating-failed-mount.json", "volume.mount.hostpath", "troubleshoot-copyfromhost-4m79m-psdjm"),
    ("events/message-pod-init-crashloop-backoff.json", "pod.crashloop.exit127", "init-demo2"),
]  # fmt: skip
UNSURE = [  # a phase, a failed Job or a replica count alone: something is wrong, and nothing says why
    "pods/default-unhealthy.json",
    "pods/other-unhealthy.json",
    "pods/message-container-creating-failed-mount.json",
    "jobs/test.json",
    "replicasets/rook-ceph.json",
]
WELL = [
    "pods/default.json",
    "pods/other.json",
    "jobs/projectcontour.json",
    "deployments/default.json",
    "deployments/kube-system.json",
    "deployments/monitoring.json",
    "replicasets/default.json",
    "statefulsets/default.json",
    "statefulsets/monitoring.json",
    "nodes.json",
]


def explained(name: str) -> Diagnosis:
    return diagnose(build_graph(open_path(str(shared("datasets", "recorded", *name.split("/")))).snapshot(Scope())))


@pytest.mark.parametrize(("name", "cause", "thing"), PODS, ids=[name for name, _, _ in PODS])
def test_the_trouble_is_named(name: str, cause: str, thing: str) -> None:
    firm = {(one.cause, one.object.name) for one in explained(name).root_causes if one.confidence >= 0.5}
    assert (cause, thing) in firm


@pytest.mark.parametrize("name", UNSURE)
def test_what_shows_trouble_without_a_cause_is_unknown(name: str) -> None:
    found = explained(name)
    assert found.verdict is Verdict.UNKNOWN
    assert found.symptoms


@pytest.mark.parametrize("name", WELL)
def test_what_shows_no_trouble_is_not_blamed(name: str) -> None:
    assert [one.title for one in explained(name).root_causes if one.confidence >= 0.5] == []
    assert explained(name).symptoms == ()


def test_a_support_bundle_names_its_failed_job_and_blames_nobody() -> None:
    found = explained("support-bundle")
    assert [one for one in found.root_causes if one.confidence >= 0.5] == []
    assert any("post-install-job" in symptom.text for symptom in found.symptoms)
