"""HorizontalPodAutoscalers that cannot act: no metrics, no request to compare with, no target, or at their limit.

The HPA's conditions point; which container lacks a request and who serves the metrics is found in the objects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.pods import condition
from copilot.diagnosis.steps import change, describe, show
from copilot.diagnosis.view import View, said
from copilot.diagnosis.words import listed, read
from copilot.model import Evidence, Finding, NextStep, Ref, Resource, children, instant, mapping, number, text
from copilot.model.likeness import nearest

YOUNG = timedelta(minutes=2)  # metrics of new pods take a minute; an HPA speaks every 15 s
METRICS_API = "v1beta1.metrics.k8s.io"
_HPA = "pkg/controller/podautoscaler/horizontal.go"


def _cause(
    rule: str,
    title: str,
    *fields: str,
    kind: str = "HorizontalPodAutoscaler",
    yields: bool = False,
    severity: Severity = Severity.DEGRADED,
) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind=kind,
        fields=("HorizontalPodAutoscaler.status.conditions", *fields),
        severity=severity,
        yields=yields,
        steps=("Read the HPA's conditions", "Correct what they name"),
        citation=_HPA,
    )


REQUEST = _cause(
    "hpa.missing_request",
    "A container has no request, so its utilization cannot be computed",
    "spec.template.spec.containers[].resources.requests",
    kind="Deployment",
)
FOREIGN = _cause(
    "hpa.missing_request.foreign_pod",
    "The target's selector matches a pod that is not the target's",
    "spec.selector",
    kind="Deployment",
)
RESOURCE = _cause(
    "hpa.metrics.resource",
    "The resource metrics API gives no metrics",
    "APIService v1beta1.metrics.k8s.io",
    yields=True,
)
EXTERNAL = _cause("hpa.metrics.external", "A custom or external metric cannot be read", "spec.metrics[]")
TARGET = _cause("hpa.target_missing", "The HPA's target does not exist or cannot be scaled", "spec.scaleTargetRef")
AMBIGUOUS = _cause("hpa.ambiguous", "Two HPAs scale the same pods", "spec.scaleTargetRef")
MAXED = _cause("hpa.maxed", "The HPA is at its maximum and wants more", "spec.maxReplicas", "status.currentMetrics")
DISABLED = _cause(
    "hpa.disabled",
    "The HPA rests because its target has 0 replicas",
    "scaleTargetRef spec.replicas",
    yields=True,
    severity=Severity.NOTICE,
)
INVALID = _cause("hpa.invalid", "The HPA's selector or metric is not valid", "spec.metrics[]")

_MISSING = re.compile(r"missing request for (\S+) in container (\S+) of Pod (\S+)")
_MISSING_OLD = re.compile(r"missing request for (\S+)")
_OVER = 1.1  # the HPA's own tolerance: below it a metric counts as on target


def find_hpa_faults(view: View) -> Iterator[Finding]:
    """One finding for each HPA that cannot do its work."""
    targets: dict[Ref, list[Resource]] = {}
    for hpa in view.graph.of_kind("HorizontalPodAutoscaler", group="autoscaling"):
        target = target_of(view, hpa)
        targets.setdefault(target, []).append(hpa)
        finding = _explain(view, hpa, target)
        if finding is not None:
            yield finding
    for target, several in targets.items():
        if len(several) > 1 and target.name:
            yield _ambiguous(target, several)


def target_of(view: View, hpa: Resource) -> Ref:
    """`spec.scaleTargetRef` as an address."""
    ref = mapping(hpa.spec, "scaleTargetRef")
    group = text(ref, "apiVersion").rpartition("/")[0]
    kind, name = text(ref, "kind"), text(ref, "name")
    found = view.graph.find(kind, hpa.ref.namespace, name)
    return found.ref if found is not None else Ref(kind, hpa.ref.namespace, name, group)


def _explain(view: View, hpa: Resource, target: Ref) -> Finding | None:
    able, active = condition(hpa, "AbleToScale"), condition(hpa, "ScalingActive")
    if text(able, "status") == "False" and text(able, "reason") in ("FailedGetScale", "FailedGet"):
        return _target_missing(view, hpa, target, able)
    if text(active, "status") == "False":
        return _inactive(view, hpa, target, active)
    if not _has_conditions(hpa):
        return _by_objects(view, hpa, target)
    return _maxed(hpa, target)


def _has_conditions(hpa: Resource) -> bool:
    """Whether the HPA shows any condition."""
    return any(True for _ in children(hpa.status, "conditions"))


def _inactive(view: View, hpa: Resource, target: Ref, active: Mapping[str, object]) -> Finding | None:
    reason, message = text(active, "reason"), text(active, "message")
    since = instant(active.get("lastTransitionTime"))
    if since is not None and view.now - since < YOUNG and hpa.created is not None and view.now - hpa.created < YOUNG:
        return None
    if reason == "ScalingDisabled":
        return _finding(
            DISABLED,
            hpa,
            f"HorizontalPodAutoscaler {hpa.ref.name} does nothing: its target {target} has 0 replicas",
            "ScalingActive",
            weight=0.5,
            explains=(target,),
        )
    missing = _MISSING.search(message) or _MISSING_OLD.search(message)
    if missing:
        return _request(view, hpa, target, missing)
    if reason in ("AmbiguousSelector", "InvalidSelector", "InvalidMetricSourceType", "SelectorRequired"):
        cause = AMBIGUOUS if reason == "AmbiguousSelector" else INVALID
        return _finding(
            cause,
            hpa,
            f"HorizontalPodAutoscaler {hpa.ref.name} cannot act ({reason}): {message[:220]}",
            "ScalingActive",
            explains=(target,),
        )
    if reason in ("FailedGetExternalMetric", "FailedGetPodsMetric", "FailedGetObjectMetric"):
        kind = reason.removeprefix("FailedGet").removesuffix("Metric").lower()
        return _finding(
            EXTERNAL,
            hpa,
            f"HorizontalPodAutoscaler {hpa.ref.name} cannot read its {kind} metric: {message[:220]}",
            "ScalingActive",
            weight=0.85,
            explains=(target,),
        )
    return _resource_metrics(view, hpa, target, message)


def _request(view: View, hpa: Resource, target: Ref, missing: re.Match[str]) -> Finding:
    resource = missing[1]
    container, pod_name = (missing[2], missing[3]) if missing.re is _MISSING else ("", "")
    pod = Ref("Pod", hpa.ref.namespace, pod_name)
    bare = without_request(view, target, resource)
    foreign = (
        bool(pod_name)
        and view.graph.get(pod) is not None
        and view.graph.top_owner(pod) != target
        and target not in view.graph.owners(pod)
    )
    if foreign:
        return _finding(
            FOREIGN,
            hpa,
            f"HorizontalPodAutoscaler {hpa.ref.name} counts pod {pod_name}, which {target} does not own: the selector matches it, and its container {container} has no {resource} request",
            "ScalingActive",
            ref=target,
            explains=(hpa.ref,),
        )
    return _no_request(view, hpa, target, resource, bare or [container], kind="ScalingActive", weight=0.95)


def _no_request(
    view: View, hpa: Resource, target: Ref, resource: str, names: list[str], *, kind: str, weight: float
) -> Finding:
    owner = view.graph.get(target)
    path = "spec.template.spec.containers[{0}].resources.requests"
    return _finding(
        REQUEST,
        hpa,
        f"HorizontalPodAutoscaler {hpa.ref.name} cannot compute {resource} utilization: container {listed(names)} of {target} has no {resource} request",
        kind,
        ref=view.graph.top_owner(target),
        evidence=tuple(
            said(owner or hpa, path.format(name), f"container {name} sets no {resource} request") for name in names[:3]
        ),
        explains=(hpa.ref, target),
        steps=(change(f"Set a {resource} request on container {listed(names)}", target),),
        weight=weight,
    )


def without_request(view: View, target: Ref, resource: str) -> list[str]:
    """The containers of the target's template that set neither request nor limit for the resource."""
    return [
        text(container, "name")
        for container in children(view.template(target), "containers")
        if resource not in mapping(container, "resources", "requests")
        and resource not in mapping(container, "resources", "limits")
    ]


def _by_objects(view: View, hpa: Resource, target: Ref) -> Finding | None:
    """No condition is shown (a table): the target and its requests speak for themselves."""
    if view.graph.get(target) is None and target.name and view.was_read(target.kind, target.namespace):
        return _target_missing(view, hpa, target, {})
    for metric in children(hpa.spec, "metrics"):
        resource = text(metric, "resource", "name")
        if text(metric, "resource", "target", "type") == "Utilization" and not hpa.status.get("currentMetrics"):
            bare = without_request(view, target, resource)
            if bare:
                return _no_request(view, hpa, target, resource, bare, kind="", weight=0.8)
    return None


def _target_missing(view: View, hpa: Resource, target: Ref, able: Mapping[str, object]) -> Finding:
    exists = view.graph.get(target) is not None
    near = nearest(target.name, [item.ref.name for item in view.graph.of_kind(target.kind, target.namespace)])
    what = "cannot be scaled" if exists else "does not exist"
    title = f"The target of HorizontalPodAutoscaler {hpa.ref.name}, {target.kind} {target.name}, {what}"
    proof = (said(hpa, "spec.scaleTargetRef", f"scaleTargetRef names {target.kind} {target.name}"),)
    return _finding(
        TARGET,
        hpa,
        title + (f" (there is {near})" if near and not exists else ""),
        "AbleToScale" if able else "",
        evidence=proof,
        explains=(),
        weight=0.93,
    )


def _resource_metrics(view: View, hpa: Resource, target: Ref, message: str) -> Finding:
    """Who serves metrics.k8s.io: no APIService, or one whose backend is down; else only the pods' metrics lack."""
    service = view.graph.find("APIService", "", METRICS_API)
    servers = [w for w in view.workloads("Deployment") if "metrics-server" in w.ref.name]
    down = [w for w in servers if not any(pod.ready for pod in view.pods_of(w.ref))]
    ref, why = hpa.ref, message[:200]
    proof: tuple[Evidence, ...] = ()
    if down:
        ref, why = down[0].ref, f"{down[0].ref} has no ready pod"
        proof = (
            said(
                down[0],
                "status.readyReplicas",
                f"spec.replicas = {number(down[0].spec, 'replicas', default=1)}, readyReplicas = {number(down[0].status, 'readyReplicas')}",
            ),
        )
    elif service is None and view.was_read("APIService"):
        why = f"APIService {METRICS_API} does not exist: metrics-server is not installed"
    elif service is not None and text(condition(service, "Available"), "status") == "False":
        ref, why = (
            service.ref,
            f"APIService {METRICS_API} is unavailable: {text(condition(service, 'Available'), 'message')[:160]}",
        )
    points = tuple(pod.ref for w in down for pod in view.pods_of(w.ref)) + (
        (service.ref,) if service is not None and not down else ()
    )
    return _finding(
        RESOURCE,
        hpa,
        f"HorizontalPodAutoscaler {hpa.ref.name} gets no resource metrics: {why}",
        "ScalingActive",
        ref=ref,
        evidence=proof,
        explains=(hpa.ref, target),
        weight=0.88 if ref != hpa.ref or "not installed" in why else 0.7,
        points_to=points,
    )


def _maxed(hpa: Resource, target: Ref) -> Finding | None:
    limited = condition(hpa, "ScalingLimited")
    most, now = number(hpa.spec, "maxReplicas"), number(hpa.status, "currentReplicas")
    if text(limited, "status") != "True" or text(limited, "reason") != "TooManyReplicas" or now < most:
        return None
    over = _over_target(hpa)
    if not over:
        return None
    return _finding(
        MAXED,
        hpa,
        f"HorizontalPodAutoscaler {hpa.ref.name} is at its maximum of {most} replicas and {over}",
        "ScalingLimited",
        explains=(target,),
        weight=0.7,
        steps=(change("Raise maxReplicas if there is room for more", hpa.ref),),
    )


def _over_target(hpa: Resource) -> str:
    """The metric that is above its target, in words; empty when none is."""
    targets = {
        text(m, "resource", "name"): number(m, "resource", "target", "averageUtilization")
        for m in children(hpa.spec, "metrics")
    }
    for metric in children(hpa.status, "currentMetrics"):
        name = text(metric, "resource", "name")
        current = number(metric, "resource", "current", "averageUtilization")
        if name and targets.get(name) and current > targets[name] * _OVER:
            return f"{name} use is {current}% against a target of {targets[name]}%"
    return ""


def _ambiguous(target: Ref, several: list[Resource]) -> Finding:
    names = [hpa.ref.name for hpa in several]
    return _finding(
        AMBIGUOUS,
        several[-1],
        f"HorizontalPodAutoscalers {listed(names)} scale the same target {target} and fight over it",
        "",
        explains=(target, *(hpa.ref for hpa in several)),
        weight=0.85,
        evidence=tuple(said(hpa, "spec.scaleTargetRef", f"{hpa.ref} scales {target}") for hpa in several[:3]),
    )


def _finding(
    cause: Cause,
    hpa: Resource,
    title: str,
    kind: str,
    *,
    ref: Ref | None = None,
    evidence: tuple[Evidence, ...] = (),
    explains: tuple[Ref, ...] = (),
    weight: float = 0.9,
    steps: tuple[NextStep, ...] = (),
    points_to: tuple[Ref, ...] = (),
) -> Finding:
    entry = condition(hpa, kind) if kind else {}
    proof = (
        (
            said(
                hpa,
                f"status.conditions[{kind}]",
                f"{kind} = {text(entry, 'status')}, {text(entry, 'reason')}: {text(entry, 'message')[:400]}",
            ),
        )
        if entry
        else ()
    )
    return Finding(
        cause=cause.id,
        object=ref or hpa.ref,
        title=title,
        evidence=(*proof, *evidence),
        explains=tuple(dict.fromkeys(found for found in (hpa.ref, *explains) if found != (ref or hpa.ref))),
        weight=weight,
        since=instant(entry.get("lastTransitionTime")),
        steps=(
            describe(hpa.ref),
            show(hpa.ref),
            read("See whether metrics arrive", f"kubectl top pods -n {hpa.ref.namespace}"),
            *steps,
        ),
        points_to=points_to,
    )


RULES: tuple[Rule, ...] = (
    Rule(
        find=find_hpa_faults, causes=(REQUEST, FOREIGN, RESOURCE, EXTERNAL, TARGET, AMBIGUOUS, MAXED, DISABLED, INVALID)
    ),
)
