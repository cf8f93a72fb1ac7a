"""Edges of dynamic resource allocation: claims, classes, slices, devices, taints, partitions. Pure.

A device has no API object: its ref is `Device driver/pool/name`, published by a ResourceSlice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from copilot.model import Ref, Resource, child, children, text
from copilot.model.kinds import resolve_kind
from retrievers.graph.edge import Edge, EdgeKind

GROUP = "resource.k8s.io"
_GPU_PRODUCT = "nvidia.com/gpu.product"


def device_ref(driver: str, pool: str, device: str) -> Ref:
    """The name of a device inside the cluster."""
    return Ref("Device", "", f"{driver}/{pool}/{device}")


def edges_of_claim_spec(resource: Resource) -> Iterator[Edge]:
    """Device classes that a ResourceClaim or a ResourceClaimTemplate asks for, alternatives included."""
    spec, field = resource.spec, "spec"
    if resource.ref.kind == "ResourceClaimTemplate":
        spec, field = child(spec, "spec"), "spec.spec"
    for request in children(spec, "devices", "requests"):
        where = f"{field}.devices.requests[{text(request, 'name')}]"
        for part, place in ((child(request, "exactly"), f"{where}.exactly"), (request, where)):
            yield from _device_class(resource, part, place)
        for index, alternative in enumerate(children(request, "firstAvailable")):
            for edge in _device_class(resource, alternative, f"{where}.firstAvailable[{index}]"):
                yield Edge(edge.source, edge.kind, edge.target, edge.field, optional=True)


def _device_class(resource: Resource, request: Mapping[str, Any], field: str) -> Iterator[Edge]:
    if name := text(request, "deviceClassName"):
        yield Edge(resource.ref, EdgeKind.OF_CLASS, Ref("DeviceClass", "", name, GROUP), f"{field}.deviceClassName")


def edges_of_claim_allocation(resource: Resource) -> Iterator[Edge]:
    """The devices a claim was given."""
    for result in children(resource.status, "allocation", "devices", "results"):
        device = device_ref(text(result, "driver"), text(result, "pool"), text(result, "device"))
        yield Edge(resource.ref, EdgeKind.ALLOCATED, device,
                   f"status.allocation.devices.results[{text(result, 'request')}]")  # fmt: skip


def edges_of_claim_reservations(resource: Resource) -> Iterator[Edge]:
    """Who may use the claim now; entries name the plural resource, not the kind."""
    for index, consumer in enumerate(children(resource.status, "reservedFor")):
        kind = resolve_kind(f"{text(consumer, 'resource')}.{text(consumer, 'apiGroup')}".rstrip("."))
        if kind is not None and (name := text(consumer, "name")):
            target = Ref(kind.kind, resource.ref.namespace, name, kind.group)
            yield Edge(resource.ref, EdgeKind.RESERVED_FOR, target, f"status.reservedFor[{index}]")


def edges_of_slice_nodes(resource: Resource) -> Iterator[Edge]:
    """The node whose devices it publishes, for the slice or for each device."""
    spec = resource.spec
    if node := text(spec, "nodeName"):
        yield Edge(resource.ref, EdgeKind.ON_NODE, Ref("Node", "", node), "spec.nodeName")
    for device in children(spec, "devices"):
        if node := text(device, "nodeName") or text(device, "basic", "nodeName"):
            field = f"spec.devices[{text(device, 'name')}].nodeName"
            yield Edge(resource.ref, EdgeKind.ON_NODE, Ref("Node", "", node), field)


def edges_of_slice_devices(resource: Resource) -> Iterator[Edge]:
    """The devices it publishes, and the counters that each partition shares with others of the pool."""
    driver, pool = text(resource.spec, "driver"), text(resource.spec, "pool", "name")
    for device in children(resource.spec, "devices"):
        if not (name := text(device, "name")):
            continue
        ref, field = device_ref(driver, pool, name), f"spec.devices[{name}]"
        yield Edge(resource.ref, EdgeKind.OFFERS, ref, field)
        for consumed in children(child(device, "basic") or device, "consumesCounters"):
            if counters := text(consumed, "counterSet"):
                shared = Ref("CounterSet", "", f"{driver}/{pool}/{counters}")
                yield Edge(ref, EdgeKind.PARTITION_OF, shared, f"{field}.consumesCounters")


def edges_of_device_class(resource: Resource) -> Iterator[Edge]:
    """The extended resource name that pods may ask for instead of a claim."""
    if name := text(resource.spec, "extendedResourceName"):
        yield Edge(resource.ref, EdgeKind.MAPS, Ref("ExtendedResource", "", name), "spec.extendedResourceName")


def edges_of_device_taint_rule(resource: Resource) -> Iterator[Edge]:
    """The device it taints, where the rule names exactly one, and the class it is limited to."""
    selector = child(resource.spec, "deviceSelector")
    parts = [text(selector, part) for part in ("driver", "pool", "device")]
    if all(parts):
        yield Edge(resource.ref, EdgeKind.TAINTS, device_ref(*parts), "spec.deviceSelector")
    if name := text(selector, "deviceClassName"):
        yield Edge(resource.ref, EdgeKind.OF_CLASS, Ref("DeviceClass", "", name, GROUP),
                   "spec.deviceSelector.deviceClassName")  # fmt: skip


def edges_of_node_gpus(resource: Resource) -> Iterator[Edge]:
    """The GPU model that feature discovery wrote on a node."""
    if product := text(resource.labels.get(_GPU_PRODUCT)):
        yield Edge(resource.ref, EdgeKind.HAS_GPU, Ref("GPUModel", "", product), f"metadata.labels[{_GPU_PRODUCT}]")
