"""The scheduler's arithmetic, recomputed from objects: node selection, taints, requests, free room. Pure.

Upstream: component-helpers scheduling/corev1 (nodeaffinity, helpers.go) and resource/helpers.go (PodRequests). What an
admission plugin or a controller adds later (a DaemonSet's tolerations, defaults of a LimitRange) is not added here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import msgspec

from copilot.model import Ref, Resource, child, children, mapping, parse_quantity, text
from retrievers.graph.edge import EdgeKind
from retrievers.graph.selectors import Operator, Requirement, parse_requirement, parse_requirements

if TYPE_CHECKING:
    from retrievers.graph.graph import ResourceGraph

PODS = "pods"  # the resource name of pod slots on a node
_UNSCHEDULABLE_TAINT = "node.kubernetes.io/unschedulable"
_NAME_FIELD = "metadata.name"  # the only field the API allows in matchFields
_POD_LEVEL = ("cpu", "memory")  # and hugepages-*: the resources a pod-level request may set
_ZERO = Fraction(0)


class TaintEffect(StrEnum):
    """What a taint does to pods that do not tolerate it."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Taint(msgspec.Struct, frozen=True):
    """One taint of a node; it prints as `kubectl taint` takes it."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        """`dedicated=gpu:NoSchedule`."""
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


def fits_selector(pod_spec: Mapping[str, Any], node: Resource) -> bool:
    """Tell whether the node satisfies the pod's nodeSelector and required node affinity."""
    return fits_node_selector(pod_spec, node) and fits_node_affinity(pod_spec, node)


def fits_node_selector(pod_spec: Mapping[str, Any], node: Resource) -> bool:
    """`spec.nodeSelector`: every pair must be a label of the node."""
    return all(node.labels.get(key) == value for key, value in mapping(pod_spec, "nodeSelector").items())


def fits_node_affinity(pod_spec: Mapping[str, Any], node: Resource) -> bool:
    """`requiredDuringSchedulingIgnoredDuringExecution` of the node affinity."""
    required = mapping(pod_spec, "affinity", "nodeAffinity").get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or fits_node_terms(required, node)


def fits_node_terms(selector: Any, node: Resource) -> bool:
    """A NodeSelector: any term, all of whose expressions and fields match. An empty term, or no term, matches nothing."""
    return any(_fits_term(term, node) for term in children(selector, "nodeSelectorTerms"))


def _fits_term(term: Mapping[str, Any], node: Resource) -> bool:
    if not term.get("matchExpressions") and not term.get("matchFields"):
        return False
    expressions = parse_requirements(term.get("matchExpressions"), comparisons=True)
    fields = [parse_requirement(field) for field in children(term, "matchFields")]
    if expressions is None or not all(_is_name_field(field) for field in fields):
        return False
    name = {_NAME_FIELD: node.ref.name}
    return all(need.matches(node.labels) for need in expressions) and all(
        need.matches(name) for need in fields if need is not None
    )


def _is_name_field(need: Requirement | None) -> bool:
    return need is not None and need.key == _NAME_FIELD and need.operator in (Operator.IN, Operator.NOT_IN)


def taints_of(node: Resource) -> list[Taint]:
    """The node's taints; a cordoned node has the one its controller is about to add."""
    found = [
        Taint(text(taint, "key"), text(taint, "value"), text(taint, "effect"))
        for taint in children(node.spec, "taints")
    ]
    if node.spec.get("unschedulable") is True and all(taint.key != _UNSCHEDULABLE_TAINT for taint in found):
        found.append(Taint(_UNSCHEDULABLE_TAINT, "", TaintEffect.NO_SCHEDULE))
    return found


def untolerated_taints(pod_spec: Mapping[str, Any], node: Resource) -> list[Taint]:
    """The taints that keep the pod off the node: NoSchedule and NoExecute without a toleration that matches."""
    tolerations = list(children(pod_spec, "tolerations"))
    return [
        taint
        for taint in taints_of(node)
        if taint.effect in (TaintEffect.NO_SCHEDULE, TaintEffect.NO_EXECUTE)
        and not any(tolerates(toleration, taint) for toleration in tolerations)
    ]


def tolerates(toleration: Mapping[str, Any], taint: Taint) -> bool:
    """Tell whether one toleration matches one taint: empty effect means any, empty key with Exists means any."""
    effect, key = text(toleration, "effect"), text(toleration, "key")
    if (effect and effect != taint.effect) or (key and key != taint.key):
        return False
    operator = text(toleration, "operator") or "Equal"
    value = text(toleration, "value")
    match operator:
        case "Exists":
            return True
        case "Equal":
            return bool(key) and value == taint.value
        case "Gt" | "Lt":  # the taint's number against the toleration's (Kubernetes 1.35, feature gate)
            need = parse_requirement({"key": "value", "operator": operator, "values": [value]})
            return bool(key) and need is not None and need.matches({"value": taint.value})
        case _:
            return False


def requests_of(pod_spec: Mapping[str, Any]) -> dict[str, Fraction]:
    """What the scheduler reserves for a pod: cores, bytes, counts.

    The larger of the running sum (containers and sidecars) and each init container with the sidecars started before
    it; pod-level requests replace both; overhead comes on top.
    """
    running: dict[str, Fraction] = {}
    for container in children(pod_spec, "containers"):
        _add(running, container_requests(container))
    sidecars: dict[str, Fraction] = {}
    starting: dict[str, Fraction] = {}
    for container in children(pod_spec, "initContainers"):
        own = container_requests(container)
        if text(container, "restartPolicy") == "Always":
            _add(running, own)
            _add(sidecars, own)
            own = {}
        _raise(starting, _sum(own, sidecars))
    _raise(running, starting)
    running.update(
        (name, amount)
        for name, amount in container_requests(pod_spec).items()
        if name in _POD_LEVEL or name.startswith("hugepages-")
    )
    _add(running, quantities(mapping(pod_spec, "overhead")))
    return running


def container_requests(container: Mapping[str, Any]) -> dict[str, Fraction]:
    """`resources.requests`; where only a limit is set, the limit, as admission defaults it."""
    resources = child(container, "resources")
    return {**quantities(child(resources, "limits")), **quantities(child(resources, "requests"))}


def quantities(amounts: Mapping[str, Any]) -> dict[str, Fraction]:
    """Read a ResourceList; entries that are not quantities are left out."""
    parsed = ((name, parse_quantity(amount)) for name, amount in amounts.items())
    return {name: amount for name, amount in parsed if amount is not None}


def allocatable_of(node: Resource) -> dict[str, Fraction]:
    """What the node offers to pods; the capacity where the kubelet reported no allocatable."""
    return quantities(mapping(node.status, "allocatable") or mapping(node.status, "capacity"))


def pods_on(graph: ResourceGraph, node: Ref) -> list[Resource]:
    """The pods that take room on a node: placed there and not finished."""
    found = (graph.get(edge.source) for edge in graph.into(node, EdgeKind.RUNS_ON))
    return [
        pod
        for pod in found
        if pod is not None and pod.ref.kind == "Pod" and text(pod.status, "phase") not in ("Succeeded", "Failed")
    ]


def free_on(graph: ResourceGraph, node: Ref) -> dict[str, Fraction]:
    """Allocatable less the requests of the pods on the node, pod slots included; negative where overcommitted.

    Counts only the pods that were read: without every namespace the true room is smaller.
    """
    resource = graph.get(node)
    if resource is None:
        return {}
    free = allocatable_of(resource)
    for pod in pods_on(graph, node):
        for name, amount in requests_of(pod.spec).items():
            free[name] = free.get(name, _ZERO) - amount
        if PODS in free:
            free[PODS] -= 1
    return free


def shortfalls(requests: Mapping[str, Fraction], free: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """How much of each resource is missing for the requests to fit; empty when they fit. One pod slot is needed too."""
    missing = {name: amount - free.get(name, _ZERO) for name, amount in requests.items() if amount > 0}
    if PODS in free:
        missing[PODS] = 1 - free[PODS]
    return {name: amount for name, amount in missing.items() if amount > 0}


def _add(total: dict[str, Fraction], amounts: Mapping[str, Fraction]) -> None:
    for name, amount in amounts.items():
        total[name] = total.get(name, _ZERO) + amount


def _raise(total: dict[str, Fraction], amounts: Mapping[str, Fraction]) -> None:
    for name, amount in amounts.items():
        total[name] = max(total.get(name, _ZERO), amount)


def _sum(*parts: Mapping[str, Fraction]) -> dict[str, Fraction]:
    total: dict[str, Fraction] = {}
    for part in parts:
        _add(total, part)
    return total
