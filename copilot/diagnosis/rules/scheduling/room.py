"""Sentences about room: CPU, memory, devices and pod slots, with the arithmetic for each node and who holds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

from copilot.diagnosis.rules.scheduling import causes
from copilot.diagnosis.rules.scheduling.case import MAX_NODES, Case
from copilot.diagnosis.rules.scheduling.choice import Choice, is_extended
from copilot.diagnosis.rules.scheduling.equipment import has_device
from copilot.diagnosis.rules.scheduling.fit import NodeFit
from copilot.diagnosis.rules.scheduling.message import Filter
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import said
from copilot.diagnosis.words import listed, plural, read
from copilot.model import Evidence, Finding, Ref
from copilot.model.quantity import format_amount
from retrievers.graph.placement import PODS, allocatable_of, quantities

DEFAULT_MAX_PODS = 110  # kubelet default; a lower limit was set on the node


def room(case: Case, choice: Choice) -> Finding:
    """The pods ask for more than any suitable node has free."""
    requests = case.nodes.requests(case.pod.resource.spec)
    short = Counter(name for fit in choice.nodes for name in fit.missing if name != PODS)
    resource = max(short, key=lambda name: (short[name], is_extended(name), name)) if short else "cpu"
    amount = requests.get(resource, Fraction(0))
    asked = format_amount(resource, amount)
    sizes = {fit.name: case.nodes.size(fit.name).get(resource, Fraction(0)) for fit in choice.candidates}
    free = {name: max(Fraction(0), case.nodes.free(name).get(resource, Fraction(0))) for name in sizes}
    roomiest = max(free, key=lambda name: (free[name], name))
    if is_extended(resource) and not any(sizes.values()):
        why = f"no node advertises {resource}{_instead(case, resource)}"
    elif amount > max(sizes.values()):
        largest = max(sizes, key=lambda name: (sizes[name], name))
        why = f"no node is that large: the largest ({largest}) offers {format_amount(resource, sizes[largest])}"
    elif is_extended(resource) and sum(free.values()) >= amount:
        why = f"the {format_amount(resource, Fraction(sum(free.values())))} free are spread over several nodes, at most {format_amount(resource, free[roomiest])} on one ({roomiest})"
    else:
        why = f"the most that is free on one of {plural(len(sizes), 'suitable node')} is {format_amount(resource, free[roomiest])} of {format_amount(resource, sizes[roomiest])} ({roomiest})"
    lost = [fit for fit in choice.nodes if _devices_lost(fit, resource)] if is_extended(resource) else []
    others = [name for name in short if name != resource and short[name] == len(choice.nodes)]
    return case.finding(
        causes.room_cause(resource),
        f"Insufficient {resource}: {case.who} requests {asked} {resource} per pod, and {why}"
        + (f" (also short of {listed(others)})" if others else ""),
        evidence=(*node_lines(choice, Filter.RESOURCE), *_holders(case, choice.nodes, resource)),
        steps=(
            read("See what each node has allocated", "kubectl describe nodes | grep -A8 'Allocated resources'"),
            change(f"Lower the {resource} request of {case.who}, or add a node", case.owner),
        ),
        points_to=tuple(fit.node.ref for fit in lost) or _equipped(case, resource, sizes),
    )


def _instead(case: Case, resource: str) -> str:
    """What nodes offer of the same vendor: another partition, or the right spelling."""
    vendor = resource.partition("/")[0]
    offered = sorted(
        {name for node in case.nodes.all for name, amount in case.nodes.size(node).items() if amount and name.startswith(f"{vendor}/")}
    )  # fmt: skip
    return f" (nodes offer {listed(offered, 4)})" if offered else ""


def _equipped(case: Case, resource: str, sizes: Mapping[str, Fraction]) -> tuple[Ref, ...]:
    """Nodes that have such devices by their labels and offer none: where the device plugin does not do its work."""
    if any(sizes.values()):
        return ()
    return tuple(node.ref for node in case.nodes.all.values() if has_device(node, resource))


def _devices_lost(fit: NodeFit, resource: str) -> bool:
    capacity = fit.node.status.get("capacity")
    had = quantities(capacity).get(resource, Fraction(0)) if isinstance(capacity, dict) else Fraction(0)
    return allocatable_of(fit.node).get(resource, Fraction(0)) < had


def node_lines(choice: Choice, kind: Filter) -> tuple[Evidence, ...]:
    """One line of evidence for each of the nearest nodes."""
    paths = {
        Filter.RESOURCE: "status.allocatable",
        Filter.PODS: "status.allocatable.pods",
        Filter.TAINT: "spec.taints",
        Filter.CORDON: "spec.unschedulable",
    }
    return tuple(
        said(fit.node, paths.get(kind, "metadata.labels"), fit.why(kind))
        for fit in choice.nodes[:MAX_NODES]
        if kind in fit.failures
    )


def _holders(case: Case, fits: Sequence[NodeFit], resource: str) -> list[Evidence]:
    found = []
    for fit in fits[:2]:
        held = [
            f"{owner} {format_amount(resource, amount)}" for owner, amount in case.nodes.holders(fit.name, resource)
        ]
        if held:
            found.append(
                said(
                    fit.node,
                    f"pods on node, requests.{resource}",
                    f"on node {fit.name}, {resource} is held by {listed(held, 3)}",
                )
            )
    return found


def slots(case: Case, choice: Choice) -> Finding:
    """Every suitable node runs as many pods as its kubelet allows."""
    limits = {fit.name: int(allocatable_of(fit.node).get(PODS, Fraction(0))) for fit in choice.nodes}
    counts = listed([f"{name} {limit}/{limit}" for name, limit in limits.items()])
    lowest = min(limits, key=lambda name: (limits[name], name))
    small = limits[lowest] < DEFAULT_MAX_PODS
    node = next(fit.node.ref for fit in choice.nodes if fit.name == lowest)
    return case.finding(
        causes.TOO_MANY,
        f"Too many pods: {plural(len(limits), 'suitable node')} at the maximum number of pods ({counts}), so {case.who} has no place",
        ref=node if small else case.owner,
        evidence=(*node_lines(choice, Filter.PODS), *_holders(case, choice.nodes, PODS)),
        steps=(
            describe(node),
            change("Raise the kubelet's maxPods, add a node, or run fewer pods", node if small else case.owner),
        ),
    )
