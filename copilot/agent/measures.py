"""What objects can be compared or added up by: restarts, age, requests, replicas, size, pods. A table of words and numbers."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import msgspec

from copilot.agent.asking import Asking
from copilot.agent.facts import TEMPLATED, containers, device_requests, devices_of, is_device, replicas, storage_of
from copilot.agent.patterns import compiled
from copilot.diagnosis.rules.admission.quota import pod_amount
from copilot.model import Resource, age_text, mapping, parse_quantity, text
from copilot.model.quantity import format_amount, format_bytes
from retrievers.graph.placement import allocatable_of, free_on, pods_on, requests_of

Amount = Callable[[Asking, Resource], Fraction | None]


class Measure(msgspec.Struct, frozen=True):
    """One measure. `kinds` are those that have it, the one meant first; `show` writes a number of it."""

    name: str
    pattern: str
    kinds: tuple[str, ...]
    amount: Amount
    show: Callable[[Fraction], str]
    field: str


def _age(asking: Asking, resource: Resource) -> Fraction | None:
    return None if resource.created is None else Fraction(int((asking.now - resource.created).total_seconds()))


def _restarts(asking: Asking, pod: Resource) -> Fraction:
    return Fraction(sum(container.restarts for container in asking.view.pod(pod).containers))


def _requested(name: str, section: str = "requests") -> Amount:
    def amount(asking: Asking, resource: Resource) -> Fraction:
        if resource.ref.kind == "Pod" and text(resource.status, "phase") in ("Succeeded", "Failed"):
            return Fraction(0)
        if resource.ref.kind == "Node":
            return sum((pod_amount(pod.spec, f"{section}.{name}") for pod in pods_on(asking.graph, resource.ref)), Fraction(0))  # fmt: skip
        template = asking.view.template(resource.ref)
        one = (
            requests_of(template).get(name, Fraction(0))
            if section == "requests"
            else pod_amount(template, f"limits.{name}")
        )
        return one * (1 if resource.ref.kind == "Pod" else replicas(resource))

    return amount


def _allocatable(name: str) -> Amount:
    return lambda _, node: allocatable_of(node).get(name)


def _free(name: str) -> Amount:
    return lambda asking, node: free_on(asking.graph, node.ref).get(name)


def _free_devices(asking: Asking, node: Resource) -> Fraction:
    return sum((amount for name, amount in free_on(asking.graph, node.ref).items() if is_device(name)), Fraction(0))


def _devices(asking: Asking, resource: Resource) -> Fraction:
    if resource.ref.kind == "Node":
        return sum(devices_of(resource).values(), Fraction(0))
    return sum(device_requests(asking.view.template(resource.ref)).values(), Fraction(0))


def _pods(asking: Asking, resource: Resource) -> Fraction:
    if resource.ref.kind == "Node":
        return Fraction(len(pods_on(asking.graph, resource.ref)))
    if resource.ref.kind == "Namespace":
        return Fraction(len(asking.graph.of_kind("Pod", resource.ref.name)))
    return Fraction(len(asking.view.pods_of(resource.ref)))


def _usage(name: str) -> Amount:
    def amount(asking: Asking, resource: Resource) -> Fraction | None:
        found = [getattr(use, name) for use in asking.graph.snapshot.usage if use.ref == resource.ref]
        read = [Fraction(value) for value in found if value is not None]
        return sum(read, Fraction(0)) if read else None

    return amount


def _count(amount: Fraction) -> str:
    return format_amount("pods", amount)


def _of(name: str) -> Callable[[Fraction], str]:
    return lambda amount: format_amount(name, amount)


_REQUESTERS = ("Pod", *(kind for kind in TEMPLATED if kind != "Pod"), "Node")
MEASURES: tuple[Measure, ...] = tuple(
    Measure(name, pattern, kinds, amount, show, field)
    for name, pattern, kinds, amount, show, field in (
        ("restarts", r"\brestart\w*\b", ("Pod",), _restarts, _count, "status.containerStatuses[].restartCount"),
        ("CPU used", r"\bcpus?\b.*\bus(?:age|ing|ed|es)\b|\bus(?:age|ing|ed|es)\b.*\bcpus?\b", ("Pod", "Node"), _usage("cpu"), _of("cpu"), "metrics.k8s.io"),
        ("memory used", r"\b(?:memory|ram)\b.*\bus(?:age|ing|ed|es)\b|\bus(?:age|ing|ed|es)\b.*\b(?:memory|ram)\b", ("Pod", "Node"), _usage("memory"), _of("memory"), "metrics.k8s.io"),
        ("CPU limit", r"\bcpus?\b.*\blimits?\b|\blimits?\b.*\bcpus?\b", _REQUESTERS, _requested("cpu", "limits"), _of("cpu"), "spec.containers[].resources.limits.cpu"),
        ("memory limit", r"\b(?:memory|ram)\b.*\blimits?\b|\blimits?\b.*\b(?:memory|ram)\b", _REQUESTERS, _requested("memory", "limits"), _of("memory"), "spec.containers[].resources.limits.memory"),
        ("free CPU", r"\b(?:free|left|available|spare|unused|room)\b.*\b(?:cpus?|cores?)\b|\b(?:cpus?|cores?)\b.*\b(?:free|left|available|spare|unused)\b", ("Node",), _free("cpu"), _of("cpu"), "status.allocatable.cpu"),
        ("free memory", r"\b(?:free|left|available|spare|unused|room)\b.*\b(?:memory|ram)\b|\b(?:memory|ram)\b.*\b(?:free|left|available|spare|unused)\b", ("Node",), _free("memory"), _of("memory"), "status.allocatable.memory"),
        ("free accelerators", r"\b(?:free|left|available|spare|unused)\b.*\bgpus?\b|\bgpus?\b.*\b(?:free|left|available|spare|unused)\b", ("Node",), _free_devices, _count, "status.allocatable"),
        ("allocatable CPU", r"^(?!.*\brequest).*\b(?:cpus?|cores?)\b", ("Node",), _allocatable("cpu"), _of("cpu"), "status.allocatable.cpu"),
        ("allocatable memory", r"^(?!.*\brequest).*\b(?:memory|ram)\b|\bbig\w*\b|\blarg\w*\b|\bsmall\w*\b", ("Node",), _allocatable("memory"), _of("memory"), "status.allocatable.memory"),
        ("CPU requested", r"\bcpus?\b|\bcores?\b", _REQUESTERS, _requested("cpu"), _of("cpu"), "spec.containers[].resources.requests.cpu"),
        ("memory requested", r"\bmemory\b|\bram\b", _REQUESTERS, _requested("memory"), _of("memory"), "spec.containers[].resources.requests.memory"),
        ("accelerators", r"\bgpus?\b|\baccelerators?\b", ("Node", *_REQUESTERS[:-1]), _devices, _count, "resources.requests"),
        ("pods", r"\bpods\b", ("Namespace", "Node", "Deployment", "StatefulSet", "DaemonSet"), _pods, _count, "list"),
        ("pods", r"\bbig\w*\b|\blarg\w*\b|\bsmall\w*\b|\bbus(?:y|iest)\b|\bfull\w*\b", ("Namespace",), _pods, _count, "list"),
        ("replicas", r"\breplicas?\b|\bbig\w*\b|\blarg\w*\b|\bsmall\w*\b", ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"), lambda _, r: Fraction(replicas(r)), _count, "spec.replicas"),
        ("size", r"\bbig\w*\b|\blarg\w*\b|\bsmall\w*\b|\bsize\b|\bstorage\b|\bcapacity\b|\bdisk\b", ("PersistentVolumeClaim", "PersistentVolume"), lambda _, r: storage_of(r), format_bytes, "status.capacity.storage"),
        ("containers", r"\bcontainers\b", TEMPLATED, lambda a, r: Fraction(len(containers(a, r))), _count, "spec.containers"),
        ("keys", r"\bkeys\b|\bbig\w*\b|\blarg\w*\b", ("ConfigMap", "Secret"), lambda _, r: Fraction(len(r.body.get("dataKeys") or mapping(r.body, "data"))), _count, "data"),
        ("priority", r"\bpriorit\w+\b", ("PriorityClass", "Workload"), lambda _, r: parse_quantity(r.body.get("value", r.spec.get("priority"))), _count, "value"),
        ("age", r"\b(?:old|young|new|earl|lat|long)\w*\b", (), _age, lambda amount: age_text(float(amount)), "metadata.creationTimestamp"),
    )
)  # fmt: skip


def measure_in(lowered: str, kind: str) -> Measure | None:
    """The measure that a question names for objects of a kind."""
    fitting = [one for one in MEASURES if compiled(one.pattern).search(lowered)]
    return next((one for one in fitting if not kind or not one.kinds or kind in one.kinds), None)
