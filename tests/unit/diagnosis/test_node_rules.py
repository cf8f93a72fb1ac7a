"""Nodes: each illness has one cause on the node, whoever runs there; a healthy or cordoned node is silent."""

import pytest

from copilot.diagnosis.rules.nodes import admission as nodes_admission
from copilot.diagnosis.rules.nodes import conditions as nodes
from copilot.diagnosis.rules.nodes import devices as nodes_devices
from copilot.diagnosis.rules.nodes import sandbox as nodes_sandbox
from copilot.diagnosis.rules.nodes import services as nodes_services
from copilot.model import NodeService
from tests.unit.diagnosis.cluster import CONTAINER, NOW, Cluster, ago, condition, ref

RULES = nodes.RULES
GPU = "nvidia.com/gpu"


def ill(status, reason, message, name="n1"):
    return [condition("Ready", status, reason, message)]


@pytest.mark.parametrize(
    ("status", "reason", "message", "cause", "word"),
    [
        ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.", "node.unknown", "stopped reporting"),
        ("False", "KubeletNotReady", "container runtime is down", "node.notready.runtime", "container runtime"),
        (
            "False",
            "KubeletNotReady",
            "PLEG is not healthy: pleg was last seen active 5m0s ago",
            "node.notready.runtime",
            "PLEG",
        ),
        (
            "False",
            "KubeletNotReady",
            "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized",
            "node.notready.cni",
            "CNI",
        ),
        ("False", "KubeletNotReady", "node is shutting down", "node.notready.kubelet", "shutting down"),
    ],
)
def test_a_node_that_is_not_ready_says_which_part_of_it_fails(status, reason, message, cause, word):
    found = Cluster().node("n1", conditions=ill(status, reason, message)).node("n2").only(RULES)
    assert (found.cause, found.object) == (cause, ref("Node", "n1"))
    assert word in found.title


def test_the_pods_of_an_ill_node_are_victims():
    cluster = Cluster().node(
        "n1", conditions=ill("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    )
    cluster.deployment("web").pod(
        "web-abc-1", owner=("ReplicaSet", "web-abc"), node="n1", status={"conditions": [condition("Ready", "False")]}
    )
    assert ref("Pod", "shop/web-abc-1") in cluster.only(RULES).explains


def test_nodes_with_the_same_complaint_are_one_finding():
    message = "cni plugin not initialized"
    cluster = Cluster()
    for name in ("n1", "n2"):
        cluster.node(name, conditions=ill("False", "KubeletNotReady", message))
    found = cluster.only(RULES)
    assert "n1, n2" in found.title
    assert ref("Node", "n2") in found.explains


def test_the_lease_tells_how_long_the_node_has_been_silent():
    cluster = Cluster().node("n1", conditions=ill("Unknown", "NodeStatusUnknown", "")).lease("n1", renewed=900)
    found = cluster.only(RULES)
    assert "15m before" in found.title
    assert any(piece.path == "spec.renewTime" for piece in found.evidence)


def test_a_lapsed_lease_betrays_a_node_that_still_says_ready():
    found = Cluster().node("n1").node("n2").lease("n1", renewed=300).lease("n2").only(RULES)
    assert (found.cause, found.object) == ("node.unknown", ref("Node", "n1"))
    assert found.weight < 0.9


def test_leases_of_an_old_dump_prove_nothing():
    assert Cluster().node("n1").node("n2").lease("n1", renewed=9000).lease("n2", renewed=9000).find(RULES) == []


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("MemoryPressure", "node.pressure.memory"),
        ("DiskPressure", "node.pressure.disk"),
        ("PIDPressure", "node.pressure.pid"),
    ],
)
def test_pressure_names_what_is_short(kind, cause):
    conditions = [condition("Ready", "True"), condition(kind, "True", f"KubeletHas{kind}")]
    found = Cluster().node("n1", conditions=conditions).only(RULES)
    assert (found.cause, found.object) == (cause, ref("Node", "n1"))
    assert Cluster().node("n1", conditions=[condition("Ready", "True"), condition(kind, "False")]).find(RULES) == []


@pytest.mark.parametrize(
    ("kind", "bad", "good"),
    [
        ("KernelDeadlock", "True", "False"),
        ("ReadonlyFilesystem", "True", "False"),
        ("NetworkingReady", "False", "True"),
    ],
)
def test_conditions_of_problem_detectors_are_read_with_their_sense(kind, bad, good):
    ready = condition("Ready", "True")
    assert (
        Cluster().node(conditions=[ready, condition(kind, bad, "X", "y")]).only(RULES).cause == "node.condition.other"
    )
    assert Cluster().node(conditions=[ready, condition(kind, good)]).find(RULES) == []


def test_a_network_that_is_unavailable_is_its_own_cause():
    conditions = [condition("Ready", "True"), condition("NetworkUnavailable", "True", "NoRouteCreated")]
    assert Cluster().node(conditions=conditions).only(RULES).cause == "node.network.unavailable"


def test_a_cordoned_node_is_healthy():
    assert Cluster().node("n1", cordoned=True).lease("n1").find((*RULES, *nodes_devices.RULES)) == []


def starting(message, *, count=1, spec=None, nodes=("n1",)):
    cluster = Cluster()
    for node in nodes:
        cluster.node(node, spec={"podCIDR": "10.1.0.0/24"})
    cluster.deployment("web", have=count, spec=spec)
    for number in range(count):
        node = nodes[number % len(nodes)]
        cluster.pod(
            f"web-abc-{number}",
            owner=("ReplicaSet", "web-abc"),
            node=node,
            phase="Pending",
            waiting="ContainerCreating",
            spec=spec,
        )
        cluster.event("Pod", f"web-abc-{number}", "shop", "FailedCreatePodSandBox", message)
    return cluster


NO_ADDRESS = 'Failed to create pod sandbox: plugin type="bridge" failed (add): failed to allocate for range 0: no IP addresses available in range set: 10.1.0.1-10.1.0.2'


@pytest.mark.parametrize(
    "message", [NO_ADDRESS, 'plugin type="aws-cni" failed (add): failed to assign an IP address to container']
)
def test_used_up_addresses_blame_the_node(message):
    found = starting(message, count=2).only(nodes_sandbox.RULES)
    assert (found.cause, found.object) == ("sandbox.cni.ip_exhausted", ref("Node", "n1"))
    assert "2 pods" in found.title


def test_a_network_plugin_that_fails_everywhere_is_one_finding():
    message = 'Failed to create pod sandbox: plugin type="calico" failed (add): connection refused'
    found = starting(message, count=2, nodes=("n1", "n2")).only(nodes_sandbox.RULES)
    assert found.cause == "sandbox.cni.other"
    assert "n1, n2" in found.title


def test_a_handler_that_no_node_has_blames_the_runtime_class():
    message = 'Failed to create pod sandbox: unable to get OCI runtime: no runtime for "nvidia" is configured'
    found = starting(message, spec={"containers": [dict(CONTAINER)], "runtimeClassName": "nvidia"}).only(
        nodes_sandbox.RULES
    )
    assert (found.cause, found.object) == ("sandbox.runtime.missing", ref("RuntimeClass", "nvidia"))


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("failed to construct FQDN from pod hostname and cluster domain, FQDN x is too long", "sandbox.fqdn"),
        ("runtime does not support user namespaces", "sandbox.runtime.feature"),
        ("rpc error: code = DeadlineExceeded desc = context deadline exceeded", "sandbox.runtime.failed"),
    ],
)
def test_other_sandbox_failures_have_their_causes(message, cause):
    assert starting(message).only(nodes_sandbox.RULES).cause == cause


def test_a_sandbox_made_at_the_second_try_is_healthy():
    cluster = (
        Cluster().node().running("web", "n1").event("Pod", "web-abc-n1", "shop", "FailedCreatePodSandBox", NO_ADDRESS)
    )
    assert cluster.find(nodes_sandbox.RULES) == []


def test_devices_that_are_not_allocatable_blame_the_node_and_quote_the_fault():
    cluster = Cluster().node("g1", capacity={GPU: "8"}, allocatable={GPU: "5"}).daemonset("plugin")
    cluster.pod("plugin-1", "kube-system", owner=("DaemonSet", "plugin"), node="g1")
    cluster.log("plugin-1", "XidCriticalError: Xid=79 on Device=GPU-1; marking device as unhealthy", "kube-system")
    found = cluster.only(nodes_devices.RULES)
    assert (found.cause, found.object) == ("gpu.unhealthy", ref("Node", "g1"))
    assert "3 of 8" in found.title
    assert "Xid 79" in found.title


def test_all_devices_allocatable_is_healthy():
    assert Cluster().node("g1", capacity={GPU: "8"}).find(nodes_devices.RULES) == []


def test_a_gpu_node_that_advertises_none_is_found_by_its_label():
    found = Cluster().node("g1", labels={"nvidia.com/gpu.present": "true"}).only(nodes_devices.RULES)
    assert found.cause == "gpu.none_advertised"


STATUS = """● kubelet.service - kubelet
     Active: failed (Result: exit-code) since Sun 2026-03-01 11:50:00 UTC
Mar 01 11:50:00 n1 kubelet[12]: E0301 run.go:74] "command failed" err="failed to load kubelet config file: no such file"
Mar 01 11:50:00 n1 systemd[1]: kubelet.service: Failed with result 'exit-code'."""


def test_a_failed_service_blames_its_node_with_the_line_that_says_why():
    cluster = Cluster().node("n1")
    cluster.services.append(NodeService("n1", "kubelet.service", "failed", STATUS, "paste"))
    found = cluster.only(nodes_services.RULES)
    assert (found.cause, found.object) == ("node.service.down", ref("Node", "n1"))
    assert "failed to load kubelet config file" in found.title


def test_a_service_without_a_host_belongs_to_the_only_node_that_is_not_ready():
    cluster = Cluster().node("n1").node("n2", conditions=ill("Unknown", "NodeStatusUnknown", ""))
    cluster.services.append(NodeService("", "containerd.service", "inactive", "", "paste"))
    assert cluster.only(nodes_services.RULES).object == ref("Node", "n2")


def test_services_that_run_or_are_off_on_purpose_are_healthy():
    cluster = Cluster().node("n1")
    for unit, state in (
        ("kubelet.service", "active"),
        ("containerd.service", "active"),
        ("docker.service", "inactive"),
        ("cron.service", "failed"),
    ):
        cluster.services.append(NodeService("n1", unit, state, "", "paste"))
    assert cluster.find(nodes_services.RULES) == []


def test_the_illness_began_when_the_condition_changed():
    found = Cluster().node("n1", conditions=ill("False", "KubeletNotReady", "x")).only(RULES)
    assert found.since is not None
    assert (NOW - found.since).total_seconds() == 600
    assert ago(600).endswith("Z")


@pytest.mark.parametrize(
    ("reason", "message", "cause", "kind"),
    [
        ("OutOfcpu", "Node didn't have enough resource: cpu, requested: 500", "pod.admission.outof", "Node"),
        ("NodeAffinity", "Predicate NodeAffinity failed", "pod.admission.nodeaffinity", "Node"),
        (
            "UnexpectedAdmissionError",
            "Allocate failed due to no healthy devices present",
            "pod.admission.unexpected",
            "Node",
        ),
        (
            "TopologyAffinityError",
            "Resources cannot be allocated with Topology locality",
            "pod.admission.topology",
            "Deployment",
        ),
        ("SysctlForbidden", 'forbidden sysctl: "net.core.somaxconn" not allowlisted', "pod.sysctl", "Deployment"),
    ],
)
def test_a_pod_that_the_kubelet_refuses_says_why(reason, message, cause, kind):
    def refused(ready):
        cluster = Cluster().node("n1").deployment("web", have=1, ready=ready)
        status = {"reason": reason, "message": message}
        return cluster.pod("web-abc-1", owner=("ReplicaSet", "web-abc"), node="n1", phase="Failed", status=status)

    found = refused(0).only(nodes_admission.RULES)
    assert (found.cause, found.object.kind) == (cause, kind)
    assert message[:30] in found.title
    assert refused(1).find(nodes_admission.RULES) == []


def test_a_service_that_is_down_explains_why_its_node_is_not_ready():
    cluster = Cluster().node("n1", conditions=ill("Unknown", "NodeStatusUnknown", "")).node("n2")
    cluster.services.append(NodeService("n1", "kubelet.service", "inactive", "", "paste"))
    assert cluster.only((*RULES, *nodes_services.RULES)).cause == "node.service.down"


@pytest.mark.parametrize(("turned", "blamed"), [(99, False), (40, True)], ids=["at its birth", "after it was ready"])
def test_a_young_node_is_blamed_only_when_it_was_ready_before(turned, blamed):
    message = "container runtime network not ready: cni plugin not initialized"
    conditions = [condition("Ready", "False", "KubeletNotReady", message, since=turned)]
    found = (
        Cluster()
        .node("n1", conditions=conditions, metadata={"creationTimestamp": ago(100)})
        .lease("n1", renewed=5)
        .find(RULES)
    )
    assert [finding.cause for finding in found] == (["node.notready.cni"] if blamed else [])
