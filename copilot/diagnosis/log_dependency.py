"""A line that complains of another server, checked against the objects: which Service it means, and what is wrong with the address.

A name without a Service, a port the Service does not serve and an address inside the pod itself are causes of their own; a
server that exists and does not answer is only pointed to.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

import msgspec

from copilot.diagnosis.addresses import (
    Address,
    Meaning,
    addresses_of,
    pod_at,
    ports_of,
    serves,
    service_of,
    target_of,
    wanted_service,
)
from copilot.diagnosis.cause import Cause, Severity
from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, said
from copilot.model import Evidence, Finding, Ref, Resource, children, mapping, number, text
from retrievers.graph import EdgeKind

TEXT_ONLY = 0.75  # what a message alone can carry: messages lie, and name what they noticed last
_FIELDS = ("log", "spec.containers[].env", "ConfigMap data", "Service spec.ports")


def _cause(identity: str, title: str, step: str, *, yields: bool = False) -> Cause:
    return Cause(
        id=identity, title=title, kind="Pod", fields=_FIELDS, steps=(step,), yields=yields, severity=Severity.OUTAGE,
        citation="messages of runtimes, databases and libraries",
    )  # fmt: skip


UNKNOWN_HOST = _cause("app.dependency.unknown_host", "A host name does not resolve", "Correct the host name")
WRONG_ADDRESS = _cause("app.dependency.wrong_address", "It is told a port or address that nobody serves", "Correct the address")  # fmt: skip
REFUSED = _cause("app.dependency.refused", "A server it needs refuses connections", "Look at that server first", yields=True)  # fmt: skip
TIMEOUT = _cause("app.dependency.timeout", "A server it needs does not answer", "Look at that server and at policies", yields=True)  # fmt: skip
EXHAUSTED = _cause("app.dependency.exhausted", "A server it needs is out of capacity", "Raise the limit or use fewer connections", yields=True)  # fmt: skip
READ_ONLY = _cause("app.dependency.read_only", "The database it writes to is read-only", "Write to the primary, or make the database writable", yields=True)  # fmt: skip
LOOKUP = _cause("dns.lookup_failing", "The cluster's name resolution fails", "Look at CoreDNS and at policies to port 53", yields=True)  # fmt: skip
DNS_POLICY = _cause("dns.policy", "The pod's DNS policy keeps it from resolving Services", "Set dnsPolicy ClusterFirst")
EXTERNAL_NAME = _cause("svc.externalname", "An ExternalName Service leads to a name that does not resolve", "Correct spec.externalName")  # fmt: skip

DEPENDENCY_CAUSES = (
    UNKNOWN_HOST,
    WRONG_ADDRESS,
    REFUSED,
    TIMEOUT,
    EXHAUSTED,
    READ_ONLY,
    LOOKUP,
    DNS_POLICY,
    EXTERNAL_NAME,
)
_LOCAL = ("localhost", "127.0.0.1", "0.0.0.0", "::1")  # noqa: S104 - compared with, never bound


def dependency(view: View, pod: PodFact, container: ContainerFact, base: Finding, groups: Mapping[str, str]) -> Finding:
    """The finding of a line about another server, deepened as far as the objects allow."""
    host, port = groups.get("host", "").lower().rstrip("."), number(groups.get("port"))
    addresses = addresses_of(view, pod, container)
    if base.cause == UNKNOWN_HOST.id:
        return _unknown_host(view, pod, base, host, addresses)
    if base.cause in (REFUSED.id, TIMEOUT.id):
        if host in _LOCAL:
            return _own_pod(view, pod, base, host, port, addresses)
        wrong = _wrong_port(view, pod, base, host, port, addresses)
        if wrong is not None:
            return wrong
    hosts = [host] if host else [address.host for address in addresses]
    services = [found.ref for name in hosts if (found := service_of(view, name, pod.ref.namespace)) is not None]
    evidence = (*base.evidence, *_mentions(view, host, addresses))[:6]
    services += [ref for service in services for ref in _namesakes(view, service)]
    if host and not services:
        services = list(_behind(view, host))
    return msgspec.structs.replace(base, points_to=tuple(dict.fromkeys(services)), evidence=evidence)


def _namesakes(view: View, service: Ref) -> Iterator[Ref]:
    """The workload called like a Service of which no selector was shown: whoever pastes a table pastes no selector."""
    found = view.graph.get(service)
    if found is not None and not mapping(found.spec, "selector"):
        for kind in ("Deployment", "StatefulSet", "DaemonSet"):
            if view.graph.find(kind, service.namespace, service.name) is not None:
                yield Ref(kind, service.namespace, service.name, "apps")


def _behind(view: View, host: str) -> Iterator[Ref]:
    """The pod that has the address, when the host is a pod's own."""
    pod = pod_at(view, host) if host.replace(".", "").isdigit() else None
    if pod is not None:
        yield pod.ref


def _mentions(view: View, host: str, addresses: list[Address]) -> Iterator[Evidence]:
    for address in addresses:
        if host and address.host == host:
            yield shown(view, address)


def shown(view: View, address: Address) -> Evidence:
    """Evidence: the field that names an address."""
    setting = address.setting
    resource = view.graph.get(setting.holder)
    value = (
        setting.value
        if len(setting.value) <= 200
        else f"… {address.host}{f':{address.port}' if address.port else ''} …"
    )
    words = f"{setting.path} of {setting.holder} is {value}"
    return (
        said(resource, setting.path, words) if resource is not None else Evidence(setting.holder, setting.path, words)
    )


def holder_of(pod: PodFact, address: Address) -> Ref:
    """The object to change for a wrong address: the ConfigMap that holds it, else the workload."""
    return address.setting.holder if address.setting.holder.kind == "ConfigMap" else pod.owner


def _unknown_host(view: View, pod: PodFact, base: Finding, host: str, addresses: list[Address]) -> Finding:
    namespace = pod.ref.namespace
    if not host:
        lost = [a for a in addresses if target_of(view, a.host, a.port, namespace).meaning is Meaning.NO_SERVICE]
        if not lost:
            return _lookup_fails(view, pod, base) if addresses else base
        host = lost[0].host
        base = msgspec.structs.replace(base, title=f"{base.title}: it is told {host}")
    service = service_of(view, host, namespace)
    if service is not None:
        return _exists(view, pod, base, host, service)
    if dns_is_down(view):  # then no name resolves, be it right or wrong
        return _lookup_fails(view, pod, base)
    member = _member(view, host, namespace)
    if member is not None:
        words = f"{base.title}: it is {member.ref}, which is not ready, so it has no name yet"
        return msgspec.structs.replace(base, cause=REFUSED.id, title=words, points_to=(member.ref,), weight=0.65)
    naming = [address for address in addresses if address.host == host]
    evidence = (*base.evidence, *(shown(view, address) for address in naming))[:6]
    wanted = wanted_service(view, host, namespace)
    if wanted is None:
        return msgspec.structs.replace(base, evidence=evidence, weight=0.7)
    return _no_service(view, pod, base, wanted, naming, evidence)


def _member(view: View, host: str, namespace: str) -> PodFact | None:
    """The pod that a host `pod.service[.namespace…]` means, when it is there and not ready."""
    labels = host.split(".")
    if len(labels) < 2:
        return None
    space = labels[2] if len(labels) > 2 and view.graph.find("Namespace", "", labels[2]) is not None else namespace
    found = view.graph.find("Pod", space, labels[0])
    fact = view.pod(found) if found is not None else None
    return fact if fact is not None and not fact.ready else None


def dns_is_down(view: View) -> bool:
    """Whether the cluster's DNS servers are known and none of them is ready."""
    services = dns_services(view)
    pods = [
        view.graph.get(edge.target) for service in services for edge in view.graph.out(service.ref, EdgeKind.SELECTS)
    ]
    known = [view.pod(pod) for pod in pods if pod is not None]
    return bool(known) and not any(pod.ready for pod in known)


def _no_service(
    view: View, pod: PodFact, base: Finding, wanted: Ref, naming: list[Address], evidence: tuple[Evidence, ...]
) -> Finding:
    title = f"{base.title}; namespace {wanted.namespace} has no Service {wanted.name}"
    if any(text(s.spec, "serviceName") == wanted.name for s in view.graph.of_kind("StatefulSet", wanted.namespace)):
        # The name is right: the governing Service that would give it is what is missing.
        return msgspec.structs.replace(
            base, cause=REFUSED.id, title=title, evidence=evidence, weight=0.7, points_to=(wanted,)
        )
    near = nearest_service(view, wanted)
    if near is not None:
        title += f", the nearest name is {near.name}" if near.namespace == wanted.namespace else f", there is {near}"
    holders = {holder_of(pod, address) for address in naming}
    holder = holders.pop() if len(holders) == 1 else pod.owner
    return msgspec.structs.replace(
        base, object=holder, title=title, evidence=evidence, weight=(0.9 if holder == pod.owner else 0.88) if near else 0.82,
        explains=(*base.explains, pod.owner) if holder != pod.owner else base.explains,
        steps=(change(f"Correct the host name in {holder}", holder), *base.steps),
    )  # fmt: skip


def nearest_service(view: View, wanted: Ref) -> Ref | None:
    """The Service a wrong name probably means: a similar name in the namespace, else the same name in another."""
    names = [service.ref.name for service in view.graph.of_kind("Service", wanted.namespace)]
    near = difflib.get_close_matches(wanted.name, names, n=1, cutoff=0.6)
    if near:
        return Ref("Service", wanted.namespace, near[0])
    return next((s.ref for s in view.graph.of_kind("Service", group="") if s.ref.name == wanted.name), None)


def _exists(view: View, pod: PodFact, base: Finding, host: str, service: Resource) -> Finding:
    """The Service exists, so its name is right: then it leads outside, has nobody behind it, or resolution fails."""
    if text(service.spec, "type") == "ExternalName":
        name = text(service.spec, "externalName")
        title = f"{service.ref} is an ExternalName that leads to {name}, which does not resolve ({pod.owner} is told {host})"
        proof = said(service, "spec.externalName", f"spec.externalName is {name}")
        return msgspec.structs.replace(
            base, cause=EXTERNAL_NAME.id, object=service.ref, title=title, evidence=(*base.evidence, proof), weight=0.85,
            explains=(*base.explains, pod.owner), steps=(change(f"Correct spec.externalName of {service.ref}", service.ref),),
        )  # fmt: skip
    headless = text(service.spec, "clusterIP") == "None"
    if headless and not _has_ready(view, service):
        title = f"{base.title}: headless {service.ref} has no ready pod, so its name has no address"
        return msgspec.structs.replace(base, cause=REFUSED.id, title=title, points_to=(service.ref,), weight=0.65)
    return _lookup_fails(view, pod, msgspec.structs.replace(base, title=f"{base.title}, though {service.ref} exists"))


def _has_ready(view: View, service: Resource) -> bool:
    pods = [view.graph.get(edge.target) for edge in view.graph.out(service.ref, EdgeKind.SELECTS)]
    return any(pod is not None and view.pod(pod).ready for pod in pods)


def _lookup_fails(view: View, pod: PodFact, base: Finding) -> Finding:
    policy = text(pod.resource.spec, "dnsPolicy")
    on_host = pod.resource.spec.get("hostNetwork") is True and policy in ("", "ClusterFirst")
    if policy in ("Default", "None") or on_host:
        why = "hostNetwork with dnsPolicy ClusterFirst" if on_host else f"dnsPolicy {policy}"
        title = f"{pod.owner}: its {why} makes the pod ask the node's DNS server, which does not know Services: {base.title.split(': ', 1)[-1]}"
        proof = said(pod.resource, "spec.dnsPolicy", f"the pod has {why}")
        fix = "ClusterFirstWithHostNet" if on_host else "ClusterFirst"
        return msgspec.structs.replace(
            base, cause=DNS_POLICY.id, title=title, evidence=(*base.evidence, proof), weight=0.85,
            steps=(change(f"Set dnsPolicy {fix} in {pod.owner}", pod.owner), *base.steps),
        )  # fmt: skip
    servers = dns_services(view)
    return msgspec.structs.replace(
        base, cause=LOOKUP.id, title=f"{base.title}: the cluster's DNS does not answer this pod", weight=0.6,
        points_to=tuple(service.ref for service in servers), steps=(*(describe(s.ref) for s in servers), *base.steps),
    )  # fmt: skip


def dns_services(view: View) -> list[Resource]:
    """The Services that resolve names for the cluster, by the label every distribution gives them, or by name."""
    return [service for service in view.graph.of_kind("Service", "kube-system", "") if is_dns(service)]


def is_dns(service: Resource) -> bool:
    """Whether a Service is the cluster's DNS, which every pod uses without naming it."""
    names = ("kube-dns", "coredns")
    return service.ref.namespace == "kube-system" and (
        text(service.labels, "k8s-app") in names or service.ref.name in names
    )


def _own_pod(view: View, pod: PodFact, base: Finding, host: str, port: int, addresses: list[Address]) -> Finding:
    """The address is the pod itself: nothing else can answer there."""
    inside = [
        container
        for container in pod.containers
        if port and any(number(entry, "containerPort") == port for entry in children(container.spec, "ports"))
    ]
    if inside:
        return msgspec.structs.replace(base, title=f"{base.title}, which is container {inside[0].name} of the same pod")
    where = f"{host}:{port}" if port else host
    serving = [s.ref for s in view.graph.of_kind("Service", pod.ref.namespace, "") if port and serves(s, port)]
    hint = f"; Service {serving[0].name} serves port {port}" if len(serving) == 1 else ""
    title = f"{base.title}: {where} is the pod itself, and none of its containers listens there{hint}"
    naming = [address for address in addresses if address.port == port]
    return msgspec.structs.replace(
        base, cause=WRONG_ADDRESS.id, title=title, weight=0.8 if hint else 0.65,
        evidence=(*base.evidence, *(shown(view, address) for address in naming))[:6],
        steps=(change(f"Correct the address in {pod.owner}", pod.owner), *base.steps),
    )  # fmt: skip


def _wrong_port(
    view: View, pod: PodFact, base: Finding, host: str, port: int, addresses: list[Address]
) -> Finding | None:
    """A port that the Service does not serve: what the line says, else what the settings say."""
    namespace = pod.ref.namespace
    service = service_of(view, host, namespace) if host else None
    if service is not None and serves(service, port):
        return None
    naming = [
        address
        for address in addresses
        if target_of(view, address.host, address.port, namespace).meaning is Meaning.NO_PORT
        and (service is None or service_of(view, address.host, namespace) is service)
    ]
    if service is None and (host and not host.replace(".", "").isdigit()):
        return None
    if service is None and not naming:
        return None
    if service is None:
        service = service_of(view, naming[0].host, namespace)
        port = naming[0].port
    if service is None:
        return None
    naming = [address for address in naming if address.port == port] or naming
    return wrong_port(view, pod, base, service, port, naming)


def wrong_port(view: View, pod: PodFact, base: Finding, service: Resource, port: int, naming: list[Address]) -> Finding:
    """The finding that a workload is told a port its Service does not have."""
    holder = holder_of(pod, naming[0]) if naming else pod.owner
    by = f" ({naming[0].setting.path})" if naming else ""
    title = f"{holder}: it is told port {port} of {service.ref}, which serves only port {ports_of(service)}{by}"
    proof = said(service, "spec.ports[].port", f"{service.ref} serves port {ports_of(service)}")
    return msgspec.structs.replace(
        base, cause=WRONG_ADDRESS.id, object=holder, title=title, weight=0.88, points_to=(),
        evidence=(*base.evidence[:4], proof, *(shown(view, address) for address in naming))[:7],
        explains=(*base.explains, pod.owner) if holder != pod.owner else base.explains,
        steps=(change(f"Correct the port in {holder}", holder), *base.steps),
    )  # fmt: skip
