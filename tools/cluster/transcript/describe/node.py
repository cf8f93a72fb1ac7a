"""Reads a described Node: capacity, conditions, taints, lease, and the pods that run on it."""

from __future__ import annotations

from typing import Any

from tools.cluster.transcript.describe.common import conditions_of, quantities_of, taints_of
from tools.cluster.transcript.describe.lexer import Entry
from tools.cluster.transcript.values import ago, truth, when, without_nothing, words

_SYSTEM_INFO = {
    "Machine ID": "machineID",
    "System UUID": "systemUUID",
    "Boot ID": "bootID",
    "Kernel Version": "kernelVersion",
    "OS Image": "osImage",
    "Operating System": "operatingSystem",
    "Architecture": "architecture",
    "Container Runtime Version": "containerRuntimeVersion",
    "Kubelet Version": "kubeletVersion",
    "Kube-Proxy Version": "kubeProxyVersion",
}


def node(root: Entry) -> dict[str, Any]:
    """A Node's spec and status."""
    info = root.get("System Info")
    addresses = root.get("Addresses")
    return {
        "spec": {
            "taints": taints_of(root.get("Taints")),
            "unschedulable": truth(root.word("Unschedulable")) or None,
            "podCIDR": root.word("PodCIDR"),
            "podCIDRs": words(root.word("PodCIDRs")),
            "providerID": root.word("ProviderID"),
        },
        "status": {
            "conditions": conditions_of(root.get("Conditions")),
            "addresses": [
                {"type": child.key, "address": child.value}
                for child in (addresses.children if addresses is not None else ())
                if child.key and child.value
            ],
            "capacity": quantities_of(root.get("Capacity")),
            "allocatable": quantities_of(root.get("Allocatable")),
            "nodeInfo": without_nothing(
                {field: info.word(key) for key, field in _SYSTEM_INFO.items()} if info is not None else {}
            ),
        },
    }


def lease_of(root: Entry, name: str) -> dict[str, Any]:
    """The node's Lease as `describe node` shows it, {} where it does not."""
    entry = root.get("Lease")
    if entry is None or not name or not entry.children:
        return {}
    spec = {
        "holderIdentity": entry.word("HolderIdentity"),
        "acquireTime": when(entry.word("AcquireTime")),
        "renewTime": when(entry.word("RenewTime")),
    }
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "namespace": "kube-node-lease"},
        "spec": without_nothing(spec),
    }


def pods_of(root: Entry, name: str) -> list[tuple[int, dict[str, Any]]]:
    """The pods under `Non-terminated Pods:`, each with its line: namespace, name, node, age, CPU and memory requested.

    The sums stand where the API keeps a pod's own requests (`spec.resources`): the table does not name the containers.
    """
    entry = root.get("Non-terminated Pods")
    found = []
    for child in entry.children[2:] if entry is not None else ():
        parts = child.text.split()
        if len(parts) < 3 or child.text.startswith("-"):
            continue
        metadata = {"namespace": parts[0], "name": parts[1], "creationTimestamp": ago(parts[-1])}
        found.append(
            (
                child.number,
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": without_nothing(metadata),
                    "spec": without_nothing({"nodeName": name, "resources": _requested(parts[2:-1])}),
                },
            )
        )
    return found


def _requested(cells: list[str]) -> dict[str, Any] | None:
    """The requests of a row `CPU Requests, CPU Limits, Memory Requests, Memory Limits`, each with its share in brackets."""
    amounts = [cell for cell in cells if not cell.startswith("(")]
    if len(amounts) != len(("cpu", "cpu limit", "memory", "memory limit")):
        return None
    wanted = {name: amount for name, amount in (("cpu", amounts[0]), ("memory", amounts[2])) if amount != "0"}
    return {"requests": wanted} if wanted else None
