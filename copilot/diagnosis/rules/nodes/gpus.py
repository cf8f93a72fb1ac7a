"""GPUs that are broken or whose driver does not work, said by programs, by device plugins or by a detector's events.

What only the hardware or the driver can cause is blamed on the node; so is a fault of which siblings on other nodes know nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.rules.nodes.conditions import victims_on
from copilot.diagnosis.rules.scheduling.equipment import has_device
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, logged, said, told
from copilot.diagnosis.words import plural, read
from copilot.model import Evidence, Finding, NextStep, Ref, children, mapping, text
from retrievers.graph.placement import quantities, requests_of


def _cause(rule: str, title: str, step: str, citation: str, *more: str) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind="Node",
        fields=("log of the pods on the node", "event of the node"),
        severity=Severity.OUTAGE,
        brings_about=("cuda.", "pod.crashloop.", "nccl.", *more),
        steps=(step,),
        citation=citation,
    )


HARDWARE = _cause(
    "gpu.hardware",
    "A GPU of the node is broken",
    "Drain the node, reset the GPU, and have it replaced when the fault returns",
    "docs.nvidia.com/deploy/xid-errors",
)
DRIVER = _cause(
    "gpu.driver",
    "The GPU driver of the node does not work",
    "Compare driver and library versions on the node, and reboot it after a driver update",
    "docs.nvidia.com/datacenter/cloud-native gpu-operator troubleshooting",
    "gpu.unhealthy",
    "gpu.none_advertised",
)

_STATES = (
    ("nvidia.com/mig.config.state", "failed", "mig.config.failed"),
    ("nvidia.com/gpu-driver-upgrade-state", "upgrade-failed", "gpu.driver.upgrade_failed"),
)
SPLIT = _cause(
    "mig.config.failed",
    "The GPUs of a node could not be partitioned as its label asks",
    "Read the MIG manager's log, end the programs that hold the GPU, or choose another partition",
    "NVIDIA/mig-parted; NVIDIA/gpu-operator mig manager",
    "gpu.none_advertised",
    "sched.insufficient",
)
UPGRADE = _cause(
    "gpu.driver.upgrade_failed",
    "The GPU driver's upgrade failed on a node",
    "Read the driver pod's log on the node, and repair the driver by hand",
    "NVIDIA/k8s-operator-libs upgrade state",
    "gpu.none_advertised",
    "sched.insufficient",
)


UNHEALTHY_DEVICE = _cause(
    "dra.device.unhealthy",
    "A device that a running pod holds has failed",
    "Delete the pod so that it gets another device, and look at the device",
    "pkg/kubelet/cm/dra; KEP-4680 allocatedResourcesStatus",
)

# Xid codes that name the hardware or the driver, not the program: nobody's code makes a GPU fall off the bus.
_FATAL = "48|61|62|63|64|74|79|92|94|95|119|120|136|140|143|145|149|158"
_HARD = re.compile(
    r"uncorrectable (?:ECC|NVLink|memory)|double[- ]bit ECC|(?:GPU )?has fallen off the bus|GPU is lost|GPU_IS_LOST|"
    rf"Xid\s*(?:=|\(.{{1,60}}?\):)\s*(?:{_FATAL})\b|row remapp\w* (?:failure|failed)|"
    r"GPU requires reset|GPU recovery action",
    re.IGNORECASE,
)
_DRIVER = re.compile(
    r"Driver/library version mismatch|couldn't communicate with the NVIDIA driver|"
    r"kernel (?:module )?version .{1,40} does not match|NVML: Driver Not Loaded|nvml(?: error)?: driver not loaded|"
    r"nvidia-container-cli: initialization error: (?:driver|nvml) (?:rpc )?error",
    re.IGNORECASE,
)
_SOFT = re.compile(r"CUDA error|CUDA_ERROR_|cudaError|HIP error|NCCL WARN Cuda failure", re.IGNORECASE)
_ERROR_LINE = re.compile(r"skipping|ignor(?:ed|ing)", re.IGNORECASE)
MAX_LINES = 2000  # newest lines of each log


class Said(msgspec.Struct, frozen=True):
    """One pod's complaint."""

    cause: Cause
    pod: PodFact
    proof: Evidence
    soft: bool = False


def find_gpu_faults(view: View) -> Iterator[Finding]:
    """One finding for each node and fault."""
    complaints: dict[tuple[str, str], list[Said]] = {}
    soft: dict[Ref, list[Said]] = {}
    for pod in view.placed:
        found = _complaint(view, pod)
        if found is None:
            continue
        if found.soft:
            soft.setdefault(pod.owner, []).append(found)
        else:
            complaints.setdefault((pod.node, found.cause.id), []).append(found)
    for owner, group in soft.items():
        nodes = {item.pod.node for item in group}
        if len(nodes) == 1 and len(group) > 1 and _well_elsewhere(view, owner, nodes):
            complaints.setdefault((group[0].pod.node, HARDWARE.id), []).extend(group)
    for (node, _), group in complaints.items():
        yield _finding(view, Ref("Node", "", node), group)
    yield from _by_events(view, {node for node, _ in complaints})


def _complaint(view: View, pod: PodFact) -> Said | None:
    weak: Said | None = None
    for container in pod.containers:
        for path, message in ((".state", container.message), (".lastState", container.last_message)):
            cause = HARDWARE if _HARD.search(message[:4000]) else DRIVER if _DRIVER.search(message[:4000]) else None
            if cause is HARDWARE or (cause is DRIVER and _has_gpus(view, pod.node)):
                return Said(cause, pod, said(pod.resource, f"{container.path}{path}", " ".join(message.split())[-300:]))
    for log in view.logs(pod.ref):
        lines = log.text.splitlines()
        for number in range(len(lines) - 1, max(-1, len(lines) - 1 - MAX_LINES), -1):
            line = lines[number][:2000]
            if _ERROR_LINE.search(line):
                continue
            if _HARD.search(line):
                return Said(HARDWARE, pod, logged(log, number + 1, line[:300]))
            if _DRIVER.search(line) and _has_gpus(view, pod.node):
                return Said(DRIVER, pod, logged(log, number + 1, line[:300]))
            if weak is None and _SOFT.search(line):
                weak = Said(HARDWARE, pod, logged(log, number + 1, line[:300]), soft=True)
    return weak


def _has_gpus(view: View, name: str) -> bool:
    """Whether the node has a GPU: without one, the program is in the wrong place, and the driver is not missing."""
    node = view.graph.get(Ref("Node", "", name))
    if node is None:
        return False
    offered = quantities(mapping(node.status, "capacity"))
    return has_device(node, "nvidia.com/gpu") or any(name.startswith("nvidia.com/") for name in offered)


def _well_elsewhere(view: View, owner: Ref, nodes: set[str]) -> bool:
    return any(pod.ready and pod.node and pod.node not in nodes for pod in view.pods_of(owner))


def _finding(view: View, node: Ref, group: list[Said]) -> Finding:
    cause, only_soft = group[0].cause, all(item.soft for item in group)
    pods = tuple(item.pod.ref for item in group)
    line = group[0].proof.text.strip()
    if only_soft:
        title = f"{plural(len(pods), 'pod')} fail with GPU errors on node {node.name}, and their siblings on other nodes do not: {line[:160]}"
    else:
        what = "A GPU" if cause is HARDWARE else "The GPU driver"
        title = f"{what} of node {node.name} is broken: {line[:200]}"
    return Finding(
        cause=cause.id,
        object=node,
        title=title,
        evidence=tuple(item.proof for item in group[:3]),
        explains=tuple(dict.fromkeys((*pods, *victims_on(view, node)))) if not only_soft else pods,
        weight=0.7 if only_soft else 0.85,
        steps=_steps(node),
    )


def _steps(node: Ref) -> tuple[NextStep, ...]:
    return (
        describe(node),
        read("Look for Xid errors in the kernel log", f"ssh {node.name} dmesg -T | grep -i -e xid -e nvrm"),
        read("Ask the driver", f"ssh {node.name} nvidia-smi -q -d ECC,PAGE_RETIREMENT,ROW_REMAPPER"),
        change("Cordon the node, so that nothing new lands on it", node, f"kubectl cordon {node.name}"),
    )


def find_failed_states(view: View) -> Iterator[Finding]:
    """What the GPU operator's own labels say went wrong on a node, where somebody waits for its GPUs."""
    for node in view.graph.of_kind("Node", group=""):
        for label, bad, cause in _STATES:
            if node.labels.get(label) != bad:
                continue
            waiting = [
                p for p in view.pending if any(name.startswith("nvidia.com/") for name in requests_of(p.resource.spec))
            ]
            wanted = node.labels.get("nvidia.com/mig.config", "")
            what = (
                f"MIG configuration {wanted or 'of its label'} could not be applied"
                if "mig" in label
                else "the GPU driver's upgrade failed"
            )
            yield Finding(
                cause=cause,
                object=node.ref,
                title=f"Node {node.ref.name}: {what} ({label}={bad})",
                evidence=(said(node, f"metadata.labels[{label}]", f"{label} = {bad}"),),
                explains=tuple(dict.fromkeys(ref for pod in waiting for ref in (pod.ref, *view.graph.owners(pod.ref)))),
                weight=0.93 if waiting else 0.6,
                steps=(*_steps(node.ref)[:1], read("Read the operator's pods on it", f"kubectl get pods -A -o wide --field-selector spec.nodeName={node.ref.name}")),
            )  # fmt: skip


def find_unhealthy_allocations(view: View) -> Iterator[Finding]:
    """Pods whose status says that a device they were given is unhealthy."""
    for pod in view.placed:
        for container in pod.containers:
            for given in children(container.status, "allocatedResourcesStatus"):
                bad = [
                    text(item, "resourceID")
                    for item in children(given, "resources")
                    if text(item, "health") == "Unhealthy"
                ]
                if bad:
                    yield Finding(
                        cause=UNHEALTHY_DEVICE.id,
                        object=Ref("Node", "", pod.node),
                        title=f"Device {bad[0]} ({text(given, 'name')}) of node {pod.node}, held by {pod.ref}, is unhealthy",
                        evidence=(said(pod.resource, f"{container.path}.allocatedResourcesStatus", f"{bad[0]}: Unhealthy"),),
                        explains=(pod.ref, pod.owner),
                        weight=0.9,
                        steps=_steps(Ref("Node", "", pod.node)),
                    )  # fmt: skip


def _by_events(view: View, known: set[str]) -> Iterator[Finding]:
    """Detectors that report a fatal Xid as an event of the node."""
    newest = {}
    for event in view.all_events:
        if event.ref.kind == "Node" and event.ref.name not in known and _HARD.search(event.message[:2000]):
            newest[event.ref] = event
    for node, event in newest.items():
        yield Finding(
            cause=HARDWARE.id,
            object=node,
            title=f"A GPU of node {node.name} is broken: {event.message[:200]}",
            evidence=(told(event),),
            explains=victims_on(view, node),
            weight=0.85,
            since=event.first,
            steps=_steps(node),
        )


RULES: tuple[Rule, ...] = (
    Rule(find=find_gpu_faults, causes=(HARDWARE, DRIVER)),
    Rule(find=find_failed_states, causes=(SPLIT, UPGRADE)),
    Rule(find=find_unhealthy_allocations, causes=(UNHEALTHY_DEVICE,)),
)
