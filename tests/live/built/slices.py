"""Waits until the endpoint controller has said which pods stand behind each Service.

Promise: a Service whose slices are described keeps those alone.
"""

from typing import Any

from tests.live.testbed.waiting import until

from .kinds import Body
from .server import Server

_PATH = "/apis/discovery.k8s.io/v1/endpointslices"
_SERVICE = "kubernetes.io/service-name"
_MAKER = "endpointslice.kubernetes.io/managed-by"
_CONTROLLER = "endpointslice-controller.k8s.io"
_CONFLICT = "FailedToUpdateEndpointSlices"
_WITHIN = 8.0  # seconds


def slices(wanted: list[Body], server: Server) -> list[tuple[Body, Body]]:
    """The slices that the controller made, each with the described Service."""
    services = {_place(body): body for body in wanted if body["kind"] == "Service" and body["spec"].get("selector")}
    told = {(body["metadata"].get("namespace"), body["metadata"].get("labels", {}).get(_SERVICE)) for body in wanted if body["kind"] == "EndpointSlice"}  # fmt: skip
    expected = {place: _behind(body, wanted) for place, body in services.items() if body["spec"].get("type") != "ExternalName"}  # fmt: skip
    found: list[dict[tuple[Any, Any], Body]] = [{}]

    def are_there() -> bool:
        found[0] = _made(server)
        return all(place in found[0] and _count(found[0][place]) == number for place, number in expected.items())

    until(are_there, _WITHIN, every=0.1)
    _forget_conflicts(server)
    chosen = []
    for place, made in found[0].items():
        if place in told:
            server.api.call("DELETE", f"/apis/discovery.k8s.io/v1/namespaces/{place[0]}/endpointslices/{made['metadata']['name']}")  # fmt: skip
        elif place in services:
            chosen.append(({**made, "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}, services[place]))
    return chosen


def _forget_conflicts(server: Server) -> None:
    """What the controller says when a Service changes under its hands: here everything changes within a second."""
    for event in server.api.get("/api/v1/events")["items"]:
        if event.get("reason") == _CONFLICT:
            server.api.call("DELETE", f"/api/v1/namespaces/{event['metadata']['namespace']}/events/{event['metadata']['name']}")  # fmt: skip


def _made(server: Server) -> dict[tuple[Any, Any], Body]:
    items = server.api.get(_PATH)["items"]
    own = [item for item in items if item["metadata"].get("labels", {}).get(_MAKER) == _CONTROLLER]
    return {(item["metadata"]["namespace"], item["metadata"]["labels"][_SERVICE]): item for item in own}


def _place(body: Body) -> tuple[Any, Any]:
    return body["metadata"].get("namespace"), body["metadata"]["name"]


def _behind(service: Body, wanted: list[Body]) -> int:
    """How many pods the Service selects that have an address and are not over."""
    selector = service["spec"]["selector"].items()
    return sum(
        body["kind"] == "Pod"
        and body["metadata"].get("namespace") == service["metadata"].get("namespace")
        and selector <= body["metadata"].get("labels", {}).items()
        and bool(body.get("status", {}).get("podIP"))
        and body["status"].get("phase") not in ("Succeeded", "Failed")
        for body in wanted
    )


def _count(made: Body) -> int:
    return len({endpoint.get("targetRef", {}).get("name") for endpoint in made.get("endpoints") or []})
