"""Described failures of Gateway API routes whose controller has said nothing."""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.unseen import Case, condition, put, quiet, situation, svc
from tests.unit.diagnosis.unseen_network import shop

Body = dict[str, Any]


def _route(
    made: Case, *, backend: Body, parent: str = "edge", conditions: list[Body] | None = None, **spec: Any
) -> Case:
    status = {"parents": [{"parentRef": {"name": parent}, "conditions": conditions}]} if conditions else {}
    return made.add("HTTPRoute", "shop", "shop", api="gateway.networking.k8s.io/v1",
                    spec={"parentRefs": [{"name": parent}], "rules": [{"backendRefs": [backend]}], **spec}, status=status)  # fmt: skip


def _gateway(made: Case, **listener: Any) -> Case:
    made.add(
        "GatewayClass",
        "envoy",
        api="gateway.networking.k8s.io/v1",
        spec={"controllerName": "x/y"},
        status={"conditions": [condition("Accepted", "True")]},
    )
    body = {"name": "http", "port": 80, "protocol": "HTTP", **listener}
    return made.add("Gateway", "edge", "shop", api="gateway.networking.k8s.io/v1", spec={"gatewayClassName": "envoy", "listeners": [body]}, status={"conditions": [condition("Programmed", "True")]})  # fmt: skip


@situation("HTTPRoute shop/shop", "apii|backend|service", "gateway.backend")
def route_to_a_missing_service_without_status() -> Case:
    return _route(_gateway(shop()), backend={"name": "apii", "port": 80})


@situation("HTTPRoute shop/shop", "8080|port", "gateway.backend")
def route_to_a_port_the_service_lacks() -> Case:
    return _route(_gateway(shop()), backend={"name": "api", "port": 8080})


@situation("HTTPRoute shop/shop|ReferenceGrant *", "grant|permitted|namespace", "gateway.refnotpermitted")
def route_across_namespaces_without_grant() -> Case:
    made = _gateway(shop()).add("Namespace", "data")
    svc(put(made, "feed", ns="data"), "feed", 80, ns="data")
    return _route(made, backend={"name": "feed", "namespace": "data", "port": 80})


@situation("HTTPRoute shop/shop", "gateway|parent|edgee", "gateway.")
def route_to_a_gateway_that_does_not_exist() -> Case:
    return _route(_gateway(shop()), backend={"name": "api", "port": 80}, parent="edgee")


@situation("HTTPRoute shop/shop|Gateway shop/edge", "host|listener", "gateway.")
def route_host_no_listener_takes() -> Case:
    return _route(
        _gateway(shop(), hostname="*.shop.example"),
        backend={"name": "api", "port": 80},
        hostnames=["api.store.example"],
    )


@quiet
def a_route_that_is_right() -> Case:
    return _route(
        _gateway(shop(), hostname="*.shop.example"),
        backend={"name": "api", "port": 80},
        hostnames=["api.shop.example"],
    )
