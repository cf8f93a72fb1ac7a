"""Edges that only a Pod has, from its status. Pure: what the status says, never whether it exists."""

from __future__ import annotations

from collections.abc import Iterator

from copilot.model import Ref, Resource, children, text
from retrievers.graph.edge import Edge, EdgeKind


def edges_of_pod_nomination(resource: Resource) -> Iterator[Edge]:
    """The node that preemption is making room on."""
    if node := text(resource.status.get("nominatedNodeName")):
        yield Edge(resource.ref, EdgeKind.NOMINATED_TO, Ref("Node", "", node), "status.nominatedNodeName")


def edges_of_pod_allocated_claims(resource: Resource) -> Iterator[Edge]:
    """Claims that were made for the pod: from its templates, or for an extended resource."""
    status, namespace = resource.status, resource.ref.namespace
    for claim in children(status, "resourceClaimStatuses") if "resourceClaimStatuses" in status else ():
        if name := text(claim, "resourceClaimName"):
            yield Edge(resource.ref, EdgeKind.CLAIMS, Ref("ResourceClaim", namespace, name, "resource.k8s.io"),
                       f"status.resourceClaimStatuses[{text(claim, 'name')}].resourceClaimName")  # fmt: skip
    if name := text(status.get("extendedResourceClaimStatus"), "resourceClaimName"):
        yield Edge(resource.ref, EdgeKind.CLAIMS_IMPLICIT, Ref("ResourceClaim", namespace, name, "resource.k8s.io"),
                   "status.extendedResourceClaimStatus.resourceClaimName")  # fmt: skip


_STATUS_LISTS = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")


def edges_of_pod_images(resource: Resource) -> Iterator[Edge]:
    """The images its containers run, by the digest the node resolved."""
    status = resource.status
    for place in _STATUS_LISTS:
        for container in children(status[place]) if place in status else ():
            image = text(container.get("imageID"))
            if image:
                name = image.rpartition("://")[2]
                yield Edge(resource.ref, EdgeKind.RUNS_IMAGE, Ref("Image", "", name),
                           f"status.{place}[{text(container, 'name')}].imageID")  # fmt: skip
