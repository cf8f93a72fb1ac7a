"""Which one constraint, if relaxed, would let a pending pod onto most nodes: the minimal relaxation.

What a person chose on purpose is kept: nodes outside the pod's own selector, and nodes reserved for others, do not vote.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import msgspec

from copilot.diagnosis.rules.scheduling.fit import NodeFit
from copilot.diagnosis.rules.scheduling.message import Filter, SchedulerMessage
from copilot.model import Resource
from retrievers.graph.placement import allocatable_of, quantities, requests_of

CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
CONDITION_PREFIX = "node.kubernetes.io/"
CLOUD_PREFIX = "node.cloudprovider.kubernetes.io/"
# Taints that an agent takes off once it runs on a new node, and that machinery puts on a node it is about to remove.
_STARTING = re.compile(
    r"agent-not-ready|/not-ready$|/uninitialized$|/unregistered$|startup-taint|ToBeDeletedByClusterAutoscaler|karpenter\.sh/disrupted"
)

# When several constraints tie: first what can be undone at once, then what the pod's own template asks.
_TIES = (
    Filter.CORDON, Filter.VOLUME_NODE, Filter.RESOURCE, Filter.PODS, Filter.ANTI_AFFINITY, Filter.POD_AFFINITY,
    Filter.SPREAD, Filter.HOST_PORT, Filter.TAINT, Filter.NODE_AFFINITY,
)  # fmt: skip


class Choice(msgspec.Struct, frozen=True, eq=False):
    """The constraint to relax and the nodes that it keeps away; `others` are constraints that must go as well."""

    filter: Filter
    nodes: tuple[NodeFit, ...]
    others: tuple[Filter, ...] = ()
    candidates: tuple[NodeFit, ...] = ()


def choose(pod: Resource, fits: Sequence[NodeFit]) -> Choice | None:
    """The minimal relaxation; None when some node could take the pod as things stand."""
    selected = [fit for fit in fits if Filter.NODE_AFFINITY not in fit.failures]
    if not selected:
        others = Counter(kind for fit in fits for kind in fit.failures if kind is not Filter.NODE_AFFINITY)
        always = tuple(kind for kind, count in others.items() if count == len(fits) and kind != Filter.TAINT)
        return Choice(Filter.NODE_AFFINITY, tuple(fits), always, tuple(fits))
    reachable = [fit for fit in selected if Filter.VOLUME_NODE not in fit.failures]
    if not reachable:
        return Choice(Filter.VOLUME_NODE, tuple(selected), (), tuple(selected))
    candidates = _intended(pod, reachable)
    if any(not fit.failures for fit in candidates):
        return None
    return _relax(candidates)


def _intended(pod: Resource, fits: list[NodeFit]) -> list[NodeFit]:
    """Nodes that could be meant for the pod: with the devices it asks for, and not reserved for something else."""
    wanted = [name for name in requests_of(pod.spec) if is_extended(name)]
    offering = [fit for fit in fits if all(offers(fit.node, name) for name in wanted)] if wanted else fits
    if not offering:
        partly = [fit for fit in fits if any(offers(fit.node, name) for name in wanted)]
        offering = partly or fits
    open_nodes = [fit for fit in offering if not _reserved(fit, wanted)]
    return open_nodes or offering


def is_extended(resource: str) -> bool:
    """Whether a resource comes from a device plugin or an operator, not from the kubelet itself."""
    domain, slash, _ = resource.partition("/")
    return bool(slash) and not domain.endswith("kubernetes.io")


def offers(node: Resource, resource: str) -> bool:
    """Whether the node has, or had, any of the resource."""
    capacity = node.status.get("capacity")
    amounts = quantities(capacity) if isinstance(capacity, dict) else {}
    return max(amounts.get(resource, Fraction(0)), allocatable_of(node).get(resource, Fraction(0))) > 0


def _reserved(fit: NodeFit, wanted: Sequence[str]) -> bool:
    """Control-plane nodes, and nodes that keep their devices for pods that ask for them."""
    for taint in fit.taints:
        if taint.key in CONTROL_PLANE:
            return True
        if "/" in taint.key and taint.key not in wanted and offers(fit.node, taint.key):
            return True
    return False


def _relax(candidates: Sequence[NodeFit]) -> Choice:
    alone = Counter(next(iter(fit.failures)) for fit in candidates if len(fit.failures) == 1)
    if alone:
        # A cordoned node that would take the pod is the nearest remedy, whatever fills the others.
        best = Filter.CORDON if Filter.CORDON in alone else max(alone, key=lambda kind: (alone[kind], -_tie(kind)))
        if best is Filter.RESOURCE and Filter.TAINT in alone:
            ill = [fit for fit in candidates if fit.fails_only(Filter.TAINT) and is_condition(fit)]
            best = Filter.TAINT if ill else best
        nodes = tuple(fit for fit in candidates if fit.fails_only(best))
        return Choice(best, nodes, (), tuple(candidates))
    fewest = min(len(fit.failures) for fit in candidates)
    nearest = [fit for fit in candidates if len(fit.failures) == fewest]
    counted = Counter(kind for fit in nearest for kind in fit.failures)
    best = max(counted, key=lambda kind: (counted[kind], -_tie(kind)))
    nodes = tuple(fit for fit in nearest if best in fit.failures)
    others = tuple(kind for kind in nodes[0].failures if kind is not best)
    return Choice(best, nodes, others, tuple(candidates))


def _tie(kind: Filter) -> int:
    return _TIES.index(kind) if kind in _TIES else len(_TIES)


def is_condition(fit: NodeFit) -> bool:
    """Whether the node's taints come from its own ill health."""
    return bool(fit.taints) and all(
        t.key.startswith((CONDITION_PREFIX, CLOUD_PREFIX)) or _STARTING.search(t.key) for t in fit.taints
    )


def choose_from_text(message: SchedulerMessage, control_planes: int) -> Filter | None:
    """The same choice from the scheduler's counts alone, when nodes were not read.

    Filters run in a fixed order, taints before affinity before room: a node that is reported for a later filter has
    passed the earlier ones, so it is nearer.
    """
    counts = Counter[Filter]()
    for reason in message.reasons:
        counts[reason.filter] += max(1, reason.count)
    counts[Filter.TAINT] -= control_planes
    left = {kind: count for kind, count in counts.items() if count > 0 and kind is not Filter.OTHER}
    later = {kind: n for kind, n in left.items() if kind not in (Filter.TAINT, Filter.NODE_AFFINITY)}
    if later:
        return max(later, key=lambda kind: (kind is Filter.CORDON, later[kind], -_tie(kind)))
    if Filter.TAINT in left:  # the selector leaves a node, and that node's taint refuses
        return Filter.TAINT
    return max(left, key=lambda kind: (left[kind], -_tie(kind))) if left else None
