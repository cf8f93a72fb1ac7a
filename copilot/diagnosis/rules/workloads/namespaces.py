"""Objects that cannot be deleted: a namespace stuck in Terminating, walked to the object, its finalizer and its controller.

Nothing here proposes to remove a finalizer: its controller is to be repaired, or a person decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.pods import condition
from copilot.diagnosis.steps import change, describe, show
from copilot.diagnosis.view import View, said
from copilot.diagnosis.words import listed, read
from copilot.model import Evidence, Finding, Ref, Resource, age_text, children, instant, text, texts
from copilot.model.kinds import built_in

STUCK = timedelta(minutes=2)  # a namespace with ordinary content is gone within seconds


def _cause(
    rule: str,
    title: str,
    *fields: str,
    kind: str = "Namespace",
    yields: bool = False,
    citation: str = "pkg/controller/namespace/deletion/status_condition_utils.go",
) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind=kind,
        fields=fields,
        severity=Severity.DEGRADED,
        yields=yields,
        steps=(
            "Find what is left and who owns its finalizer",
            "Repair that controller; only a person removes a finalizer",
        ),
        citation=citation,
    )


FINALIZERS = _cause(
    "namespace.terminating.finalizers",
    "A namespace cannot go: an object in it keeps a finalizer",
    "Namespace.status.conditions[NamespaceFinalizersRemaining]",
    "metadata.finalizers",
)
DISCOVERY = _cause(
    "namespace.terminating.discovery",
    "A namespace cannot go: an API group cannot be discovered",
    "Namespace.status.conditions[NamespaceDeletionDiscoveryFailure]",
    "APIService.status.conditions[Available]",
    kind="APIService",
)
CONTENT = _cause(
    "namespace.terminating.content",
    "A namespace cannot go: its content cannot be deleted",
    "Namespace.status.conditions[NamespaceDeletionContentFailure]",
    yields=True,
)
HELD = _cause(
    "object.terminating.finalizer",
    "A deleted object keeps a finalizer that nobody removes",
    "metadata.deletionTimestamp",
    "metadata.finalizers",
    kind="any",
    citation="k8s.io/apimachinery/pkg/apis/meta/v1 ObjectMeta.finalizers",
)
APISERVICE = _cause(
    "apiservice.unavailable",
    "An aggregated API is unavailable",
    "APIService.status.conditions[Available]",
    kind="APIService",
    yields=True,
    citation="kube-aggregator pkg/controllers/status/remote/remote_available_controller.go",
)

_REMAIN = re.compile(r"([a-z0-9][\w\-]*(?:\.[\w.\-]+)?) has (\d+) resource instances")
_FINALIZER = re.compile(r"([\w.\-]+(?:/[\w.\-]+)?) in (\d+) resource instances")
_GROUP = re.compile(
    r"([a-z0-9\-]+(?:\.[a-z0-9\-]+)+)/(v\d\w*)|unable to retrieve the complete list of server APIs: ([\w./\-]+)"
)
# Finalizers that the API server or a built-in controller clears by itself.
_BUILT_IN_FINALIZERS = (
    "kubernetes.io/pvc-protection",
    "kubernetes.io/pv-protection",
    "foregroundDeletion",
    "orphan",
    "batch.kubernetes.io/job-tracking",
    "kubernetes",
)


def find_stuck_namespaces(view: View) -> Iterator[Finding]:
    """Namespaces that have been Terminating for long, by what keeps them."""
    for space in view.graph.of_kind("Namespace", group=""):
        if text(space.status, "phase") != "Terminating" and space.deleted is None:
            continue
        since = space.deleted or _first_told(space)
        if since is not None and view.now - since < STUCK:
            continue
        discovery = condition(space, "NamespaceDeletionDiscoveryFailure")
        if text(discovery, "status") == "True":
            yield _discovery(view, space, text(discovery, "message"))
            continue
        held = _held_objects(view, space.ref.name)
        if held or text(condition(space, "NamespaceFinalizersRemaining"), "status") == "True":
            yield _finalizers(view, space, held)
            continue
        failure = condition(space, "NamespaceDeletionContentFailure")
        remaining = condition(space, "NamespaceContentRemaining")
        entry = failure if text(failure, "status") == "True" else remaining
        if text(entry, "status") == "True":
            yield Finding(
                cause=CONTENT.id,
                object=space.ref,
                title=f"Namespace {space.ref.name} is stuck Terminating: {text(entry, 'message')[:240]}",
                evidence=_state(view, space, text(entry, "type")),
                weight=0.75,
                since=space.deleted,
                steps=(describe(space.ref),),
            )


def _first_told(space: Resource) -> datetime | None:
    """When the namespace controller first said what it did: a description does not print when the deletion was asked for."""
    told = [instant(one.get("lastTransitionTime")) for one in children(space.status, "conditions")]
    return min((moment for moment in told if moment is not None), default=None)


def _state(view: View, space: Resource, *conditions: str) -> tuple[Evidence, ...]:
    age = age_text((view.now - space.deleted).total_seconds()) if space.deleted else "a while"
    proof = [said(space, "metadata.deletionTimestamp", f"namespace {space.ref.name} has been Terminating for {age}")]
    for kind in conditions:
        entry = condition(space, kind)
        if text(entry, "status") == "True":
            proof.append(said(space, f"status.conditions[{kind}].message", f"{kind}: {text(entry, 'message')[:300]}"))
    return tuple(proof)


def _held_objects(view: View, namespace: str) -> list[Resource]:
    """What is left in the namespace, deleted and with a finalizer: custom resources first, for theirs are the stuck ones."""
    left = [
        resource
        for ref in view.graph.members(namespace)
        if (resource := view.graph.get(ref)) is not None
        and resource.deleted is not None
        and texts(resource.metadata, "finalizers")
    ]
    return sorted(left, key=lambda r: (_only_built_in(r), built_in(r.ref.kind, r.ref.group) is not None, r.ref))


def _only_built_in(resource: Resource) -> bool:
    return all(finalizer in _BUILT_IN_FINALIZERS for finalizer in texts(resource.metadata, "finalizers"))


def _finalizers(view: View, space: Resource, held: list[Resource]) -> Finding:
    message = text(condition(space, "NamespaceFinalizersRemaining"), "message")
    content = text(condition(space, "NamespaceContentRemaining"), "message")
    named = _FINALIZER.search(message)
    kinds = [f"{found[1]} ({found[2]})" for found in _REMAIN.finditer(content)]
    proof = list(_state(view, space, "NamespaceContentRemaining", "NamespaceFinalizersRemaining"))
    if held:
        first = held[0]
        finalizers = [f for f in texts(first.metadata, "finalizers") if f not in _BUILT_IN_FINALIZERS] or texts(
            first.metadata, "finalizers"
        )
        proof.append(
            said(first, "metadata.finalizers", f"{first.ref} is deleted and keeps finalizers {listed(finalizers)}")
        )
        title = f"Namespace {space.ref.name} is stuck Terminating: {first.ref} keeps the finalizer {listed(finalizers)}, which no controller removes"
        ref = first.ref
    else:
        title = f"Namespace {space.ref.name} is stuck Terminating: finalizer {named[1] if named else 'of some content'} remains on {listed(kinds) or 'an object in it'}"
        ref = space.ref
    controller = _controller_of(view, held[0]) if held else None
    if controller is not None:
        proof.append(
            said(controller, "status.readyReplicas", f"its likely controller {controller.ref} has no ready pod")
        )
    return Finding(
        cause=FINALIZERS.id,
        object=ref,
        title=title,
        evidence=tuple(proof),
        explains=(space.ref, *(resource.ref for resource in held[1:20])),
        weight=0.95 if held else 0.85,
        since=space.deleted,
        steps=(
            *((show(ref),) if held else ()),
            read(
                "List everything left in it",
                f"kubectl api-resources --verbs=list --namespaced -o name | xargs -n1 kubectl get -n {space.ref.name} --ignore-not-found --show-kind",
            ),
            change("Bring back the controller that owns the finalizer; else a person removes it", ref),
        ),
        points_to=(controller.ref,) if controller is not None else (),
    )


def _controller_of(view: View, held: Resource) -> Resource | None:
    """A workload without ready pods whose name is that of the finalizer's or the kind's domain: a lead only."""
    words = {part for finalizer in texts(held.metadata, "finalizers") for part in re.split(r"[./]", finalizer)} | {
        held.ref.group.partition(".")[0]
    }
    words -= {"", "io", "com", "dev", "org", "k8s", "kubernetes", "finalizer", "finalizers", "cleanup"}
    for workload in view.workloads("Deployment", "StatefulSet"):
        if words & set(workload.ref.name.split("-")) and not any(pod.ready for pod in view.pods_of(workload.ref)):
            return workload
    return None


def _discovery(view: View, space: Resource, message: str) -> Finding:
    found = _GROUP.search(message)
    group, version = (found[1], found[2]) if found and found[1] else ("", "")
    services = [
        item for item in view.graph.of_kind("APIService") if text(condition(item, "Available"), "status") == "False"
    ]
    mine = [item for item in services if text(item.spec, "group") == group] or services
    ref = (
        mine[0].ref
        if mine
        else Ref("APIService", "", f"{version}.{group}", "apiregistration.k8s.io")
        if group
        else space.ref
    )
    proof = list(_state(view, space, "NamespaceDeletionDiscoveryFailure"))
    proof += [
        said(
            item,
            "status.conditions[Available]",
            f"{item.ref}: Available = False, {text(condition(item, 'Available'), 'message')[:200]}",
        )
        for item in mine[:2]
    ]
    return Finding(
        cause=DISCOVERY.id,
        object=ref,
        title=f"Namespace {space.ref.name} is stuck Terminating: API group {group or 'of an APIService'} cannot be discovered ({ref.name} is unavailable)",
        evidence=tuple(proof),
        explains=(space.ref, *(item.ref for item in mine[1:])),
        weight=0.93 if mine else 0.8,
        since=space.deleted,
        steps=(describe(ref), change("Repair the APIService's backend, or delete the stale APIService", ref)),
    )


def find_held_objects(view: View) -> Iterator[Finding]:
    """Objects outside dying namespaces that were deleted long ago and keep a finalizer of an absent controller."""
    dying = {space.ref.name for space in view.graph.of_kind("Namespace", group="") if space.deleted is not None}
    for resource in view.graph.resources():
        if resource.deleted is None or resource.ref.kind in ("Pod", "Namespace", "PersistentVolumeClaim", "Event"):
            continue
        finalizers = [f for f in texts(resource.metadata, "finalizers") if f not in _BUILT_IN_FINALIZERS]
        if not finalizers or resource.ref.namespace in dying or view.now - resource.deleted < STUCK:
            continue
        age = age_text((view.now - resource.deleted).total_seconds())
        controller = _controller_of(view, resource)
        yield Finding(
            cause=HELD.id,
            object=resource.ref,
            title=f"{resource.ref} was deleted {age} ago and keeps the finalizer {listed(finalizers)}, which no controller removes",
            evidence=(
                said(resource, "metadata.finalizers", f"finalizers {listed(finalizers)}, deletionTimestamp {age} ago"),
            ),
            weight=0.85,
            since=resource.deleted,
            steps=(
                show(resource.ref),
                change("Bring back the controller that owns the finalizer; else a person removes it", resource.ref),
            ),
            points_to=(controller.ref,) if controller is not None else (),
        )


def find_unavailable_apis(view: View) -> Iterator[Finding]:
    """Aggregated APIs that do not answer, walked to their Service and its workload."""
    for item in view.graph.of_kind("APIService"):
        available = condition(item, "Available")
        if text(available, "status") != "False":
            continue
        service = Ref("Service", text(item.spec, "service", "namespace"), text(item.spec, "service", "name"))
        backends = [ref for ref in view.graph.depends_on(service) if ref.kind in ("Pod", "Deployment")]
        workloads = list(dict.fromkeys(view.graph.top_owner(ref) for ref in backends))
        empty = [w for w in workloads if not any(pod.ready for pod in view.pods_of(w))]
        reason = text(available, "reason")
        ref = empty[0] if empty else item.ref
        why = f": {empty[0]} has no ready pod" if empty else ""
        yield Finding(
            cause=APISERVICE.id,
            object=ref,
            title=f"APIService {item.ref.name} is unavailable ({reason or 'no reason given'}){why}: {text(available, 'message')[:200]}",
            evidence=(
                said(
                    item,
                    "status.conditions[Available]",
                    f"Available = False, {reason}: {text(available, 'message')[:300]}",
                ),
            ),
            explains=(item.ref, service) if service.name else (item.ref,),
            weight=0.88,
            since=instant(available.get("lastTransitionTime")),
            steps=(describe(item.ref), *((describe(service),) if service.name else ())),
            points_to=tuple(ref for ref in backends if ref.kind == "Pod") + ((service,) if service.name else ()),
        )


RULES: tuple[Rule, ...] = (
    Rule(find=find_stuck_namespaces, causes=(FINALIZERS, DISCOVERY, CONTENT)),
    Rule(find=find_held_objects, causes=(HELD,)),
    Rule(find=find_unavailable_apis, causes=(APISERVICE,)),
)
