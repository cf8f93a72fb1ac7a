"""Containers that the runtime cannot stop: the kubelet tries again and again, on one node, whatever the workload.

Also hooks that fail when a pod ends. A single failed try is ordinary when a container ends by itself at the same moment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.steps import describe
from copilot.diagnosis.view import View, told
from copilot.diagnosis.words import plural
from copilot.model import Finding, Ref
from retrievers.graph import EventFact

UNSTOPPABLE = Cause(
    id="node.runtime.cannot_stop",
    title="The node's container runtime cannot stop containers",
    kind="Node",
    fields=("event FailedKillPod", "metadata.deletionTimestamp"),
    severity=Severity.DEGRADED,
    yields=True,
    steps=("Look at the runtime and at processes in uninterruptible sleep on that node",),
    citation="kubernetes pkg/kubelet/events/event.go; pkg/kubelet/container/sync_result.go",
)
PRE_STOP = Cause(
    id="pod.hook.prestop",
    title="The preStop hook failed, so open work is not drained",
    kind="Pod",
    fields=("event FailedPreStopHook", "spec.containers[].lifecycle.preStop"),
    severity=Severity.NOTICE,
    steps=("Run the hook's command by hand in the same image and repair it",),
    citation="kubernetes pkg/kubelet/events/event.go",
)
_RECENT = timedelta(minutes=15)
_LATELY = timedelta(hours=1)
_OFTEN = 3  # failed tries of one pod
_NETWORK = re.compile(
    r"plugin type=\"(?P<plugin>[\w.-]{1,60})\".{0,40}failed \(delete\)|failed to (?:teardown|destroy) network"
)
_WHY = re.compile(r"desc = (?P<why>.{3,160}?)(?:\"|, failed to|\]|$)")


def find_unstoppable(view: View) -> Iterator[Finding]:
    """One finding for each node whose runtime fails to stop containers again and again."""
    by_node: dict[str, dict[Ref, EventFact]] = {}
    for event in view.events_with("FailedKillPod"):
        late = event.last is None or view.now - event.last < _RECENT
        pod = view.graph.get(event.ref)
        node = view.pod(pod).node if pod is not None else event.host
        if late and node and event.ref.kind == "Pod" and pod is not None:
            by_node.setdefault(node, {})[event.ref] = event
    for node, events in sorted(by_node.items()):
        if len(events) > 1 or any(event.count >= _OFTEN for event in events.values()):
            yield _explain(node, events)


def _explain(node: str, events: dict[Ref, EventFact]) -> Finding:
    first = next(iter(events.values()))
    ref = Ref("Node", "", node)
    network = _NETWORK.search(first.message)
    why = _WHY.search(first.message)
    what = (
        f"its network plugin {network['plugin'] or ''} cannot take down the network of {plural(len(events), 'pod')}".replace("  ", " ")
        if network
        else f"its container runtime cannot stop the containers of {plural(len(events), 'pod')}"
    )  # fmt: skip
    return Finding(
        cause=UNSTOPPABLE.id,
        object=ref,
        title=f"{ref}: {what}: {(why['why'] if why else first.message)[:160]}",
        evidence=tuple(told(event) for event in list(events.values())[:3]),
        explains=tuple(events),
        weight=0.85 if len(events) > 1 else 0.65,
        since=first.first,
        steps=(describe(ref), *(describe(pod) for pod in list(events)[:1])),
        points_to=(ref,),
    )


def find_failed_hooks(view: View) -> Iterator[Finding]:
    """One finding for each workload whose preStop hook failed lately; its pods end all the same, so it is only remarked."""
    told_of: dict[Ref, list[EventFact]] = {}
    for event in view.events_with("FailedPreStopHook"):
        if event.ref.kind == "Pod" and (event.last is None or view.now - event.last < _LATELY):
            pod = view.graph.get(event.ref)
            told_of.setdefault(view.pod(pod).owner if pod is not None else event.ref, []).append(event)
    for owner, events in told_of.items():
        yield Finding(
            cause=PRE_STOP.id,
            object=owner,
            title=f"{owner}: its preStop hook fails when its pods end, so open work is not drained: {events[-1].message[:200]}",
            evidence=(told(events[-1]),),
            explains=tuple(dict.fromkeys(event.ref for event in events)),
            weight=0.45,
            since=events[0].first,
            steps=(describe(owner),),
        )


RULES = (
    Rule(find=find_unstoppable, causes=(UNSTOPPABLE,)),
    Rule(find=find_failed_hooks, causes=(PRE_STOP,)),
)
