"""Probes that fail: wrong port, wrong path, wrong scheme, too little time, or an application that really is not well.

The probe is compared with the ports the container declares, the port its log says it listens on, and its other probes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.log_causes import from_logs
from copilot.diagnosis.log_lines import bare, most_telling, severity, spoken
from copilot.diagnosis.pods import ContainerFact, PodFact, condition
from copilot.diagnosis.probes import Probe, budget, describe_probe, listening_ports, probe_of
from copilot.diagnosis.steps import change, describe, logs_step
from copilot.diagnosis.view import View, logged, said, told
from copilot.model import Evidence, Finding, children, text
from retrievers.graph import EventFact

_PROBER = "kubernetes pkg/kubelet/prober/prober.go"
_KINDS = {"livenessProbe": "liveness", "readinessProbe": "readiness", "startupProbe": "startup"}


def _cause(identity: str, title: str, step: str, *, yields: bool = False) -> Cause:
    kind = identity.split(".")[2]
    return Cause(
        id=identity, title=title, kind="Pod", fields=("event Unhealthy", f"spec.containers[].{kind}Probe"),
        steps=(step,), citation=_PROBER, yields=yields, severity=Severity.OUTAGE,
    )  # fmt: skip


def _family(kind: str) -> dict[str, Cause]:
    base = f"pod.probe.{kind}"
    return {
        "port": _cause(f"{base}.port", f"The {kind} probe asks a port nothing listens on", "Correct the probe's port"),
        "path": _cause(
            f"{base}.path", f"The {kind} probe asks a path the program does not serve", "Correct the probe's path"
        ),
        "scheme": _cause(
            f"{base}.scheme", f"The {kind} probe speaks HTTP to HTTPS, or the reverse", "Correct the probe's scheme"
        ),
        "auth": _cause(
            f"{base}.auth", f"The {kind} probe is refused for lack of credentials", "Probe a path that needs none"
        ),
        "command": _cause(f"{base}.command", f"The {kind} probe's command cannot run or fails", "Correct the command"),
        "timing": _cause(
            f"{base}.timing",
            f"The {kind} probe gives the program too little time",
            "Add a startupProbe or widen the delays",
        ),
        "sick": _cause(
            base,
            f"The {kind} probe fails because the program is not well",
            "Read the log and the probe's answer",
            yields=True,
        ),
    }


CAUSES = {kind: _family(kind) for kind in _KINDS.values()}
GATE = Cause(
    id="pod.readinessgate", title="A readiness gate has not been set by its controller", kind="Pod",
    fields=("spec.readinessGates", "status.conditions"), steps=("Look at the controller that sets the gate",),
    citation="kubernetes pkg/kubelet/status/generate.go",
)  # fmt: skip

_SCHEME = re.compile(
    r"server gave HTTP response to HTTPS client|malformed HTTP response|HTTP request to an HTTPS server|first record does not look like a TLS"
)
_STATUS = re.compile(r"statuscode: (\d{3})")
_REFUSED = re.compile(r"connection refused|no route to host|host is unreachable")
_TIMEOUT = re.compile(r"deadline exceeded|timeout|timed out|Client\.Timeout")


def find_probe_failures(view: View) -> Iterator[Finding]:
    """One finding for each probe that keeps failing."""
    for pod in view.placed:
        if pod.resource.deleted is not None or pod.blocking_init() is not None:
            continue
        yield from _gates(pod)
        unhealthy = view.events(pod.ref, "Unhealthy")
        for container in pod.containers:
            if container.reason in ("CrashLoopBackOff", "") or container.state == "running":
                found = list(_container(view, pod, container, unhealthy))
                yield from found or _unsaid(view, pod, container)


def _gates(pod: PodFact) -> Iterator[Finding]:
    ready = pod.condition("Ready")
    if text(ready, "reason") != "ReadinessGatesNotReady":
        return
    for gate in children(pod.resource.spec, "readinessGates"):
        kind = text(gate, "conditionType")
        if text(condition(pod.resource, kind), "status") != "True":
            yield Finding(
                cause=GATE.id,
                object=pod.owner,
                title=f"{pod.owner}: readiness gate {kind} is not set by its controller",
                evidence=(
                    said(
                        pod.resource,
                        f"status.conditions[{kind}]",
                        f"readiness gate {kind} is not True: {text(ready, 'message')}",
                    ),
                ),
                explains=(pod.ref,),
                weight=0.8,
                steps=(describe(pod.ref),),
            )


def _container(view: View, pod: PodFact, container: ContainerFact, unhealthy: list[EventFact]) -> Iterator[Finding]:
    killed = [
        event for event in view.events(pod.ref, "Killing") if f"ontainer {container.name} failed" in event.message
    ]
    for key, kind in _KINDS.items():
        probe = probe_of(container.spec, key)
        failures = [
            event for event in unhealthy if event.message.lower().startswith(kind) and _about(event, container, pod)
        ]
        kills = [event for event in killed if f"{kind} probe" in event.message]
        if not failures or probe is None:
            continue
        if kind == "readiness" and (
            container.ready or container.state != "running" or _starting(view, container, probe)
        ):
            continue
        if kind != "readiness" and not kills and not _signalled(container):
            continue
        yield _explain(view, pod, container, probe, kind, failures[-1], kills)
        return


def _signalled(container: ContainerFact) -> bool:
    """Whether it was ended from outside, as a kubelet does after a failed probe, and not for memory."""
    return container.exit_code in (137, 143) and "OOMKilled" not in (container.last_reason, container.reason)


def _unsaid(view: View, pod: PodFact, container: ContainerFact) -> Iterator[Finding]:
    """A container that runs and is not ready although no event tells of a probe: what its log says, and where the probe asks."""
    probe = probe_of(container.spec, "readinessProbe")
    if (
        container.init
        or container.state != "running"
        or container.ready
        or (probe and _starting(view, container, probe))
    ):
        return
    deeper = from_logs(view, pod, container)
    if deeper is not None:
        yield deeper
        return
    state = said(pod.resource, f"{container.path}.ready", f"container {container.name} runs and is not ready")
    if probe is not None and not probe.command:
        aspect, sentence, weight, extra = _refused(view, pod, container, probe, "readiness")
        if aspect == "port":
            yield Finding(
                cause=CAUSES["readiness"]["port"].id, object=pod.owner, weight=min(weight, 0.75), evidence=(state, *extra), explains=(pod.ref,),
                title=f"{pod.owner}: the readiness probe of container {container.name} {sentence}", doubts=("no event of the probe was read",),
                steps=(change(f"Correct the readiness probe of container {container.name}", pod.owner), logs_step(pod, container)),
            )  # fmt: skip
            return
    for log in view.logs(pod.ref, container.name):
        quote = most_telling(log)
        if quote is not None and severity(spoken(quote[1])) > 0:
            number, line = quote
            yield Finding(
                cause=CAUSES["readiness"]["sick"].id, object=pod.owner, weight=0.52, explains=(pod.ref,),
                title=f"{pod.owner}: container {container.name} runs and is not ready: {bare(line)[:200]}",
                evidence=(state, logged(log, number, bare(line)[:400])), steps=(logs_step(pod, container), describe(pod.ref)),
            )  # fmt: skip
            return


def _about(event: EventFact, container: ContainerFact, pod: PodFact) -> bool:
    only = sum(1 for other in pod.containers if not other.init) == 1
    return only or event.container in ("", container.name)


def _starting(view: View, container: ContainerFact, probe: Probe) -> bool:
    """Whether the probe has not yet had the time to fail for good."""
    if container.started is None:
        return False
    return (view.now - container.started).total_seconds() < probe.initial_delay + probe.period * probe.failures


def _explain(
    view: View,
    pod: PodFact,
    container: ContainerFact,
    probe: Probe,
    kind: str,
    failure: EventFact,
    kills: list[EventFact],
) -> Finding:
    aspect, sentence, weight, extra = _aspect(view, pod, container, probe, kind, failure)
    cause = CAUSES[kind][aspect]
    deeper = from_logs(view, pod, container) if aspect == "sick" else None
    if deeper is not None:
        return msgspec.structs.replace(deeper, evidence=(*deeper.evidence, told(failure)))
    evidence = [
        said(
            pod.resource,
            f"spec.containers[{container.name}].{kind}Probe",
            f"the {kind} probe of container {container.name}: {describe_probe(probe)}",
        ),
        told(failure),
        *(told(event) for event in kills[-1:]),
        *extra,
    ]
    return Finding(
        cause=cause.id,
        object=pod.owner,
        title=f"{pod.owner}: the {kind} probe of container {container.name} {sentence}",
        evidence=tuple(evidence),
        explains=(pod.ref,),
        weight=weight,
        since=container.finished or container.started,
        steps=(change(f"Correct the {kind} probe of container {container.name}", pod.owner), logs_step(pod, container)),
    )


def _aspect(
    view: View, pod: PodFact, container: ContainerFact, probe: Probe, kind: str, failure: EventFact
) -> tuple[str, str, float, list[Evidence]]:
    """Which of the ways a probe can be wrong this is: (aspect, words, weight, further evidence)."""
    message = failure.message
    status = _STATUS.search(message)
    code = int(status[1]) if status else 0
    if _SCHEME.search(message) or (code == 400 and "HTTPS" in message):
        return (
            "scheme",
            f"speaks {probe.scheme or 'HTTP'} to a server that speaks the other of HTTP and HTTPS",
            0.93,
            [],
        )
    if code in (404, 405, 410) or (301 <= code <= 308):
        return "path", f"asks path {probe.path or '/'}, which answers {code}", 0.9, []
    if code in (401, 403):
        return "auth", f"asks path {probe.path or '/'}, which answers {code}: it wants credentials", 0.88, []
    if probe.command:
        if _TIMEOUT.search(message):
            return "timing", f"runs a command that does not end within its timeout of {probe.timeout}s", 0.75, []
        if re.search(r"not found|no such file|permission denied|OCI runtime exec", message, re.IGNORECASE):
            return "command", f"runs a command that cannot start: {' '.join(probe.command)[:160]}", 0.9, []
        answer = " ".join(message.partition("probe failed: ")[2].split())[-160:]
        return (
            "sick",
            f"runs a command that fails: {' '.join(probe.command)[:120]}" + (f" answers {answer}" if answer else ""),
            0.6,
            [],
        )
    if _REFUSED.search(message):
        return _refused(view, pod, container, probe, kind)
    if _TIMEOUT.search(message):
        if kind != "readiness" and _never_ready(pod, container):
            return "timing", _slow(container, probe, kind), 0.72, []
        return "sick", f"gets no answer on port {probe.port} within {probe.timeout}s", 0.55, []
    return "sick", f"fails{f' with HTTP {code}' if code else ''}", 0.6, []


def _refused(
    view: View, pod: PodFact, container: ContainerFact, probe: Probe, kind: str
) -> tuple[str, str, float, list[Evidence]]:
    heard = listening_ports(view, pod, container)
    declared = _declared(container.spec)
    port = declared.get(str(probe.port), probe.port)
    others = sorted({*heard, *(number for number in declared.values() if isinstance(number, int))} - {port})
    proof = [piece for number, piece in heard.items() if number != port][:1]
    if heard and port not in heard:
        where = ", ".join(str(number) for number in sorted(heard))
        return "port", f"asks port {probe.port}, but the program listens on port {where}", 0.93, proof
    if port in heard:
        return "timing", _slow(container, probe, kind), 0.85, [heard[port]] if isinstance(port, int) else []
    if declared and port not in declared.values():
        where = ", ".join(str(number) for number in others)
        return "port", f"asks port {probe.port}, but the container declares port {where}", 0.85, proof
    other = _agreeing_probe(container.spec, kind, port)
    if kind != "readiness" and _never_ready(pod, container):
        sentence = _slow(container, probe, kind)
        return "timing", sentence, 0.82 if other else 0.72, []
    return "sick", f"is refused on port {probe.port}: nothing listens there (connection refused)", 0.6, []


def _agreeing_probe(spec: Mapping[str, Any], kind: str, port: object) -> bool:
    """Whether another probe asks the same port: two probes are seldom wrong together."""
    others = [probe_of(spec, key) for key, name in _KINDS.items() if name != kind]
    return any(other is not None and other.port == port for other in others)


def _declared(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Port name (or number as text) -> number, as the container declares them."""
    found: dict[str, Any] = {}
    for entry in children(spec, "ports"):
        number = entry.get("containerPort")
        found[text(entry, "name") or str(number)] = number
    return found


def _never_ready(pod: PodFact, container: ContainerFact) -> bool:
    return not container.ready and container.restarts > 0 and not pod.ready


def _slow(container: ContainerFact, probe: Probe, kind: str) -> str:
    startup = "" if kind == "startup" or probe_of(container.spec, "startupProbe") else " and there is no startupProbe"
    return (
        f"allows {budget(probe)}s from the start ({describe_probe(probe)}) before it kills the container{startup}: "
        "the program starts too slowly for it"
    )


RULES = (
    Rule(find=find_probe_failures, causes=(GATE, *(cause for family in CAUSES.values() for cause in family.values()))),
)
