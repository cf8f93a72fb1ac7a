"""Gateway API objects by the conditions of their parents and listeners: refused, unresolved, not programmed.

Reasons decide before texts; the Service, grant or Secret that a route or listener names is looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, said
from copilot.model import Finding, Ref, Resource, children, instant, number, text
from copilot.model.likeness import nearest

GROUP = "gateway.networking.k8s.io"
ROUTES = ("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute")


def _cause(rule: str, title: str, kind: str, *fields: str, yields: bool = False) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind=kind,
        fields=fields,
        yields=yields,
        steps=("Read the condition of the parent or listener", "Correct what it names"),
        citation="kubernetes-sigs/gateway-api apis/v1 condition reasons",
    )


_PARENTS = "status.parents[].conditions"
BACKEND = _cause(
    "gateway.backend_missing",
    "A route names a backend that does not exist",
    "HTTPRoute",
    _PARENTS,
    "spec.rules[].backendRefs",
)
GRANT = _cause(
    "gateway.refnotpermitted", "A reference into another namespace has no ReferenceGrant", "HTTPRoute", _PARENTS
)
PARENT = _cause(
    "gateway.notallowed",
    "No listener of the gateway takes the route",
    "HTTPRoute",
    _PARENTS,
    "spec.parentRefs",
    "spec.hostnames",
)
UNPROGRAMMED = _cause(
    "gateway.not_programmed",
    "A gateway is not realised by its controller",
    "Gateway",
    "status.conditions",
    "status.listeners[].conditions",
    yields=True,
)
CERTIFICATE = _cause(
    "gateway.cert",
    "A listener's TLS Secret is missing or not valid",
    "Gateway",
    "status.listeners[].conditions",
    "spec.listeners[].tls.certificateRefs",
)

_REASONS: Mapping[str, Cause] = {
    "BackendNotFound": BACKEND,
    "PortNotFound": BACKEND,
    "UnsupportedProtocol": BACKEND,
    "InvalidKind": BACKEND,
    "RefNotPermitted": GRANT,
    "NotAllowedByListeners": PARENT,
    "NoMatchingListenerHostname": PARENT,
    "NoMatchingParent": PARENT,
    "InvalidCertificateRef": CERTIFICATE,
    "HostnameConflict": UNPROGRAMMED,
    "ProtocolConflict": UNPROGRAMMED,
    "PortUnavailable": UNPROGRAMMED,
    "UnsupportedAddress": UNPROGRAMMED,
    "AddressNotUsable": UNPROGRAMMED,
    "NoResources": UNPROGRAMMED,
}
_BAD = frozenset(
    {("False", kind) for kind in ("Accepted", "ResolvedRefs", "Programmed", "Ready")}
    | {("True", kind) for kind in ("Conflicted", "OverlappingTLSConfig", "PartiallyInvalid")}
)
_SETTLING = frozenset({"Pending", "Scheduled"})


class Entry(msgspec.Struct, frozen=True, eq=False):
    """A condition that is False, and where it stands."""

    path: str
    body: Mapping[str, Any]
    owner: Mapping[str, Any]

    @property
    def reason(self) -> str:
        """`reason`."""
        return text(self.body, "reason")


def find_gateway_faults(view: View) -> Iterator[Finding]:
    """One finding for each route or gateway, by its most telling condition."""
    for kind in (*ROUTES, "Gateway"):
        for resource in view.graph.of_kind(kind, group=GROUP):
            bad = [
                entry
                for entry in _entries(resource)
                if entry.reason not in _SETTLING and (text(entry.body, "status"), text(entry.body, "type")) in _BAD
            ]
            bad.sort(key=lambda entry: (entry.reason not in _REASONS, not text(entry.body, "message"), entry.path))
            if bad and resource.deleted is None:
                yield _explain(view, resource, bad[0])


def _entries(resource: Resource) -> Iterator[Entry]:
    for entry in children(resource.status, "conditions"):
        yield Entry(f"status.conditions[{text(entry, 'type')}]", entry, {})
    for parent in children(resource.status, "parents"):
        for entry in children(parent, "conditions"):
            yield Entry(f"status.parents[].conditions[{text(entry, 'type')}]", entry, parent)
    for listener in children(resource.status, "listeners"):
        for entry in children(listener, "conditions"):
            yield Entry(
                f"status.listeners[{text(listener, 'name')}].conditions[{text(entry, 'type')}]", entry, listener
            )


def _explain(view: View, resource: Resource, entry: Entry) -> Finding:
    ref, message = resource.ref, text(entry.body, "message")
    cause = _REASONS.get(entry.reason, UNPROGRAMMED if ref.kind == "Gateway" else PARENT)
    detail = {BACKEND.id: _missing_backend, CERTIFICATE.id: _missing_secret}.get(cause.id)
    found = detail(view, resource) if detail is not None else ""
    where = f" listener {text(entry.owner, 'name')}" if ref.kind == "Gateway" and entry.owner else ""
    return Finding(
        cause=cause.id,
        object=ref,
        title=f"{ref}{where}: {text(entry.body, 'type')} is {text(entry.body, 'status')} ({entry.reason}): {found or message[:220]}",
        evidence=(
            said(
                resource,
                entry.path,
                f"{text(entry.body, 'type')} = {text(entry.body, 'status')}, {entry.reason}: {message[:300]}",
            ),
        ),
        weight=0.93 if found else 0.85,
        since=instant(entry.body.get("lastTransitionTime")),
        steps=(describe(ref), change(cause.title, ref)),
    )


def _missing_backend(view: View, route: Resource) -> str:
    """The backend Service, or its port, that does not exist."""
    for rule in children(route.spec, "rules"):
        for backend in children(rule, "backendRefs"):
            space, name = text(backend, "namespace") or route.ref.namespace, text(backend, "name")
            if (text(backend, "kind") or "Service") == "Service" and view.graph.get(
                Ref("Service", space, name)
            ) is None:
                near = nearest(name, [service.ref.name for service in view.graph.of_kind("Service", space)])
                return f"backend Service {name} does not exist in namespace {space}" + (
                    f" (there is {near})" if near else ""
                )
            service = view.graph.get(Ref("Service", space, name))
            ports = [number(entry, "port") for entry in children(service.spec, "ports")] if service is not None else []
            if ports and number(backend, "port") and number(backend, "port") not in ports:
                have = ", ".join(map(str, ports))
                return f"port {number(backend, 'port')} is no port of Service {name}, which serves port {have}"
    return ""


def _missing_secret(view: View, gateway: Resource) -> str:
    for listener in children(gateway.spec, "listeners"):
        for wanted in children(listener, "tls", "certificateRefs"):
            space, name = text(wanted, "namespace") or gateway.ref.namespace, text(wanted, "name")
            if view.was_read("Secret", space) and view.graph.get(Ref("Secret", space, name)) is None:
                near = nearest(name, [secret.ref.name for secret in view.graph.of_kind("Secret", space)])
                return f"TLS Secret {name} does not exist in namespace {space}" + (
                    f" (there is {near})" if near else ""
                )
    return ""


RULES: tuple[Rule, ...] = (Rule(find=find_gateway_faults, causes=(BACKEND, GRANT, PARENT, UNPROGRAMMED, CERTIFICATE)),)
