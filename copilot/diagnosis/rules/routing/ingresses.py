"""Ingresses with a backend, a class or a TLS Secret that is not there, or not what it must be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.steps import change, describe, listing
from copilot.diagnosis.view import View, fact, said
from copilot.model import Detail, Finding, Resource, children, mapping, number, text, texts
from copilot.model.likeness import nearest

_API = "k8s.io/api/networking/v1"
_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
_OLD_CLASS = "kubernetes.io/ingress.class"  # the annotation that came before spec.ingressClassName
_TLS_KEYS = ("tls.crt", "tls.key")

BACKEND = Cause(
    id="ingress.backend_missing",
    title="A route names a Service or port that does not exist",
    kind="Ingress",
    fields=("spec.rules[].http.paths[].backend.service",),
    steps=("Correct the backend",),
    citation=_API,
)
CLASS = Cause(
    id="ingress.class_missing",
    title="No controller serves the Ingress's class",
    kind="Ingress",
    fields=("spec.ingressClassName", f"IngressClass metadata.annotations[{_DEFAULT}]"),
    steps=("Name an existing IngressClass",),
    citation=_API,
)
TLS = Cause(
    id="ingress.tls_secret",
    title="The TLS Secret of an Ingress does not exist, or holds no certificate",
    kind="Ingress",
    fields=("spec.tls[].secretName", "Secret keys"),
    severity=Severity.DEGRADED,
    steps=("Create the Secret",),
    citation=_API,
)


def find_ingress_faults(view: View) -> Iterator[Finding]:
    """Faults of every Ingress."""
    for ingress in view.graph.of_kind("Ingress", group="networking.k8s.io"):
        if ingress.deleted is not None:
            continue
        for service_name, port in _backends(ingress):
            yield from _backend(view, ingress, service_name, port)
        yield from _class(view, ingress)
        for name in dict.fromkeys(text(entry, "secretName") for entry in children(ingress.spec, "tls")):
            yield from _tls(view, ingress, name)


def _class(view: View, ingress: Resource) -> Iterator[Finding]:
    name = text(ingress.spec, "ingressClassName")
    known = list(view.graph.of_kind("IngressClass"))
    if not view.was_read("IngressClass") or ingress.detail is Detail.ROW:
        return
    have = ", ".join(entry.ref.name for entry in known) or "none"
    if name and view.graph.find("IngressClass", "", name) is None:
        words, path = f"its IngressClass {name} does not exist (there is: {have}), so no controller serves it", "spec.ingressClassName"  # fmt: skip
        yield Finding(
            cause=CLASS.id, object=ingress.ref, title=f"{ingress.ref}: {words}",
            evidence=(fact(ingress, path),), weight=0.92, steps=(listing("ingressclass"), change("Name an existing class", ingress.ref)),
        )  # fmt: skip
    default = any(entry.annotations.get(_DEFAULT) == "true" for entry in known)
    shown = mapping(ingress.status, "loadBalancer")
    if not name and _OLD_CLASS not in ingress.annotations and known and not default and not shown.get("ingress"):
        words = f"it names no class, and none is the default (there is: {have}), so no controller serves it"
        yield Finding(
            cause=CLASS.id, object=ingress.ref, title=f"{ingress.ref}: {words}", weight=0.7,
            evidence=(said(ingress, "spec.ingressClassName", "spec.ingressClassName is not set, and the Ingress has no address"), *(said(entry, "metadata.annotations", f"{entry.ref} is not marked as default") for entry in known[:1])),
            steps=(listing("ingressclass"), change("Name the class", ingress.ref)),
        )  # fmt: skip


def _tls(view: View, ingress: Resource, name: str) -> Iterator[Finding]:
    space = ingress.ref.namespace
    secret = view.graph.find("Secret", space, name) if name else None
    if secret is None:
        if name and view.was_read("Secret", space):
            near = nearest(name, [held.ref.name for held in view.graph.of_kind("Secret", space, "")])
            yield Finding(
                cause=TLS.id, object=ingress.ref, title=f"{ingress.ref}: its TLS Secret {name} does not exist{f' (there is {near})' if near else ''}",
                evidence=(said(ingress, "spec.tls[].secretName", f"spec.tls names Secret {name}"),), weight=0.88,
                steps=(change(f"Create Secret {space}/{name} of type kubernetes.io/tls", ingress.ref),),
            )  # fmt: skip
        return
    keys = sorted({*texts(secret.body, "dataKeys"), *mapping(secret.body, "data")})
    lost = [key for key in _TLS_KEYS if key not in keys]
    if keys and lost:
        words = f"{secret.ref} has no key {lost[0]} (it has {', '.join(keys)[:120]}), so {ingress.ref} serves no certificate of its own"
        yield Finding(
            cause=TLS.id, object=secret.ref, title=words, weight=0.86, explains=(ingress.ref,),
            evidence=(said(secret, "data", f"keys: {', '.join(keys)[:200]}; type {text(secret.body, 'type') or 'Opaque'}"), said(ingress, "spec.tls[].secretName", f"spec.tls names Secret {name}")),
            steps=(describe(secret.ref), change(f"Make {secret.ref} of type kubernetes.io/tls with tls.crt and tls.key", secret.ref)),
        )  # fmt: skip


def _backends(ingress: Resource) -> Iterator[tuple[str, Mapping[str, Any]]]:
    default = mapping(ingress.spec, "defaultBackend", "service")
    if default:
        yield text(default, "name"), mapping(default, "port")
    for rule in children(ingress.spec, "rules"):
        for path in children(rule, "http", "paths"):
            service = mapping(path, "backend", "service")
            if service:
                yield text(service, "name"), mapping(service, "port")


def _backend(view: View, ingress: Resource, name: str, port: Mapping[str, Any]) -> Iterator[Finding]:
    namespace = ingress.ref.namespace
    service = view.graph.find("Service", namespace, name)
    if service is None:
        if not view.was_read("Service", namespace):
            return
        problem = (
            f"routes to Service {name}, which does not exist in namespace {namespace}{_hint(view, namespace, name)}"
        )
    else:
        ports = list(children(service.spec, "ports"))
        wanted_name, wanted_number = text(port, "name"), number(port, "number")
        fits = any(
            (wanted_name and text(p, "name") == wanted_name) or (wanted_number and number(p, "port") == wanted_number)
            for p in ports
        )
        if fits or not (wanted_name or wanted_number) or service.detail is Detail.ROW:
            return
        have = ", ".join(text(p, "port") + (f" ({text(p, 'name')})" if text(p, "name") else "") for p in ports)
        problem = f"routes to port {wanted_name or wanted_number} of Service {name}, which has port {have}"
    yield Finding(
        cause=BACKEND.id, object=ingress.ref, title=f"{ingress.ref} {problem}",
        evidence=(said(ingress, "spec.rules[].http.paths[].backend.service", f"it {problem}"),), weight=0.93,
        steps=(change("Correct the backend of the route", ingress.ref), listing("services", namespace)),
    )  # fmt: skip


def _hint(view: View, namespace: str, name: str) -> str:
    """The Service that was probably meant: a like name here, else the same name elsewhere, which an Ingress cannot reach."""
    near = nearest(name, [entry.ref.name for entry in view.graph.of_kind("Service", namespace)])
    if near:
        return f" (there is {near})"
    other = next((s.ref for s in view.graph.of_kind("Service", group="") if s.ref.name == name), None)
    return f" (there is {other}, and an Ingress reaches its own namespace only)" if other is not None else ""


# Routes of other projects: kind and group -> where the names of their Services stand.
_ROUTES: Mapping[tuple[str, str], tuple[tuple[str, ...], ...]] = {
    ("IngressRoute", "traefik.io"): (("spec", "routes", "services", "name"),),
    ("IngressRoute", "traefik.containo.us"): (("spec", "routes", "services", "name"),),
    ("IngressRouteTCP", "traefik.io"): (("spec", "routes", "services", "name"),),
    ("HTTPProxy", "projectcontour.io"): (("spec", "routes", "services", "name"), ("spec", "tcpproxy", "services", "name")),
    ("Route", "route.openshift.io"): (("spec", "to", "name"), ("spec", "alternateBackends", "name")),
    ("ApisixRoute", "apisix.apache.org"): (("spec", "http", "backends", "serviceName"),),
    ("TCPIngress", "configuration.konghq.com"): (("spec", "rules", "backend", "serviceName"),),
    ("VirtualServer", "k8s.nginx.org"): (("spec", "upstreams", "service"),),
}  # fmt: skip


def find_custom_routes(view: View) -> Iterator[Finding]:
    """Routes of other proxies' own kinds whose Service does not exist."""
    for (kind, group), paths in _ROUTES.items():
        for route in view.graph.of_kind(kind, group=group):
            space = route.ref.namespace
            for path in paths:
                for holder, name in _at(route.body, path):
                    there = text(holder, "namespace") or space
                    if (
                        text(holder, "kind") not in ("", "Service")
                        or "@" in name
                        or not view.was_read("Service", there)
                    ):
                        continue
                    if view.graph.find("Service", there, name) is None:
                        problem = f"routes to Service {name}, which does not exist in namespace {there}{_hint(view, there, name)}"
                        yield Finding(
                            cause=BACKEND.id, object=route.ref, title=f"{route.ref} {problem}", evidence=(said(route, ".".join(path), f"it {problem}"),), weight=0.9,
                            steps=(change("Correct the backend of the route", route.ref), listing("services", there)),
                        )  # fmt: skip


def _at(value: Any, path: tuple[str, ...]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Every text at a path through mappings and lists, with the mapping that holds it."""
    if isinstance(value, list):
        for item in value[:200]:
            yield from _at(item, path)
    elif isinstance(value, dict):
        if len(path) == 1:
            if text(value, path[0]):
                yield value, text(value, path[0])
        else:
            yield from _at(value.get(path[0]), path[1:])


RULES = (
    Rule(find=find_custom_routes, causes=()),
    Rule(find=find_ingress_faults, causes=(BACKEND, CLASS, TLS)),
)
