"""Nodes that fail, and what that does to the pods on them."""

from .manifests import backdrop, daemonset, deployment, node, service, statefulset
from .scenario import Kubectl, NodeFails, Scenario, Seen, Truth

NETWORK_PLUGIN = Scenario(
    name="node-network-plugin-not-ready",
    truth=Truth(
        ("Node", "", "rack-12"),
        "its container network plugin is not initialised, so the kubelet says NotReady",
        ("cni", "network", "not ready", "notready"),
        must_not=(("DaemonSet", "polling", "clock"),),
    ),
    before=(
        *backdrop("town-hall", "notices"),
        node("rack-12", "count"),
        statefulset("polling", "ballots", 1, pod={"nodeSelector": {"corp.io/pool": "count"}}),
        service("polling", "ballots"),
        daemonset("polling", "clock"),
    ),
    steps=(
        NodeFails("rack-12", "not-ready"),
        Seen("get nodes", r"^rack-12 +NotReady"),
        Kubectl("scale statefulset/ballots -n polling --replicas=2"),
        Seen("get events -n polling", r"FailedScheduling .*pod/ballots-1"),
    ),
    paste=("get nodes", "describe node rack-12", "describe pod ballots-1 -n polling"),
)

SILENT = Scenario(
    name="node-silent",
    truth=Truth(
        ("Node", "", "rack-31"),
        "its kubelet no longer reports: the node is Unknown",
        ("kubelet", "unknown", "unreachable", "heartbeat", "not ready", "reporting"),
        must_not=(("Deployment", "beekeeping", "smokers"),),
    ),
    before=(
        *backdrop("nursery", "seedlings", work="water-6"),
        node("rack-31", "honey"),
        deployment("beekeeping", "smokers", 2, pod={"nodeSelector": {"corp.io/pool": "honey"}}),
        service("beekeeping", "smokers"),
    ),
    steps=(
        NodeFails("rack-31", "unknown"),
        Seen("get nodes", r"^rack-31 +NotReady", 150),
        Seen("get pods -n beekeeping -o yaml", r"status: .False."),
    ),
    paste=("get nodes", "describe node rack-31", "get deployments -n beekeeping"),
)

DISK = Scenario(
    name="node-disk-pressure",
    truth=Truth(
        ("Node", "", "rack-07"),
        "its disk is full: the kubelet evicts pods and the node takes no new ones",
        ("disk",),
        must_not=(("Deployment", "cartography", "tiles"),),
    ),
    before=(
        *backdrop("survey-office", "plots"),
        node("rack-07", "maps"),
        deployment("cartography", "tiles", 1, pod={"nodeSelector": {"corp.io/pool": "maps"}}),
        service("cartography", "tiles"),
        deployment("cartography", "legend", 2),
    ),
    steps=(
        NodeFails("rack-07", "disk-pressure"),
        Seen("get node rack-07 -o yaml", r"key: node.kubernetes.io/disk-pressure"),
        Kubectl("annotate pods -n cartography -l app=tiles testbed/failure=evicted-disk testbed/runs-for=200ms"),
        Seen("get events -n cartography", r"Warning +Evicted +pod/tiles"),
        Seen("get events -n cartography", r"FailedScheduling"),
    ),
    paste=("get nodes", "describe node rack-07", "describe pod {pod:cartography/tiles} -n cartography"),
)

NODES = (NETWORK_PLUGIN, SILENT, DISK)
