"""Pod affinity, anti-affinity and topology spread, recomputed: which topology domains a pod may not enter, and who is there.

Upstream: pkg/scheduler/framework/plugins/interpodaffinity and podtopologyspread. Only required terms count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from copilot.diagnosis.view import View
from copilot.model import Ref, Resource, children, mapping, number, text, texts
from retrievers.graph.placement import fits_selector, untolerated_taints
from retrievers.graph.selectors import Operator as Op
from retrievers.graph.selectors import Requirement, Selector, parse_label_selector

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


class Term(msgspec.Struct, frozen=True):
    """One required term: pods matching `selector` in `namespaces` (None = all) in the same `topology` domain."""

    topology: str
    selector: Selector
    namespaces: frozenset[str] | None


class Spread(msgspec.Struct, frozen=True):
    """One DoNotSchedule constraint with what it counted: pods per domain, and the domains the pod may not enter."""

    topology: str
    max_skew: int
    counts: Mapping[str, int]
    blocked: frozenset[str]


def terms_of(view: View, pod: Resource, section: str) -> Iterator[Term]:
    """The required terms of `podAffinity` or `podAntiAffinity`."""
    for entry in children(pod.spec, "affinity", section, REQUIRED):
        selector = parse_label_selector(entry.get("labelSelector"))
        topology = text(entry, "topologyKey")
        if selector is None or not topology:
            continue
        selector = _with_label_keys(selector, entry, pod)
        yield Term(topology, selector, _namespaces(view, entry, pod.ref.namespace))


def _with_label_keys(selector: Selector, entry: Mapping[str, Any], pod: Resource) -> Selector:
    extra = [(key, str(pod.labels[key])) for key in texts(entry, "matchLabelKeys") if key in pod.labels]
    barred = [
        Requirement(key, Op.NOT_IN, frozenset({str(pod.labels[key])}))
        for key in texts(entry, "mismatchLabelKeys")
        if key in pod.labels
    ]
    return Selector((*selector.equal, *extra), (*selector.requirements, *barred)) if extra or barred else selector


def _namespaces(view: View, entry: Mapping[str, Any], own: str) -> frozenset[str] | None:
    named = set(texts(entry, "namespaces"))
    chosen = parse_label_selector(entry.get("namespaceSelector"))
    if chosen is None:
        return frozenset(named or {own})
    if chosen.selects_everything:
        return None
    spaces = view.graph.of_kind("Namespace", group="")
    return frozenset(named | {space.ref.name for space in spaces if chosen.matches(space.labels)})


def running_pods(view: View, namespaces: frozenset[str] | None) -> Iterator[Resource]:
    """Pods that are placed and not finished, in these namespaces or all."""
    for space in [None] if namespaces is None else sorted(namespaces):
        for pod in view.graph.of_kind("Pod", space, group=""):
            if text(pod.spec, "nodeName") and text(pod.status, "phase") not in ("Succeeded", "Failed"):
                yield pod


def domain_of(nodes: Mapping[str, Resource], pod: Resource, topology: str) -> str:
    """The topology domain a placed pod is in, or nothing."""
    node = nodes.get(text(pod.spec, "nodeName"))
    return text(node.labels, topology) if node is not None else ""


def occupied(view: View, nodes: Mapping[str, Resource], term: Term) -> dict[str, list[Ref]]:
    """The domains that hold matching pods, with the pods."""
    found: dict[str, list[Ref]] = {}
    for pod in running_pods(view, term.namespaces):
        if term.selector.matches(pod.labels):
            domain = domain_of(nodes, pod, term.topology)
            if domain:
                found.setdefault(domain, []).append(pod.ref)
    return found


def repelled(
    view: View, nodes: Mapping[str, Resource], guards: Sequence[Resource], pod: Resource
) -> dict[tuple[str, str], Ref]:
    """Domains, as (topology key, value), that pods with anti-affinity of their own keep this pod out of."""
    found: dict[tuple[str, str], Ref] = {}
    for guard in guards:
        for term in terms_of(view, guard, "podAntiAffinity"):
            allowed = term.namespaces is None or pod.ref.namespace in term.namespaces
            if allowed and term.selector.matches(pod.labels):
                domain = domain_of(nodes, guard, term.topology)
                if domain:
                    found.setdefault((term.topology, domain), guard.ref)
    return found


def guards_of(view: View) -> list[Resource]:
    """Placed pods that have required anti-affinity: few, and asked once."""
    return [pod for pod in running_pods(view, None) if mapping(pod.spec, "affinity", "podAntiAffinity").get(REQUIRED)]


def spreads_of(view: View, nodes: Mapping[str, Resource], pod: Resource) -> Iterator[Spread]:
    """The DoNotSchedule constraints of a pod, counted over the nodes it could use."""
    for entry in children(pod.spec, "topologySpreadConstraints"):
        if text(entry, "whenUnsatisfiable") not in ("DoNotSchedule", ""):
            continue
        topology = text(entry, "topologyKey")
        selector = parse_label_selector(entry.get("labelSelector"))
        if not topology or selector is None:
            continue
        yield _spread(view, nodes, pod, entry, _with_label_keys(selector, entry, pod))


def _spread(
    view: View, nodes: Mapping[str, Resource], pod: Resource, entry: Mapping[str, Any], selector: Selector
) -> Spread:
    topology, max_skew = text(entry, "topologyKey"), number(entry, "maxSkew", default=1)
    counted = {name: node for name, node in nodes.items() if topology in node.labels and _counts(entry, pod, node)}
    domains = Counter({text(node.labels, topology): 0 for node in counted.values()})
    for other in running_pods(view, frozenset({pod.ref.namespace})):
        if text(other.spec, "nodeName") in counted and other.deleted is None and selector.matches(other.labels):
            domains[domain_of(nodes, other, topology)] += 1
    least = min(domains.values(), default=0)
    if len(domains) < number(entry, "minDomains", default=1):
        least = 0
    own = 1 if selector.matches(pod.labels) else 0
    blocked = frozenset(domain for domain, count in domains.items() if count + own - least > max_skew)
    return Spread(topology, max_skew, dict(domains), blocked)


def _counts(entry: Mapping[str, Any], pod: Resource, node: Resource) -> bool:
    if text(entry, "nodeAffinityPolicy") != "Ignore" and not fits_selector(pod.spec, node):
        return False
    return text(entry, "nodeTaintsPolicy") != "Honor" or not untolerated_taints(pod.spec, node)
