"""Pods of an older revision that fail and are not replaced, though the template has moved on; DaemonSets no node can take.

What the pod runs and what the template says are compared field by field: without a difference nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.steps import change, describe, listing
from copilot.diagnosis.view import View, fact, said
from copilot.diagnosis.words import listed, plural
from copilot.model import Finding, Resource, children, mapping, number, text
from copilot.model.likeness import nearest

_APPS = "k8s.io/api/apps/v1"
_HASH = "controller-revision-hash"
_OF_THE_POD = (
    "app.",
    "pod.crash",
    "pod.exit",
    "pod.image",
    "pod.create",
    "pod.probe",
    "pod.oomkilled",
    "configuration.",
)

OLD = Cause(
    id="rollout.old_revision",
    title="Failing pods run an older revision, and the controller does not replace them",
    kind="StatefulSet",
    fields=("spec.updateStrategy", "status.updateRevision", f"Pod metadata.labels[{_HASH}]"),
    brings_about=_OF_THE_POD,
    steps=("Delete the pods of the old revision, one after another",),
    citation="kubernetes pkg/controller/statefulset/stateful_set_control.go; k8s.io/api/apps/v1 OnDelete",
)
NO_NODE = Cause(
    id="ds.no_node",
    title="No node has the labels the DaemonSet asks for",
    kind="DaemonSet",
    fields=("spec.template.spec.nodeSelector", "status.desiredNumberScheduled"),
    severity=Severity.DEGRADED,
    steps=("Correct the selector, or label the nodes",),
    citation=_APPS,
)
OVERLAP = Cause(
    id="deploy.selector_overlap",
    title="Two controllers select the same pods",
    kind="Deployment",
    fields=("spec.selector", "spec.template.metadata.labels"),
    severity=Severity.NOTICE,
    steps=("Give each its own labels",),
    citation="kubernetes pkg/controller/deployment/deployment_controller.go SelectingAll",
)
_FIELDS = (
    "image",
    "command",
    "args",
    "env",
    "envFrom",
    "resources",
    "ports",
    "readinessProbe",
    "livenessProbe",
    "startupProbe",
)
_PATIENT = 0.8


def find_old_revisions(view: View) -> Iterator[Finding]:
    """StatefulSets and DaemonSets whose failing pods would be mended by an update that does not come."""
    failing: dict[object, list[PodFact]] = {}
    for pod in view.troubled:
        if pod.owner.kind in ("StatefulSet", "DaemonSet") and pod.resource.deleted is None:
            failing.setdefault(pod.owner, []).append(pod)
    for workload in view.workloads("StatefulSet", "DaemonSet"):
        pods = failing.get(workload.ref, [])
        newest = _newest(view, workload) if pods else ""
        old = [p for p in pods if newest and text(p.resource.labels, _HASH) not in ("", newest)]
        reason = _held_back(workload, old[0]) if old else ""
        changed = _differences(old[0].resource, view.template(workload.ref)) if reason else []
        if changed:
            yield _old(workload, old, reason, changed, newest)


def _newest(view: View, workload: Resource) -> str:
    """The hash of the newest revision, as the label of its pods gives it."""
    if workload.ref.kind == "StatefulSet":
        return text(workload.status, "updateRevision")
    revisions = [
        (number(held.body, "revision"), text(held.labels, _HASH) or held.ref.name.rpartition("-")[2])
        for ref in view.graph.children(workload.ref)
        if ref.kind == "ControllerRevision" and (held := view.graph.get(ref)) is not None
    ]
    return max(revisions)[1] if revisions else ""


def _held_back(workload: Resource, pod: PodFact) -> str:
    """Why the controller leaves a pod of an older revision alone; empty when it will come to it."""
    strategy = text(workload.spec, "updateStrategy", "type") or "RollingUpdate"
    if strategy == "OnDelete":
        return "its updateStrategy is OnDelete, so pods keep the old template until somebody deletes them"
    if workload.ref.kind != "StatefulSet":
        return ""
    tail = pod.ref.name.rpartition("-")[2]
    partition = number(workload.spec, "updateStrategy", "rollingUpdate", "partition")
    if tail.isdigit() and len(tail) < 9 and int(tail) < partition:
        return f"its partition {partition} keeps the pods below that ordinal on the old template"
    if text(workload.spec, "podManagementPolicy") != "Parallel":
        return "in order, the controller waits for the pod to become ready before it updates anything, so the pod must be deleted by hand"
    return ""


def _differences(pod: Resource, template: Mapping[str, Any]) -> list[str]:
    """What the template says otherwise than the pod: `image a, now b`; the API server's defaults are left out."""
    found = []
    have = {text(c, "name"): c for c in children(pod.spec, "containers")}
    for wanted in children(template, "containers"):
        mine = have.get(text(wanted, "name"))
        if mine is None:
            found.append(f"container {text(wanted, 'name')} is new")
            continue
        for field in _FIELDS:
            ours, theirs = mine.get(field), wanted.get(field)
            if isinstance(ours, str) and isinstance(theirs, str) and ours != theirs:
                found.append(f"{field} {ours[:80]}, now {theirs[:80]}")
            elif _plainly_other(ours, theirs):
                found.append(f"{field} of container {text(wanted, 'name')} changed")
    return found


def _plainly_other(ours: Any, theirs: Any) -> bool:
    """Whether two fields differ by more than defaults and what admission adds: the template's own values decide."""
    if isinstance(theirs, dict):
        return not isinstance(ours, dict) or any(_plainly_other(ours.get(key), value) for key, value in theirs.items())
    if isinstance(theirs, list):
        if not isinstance(ours, list) or len(ours) < len(theirs):
            return True
        return any(_plainly_other(one, other) for one, other in zip(ours, theirs, strict=False))
    return theirs is not None and str(ours) != str(theirs)


def _old(workload: Resource, old: list[PodFact], reason: str, changed: list[str], newest: str) -> Finding:
    first, ref = old[0], workload.ref
    names = listed([pod.ref.name for pod in old])
    return Finding(
        cause=OLD.id, object=ref,
        title=f"{ref}: {plural(len(old), 'failing pod')} ({names}) still run{'s' if len(old) == 1 else ''} an older revision ({'; '.join(changed[:2])}): {reason}",
        evidence=(
            said(first.resource, f"metadata.labels[{_HASH}]", f"{first.ref} is of revision {text(first.resource.labels, _HASH)}, the newest is {newest}"),
            said(workload, "spec.updateStrategy", reason),
        ),
        explains=tuple(pod.ref for pod in old), weight=_PATIENT,
        steps=(describe(ref), *(change(f"Delete {pod.ref.name}: it comes back with the newest template", pod.ref, f"kubectl delete {pod.ref.argument}{pod.ref.flags}") for pod in old[:1])),
    )  # fmt: skip


def find_daemonsets_without_nodes(view: View) -> Iterator[Finding]:
    """DaemonSets that no node may run, where a node has nearly the label that is asked for."""
    nodes = list(view.graph.of_kind("Node", group=""))
    if not nodes or not view.was_read("Node"):
        return
    for workload in view.workloads("DaemonSet"):
        selector = mapping(workload.spec, "template", "spec", "nodeSelector")
        wanted = workload.status.get("desiredNumberScheduled")
        if not selector or wanted != 0 or any(selector.items() <= node.labels.items() for node in nodes):
            continue
        for key, value in sorted(selector.items()):
            if any(node.labels.get(key) == value for node in nodes):
                continue
            near = _near(str(key), str(value), nodes)
            if not near:
                break  # a DaemonSet for nodes that this cluster does not have is at rest
            yield Finding(
                cause=NO_NODE.id, object=workload.ref,
                title=f"{workload.ref} runs nowhere: no node has the label {key}={value} of its nodeSelector (there is {near})",
                evidence=(said(workload, "spec.template.spec.nodeSelector", f"nodeSelector {key}={value}"), fact(workload, "status.desiredNumberScheduled")),
                weight=0.65,
                steps=(listing("nodes", extra=f"-L {key}"), change("Correct the nodeSelector, or label the nodes", workload.ref)),
            )  # fmt: skip
            break


def _near(key: str, value: str, nodes: list[Resource]) -> str:
    """The label of a node that was probably meant."""
    values = {str(node.labels[key]) for node in nodes if key in node.labels}
    like = nearest(value, values) or next((v for v in sorted(values) if v.startswith(value) or value.startswith(v)), "")
    if like:
        return f"{key}={like}"
    keys = {str(name) for node in nodes for name, held in node.labels.items() if held == value}
    other = nearest(key, keys)
    return f"{other}={value}" if other else ""


def find_overlaps(view: View) -> Iterator[Finding]:
    """Deployments of one namespace with the same selector: each counts the other's pods."""
    seen: dict[tuple[str, str], Resource] = {}
    for workload in view.workloads("Deployment"):
        labels = mapping(workload.spec, "selector", "matchLabels")
        if not labels or number(workload.spec, "replicas", default=1) == 0 or workload.deleted is not None:
            continue
        key = (workload.ref.namespace, ",".join(f"{name}={value}" for name, value in sorted(labels.items())))
        first = seen.setdefault(key, workload)
        if first is not workload and not mapping(workload.spec, "selector").get("matchExpressions"):
            yield Finding(
                cause=OVERLAP.id, object=workload.ref, title=f"{workload.ref} and {first.ref} have the same selector {key[1]}: each counts the other's pods",
                evidence=(fact(workload, "spec.selector.matchLabels"), said(first, "spec.selector", f"{first.ref} selects {key[1]} too")),
                weight=0.45, steps=(describe(first.ref), change("Give each its own labels (a selector cannot be changed: recreate one)", workload.ref)),
            )  # fmt: skip


RULES = (
    Rule(find=find_old_revisions, causes=(OLD,)),
    Rule(find=find_daemonsets_without_nodes, causes=(NO_NODE,)),
    Rule(find=find_overlaps, causes=(OVERLAP,)),
)
