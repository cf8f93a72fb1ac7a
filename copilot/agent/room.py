"""Room for more pods, recomputed as admission and the scheduler would: quota, limit ranges, devices, then every node. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import msgspec

from copilot.agent.asking import Asking
from copilot.agent.facts import claim_sources
from copilot.diagnosis.rules.admission.quota import pod_amount
from copilot.diagnosis.rules.scheduling.affinity import terms_of
from copilot.diagnosis.rules.scheduling.cel import Device, evaluate
from copilot.diagnosis.rules.scheduling.devices import Request, published, requests_of_claim
from copilot.diagnosis.rules.scheduling.fit import NodeFit
from copilot.model import Ref, Resource, children, dig, mapping, parse_quantity, text
from copilot.model.quantity import format_amount
from retrievers.graph.placement import PODS, requests_of

MOST = 10_000  # replicas that are counted up to; nobody asks for more in one step
_HOSTNAME = "kubernetes.io/hostname"


class Obstacle(msgspec.Struct, frozen=True):
    """Something that would refuse a pod before any node is asked: the object, its field, and why."""

    object: Resource
    field: str
    why: str


def next_pod(workload: Resource) -> Resource:
    """The pod that one more replica would be."""
    template = workload.body if workload.ref.kind == "Pod" else _template(workload)
    ref = Ref("Pod", workload.ref.namespace, f"{workload.ref.name}-(one more)")
    spec = {key: value for key, value in mapping(template, "spec").items() if key != "nodeName"}
    if workload.ref.kind == "StatefulSet":  # a new ordinal gets claims of its own
        spec.pop("volumes", None)
    meta = {"namespace": ref.namespace, "name": ref.name, "labels": dict(mapping(template, "metadata", "labels"))}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": {}}
    return Resource(ref=ref, body=body, source=workload.source)


def _template(workload: Resource) -> Mapping[str, Any]:
    path = ("jobTemplate", "spec", "template") if workload.ref.kind == "CronJob" else ("template",)
    return mapping(workload.spec, *path)


def slots(asking: Asking, pod: Resource, fit: NodeFit) -> int:
    """How many such pods a node that fits could take: by requests, pod slots, and the pods' own anti-affinity."""
    if fit.failures:
        return 0
    free = asking.nodes.free(fit.name)
    counts = [int(free[PODS])] if PODS in free else []
    for name, amount in requests_of(pod.spec).items():
        if amount > 0:
            counts.append(int(free.get(name, Fraction(0)) // amount))
    alone = any(
        term.topology == _HOSTNAME and term.selector.matches(pod.labels)
        for term in terms_of(asking.view, pod, "podAntiAffinity")
    )
    return min([*counts, 1 if alone else MOST])


def obstacles(asking: Asking, pod: Resource, count: int) -> Iterator[Obstacle]:
    """What refuses `count` more such pods before scheduling."""
    yield from _limit_ranges(asking, pod)
    yield from _quotas(asking, pod, count)
    yield from _devices(asking, pod, count)


def _limit_ranges(asking: Asking, pod: Resource) -> Iterator[Obstacle]:
    """LimitRange maxima and minima per container (plugin/pkg/admission/limitranger)."""
    for limits in asking.graph.of_kind("LimitRange", pod.ref.namespace):
        for entry in children(limits.spec, "limits"):
            if text(entry, "type") != "Container":
                continue
            for container in children(pod.spec, "containers"):
                yield from _outside(limits, entry, container)


def _outside(limits: Resource, entry: Mapping[str, Any], container: Mapping[str, Any]) -> Iterator[Obstacle]:
    for section, bound_name in (("limits", "max"), ("requests", "min")):
        for name, bound in mapping(entry, bound_name).items():
            amount = parse_quantity(mapping(container, "resources", section).get(name))
            limit = parse_quantity(bound)
            if amount is None or limit is None:
                continue
            if (bound_name == "max" and amount > limit) or (bound_name == "min" and amount < limit):
                words = "at most" if bound_name == "max" else "at least"
                yield Obstacle(
                    limits,
                    f"spec.limits[].{bound_name}.{name}",
                    f"allows {words} {bound} {name} per container, container {text(container, 'name')} sets {format_amount(name, amount)}",
                )


def _quotas(asking: Asking, pod: Resource, count: int) -> Iterator[Obstacle]:
    for quota in asking.graph.of_kind("ResourceQuota", pod.ref.namespace):
        if quota.spec.get("scopes") or quota.spec.get("scopeSelector"):
            continue
        hard = mapping(quota.status, "hard") or mapping(quota.spec, "hard")
        used = mapping(quota.status, "used")
        for name in sorted(hard):
            limit = parse_quantity(hard[name])
            taken = parse_quantity(used.get(name)) or Fraction(0)
            amount = pod_amount(pod.spec, name.removeprefix("count/")) * count if _of_pods(name) else Fraction(0)
            if limit is not None and amount and taken + amount > limit:
                yield Obstacle(
                    quota,
                    f"status.hard[{name}]",
                    f"has {format_amount(name, limit - taken)} of {format_amount(name, limit)} {name} left, "
                    f"{count} more {'needs' if count == 1 else 'need'} {format_amount(name, amount)}",
                )


def _of_pods(name: str) -> bool:
    return name in ("pods", "count/pods", "cpu", "memory", "ephemeral-storage") or (
        name.startswith(("requests.", "limits.")) and "storageclass" not in name and name != "requests.storage"
    )


def _devices(asking: Asking, pod: Resource, count: int) -> Iterator[Obstacle]:
    """Claims of devices that too few free published devices satisfy."""
    devices: list[Device] | None = None
    for ref in _claims(asking, pod):
        source = asking.graph.get(ref)
        if source is None:
            continue
        spec = mapping(source.spec, "spec") if ref.kind == "ResourceClaimTemplate" else source.spec
        if ref.kind == "ResourceClaim" and mapping(source.status, "allocation"):
            continue
        devices = list(published(asking.view)) if devices is None else devices
        for request in requests_of_claim(spec):
            free = [one for one in devices if _satisfies(asking, request, one) and not _taken(asking, one)]
            if len(free) < request.count * count:
                yield Obstacle(
                    source,
                    "spec.devices.requests",
                    f"asks for {request.count * count} devices of class {request.device_class}"
                    f"{' with ' + ' and '.join(request.selectors) if request.selectors else ''}; "
                    f"{len(free)} free published devices of {len(devices)} satisfy it",
                )


def _claims(asking: Asking, pod: Resource) -> list[Ref]:
    if asking.graph.get(pod.ref) is not None:
        return claim_sources(asking, pod)
    found = []
    for entry in children(pod.spec, "resourceClaims"):
        template, claim = text(entry, "resourceClaimTemplateName"), text(entry, "resourceClaimName")
        kind = "ResourceClaimTemplate" if template else "ResourceClaim"
        found.append(Ref(kind, pod.ref.namespace, template or claim, "resource.k8s.io"))
    return found


def _satisfies(asking: Asking, request: Request, device: Device) -> bool:
    device_class = asking.graph.find("DeviceClass", "", request.device_class)
    rules = [
        text(entry, "cel", "expression")
        for entry in (children(device_class.spec, "selectors") if device_class is not None else ())
    ]
    return all(evaluate(rule, device) is not False for rule in (*rules, *request.selectors))


def _taken(asking: Asking, device: Device) -> bool:
    for claim in asking.graph.of_kind("ResourceClaim"):
        for result in children(claim.status, "allocation", "devices", "results"):
            if (dig(result, "driver"), dig(result, "pool"), dig(result, "device")) == (device.driver, device.pool, device.name):  # fmt: skip
                return True
    return False
