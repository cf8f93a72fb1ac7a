"""Devices a node has but does not offer: GPUs marked unhealthy, or a device plugin that advertises none.

Capacity against allocatable is the proof; a device plugin's log that names the fault is added where it was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.rules.scheduling.choice import is_extended
from copilot.diagnosis.rules.scheduling.equipment import devices_of
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, logged, said
from copilot.diagnosis.words import read
from copilot.model import Detail, Evidence, Finding, Ref, Resource, children, mapping, text
from copilot.model.quantity import format_amount
from retrievers.graph.placement import (
    allocatable_of,
    fits_selector,
    free_on,
    pods_on,
    quantities,
    requests_of,
    untolerated_taints,
)

UNHEALTHY = Cause(
    id="gpu.unhealthy",
    title="Devices of a node are unhealthy: fewer allocatable than there are",
    kind="Node",
    fields=("Node.status.capacity", "Node.status.allocatable", "log XidCriticalError"),
    severity=Severity.DEGRADED,
    brings_about=("cuda.",),
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

_PLUGIN = re.compile(r"device-?plugin|gpu-plugin", re.IGNORECASE)
_SOCKETS = "/var/lib/kubelet/device-plugins"
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
        for resource, label in devices_of(node) if capacity else ():
            vendor = resource.partition("/")[0]
            if not any(name.startswith(f"{vendor}/") and amount for name, amount in capacity.items()):
                yield _none(view, node, resource, label)


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
        explains=tuple(
            dict.fromkeys(
                ref for pod in (*waiting, *_users(view, node.ref, resource)) for ref in (pod, *view.graph.owners(pod))
            )
        ),
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


def _users(view: View, node: Ref, resource: str) -> list[Ref]:
    """Pods in trouble on the node that use such devices."""
    return [pod.ref for pod in view.placed if pod.node == node.name and requests_of(pod.resource.spec).get(resource)]


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


def _none(view: View, node: Resource, resource: str, label: str) -> Finding:
    waiting = [pod.ref for pod in view.pending if requests_of(pod.resource.spec).get(resource)]
    agents = [pod.ref for pod in view.placed if pod.node == node.ref.name and pod.owner.kind == "DaemonSet"]
    free = free_on(view.graph, node.ref)
    why, proof = _plugin(view, node, resource)
    return Finding(
        cause=NONE_ADVERTISED.id,
        object=node.ref,
        title=f"Node {node.ref.name} has devices by its labels but advertises no {resource}: {why}",
        evidence=(
            said(
                node,
                "status.allocatable",
                f"{resource} is {'0' if resource in free else 'absent'} in status.allocatable",
            ),
            said(node, "metadata.labels", f"{label} = {text(node.labels, label)}"),
            *proof,
        ),
        explains=tuple(waiting),
        weight=0.55 if _not_ready(view, agents) else 0.93 if waiting else 0.6,  # an agent in trouble says more itself
        steps=(
            describe(node.ref),
            read(
                "See the device plugin's and driver's pods on it",
                f"kubectl get pods -A -o wide --field-selector spec.nodeName={node.ref.name}",
            ),
            read("See the device plugins", "kubectl get daemonsets -A | grep -i -e device-plugin -e gpu"),
        ),
        points_to=tuple(agents),
    )


def _not_ready(view: View, agents: Sequence[Ref]) -> bool:
    """Whether the device plugin, or what it waits for, is itself in trouble on the node."""
    owners = [view.graph.get(view.graph.top_owner(ref)) for ref in agents]
    plugin = any(owner is not None and is_device_plugin(owner) for owner in owners)
    return plugin or any("driver" in ref.name or "toolkit" in ref.name for ref in agents)


def _plugin(view: View, node: Resource, resource: str) -> tuple[str, tuple[Evidence, ...]]:
    """Why the device plugin does not serve the node, as far as its DaemonSet tells."""
    vendor = resource.partition("/")[0].partition(".")[0]
    for workload in sorted(view.workloads("DaemonSet"), key=lambda workload: workload.ref):
        known = " ".join((workload.ref.name, *_images(workload)))
        if not (is_device_plugin(workload) and vendor in known.lower()):
            continue
        on_it = [pod for pod in view.pods_of(workload.ref) if pod.node == node.ref.name]
        if on_it:
            state = "runs there" if all(pod.ready for pod in on_it) else "is not ready there"
            return f"{workload.ref} {state}, so look at its log and at the driver", ()
        template = mapping(workload.spec, "template", "spec")
        if not fits_selector(template, node):
            wanted = ", ".join(f"{key}={text(value)}" for key, value in mapping(template, "nodeSelector").items())
            proof = said(
                workload, "spec.template.spec.nodeSelector", f"{workload.ref} selects {wanted or 'by affinity'}"
            )
            return (
                f"device plugin {workload.ref} is not sent there: its node selector ({wanted or 'affinity'}) does not match",
                (proof,),
            )
        if taints := untolerated_taints(template, node):
            proof = said(node, "spec.taints", f"node {node.ref.name} has the taint {taints[0]}")
            return f"device plugin {workload.ref} is not sent there: it does not tolerate the taint {taints[0]}", (
                proof,
            )
        return f"device plugin {workload.ref} has no pod there", ()
    if view.was_read("DaemonSet"):
        return "no device plugin DaemonSet for it is installed", ()
    return "device plugin or driver is not running there", ()


def is_device_plugin(workload: Resource) -> bool:
    """A DaemonSet that registers devices with the kubelet: by its name, or by the kubelet's socket folder that it mounts."""
    volumes = children(workload.spec, "template", "spec", "volumes")
    mounted = any(text(volume, "hostPath", "path").startswith(_SOCKETS) for volume in volumes)
    return mounted or _PLUGIN.search(workload.ref.name) is not None


def _images(workload: Resource) -> list[str]:
    return [text(container, "image") for container in children(workload.spec, "template", "spec", "containers")]


RULES: tuple[Rule, ...] = (Rule(find=find_unhealthy_devices, causes=(UNHEALTHY, NONE_ADVERTISED)),)
