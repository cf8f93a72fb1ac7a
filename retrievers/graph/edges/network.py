"""Edges of services, endpoints, ingresses and what calls services. Pure: what the object says, never whether it exists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from copilot.model import Ref, Resource, child, children, text
from retrievers.graph.edge import Edge, EdgeKind
from retrievers.graph.edges.ownership import object_ref

_SERVICE_NAME_LABEL = "kubernetes.io/service-name"


def edges_of_endpoint_slice(resource: Resource) -> Iterator[Edge]:
    """The service a slice belongs to, and the pods it lists."""
    namespace = resource.ref.namespace
    if service := text(resource.labels.get(_SERVICE_NAME_LABEL)):
        yield Edge(resource.ref, EdgeKind.BACKS, Ref("Service", namespace, service),
                   f"metadata.labels[{_SERVICE_NAME_LABEL}]")  # fmt: skip
    for endpoint in children(resource.body, "endpoints"):
        yield from _endpoint_target(resource, endpoint, "endpoints[].targetRef")


def edges_of_endpoints(resource: Resource) -> Iterator[Edge]:
    """The legacy Endpoints object: the service of the same name, and its pods, ready or not."""
    yield Edge(resource.ref, EdgeKind.BACKS, Ref("Service", resource.ref.namespace, resource.ref.name), "metadata.name")
    for subset in children(resource.body, "subsets"):
        for field in ("addresses", "notReadyAddresses"):
            for address in children(subset, field):
                yield from _endpoint_target(resource, address, f"subsets[].{field}[].targetRef")


def _endpoint_target(resource: Resource, endpoint: Mapping[str, Any], field: str) -> Iterator[Edge]:
    reference = endpoint.get("targetRef")
    if isinstance(reference, dict):
        target = object_ref(reference, text(reference.get("namespace")) or resource.ref.namespace)
        if target is not None:
            yield Edge(resource.ref, EdgeKind.TARGETS, target, field)


def edges_of_ingress(resource: Resource) -> Iterator[Edge]:
    """Backends, TLS secrets and the class."""
    spec, namespace = resource.spec, resource.ref.namespace
    yield from _ingress_backend(resource, spec.get("defaultBackend") or spec.get("backend"), "spec.defaultBackend")
    for index, rule in enumerate(children(spec, "rules")):
        for place, path in enumerate(children(rule, "http", "paths")):
            yield from _ingress_backend(
                resource, path.get("backend"), f"spec.rules[{index}].http.paths[{place}].backend"
            )
    for index, tls in enumerate(children(spec, "tls")):
        if name := text(tls, "secretName"):
            yield Edge(
                resource.ref, EdgeKind.REFERENCES, Ref("Secret", namespace, name), f"spec.tls[{index}].secretName"
            )
    if name := text(spec, "ingressClassName"):
        yield Edge(resource.ref, EdgeKind.OF_CLASS, Ref("IngressClass", "", name, "networking.k8s.io"),
                   "spec.ingressClassName")  # fmt: skip


def _ingress_backend(resource: Resource, backend: Any, field: str) -> Iterator[Edge]:
    if not isinstance(backend, dict):
        return
    namespace = resource.ref.namespace
    if name := text(backend, "service", "name"):
        yield Edge(resource.ref, EdgeKind.ROUTES_TO, Ref("Service", namespace, name), f"{field}.service.name")
    elif name := text(backend, "serviceName"):
        yield Edge(resource.ref, EdgeKind.ROUTES_TO, Ref("Service", namespace, name), f"{field}.serviceName")
    elif isinstance(backend.get("resource"), dict):
        target = object_ref(backend["resource"], namespace)
        if target is not None:
            yield Edge(resource.ref, EdgeKind.ROUTES_TO, target, f"{field}.resource")


def edges_of_ingress_class(resource: Resource) -> Iterator[Edge]:
    """The parameters object of the class."""
    parameters = child(resource.spec, "parameters")
    target = object_ref(parameters, text(parameters, "namespace"))
    if target is not None:
        yield Edge(resource.ref, EdgeKind.REFERENCES, target, "spec.parameters")


def edges_of_webhooks(resource: Resource) -> Iterator[Edge]:
    """The services that admission webhooks call."""
    for webhook in children(resource.body, "webhooks"):
        yield from _called_service(
            resource, child(webhook, "clientConfig"), f"webhooks[{text(webhook, 'name')}].clientConfig"
        )


def edges_of_conversion_webhook(resource: Resource) -> Iterator[Edge]:
    """The service that converts a custom resource between versions."""
    config = child(child(child(resource.spec, "conversion"), "webhook"), "clientConfig")
    yield from _called_service(resource, config, "spec.conversion.webhook.clientConfig")


def _called_service(resource: Resource, config: Mapping[str, Any], field: str) -> Iterator[Edge]:
    name, namespace = text(config, "service", "name"), text(config, "service", "namespace")
    if name and namespace:
        yield Edge(resource.ref, EdgeKind.CALLS, Ref("Service", namespace, name), f"{field}.service")


def edges_of_api_service(resource: Resource) -> Iterator[Edge]:
    """The service that answers for an aggregated API; a local API has none."""
    service = child(resource.spec, "service")
    name, namespace = text(service, "name"), text(service, "namespace")
    if name and namespace:
        yield Edge(resource.ref, EdgeKind.SERVED_BY, Ref("Service", namespace, name), "spec.service")


def edges_of_ip_address(resource: Resource) -> Iterator[Edge]:
    """The service that holds the address."""
    parent = child(resource.spec, "parentRef")
    if text(parent, "resource") == "services" and (name := text(parent, "name")):
        yield Edge(resource.ref, EdgeKind.REFERENCES, Ref("Service", text(parent, "namespace"), name), "spec.parentRef")


def edges_of_external_name(resource: Resource) -> Iterator[Edge]:
    """An ExternalName service that stands for another service of the cluster."""
    if resource.spec.get("type") != "ExternalName":
        return
    labels = text(resource.spec, "externalName").rstrip(".").split(".")
    if len(labels) > 2 and labels[2] == "svc":
        target = Ref("Service", labels[1], labels[0])
        yield Edge(resource.ref, EdgeKind.CONNECTS_TO, target, "spec.externalName")
