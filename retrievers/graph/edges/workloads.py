"""Edges that built-in workloads have besides their pod template. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from copilot.model import Ref, Resource, children, number, text
from retrievers.graph.edge import Edge, EdgeKind

_MAX_ORDINALS = 1000  # claims of one set that get an edge: beyond this, the pods' own edges say it


def edges_of_stateful_set_service(resource: Resource) -> Iterator[Edge]:
    """The headless service that gives the pods their DNS names."""
    if name := text(resource.spec, "serviceName"):
        yield Edge(resource.ref, EdgeKind.HEADLESS_SERVICE, Ref("Service", resource.ref.namespace, name),
                   "spec.serviceName")  # fmt: skip


def edges_of_stateful_set_claims(resource: Resource) -> Iterator[Edge]:
    """The claims `<template>-<set>-<ordinal>`. Uncertain: an ordinal that was never started has no claim yet."""
    start = number(resource.spec, "ordinals", "start")
    replicas = max(0, min(number(resource.spec, "replicas", default=1), _MAX_ORDINALS))
    for template in children(resource.spec, "volumeClaimTemplates"):
        name = text(template, "metadata", "name")
        for ordinal in range(start, start + replicas) if name else ():
            claim = Ref("PersistentVolumeClaim", resource.ref.namespace, f"{name}-{resource.ref.name}-{ordinal}")
            yield Edge(resource.ref, EdgeKind.MOUNTS, claim, f"spec.volumeClaimTemplates[{name}]", certain=False)


def edges_of_stateful_set_class(resource: Resource) -> Iterator[Edge]:
    """The storage class its future claims will ask for."""
    for template in children(resource.spec, "volumeClaimTemplates"):
        if name := text(template, "spec", "storageClassName"):
            yield Edge(resource.ref, EdgeKind.OF_CLASS, Ref("StorageClass", "", name, "storage.k8s.io"),
                       f"spec.volumeClaimTemplates[{text(template, 'metadata', 'name')}].spec.storageClassName")  # fmt: skip
