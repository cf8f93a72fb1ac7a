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
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, logged, told
from copilot.diagnosis.words import plural, read
from copilot.model import Evidence, Finding, NextStep, Ref


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

# Xid codes that name the hardware or the driver, not the program: nobody's code makes a GPU fall off the bus.
_FATAL = "48|61|62|63|64|74|79|92|94|95|109|119|120|136|140|143|145|149|158"
_HARD = re.compile(
    r"uncorrectable (?:ECC|NVLink|memory)|double[- ]bit ECC|(?:GPU )?has fallen off the bus|GPU is lost|GPU_IS_LOST|"
    rf"Xid\s*(?:=|\(.{{1,60}}?\):)\s*(?:{_FATAL})\b|row remapp\w* (?:failure|failed)|"
    r"GPU requires reset|GPU recovery action",
    re.IGNORECASE,
)
_DRIVER = re.compile(
    r"Driver/library version mismatch|couldn't communicate with the NVIDIA driver|"
    r"kernel (?:module )?version .{1,40} does not match|NVML: Driver Not Loaded|nvml: driver not loaded",
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
    for owner, said in soft.items():
        nodes = {item.pod.node for item in said}
        if len(nodes) == 1 and len(said) > 1 and _well_elsewhere(view, owner, nodes):
            complaints.setdefault((said[0].pod.node, HARDWARE.id), []).extend(said)
    for (node, _), said in complaints.items():
        yield _finding(view, Ref("Node", "", node), said)
    yield from _by_events(view, {node for node, _ in complaints})


def _complaint(view: View, pod: PodFact) -> Said | None:
    weak: Said | None = None
    for log in view.logs(pod.ref):
        lines = log.text.splitlines()
        for number in range(len(lines) - 1, max(-1, len(lines) - 1 - MAX_LINES), -1):
            line = lines[number][:2000]
            if _ERROR_LINE.search(line):
                continue
            if _HARD.search(line):
                return Said(HARDWARE, pod, logged(log, number + 1, line[:300]))
            if _DRIVER.search(line):
                return Said(DRIVER, pod, logged(log, number + 1, line[:300]))
            if weak is None and _SOFT.search(line):
                weak = Said(HARDWARE, pod, logged(log, number + 1, line[:300]), soft=True)
    return weak


def _well_elsewhere(view: View, owner: Ref, nodes: set[str]) -> bool:
    return any(pod.ready and pod.node and pod.node not in nodes for pod in view.pods_of(owner))


def _finding(view: View, node: Ref, said: list[Said]) -> Finding:
    cause, only_soft = said[0].cause, all(item.soft for item in said)
    pods = tuple(item.pod.ref for item in said)
    line = said[0].proof.text.strip()
    if only_soft:
        title = f"{plural(len(pods), 'pod')} fail with GPU errors on node {node.name}, and their siblings on other nodes do not: {line[:160]}"
    else:
        what = "A GPU" if cause is HARDWARE else "The GPU driver"
        title = f"{what} of node {node.name} is broken: {line[:200]}"
    return Finding(
        cause=cause.id,
        object=node,
        title=title,
        evidence=tuple(item.proof for item in said[:3]),
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


RULES: tuple[Rule, ...] = (Rule(find=find_gpu_faults, causes=(HARDWARE, DRIVER)),)
