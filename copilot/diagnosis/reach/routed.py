"""An Ingress as a target: the controller's pods that answer for it, and the Services they lead on to.

Which pods are the controller's is known where the Ingress carries the address of a Service of type LoadBalancer.
"""

from __future__ import annotations

from collections.abc import Iterator

from copilot.diagnosis.reach.judge import State
from copilot.diagnosis.reach.lead import Dead, Led, lead_service
from copilot.diagnosis.reach.wanted import Wanted
from copilot.diagnosis.view import View
from copilot.model import Ref, Resource, children, mapping, number, text
from copilot.model.wording import listed

_HTTP, _HTTPS = 80, 443


def lead_ingress(view: View, ingress: Resource, host: str = "", *, to_controller: bool = False) -> Led:
    """To the controller that answers for an Ingress; what stands behind it is a question of its own, named in a note."""
    controller = _controller(view, ingress)
    if controller is None:
        why = f"which pods answer for {ingress.ref} cannot be told: no Service of type LoadBalancer has its address"
        return Led(
            dead=(Dead(State.UNKNOWN, why, ingress.ref, "status.loadBalancer"),),
            notes=tuple(_onward(view, ingress, host)),
        )
    wanted = Wanted(
        "", 0 if to_controller else _HTTPS if mapping(ingress.spec, "tls") or ingress.spec.get("tls") else _HTTP
    )
    led = lead_service(view, controller, wanted)
    note = f"{ingress.ref} is answered by {controller.ref}"
    return Led(led.legs, led.dead, (note, *led.notes, *_onward(view, ingress, host)))


def _controller(view: View, ingress: Resource) -> Resource | None:
    """The Service that has the address of the Ingress."""
    mine = set(_addresses(ingress))
    for service in view.graph.of_kind("Service", group=""):
        if mine & set(_addresses(service)):
            return service
    return None


def _addresses(resource: Resource) -> Iterator[str]:
    for entry in children(resource.status, "loadBalancer", "ingress"):
        yield from (address for address in (text(entry, "ip"), text(entry, "hostname")) if address)


def _onward(view: View, ingress: Resource, host: str) -> Iterator[str]:
    """The Services behind it: the second part of the way, from the controller on."""
    backends: dict[str, None] = {}
    for rule in children(ingress.spec, "rules"):
        if host and text(rule, "host").lower() != host:
            continue
        for path in children(rule, "http", "paths"):
            service = mapping(path, "backend", "service")
            port = text(service, "port", "name") or str(number(service, "port", "number") or "")
            ref = Ref("Service", ingress.ref.namespace, text(service, "name"))
            missing = "" if view.graph.get(ref) or not view.was_read("Service", ref.namespace) else " (does not exist)"
            backends[f"{ref}{f':{port}' if port else ''}{missing}"] = None
    if backends:
        yield f"from the controller on it leads to {listed(backends)}: ask for that part as well"
