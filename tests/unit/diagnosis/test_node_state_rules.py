"""What nodes and their labels, journals and agents say, and when they say nothing."""

from __future__ import annotations

import pytest

from copilot.diagnosis.rules.nodes import agents, displaced, gpus, journal, reboots, services, signing, store, versions
from copilot.model import ContainerLog
from tests.unit.diagnosis.cluster import Cluster, condition, ref

GPU = "nvidia.com/gpu"
ASKS = {"resources": {"requests": {GPU: "1"}, "limits": {GPU: "1"}}}


def with_journal(node: Cluster, words: str, unit: str = "kubelet") -> Cluster:
    node.logs.append(ContainerLog(namespace="", pod="n1", container=unit, text=words, source="journal"))
    return node


def silent() -> Cluster:
    return Cluster().node("n1", conditions=[condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped")])


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("x509: certificate has expired or is not yet valid: current time 2001-01-01T00:00:00Z is before 2025-01-01T00:00:00Z", "node.clock"),
        ("x509: certificate has expired or is not yet valid: current time 2026-03-01T00:00:00Z is after 2026-02-01T00:00:00Z", "node.cert.expired"),
        ('"Failed to update lease" err="Unauthorized"', "node.credentials"),
        ("x509: certificate signed by unknown authority", "node.credentials"),
        ('Get "https://10.0.0.5:6443/api/v1/nodes": dial tcp 10.0.0.5:6443: connect: connection refused', "node.apiserver.unreachable"),
        ("lookup api.corp on 10.0.0.2:53: no such host", "node.apiserver.unreachable"),
    ],
)  # fmt: skip
def test_the_kubelets_journal_says_why_its_node_is_silent(words, cause):
    found = with_journal(silent(), f"E0301 kubelet.go:1] {words}\n").only(services.RULES)
    assert (found.cause, found.object) == (cause, ref("Node", "n1"))


def test_a_wrong_clock_is_told_before_the_certificates_it_invalidates():
    words = "x509: certificate signed by unknown authority\ncurrent time 2001-01-01T00:00:00Z is before 2025-01-01T00:00:00Z\n"
    assert with_journal(silent(), words).only(services.RULES).cause == "node.clock"


def test_the_journal_of_a_healthy_node_blames_nobody():
    assert with_journal(Cluster().node("n1"), 'err="Unauthorized"\n').find(services.RULES) == []


def test_kernel_lines_count_only_where_pods_suffer():
    words = "[1.1] EXT4-fs (sda1): Remounting filesystem read-only\n"
    assert with_journal(Cluster().node("n1"), words, "kernel").find(services.RULES) == []
    hurt = Cluster().node("n1").pod("a", node="n1", waiting="CrashLoopBackOff")
    assert with_journal(hurt, words, "dmesg").only(services.RULES).cause == "node.kernel"


def test_each_journal_cause_is_declared_once():
    ids = [cause.id for cause in journal.JOURNAL_CAUSES]
    assert len(ids) == len(set(ids))


def test_a_single_reboot_without_victims_is_history():
    assert Cluster().node("n1").event("Node", "n1", "", "Rebooted", "boot id", count=1).find(reboots.RULES) == []


def test_reboots_again_and_again_are_told_with_their_number():
    found = Cluster().node("n1").event("Node", "n1", "", "Rebooted", "rebooted", count=3).only(reboots.RULES)
    assert found.cause == "node.rebooted"
    assert "3 times" in found.title


@pytest.mark.parametrize(("count", "found"), [(1, 0), (9, 1)])
def test_reserved_resources_that_cannot_be_enforced_count_when_they_repeat(count, found):
    cluster = Cluster().node("n1").event("Node", "n1", "", "FailedNodeAllocatableEnforcement", "cgroup", count=count)
    assert [one.cause for one in cluster.find(reboots.RULES)] == ["node.allocatable"] * found


def test_a_label_that_says_a_driver_upgrade_failed_names_the_node():
    cluster = Cluster().node("g1", labels={"nvidia.com/gpu-driver-upgrade-state": "upgrade-failed"})
    assert cluster.only(gpus.RULES).object == ref("Node", "g1")
    assert Cluster().node("g1", labels={"nvidia.com/gpu-driver-upgrade-state": "upgrade-done"}).find(gpus.RULES) == []


def test_an_unhealthy_device_of_a_running_pod_names_its_node():
    status = {"containerStatuses": [{"name": "main", "ready": False, "restartCount": 0, "state": {"running": {}}, "allocatedResourcesStatus": [{"name": "claim:gpu", "resources": [{"resourceID": "gpu.nvidia.com/gpu-0", "health": "Unhealthy"}]}]}]}  # fmt: skip
    cluster = Cluster().node("g1").pod("train", node="g1", waiting="Error")
    cluster.bodies[-1][0]["status"] |= status
    found = cluster.only(gpus.RULES)
    assert (found.cause, found.object) == ("dra.device.unhealthy", ref("Node", "g1"))


@pytest.mark.parametrize(
    ("code", "blamed"), [(13, False), (31, False), (43, False), (48, True), (79, True), (119, True)]
)
def test_only_an_xid_that_no_program_can_cause_blames_the_node(code, blamed):
    cluster = Cluster().node("g1").pod("train", node="g1", waiting="CrashLoopBackOff")
    cluster.log("train", f"NVRM: Xid (PCI:0000:3b:00): {code}, pid=1\n")
    assert bool(cluster.find(gpus.RULES)) is blamed


def test_cuda_errors_of_all_pods_everywhere_are_not_a_nodes_fault():
    cluster = Cluster().node("g1").node("g2").deployment("web", replicas=2, have=2)
    for node in ("g1", "g2"):
        cluster.pod(f"web-abc-{node}", owner=("ReplicaSet", "web-abc"), node=node, waiting="CrashLoopBackOff")
        cluster.log(f"web-abc-{node}", "RuntimeError: CUDA error: an illegal memory access was encountered\n")
    assert cluster.find(gpus.RULES) == []


def test_an_agent_that_runs_nowhere_is_the_daemon_sets_matter():
    cluster = Cluster().node("n1").node("n2").daemonset("kube-proxy")
    for node in ("n1", "n2"):
        cluster.pod(f"kube-proxy-{node}", "kube-system", owner=("DaemonSet", "kube-proxy"), node=node, waiting="CrashLoopBackOff")  # fmt: skip
    assert cluster.only(agents.RULES).object == ref("DaemonSet", "kube-system/kube-proxy")


def test_an_ordinary_daemon_set_is_no_agent():
    cluster = Cluster().node("n1").daemonset("log-shipper")
    cluster.pod("log-shipper-1", "kube-system", owner=("DaemonSet", "log-shipper"), node="n1", waiting="Error")
    assert cluster.find(agents.RULES) == []


def test_a_taint_of_the_nodes_own_illness_drove_nobody_off_on_purpose():
    cluster = Cluster().node("n1", taints=[{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}])
    cluster.pending("web", "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.")
    cluster.event("Pod", "web-abc-old", "shop", "TaintManagerEviction", "Marking for deletion Pod shop/web-abc-old")
    assert cluster.find(displaced.RULES) == []


@pytest.mark.parametrize("kind", ["Approved", "Denied", "Failed"])
def test_a_request_that_was_answered_no_is_told_at_once_and_one_approved_never(kind):
    spec = {"signerName": "kubernetes.io/kubelet-serving", "username": "system:node:n1"}
    cluster = Cluster().add("CertificateSigningRequest", "csr-1", api="certificates.k8s.io/v1", age=60, spec=spec, status={"conditions": [condition(kind, "True")]})  # fmt: skip
    assert bool(cluster.find(signing.RULES)) is (kind != "Approved")


def test_other_signers_are_nobodys_business():
    spec = {"signerName": "example.com/app", "username": "alice"}
    cluster = Cluster().add("CertificateSigningRequest", "csr-1", api="certificates.k8s.io/v1", spec=spec, status={})
    assert cluster.find(signing.RULES) == []


def test_slow_lines_of_etcd_without_victims_are_below_a_verdict():
    cluster = Cluster().control_plane("cp").pod("etcd-cp", "kube-system", node="cp")
    cluster.log("etcd-cp", "apply request took too long\n" * 9, "kube-system")
    assert [one.weight for one in cluster.find(store.RULES)] == [0.4]


def test_a_pod_that_garbage_collection_removed_blames_the_node_that_is_gone():
    cluster = (
        Cluster().node("n1").add("Job", "render", "shop", api="batch/v1", spec={"template": {}}, status={"failed": 1})
    )
    status = {"conditions": [condition("DisruptionTarget", "True", "DeletionByPodGC", "PodGC: node no longer exists")]}
    cluster.pod("render-1", owner=("Job", "render"), node="spot-1", phase="Failed", status=status)
    found = cluster.only(displaced.RULES)
    assert (found.cause, found.object) == ("pod.gc", ref("Node", "spot-1"))


def test_one_boot_told_twice_is_one_reboot():
    cluster = Cluster().node("n1")
    for _ in range(2):
        cluster.event("Node", "n1", "", "Rebooted", "Node n1 has been rebooted, boot id: 7e1f0a2c-1111", count=2)
    assert cluster.find(reboots.RULES) == []


@pytest.mark.parametrize(("version", "ready", "firm"), [("v1.29.3", "False", True), ("v1.29.3", "True", False)])
def test_an_old_kubelet_is_firmly_blamed_only_where_its_node_is_ill(version, ready, firm):
    cluster = Cluster().node("n1", conditions=[condition("Ready", ready)]).node("n2")
    for (body, _), shown in zip(cluster.bodies, (version, "v1.33.0"), strict=True):
        body["status"]["nodeInfo"] = {"kubeletVersion": shown}
    found = cluster.only(versions.RULES)
    assert (found.object, found.weight >= 0.5) == (ref("Node", "n1"), firm)


def test_three_minor_versions_are_supported():
    cluster = Cluster().node("n1").node("n2").node("n3")
    for (body, _), shown in zip(cluster.bodies, ("v1.30.1", "v1.33.0-eks-5c1", "garbage"), strict=True):
        body["status"]["nodeInfo"] = {"kubeletVersion": shown}
    assert cluster.find(versions.RULES) == []


def test_a_missing_driver_on_a_node_without_gpus_is_not_the_nodes_fault():
    cluster = Cluster().node("n1").pod("web", node="n1", waiting="CrashLoopBackOff")
    assert cluster.log("web", "nvml error: driver not loaded\n").find(gpus.RULES) == []
