"""Where foretold pods would go: each on the first node that takes it, with the room the others leave. Greedy, like a scheduler in a hurry.

Selectors, taints and amounts are asked; what depends on other pods (affinity, spread) is left to the scheduler and never called a fault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

from copilot.model import Detail, Ref, Resource
from retrievers.graph import ResourceGraph
from retrievers.graph.placement import (
    PODS,
    fits_selector,
    free_on,
    requests_of,
    shortfalls,
    untolerated_taints,
)

ASKED = 20_000  # pairs of pod and node; beyond it only the first pod of each workload is placed


class Floor:
    """The nodes of a cluster with what is left on each."""

    def __init__(self, graph: ResourceGraph) -> None:
        found = graph.of_kind("Node", group="")
        whole = all(node.detail is not Detail.ROW and node.labels for node in found)
        self.nodes: Sequence[Resource] = found if whole and graph.snapshot.coverage.was_read("Node") else ()
        self._free = {node.ref: dict(free_on(graph, node.ref)) for node in self.nodes}
        self._asked = 0

    def place(self, pod: Resource) -> tuple[Ref | None, str]:
        """The node that takes the pod, or the scheduler's sentence about why none does ("" where nobody can tell)."""
        if not self.nodes:
            return None, ""
        needs = requests_of(pod.spec)
        reasons: Counter[str] = Counter()
        for node in self.nodes:
            self._asked += 1
            why = self._why_not(pod, node, needs)
            if not why:
                self._take(node.ref, needs)
                return node.ref, ""
            reasons[why] += 1
        listed = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        return None, f"0/{len(self.nodes)} nodes are available: {listed}."

    @property
    def tired(self) -> bool:
        """Whether enough was asked."""
        return self._asked > ASKED

    def _why_not(self, pod: Resource, node: Resource, needs: Mapping[str, Fraction]) -> str:
        if node.spec.get("unschedulable") is True:
            return "node(s) were unschedulable"
        taints = untolerated_taints(pod.spec, node)
        if taints:
            return f"node(s) had untolerated taint {{{taints[0].key}: {taints[0].value}}}"
        if not fits_selector(pod.spec, node):
            return "node(s) didn't match Pod's node affinity/selector"
        missing = shortfalls(needs, self._free[node.ref])
        if not missing:
            return ""
        name = min(missing)
        return "Too many pods" if name == PODS else f"Insufficient {name}"

    def _take(self, node: Ref, needs: Mapping[str, Fraction]) -> None:
        free = self._free[node]
        for name, amount in needs.items():
            free[name] = free.get(name, Fraction(0)) - amount
        if PODS in free:
            free[PODS] -= 1
