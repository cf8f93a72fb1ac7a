"""The words of the graph: edge kinds with their health direction, edges, node states. Pure data."""

from __future__ import annotations

from enum import Enum, StrEnum

import msgspec

from copilot.model import Ref


class NodeState(StrEnum):
    """What is known about the existence of an object that something names."""

    PRESENT = "present"  # it was read, or it is a thing that has no API object (an image, a user)
    DANGLING = "dangling"  # wanted, and the whole list of its kind was read without it
    UNREADABLE = "unreadable"  # wanted, and nobody could look


class Health(Enum):
    """Whose health an edge carries, seen from the edge's source."""

    FORWARD = "forward"  # the source suffers when the target is ill
    BACKWARD = "backward"  # the target suffers when the source is ill
    BOTH = "both"
    NONE = "none"


class EdgeKind(StrEnum):
    """How one object is tied to another. The comment is the sentence `SOURCE … TARGET`."""

    OWNED_BY = "OWNED_BY"  # is owned by (metadata.ownerReferences)
    RUNS_ON = "RUNS_ON"  # was placed on the node
    NOMINATED_TO = "NOMINATED_TO"  # may be placed on the node after preemption
    USES_SA = "USES_SA"  # acts as the service account
    MOUNTS = "MOUNTS"  # mounts the claim
    REFERENCES = "REFERENCES"  # reads the ConfigMap, Secret or other object
    USES = "USES"  # names a class, scheduler or policy
    CLAIMS = "CLAIMS"  # asks for devices through the claim
    CLAIMS_IMPLICIT = "CLAIMS_IMPLICIT"  # was given a claim by the scheduler
    IN_GANG = "IN_GANG"  # is scheduled together with the group
    RUNS_IMAGE = "RUNS_IMAGE"  # runs the image (by digest)
    BOUND_TO = "BOUND_TO"  # is bound to the volume
    RESERVED_BY = "RESERVED_BY"  # is a volume kept for the claim
    OF_CLASS = "OF_CLASS"  # is of the class
    ATTACHES = "ATTACHES"  # attaches the volume
    ATTACHES_TO = "ATTACHES_TO"  # is attached to the node, or to the gateway
    SELECTS = "SELECTS"  # sends traffic to the pod
    SELECTS_TEMPLATE = "SELECTS_TEMPLATE"  # would send traffic to the workload's pods
    BACKS = "BACKS"  # holds the endpoints of the service
    TARGETS = "TARGETS"  # lists the pod as endpoint
    ROUTES_TO = "ROUTES_TO"  # routes requests to
    CONNECTS_TO = "CONNECTS_TO"  # has the service's DNS name in its configuration
    HEADLESS_SERVICE = "HEADLESS_SERVICE"  # takes its pods' DNS names from the service
    ISOLATES = "ISOLATES"  # restricts the pod's traffic
    GOVERNS = "GOVERNS"  # limits what the namespace may hold
    SCALES = "SCALES"  # sets the replicas of
    PROTECTS = "PROTECTS"  # limits eviction of the pod
    PERMITS = "PERMITS"  # lets references from the namespace, or to the object, cross over
    CALLS = "CALLS"  # calls the service on every matching request
    SERVED_BY = "SERVED_BY"  # is answered by the service
    BINDS = "BINDS"  # hands out the role
    GRANTS = "GRANTS"  # gives the subject the role
    ABOUT = "ABOUT"  # is an event about
    RESERVED_FOR = "RESERVED_FOR"  # is reserved for
    ALLOCATED = "ALLOCATED"  # was given the device
    OFFERS = "OFFERS"  # publishes the device
    ON_NODE = "ON_NODE"  # is usable on the node
    MAPS = "MAPS"  # answers to the extended resource name
    TAINTS = "TAINTS"  # taints the device
    PARTITION_OF = "PARTITION_OF"  # draws on the counters of the same hardware
    HAS_GPU = "HAS_GPU"  # carries GPUs of the model
    IN_NAMESPACE = "IN_NAMESPACE"  # lives in the namespace (computed on request, never stored)

    @property
    def health(self) -> Health:
        """Which end suffers with the other."""
        return _HEALTH.get(self, Health.FORWARD)


_HEALTH = {
    EdgeKind.OWNED_BY: Health.BACKWARD,
    EdgeKind.NOMINATED_TO: Health.NONE,
    EdgeKind.RUNS_IMAGE: Health.NONE,
    EdgeKind.RESERVED_BY: Health.NONE,
    EdgeKind.ATTACHES: Health.BACKWARD,
    EdgeKind.BACKS: Health.BACKWARD,
    EdgeKind.ISOLATES: Health.BACKWARD,
    EdgeKind.GOVERNS: Health.BACKWARD,
    EdgeKind.SCALES: Health.BOTH,
    EdgeKind.PERMITS: Health.NONE,
    EdgeKind.GRANTS: Health.BACKWARD,
    EdgeKind.ABOUT: Health.NONE,
    EdgeKind.RESERVED_FOR: Health.NONE,
    EdgeKind.OFFERS: Health.BACKWARD,
    EdgeKind.MAPS: Health.NONE,
    EdgeKind.TAINTS: Health.BACKWARD,
    EdgeKind.HAS_GPU: Health.NONE,
    EdgeKind.IN_NAMESPACE: Health.NONE,
}

# Things that are named by objects and have no API object of their own.
VIRTUAL_KINDS = frozenset(
    {"Image", "Scheduler", "User", "Group", "Device", "CounterSet", "ExtendedResource", "GPUModel"}
)


class Edge(msgspec.Struct, frozen=True, gc=False):
    """One tie, with the field that says so.

    `optional` is the API's own flag (`configMapKeyRef.optional`): a missing target is tolerated.
    `certain` is False where the tie was inferred and the target may be something outside the cluster.
    """

    source: Ref
    kind: EdgeKind
    target: Ref
    field: str = ""
    optional: bool = False
    certain: bool = True
