"""Every node asked every filter about a pending pod: which node fails which filter, in words and numbers.

The scheduler reports only the first filter that a node fails; here all are asked, so that one can be relaxed in thought.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cached_property
from typing import Any

import msgspec

from copilot.diagnosis.rules.scheduler_message import Filter
from copilot.diagnosis.rules.scheduling_affinity import (
    Spread,
    Term,
    guards_of,
    occupied,
    repelled,
    spreads_of,
    terms_of,
)
from copilot.diagnosis.view import View
from copilot.model import Detail, Ref, Resource, children, dig, mapping, number, text, texts
from copilot.model.quantity import format_amount
from retrievers.graph.placement import (
    PODS,
    Taint,
    allocatable_of,
    fits_node_terms,
    fits_selector,
    free_on,
    pods_on,
    requests_of,
    shortfalls,
    untolerated_taints,
)

ZONES = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")


class NodeFit(msgspec.Struct, frozen=True, eq=False):
    """One node and why it cannot take the pod: a sentence for each filter it fails. No failures: it could."""

    node: Resource
    failures: Mapping[Filter, str]
    missing: Mapping[str, Fraction] = {}
    taints: tuple[Taint, ...] = ()

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.ref.name

    def fails_only(self, *kinds: Filter) -> bool:
        """Whether these filters alone keep the pod off the node."""
        return bool(self.failures) and set(self.failures) <= set(kinds)


class Nodes:
    """The cluster's nodes with what many pending pods ask of them, each computed once."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.all = {node.ref.name: node for node in view.graph.of_kind("Node", group="")}
        self._free: dict[str, dict[str, Fraction]] = {}

    @property
    def known(self) -> bool:
        """Whether labels, taints and sizes of every node were read: otherwise nothing can be recomputed."""
        return bool(self.all) and all(node.detail is not Detail.ROW and node.labels for node in self.all.values())

    def free(self, node: str) -> dict[str, Fraction]:
        """The room left on a node."""
        if node not in self._free:
            self._free[node] = free_on(self.view.graph, Ref("Node", "", node))
        return self._free[node]

    @cached_property
    def guards(self) -> list[Resource]:
        """Placed pods with required anti-affinity."""
        return guards_of(self.view)

    def fits(self, pod: Resource) -> list[NodeFit]:
        """Ask every node about the pod, by name."""
        asked = _Asked(self, pod)
        return [asked.of(node) for _, node in sorted(self.all.items())]

    def holders(self, node: str, resource: str) -> list[tuple[Ref, Fraction]]:
        """The workloads that reserve most of a resource on a node, most first."""
        held: dict[Ref, Fraction] = {}
        for pod in pods_on(self.view.graph, Ref("Node", "", node)):
            amount = Fraction(1) if resource == PODS else requests_of(pod.spec).get(resource, Fraction(0))
            if amount:
                owner = self.view.graph.top_owner(pod.ref)
                held[owner] = held.get(owner, Fraction(0)) + amount
        return sorted(held.items(), key=lambda pair: (-pair[1], pair[0]))


class _Asked:
    """One pod's demands, read once before the nodes are asked."""

    def __init__(self, nodes: Nodes, pod: Resource) -> None:
        self.nodes = nodes
        self.pod = pod
        self.requests = requests_of(pod.spec)
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

    def of(self, node: Resource) -> NodeFit:
        failures: dict[Filter, str] = {}
        spec, name = self.pod.spec, node.ref.name
        taints = untolerated_taints(spec, node)
        cordoned = node.spec.get("unschedulable") is True
        real = tuple(t for t in taints if not (cordoned and t.key == "node.kubernetes.io/unschedulable"))
        if cordoned and len(real) < len(taints):
            failures[Filter.CORDON] = f"node {name} is cordoned (spec.unschedulable = true)"
        if real:
            failures[Filter.TAINT] = f"node {name} has the taint {', '.join(str(taint) for taint in real)}"
        if not fits_selector(spec, node):
            failures[Filter.NODE_AFFINITY] = f"node {name} does not match the node selector or affinity"
        missing = self._room(node, failures)
        self._neighbours(node, failures)
        self._volumes(node, failures)
        self._host_ports(node, failures)
        return NodeFit(node, failures, missing, real)

    def _room(self, node: Resource, failures: dict[Filter, str]) -> dict[str, Fraction]:
        if not allocatable_of(node):
            return {}
        free = self.nodes.free(node.ref.name)
        missing = shortfalls(self.requests, free)
        if PODS in missing:
            most = format_amount(PODS, allocatable_of(node)[PODS])
            failures[Filter.PODS] = f"node {node.ref.name} already runs its maximum of {most} pods"
        short = {resource: amount for resource, amount in missing.items() if resource != PODS}
        if short:
            failures[Filter.RESOURCE] = "; ".join(
                f"node {node.ref.name}: {resource} requested {format_amount(resource, self.requests[resource])}, "
                f"free {format_amount(resource, max(Fraction(0), free.get(resource, Fraction(0))))} "
                f"of {format_amount(resource, allocatable_of(node).get(resource, Fraction(0)))}"
                for resource in sorted(short)
            )
        return missing

    def _neighbours(self, node: Resource, failures: dict[Filter, str]) -> None:
        for term, where in self.apart:
            domain = text(node.labels, term.topology)
            if domain in where:
                failures[Filter.ANTI_AFFINITY] = (
                    f"{term.topology}={domain} already holds {where[domain][0].name}, which the anti-affinity "
                    f"({term.selector}) excludes"
                )
        for (topology, domain), guard in self.kept_out.items():
            if text(node.labels, topology) == domain:
                failures.setdefault(
                    Filter.ANTI_AFFINITY, f"{topology}={domain} holds {guard}, whose own anti-affinity excludes the pod"
                )
        for term, where in self.together:
            own = term.selector.matches(self.pod.labels) and not where
            if not own and text(node.labels, term.topology) not in where:
                failures[Filter.POD_AFFINITY] = (
                    f"no pod matching {term.selector} runs in {term.topology}={text(node.labels, term.topology) or '(no label)'}"
                )
        for spread in self.spreads:
            domain = text(node.labels, spread.topology)
            if not domain:
                failures[Filter.SPREAD] = f"node {node.ref.name} has no label {spread.topology}"
            elif domain in spread.blocked:
                counts = ", ".join(f"{key}: {count}" for key, count in sorted(spread.counts.items()))
                failures[Filter.SPREAD] = (
                    f"one more pod in {spread.topology}={domain} exceeds maxSkew {spread.max_skew} ({counts})"
                )

    def _volumes(self, node: Resource, failures: dict[Filter, str]) -> None:
        for _, volume in self.volumes:
            required = dig(volume.spec, "nodeAffinity", "required")
            zone = next((text(volume.labels, key) for key in ZONES if volume.labels.get(key)), "")
            zones = [text(node.labels, key) for key in ZONES if node.labels.get(key)]
            if required is not None and not fits_node_terms(required, node):
                failures[Filter.VOLUME_NODE] = (
                    f"volume {volume.ref.name} cannot be used on node {node.ref.name} (its node affinity)"
                )
            elif zone and zones and zones[0] not in zone.split("__"):
                failures[Filter.VOLUME_NODE] = (
                    f"volume {volume.ref.name} is in zone {zone}, node {node.ref.name} in {zones[0]}"
                )

    def _host_ports(self, node: Resource, failures: dict[Filter, str]) -> None:
        if not self.ports:
            return
        for other in pods_on(self.nodes.view.graph, node.ref):
            taken = self.ports & _host_ports(other.spec)
            if taken:
                protocol, port = min(taken)
                failures[Filter.HOST_PORT] = (
                    f"host port {port}/{protocol} of node {node.ref.name} is held by {other.ref}"
                )
                return


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
