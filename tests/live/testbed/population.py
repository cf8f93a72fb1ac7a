"""Fills a cluster: nodes, and any number of pods in Deployments across namespaces.

Promise: the same numbers give the same objects, and creating them twice changes nothing.
"""

from collections.abc import Iterator
from typing import Any

from . import metrics
from .api import Api
from .control_plane import MANAGED_LABEL
from .waiting import until

ZONES = ("a", "b", "c")
REPLICAS = 20  # pods of one Deployment
DEPLOYMENTS_PER_NAMESPACE = 10
CAPACITY = {
    "cpu": "8",
    "memory": "32Gi",
    "ephemeral-storage": "100Gi",
    "pods": "110",
    "hugepages-1Gi": "0",
    "hugepages-2Mi": "0",
}
SETTLES_WITHIN = 600.0  # seconds: 5,000 pods took 51 on two idle cores
LABEL_KEY, LABEL_VALUE = MANAGED_LABEL.split("=")


def node_names(count: int) -> list[str]:
    """Names of the first `count` nodes."""
    return [f"node-{number}" for number in range(1, count + 1)]


def node(name: str, number: int) -> dict[str, Any]:
    """Return a worker node as its kubelet would register it."""
    zone = f"zone-{ZONES[number % len(ZONES)]}"
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/region": "region-1",
        "topology.kubernetes.io/zone": zone,
        "node.kubernetes.io/instance-type": "standard-8",
        LABEL_KEY: LABEL_VALUE,
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {metrics.NODE_ANNOTATION: metrics.page(name)}},
        "status": {"capacity": CAPACITY, "allocatable": CAPACITY},
    }


def create_nodes(api: Api, count: int) -> None:
    """Create the nodes and wait until all are Ready."""
    names = node_names(count)
    api.create_all([("/api/v1/nodes", node(name, number)) for number, name in enumerate(names)])
    until(lambda: _ready_nodes(api) >= count, SETTLES_WITHIN, every=0.2 + count / 400)


def create_pods(api: Api, count: int) -> None:
    """Create `count` pods in quiet Deployments and wait until all are Running."""
    deployments = list(_deployments(count))
    namespaces = sorted({item["metadata"]["namespace"] for item in deployments})
    api.create_all([("/api/v1/namespaces", {"metadata": {"name": name}}) for name in namespaces])
    api.create_all(
        [(f"/apis/apps/v1/namespaces/{item['metadata']['namespace']}/deployments", item) for item in deployments]
    )

    def settled() -> bool:
        return sum(_ready_replicas(api, name) for name in namespaces) >= count

    until(settled, SETTLES_WITHIN, every=0.5)


def _deployments(pods: int) -> Iterator[dict[str, Any]]:
    number = 0
    while pods > 0:
        replicas = min(REPLICAS, pods)
        yield _deployment(
            f"team-{number // DEPLOYMENTS_PER_NAMESPACE + 1}", f"app-{number % DEPLOYMENTS_PER_NAMESPACE + 1}", replicas
        )
        pods -= replicas
        number += 1


def _deployment(namespace: str, name: str, replicas: int) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": name}
    container = {
        "name": name,
        "image": f"registry.example/{namespace}/{name}:1.0.0",
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
    }
    template = {
        "metadata": {"labels": labels, "annotations": {"testbed/quiet": "true"}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False},
    }
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def _ready_nodes(api: Api) -> int:
    nodes = api.get("/api/v1/nodes")["items"]
    return sum(
        any(each["type"] == "Ready" and each["status"] == "True" for each in item["status"].get("conditions", []))
        and not item["spec"].get("taints")
        for item in nodes
    )


def _ready_replicas(api: Api, namespace: str) -> int:
    items = api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"]
    return sum(item["status"].get("readyReplicas", 0) for item in items)
