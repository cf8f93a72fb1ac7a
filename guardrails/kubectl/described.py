"""What `kubectl describe` reads beside the object itself, kind by kind (kubectl `pkg/describe`, checked by the oracle)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from guardrails.kubectl.kinds import ANY, CONTEXT, KubeKind, known
from guardrails.kubectl.objects import Named, Place
from guardrails.kubectl.refusal import KubectlRefused

# Lists in the object's own namespace.
_BESIDE = {
    "Deployment": ("ReplicaSet",),
    "ReplicaSet": ("Pod",),
    "ReplicationController": ("Pod",),
    "StatefulSet": ("Pod",),
    "DaemonSet": ("Pod",),
    "PersistentVolumeClaim": ("Pod",),
    "Service": ("EndpointSlice", "Endpoints"),
    "Ingress": ("EndpointSlice", "Endpoints", "Service"),
}
_BACKENDS = ("Endpoints", "Service")  # an Ingress looks each of its backends up by name


def described(target: Named, place: Place) -> Iterator[str]:
    """The addresses read for one description. Names are also tried as beginnings of names, so the list is read too.

    Raises:
        KubectlRefused: describing the kind reads Secrets.
    """
    # A describer asks in the version that its kubectl was built with, whatever the server prefers.
    kind = msgspec.structs.replace(target.kind, version=ANY) if target.kind.group else target.kind
    if kind.kind == "ServiceAccount":
        raise KubectlRefused("describing a ServiceAccount reads its Secrets", "kubectl get serviceaccounts -o yaml")
    for root in place.item_roots(kind):
        yield root
        yield f"{root}/{target.name or ''}{ANY}"
    yield from _events(kind, place)
    for other in _BESIDE.get(kind.kind, ()):
        yield from place.roots(known(other))
        yield from (root for root in place.item_roots(known(other)) if place.everywhere)
    if kind.kind == "Service":  # before 1.34 its Endpoints are read by name
        yield from (f"{root}/{target.name or ''}{ANY}" for root in place.item_roots(known("Endpoints")))
    if kind.kind == "Ingress":
        yield from _backends(place)
    if kind.kind == "Node":
        yield from _node(target)
    if kind.kind == "Namespace":
        for other in ("ResourceQuota", "LimitRange"):
            yield f"{known(other).root(target.name or ANY)}"


def _events(kind: KubeKind, place: Place) -> Iterator[str]:
    event = known("Event")
    if kind.namespaced is not False:
        yield event.root(ANY if place.everywhere else place.namespace or CONTEXT)
    if kind.namespaced is not True:
        yield event.root(None)
        yield event.root("default")


def _backends(place: Place) -> Iterator[str]:
    for other in _BACKENDS:
        for root in place.item_roots(known(other)):
            yield f"{root}/{ANY}"
        yield f"{known(other).root('kube-system')}/default-http-backend"
    yield known("EndpointSlice").root("kube-system")


def _node(target: Named) -> Iterator[str]:
    yield f"{known('Lease').root('kube-node-lease')}/{target.name or ''}{ANY}"
    yield known("Pod").root(None)
    yield known("ResourceSlice").root(None)
