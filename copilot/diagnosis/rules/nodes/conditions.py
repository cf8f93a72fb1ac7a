"""Nodes that are not well: kubelet, runtime or network plugin down, heartbeat gone, memory, disk or processes short.

One broken node is one cause, whoever runs on it; nodes with the same complaint are one finding. A cordon alone is no fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.pods import condition, in_trouble
from copilot.diagnosis.rules.nodes.journal import words_of
from copilot.diagnosis.rules.nodes.units import node_of, services_down
from copilot.diagnosis.steps import describe
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import listed, plural, read
from copilot.model import Evidence, Finding, NextStep, Ref, Resource, age_text, children, instant, text
from retrievers.graph.placement import pods_on

HEARTBEAT = timedelta(seconds=60)  # leases are renewed every 10 s and lapse after 40 s
JOINING = timedelta(minutes=3)  # images of the network plugin are pulled, and its pod starts
FIRST_WORD = timedelta(seconds=20)  # a kubelet has stated its condition; a later turn: it was ready before
LEASES = "coordination.k8s.io"
NODE_LEASES = "kube-node-lease"
MAX_VICTIMS = 60  # pods listed under one node


# What a node's hardware and kernel do to the programs on it, however sure a program's own words are.
BROUGHT = ("app.disk.read_only", "pod.create.", "sandbox.", "cuda.")


def _cause(
    rule: str,
    title: str,
    *fields: str,
    yields: bool = False,
    severity: Severity = Severity.OUTAGE,
    citation: str = "",
    brings_about: tuple[str, ...] = (),
) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind="Node",
        fields=("Node.status.conditions", *fields),
        severity=severity,
        yields=yields,
        brings_about=brings_about,
        steps=("Look at the node's conditions and events", "Look at the kubelet and the runtime on the node"),
        citation=citation or "pkg/kubelet/nodestatus/setters.go",
    )


KUBELET = _cause("node.notready.kubelet", "The kubelet says its node is not ready")
RUNTIME = _cause("node.notready.runtime", "The node's container runtime is down")
CNI = _cause("node.notready.cni", "The node's network plugin is not ready", yields=True)
UNKNOWN = _cause(
    "node.unknown",
    "The node stopped reporting",
    "Lease.spec.renewTime",
    citation="pkg/controller/nodelifecycle/node_lifecycle_controller.go",
)
MEMORY = _cause("node.pressure.memory", "The node is short of memory", severity=Severity.DEGRADED)
DISK = _cause("node.pressure.disk", "The node is short of disk", severity=Severity.DEGRADED)
PROCESSES = _cause(
    "node.pressure.pid",
    "The node is short of process ids",
    severity=Severity.DEGRADED,
    brings_about=("app.kernel.limit", "app.memory.exhausted"),
)
PROBLEM = _cause(
    "node.condition.other",
    "A node problem was detected",
    severity=Severity.DEGRADED,
    citation="node-problem-detector conditions",
    brings_about=BROUGHT,
)
NETWORK = _cause("node.network.unavailable", "The node's network is not set up", yields=True)

_PRESSURE = {
    "MemoryPressure": (MEMORY, "memory"),
    "DiskPressure": (DISK, "disk"),
    "PIDPressure": (PROCESSES, "process ids"),
}
_STANDARD = frozenset({"Ready", "NetworkUnavailable", *_PRESSURE})
_GOOD_WHEN_TRUE = re.compile(r"(?:Ready|Healthy|Available|Enabled|OK)$")
_CNI = re.compile(r"cni|NetworkPluginNotReady|network (?:plugin )?(?:is )?not ready", re.IGNORECASE)
_RUNTIME = re.compile(
    r"container runtime|PLEG|containerd|cri-?o|docker|runtime (?:is )?(?:down|not ready)", re.IGNORECASE
)


def victims_on(view: View, node: Ref) -> tuple[Ref, ...]:
    """Pods on the node that are in trouble, with their owners."""
    found: dict[Ref, None] = {}
    for pod in pods_on(view.graph, node)[: MAX_VICTIMS * 4]:
        if in_trouble(pod, view.now):
            found[pod.ref] = None
            found.update(dict.fromkeys(view.graph.owners(pod.ref)))
        if len(found) > MAX_VICTIMS:
            break
    return tuple(found)


def waiting_for(view: View, nodes: Sequence[Ref]) -> tuple[Ref, ...]:
    """Pending pods that ask for one of these nodes by name."""
    names = {node.name for node in nodes}
    wanted = [pod for pod in view.pending if text(pod.resource.spec, "nodeSelector", "kubernetes.io/hostname") in names]
    return tuple(pod.ref for pod in wanted)


def find_not_ready(view: View) -> Iterator[Finding]:
    """One finding for each complaint, over the nodes that make it."""
    groups: dict[tuple[str, str], list[tuple[Resource, Mapping[str, object], Cause]]] = {}
    known = {node_of(view, service) for service in services_down(view)}  # a service that is down explains its node
    known |= set(words_of(view))  # and so does a journal that says why
    for node in view.graph.of_kind("Node", group=""):
        ready = condition(node, "Ready")
        if text(ready, "status") in ("True", "") or node.ref.name in known:
            continue
        cause = _kind_of(ready)
        if cause is not UNKNOWN and _joining(view, node, ready):
            continue
        groups.setdefault((cause.id, "" if cause is UNKNOWN else _gist(text(ready, "message"))), []).append(
            (node, ready, cause)
        )
    for members in groups.values():
        yield _not_ready(view, [node for node, _, _ in members], members[0][1], members[0][2])


def _joining(view: View, node: Resource, ready: Mapping[str, object]) -> bool:
    """A node that has just come and was never ready: its network plugin and runtime need a moment."""
    if not view.timed or node.created is None or view.now - node.created >= JOINING:
        return False
    turned = instant(ready.get("lastTransitionTime"))
    return turned is None or turned - node.created < FIRST_WORD


def _kind_of(ready: Mapping[str, object]) -> Cause:
    message = f"{text(ready, 'reason')} {text(ready, 'message')}"
    if text(ready, "status") == "Unknown" or "stopped posting" in message or "NodeStatusNeverUpdated" in message:
        return UNKNOWN
    if _CNI.search(message):
        return CNI
    return RUNTIME if _RUNTIME.search(message) else KUBELET


def _gist(message: str) -> str:
    return re.sub(r"[0-9a-f]{8,}|\d+", "#", message)[:120]


def _not_ready(view: View, nodes: Sequence[Resource], ready: Mapping[str, object], cause: Cause) -> Finding:
    first, names = nodes[0].ref, [node.ref.name for node in nodes]
    subject = f"Node {names[0]} is" if len(names) == 1 else f"Nodes {listed(names)} are"
    message = text(ready, "message")
    if cause is UNKNOWN:
        title = f"{subject} NotReady: the kubelet stopped reporting{_silence(view, nodes[0])}"
    elif cause is CNI:
        title = f"{subject} NotReady: the network plugin (CNI) is not ready: {message[:200]}"
    elif cause is RUNTIME:
        title = f"{subject} NotReady: the container runtime is not ready: {message[:200]}"
    else:
        title = f"{subject} NotReady: the kubelet reports {text(ready, 'reason') or 'KubeletNotReady'}: {message[:200] or 'no message'}"
    proof: list[Evidence] = [
        said(
            node,
            "status.conditions[Ready]",
            f"node {node.ref.name}: Ready = {text(condition(node, 'Ready'), 'status')}, {text(condition(node, 'Ready'), 'reason')}: {text(condition(node, 'Ready'), 'message')[:200]}",
        )
        for node in nodes[:3]
    ]
    proof += [lapsed for node in nodes[:2] if (lapsed := _lease(view, node.ref.name)) is not None]
    victims = tuple(dict.fromkeys(ref for node in nodes for ref in victims_on(view, node.ref)))
    return Finding(
        cause=cause.id,
        object=first,
        title=title,
        evidence=tuple(proof),
        explains=(*(node.ref for node in nodes[1:]), *victims, *waiting_for(view, [node.ref for node in nodes])),
        weight=0.95,
        since=instant(ready.get("lastTransitionTime")),
        steps=node_steps(first, cause),
        points_to=_network_pods(view, names) if cause is CNI else (),
    )


def node_steps(node: Ref, cause: Cause) -> tuple[NextStep, ...]:
    """What to look at on an ill node."""
    unit = "containerd" if cause is RUNTIME else "kubelet"
    return (
        describe(node),
        read(
            f"Look at {unit} on the node",
            f"ssh {node.name} systemctl status {unit} && ssh {node.name} journalctl -u {unit} -n 50",
        ),
        read("See which pods are on it", f"kubectl get pods -A -o wide --field-selector spec.nodeName={node.name}"),
    )


def _silence(view: View, node: Resource) -> str:
    lease = view.graph.get(Ref("Lease", NODE_LEASES, node.ref.name, LEASES))
    renewed = instant(lease.spec.get("renewTime")) if lease is not None else None
    renewed = renewed or instant(condition(node, "Ready").get("lastHeartbeatTime"))
    return (
        f", last heartbeat {age_text((view.now - renewed).total_seconds())} before the observation" if renewed else ""
    )


def _lease(view: View, node: str) -> Evidence | None:
    lease = view.graph.get(Ref("Lease", NODE_LEASES, node, LEASES))
    renewed = instant(lease.spec.get("renewTime")) if lease is not None else None
    if lease is None or renewed is None or view.now - renewed < HEARTBEAT:
        return None
    return said(
        lease,
        "spec.renewTime",
        f"the lease of node {node} was last renewed {age_text((view.now - renewed).total_seconds())} ago",
    )


def _network_pods(view: View, nodes: Sequence[str]) -> tuple[Ref, ...]:
    """DaemonSet pods in trouble on these nodes: the network plugin is among them."""
    return tuple(pod.ref for pod in view.placed if pod.node in nodes and pod.owner.kind == "DaemonSet")


def find_lapsed_leases(view: View) -> Iterator[Finding]:
    """Nodes that still say Ready although their lease has lapsed while others are renewed."""
    renewed: dict[str, datetime] = {}
    for lease in view.graph.of_kind("Lease", NODE_LEASES):
        moment = instant(lease.spec.get("renewTime"))
        if moment is not None:
            renewed[lease.ref.name] = moment
    fresh = [name for name, moment in renewed.items() if view.now - moment < HEARTBEAT]
    if not fresh:
        return  # an old dump, or no leases: nothing to compare with
    for name, moment in sorted(renewed.items()):
        node = view.graph.get(Ref("Node", "", name))
        if node is None or view.now - moment < HEARTBEAT or text(condition(node, "Ready"), "status") != "True":
            continue
        age = age_text((view.now - moment).total_seconds())
        proof = _lease(view, name)
        yield Finding(
            cause=UNKNOWN.id,
            object=node.ref,
            title=f"Node {name} has stopped renewing its lease: the kubelet's last heartbeat was {age} ago, {plural(len(fresh), 'other node')} renewed in time",
            evidence=(proof,) if proof is not None else (),
            explains=victims_on(view, node.ref),
            weight=0.75,
            since=moment,
            steps=node_steps(node.ref, UNKNOWN),
        )


def find_pressure(view: View) -> Iterator[Finding]:
    """Memory, disk or process ids short, and every problem a detector reports."""
    for node in view.graph.of_kind("Node", group=""):
        if text(condition(node, "Ready"), "status") == "Unknown":
            continue  # the kubelet is gone: its other conditions are stale
        for entry in children(node.status, "conditions"):
            kind, status = text(entry, "type"), text(entry, "status")
            if kind in _PRESSURE and status == "True":
                yield _pressure(view, node, entry)
            elif kind == "NetworkUnavailable" and status == "True":
                yield _condition(view, node, entry, NETWORK, f"the network of node {node.ref.name} is unavailable")
            elif kind and kind not in _STANDARD and _is_problem(kind, status):
                yield _condition(view, node, entry, PROBLEM, f"node {node.ref.name} has the problem {kind}")


def _is_problem(kind: str, status: str) -> bool:
    return status == ("False" if _GOOD_WHEN_TRUE.search(kind) else "True")


def _pressure(view: View, node: Resource, entry: Mapping[str, object]) -> Finding:
    cause, what = _PRESSURE[text(entry, "type")]
    finding = _condition(
        view, node, entry, cause, f"node {node.ref.name} is under {text(entry, 'type')}: short of {what}"
    )
    evicted = [pod.ref for pod in view.troubled if pod.node == node.ref.name and pod.status_reason == "Evicted"]
    return Finding(
        cause=finding.cause,
        object=finding.object,
        title=finding.title,
        evidence=(
            *finding.evidence,
            *(
                told(event)
                for event in view.events(
                    node.ref, "EvictionThresholdMet", "ImageGCFailed", "FreeDiskSpaceFailed", "SystemOOM"
                )[-2:]
            ),
        ),
        explains=tuple(dict.fromkeys((*evicted, *finding.explains))),
        weight=0.93,
        since=finding.since,
        steps=(
            describe(node.ref),
            read(
                "See who uses most on it", f"kubectl get pods -A -o wide --field-selector spec.nodeName={node.ref.name}"
            ),
        ),
    )


def _condition(view: View, node: Resource, entry: Mapping[str, object], cause: Cause, words: str) -> Finding:
    detail = ": ".join(part for part in (text(entry, "reason"), text(entry, "message")[:200]) if part)
    path = f"status.conditions[{text(entry, 'type')}]"
    return Finding(
        cause=cause.id,
        object=node.ref,
        title=f"{words[0].upper()}{words[1:]} ({detail})" if detail else f"{words[0].upper()}{words[1:]}",
        evidence=(said(node, path, f"{text(entry, 'type')} = {text(entry, 'status')}, {detail}"),),
        explains=victims_on(view, node.ref),
        weight=0.85,
        since=instant(entry.get("lastTransitionTime")),
        steps=(describe(node.ref),),
    )


RULES: tuple[Rule, ...] = (
    Rule(find=find_not_ready, causes=(KUBELET, RUNTIME, CNI, UNKNOWN)),
    Rule(find=find_lapsed_leases, causes=()),
    Rule(find=find_pressure, causes=(MEMORY, DISK, PROCESSES, PROBLEM, NETWORK)),
)
