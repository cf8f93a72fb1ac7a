"""Readings of objects that several answers share: containers of a template, room, ports, endpoints, times. Pure, never raises on odd objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from copilot.agent.asking import Asking
from copilot.model import Ref, Resource, child, children, instant, mapping, number, parse_quantity, text, texts
from copilot.model.quantity import format_amount
from retrievers.graph import EdgeKind
from retrievers.graph.placement import allocatable_of, requests_of

REPLICATED = ("Deployment", "StatefulSet", "DaemonSet")
TEMPLATED = (*REPLICATED, "CronJob", "Job", "Pod", "ReplicaSet", "ReplicationController")
SCALED = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")


def containers(asking: Asking, resource: Resource, *, init: bool = False) -> list[Mapping[str, Any]]:
    """The containers of a workload's template or of a pod; init containers first when asked for."""
    template = asking.view.template(resource.ref)
    found = list(children(template, "initContainers")) if init else []
    return [*found, *children(template, "containers")]


def replicas(resource: Resource) -> int:
    """The replicas that are wanted; a DaemonSet's are the nodes it should be on."""
    if resource.ref.kind == "DaemonSet":
        return number(resource.status, "desiredNumberScheduled")
    return number(resource.spec, "replicas", default=1)


def devices_of(resource: Resource) -> dict[str, Fraction]:
    """What a node offers beside CPU, memory and the like: extended resources, which have a domain."""
    return {
        name: amount
        for name, amount in allocatable_of(resource).items()
        if is_device(name) and (amount or _had(resource, name))
    }


def _had(node: Resource, name: str) -> bool:
    return bool(parse_quantity(mapping(node.status, "capacity").get(name)))


def is_device(name: str) -> bool:
    """Whether a resource name is an extended resource: it has a domain of its own."""
    return "/" in name and not name.startswith(("kubernetes.io/", "hugepages-"))


def device_requests(spec: Mapping[str, Any]) -> dict[str, Fraction]:
    """The extended resources that a pod spec asks for."""
    return {name: amount for name, amount in requests_of(spec).items() if is_device(name) and amount}


def claim_sources(asking: Asking, resource: Resource) -> list[Ref]:
    """The ResourceClaims or templates that a pod spec names."""
    found = []
    for entry in children(asking.view.template(resource.ref), "resourceClaims"):
        template, claim = text(entry, "resourceClaimTemplateName"), text(entry, "resourceClaimName")
        if template or claim:
            kind = "ResourceClaimTemplate" if template else "ResourceClaim"
            found.append(Ref(kind, resource.ref.namespace, template or claim, "resource.k8s.io"))
    return found


def published_devices(asking: Asking) -> Iterator[tuple[Resource, str, Mapping[str, Any]]]:
    """(slice, node, device) of every ResourceSlice, both API generations."""
    for item in asking.graph.of_kind("ResourceSlice"):
        for device in children(item.spec, "devices"):
            yield item, text(item.spec, "nodeName"), device


def endpoints_of(asking: Asking, service: Resource) -> tuple[list[str], list[str]]:
    """(ready, not ready) addresses behind a Service, from its EndpointSlices, else its Endpoints."""
    ready: dict[str, None] = {}
    waiting: dict[str, None] = {}
    sources = (asking.graph.get(edge.source) for edge in asking.graph.into(service.ref, EdgeKind.BACKS))
    backs = [one for one in sources if one is not None]
    slices = [one for one in backs if one.ref.kind == "EndpointSlice"]
    for one in slices:
        for entry in children(one.body, "endpoints"):
            into = waiting if child(entry, "conditions").get("ready") is False else ready
            into.update(dict.fromkeys(texts(entry, "addresses")))
    if not slices:
        for one in backs:
            for subset in children(one.body, "subsets"):
                ready.update((text(entry, "ip"), None) for entry in children(subset, "addresses"))
                waiting.update((text(entry, "ip"), None) for entry in children(subset, "notReadyAddresses"))
    return list(ready), [address for address in waiting if address not in ready]


def services_of(asking: Asking, resource: Resource) -> list[Resource]:
    """The Services that send traffic to a workload or pod, or the Service itself."""
    if resource.ref.kind == "Service":
        return [resource]
    refs = {edge.source for edge in asking.graph.into(resource.ref, EdgeKind.SELECTS, EdgeKind.SELECTS_TEMPLATE)}
    for pod in asking.view.pods_of(resource.ref):
        refs |= {edge.source for edge in asking.graph.into(pod.ref, EdgeKind.SELECTS)}
    found = (asking.graph.get(ref) for ref in sorted(refs) if ref.kind == "Service")
    return [service for service in found if service is not None]


def routes_to(asking: Asking, service: Ref) -> list[Resource]:
    """The Ingresses and routes that lead to a Service."""
    found = (asking.graph.get(edge.source) for edge in asking.graph.into(service, EdgeKind.ROUTES_TO))
    return list({one.ref: one for one in found if one is not None}.values())


def node_of(asking: Asking, resource: Resource) -> Resource | None:
    """A node itself, or the node that a pod runs on."""
    if resource.ref.kind == "Node":
        return resource
    return asking.graph.find("Node", "", text(resource.spec, "nodeName")) if resource.ref.kind == "Pod" else None


def job_times(job: Resource) -> tuple[datetime | None, datetime | None]:
    """(start, end) of a Job; a failed one ended when its condition says."""
    end = instant(job.status.get("completionTime"))
    for entry in children(job.status, "conditions"):
        if end is None and text(entry, "type") == "Failed" and text(entry, "status") == "True":
            end = instant(entry.get("lastTransitionTime"))
    return instant(job.status.get("startTime")), end


def jobs_of(asking: Asking, cron: Ref) -> list[Resource]:
    """The Jobs of a CronJob, newest first."""
    found = (asking.graph.get(ref) for ref in asking.graph.children(cron) if ref.kind == "Job")
    jobs = [job for job in found if job is not None]
    return sorted(jobs, key=lambda job: job.created.timestamp() if job.created else 0.0, reverse=True)


def storage_of(resource: Resource) -> Fraction:
    """The size of a claim (as bound, else as asked for) or of a volume, in bytes."""
    for amounts in (
        mapping(resource.status, "capacity"),
        mapping(resource.spec, "capacity"),
        mapping(resource.spec, "resources", "requests"),
    ):
        size = parse_quantity(amounts.get("storage"))
        if size is not None:
            return size
    return Fraction(0)


def amounts_text(amounts: Mapping[str, Fraction], names: Iterator[str] | None = None) -> str:
    """`cpu 100m, memory 128Mi`."""
    return ", ".join(f"{name} {format_amount(name, amounts[name])}" for name in (names or sorted(amounts)))
