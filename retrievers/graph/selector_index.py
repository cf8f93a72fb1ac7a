"""Which selectors choose an object with these labels, without trying them all.

A selector is filed under its rarest `key=value`, so that a pod is compared with the few selectors that share a label
with it: 10,000 pods and 1,000 services are 40,000 look-ups, not ten million comparisons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from copilot.model import Resource, mapping
from retrievers.graph.edge import EdgeKind
from retrievers.graph.edges.pod_spec import template_of
from retrievers.graph.selectors import Selector, parse_label_selector, parse_map_selector


class PodSelector(msgspec.Struct, frozen=True):
    """The selector of one object: over pods, and (`template` set) over the templates of workloads too."""

    selector: Selector
    kind: EdgeKind
    field: str
    template: EdgeKind | None = None


def pod_selector_of(resource: Resource) -> PodSelector | None:
    """The pods a Service, NetworkPolicy or PodDisruptionBudget selects; None where it selects nothing by labels.

    The empty selector differs: none for a Service, all pods of the namespace for the other two.
    """
    ref, spec = resource.ref, resource.spec
    match (ref.kind, ref.group):
        case ("Service", ""):
            selector = parse_map_selector(spec.get("selector"))
            made = (
                PodSelector(selector, EdgeKind.SELECTS, "spec.selector", EdgeKind.SELECTS_TEMPLATE)
                if selector
                else None
            )
            return None if spec.get("type") == "ExternalName" else made
        case ("NetworkPolicy", "networking.k8s.io"):
            selector = parse_label_selector(spec.get("podSelector", {})) if spec else None
            return PodSelector(selector, EdgeKind.ISOLATES, "spec.podSelector") if selector else None
        case ("PodDisruptionBudget", "policy"):
            selector = parse_label_selector(spec.get("selector"))
            return PodSelector(selector, EdgeKind.PROTECTS, "spec.selector") if selector else None
    return None


def selectable_labels(resource: Resource) -> Mapping[str, Any]:
    """The labels that selectors of pods are compared with: a pod's own, or those of a workload's template."""
    if resource.ref.kind == "Pod":
        return resource.labels
    return mapping(template_of(resource), "metadata", "labels")


class Filed(msgspec.Struct, frozen=True, gc=False):
    """A selector in the index, with the numbers the edge store needs."""

    owner: int
    selector: Selector
    pod_tie: int
    template_tie: int | None


class SelectorIndex:
    """Selectors by namespace and label."""

    __slots__ = ("_by_label", "_everywhere", "_filed")

    def __init__(self) -> None:
        self._by_label: dict[str, dict[tuple[str, str], list[Filed]]] = {}
        self._everywhere: dict[str, list[Filed]] = {}
        self._filed: dict[int, tuple[str, tuple[str, str] | None, Filed]] = {}

    def add(self, namespace: str, filed: Filed) -> None:
        """File a selector, in place of the owner's former one."""
        self.remove(filed.owner)
        labels = self._by_label.setdefault(namespace, {})
        if not filed.selector.equal:
            self._everywhere.setdefault(namespace, []).append(filed)
            self._filed[filed.owner] = (namespace, None, filed)
            return
        rarest = min(filed.selector.equal, key=lambda pair: len(labels.get(pair, ())))
        labels.setdefault(rarest, []).append(filed)
        self._filed[filed.owner] = (namespace, rarest, filed)

    def remove(self, owner: int) -> None:
        """Take an owner's selector out."""
        namespace, label, filed = self._filed.pop(owner, ("", None, None))
        if filed is None:
            return
        if label is None:
            self._everywhere[namespace].remove(filed)
        else:
            self._by_label[namespace][label].remove(filed)

    def of(self, owner: int) -> Filed | None:
        """The selector an owner has in the index."""
        found = self._filed.get(owner)
        return found[2] if found else None

    def choosing(self, namespace: str, labels: Mapping[str, Any]) -> Iterator[Filed]:
        """Every selector of the namespace that selects these labels."""
        by_label = self._by_label.get(namespace)
        if by_label is None:
            return
        for pair in labels.items():
            if isinstance(pair[1], str):
                for filed in by_label.get(pair, ()):
                    if filed.selector.matches(labels):
                        yield filed
        for filed in self._everywhere.get(namespace, ()):
            if filed.selector.matches(labels):
                yield filed
