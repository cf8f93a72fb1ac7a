"""Every node asked every filter about a pending pod: which node fails which filter, in words and numbers.

The scheduler reports only the first filter that a node fails; here all are asked, so that one can be relaxed in thought.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import cached_property
from typing import Any

import msgspec

from copilot.diagnosis.rules.scheduling.affinity import (
    Spread,
    Term,
    guards_of,
    occupied,
    repelled,
    spreads_of,
    terms_of,
)
from copilot.diagnosis.rules.scheduling.message import Filter
from copilot.diagnosis.view import View
from copilot.model import Detail, Ref, Resource, children, dig, mapping, number, text, texts
from copilot.model.quantity import format_amount
from retrievers.graph.placement import (
    PODS,
    Taint,
    allocatable_of,
    fits_node_terms,
    fits_selector,
    pods_on,
    requests_of,
    shortfalls,
    untolerated_taints,
)

_LISTS = ("containers", "initContainers")
_PLACED_BY = ("nodeSelector", "affinity", "tolerations", "resources", "overhead")
ZONES = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")


class NodeFit(msgspec.Struct, frozen=True, eq=False):
    """One node and why it cannot take the pod: for each filter that it fails, how to say so. No failures: it could."""

    node: Resource
    failures: Mapping[Filter, Callable[[], str]]
    missing: Mapping[str, Fraction] = {}
    taints: tuple[Taint, ...] = ()

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.ref.name

    def why(self, kind: Filter) -> str:
        """The sentence for one filter that the node fails; made only when somebody reads it."""
        return self.failures[kind]()

    def fails_only(self, *kinds: Filter) -> bool:
        """Whether these filters alone keep the pod off the node."""
        return bool(self.failures) and set(self.failures) <= set(kinds)


class Nodes:
    """The cluster's nodes with what many pending pods ask of them, each computed once."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.all = {node.ref.name: node for node in view.graph.of_kind("Node", group="")}
        self._free: dict[str, dict[str, Fraction]] = {}
        self._sizes: dict[str, dict[str, Fraction]] = {}
        self._requests: dict[bytes, dict[str, Fraction]] = {}
        self._fits: dict[bytes, list[NodeFit]] = {}
        self._held: dict[tuple[str, str], list[tuple[Ref, Fraction]]] = {}

    @cached_property
    def known(self) -> bool:
        """Whether labels, taints and sizes of every node were read: otherwise nothing can be recomputed."""
        return bool(self.all) and all(node.detail is not Detail.ROW and node.labels for node in self.all.values())

    def size(self, node: str) -> dict[str, Fraction]:
        """What the node offers in all."""
        if node not in self._sizes:
            self._sizes[node] = allocatable_of(self.all[node])
        return self._sizes[node]

    def requests(self, spec: Mapping[str, Any]) -> dict[str, Fraction]:
        """What a pod reserves; pods of one template are computed once."""
        key = _encoded(
            [spec.get(name) for name in ("resources", "overhead")] + [_sizes_of(spec, name) for name in _LISTS]
        )
        if key not in self._requests:
            self._requests[key] = requests_of(spec)
        return self._requests[key]

    def free(self, node: str) -> dict[str, Fraction]:
        """The room left on a node: what it offers less what its pods reserve, pod slots included."""
        if node not in self._free:
            free = dict(self.size(node))
            shapes = Counter[int]()
            amounts: dict[int, dict[str, Fraction]] = {}
            for pod in pods_on(self.view.graph, Ref("Node", "", node)):
                wanted = self.requests(pod.spec)
                amounts[id(wanted)] = wanted
                shapes[id(wanted)] += 1
            for shape, count in shapes.items():
                for name, amount in amounts[shape].items():
                    free[name] = free.get(name, Fraction(0)) - count * amount
            if PODS in free:
                free[PODS] -= shapes.total()
            self._free[node] = free
        return self._free[node]

    @cached_property
    def guards(self) -> list[Resource]:
        """Placed pods with required anti-affinity."""
        return guards_of(self.view)

    def fits(self, pod: Resource) -> list[NodeFit]:
        """Ask every node about the pod, by name."""
        key = None if self.guards else _demands(pod.spec)
        if key is None:
            return self._ask(pod)
        if key not in self._fits:
            self._fits[key] = self._ask(pod)
        return self._fits[key]

    def _ask(self, pod: Resource) -> list[NodeFit]:
        asked = _Asked(self, pod)
        return [asked.of(node) for _, node in sorted(self.all.items())]

    def holders(self, node: str, resource: str) -> list[tuple[Ref, Fraction]]:
        """The workloads that reserve most of a resource on a node, most first."""
        if (node, resource) in self._held:
            return self._held[node, resource]
        held: dict[Ref, Fraction] = {}
        for pod in pods_on(self.view.graph, Ref("Node", "", node)):
            amount = Fraction(1) if resource == PODS else self.requests(pod.spec).get(resource, Fraction(0))
            if amount:
                owner = self.view.graph.top_owner(pod.ref)
                held[owner] = held.get(owner, Fraction(0)) + amount
        self._held[node, resource] = sorted(held.items(), key=lambda pair: (-pair[1], pair[0]))
        return self._held[node, resource]


class _Asked:
    """One pod's demands, read once before the nodes are asked."""

    def __init__(self, nodes: Nodes, pod: Resource) -> None:
        self.nodes = nodes
        self.pod = pod
        self.requests = nodes.requests(pod.spec)
        view = nodes.view
        self.apart: list[tuple[Term, dict[str, list[Ref]]]] = [
            (term, occupied(view, nodes.all, term)) for term in terms_of(view, pod, "podAntiAffinity")
        ]
        self.together: list[tuple[Term, dict[str, list[Ref]]]] = [
            (term, occupied(view, nodes.all, term)) for term in terms_of(view, pod, "podAffinity")
        ]
        self.kept_out = repelled(view, nodes.all, nodes.guards, pod) if nodes.guards else {}
        self.spreads: list[Spread] = list(spreads_of(view, nodes.all, pod))
        self.volumes = list(volumes_of(view, pod))
        self.ports = _host_ports(pod.spec)
        self.picky = bool(pod.spec.get("nodeSelector") or pod.spec.get("affinity"))

    def of(self, node: Resource) -> NodeFit:
        failures: dict[Filter, Callable[[], str]] = {}
        spec, name = self.pod.spec, node.ref.name
        cordoned = node.spec.get("unschedulable") is True
        taints = untolerated_taints(spec, node) if cordoned or node.spec.get("taints") else []
        real = tuple(t for t in taints if not (cordoned and t.key == "node.kubernetes.io/unschedulable"))
        if cordoned and len(real) < len(taints):
            failures[Filter.CORDON] = lambda: f"node {name} is cordoned (spec.unschedulable = true)"
        if real:
            failures[Filter.TAINT] = lambda: f"node {name} has the taint {', '.join(str(taint) for taint in real)}"
        if self.picky and not fits_selector(spec, node):
            failures[Filter.NODE_AFFINITY] = lambda: f"node {name} does not match the node selector or affinity"
        missing = self._room(name, failures)
        self._neighbours(node, failures)
        self._volumes(node, failures)
        self._host_ports(node, failures)
        return NodeFit(node, failures, missing, real)

    def _room(self, name: str, failures: dict[Filter, Callable[[], str]]) -> dict[str, Fraction]:
        size = self.nodes.size(name)
        if not size:
            return {}
        missing = shortfalls(self.requests, self.nodes.free(name))
        if PODS in missing:
            failures[Filter.PODS] = lambda: (
                f"node {name} already runs its maximum of {format_amount(PODS, size[PODS])} pods"
            )
        if len(missing) > (PODS in missing):
            failures[Filter.RESOURCE] = lambda: self._short_text(name, missing)
        return missing

    def _short_text(self, name: str, missing: Mapping[str, Fraction]) -> str:
        free, size, none = self.nodes.free(name), self.nodes.size(name), Fraction(0)
        return "; ".join(
            f"node {name}: {resource} requested {format_amount(resource, self.requests[resource])}, "
            f"free {format_amount(resource, max(none, free.get(resource, none)))} "
            f"of {format_amount(resource, size.get(resource, none))}"
            for resource in sorted(missing)
            if resource != PODS
        )

    def _neighbours(self, node: Resource, failures: dict[Filter, Callable[[], str]]) -> None:
        for term, where in self.apart:
            domain = text(node.labels, term.topology)
            if domain in where:
                failures[Filter.ANTI_AFFINITY] = _say(
                    f"{term.topology}={domain} already holds {where[domain][0].name}, which the anti-affinity "
                    f"({term.selector}) excludes"
                )
        for (topology, domain), guard in self.kept_out.items():
            if text(node.labels, topology) == domain:
                said = _say(f"{topology}={domain} holds {guard}, whose own anti-affinity excludes the pod")
                failures.setdefault(Filter.ANTI_AFFINITY, said)
        for term, where in self.together:
            own = term.selector.matches(self.pod.labels) and not where
            if not own and text(node.labels, term.topology) not in where:
                failures[Filter.POD_AFFINITY] = _say(
                    f"no pod matching {term.selector} runs in {term.topology}={text(node.labels, term.topology) or '(no label)'}"
                )
        for spread in self.spreads:
            domain = text(node.labels, spread.topology)
            if not domain:
                failures[Filter.SPREAD] = _say(f"node {node.ref.name} has no label {spread.topology}")
            elif domain in spread.blocked:
                counts = ", ".join(f"{key}: {count}" for key, count in sorted(spread.counts.items()))
                failures[Filter.SPREAD] = _say(
                    f"one more pod in {spread.topology}={domain} exceeds maxSkew {spread.max_skew} ({counts})"
                )

    def _volumes(self, node: Resource, failures: dict[Filter, Callable[[], str]]) -> None:
        for _, volume in self.volumes:
            required = dig(volume.spec, "nodeAffinity", "required")
            zone = next((text(volume.labels, key) for key in ZONES if volume.labels.get(key)), "")
            zones = [text(node.labels, key) for key in ZONES if node.labels.get(key)]
            if required is not None and not fits_node_terms(required, node):
                failures[Filter.VOLUME_NODE] = _say(
                    f"volume {volume.ref.name} cannot be used on node {node.ref.name} (its node affinity)"
                )
            elif zone and zones and zones[0] not in zone.split("__"):
                failures[Filter.VOLUME_NODE] = _say(
                    f"volume {volume.ref.name} is in zone {zone}, node {node.ref.name} in {zones[0]}"
                )

    def _host_ports(self, node: Resource, failures: dict[Filter, Callable[[], str]]) -> None:
        if not self.ports:
            return
        for other in pods_on(self.nodes.view.graph, node.ref):
            taken = self.ports & _host_ports(other.spec)
            if taken:
                protocol, port = min(taken)
                failures[Filter.HOST_PORT] = _say(
                    f"host port {port}/{protocol} of node {node.ref.name} is held by {other.ref}"
                )
                return


def _say(sentence: str) -> Callable[[], str]:
    return lambda: sentence


def _sizes_of(spec: Mapping[str, Any], section: str) -> list[Any]:
    return [(c.get("resources"), c.get("restartPolicy")) for c in children(spec, section)]


def _demands(spec: Mapping[str, Any]) -> bytes | None:
    """What decides on which nodes a pod fits, when that is all in its own spec; None when other objects matter too."""
    affinity = mapping(spec, "affinity")
    others = affinity.get("podAffinity") or affinity.get("podAntiAffinity") or spec.get("topologySpreadConstraints")
    if others or spec.get("volumes") or _host_ports(spec):
        return None
    return _encoded([spec.get(name) for name in _PLACED_BY] + [_sizes_of(spec, name) for name in _LISTS])


def _encoded(value: Any) -> bytes:
    return msgspec.json.encode(value)


def volumes_of(view: View, pod: Resource) -> Iterator[tuple[Resource, Resource]]:
    """The pod's claims that are bound, each with its volume."""
    for claim in claims_of(pod):
        resource = view.graph.get(claim)
        name = text(resource.spec, "volumeName") if resource is not None else ""
        volume = view.graph.get(Ref("PersistentVolume", "", name)) if name else None
        if resource is not None and volume is not None:
            yield resource, volume


def claims_of(pod: Resource) -> list[Ref]:
    """The claims a pod mounts, generic ephemeral volumes included."""
    found = []
    for volume in children(pod.spec, "volumes"):
        name = text(volume, "persistentVolumeClaim", "claimName")
        if not name and mapping(volume, "ephemeral"):
            name = f"{pod.ref.name}-{text(volume, 'name')}"
        if name:
            found.append(Ref("PersistentVolumeClaim", pod.ref.namespace, name))
    return found


def _host_ports(spec: Mapping[str, Any]) -> set[tuple[str, int]]:
    host_network = spec.get("hostNetwork") is True
    found = set()
    for container in children(spec, "containers"):
        for port in children(container, "ports"):
            value = number(port, "hostPort") or (number(port, "containerPort") if host_network else 0)
            if value:
                found.add((text(port, "protocol") or "TCP", value))
    return found


def access_modes(claim: Resource) -> list[str]:
    """`spec.accessModes` of a claim."""
    return texts(claim.spec, "accessModes")
