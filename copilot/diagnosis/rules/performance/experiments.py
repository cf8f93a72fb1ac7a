"""Chaos experiments that are at work: Chaos Mesh, Litmus, ChaosBlade. What runs and touches a victim is the cause of what it suffers.

An experiment that is finished, paused or stopped, or that selects nobody, is no cause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.rules.performance.targets import by_label_text, selected_pods, touched, workloads_in
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, said
from copilot.model import Evidence, Finding, Ref, Resource, children, instant, mapping, text, texts

_DOCS = "chaos-mesh api/v1alpha1/common_types.go; litmuschaos ChaosEngine v1alpha1"
_SUFFERS = (
    "app.errors", "app.dependency.refused", "app.dependency.timeout", "app.dependency.exhausted", "performance.", "pod.cpu", "pod.probe",
    "pod.unhealthy", "pod.crashloop.app_log", "pod.readiness", "pod.sigkill", "rs.", "sts.", "svc.no_endpoints", "svc.listening", "deploy.", "dns.lookup_failing", "app.database",
)  # fmt: skip


def _cause(kind: str, title: str, *more: str) -> Cause:
    return Cause(
        id=f"chaos.{kind}", title=title, kind="ChaosExperiment", fields=("spec.selector", "status.conditions", "status.experiment"),
        steps=("Pause or delete the experiment, if it is not wanted",), citation=_DOCS, brings_about=(*_SUFFERS, *more),
    )  # fmt: skip


NETWORK = _cause("network", "A running experiment disturbs the network of its targets")
STRESS = _cause(
    "stress",
    "A running experiment loads CPU or memory of its targets",
    "pod.oomkilled",
    "app.memory",
    "node.pressure",
    "pod.evicted",
)
POD = _cause("pod", "A running experiment kills or fails pods", "pod.")
HTTP = _cause("http", "A running experiment aborts, delays or changes requests", "app.")
DNS = _cause("dns", "A running experiment answers name look-ups wrongly", "app.dependency", "dns.")
IO = _cause(
    "io", "A running experiment slows or fails file access", "app.disk", "app.data", "app.permission", "pod.crashloop"
)
TIME = _cause(
    "time", "A running experiment shifts the clock of its targets", "app.credentials", "app.certificate", "app.clock"
)
OTHER = _cause("other", "A running experiment injects a fault", "app.", "pod.", "node.")

_BY_KIND: Mapping[str, Cause] = {
    "NetworkChaos": NETWORK, "StressChaos": STRESS, "PodChaos": POD, "HTTPChaos": HTTP, "DNSChaos": DNS, "IOChaos": IO, "TimeChaos": TIME,
}  # fmt: skip
_BY_WORD: tuple[tuple[str, Cause], ...] = (
    ("network", NETWORK), ("dns", DNS), ("http", HTTP), ("io-stress", IO), ("disk", IO), ("fs", IO), ("memory", STRESS), ("mem", STRESS), ("cpu", STRESS),
    ("time", TIME), ("delete", POD), ("kill", POD), ("pod", POD), ("container", POD),
)  # fmt: skip
_GROUPS = ("chaos-mesh.org", "litmuschaos.io", "chaosblade.io")
_INTERNAL = frozenset({"PodHttpChaos", "PodIOChaos", "PodNetworkChaos", "WorkflowNode", "StatusCheck", "RemoteCluster"})
_ONE_SHOT = frozenset({"pod-kill", "container-kill", "node-stop", "node-restart", "ec2-stop", "ec2-restart"})
_JUST_NOW = timedelta(minutes=5)  # a kill is over when the pod is back; until then it explains what is seen
PAUSE = "experiment.chaos-mesh.org/pause"
_SETTINGS = ("latency", "delay", "jitter", "loss", "rate", "percent", "corrupt", "timeOffset", "duration", "path", "port", "method", "abort", "patterns",
             "volumePath", "errno", "direction", "device", "load", "workers", "size", "code", "replace")  # fmt: skip


class Experiment(msgspec.Struct, frozen=True, eq=False):
    """One experiment at work: what it does in words, whom it touches, since when, and how sure that is."""

    resource: Resource
    cause: Cause
    action: str
    victims: tuple[Ref, ...]
    since: datetime | None
    weight: float
    proof: tuple[Evidence, ...]
    stop: str


def find_experiments(view: View) -> Iterator[Finding]:
    """One finding for each experiment, or for the schedule or workflow that makes them."""
    told: set[Ref] = set()
    for experiment in _running(view):
        top = view.graph.top_owner(experiment.resource.ref)
        blamed = top if top.group == experiment.resource.ref.group else experiment.resource.ref
        if blamed not in told:
            told.add(blamed)
            yield _finding(blamed, experiment)


def _finding(blamed: Ref, found: Experiment) -> Finding:
    whom = ", ".join(str(ref) for ref in workloads_in(found.victims)[:4])
    made = "" if blamed == found.resource.ref else f" (it makes {found.resource.ref})"
    return Finding(
        cause=found.cause.id, object=blamed, title=f"{blamed} is a running chaos experiment{made}: {found.action} on {whom or 'its targets'}",
        evidence=found.proof, explains=(found.resource.ref, *found.victims) if made else found.victims, weight=found.weight, since=found.since,
        steps=(describe(found.resource.ref), change(f"Stop it, if it is not wanted: {blamed}", blamed, found.stop.format(ref=f"{blamed.argument}{blamed.flags}"))),
    )  # fmt: skip


def _running(view: View) -> Iterator[Experiment]:
    """Experiments first, so that a schedule is told with what it makes; then schedules whose experiments were not read."""
    mesh = [resource for resource in _of_group(view, "chaos-mesh.org") if resource.ref.kind not in _INTERNAL]
    for resource in mesh:
        if resource.ref.kind not in ("Schedule", "Workflow"):
            yield from _mesh(view, resource)
    for resource in mesh:
        if resource.ref.kind == "Schedule":
            yield from _schedule(view, resource)
    for resource in _of_group(view, "litmuschaos.io"):
        if resource.ref.kind == "ChaosEngine":
            yield from _litmus(view, resource)
    for resource in _of_group(view, "chaosblade.io"):
        if resource.ref.kind == "ChaosBlade":
            yield from _blade(view, resource)


def _of_group(view: View, group: str) -> list[Resource]:
    """Every object of an API group, by kind; the kinds of the groups that inject faults are looked for once."""

    def read() -> dict[str, list[str]]:
        known = {(ref.group, ref.kind) for ref in view.graph.refs() if ref.group in _GROUPS}
        return {of: sorted(kind for one, kind in known if one == of) for of in _GROUPS}

    kinds = view.once("kinds of chaos", read)[group]
    return [resource for kind in kinds for resource in view.graph.of_kind(kind, group=group)]


def _condition(resource: Resource, kind: str) -> str:
    return next((text(c, "status") for c in children(resource.status, "conditions") if text(c, "type") == kind), "")


def _mesh(view: View, resource: Resource) -> Iterator[Experiment]:
    paused = str(resource.annotations.get(PAUSE, "")).lower() == "true" or _condition(resource, "Paused") == "True"
    phase = text(resource.status, "experiment", "desiredPhase")
    records = list(children(resource.status, "experiment", "containerRecords"))
    injected = [
        record
        for record in records
        if "Not Injected" not in text(record, "phase") and "Injected" in text(record, "phase")
    ]
    known = bool(resource.status.get("conditions") or phase)
    if (
        paused
        or phase == "Stop"
        or _condition(resource, "Selected") == "False"
        or _condition(resource, "AllRecovered") == "True"
    ):
        return
    if (records and not injected) or (not known and _over(view, resource)):
        return
    if text(resource.spec, "action") in _ONE_SHOT and not _fresh(view, resource):
        return
    pods = _recorded(view, injected) or selected_pods(view, mapping(resource.spec, "selector"), resource.ref.namespace)
    targets = (
        selected_pods(view, mapping(resource.spec, "target", "selector"), resource.ref.namespace)
        if mapping(resource.spec, "target")
        else []
    )
    sure = bool(injected) or _condition(resource, "AllInjected") == "True"
    if not pods and not sure:
        return
    cause, action = _BY_KIND.get(resource.ref.kind, OTHER), _action(resource.spec, targets)
    yield Experiment(
        resource, cause, action, touched(view, pods), _since(injected) or resource.created, 0.92 if sure else 0.7,
        _mesh_proof(resource, action, len(injected)), f"kubectl annotate {{ref}} {PAUSE}=true --overwrite",
    )  # fmt: skip


def _mesh_proof(resource: Resource, action: str, injected: int) -> tuple[Evidence, ...]:
    selector = mapping(resource.spec, "selector")
    proof = [said(resource, "spec", f"spec: {action}, mode {text(resource.spec, 'mode') or 'not given'}"),
             said(resource, "spec.selector", f"it selects {_shown(selector)}")]  # fmt: skip
    phase = text(resource.status, "experiment", "desiredPhase")
    state = f"AllInjected is {_condition(resource, 'AllInjected') or 'not told'}, {injected} records injected"
    proof.append(said(resource, "status", f"desired phase {phase or 'not told'}; {state}"))
    return tuple(proof)


def _shown(selector: Mapping[str, Any]) -> str:
    parts = [f"namespaces {', '.join(texts(selector, 'namespaces'))}"] if texts(selector, "namespaces") else []
    parts += [f"{key}={value}" for key, value in sorted(mapping(selector, "labelSelectors").items())]
    parts += [
        f"{text(e, 'key')} {text(e, 'operator')} {' '.join(texts(e, 'values'))}".strip()
        for e in children(selector, "expressionSelectors")
    ]
    parts += [
        f"pods {' '.join(texts(mapping(selector, 'pods'), space))}" for space in sorted(mapping(selector, "pods"))
    ]
    return ", ".join(parts)[:240] or "every pod of its namespace"


def _action(spec: Mapping[str, Any], targets: Iterable[Resource] = ()) -> str:
    """What it does: its action or stressors with their settings, in one phrase."""
    action = text(spec, "action") or " and ".join(sorted(mapping(spec, "stressors"))) or text(spec, "target")
    words = [f"{key} {value}" for key, value in sorted(_settings(spec))]
    aimed = sorted({pod.ref.name for pod in targets})
    toward = f" between them and {', '.join(aimed[:3])}" if aimed else ""
    return f"{action or 'a fault'}{toward}{' (' + ', '.join(words[:8]) + ')' if words else ''}"


def _settings(value: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, str]]:
    for key, held in value.items():
        if isinstance(held, Mapping) and depth < 3 and key not in ("selector", "target"):
            yield from _settings(held, depth + 1)
        elif key in _SETTINGS and isinstance(held, (str, int, float)) and held != "":
            yield str(key), str(held)[:60]
        elif key in _SETTINGS and isinstance(held, list):
            yield str(key), " ".join(str(one) for one in held[:5])[:60]


def _recorded(view: View, records: Iterable[Mapping[str, Any]]) -> list[Resource]:
    """The pods that the controller wrote down as injected (`namespace/pod[/container]`)."""
    found = []
    for record in records:
        parts = text(record, "id").split("/")
        pod = view.graph.get(Ref("Pod", parts[0], parts[1])) if len(parts) > 1 else None
        if pod is not None and pod not in found:
            found.append(pod)
    return found


def _since(records: Iterable[Mapping[str, Any]]) -> datetime | None:
    times = [
        instant(event.get("timestamp"))
        for record in records for event in children(record, "events") if text(event, "operation") == "Apply"
    ]  # fmt: skip
    return min((moment for moment in times if moment is not None), default=None)


_UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds_of(duration: str) -> float | None:
    """Seconds of a Go duration such as `1h30m` or `90s`; None when it is none."""
    parts = re.findall(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)", duration[:40])
    return sum(float(n) * _UNITS.get(unit, 0.001) for n, unit in parts) if parts else None


def _over(view: View, resource: Resource) -> bool:
    """Whether an experiment whose status was not read has run out by its own duration."""
    lasts = seconds_of(text(resource.spec, "duration"))
    return resource.created is None or (lasts is not None and (view.now - resource.created).total_seconds() > lasts)


def _fresh(view: View, resource: Resource) -> bool:
    return resource.created is not None and view.now - resource.created <= _JUST_NOW


def _schedule(view: View, resource: Resource) -> Iterator[Experiment]:
    if str(resource.annotations.get(PAUSE, "")).lower() == "true":
        return
    kind = text(resource.spec, "type")
    body = mapping(resource.spec, kind[:1].lower() + kind[1:]) or mapping(
        resource.spec, kind.lower().replace("chaos", "Chaos")
    )
    ran = instant(resource.status.get("time"))
    pods = selected_pods(view, mapping(body, "selector"), resource.ref.namespace) if body else []
    if not pods or (ran is None and not resource.status.get("active")):
        return
    every = text(resource.spec, "schedule")
    action = f"{_action(body)}, {every}"
    proof = (said(resource, "spec.schedule", f"schedule {every} of a {kind}"), said(resource, "spec", f"it selects {_shown(mapping(body, 'selector'))}"),
             said(resource, "status", f"it last ran at {text(resource.status, 'time') or 'a time not told'}"))  # fmt: skip
    yield Experiment(resource, _BY_KIND.get(kind, OTHER), action, touched(view, pods), resource.created, 0.85, proof, f"kubectl annotate {{ref}} {PAUSE}=true --overwrite")  # fmt: skip


def _litmus(view: View, resource: Resource) -> Iterator[Experiment]:
    spec, status = resource.spec, resource.status
    states = [text(entry, "status") for entry in children(status, "experiments")]
    done = bool(states) and all(state.lower() in ("completed", "stopped", "aborted") for state in states)
    if (
        text(spec, "engineState") != "active"
        or text(status, "engineStatus").lower() in ("completed", "stopped")
        or done
    ):
        return
    names = [text(entry, "name") for entry in children(spec, "experiments")]
    info = mapping(spec, "appinfo")
    space = text(info, "appns") or resource.ref.namespace
    pods = by_label_text(view, space, text(info, "applabel"))
    action = ", ".join(filter(None, names)) or "an experiment"
    cause = next((cause for word, cause in _BY_WORD if word in action), OTHER)
    values = [
        f"{text(e, 'name')}={text(e, 'value')}"
        for x in children(spec, "experiments")
        for e in children(x, "spec", "components", "env")
    ]
    proof = (said(resource, "spec.engineState", f"engineState is active; experiments: {action}"),
             said(resource, "spec.appinfo", f"it aims at {text(info, 'appkind') or 'pods'} of {space} with {text(info, 'applabel') or 'no label'}{'; ' + ', '.join(values[:6]) if values else ''}"),
             said(resource, "status.experiments", f"status: {', '.join(states) or text(status, 'engineStatus') or 'not told'}"))  # fmt: skip
    since = next(
        (moment for e in children(status, "experiments") if (moment := instant(e.get("lastUpdateTime")))), None
    )
    yield Experiment(
        resource, cause, action, touched(view, pods), since or resource.created, 0.92 if "Running" in states else 0.75, proof,
        "kubectl patch {ref} --type merge -p '{{\"spec\":{{\"engineState\":\"stop\"}}}}'",
    )  # fmt: skip


def _blade(view: View, resource: Resource) -> Iterator[Experiment]:
    if text(resource.status, "phase") not in ("Running", "Initialized", "Updating"):
        return
    for entry in children(resource.spec, "experiments"):
        matched = {text(m, "name"): texts(m, "value") for m in children(entry, "matchers")}
        spaces = matched.get("namespace") or [resource.ref.namespace]
        named = [
            pod
            for space in spaces
            for name in matched.get("names", [])
            if (pod := view.graph.get(Ref("Pod", space, name)))
        ]
        pods = named or [
            pod for space in spaces for label in matched.get("labels", []) for pod in by_label_text(view, space, label)
        ]
        what = f"{text(entry, 'target')} {text(entry, 'action')} ({text(entry, 'scope')})"
        cause = next((cause for word, cause in _BY_WORD if word in what), OTHER)
        proof = (said(resource, "spec.experiments", f"spec.experiments: {what}"), said(resource, "status.phase", f"status.phase is {text(resource.status, 'phase')}"))  # fmt: skip
        yield Experiment(
            resource, cause, what, touched(view, pods), resource.created, 0.9, proof, "kubectl delete {ref}"
        )


RULES = (Rule(find=find_experiments, causes=(NETWORK, STRESS, POD, HTTP, DNS, IO, TIME, OTHER)),)
