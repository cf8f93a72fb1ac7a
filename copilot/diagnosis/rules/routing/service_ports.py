"""Ports of Services against the ports of the pods they select: name, number, protocol, and what the program listens on.

A declared container port is a word of the author, not a fact: a number nobody declared is doubted, a name nobody has is certain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from copilot.diagnosis.cause import Cause
from copilot.diagnosis.complaints import complained_of
from copilot.diagnosis.probes import listening_ports
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, logged, said
from copilot.model import Detail, Evidence, Finding, Ref, Resource, children, number, text

_SERVICE = "k8s.io/api/core/v1 ServiceSpec"


def _cause(identity: str, title: str, step: str, *fields: str) -> Cause:
    return Cause(
        id=identity,
        title=title,
        kind="Service",
        fields=("spec.ports[].targetPort", *fields),
        steps=(step,),
        citation=_SERVICE,
    )


TARGET_PORT = _cause("svc.targetport", "The target port is not a port of the pods", "Correct targetPort or name the container port", "Pod spec.containers[].ports")  # fmt: skip
PROTOCOL = _cause("svc.protocol", "The Service speaks another protocol (TCP, UDP) than the pods' port", "Correct spec.ports[].protocol", "spec.ports[].protocol")  # fmt: skip
LISTENING = _cause("svc.listening", "The program listens on another port than the Service leads to", "Correct targetPort, or the program's port", "log")  # fmt: skip
MIXED = _cause("svc.selector.mixed", "The selector also takes pods of another workload that does not serve the port", "Make the selector narrower", "spec.selector")  # fmt: skip

PORT_CAUSES = (TARGET_PORT, PROTOCOL, LISTENING, MIXED)


class Declared(msgspec.Struct, frozen=True):
    """One container port as declared."""

    name: str
    number: int
    protocol: str


def port_faults(
    view: View, service: Resource, pods: list[Resource], users: Callable[[], Sequence[Ref]]
) -> Iterator[Finding]:
    """What is wrong between the Service's ports and those of its pods. `users` are asked for only where it matters."""
    if service.detail is Detail.ROW:
        return
    shown = [pod for pod in pods if isinstance(pod.spec.get("containers"), list)]
    entries = list(children(service.spec, "ports"))
    if not shown or not entries:
        return
    first = _declared(shown[0])  # replicas declare alike: the others are looked at only where this one does not fit
    unmet = [entry for entry in entries if not _fits(entry, first)]
    if unmet:
        shown.sort(key=lambda pod: pod.ref)
        declared = sorted({port for pod in shown for port in _declared(pod)}, key=str)
        faults = [
            _entry(view, service, shown, entry, declared, alone=len(entries) == 1, users=users) for entry in unmet
        ]
        found = [fault for fault in faults if fault is not None]
        yield from found
        if found:
            return
    if service.ref in complained_of(view) or _tested(view, service):
        yield from _mixed(view, service, shown, entries)
        yield from _elsewhere(view, service, shown, entries)


def _fits(entry: Mapping[str, Any], declared: Sequence[Declared]) -> bool:
    target, protocol = target_of_entry(entry), text(entry, "protocol") or "TCP"
    return any(target in (port.name, port.number) and port.protocol == protocol for port in declared)


def _declared(pod: Resource) -> list[Declared]:
    # Restartable init containers (sidecars) serve ports like any other container.
    return [
        Declared(text(entry, "name"), number(entry, "containerPort"), text(entry, "protocol") or "TCP")
        for key in ("containers", "initContainers")
        for container in children(pod.spec, key)
        for entry in children(container, "ports")
    ]


def target_of_entry(entry: Mapping[str, Any]) -> str | int:
    """The target port: a name, or a number; the port itself where none is given."""
    target = entry.get("targetPort", entry.get("port"))
    if isinstance(target, str) and not target.isdigit():
        return target
    return number(target)


def _entry(
    view: View,
    service: Resource,
    pods: list[Resource],
    entry: Mapping[str, Any],
    declared: list[Declared],
    *,
    alone: bool,
    users: Callable[[], Sequence[Ref]],
) -> Finding | None:
    target, protocol = target_of_entry(entry), text(entry, "protocol") or "TCP"
    same = [port for port in declared if target in (port.name, port.number)]
    if _fits(entry, declared):
        return None
    if same:
        named = isinstance(target, str)
        weight = (
            0.93 if named else (0.8 if protocol == "TCP" else 0.4)
        )  # a UDP port is often served without being declared
        words = f"port {text(entry, 'port')} is {protocol}, and port {target} of its pods is {same[0].protocol}"
        return _finding(
            view,
            service,
            pods,
            PROTOCOL,
            f"{words}, so traffic reaches nothing",
            weight,
            f"declare {same[0].protocol} {same[0].number}",
        )
    if isinstance(target, str):
        names = sorted({port.name for port in declared} - {""})
        have, weight = ", ".join(names) or "no named port", 0.95
    elif declared and target:
        have = ", ".join(str(value) for value in sorted({port.number for port in declared}))
        weight = 0.75 if alone or users() else 0.45
    else:
        return None
    owner = view.pod(pods[0]).owner
    words = f"targetPort {target} is no port of its pods (the containers of {owner} have {have}), so traffic reaches nothing"
    return _finding(view, service, pods, TARGET_PORT, words, weight, f"declare {have}")


def _finding(
    view: View, service: Resource, pods: list[Resource], cause: Cause, words: str, weight: float, have: str
) -> Finding:
    complaint = complained_of(view).get(service.ref, [])
    quotes = tuple(logged(c.log, c.line.number, c.line.raw[:300]) for c in complaint[:1])
    return Finding(
        cause=cause.id,
        object=service.ref,
        title=f"{service.ref}: {words}",
        evidence=(
            said(service, "spec.ports[].targetPort", f"{service.ref}: {words}"),
            said(pods[0], "spec.containers[].ports", f"the selected pods' containers {have}"),
            *quotes,
        ),
        explains=tuple(dict.fromkeys(c.pod.ref for c in complaint)),
        weight=min(0.95, weight + 0.1) if complaint else weight,
        steps=(change(f"Correct the ports of {service.ref}", service.ref), describe(service.ref)),
    )


def _mixed(view: View, service: Resource, pods: list[Resource], entries: list[Mapping[str, Any]]) -> Iterator[Finding]:
    """Pods of another workload among the selected, which do not have the port."""
    by_owner: dict[Ref, Resource] = {}
    for pod in pods:
        by_owner.setdefault(view.pod(pod).owner, pod)
    if len(by_owner) < 2:
        return
    for entry in entries:
        target = target_of_entry(entry)
        without = [
            owner
            for owner, pod in by_owner.items()
            if _declared(pod) and all(target not in (p.name, p.number) for p in _declared(pod))
        ]
        if without and len(without) < len(by_owner):
            words = f"its selector also takes the pods of {without[0]}, which do not serve port {target}: part of the traffic reaches nothing"
            yield _finding(view, service, [by_owner[without[0]]], MIXED, words, 0.8, "have other ports")
            return


def _tested(view: View, service: Resource) -> bool:
    """Whether a person's connectivity test of the Service failed."""
    names = (service.ref.name, f"{service.ref.name}.{service.ref.namespace}", text(service.spec, "clusterIP"))
    return any(
        probe.outcome in ("refused", "timeout", "error", "http-error")
        and (probe.host in names or probe.host.startswith(f"{names[1]}."))
        for probe in view.snapshot.probes
    )


def _elsewhere(
    view: View, service: Resource, pods: list[Resource], entries: list[Mapping[str, Any]]
) -> Iterator[Finding]:
    """A program that says it listens on other ports than the one its Service leads to, where somebody is refused."""
    if not any(c.cause == "app.dependency.refused" for c in complained_of(view).get(service.ref, ())) and not _tested(
        view, service
    ):
        return
    for pod in pods:
        fact = view.pod(pod)
        if not fact.ready:
            continue
        heard: dict[int, Evidence] = {}
        for container in fact.containers:
            heard.update(listening_ports(view, fact, container))
        numbers = {_number(entry, pod) for entry in entries} - {0}
        if heard and numbers and numbers.isdisjoint(heard):
            ports = ", ".join(str(value) for value in sorted(heard))
            words = f"leads to port {', '.join(map(str, sorted(numbers)))}, but the program of {fact.owner} listens on port {ports}"
            found = _finding(view, service, [pod], LISTENING, words, 0.78, f"listen on port {ports}")
            found = msgspec.structs.replace(found, evidence=(*found.evidence, *list(heard.values())[:1]))
            declared = {port.number for port in _declared(pod)}
            yield _other_program(found, service, fact.owner, ports) if numbers <= declared else found
            return


def _other_program(found: Finding, service: Resource, owner: Ref, heard: str) -> Finding:
    """The pod declares the port the Service leads to: then the program (its command or settings) is what differs."""
    title = f"{owner}: the program it starts listens on port {heard}, not on the port that its container declares and {service.ref} leads to"
    step = change(f"Correct the command, arguments or port setting of {owner}", owner)
    explains = tuple(dict.fromkeys((*found.explains, service.ref)))
    return msgspec.structs.replace(found, object=owner, title=title, explains=explains, steps=(step, *found.steps))


def _number(entry: Mapping[str, Any], pod: Resource) -> int:
    target = target_of_entry(entry)
    if isinstance(target, int):
        return target
    return next((port.number for port in _declared(pod) if port.name == target), 0)
