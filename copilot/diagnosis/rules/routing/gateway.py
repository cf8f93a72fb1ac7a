"""Gateway API references recomputed from the objects, where the controller has not (or not yet) said what it thinks of them.

A condition that a controller has set for the present generation stands: those are explained by their reason elsewhere.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from copilot.diagnosis.addresses import ports_of
from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.policies import namespace_labels
from copilot.diagnosis.rules.custom.gateway import BACKEND, CERTIFICATE, GRANT, GROUP, PARENT, ROUTES, UNPROGRAMMED
from copilot.diagnosis.steps import change, listing
from copilot.diagnosis.view import View, said
from copilot.model import Finding, Ref, Resource, children, mapping, number, text, texts
from retrievers.graph.selectors import parse_label_selector


def find_unresolved_routes(view: View) -> Iterator[Finding]:
    """Routes whose backends, parents or host names lead nowhere."""
    for kind in ROUTES:
        for route in view.graph.of_kind(kind, group=GROUP):
            if route.deleted is None:
                yield from _route(view, route)


def _route(view: View, route: Resource) -> Iterator[Finding]:
    said_of = _answers(route)
    if "ResolvedRefs" not in said_of:
        for rule in children(route.spec, "rules"):
            for backend in children(rule, "backendRefs"):
                problem = _backend(view, route, backend)
                if problem is not None:
                    yield _finding(route, *problem, "spec.rules[].backendRefs")
    if "Accepted" not in said_of:
        for parent in children(route.spec, "parentRefs"):
            words = _parent(view, route, parent)
            if words:
                yield _finding(route, PARENT, words, "spec.parentRefs")


def _answers(route: Resource) -> set[str]:
    """The types of condition that a controller has given for the present generation."""
    generation = number(route.metadata, "generation")
    return {
        text(entry, "type")
        for parent in children(route.status, "parents")
        for entry in children(parent, "conditions")
        if not generation or number(entry, "observedGeneration", default=generation) >= generation
    }


def _finding(route: Resource, cause: Cause, words: str, path: str, weight: float = 0.9) -> Finding:
    return Finding(
        cause=cause.id,
        object=route.ref,
        title=f"{route.ref} {words}",
        evidence=(said(route, path, f"it {words}"),),
        weight=weight,
        steps=(change(f"Correct {path} of {route.ref}", route.ref), listing("services", route.ref.namespace)),
    )


def _backend(view: View, route: Resource, backend: Mapping[str, Any]) -> tuple[Cause, str] | None:
    if (text(backend, "kind") or "Service") != "Service":
        return None
    namespace, name = text(backend, "namespace") or route.ref.namespace, text(backend, "name")
    if not name or not view.was_read("Service", namespace):
        return None
    if namespace != route.ref.namespace and not _granted(view, route, namespace, name):
        return GRANT, (
            f"names Service {namespace}/{name} of another namespace, and no ReferenceGrant there permits it (RefNotPermitted)"
        )
    service = view.graph.find("Service", namespace, name)
    if service is None:
        near = difflib.get_close_matches(name, [s.ref.name for s in view.graph.of_kind("Service", namespace)], n=1)
        hint = f" (there is {near[0]})" if near else ""
        return BACKEND, f"names backend Service {name}, which does not exist in namespace {namespace}{hint}"
    port = number(backend, "port")
    ports = {number(entry, "port") for entry in children(service.spec, "ports")}
    if port and ports and port not in ports:
        return BACKEND, f"names port {port} of Service {name}, which serves port {ports_of(service)}"
    return None


def _granted(view: View, route: Resource, namespace: str, name: str) -> bool:
    """Whether a ReferenceGrant of the target's namespace permits the reference; unread grants are taken to."""
    if not view.was_read("ReferenceGrant", namespace) and "ReferenceGrant" not in view.graph.kinds():
        return view.graph.find("CustomResourceDefinition", "", f"referencegrants.{GROUP}") is not None or not _all_read(
            view
        )
    for grant in view.graph.of_kind("ReferenceGrant", namespace, GROUP):
        sources = any(
            text(entry, "kind") == route.ref.kind and text(entry, "namespace") == route.ref.namespace
            for entry in children(grant.spec, "from")
        )
        targets = any(
            text(entry, "kind") == "Service" and text(entry, "name") in ("", name)
            for entry in children(grant.spec, "to")
        )
        if sources and targets:
            return True
    return False


def _all_read(view: View) -> bool:
    """Whether the source listed this group's kinds at all: then a kind without objects has none."""
    return any(view.was_read(kind) for kind in ("HTTPRoute", "Gateway"))


def _parent(view: View, route: Resource, parent: Mapping[str, Any]) -> str:
    if (text(parent, "kind") or "Gateway") != "Gateway":
        return ""
    namespace, name = text(parent, "namespace") or route.ref.namespace, text(parent, "name")
    gateway = view.graph.find("Gateway", namespace, name, GROUP)
    if gateway is None:
        known = [entry.ref for entry in view.graph.of_kind("Gateway", group=GROUP)]
        if not name or not view.was_read("Gateway", namespace):
            return ""
        near = difflib.get_close_matches(name, [ref.name for ref in known], n=1)
        hint = f" (there is Gateway {near[0]})" if near else ""
        return f"names the parent Gateway {namespace}/{name}, which does not exist{hint}"
    listeners = list(children(gateway.spec, "listeners"))
    section = text(parent, "sectionName")
    chosen = [entry for entry in listeners if section in ("", text(entry, "name"))]
    if section and not chosen:
        return f"names listener {section} of {gateway.ref}, which has {', '.join(text(e, 'name') for e in listeners)}"
    open_to = [entry for entry in chosen if _lets_in(view, gateway, route, entry)]
    if not open_to:
        return f"is in namespace {route.ref.namespace}, from which no listener of {gateway.ref} takes routes (allowedRoutes)"
    hosts = texts(route.spec, "hostnames")
    offered = [text(entry, "hostname") for entry in open_to]
    if hosts and not any(_overlap(host, listener) for host in hosts for listener in offered):
        return f"has the hostnames {', '.join(hosts)}, and no listener of {gateway.ref} has one of them (they have {', '.join(offered)})"
    return ""


def _lets_in(view: View, gateway: Resource, route: Resource, listener: Mapping[str, Any]) -> bool:
    allowed = mapping(listener, "allowedRoutes", "namespaces")
    match text(allowed, "from") or "Same":
        case "All":
            return True
        case "Selector":
            selector = parse_label_selector(allowed.get("selector"))
            return selector is not None and selector.matches(namespace_labels(view, route.ref.namespace))
        case "None":
            return False
    return route.ref.namespace == gateway.ref.namespace


def _overlap(host: str, listener: str) -> bool:
    """Whether a route's host and a listener's intersect; `*.` stands for one label or more, none for everything."""
    if not listener:
        return True
    if listener.startswith("*.") and host.startswith("*."):
        return host[1:].endswith(listener[1:]) or listener[1:].endswith(host[1:])
    if listener.startswith("*."):
        return host.endswith(listener[1:]) and len(host) > len(listener) - 1
    if host.startswith("*."):
        return listener.endswith(host[1:]) and len(listener) > len(host) - 1
    return host == listener


def find_unresolved_gateways(view: View) -> Iterator[Finding]:
    """Gateways whose class or TLS Secret does not exist, where no condition says so."""
    for gateway in view.graph.of_kind("Gateway", group=GROUP):
        if any(text(entry, "status") == "False" for entry in children(gateway.status, "conditions")):
            continue
        name = text(gateway.spec, "gatewayClassName")
        classes = view.graph.of_kind("GatewayClass", group=GROUP)
        if name and view.was_read("GatewayClass") and all(entry.ref.name != name for entry in classes):
            have = ", ".join(entry.ref.name for entry in classes) or "none"
            yield _finding(gateway, UNPROGRAMMED, f"names GatewayClass {name}, which does not exist (there is: {have})", "spec.gatewayClassName")  # fmt: skip
        for listener in children(gateway.spec, "listeners"):
            for wanted in children(listener, "tls", "certificateRefs"):
                space, secret = text(wanted, "namespace") or gateway.ref.namespace, text(wanted, "name")
                is_secret = (text(wanted, "kind") or "Secret") == "Secret"
                if (
                    is_secret
                    and view.was_read("Secret", space)
                    and view.graph.get(Ref("Secret", space, secret)) is None
                ):
                    words = f"listener {text(listener, 'name')} names TLS Secret {space}/{secret}, which does not exist"
                    yield _finding(gateway, CERTIFICATE, words, "spec.listeners[].tls.certificateRefs")


RULES = (
    Rule(find=find_unresolved_routes, causes=(BACKEND, GRANT, PARENT)),
    Rule(find=find_unresolved_gateways, causes=(UNPROGRAMMED, CERTIFICATE)),
)
