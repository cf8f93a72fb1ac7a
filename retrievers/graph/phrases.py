"""Edge kinds as words, read from either end: `web-0 runs on node-1`, `node-1 runs web-0`. One table."""

from __future__ import annotations

from retrievers.graph.edge import EdgeKind

# kind -> (source … target, target … source)
_PHRASES: dict[EdgeKind, tuple[str, str]] = {
    EdgeKind.OWNED_BY: ("is owned by", "owns"),
    EdgeKind.RUNS_ON: ("runs on", "runs"),
    EdgeKind.NOMINATED_TO: ("is meant for", "is meant to run"),
    EdgeKind.USES_SA: ("acts as", "is acted as by"),
    EdgeKind.MOUNTS: ("mounts", "is mounted by"),
    EdgeKind.REFERENCES: ("reads", "is read by"),
    EdgeKind.USES: ("uses", "is used by"),
    EdgeKind.CLAIMS: ("asks for devices through", "asks for devices for"),
    EdgeKind.CLAIMS_IMPLICIT: ("was given devices through", "holds devices for"),
    EdgeKind.IN_GANG: ("is scheduled with", "gathers"),
    EdgeKind.RUNS_IMAGE: ("runs the image", "is run by"),
    EdgeKind.BOUND_TO: ("is bound to", "is bound by"),
    EdgeKind.RESERVED_BY: ("is kept for", "has reserved"),
    EdgeKind.OF_CLASS: ("is of class", "is the class of"),
    EdgeKind.ATTACHES: ("attaches", "is attached through"),
    EdgeKind.ATTACHES_TO: ("is attached to", "has attached"),
    EdgeKind.SELECTS: ("sends traffic to", "gets traffic from"),
    EdgeKind.SELECTS_TEMPLATE: ("selects the pods of", "is selected by"),
    EdgeKind.BACKS: ("holds the endpoints of", "has its endpoints in"),
    EdgeKind.TARGETS: ("lists as endpoint", "is an endpoint in"),
    EdgeKind.ROUTES_TO: ("routes to", "is routed to by"),
    EdgeKind.CONNECTS_TO: ("connects to", "is connected to by"),
    EdgeKind.HEADLESS_SERVICE: ("is named by", "names the pods of"),
    EdgeKind.ISOLATES: ("restricts the traffic of", "is restricted by"),
    EdgeKind.GOVERNS: ("limits", "is limited by"),
    EdgeKind.SCALES: ("scales", "is scaled by"),
    EdgeKind.PROTECTS: ("limits the eviction of", "is protected by"),
    EdgeKind.PERMITS: ("permits references of", "is permitted by"),
    EdgeKind.CALLS: ("calls", "is called by"),
    EdgeKind.SERVED_BY: ("is answered by", "answers for"),
    EdgeKind.BINDS: ("hands out", "is handed out by"),
    EdgeKind.GRANTS: ("grants rights to", "has rights from"),
    EdgeKind.ABOUT: ("is about", "is told of by"),
    EdgeKind.RESERVED_FOR: ("is reserved for", "has the reservation"),
    EdgeKind.ALLOCATED: ("was given", "was given to"),
    EdgeKind.OFFERS: ("publishes", "is published by"),
    EdgeKind.ON_NODE: ("is usable on", "makes usable"),
    EdgeKind.MAPS: ("answers to", "is answered by"),
    EdgeKind.TAINTS: ("taints", "is tainted by"),
    EdgeKind.PARTITION_OF: ("is a part of", "is parted into"),
    EdgeKind.HAS_GPU: ("carries", "is carried by"),
    EdgeKind.IN_NAMESPACE: ("is in", "holds"),
}


def phrase(kind: EdgeKind, *, from_source: bool) -> str:
    """The words between the two objects, source first or target first."""
    forward, backward = _PHRASES[kind]
    return forward if from_source else backward
