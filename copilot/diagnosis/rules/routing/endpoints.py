"""Services whose endpoints are not what their callers think: made by hand and missing, headless, hidden until ready, not sticky.

EndpointSlices, pods and complaints are compared; a Service that nobody is seen to miss is doubted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from copilot.diagnosis.addresses import addresses_of, service_of
from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.complaints import LASTING, Complaint, complained_of, complaints
from copilot.diagnosis.log_lines import bare, tail
from copilot.diagnosis.rules.routing.service_ports import target_of_entry
from copilot.diagnosis.steps import change, describe, listing
from copilot.diagnosis.view import View, logged, said
from copilot.model import Detail, Evidence, Finding, Ref, Resource, children, mapping, number, text, texts
from retrievers.graph import EdgeKind

_SERVICE = "k8s.io/api/core/v1 ServiceSpec"


def _cause(identity: str, title: str, step: str, *fields: str, brings_about: tuple[str, ...] = ()) -> Cause:
    return Cause(
        id=identity, title=title, kind="Service", fields=fields, steps=(step,), citation=_SERVICE, brings_about=brings_about,
    )  # fmt: skip


MANUAL = _cause("svc.no_endpoints.manual", "A Service without selector has no endpoint for its port", "Make an EndpointSlice with the addresses and the port's name, or set a selector", "spec.selector", "EndpointSlice endpoints[]", "EndpointSlice ports[].name")  # fmt: skip
HEADLESS = _cause("svc.headless_port", "A headless Service does not map ports: its callers use a port no pod listens on", "Call the container's port, or give the Service a cluster IP", "spec.clusterIP", "spec.ports[].targetPort", "log", brings_about=("app.dependency.",))  # fmt: skip
HIDDEN = _cause("svc.publish_not_ready", "Members must find each other before they are ready, and the headless Service hides them until then", "Set publishNotReadyAddresses: true", "spec.publishNotReadyAddresses", "log", brings_about=("app.dependency.", "pod.probe."))  # fmt: skip
STICKY = Cause(
    id="svc.session_affinity", title="Sessions are lost because requests go to another replica", kind="Service", severity=Severity.DEGRADED,
    fields=("spec.sessionAffinity", "log"), steps=("Set sessionAffinity ClientIP or sticky sessions in the proxy, or share the session store",), citation=_SERVICE,
)  # fmt: skip
_SESSION = re.compile(
    r"[Ss]ession ID unknown|[Uu]nknown session ?[Ii][Dd]|[Ss]ession (?:id )?(?:\S{1,80} )?(?:was )?not found|[Nn]o such session|sticky.session", re.IGNORECASE
)  # fmt: skip


def find_manual_endpoints(view: View) -> Iterator[Finding]:
    """Services without a selector whose EndpointSlices hold no address, or name the port otherwise."""
    for service in view.graph.of_kind("Service", group=""):
        by_hand = not mapping(service.spec, "selector") and text(service.spec, "type") != "ExternalName"
        if not by_hand or service.detail is Detail.ROW or not isinstance(service.spec.get("ports"), list):
            continue
        if service.ref.path == "default/kubernetes" or not view.was_read("EndpointSlice", service.ref.namespace):
            continue
        held = slices_of(view, service)
        problem = _missing(service, held)
        missed = complained_of(view).get(service.ref, [])
        named = view.graph.into(service.ref, EdgeKind.CONNECTS_TO, EdgeKind.ROUTES_TO)
        if problem and (missed or named):  # else a Service that nobody uses: locks of old controllers are such
            yield _manual(service, held, problem, missed)


def slices_of(view: View, service: Resource) -> list[Resource]:
    """The EndpointSlices (and old Endpoints) of a Service."""
    refs = dict.fromkeys(edge.source for edge in view.graph.into(service.ref, EdgeKind.BACKS))
    return [held for ref in refs if (held := view.graph.get(ref)) is not None]


def addresses(held: Resource) -> list[str]:
    """The addresses of an EndpointSlice, or of an Endpoints object."""
    found = [ip for endpoint in children(held.body, "endpoints") for ip in texts(endpoint, "addresses")]
    return found or [text(a, "ip") for part in children(held.body, "subsets") for a in children(part, "addresses")]


def slice_ports(held: Resource) -> list[tuple[str, int]]:
    """(name, number) of the ports of an EndpointSlice, or of an Endpoints object."""
    entries = [*children(held.body, "ports"), *(p for part in children(held.body, "subsets") for p in children(part, "ports"))]  # fmt: skip
    return [(text(entry, "name"), number(entry, "port")) for entry in entries]


def _missing(service: Resource, held: list[Resource]) -> str:
    """What the endpoints lack, in words; empty when they serve."""
    if not any(addresses(one) for one in held):
        return "has no selector and no EndpointSlice with addresses, so nothing is behind it"
    have = {name for one in held if addresses(one) for name, _ in slice_ports(one)}
    lost = [text(entry, "name") for entry in children(service.spec, "ports") if text(entry, "name") not in have]
    if lost and have:
        shown = ", ".join(sorted(f"{name!r}" for name in have))
        return f"has a port named {lost[0]!r}, and its EndpointSlice names its port {shown}: they must be the same, so the port has no endpoint"  # fmt: skip
    return ""


def _manual(service: Resource, held: list[Resource], problem: str, missed: list[Complaint]) -> Finding:
    return Finding(
        cause=MANUAL.id, object=service.ref, title=f"{service.ref} {problem}",
        evidence=(said(service, "spec.ports", f"{service.ref} {problem}"), *_quotes(missed)),
        explains=tuple(dict.fromkeys((*(c.pod.ref for c in missed), *(one.ref for one in held)))), weight=0.88 if missed else 0.62,
        steps=(listing("endpointslices", service.ref.namespace, extra=f"-l kubernetes.io/service-name={service.ref.name}"), change(f"Correct the EndpointSlice of {service.ref}", service.ref)),
    )  # fmt: skip


def _quotes(missed: list[Complaint]) -> tuple[Evidence, ...]:
    return tuple(logged(c.log, c.line.number, bare(c.line.raw)[:300]) for c in missed[:2])


def find_headless_ports(view: View) -> Iterator[Finding]:
    """Headless Services that are called on a port which only a cluster IP would map. Pods' own addresses stand in the logs."""
    for complaint in complaints(view):
        if complaint.cause not in ("app.dependency.refused", "app.dependency.timeout"):
            continue
        for address in addresses_of(view, complaint.pod, complaint.container):
            service = service_of(view, address.host, complaint.pod.ref.namespace)
            if service is None or text(service.spec, "clusterIP") != "None" or complaint.port not in (0, address.port):
                continue
            for entry in children(service.spec, "ports"):
                target, port = target_of_entry(entry), number(entry, "port")
                if port == address.port and target not in (port, 0) and not _listens(view, service.ref, port):
                    yield _unmapped(service, complaint, port, target)


def _unmapped(service: Resource, complaint: Complaint, port: int, target: str | int) -> Finding:
    ref = service.ref
    return Finding(
        cause=HEADLESS.id, object=ref,
        title=f"{ref} is headless, so port {port} is not mapped to targetPort {target}: its name leads straight to the pods, where {complaint.pod.owner} finds nobody on {port}",
        evidence=(said(service, "spec.clusterIP", f"{ref} has clusterIP None, port {port}, targetPort {target}"), *_quotes([complaint])),
        explains=(complaint.pod.ref, complaint.pod.owner), weight=0.82,
        steps=(describe(ref), change(f"Call port {target}, or give the Service a cluster IP", ref)),
    )  # fmt: skip


def _listens(view: View, service: Ref, port: int) -> bool:
    """Whether a pod behind the Service declares the port itself."""
    pods = [view.graph.get(edge.target) for edge in view.graph.out(service, EdgeKind.SELECTS)]
    return any(
        number(entry, "containerPort") == port
        for pod in pods
        if pod is not None
        for container in children(pod.spec, "containers")
        for entry in children(container, "ports")
    )


def find_hidden_members(view: View) -> Iterator[Finding]:
    """Headless Services of a StatefulSet none of whose pods is ready, while they ask for each other's names."""
    for complaint in complaints(view):
        parts = complaint.host.split(".")
        owner = view.graph.get(complaint.pod.owner)
        if complaint.cause != "app.dependency.unknown_host" or len(parts) < 2 or owner is None:
            continue
        service = view.graph.find("Service", complaint.pod.ref.namespace, parts[1])
        sibling = parts[0].rpartition("-")[0] == owner.ref.name
        if owner.ref.kind != "StatefulSet" or service is None or not sibling:
            continue
        spec = service.spec
        hides = text(spec, "clusterIP") == "None" and spec.get("publishNotReadyAddresses") is not True
        members = view.pods_of(owner.ref)
        exists = any(member.ref.name == parts[0] and member.node for member in members)
        if hides and exists and not any(member.ready for member in members):
            yield Finding(
                cause=HIDDEN.id, object=service.ref,
                title=f"{service.ref} shows only ready pods (publishNotReadyAddresses is not set), but the members of {owner.ref} must find each other to become ready: {complaint.host} does not resolve",
                evidence=(said(service, "spec.publishNotReadyAddresses", f"none of the {len(members)} pods of {owner.ref} is ready, so {service.ref} has no DNS names"), *_quotes([complaint])),
                explains=(owner.ref, *(member.ref for member in members)), weight=0.82,
                steps=(describe(service.ref), change(f"Set publishNotReadyAddresses: true in {service.ref}", service.ref)),
            )  # fmt: skip


def find_lost_sessions(view: View) -> Iterator[Finding]:
    """Services over several replicas that keep losing sessions which another replica holds."""
    seen: set[Ref] = set()
    for ref in sorted({Ref("Pod", log.namespace, log.pod) for log in view.snapshot.logs}):
        lines = [(log, line) for log in view.logs(ref) if not log.previous for line in tail(log, 60) if _SESSION.search(line.said)]  # fmt: skip
        if len(lines) < LASTING:
            continue
        for edge in view.graph.into(ref, EdgeKind.SELECTS):
            service = view.graph.get(edge.source)
            behind = len(list(view.graph.out(edge.source, EdgeKind.SELECTS)))
            loose = service is not None and text(service.spec, "sessionAffinity") in ("", "None")
            if service is None or not loose or behind < 2 or edge.source in seen:
                continue
            seen.add(edge.source)
            log, line = lines[0]
            yield Finding(
                cause=STICKY.id, object=service.ref,
                title=f"{service.ref} spreads each client over {behind} pods (sessionAffinity None), and its pods do not know sessions that another one holds: {bare(line.raw)[:160]}",
                evidence=(logged(log, line.number, bare(line.raw)[:300]), said(service, "spec.sessionAffinity", "sessionAffinity is None")), explains=(ref,), weight=0.62,
                steps=(describe(service.ref), change("Set sessionAffinity: ClientIP (or sticky sessions in the proxy in front)", service.ref)),
            )  # fmt: skip


RULES = (
    Rule(find=find_manual_endpoints, causes=(MANUAL,)),
    Rule(find=find_headless_ports, causes=(HEADLESS,)),
    Rule(find=find_hidden_members, causes=(HIDDEN,)),
    Rule(find=find_lost_sessions, causes=(STICKY,)),
)
