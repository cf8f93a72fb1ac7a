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
    """The pods under `Non-terminated Pods:`, each with its line: namespace, name, node, age and nothing more."""
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
                    "spec": without_nothing({"nodeName": name}),
                },
            )
        )
    return found
