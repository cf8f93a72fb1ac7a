"""Where foretold pods would go: each on the first node that takes it, with the room the others leave. Greedy, like a scheduler in a hurry.

A pod whose place depends on other pods (affinity, spread, host ports) is asked about with the diagnosis' own filters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from copilot.diagnosis.rules.scheduling.fit import NodeFit, Nodes
from copilot.diagnosis.rules.scheduling.message import Filter
from copilot.diagnosis.view import View
from copilot.model import Detail, Ref, Resource, children, mapping
from retrievers.graph import ResourceGraph
from retrievers.graph.placement import (
    PODS,
    fits_selector,
    free_on,
    requests_of,
    shortfalls,
    untolerated_taints,
)

_SOCIABLE_COST = 20  # a node asked about other pods costs as much as so many asked about room
# Tolerations that the DaemonSet controller adds (pkg/controller/daemon/util).
_DAEMONS_TOLERATE = ("node.kubernetes.io/",)
ASKED = 20_000  # pairs of pod and node; beyond it only the first pod of each workload is placed


class Floor:
    """The nodes of a cluster with what is left on each."""

    def __init__(self, graph: ResourceGraph) -> None:
        found = graph.of_kind("Node", group="")
        whole = all(node.detail is not Detail.ROW and node.labels for node in found)
        self.nodes: Sequence[Resource] = found if whole and graph.snapshot.coverage.was_read("Node") else ()
        self._free = {node.ref: dict(free_on(graph, node.ref)) for node in self.nodes}
        self._graph = graph
        self._asked = 0

    def place(self, pod: Resource, only: Resource | None = None) -> tuple[Ref | None, str]:
        """The node that takes the pod, or the scheduler's sentence about why none does ("" where nobody can tell).

        `only` is the one node that a DaemonSet's pod is made for.
        """
        if not self.nodes:
            return None, ""
        if only is None and _is_sociable(pod.spec):
            return self._among_others(pod)
        needs = requests_of(pod.spec)
        reasons: Counter[str] = Counter()
        for node in (only,) if only is not None else self.nodes:
            self._asked += 1
            why = self._why_not(pod, node, needs, pinned=only is not None)
            if not why:
                self._take(node.ref, needs)
                return node.ref, ""
            reasons[why] += 1
        return None, self._unavailable(reasons)

    @property
    def tired(self) -> bool:
        """Whether enough was asked."""
        return self._asked > ASKED

    def _why_not(self, pod: Resource, node: Resource, needs: Mapping[str, Fraction], *, pinned: bool) -> str:
        if node.spec.get("unschedulable") is True and not pinned:
            return "node(s) were unschedulable"
        taints = [
            taint
            for taint in untolerated_taints(pod.spec, node)
            if not (pinned and taint.key.startswith(_DAEMONS_TOLERATE))
        ]
        if taints:
            return f"node(s) had untolerated taint {{{taints[0].key}: {taints[0].value}}}"
        if not fits_selector(pod.spec, node):
            return "node(s) didn't match Pod's node affinity/selector"
        missing = shortfalls(needs, self._free[node.ref])
        if not missing:
            return ""
        name = min(missing)
        return "Too many pods" if name == PODS else f"Insufficient {name}"

    def takes_daemons(self, pod: Resource, node: Resource) -> bool:
        """Whether a DaemonSet makes its pod for the node at all: its selector and taints decide, not its room."""
        return not self._why_not(pod, node, {}, pinned=True).startswith("node(s)")

    def _among_others(self, pod: Resource) -> tuple[Ref | None, str]:
        """Ask all filters, those about other pods included; a fresh view sees the pods that were placed before."""
        reasons: Counter[str] = Counter()
        for fit in Nodes(View(self._graph)).fits(pod):
            self._asked += _SOCIABLE_COST
            if not fit.failures:
                self._take(fit.node.ref, requests_of(pod.spec))
                return fit.node.ref, ""
            reasons[_sentence(fit)] += 1
        return None, self._unavailable(reasons)

    def _unavailable(self, reasons: Counter[str]) -> str:
        listed = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        return f"0/{reasons.total()} nodes are available: {listed}."

    def _take(self, node: Ref, needs: Mapping[str, Fraction]) -> None:
        free = self._free[node]
        for name, amount in needs.items():
            free[name] = free.get(name, Fraction(0)) - amount
        if PODS in free:
            free[PODS] -= 1


def _is_sociable(spec: Mapping[str, Any]) -> bool:
    """Whether the place of a pod depends on other pods."""
    affinity = mapping(spec, "affinity")
    ports = any(
        port.get("hostPort") for container in children(spec, "containers") for port in children(container, "ports")
    )
    return bool(
        affinity.get("podAffinity") or affinity.get("podAntiAffinity") or spec.get("topologySpreadConstraints") or ports
    )


_SENTENCES = {
    Filter.CORDON: "node(s) were unschedulable",
    Filter.NODE_AFFINITY: "node(s) didn't match Pod's node affinity/selector",
    Filter.PODS: "Too many pods",
    Filter.POD_AFFINITY: "node(s) didn't match pod affinity rules",
    Filter.ANTI_AFFINITY: "node(s) didn't match pod anti-affinity rules",
    Filter.SPREAD: "node(s) didn't match pod topology spread constraints",
    Filter.HOST_PORT: "node(s) didn't have free ports for the requested pod ports",
    Filter.VOLUME_NODE: "node(s) had volume node affinity conflict",
}


def _sentence(fit: NodeFit) -> str:
    """The scheduler's words for the first filter a node fails."""
    if fit.taints:
        return f"node(s) had untolerated taint {{{fit.taints[0].key}: {fit.taints[0].value}}}"
    if Filter.RESOURCE in fit.failures and fit.missing:
        return f"Insufficient {min(fit.missing)}"
    return next((_SENTENCES[kind] for kind in fit.failures if kind in _SENTENCES), "node(s) were unschedulable")
