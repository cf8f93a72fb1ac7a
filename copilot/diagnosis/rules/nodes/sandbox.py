"""Pods whose sandbox is not made: addresses used up, network plugin or runtime broken on the node, name too long.

The node (or its network plugin) is the cause, not the pods that land on it; a sandbox made at the second try is no fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import listed, plural, read
from copilot.model import Evidence, Finding, Ref, children, text
from retrievers.graph import EventFact


def _cause(
    rule: str,
    title: str,
    *fields: str,
    kind: str = "Node",
    yields: bool = False,
    citation: str = "pkg/kubelet/kuberuntime/kuberuntime_sandbox.go",
) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind=kind,
        fields=(*fields, "event FailedCreatePodSandBox", "status.containerStatuses[].state.waiting.reason"),
        yields=yields,
        steps=("Look at the network plugin and the runtime of the node",),
        citation=citation,
    )


ADDRESSES = _cause("sandbox.cni.ip_exhausted", "The node has no free pod address left", "Node.spec.podCIDR")
NETWORK = _cause("sandbox.cni.other", "The node's network plugin fails", yields=True)
HANDLER = _cause(
    "sandbox.runtime.missing",
    "The node's runtime has no handler for the RuntimeClass",
    "Node.status.runtimeHandlers",
    "RuntimeClass.handler",
    citation="pkg/kubelet/kuberuntime/kuberuntime_manager.go",
)
FEATURE = _cause(
    "sandbox.runtime.feature",
    "The node's runtime lacks a feature that the pod asks for",
    "Node.status.runtimeHandlers[].features",
    citation="pkg/kubelet/userns/userns_manager.go",
)
FQDN = _cause(
    "sandbox.fqdn",
    "The pod's full host name is too long",
    "spec.setHostnameAsFQDN",
    kind="Deployment",
    citation="pkg/kubelet/util/util.go",
)
RUNTIME = _cause("sandbox.runtime.failed", "The node's container runtime cannot make a sandbox", yields=True)

_ADDRESSES = re.compile(
    r"no (?:more )?(?:free |available )?(?:IP|ip) ?addresses? (?:are )?available|failed to assign an IP address|no available IP|IPAM.{0,40}(?:exhaust|no free|full)|range is full|insufficient.{0,20}ip address|out of (?:ip )?addresses|InsufficientFreeAddresses",
    re.IGNORECASE,
)
_HANDLER = re.compile(
    r"no runtime for \"?([\w.\-]+)\"? is configured|unable to get runtime handler|unknown runtime handler \"?([\w.\-]*)",
    re.IGNORECASE,
)
_FEATURE = re.compile(
    r"does not support user namespaces|not supported by the runtime|runtime.{0,30}does not support", re.IGNORECASE
)
_FQDN = re.compile(r"FQDN.{0,200}too long|failed to construct FQDN", re.IGNORECASE)
_PLUGIN = re.compile(r"plugin type=\"([\w.\-]+)\"")
_NETWORK = re.compile(r"\bcni\b|network for sandbox|plugin type=|networkPlugin|NetworkNotReady", re.IGNORECASE)
_RANGE = re.compile(r"range(?: set)?:? ([0-9a-f:]*[.:][0-9a-f.:/\-]+)")


def find_sandbox_failures(view: View) -> Iterator[Finding]:
    """One finding for each node and way its sandboxes fail; the same failure on many nodes is one finding."""
    groups: dict[tuple[str, str], list[tuple[PodFact, EventFact]]] = {}
    for pod in view.placed:
        if pod.resource.deleted is not None or any(c.state in ("running", "terminated") for c in pod.containers):
            continue
        events = view.events(pod.ref, "FailedCreatePodSandBox", "NetworkNotReady")
        if not events:
            continue
        cause = _kind_of(events[-1].message)
        place = str(pod.owner) if cause is FQDN else pod.node
        groups.setdefault((cause.id, place), []).append((pod, events[-1]))
    shared: dict[str, list[list[tuple[PodFact, EventFact]]]] = {}
    for (identity, _), members in groups.items():
        shared.setdefault(identity, []).append(members)
    for identity, places in shared.items():
        everywhere = identity == NETWORK.id  # one broken plugin, however many nodes it breaks
        for members in [list(chain.from_iterable(places))] if everywhere else places:
            yield _explain(view, _kind_of(members[0][1].message), members)


def _kind_of(message: str) -> Cause:
    for cause, pattern in (
        (ADDRESSES, _ADDRESSES),
        (HANDLER, _HANDLER),
        (FEATURE, _FEATURE),
        (FQDN, _FQDN),
        (NETWORK, _NETWORK),
    ):
        if pattern.search(message):
            return cause
    return RUNTIME


def _explain(view: View, cause: Cause, members: Sequence[tuple[PodFact, EventFact]]) -> Finding:
    pods = [pod for pod, _ in members]
    pod, event = members[0]
    node = Ref("Node", "", pod.node)
    nodes = list(dict.fromkeys(member.node for member in pods))
    count = plural(len(pods), "pod")
    proof: list[Evidence] = [told(found) for _, found in members[:2]]
    ref, weight = node, 0.9
    points: tuple[Ref, ...] = ()
    if cause is ADDRESSES:
        pool = _RANGE.search(event.message)
        title = f"Node {pod.node} has no free pod IP address left (CNI range{f' {pool[1]}' if pool else ''} exhausted): {count} get no sandbox"
        proof += _pod_range(view, node)
        weight = 0.95
    elif cause is HANDLER:
        ref, title = _handler(view, pod, event.message)
    elif cause is FQDN:
        ref, title = (
            pod.owner,
            f"The host name of {pod.owner} as a fully qualified name is longer than 64 characters, so no sandbox is made",
        )
    elif cause is FEATURE:
        title = f"The container runtime of node {pod.node} lacks a feature {pod.owner} asks for: {event.message[-160:]}"
    else:
        plugin = _PLUGIN.search(event.message)
        what = (
            f"network plugin {plugin[1]} (CNI)"
            if plugin
            else "network plugin (CNI)"
            if cause is NETWORK
            else "container runtime"
        )
        where = f"node {nodes[0]}" if len(nodes) == 1 else f"nodes {listed(nodes)}"
        title = f"The {what} fails on {where}: {count} get no sandbox: {event.message[-180:]}"
        points = tuple(other.ref for other in view.placed if other.node in nodes and other.owner.kind == "DaemonSet")
        weight = 0.8
    return Finding(
        cause=cause.id,
        object=ref,
        title=title,
        evidence=tuple(proof),
        explains=tuple(
            dict.fromkeys(found for member in pods for found in (member.ref, *view.graph.owners(member.ref)))
        ),
        weight=weight,
        since=event.first,
        steps=(
            describe(pod.ref),
            read(
                "See the pods on the node, the network plugin's among them",
                f"kubectl get pods -A -o wide --field-selector spec.nodeName={pod.node}",
            ),
            change(cause.steps[0], ref),
        ),
        points_to=points,
    )


def _pod_range(view: View, node: Ref) -> list[Evidence]:
    resource = view.graph.get(node)
    if resource is None:
        return []
    with_address = [
        pod
        for pod in view.graph.of_kind("Pod", group="")
        if text(pod.spec, "nodeName") == node.name
        and text(pod.status, "podIP")
        and pod.spec.get("hostNetwork") is not True
    ]
    cidr = text(resource.spec, "podCIDR")
    return [
        said(
            resource,
            "spec.podCIDR",
            f"node {node.name}: podCIDR {cidr or 'not set'}, {plural(len(with_address), 'pod')} with an address of it",
        )
    ]


def _handler(view: View, pod: PodFact, message: str) -> tuple[Ref, str]:
    """A handler that other nodes have is missing on this node; one that no node has is wrong in the RuntimeClass."""
    named = _HANDLER.search(message)
    handler = next((part for part in named.groups() if part), "") if named else ""
    name = text(pod.resource.spec, "runtimeClassName")
    runtime_class = Ref("RuntimeClass", "", name, "node.k8s.io")
    elsewhere = [
        node.ref.name
        for node in view.graph.of_kind("Node", group="")
        if node.ref.name != pod.node
        and any(text(entry, "name") == handler for entry in children(node.status, "runtimeHandlers"))
    ]
    label = f"runtime handler {handler}" if handler else "runtime handler"
    if elsewhere or not name:
        return (
            Ref("Node", "", pod.node),
            f"The container runtime of node {pod.node} has no {label} (RuntimeClass {name}); {listed(elsewhere) or 'other nodes'} may have it",
        )
    return (
        runtime_class,
        f"No node has the {label} that RuntimeClass {name} names, which {pod.owner} uses (node {pod.node})",
    )


RULES: tuple[Rule, ...] = (
    Rule(find=find_sandbox_failures, causes=(ADDRESSES, NETWORK, HANDLER, FEATURE, FQDN, RUNTIME)),
)
