"""Service meshes: subsets that nobody defines or no pod has, and TLS that one side speaks and the other does not.

Routes, rules and the labels of pods are compared as the mesh does; nothing is said of a mesh whose objects were not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from copilot.diagnosis.addresses import addresses_of, service_of
from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.complaints import LASTING
from copilot.diagnosis.log_lines import LogLine, bare, tail
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.steps import change, show
from copilot.diagnosis.view import View, logged, said
from copilot.model import ContainerLog, Finding, Ref, Resource, children, mapping, text, texts
from copilot.model.likeness import nearest
from retrievers.graph import EdgeKind

NETWORK, SECURITY = "networking.istio.io", "security.istio.io"
ROOT = "istio-system"  # policies here hold for the whole mesh
PROXY = "istio-proxy"


def _cause(identity: str, title: str, kind: str, step: str, *fields: str, brings_about: tuple[str, ...] = ()) -> Cause:
    return Cause(
        id=identity, title=title, kind=kind, fields=fields, steps=(step,), brings_about=brings_about,
        citation="istio.io/latest/docs/reference/config",
    )  # fmt: skip


SUBSET = _cause("mesh.subset_undefined", "A route names a subset that no DestinationRule defines", "VirtualService", "Define the subset or correct its name", "VirtualService spec.http[].route[].destination.subset", "DestinationRule spec.subsets[]", brings_about=("app.dependency.refused",))  # fmt: skip
EMPTY = _cause("mesh.subset_empty", "The labels of a subset match no pod", "DestinationRule", "Correct the subset's labels", "DestinationRule spec.subsets[].labels", "Pod metadata.labels", brings_about=("app.dependency.refused",))  # fmt: skip
HOST = _cause("mesh.host_unknown", "A route of the mesh names a Service that does not exist", "VirtualService", "Correct the host", "VirtualService spec.http[].route[].destination.host", brings_about=("app.dependency.refused",))  # fmt: skip
GATEWAY = _cause("mesh.gateway_missing", "A VirtualService hangs on a Gateway that does not exist", "VirtualService", "Correct spec.gateways", "VirtualService spec.gateways[]", "Gateway")  # fmt: skip
TLS = _cause("mesh.tls_mismatch", "One side of a connection speaks mutual TLS and the other does not", "PeerAuthentication", "Give the caller a sidecar, or relax the mode for it", "PeerAuthentication spec.mtls.mode", "DestinationRule spec.trafficPolicy.tls.mode", "Pod spec.containers", brings_about=("pod.crashloop.app_log", "app.dependency.", "pod.probe."))  # fmt: skip
_CUT = re.compile(
    r"[Cc]onnection reset|ECONNRESET|connection termination|[Ss]ocket hang up|[Uu]nexpected EOF|: EOF\b|[Ee]mpty reply|wrong version number|[Cc]onnection closed|broken pipe|connection was aborted", re.IGNORECASE
)  # fmt: skip


def find_route_faults(view: View) -> Iterator[Finding]:
    """Destinations of VirtualServices whose host or subset leads nowhere."""
    rules = list(view.graph.of_kind("DestinationRule", group=NETWORK))
    for route in view.graph.of_kind("VirtualService", group=NETWORK):
        if route.deleted is not None:
            continue
        lost = _lost_gateway(view, route)
        if lost:
            yield _finding(GATEWAY, view, route, None, lost, "spec.gateways", ())
        for destination in _destinations(route):
            finding = _destination(view, route, destination, rules)
            if finding is not None:
                yield finding
                break


def _lost_gateway(view: View, route: Resource) -> str:
    """What is wrong with the Gateways a route names, in words."""
    known = {gateway.ref.path for gateway in view.graph.of_kind("Gateway", group=NETWORK)}
    named = [name for name in texts(route.spec, "gateways") if name != "mesh"]
    full = [name if "/" in name else f"{route.ref.namespace}/{name}" for name in named]
    lost = [name for name in full if name not in known]
    if not lost or not (known or view.was_read("Gateway", lost[0].partition("/")[0])):
        return ""
    near = nearest(lost[0], known)
    hint = f" (there is {near})" if near else ""
    return f"{route.ref} names Gateway {lost[0]}, which does not exist{hint}: requests from outside answer 404"


def _destinations(route: Resource) -> Iterator[Mapping[str, Any]]:
    """The destinations that get traffic."""
    for field in ("http", "tcp", "tls"):
        for rule in children(route.spec, field):
            for entry in children(rule, "route"):
                if entry.get("weight") != 0:
                    yield mapping(entry, "destination")


def _destination(view: View, route: Resource, to: Mapping[str, Any], rules: list[Resource]) -> Finding | None:
    host, subset, space = text(to, "host"), text(to, "subset"), route.ref.namespace
    service = service_of(view, host, space)
    if service is None:
        return _no_host(view, route, host)
    mine = [rule for rule in rules if service_of(view, text(rule.spec, "host"), rule.ref.namespace) is service]
    if not subset or not (rules or view.was_read("DestinationRule", space)):
        return None
    defined = {text(entry, "name"): (rule, entry) for rule in mine for entry in children(rule.spec, "subsets")}
    if subset not in defined:
        near = nearest(subset, defined)
        have = f"it defines {', '.join(sorted(defined))}" if defined else "none defines any"
        words = f"{route.ref} sends to subset {subset} of {service.ref}, which no DestinationRule defines ({have}{f'; nearest is {near}' if near else ''}): requests answer 503"
        where = "spec.http[].route[].destination.subset"
        return _finding(SUBSET, view, route, service, words, where, (*(rule.ref for rule in mine),))
    rule, entry = defined[subset]
    pods = [pod for edge in view.graph.out(service.ref, EdgeKind.SELECTS) if (pod := view.graph.get(edge.target))]
    labels = mapping(entry, "labels")
    if not pods or not labels or any(labels.items() <= pod.labels.items() for pod in pods):
        return None
    off = [key for key in sorted(labels) if all(pod.labels.get(key) != labels[key] for pod in pods)]
    have = ", ".join(sorted({f"{key}={pod.labels[key]}" if key in pod.labels else f"no label {key}" for pod in pods for key in off}))  # fmt: skip
    wanted = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    words = f"{rule.ref}: subset {subset} asks for the labels {wanted}, which no pod behind {service.ref} has (they have {have}), and {route.ref} sends traffic there"
    return _finding(EMPTY, view, rule, service, words, f"spec.subsets[{subset}].labels", (route.ref,))


def _no_host(view: View, route: Resource, host: str) -> Finding | None:
    """A short name or a cluster name without Service; names outside may stand in a ServiceEntry."""
    labels = host.split(".")
    outside = len(labels) > 1 and "svc" not in labels[2:3]
    entries = [name for entry in view.graph.of_kind("ServiceEntry", group=NETWORK) for name in (entry.spec.get("hosts") or [])]  # fmt: skip
    space = labels[1] if len(labels) > 1 else route.ref.namespace
    if not host or outside or host in entries or not view.was_read("Service", space):
        return None
    near = nearest(labels[0], [service.ref.name for service in view.graph.of_kind("Service", space)])
    words = f"{route.ref} sends to host {host}, and namespace {space} has no Service {labels[0]}{f' (there is {near})' if near else ''}"
    return _finding(HOST, view, route, None, words, "spec.http[].route[].destination.host", ())


def _finding(
    cause: Cause, view: View, holder: Resource, service: Resource | None, words: str, path: str, others: tuple[Ref, ...]
) -> Finding:
    quote = _said_by_proxy(view, service.ref.name if service is not None else "")
    seen = (logged(quote[0], quote[1].number, bare(quote[1].raw)[:300]),) if quote else ()
    speaker = (Ref("Pod", quote[0].namespace, quote[0].pod),) if quote else ()
    return Finding(
        cause=cause.id, object=holder.ref, title=words, evidence=(said(holder, path, words), *seen),
        explains=(*speaker, *others, *((service.ref,) if service is not None else ())), weight=0.9 if quote else 0.8,
        steps=(show(holder.ref), change(f"Correct {path} of {holder.ref}", holder.ref)),
    )  # fmt: skip


_NOWHERE = re.compile(r"cluster_not_found|no_healthy_upstream|no healthy upstream|\b(?:503|404) (?:NC|UH|NR)\b")


def _said_by_proxy(view: View, name: str) -> tuple[ContainerLog, LogLine] | None:
    """A line of a proxy that found nobody behind a route."""
    for log in view.snapshot.logs:
        for line in tail(log, 30, access=True):
            if _NOWHERE.search(line.raw) and (not name or name in line.raw):
                return log, line
    return None


def mode_of(view: View, pod: Resource) -> tuple[str, Resource | None]:
    """The mode of mutual TLS that holds for a pod, and the PeerAuthentication that sets it: the narrowest wins."""
    found: list[tuple[int, Resource]] = []
    for policy in view.graph.of_kind("PeerAuthentication", group=SECURITY):
        labels = mapping(policy.spec, "selector", "matchLabels")
        if labels and policy.ref.namespace == pod.ref.namespace and labels.items() <= pod.labels.items():
            found.append((0, policy))
        elif not labels and policy.ref.namespace in (pod.ref.namespace, ROOT):
            found.append((1 if policy.ref.namespace == pod.ref.namespace else 2, policy))
    for _, policy in sorted(found, key=lambda entry: (entry[0], entry[1].ref)):
        mode = text(policy.spec, "mtls", "mode")
        if mode and mode != "UNSET":
            return mode, policy
    return "", None


def in_mesh(pod: Resource) -> bool:
    """Whether a pod has the sidecar."""
    return any(text(c, "name") == PROXY for key in ("containers", "initContainers") for c in children(pod.spec, key))


def find_plain_callers(view: View) -> Iterator[Finding]:
    """Callers without sidecar whose connections are cut by a server that wants mutual TLS."""
    if not view.graph.of_kind("PeerAuthentication", group=SECURITY):
        return
    for pod, log, line in _cut_off(view):
        if in_mesh(pod.resource):
            continue
        for service in services_called(view, pod):
            target = _first_pod(view, service)
            mode, policy = mode_of(view, target) if target is not None and in_mesh(target) else ("", None)
            if mode == "STRICT" and policy is not None:
                words = f"{policy.ref} (mode STRICT) lets only mutual TLS reach {service.ref}, and {pod.owner} has no sidecar: its connections are reset"
                yield Finding(
                    cause=TLS.id, object=policy.ref, title=words,
                    evidence=(said(policy, "spec.mtls.mode", words), logged(log, line.number, bare(line.raw)[:300]), said(pod.resource, "spec.containers", f"{pod.ref} has no container {PROXY}")),
                    explains=(pod.ref, pod.owner), weight=0.82, steps=(show(policy.ref), change(f"Inject the sidecar into {pod.owner}, or set PERMISSIVE for the port", policy.ref)),
                )  # fmt: skip
                break


def _cut_off(view: View) -> list[tuple[PodFact, ContainerLog, LogLine]]:
    """Pods whose logs tell of connections that are cut: the last word of a crash, or again and again. Read once."""
    return view.once("connections cut", lambda: list(_cut_lines(view)))


def _cut_lines(view: View) -> Iterator[tuple[PodFact, ContainerLog, LogLine]]:
    troubled = {pod.ref for pod in view.troubled}
    for ref in sorted({Ref("Pod", log.namespace, log.pod) for log in view.snapshot.logs}):
        resource = view.graph.get(ref)
        for log in view.logs(ref) if resource is not None else ():
            lines = [line for line in tail(log, 40) if _CUT.search(line.said)]
            if resource is not None and lines and (ref in troubled or len(lines) >= LASTING):
                yield view.pod(resource), log, lines[0]
                break


def services_called(view: View, pod: PodFact) -> list[Resource]:
    """The Services a pod's settings name."""
    hosts = {address.host for container in pod.containers for address in addresses_of(view, pod, container)}
    found = [service_of(view, host, pod.ref.namespace) for host in sorted(hosts)]
    return [service for service in found if service is not None]


def _first_pod(view: View, service: Resource) -> Resource | None:
    pods = (view.graph.get(edge.target) for edge in view.graph.out(service.ref, EdgeKind.SELECTS))
    return next((pod for pod in pods if pod is not None), None)


def find_tls_off(view: View) -> Iterator[Finding]:
    """DestinationRules that speak plainly to a host which takes mutual TLS only."""
    for rule in view.graph.of_kind("DestinationRule", group=NETWORK):
        mode = text(rule.spec, "trafficPolicy", "tls", "mode")
        service = service_of(view, text(rule.spec, "host"), rule.ref.namespace)
        target = _first_pod(view, service) if service is not None else None
        if mode not in ("DISABLE", "SIMPLE") or service is None or target is None or not in_mesh(target):
            continue
        wanted, policy = mode_of(view, target)
        if wanted != "STRICT" or policy is None:
            continue
        cut = [entry for entry in _cut_off(view) if service in services_called(view, entry[0])]
        words = f"{rule.ref} sets TLS mode {mode} for {service.ref}, whose pods take only mutual TLS ({policy.ref} is STRICT): connections are cut"
        yield Finding(
            cause=TLS.id, object=rule.ref, title=words,
            evidence=(said(rule, "spec.trafficPolicy.tls.mode", words), said(policy, "spec.mtls.mode", "STRICT"), *(logged(log, line.number, bare(line.raw)[:300]) for _, log, line in cut[:1])),
            explains=tuple(dict.fromkeys(ref for pod, _, _ in cut for ref in (pod.ref, pod.owner))), weight=0.88 if cut else 0.7,
            steps=(show(rule.ref), change("Set ISTIO_MUTUAL, or drop the setting", rule.ref)),
        )  # fmt: skip


RULES = (
    Rule(find=find_route_faults, causes=(SUBSET, EMPTY, HOST, GATEWAY)),
    Rule(find=find_plain_callers, causes=(TLS,)),
    Rule(find=find_tls_off, causes=()),
)
