"""Devices a node has but does not offer: GPUs marked unhealthy, or a device plugin that advertises none.

Capacity against allocatable is the proof; a device plugin's log that names the fault is added where it was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.rules.scheduling.choice import is_extended
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, logged, said
from copilot.diagnosis.words import read
from copilot.model import Detail, Evidence, Finding, Ref, Resource, mapping, text
from copilot.model.quantity import format_amount
from retrievers.graph.placement import allocatable_of, free_on, pods_on, quantities, requests_of

UNHEALTHY = Cause(
    id="gpu.unhealthy",
    title="Devices of a node are unhealthy: fewer allocatable than there are",
    kind="Node",
    fields=("Node.status.capacity", "Node.status.allocatable", "log XidCriticalError"),
    severity=Severity.DEGRADED,
    steps=("Look at the device plugin's log and the kernel log", "Drain the node and reset or replace the device"),
    citation="NVIDIA/k8s-device-plugin internal/rm/health.go; pkg/kubelet/cm/devicemanager",
)
NONE_ADVERTISED = Cause(
    id="gpu.none_advertised",
    title="A node has GPUs by its labels but advertises none",
    kind="Node",
    fields=("Node.metadata.labels", "Node.status.allocatable"),
    severity=Severity.DEGRADED,
    yields=True,
    steps=("Look at the device plugin pod of the node", "Look at the driver on the node"),
    citation="NVIDIA/gpu-operator node labels; pkg/kubelet/cm/devicemanager",
)

_PRESENT = (
    "nvidia.com/gpu.present",
    "feature.node.kubernetes.io/pci-10de.present",
    "feature.node.kubernetes.io/pci-0302_10de.present",
)
_GPU = "nvidia.com/gpu"
_XID = re.compile(r"Xid\s*(?:=|\(.*?\):)\s*(\d+)")
MAX_LINES = 2000  # newest log lines searched for a device fault


def find_unhealthy_devices(view: View) -> Iterator[Finding]:
    """Nodes whose allocatable devices are fewer than their capacity, or that advertise none of those they have."""
    for node in view.graph.of_kind("Node", group=""):
        if node.detail is Detail.ROW:
            continue
        capacity, offered = quantities(mapping(node.status, "capacity")), allocatable_of(node)
        for resource, total in sorted(capacity.items()):
            if is_extended(resource) and total > offered.get(resource, Fraction(0)):
                yield _unhealthy(view, node, resource, total, offered.get(resource, Fraction(0)))
        labelled = any(node.labels.get(label) == "true" for label in _PRESENT)
        shared = any(name.startswith("nvidia.com/") and amount for name, amount in capacity.items())
        if labelled and capacity and not shared:
            yield _none(view, node)


def _unhealthy(view: View, node: Resource, resource: str, total: Fraction, left: Fraction) -> Finding:
    waiting = [
        pod.ref for pod in view.pending if 0 < requests_of(pod.resource.spec).get(resource, Fraction(0)) <= total
    ]
    code, proof = _device_fault(view, node.ref)
    fault = f" after Xid {code}" if code else ""
    lost = format_amount(resource, total - left)
    return Finding(
        cause=UNHEALTHY.id,
        object=node.ref,
        title=f"{lost} of {format_amount(resource, total)} {resource} devices of node {node.ref.name} are marked unhealthy{fault}: only {format_amount(resource, left)} allocatable",
        evidence=(
            said(
                node,
                f"status.allocatable[{resource}]",
                f"{resource}: capacity {format_amount(resource, total)}, allocatable {format_amount(resource, left)}",
            ),
            *proof,
        ),
        explains=tuple(dict.fromkeys(ref for pod in waiting for ref in (pod, *view.graph.owners(pod)))),
        weight=0.95 if waiting or proof else 0.8,
        steps=(
            describe(node.ref),
            read("Read the device plugin's log", "kubectl get pods -A -o wide | grep -i device-plugin"),
            change(
                "Cordon and drain the node, then reset or replace the device",
                node.ref,
                f"kubectl cordon {node.ref.name}",
            ),
        ),
    )


def _device_fault(view: View, node: Ref) -> tuple[str, list[Evidence]]:
    """The newest Xid that a log of the node's pods names."""
    for pod in pods_on(view.graph, node):
        for log in view.logs(pod.ref):
            lines = log.text.splitlines()
            start = max(0, len(lines) - MAX_LINES)
            for number in range(len(lines) - 1, start - 1, -1):
                if found := _XID.search(lines[number]):
                    return found[1], [logged(log, number + 1, lines[number][:300])]
    return "", []


def _none(view: View, node: Resource) -> Finding:
    waiting = [pod.ref for pod in view.pending if requests_of(pod.resource.spec).get(_GPU)]
    plugin = [pod.ref for pod in view.placed if pod.node == node.ref.name and pod.owner.kind == "DaemonSet"]
    free = free_on(view.graph, node.ref)
    return Finding(
        cause=NONE_ADVERTISED.id,
        object=node.ref,
        title=f"Node {node.ref.name} has a GPU by its labels but advertises no {_GPU}: device plugin or driver is not running there",
        evidence=(
            said(node, "status.allocatable", f"{_GPU} is {'0' if _GPU in free else 'absent'} in status.allocatable"),
            said(node, "metadata.labels", f"{next(label for label in _PRESENT if text(node.labels, label))} = true"),
        ),
        explains=tuple(waiting),
        weight=0.85 if waiting else 0.6,
        steps=(
            describe(node.ref),
            read(
                "See the GPU operator's pods on it",
                f"kubectl get pods -A -o wide --field-selector spec.nodeName={node.ref.name}",
            ),
        ),
        points_to=tuple(plugin),
    )


RULES: tuple[Rule, ...] = (Rule(find=find_unhealthy_devices, causes=(UNHEALTHY, NONE_ADVERTISED)),)
