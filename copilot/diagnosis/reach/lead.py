"""Where a Service leads: from its port to the ready pods' ports. What leads nowhere is said with the reason and the nearest change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from copilot.diagnosis.addresses import service_of
from copilot.diagnosis.pods import is_ready
from copilot.diagnosis.policy_match import End, declared_ports, named_ports
from copilot.diagnosis.reach.judge import State
from copilot.diagnosis.reach.wanted import Wanted
from copilot.diagnosis.view import View
from copilot.model import Detail, Ref, Resource, children, mapping, number, text
from copilot.model.likeness import nearest
from copilot.model.wording import listed, plural
from retrievers.graph import EdgeKind

_ALIASES = 4  # ExternalName Services that name each other


class Leg(msgspec.Struct, frozen=True, eq=False):
    """A port of an end that the connection leads to."""

    end: End
    port: int
    protocol: str
    outside: bool = False


class Dead(msgspec.Struct, frozen=True):
    """A way that ends before any policy is asked."""

    state: State
    why: str
    object: Ref
    field: str
    change: str = ""
    port: int = 0
    protocol: str = "TCP"


class Led(msgspec.Struct, frozen=True, eq=False):
    """Where the target's words lead."""

    legs: tuple[Leg, ...] = ()
    dead: tuple[Dead, ...] = ()
    notes: tuple[str, ...] = ()


def lead_pods(ends: Sequence[End], wanted: Wanted, note: str = "") -> Led:
    """The asked port of pods or of an address; without one, every port that the pods declare."""
    protocol = wanted.protocol or "TCP"
    legs: list[Leg] = []
    dead: list[Dead] = []
    notes = [note] if note else []
    for end in ends:
        if wanted.port_name:
            legs += _named(end, wanted, dead)
        elif wanted.port or end.pod is None:
            legs.append(Leg(end, wanted.port, protocol))
        else:
            legs += _declared(end, wanted) or [Leg(end, 0, protocol)]
    notes += _undeclared(ends, wanted.port, protocol)
    if any(not leg.port for leg in legs):
        notes.append("no port is known: name one with :PORT, since rules may hold for some ports only")
    return Led(tuple(legs), tuple(dict.fromkeys(dead)), tuple(notes))


def _declared(end: End, wanted: Wanted) -> list[Leg]:
    assert end.pod is not None, "called for pods"
    found = [(number(entry, "containerPort"), text(entry, "protocol") or "TCP") for entry in declared_ports(end.pod)]
    return [Leg(end, port, kind) for port, kind in dict.fromkeys(found) if port and wanted.protocol in ("", kind)]


def _named(end: End, wanted: Wanted, dead: list[Dead]) -> list[Leg]:
    kinds = [wanted.protocol] if wanted.protocol else ["TCP", "UDP", "SCTP"]
    found = [
        (port, kind) for kind in kinds for port in (named_ports(end.pod, wanted.port_name, kind) if end.pod else ())
    ]
    if not found:
        ref = end.pod.ref if end.pod is not None else Ref("Address", "", end.ip)
        names = [text(entry, "name") for entry in declared_ports(end.pod)] if end.pod is not None else []
        known = ", ".join(name for name in names if name) or "none"
        why = f"no container of {ref} has a port named {wanted.port_name} (named ports: {known})"
        near = nearest(wanted.port_name, names)
        dead.append(
            Dead(State.REFUSED, why, ref, "spec.containers[].ports[].name", f"ask for port {near}" if near else "")
        )
    return [Leg(end, port, kind) for port, kind in found]


def _undeclared(ends: Sequence[End], port: int, protocol: str) -> Iterator[str]:
    """A container may listen on a port it does not declare, but seldom does."""
    silent = []
    for end in ends:
        if end.pod is not None and port and end.pod.detail is not Detail.ROW:
            declared = [(number(e, "containerPort"), text(e, "protocol") or "TCP") for e in declared_ports(end.pod)]
            if declared and (port, protocol) not in declared:
                silent.append((end.pod.ref, ", ".join(f"{kind} {one}" for one, kind in declared)))
    if silent:
        ref, ports = silent[0]
        yield f"no container of {ref} declares {protocol} {port} (declared: {ports}): whether one listens there is not known"


def lead_service(view: View, service: Resource, wanted: Wanted, depth: int = 0) -> Led:
    """From a Service's port to its pods."""
    if text(service.spec, "type") == "ExternalName":
        return _alias(view, service, wanted, depth)
    headless = text(service.spec, "clusterIP") == "None"
    chosen = [entry for entry in children(service.spec, "ports") if _is_wanted(entry, wanted)]
    if not chosen and headless and wanted.port:
        note = f"{service.ref} is headless: callers reach the pods' own port {wanted.port}, which it does not list"
        chosen = [{"port": wanted.port, "targetPort": wanted.port, "protocol": wanted.protocol or "TCP"}]
        notes = [note]
    else:
        notes = []
    if not chosen:
        return Led(dead=(_no_port(service, wanted),))
    pods, problem, more = _behind(view, service)
    notes += more
    if problem is not None:
        first = chosen[0]
        return Led(dead=(msgspec.structs.replace(problem, port=number(first, "port"), protocol=_protocol(first)),), notes=tuple(notes))  # fmt: skip
    legs: list[Leg] = []
    dead: list[Dead] = []
    for entry in chosen:
        lost: list[End] = []
        for end, known in pods:
            port = known or (wanted.port if headless else 0) or _target_port(entry, end)
            if port is None:
                lost.append(end)
            else:
                legs.append(Leg(end, port, _protocol(entry)))
        if lost:
            dead.append(_no_name(service, entry, lost))
    return Led(tuple(legs), tuple(dead), tuple(notes))


def _protocol(entry: Mapping[str, Any]) -> str:
    return text(entry, "protocol") or "TCP"


def _is_wanted(entry: Mapping[str, Any], wanted: Wanted) -> bool:
    if wanted.protocol and _protocol(entry) != wanted.protocol:
        return False
    if wanted.port_name:
        return text(entry, "name") == wanted.port_name
    return not wanted.port or number(entry, "port") == wanted.port


def _target_port(entry: Mapping[str, Any], end: End) -> int | None:
    """The pod's port behind one port of a Service: 0 where it was not read, None where no container has the name."""
    target = entry.get("targetPort", entry.get("port"))
    if not isinstance(target, str) or target.isdigit():
        return number(target) or number(entry, "port")
    if end.pod is None:
        return None
    ports = named_ports(end.pod, target, _protocol(entry))
    return ports[0] if ports else 0 if end.pod.detail is Detail.ROW else None


def _no_name(service: Resource, entry: Mapping[str, Any], lost: Sequence[End]) -> Dead:
    target = text(entry, "targetPort")
    pods = [end.pod for end in lost if end.pod is not None]
    names = [name for pod in pods for one in declared_ports(pod) if (name := text(one, "name"))]
    near = nearest(target, names) or next(iter(names), "")
    where = listed((str(pod.ref) for pod in pods), 2)
    why = f"port {text(entry, 'port')} of {service.ref} leads to the port name {target}, which no container of {where} has"
    change = f"set targetPort of {service.ref} to {near}" if near else f"name a container port {target}"
    return Dead(
        State.REFUSED, why, service.ref, "spec.ports[].targetPort", change, number(entry, "port"), _protocol(entry)
    )


def _no_port(service: Resource, wanted: Wanted) -> Dead:
    asked = " ".join(part for part in (wanted.protocol, wanted.port_name or str(wanted.port or "")) if part)
    entries = list(children(service.spec, "ports"))
    ports = [_port_words(entry) for entry in entries]
    behind = [text(entry, "port") for entry in entries if wanted.port and number(entry, "targetPort") == wanted.port]
    serves = f"it serves {', '.join(ports)}" if ports else "it serves no port"
    if behind:
        hint = f"ask for port {behind[0]}: it leads to the pods' port {wanted.port}"
    else:
        hint = f"ask for {ports[0]}" if len(ports) == 1 else ""
    return Dead(State.REFUSED, f"{service.ref} has no port {asked}: {serves}", service.ref, "spec.ports", hint, wanted.port, wanted.protocol or "TCP")  # fmt: skip


def _port_words(entry: Mapping[str, Any]) -> str:
    name = text(entry, "name")
    return f"{_protocol(entry)} {text(entry, 'port')}" + (f" ({name})" if name else "")


def _alias(view: View, service: Resource, wanted: Wanted, depth: int) -> Led:
    host = text(service.spec, "externalName")
    note = f"{service.ref} is another name for {host}"
    known = service_of(view, host, service.ref.namespace) if "." in host else None
    if known is not None and depth < _ALIASES and known.ref != service.ref:
        led = lead_service(view, known, wanted, depth + 1)
        return msgspec.structs.replace(led, notes=(note, *led.notes))
    return Led(
        (Leg(End(), wanted.port, wanted.protocol or "TCP", outside=True),), notes=(f"{note}, outside this cluster",)
    )


def _behind(view: View, service: Resource) -> tuple[list[tuple[End, int]], Dead | None, list[str]]:
    """The ready pods (with the port where the endpoints say it), or why there are none."""
    selector = mapping(service.spec, "selector")
    if not selector:
        listed_ends = list(_endpoints(view, service))
        if listed_ends:
            return listed_ends, None, []
        read = view.was_read("EndpointSlice", service.ref.namespace) or view.was_read(
            "Endpoints", service.ref.namespace
        )
        why = f"{service.ref} has no selector, and {'nobody gave it endpoints' if read else 'its endpoints were not read'}"
        return [], Dead(State.REFUSED if read else State.UNKNOWN, why, service.ref, "spec.selector"), []
    found = (view.graph.get(edge.target) for edge in view.graph.out(service.ref, EdgeKind.SELECTS))
    pods = [pod for pod in found if pod is not None and text(pod.status, "phase") not in ("Succeeded", "Failed")]
    words = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    if not pods:
        return [], _no_pods(view, service, words), []
    ready = [pod for pod in pods if service.spec.get("publishNotReadyAddresses") is True or (is_ready(pod) and pod.deleted is None)]  # fmt: skip
    if not ready:
        why = f"{service.ref} has no endpoints: none of the {plural(len(pods), 'pod')} it selects ({words}) is ready"
        return [], Dead(State.REFUSED, why, service.ref, "spec.selector", f"ask why: kubectl copilot why service/{service.ref.name}{service.ref.flags}"), []  # fmt: skip
    late = [pod.ref for pod in pods if pod not in ready]
    notes = [f"{listed((str(ref) for ref in late), 3)} {'is' if len(late) == 1 else 'are'} not ready and {'gets' if len(late) == 1 else 'get'} no traffic"] if late else []  # fmt: skip
    return [(End(pod=pod), 0) for pod in ready], None, notes


def _no_pods(view: View, service: Resource, words: str) -> Dead:
    namespace = service.ref.namespace
    if not view.was_read("Pod", namespace):
        return Dead(State.UNKNOWN, f"the pods of namespace {namespace} were not all read", service.ref, "spec.selector")
    near = _nearest_labels(view, service)
    why = f"{service.ref} has no endpoints: its selector {words} matches no pod"
    return Dead(State.REFUSED, why, service.ref, "spec.selector", near)


def _nearest_labels(view: View, service: Resource) -> str:
    """The pods that lack the fewest labels of the selector."""
    wanted = mapping(service.spec, "selector")
    best: tuple[int, str] | None = None
    for pod in view.graph.of_kind("Pod", service.ref.namespace, ""):
        missing = [key for key in wanted if pod.labels.get(key) != wanted[key]]
        if missing and (best is None or len(missing) < best[0]) and any(key in pod.labels for key in wanted):
            have = ", ".join(f"{key}={pod.labels.get(key, '(none)')}" for key in missing)
            want = ", ".join(f"{key}={wanted[key]}" for key in missing)
            best = (len(missing), f"{pod.ref} comes nearest: it has {have} where the selector wants {want}")
    return best[1] if best else ""


def _endpoints(view: View, service: Resource) -> Iterator[tuple[End, int]]:
    """What EndpointSlices or Endpoints list for a Service without a selector."""
    yielded = False
    for part in view.graph.of_kind("EndpointSlice", service.ref.namespace):
        if text(part.labels, "kubernetes.io/service-name") == service.ref.name:
            ports = [number(entry, "port") for entry in children(part.body, "ports")]
            for entry in children(part.body, "endpoints"):
                addresses = entry.get("addresses")
                for ip in addresses if isinstance(addresses, list) else ():
                    yield from ((End(ip=str(ip)), port) for port in ports)
            yielded = True
    legacy = None if yielded else view.graph.find("Endpoints", service.ref.namespace, service.ref.name, "")
    for subset in children(legacy.body, "subsets") if legacy is not None else ():
        for entry in children(subset, "addresses"):
            for port in children(subset, "ports"):
                yield End(ip=text(entry, "ip")), number(port, "port")
