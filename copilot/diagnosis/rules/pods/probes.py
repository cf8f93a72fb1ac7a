"""Probes that fail: wrong port, wrong path, wrong scheme, too little time, or an application that really is not well.

The probe is compared with the ports the container declares, the port its log says it listens on, and its other probes.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.log_causes import from_logs
from copilot.diagnosis.log_lines import bare, most_telling, severity, spoken
from copilot.diagnosis.pods import ContainerFact, PodFact, condition
from copilot.diagnosis.probes import Probe, describe_probe, probe_of
from copilot.diagnosis.rules.pods.probe_aspects import KINDS, aspect_of, refused
from copilot.diagnosis.steps import change, describe, logs_step
from copilot.diagnosis.view import View, logged, said, told
from copilot.model import Finding, children, text
from retrievers.graph import EventFact

_PROBER = "kubernetes pkg/kubelet/prober/prober.go"


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
        "protocol": _cause(
            f"{base}.protocol",
            f"The {kind} probe speaks another protocol than the program",
            "Use the probe handler of the program's protocol: httpGet, grpc, tcpSocket or exec",
        ),
        "host": _cause(
            f"{base}.host",
            f"The {kind} probe is refused for its Host header",
            "Allow the host, or set the header in httpHeaders",
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


CAUSES = {kind: _family(kind) for kind in KINDS.values()}
LOOPBACK = Cause(
    id="pod.listen.loopback", title="The program listens on the loopback address only", kind="Pod",
    fields=("log", "event Unhealthy"), steps=("Make it listen on 0.0.0.0 (or [::])",), citation=_PROBER,
)  # fmt: skip
GATE = Cause(
    id="pod.readinessgate", title="A readiness gate has not been set by its controller", kind="Pod",
    fields=("spec.readinessGates", "status.conditions"), steps=("Look at the controller that sets the gate",),
    citation="kubernetes pkg/kubelet/status/generate.go",
)  # fmt: skip


def find_probe_failures(view: View) -> Iterator[Finding]:
    """One finding for each probe that keeps failing."""
    for pod in view.placed:
        if pod.resource.deleted is not None or pod.blocking_init() is not None:
            continue
        yield from _gates(pod)
        unhealthy = view.events(pod.ref, "Unhealthy")
        for container in pod.containers:
            if container.reason in ("CrashLoopBackOff", "") or container.state in ("running", "terminated"):
                found = list(_container(view, pod, container, unhealthy))
                yield from found or _unsaid(view, pod, container)


def _cause_of(kind: str, aspect: str) -> Cause:
    return LOOPBACK if aspect == "loopback" else CAUSES[kind][aspect]


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
    for key, kind in KINDS.items():
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
        if kind != "readiness" and not kills and not _signalled(container, failures[-1].count >= probe.failures):
            continue
        yield _explain(view, pod, container, probe, kind, failures[-1], kills)
        return


def _signalled(container: ContainerFact, often: bool) -> bool:
    """Whether it was ended from outside, as a kubelet does after a failed probe, and not for memory."""
    codes = (137, 143, 0) if often else (137, 143)
    return container.exit_code in codes and "OOMKilled" not in (container.last_reason, container.reason)


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
        aspect = refused(view, pod, container, probe, "readiness")
        if aspect.kind in ("port", "loopback"):
            yield Finding(
                cause=_cause_of("readiness", aspect.kind).id, object=pod.owner, weight=min(aspect.weight, 0.75), evidence=(state, *aspect.evidence), explains=(pod.ref,),
                title=f"{pod.owner}: the readiness probe of container {container.name} {aspect.words}", doubts=("no event of the probe was read",),
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
    aspect = aspect_of(view, pod, container, probe, kind, failure.message)
    cause = _cause_of(kind, aspect.kind)
    deeper = from_logs(view, pod, container) if aspect.kind == "sick" else None
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
        *aspect.evidence,
    ]
    return Finding(
        cause=cause.id,
        object=pod.owner,
        title=f"{pod.owner}: the {kind} probe of container {container.name} {aspect.words}",
        evidence=tuple(evidence),
        explains=(pod.ref,),
        weight=aspect.weight,
        since=container.finished or container.started,
        steps=(change(f"Correct the {kind} probe of container {container.name}", pod.owner), logs_step(pod, container)),
    )


RULES = (
    Rule(
        find=find_probe_failures,
        causes=(GATE, LOOPBACK, *(cause for family in CAUSES.values() for cause in family.values())),
    ),
)
