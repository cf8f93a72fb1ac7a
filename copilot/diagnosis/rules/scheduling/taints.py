"""Whose fault a taint is: the pod's that lacks a toleration, the node's that is ill, or the hand's that tainted shared nodes.

A taint that pods already running on the node do not tolerate came after them: it was not there when the node was shared out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from copilot.diagnosis.rules.scheduling import causes
from copilot.diagnosis.rules.scheduling.case import Case
from copilot.diagnosis.rules.scheduling.choice import CONTROL_PLANE, Choice, is_condition
from copilot.diagnosis.rules.scheduling.fit import NodeFit
from copilot.diagnosis.rules.scheduling.labels import wanted_text
from copilot.diagnosis.rules.scheduling.message import Filter
from copilot.diagnosis.rules.scheduling.room import node_lines
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, said
from copilot.diagnosis.words import listed, plural
from copilot.model import Evidence, Finding, Ref, Resource, children, text
from retrievers.graph.placement import pods_on, untolerated_taints

_COMMON = frozenset({"node", "agent", "daemon", "daemonset", "plugin", "driver"})
MAX_PODS = 200  # pods of a node that are looked at


def tainted(case: Case, choice: Choice) -> Finding:
    """The suitable nodes have a taint that the pod does not tolerate."""
    names = [fit.name for fit in choice.nodes]
    taints = listed(dict.fromkeys(str(taint) for fit in choice.nodes for taint in fit.taints), 3)
    if all(is_condition(fit) for fit in choice.nodes):
        return _ill(case, choice, names, taints)
    strangers = _strangers(case, choice.nodes)
    if strangers:
        return _shared(case, choice, names, taints, strangers)
    only = "the only suitable node" if len(names) == 1 else f"all {len(names)} suitable nodes"
    return case.finding(
        causes.TAINT,
        f"{case.who} does not tolerate the taint {taints} of {only} ({listed(names)})",
        evidence=(*node_lines(choice, Filter.TAINT), *pinned(case)),
        steps=(
            describe(choice.nodes[0].node.ref),
            change(f"Add a toleration to {case.who} if it belongs there, or remove the taint", case.owner),
        ),
    )


def _ill(case: Case, choice: Choice, names: Sequence[str], taints: str) -> Finding:
    """The cluster, or an agent that has not started, put the taint there: the node or the agent is to be repaired."""
    agents = tuple(ref for fit in choice.nodes for ref in _agents(case.view, fit))
    return case.finding(
        causes.CONDITION_TAINT,
        f"{case.who} can only run on {plural(len(names), 'node')} ({listed(names)}) that is tainted as not healthy: {taints}",
        ref=choice.nodes[0].node.ref,
        evidence=node_lines(choice, Filter.TAINT),
        steps=(describe(choice.nodes[0].node.ref),),
        weight=0.6,
        points_to=(*(fit.node.ref for fit in choice.nodes), *agents),
    )


def _agents(view: View, fit: NodeFit) -> Iterator[Ref]:
    """Pods in trouble that should take a start-up taint off the node: those on it that the taint's domain names."""
    domains = " ".join(taint.key.partition("/")[0] for taint in fit.taints)
    for pod in view.placed:
        words = set(re.split(r"[^a-z0-9]+", pod.owner.name)) - _COMMON
        if pod.node == fit.name and pod.owner.kind == "DaemonSet" and any(w in domains for w in words if len(w) > 2):
            yield pod.ref


def _shared(case: Case, choice: Choice, names: Sequence[str], taints: str, strangers: Sequence[Resource]) -> Finding:
    """One sentence for all the pods that wait: it is the same taint, whoever asks."""
    node = choice.nodes[0].node.ref
    first = strangers[0]
    return case.finding(
        causes.TAINT_SHARED,
        f"{'Node' if len(names) == 1 else 'Nodes'} {listed(names)} {'has' if len(names) == 1 else 'have'} the taint {taints}, "
        "which the pods already running there do not tolerate: it was put on shared nodes, and new pods find no place",
        ref=node,
        evidence=(
            *node_lines(choice, Filter.TAINT),
            said(first, "spec.tolerations", f"{first.ref} runs on node {text(first.spec, 'nodeName')} and does not tolerate it"),
        ),
        steps=(
            describe(node),
            change("Remove the taint if the nodes are to be shared", node, _untaint(choice)),
        ),
    )  # fmt: skip


def _untaint(choice: Choice) -> str:
    taint = choice.nodes[0].taints[0]
    return f"kubectl taint nodes {' '.join(fit.name for fit in choice.nodes[:10])} {taint.key}:{taint.effect}-"


def _strangers(case: Case, fits: Sequence[NodeFit]) -> list[Resource]:
    """Ordinary pods that run on most of these nodes and do not tolerate their taint; none when the nodes are not shared."""
    found: list[Resource] = []
    shared = 0
    for fit in fits:
        on_it = sorted(pods_on(case.view.graph, fit.node.ref), key=lambda pod: pod.ref)[:MAX_PODS]
        mine = next((pod for pod in on_it if _ordinary(pod, fit.node)), None)
        shared += mine is not None
        found += [mine] if mine is not None else []
    workers = [n for n in case.nodes.all.values() if not any(key in n.labels for key in CONTROL_PLANE)]
    alone = len(fits) == 1 < len(workers)  # one node among others, kept for something
    return found if found and shared * 2 >= len(fits) and not alone else []


def _ordinary(pod: Resource, node: Resource) -> bool:
    """A pod that a scheduler put there, not one of a DaemonSet, a static one, or one pinned by name."""
    owners = children(pod.metadata, "ownerReferences")
    if any(text(owner, "kind") in ("DaemonSet", "Node") for owner in owners) or not pod.spec.get("containers"):
        return False
    return bool(owners) and bool(untolerated_taints(pod.spec, node)) and text(pod.status, "phase") == "Running"


def pinned(case: Case) -> Iterator[Evidence]:
    """Why only these nodes are suitable, and that the pod tolerates nothing there."""
    spec = case.pod.resource.spec
    if spec.get("nodeSelector"):
        yield said(case.pod.resource, "spec.nodeSelector", f"the pod asks for {wanted_text(spec)}")
    yield said(case.pod.resource, "spec.tolerations", "no toleration of the pod matches the taint")
