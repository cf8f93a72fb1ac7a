"""Nodes that were restarted: again and again, or so lately that the pods on them have not recovered.

A node that came back, with all its pods up again, is no fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.rules.nodes.conditions import victims_on
from copilot.diagnosis.steps import describe
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import plural, read
from copilot.model import Evidence, Finding, Ref, age_text, text
from retrievers.graph import EventFact

REBOOTED = Cause(
    id="node.rebooted",
    title="A node was restarted, and the pods on it with it",
    kind="Node",
    fields=("event Rebooted", "status.containerStatuses[].lastState.terminated"),
    severity=Severity.DEGRADED,
    yields=True,
    steps=("Look at the node's console, kernel log and hardware", "Drain the node until the reason is known"),
    citation="pkg/kubelet/nodestatus/setters.go",
)
SHUTDOWN = Cause(
    id="node.shutdown",
    title="A node was shut down, and its pods were ended",
    kind="Node",
    fields=("status.reason", "status.message", "Node.status.conditions[Ready]"),
    severity=Severity.DEGRADED,
    yields=True,
    steps=("See who shut the node down, and whether it comes back",),
    citation="pkg/kubelet/nodeshutdown/nodeshutdown_manager.go",
)
ALLOCATABLE = Cause(
    id="node.allocatable",
    title="The kubelet cannot enforce what it keeps for the system",
    kind="Node",
    fields=("event FailedNodeAllocatableEnforcement",),
    severity=Severity.DEGRADED,
    steps=("Compare systemReserved, kubeReserved and their cgroups on the node",),
    citation="pkg/kubelet/cm/node_container_manager_linux.go",
)
WINDOW = timedelta(hours=2)
AGAIN = 2  # restarts within the window
_SHUT = "imminent node shutdown"


def find_reboots(view: View) -> Iterator[Finding]:
    """One finding for each node that restarts again and again, or whose pods still suffer from it."""
    by_node: dict[Ref, list[EventFact]] = {}
    for event in view.events_with("Rebooted"):
        if event.ref.kind == "Node" and (event.last is None or view.now - event.last < WINDOW):
            by_node.setdefault(event.ref, []).append(event)
    for node, events in by_node.items():
        times = _times(events)
        hurt = _cut_off(view, node)
        if times < AGAIN and not hurt:
            continue
        last = max((event.last for event in events if event.last is not None), default=None)
        ago = f", last {age_text((view.now - last).total_seconds())} ago" if last is not None else ""
        yield Finding(
            cause=REBOOTED.id,
            object=node,
            title=f"Node {node.name} was rebooted {plural(times, 'time')}{ago}"
            + (f": {plural(len(hurt), 'pod')} on it were cut off" if hurt else ""),
            evidence=tuple(told(event) for event in events[-3:]),
            explains=tuple(dict.fromkeys((*hurt, *victims_on(view, node)))),
            weight=0.85 if times >= AGAIN else 0.6,
            since=events[0].first or events[0].last,
            steps=(
                describe(node),
                read("See when it started", f"ssh {node.name} last -x reboot shutdown"),
                read("Read the log of the run before", f"ssh {node.name} journalctl -b -1 -n 80 --no-pager"),
            ),
        )


_BOOT = re.compile(r"boot id: ([\w\-]{8,64})")


def _times(events: Sequence[EventFact]) -> int:
    """How often it came up: each boot has an id of its own, however often it is told."""
    boots = {found[1] for event in events if (found := _BOOT.search(event.message))}
    return len(boots) or sum(max(1, event.count) for event in events)


def _cut_off(view: View, node: Ref) -> tuple[Ref, ...]:
    """Pods on the node that are not ready and whose containers ended without a word of their own."""
    found = []
    for pod in view.placed:
        lost = any(c.last_reason in ("Unknown", "ContainerStatusUnknown") or c.exit_code == 255 for c in pod.containers)
        if pod.node == node.name and lost and not pod.ready:
            found.append(pod.ref)
    return tuple(found)


def find_shutdowns(view: View) -> Iterator[Finding]:
    """Pods that a node ended as it was shut down, and that nothing has replaced."""
    groups: dict[str, list[Ref]] = {}
    proof: dict[str, Evidence] = {}
    for pod in view.placed:
        message = text(pod.resource.status, "message")
        if pod.phase == "Failed" and _SHUT in message and not view.superseded(pod):
            groups.setdefault(pod.node, []).append(pod.ref)
            proof.setdefault(pod.node, said(pod.resource, "status.message", f"{pod.ref}: {message[:240]}"))
    for name, pods in groups.items():
        node = Ref("Node", "", name)
        yield Finding(
            cause=SHUTDOWN.id,
            object=node,
            title=f"Node {name} was shut down and ended {plural(len(pods), 'pod')}, which nothing has replaced",
            evidence=(proof[name],),
            explains=tuple(dict.fromkeys(ref for pod in pods for ref in (pod, *view.graph.owners(pod)))),
            weight=0.8,
            steps=(describe(node), read("See its shutdowns", f"ssh {name} last -x shutdown reboot")),
            points_to=(node,),
        )


def find_unenforced(view: View) -> Iterator[Finding]:
    """Nodes whose kubelet fails again and again to set its cgroup limits."""
    newest = {event.ref: event for event in view.events_with("FailedNodeAllocatableEnforcement")}
    for node, event in newest.items():
        if node.kind == "Node" and event.count > 1 and (event.last is None or view.now - event.last < WINDOW):
            yield Finding(
                cause=ALLOCATABLE.id,
                object=node,
                title=f"Node {node.name} cannot enforce its reserved resources: {event.message[:200]}",
                evidence=(told(event),),
                explains=victims_on(view, node),
                weight=0.7,
                since=event.first,
                steps=(describe(node), read("Read the kubelet's journal", f"ssh {node.name} journalctl -u kubelet -n 60")),
            )  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(find=find_unenforced, causes=(ALLOCATABLE,)),
    Rule(find=find_reboots, causes=(REBOOTED,)),
    Rule(find=find_shutdowns, causes=(SHUTDOWN,)),
)
