"""Edges of the Gateway API, read by shape, so that every route kind is covered. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from copilot.model import Ref, Resource, child, children, text
from retrievers.graph.edge import Edge, EdgeKind
from retrievers.graph.edges.ownership import object_ref

GROUP = "gateway.networking.k8s.io"
ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")


def edges_of_route(resource: Resource) -> Iterator[Edge]:
    """Parents (a Gateway unless said otherwise), backends (a Service unless said otherwise), mirrors and extensions."""
    for index, parent in enumerate(children(resource.spec, "parentRefs")):
        yield from _reference(resource, EdgeKind.ATTACHES_TO, parent, ("Gateway", GROUP), f"spec.parentRefs[{index}]")
    for place, rule in enumerate(children(resource.spec, "rules")):
        where = f"spec.rules[{place}]"
        for index, backend in enumerate(children(rule, "backendRefs")):
            yield from _reference(
                resource, EdgeKind.ROUTES_TO, backend, ("Service", ""), f"{where}.backendRefs[{index}]"
            )
        for index, rule_filter in enumerate(children(rule, "filters")):
            yield from _route_filter(resource, rule_filter, f"{where}.filters[{index}]")


def _route_filter(resource: Resource, rule_filter: Mapping[str, Any], field: str) -> Iterator[Edge]:
    mirror = child(child(rule_filter, "requestMirror"), "backendRef")
    yield from _reference(resource, EdgeKind.ROUTES_TO, mirror, ("Service", ""), f"{field}.requestMirror.backendRef")
    extension = child(rule_filter, "extensionRef")
    yield from _reference(
        resource, EdgeKind.REFERENCES, extension, (text(extension, "kind"), ""), f"{field}.extensionRef"
    )


def edges_of_gateway(resource: Resource) -> Iterator[Edge]:
    """The class, the certificates of its listeners, and its parameters."""
    spec = resource.spec
    if name := text(spec, "gatewayClassName"):
        yield Edge(resource.ref, EdgeKind.OF_CLASS, Ref("GatewayClass", "", name, GROUP), "spec.gatewayClassName")
    for listener in children(spec, "listeners"):
        for index, certificate in enumerate(children(listener, "tls", "certificateRefs")):
            where = f"spec.listeners[{text(listener, 'name')}].tls.certificateRefs[{index}]"
            yield from _reference(resource, EdgeKind.REFERENCES, certificate, ("Secret", ""), where)
    parameters = child(child(spec, "infrastructure"), "parametersRef")
    yield from _reference(
        resource, EdgeKind.REFERENCES, parameters, (text(parameters, "kind"), ""), "spec.infrastructure.parametersRef"
    )


def edges_of_gateway_class(resource: Resource) -> Iterator[Edge]:
    """The parameters object of the class."""
    target = object_ref(child(resource.spec, "parametersRef"), text(resource.spec, "parametersRef", "namespace"))
    if target is not None:
        yield Edge(resource.ref, EdgeKind.REFERENCES, target, "spec.parametersRef")


def edges_of_reference_grant(resource: Resource) -> Iterator[Edge]:
    """The namespaces that may refer across, and the objects they may refer to where these are named."""
    for index, source in enumerate(children(resource.spec, "from")):
        if namespace := text(source, "namespace"):
            yield Edge(resource.ref, EdgeKind.PERMITS, Ref("Namespace", "", namespace), f"spec.from[{index}].namespace")
    for index, target in enumerate(children(resource.spec, "to")):
        yield from _reference(resource, EdgeKind.PERMITS, target, (text(target, "kind"), ""), f"spec.to[{index}]")


def _reference(
    resource: Resource, kind: EdgeKind, reference: Mapping[str, Any], default: tuple[str, str], field: str
) -> Iterator[Edge]:
    """A reference whose group, kind and namespace may be left out."""
    name = text(reference, "name")
    if not name:
        return
    filled = {"kind": default[0], "group": default[1], **reference}
    target = object_ref(filled, text(reference, "namespace") or resource.ref.namespace)
    if target is not None:
        yield Edge(resource.ref, kind, target, field)
