"""Services that lead nowhere: a selector that matches nothing, a target port nobody has, no ready pod behind.

Selectors and ports are recomputed from Service and pods; EndpointSlices only confirm.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.complaints import complained_of
from copilot.diagnosis.log_dependency import is_dns
from copilot.diagnosis.pods import is_ready
from copilot.diagnosis.rules.routing.scaled_to_zero import AT_REST, SCALED_TO_ZERO, scaled_to_zero
from copilot.diagnosis.rules.routing.service_ports import PORT_CAUSES, port_faults
from copilot.diagnosis.steps import change
from copilot.diagnosis.view import View, said
from copilot.model import Detail, Evidence, Finding, NextStep, Ref, Resource, mapping, number, text
from retrievers.graph import EdgeKind

_SERVICE = "k8s.io/api/core/v1 ServiceSpec"

SELECTOR = Cause(
    id="svc.no_endpoints.selector",
    title="The selector matches no pod",
    kind="Service",
    fields=("spec.selector", "Pod metadata.labels"),
    steps=("Correct the selector or the labels",),
    citation=_SERVICE,
)
NOT_READY = Cause(
    id="svc.no_endpoints.notready",
    title="No pod behind the Service is ready",
    kind="Service",
    fields=("EndpointSlice endpoints[].conditions.ready",),
    secondary=True,
    citation="k8s.io/api/discovery/v1",
)
_CALLERS = (
    EdgeKind.ROUTES_TO,
    EdgeKind.CALLS,
    EdgeKind.SERVED_BY,
    EdgeKind.CONNECTS_TO,
)  # looked up once: enums are slow


def find_service_faults(view: View) -> Iterator[Finding]:
    """Faults and symptoms of every Service with a selector."""
    for service in view.graph.of_kind("Service", group=""):
        selector = mapping(service.spec, "selector")
        if not selector or text(service.spec, "type") == "ExternalName":
            continue
        pods = [view.graph.get(edge.target) for edge in view.graph.out(service.ref, EdgeKind.SELECTS)]
        members = [pod for pod in pods if pod is not None]
        if not members:
            yield from _nothing_selected(view, service, selector)
            continue
        yield from port_faults(view, service, members, partial(_users, view, service))
        if not any(is_ready(pod) for pod in members):
            yield Finding(
                cause=NOT_READY.id,
                object=service.ref,
                title=f"no pod behind {service.ref} is ready ({len(members)} selected)",
                evidence=(
                    said(service, "spec.selector", f"the selector matches {len(members)} pods, none of them ready"),
                ),
                weight=0.9,
            )


def _nothing_selected(view: View, service: Resource, selector: Mapping[str, Any]) -> Iterator[Finding]:
    namespace = service.ref.namespace
    if not view.was_read("Pod", namespace) or service.detail is Detail.ROW:
        return
    owner = _workload_for(view, namespace, selector)
    if owner is not None:
        yield from _no_pods_of(view, service, owner)
        return
    near, count, difference = _nearest(view, namespace, selector)
    wanted = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    if near is None and not _wanted_by_someone(view, service):
        return  # a Service kept for a workload that is not deployed: nobody suffers
    evidence = [
        said(service, "spec.selector", f"spec.selector is {wanted}, which no pod of namespace {namespace} matches")
    ]
    title = f"{service.ref}: its selector {wanted} matches no pod, so it has no endpoints"
    if near is not None:
        evidence.append(
            Evidence(
                object=near,
                path="spec.template.metadata.labels",
                text=f"the pods of {near} have {difference}",
                source="listed",
            )
        )
        title += f"; the pods of {near.kind} {near.name} have {difference}"
    yield Finding(
        cause=SELECTOR.id, object=service.ref, title=title, evidence=tuple(evidence), weight=0.92 if near else 0.7,
        steps=(NextStep(text="Compare the labels", command=f"kubectl get pods -n {namespace} --show-labels"), change("Correct the selector", service.ref)),
    )  # fmt: skip
    del count


def _workload_for(view: View, namespace: str, selector: Mapping[str, Any]) -> Resource | None:
    """The workload whose template the selector fits although it has no pods now."""
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        for workload in view.graph.of_kind(kind, namespace):
            labels = mapping(workload.spec, "template", "metadata", "labels")
            if all(labels.get(key) == value for key, value in selector.items()):
                return workload
    return None


def _no_pods_of(view: View, service: Resource, owner: Resource) -> Iterator[Finding]:
    if owner.ref.kind == "DaemonSet" or number(owner.spec, "replicas", default=1) > 0:
        yield Finding(
            cause=NOT_READY.id, object=service.ref, title=f"{service.ref} has no endpoints: {owner.ref} has no pods",
            evidence=(said(service, "spec.selector", f"the selector fits {owner.ref}, which has no pods"),), weight=0.9,
        )  # fmt: skip
        return
    users = _users(view, service)
    yield scaled_to_zero(view, service, owner, users, wanted=bool(users) or is_dns(service))


def _users(view: View, service: Resource) -> list[Ref]:
    """Who calls the Service: routes, webhooks, API services, containers that name it."""
    named = [edge.source for edge in view.graph.into(service.ref, *_CALLERS)]
    return named or [complaint.pod.ref for complaint in complained_of(view).get(service.ref, ())]


def _wanted_by_someone(view: View, service: Resource) -> bool:
    return bool(_users(view, service)) or text(service.spec, "type") in ("LoadBalancer", "NodePort") or is_dns(service)


def _nearest(view: View, namespace: str, selector: Mapping[str, Any]) -> tuple[Ref | None, int, str]:
    """The workload that fits the selector best but for one label, and what it has there."""
    best: tuple[float, Ref, str] | None = None
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        for workload in view.graph.of_kind(kind, namespace):
            labels = mapping(workload.spec, "template", "metadata", "labels")
            off = [key for key, value in selector.items() if labels.get(key) != value]
            same = len(selector) - len(off)
            likeness = max((_alike(str(selector[key]), str(labels.get(key, ""))) for key in off), default=1.0)
            named = workload.ref.name in selector.values()
            score = same + likeness + (0.5 if named else 0)
            shown = ", ".join(f"{key}={labels[key]}" if key in labels else f"no label {key}" for key in off)
            if (same or likeness >= 0.6 or named) and (best is None or score > best[0]):
                best = (score, workload.ref, shown)
    return (best[1], 0, best[2]) if best else (None, 0, "")


def _alike(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio() if other else 0.0


RULES = (Rule(find=find_service_faults, causes=(SELECTOR, NOT_READY, SCALED_TO_ZERO, AT_REST, *PORT_CAUSES)),)
