"""How to reach something: its Services with DNS name and ports, the routes that lead to them, and the ports its containers declare."""

from __future__ import annotations

from copilot.agent.asking import Asking
from copilot.agent.describe import ports_text
from copilot.agent.draft import Draft
from copilot.agent.facts import REPLICATED, containers, endpoints_of, routes_to, services_of
from copilot.agent.question import Question
from copilot.model import Ref, Resource, children, mapping, text, texts
from copilot.model.wording import plural

_PODLIKE = (*REPLICATED, "Pod", "Job", "CronJob", "ReplicaSet")
_ROUTES = ("Ingress", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")


def answer_address(asking: Asking, question: Question, draft: Draft) -> None:
    """Tell ports and addresses of each object named, or every route when none is."""
    if not question.refs:
        _every_route(asking, question, draft)
    for ref in question.refs[:3]:
        resource = asking.graph.get(ref)
        if resource is None:
            continue
        if ref.kind in _ROUTES:
            _say_route(resource, draft)
            continue
        _say_ports(asking, resource, draft)
        services = services_of(asking, resource)
        for service in services[:4]:
            _say_service(asking, service, draft)
            for route in routes_to(asking, service.ref)[:4]:
                _say_route(route, draft)
        if not services and ref.kind in _PODLIKE:
            unread = asking.unread(("Service",), ref.namespace)
            draft.say(
                f"No Service that was read leads to {ref}.",
                draft.cite_ref(ref, "metadata.labels", f"no Service selects {ref}", "list"),
            )
            draft.known = draft.known and not unread


def _say_ports(asking: Asking, resource: Resource, draft: Draft) -> None:
    if resource.ref.kind not in _PODLIKE:
        return
    shown = [
        f"{text(port, 'containerPort')}{'/' + text(port, 'protocol') if text(port, 'protocol') not in ('', 'TCP') else ''}"
        + (f" ({text(port, 'name')})" if text(port, "name") else "")
        for container in containers(asking, resource)
        for port in children(container, "ports")
    ]
    if shown:
        words = f"its containers declare port {', '.join(shown)}"
        draft.say(f"{resource.ref}: {words}.", draft.cite(resource, "spec.containers[].ports", words))
    else:
        draft.say(
            f"{resource.ref} declares no container ports.",
            draft.cite(resource, "spec.containers[].ports", "no ports declared"),
        )


def _say_service(asking: Asking, service: Resource, draft: Draft) -> None:
    ref = service.ref
    ports = list(children(service.spec, "ports"))
    first = f":{text(ports[0], 'port')}" if ports else ""
    kind = text(service.spec, "type") or "ClusterIP"
    address = text(service.spec, "clusterIP")
    ready, _ = endpoints_of(asking, service)
    where = "headless" if address == "None" else f"{kind} {address}".strip()
    outside = [text(one, "ip") or text(one, "hostname") for one in children(service.status, "loadBalancer", "ingress")]
    outside += texts(service.spec, "externalIPs")
    if kind == "ExternalName":
        outside.append(text(service.spec, "externalName"))
    words = f"{where}, port {ports_text(ports) or '(none)'}, {plural(len(ready), 'ready endpoint')}"
    draft.say(
        f"Inside the cluster: {ref.name}.{ref.namespace}.svc{first} ({ref}: {words}).", draft.cite(service, "spec.ports", words)
    )  # fmt: skip
    if outside:
        draft.say(f"{ref} answers outside at {', '.join(outside)}.", draft.cite(service, "status.loadBalancer", ", ".join(outside)))  # fmt: skip


def _say_route(route: Resource, draft: Draft) -> None:
    hosts = [text(rule, "host") or "*" for rule in children(route.spec, "rules")] if route.ref.kind == "Ingress" else texts(route.spec, "hostnames")  # fmt: skip
    secured = {host for entry in children(route.spec, "tls") for host in texts(entry, "hosts")}
    every = bool(list(children(route.spec, "tls"))) and not secured
    urls = [f"{'https' if every or host in secured else 'http'}://{host}" for host in dict.fromkeys(hosts)]
    given = [text(one, "ip") or text(one, "hostname") for one in children(route.status, "loadBalancer", "ingress")]
    at = f" at {', '.join(given)}" if given else ""
    paths = _paths(route)
    words = f"{', '.join(urls) or 'any host'}{at}{f', paths {paths}' if paths else ''}"
    draft.say(f"From outside: {words} ({route.ref}).", draft.cite(route, "spec.rules", words))


def _paths(route: Resource) -> str:
    shown = [
        f"{text(path, 'path') or '/'} → {text(mapping(path, 'backend', 'service'), 'name')}"
        for rule in children(route.spec, "rules")
        for path in children(rule, "http", "paths")
    ]
    return ", ".join(shown[:6]) + (f" and {len(shown) - 6} more" if len(shown) > 6 else "")


def _every_route(asking: Asking, question: Question, draft: Draft) -> None:
    routes = [one for kind in _ROUTES for one in asking.members(kind, question.namespace)]
    named = [route for route in routes if any(word.lower() in str(route.spec) for word in question.unknown)]
    if question.unknown and not named:
        draft.known = False
        draft.say(f"No object named {question.unknown[0]!r} was read, and no host that was read holds the word.")
        return
    routes = named or routes
    for route in routes[:10]:
        _say_route(route, draft)
    if not routes:
        draft.known = not asking.unread(("Ingress",), question.namespace)
        fact = draft.cite_ref(Ref("Ingress", question.namespace or "", "*"), "list", "no route was read", "list")
        draft.say("No Ingress or route was read. Name an application to hear its ports and Services.", fact)
