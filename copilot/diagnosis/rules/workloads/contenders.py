"""Two hands on one thing, or none where one was meant: autoscalers that fight, budgets without pods, owners elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.rules.workloads.autoscaling import target_of
from copilot.diagnosis.steps import change, describe, show
from copilot.diagnosis.view import View, fact, said, told
from copilot.diagnosis.words import listed, read
from copilot.model import Finding, Ref, Resource, children, mapping, number, text, texts
from copilot.model.likeness import nearest
from retrievers.graph.selectors import parse_label_selector

VPA = "autoscaling.k8s.io"
YOUNG = timedelta(minutes=10)  # a budget is often made before the pods it is for
_ACTS = ("Auto", "Recreate", "InPlaceOrRecreate", "InPlace", "")  # update modes that change pods; unsaid is Auto

FIGHT = Cause(
    id="hpa.vpa_conflict",
    title="A VerticalPodAutoscaler changes the request that an HPA measures by",
    kind="HorizontalPodAutoscaler",
    fields=(
        "spec.metrics[].resource",
        "VerticalPodAutoscaler.spec.updatePolicy",
        "VerticalPodAutoscaler.spec.resourcePolicy",
    ),
    severity=Severity.DEGRADED,
    steps=("Let only one of them act on cpu and memory",),
    citation="kubernetes/autoscaler vertical-pod-autoscaler/docs/known-limitations.md",
)
NO_MATCH = Cause(
    id="pdb.no_match",
    title="A PodDisruptionBudget protects no pod",
    kind="PodDisruptionBudget",
    fields=("spec.selector", "status.expectedPods", "event NoPods"),
    severity=Severity.NOTICE,
    steps=("Correct the selector",),
    citation="kubernetes pkg/controller/disruption/disruption.go NoPods",
)
OWNER = Cause(
    id="object.owner_foreign",
    title="An object names an owner that is not in its namespace",
    kind="any",
    fields=("metadata.ownerReferences", "event OwnerRefInvalidNamespace"),
    severity=Severity.NOTICE,
    steps=("Correct or drop the owner reference: the garbage collector may delete the object",),
    citation="kubernetes pkg/controller/garbagecollector/garbagecollector.go",
)


def find_fights(view: View) -> Iterator[Finding]:
    """HPAs on cpu or memory whose target a VerticalPodAutoscaler resizes by the same resource."""
    vertical: dict[Ref, list[Resource]] = {}
    for vpa in view.graph.of_kind("VerticalPodAutoscaler", group=VPA):
        if text(vpa.spec, "updatePolicy", "updateMode") in _ACTS:
            ref = mapping(vpa.spec, "targetRef")
            found = view.graph.find(text(ref, "kind"), vpa.ref.namespace, text(ref, "name"))
            if found is not None:
                vertical.setdefault(found.ref, []).append(vpa)
    for hpa in view.graph.of_kind("HorizontalPodAutoscaler", group="autoscaling") if vertical else ():
        target = target_of(view, hpa)
        for vpa in vertical.get(target, ()):
            both = sorted(_measured(hpa) & _resized(vpa))
            if both:
                yield _fight(view, hpa, vpa, target, both)


def _measured(hpa: Resource) -> set[str]:
    """The resources an HPA compares with the pods' requests."""
    found = set()
    for metric in children(hpa.spec, "metrics"):
        for key in ("resource", "containerResource"):
            part = mapping(metric, key)
            if text(part, "target", "type") in ("Utilization", ""):
                found.add(text(part, "name"))
    return found - {""}


def _resized(vpa: Resource) -> set[str]:
    """The resources whose requests a VPA sets."""
    policies = [p for p in children(vpa.spec, "resourcePolicy", "containerPolicies") if text(p, "mode") != "Off"]
    limited = [set(texts(policy, "controlledResources")) for policy in policies]
    return set().union(*limited) if limited and all(limited) else {"cpu", "memory"}


def _fight(view: View, hpa: Resource, vpa: Resource, target: Ref, both: list[str]) -> Finding:
    evicted = [
        event for event in view.events_with("EvictedByVPA", "EvictedPod") if event.ref.namespace == target.namespace
    ]
    scaled = view.events(hpa.ref, "SuccessfulRescale")
    proof = tuple(told(event) for event in (*evicted[-1:], *scaled[-1:]))
    return Finding(
        cause=FIGHT.id, object=hpa.ref,
        title=f"{hpa.ref} scales {target} by {listed(both)} utilization while {vpa.ref} changes its {listed(both)} requests: the two autoscalers fight",
        evidence=(said(hpa, "spec.metrics[].resource", f"it measures {listed(both)} against the request"), said(vpa, "spec.updatePolicy.updateMode", f"{vpa.ref} sets the requests of {target}"), *proof),
        explains=(target, vpa.ref), weight=0.8 if len(scaled) + len(evicted) >= 3 else 0.55,
        steps=(describe(hpa.ref), show(vpa.ref), change("Set the VPA to Off, or take cpu and memory out of its controlledResources", vpa.ref)),
    )  # fmt: skip


def find_idle_budgets(view: View) -> Iterator[Finding]:
    """Budgets whose selector matches no pod, and the workload that was meant."""
    for budget in view.graph.of_kind("PodDisruptionBudget", group="policy"):
        space = budget.ref.namespace
        selector = parse_label_selector(budget.spec.get("selector") or {})
        if selector is None or not view.was_read("Pod", space) or number(budget.status, "expectedPods", default=0):
            continue
        if budget.deleted is not None or (budget.created is not None and view.now - budget.created < YOUNG):
            continue
        workloads = [
            w
            for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
            for w in view.graph.of_kind(kind, space)
        ]
        if any(selector.matches(_labels(w)) for w in workloads) or any(
            selector.matches(p.labels) for p in view.graph.of_kind("Pod", space, "")
        ):
            continue
        near, have = _meant(mapping(budget.spec, "selector", "matchLabels"), workloads)
        events = view.events(budget.ref, "NoPods")
        hint = f"; the pods of {near} have {have}" if near is not None else ""
        yield Finding(
            cause=NO_MATCH.id, object=budget.ref, title=f"{budget.ref}: its selector {selector} matches no pod, so it protects nothing{hint}",
            evidence=(fact(budget, "status.expectedPods"), said(budget, "spec.selector", f"selector {selector}"), *(told(e) for e in events[-1:])),
            weight=0.7 if near is not None else 0.35,
            steps=(read("Compare the labels", f"kubectl get pods -n {space} --show-labels"), change("Correct the selector", budget.ref)),
        )  # fmt: skip


def _labels(workload: Resource) -> Mapping[str, Any]:
    return mapping(workload.spec, "template", "metadata", "labels")


def _meant(wanted: Mapping[str, Any], workloads: list[Resource]) -> tuple[Ref | None, str]:
    """The workload whose labels are nearly those of a selector, and what it has instead."""
    for workload in workloads:
        labels = _labels(workload)
        off = [key for key, value in wanted.items() if labels.get(key) != value]
        for key in off:
            values = [str(labels[key])] if key in labels else []
            like = nearest(str(wanted[key]), values)
            same = len(wanted) > len(off) or str(wanted[key]) == workload.ref.name
            if like or (same and len(off) == 1):
                return workload.ref, f"{key}={labels[key]}" if key in labels else f"no label {key}"
    return None, ""


def find_foreign_owners(view: View) -> Iterator[Finding]:
    """Objects the garbage collector complains of: their owner is not where they say."""
    for event in {event.ref: event for event in view.events_with("OwnerRefInvalidNamespace")}.values():
        held = view.graph.get(event.ref)
        named = (
            listed([f"{text(o, 'kind')} {text(o, 'name')}" for o in children(held.metadata, "ownerReferences")])
            if held
            else ""
        )
        where = f"in namespace {event.ref.namespace}" if event.ref.namespace else "at cluster scope"
        yield Finding(
            cause=OWNER.id, object=event.ref, title=f"{event.ref} names {named or 'an owner'} as its owner, which does not exist {where}: the garbage collector treats it as an orphan",
            evidence=(told(event), *((fact(held, "metadata.ownerReferences"),) if held is not None else ())), weight=0.75, since=event.first,
            steps=(show(event.ref), change("Correct or drop the owner reference", event.ref)),
        )  # fmt: skip


RULES = (
    Rule(find=find_fights, causes=(FIGHT,)),
    Rule(find=find_idle_budgets, causes=(NO_MATCH,)),
    Rule(find=find_foreign_owners, causes=(OWNER,)),
)
