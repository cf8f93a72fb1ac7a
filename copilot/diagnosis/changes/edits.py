"""What an object's own fields tell about its life: made, edited by whom, cordoned, tainted, resized, run, being deleted.

Which field an edit touched is not kept by sources; only what can be told is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from copilot.diagnosis.changes.change import Aspect, Change
from copilot.diagnosis.changes.writers import Write, edits_of, writer_at, writes_to
from copilot.diagnosis.pods import DEFAULT_GRACE, condition
from copilot.diagnosis.words import plural
from copilot.model import Resource, children, instant, number, text
from retrievers.graph import EdgeKind, ResourceGraph

_MANAGED = "metadata.managedFields"
_SETTLING = timedelta(minutes=2)  # conditions of a node that has just joined are its birth, not a change
_UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
# Every namespace is born with these.
_WITH_NAMESPACE = frozenset({("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")})
_MADE_BY_MACHINES = frozenset({"ReplicaSet", "Pod"})

ASPECTS = {
    "ConfigMap": Aspect.CONFIG,
    "Secret": Aspect.CONFIG,
    "Service": Aspect.ROUTING,
    "Ingress": Aspect.ROUTING,
    "IngressClass": Aspect.ROUTING,
    "Gateway": Aspect.ROUTING,
    "HTTPRoute": Aspect.ROUTING,
    "GRPCRoute": Aspect.ROUTING,
    "ReferenceGrant": Aspect.ROUTING,
    "NetworkPolicy": Aspect.POLICY,
    "ResourceQuota": Aspect.POLICY,
    "LimitRange": Aspect.POLICY,
    "PodDisruptionBudget": Aspect.POLICY,
    "Namespace": Aspect.POLICY,
    "Role": Aspect.POLICY,
    "RoleBinding": Aspect.POLICY,
    "ClusterRole": Aspect.POLICY,
    "ClusterRoleBinding": Aspect.POLICY,
    "ServiceAccount": Aspect.POLICY,
    "PriorityClass": Aspect.SCHEDULING,
    "RuntimeClass": Aspect.SCHEDULING,
    "ValidatingWebhookConfiguration": Aspect.POLICY,
    "MutatingWebhookConfiguration": Aspect.POLICY,
    "ValidatingAdmissionPolicy": Aspect.POLICY,
    "ValidatingAdmissionPolicyBinding": Aspect.POLICY,
    "PersistentVolumeClaim": Aspect.STORAGE,
    "PersistentVolume": Aspect.STORAGE,
    "StorageClass": Aspect.STORAGE,
    "HorizontalPodAutoscaler": Aspect.SCALE,
    "Node": Aspect.NODE,
}


def life_changes(graph: ResourceGraph, resource: Resource, told: Collection[datetime] = ()) -> Iterator[Change]:
    """The making, the edits and the deletion of an object. `told` are the moments of edits that revisions explain."""
    yield from _making(resource, rolled_out=len(told) > 1)
    for write in edits_of(resource):
        if not any(abs(write.at - moment) <= timedelta(seconds=5) for moment in told):
            yield _edit(graph, resource, write)
    yield from _deletion(resource)


def _making(resource: Resource, *, rolled_out: bool) -> Iterator[Change]:
    machine_made = resource.ref.kind in _MADE_BY_MACHINES and any(children(resource.metadata, "ownerReferences"))
    if resource.created is None or machine_made or (resource.ref.kind, resource.ref.name) in _WITH_NAMESPACE:
        return
    yield Change(
        at=resource.created, object=resource.ref, aspect=Aspect.CREATED, what=_made_words(resource, rolled_out=rolled_out),
        path="metadata.creationTimestamp", by=writer_at(resource, resource.created), source=resource.source,
    )  # fmt: skip


def _made_words(resource: Resource, *, rolled_out: bool) -> str:
    """What was made; the image only while it is the one it was made with."""
    owner = next(children(resource.metadata, "ownerReferences"), None)
    if resource.ref.kind == "Job" and owner is not None and text(owner, "kind") == "CronJob":
        return f"was started by CronJob {text(owner, 'name')}"
    images = [text(container, "image") for container in children(resource.spec, "template", "spec", "containers")]
    return f"was created with image {', '.join(images)}" if any(images) and not rolled_out else "was created"


def _edit(graph: ResourceGraph, resource: Resource, write: Write) -> Change:
    aspect = ASPECTS.get(resource.ref.kind, Aspect.EDIT)
    what = "was edited" + (_readers(graph, resource, write.at) if aspect is Aspect.CONFIG else "")
    if resource.ref.kind == "Node" and write.manager == "kubectl-cordon":
        what = "was cordoned" if resource.spec.get("unschedulable") is True else "was uncordoned"
    return Change(
        at=write.at,
        object=resource.ref,
        aspect=aspect,
        what=what,
        path=_MANAGED,
        by=write.manager,
        source=resource.source,
    )


def _readers(graph: ResourceGraph, resource: Resource, at: datetime) -> str:
    """How many running pods had read the ConfigMap or Secret before it was edited."""
    pods = {edge.source for edge in graph.into(resource.ref, EdgeKind.REFERENCES) if edge.source.kind == "Pod"}
    before = [
        pod for ref in pods if (pod := graph.get(ref)) is not None and (began := _began(pod)) is not None and began < at
    ]
    return (
        f", after {plural(len(before), 'pod')} that {'use' if len(before) > 1 else 'uses'} it had started"
        if before
        else ""
    )


def _began(pod: Resource) -> datetime | None:
    """When the newest container of a pod started; the pod's own start where no container runs."""
    starts = (instant(found) for status in children(pod.status, "containerStatuses")
              for found in (text(status, "state", "running", "startedAt"),))  # fmt: skip
    return max((start for start in starts if start is not None), default=None) or instant(pod.status.get("startTime"))


def _deletion(resource: Resource) -> Iterator[Change]:
    if resource.deleted is None:
        return
    default = DEFAULT_GRACE if resource.ref.kind == "Pod" else 0
    grace = number(resource.metadata, "deletionGracePeriodSeconds", default=default)
    yield Change(
        at=resource.deleted - timedelta(seconds=min(max(grace, 0), 86_400)), object=resource.ref, aspect=Aspect.DELETED,
        what="was deleted and is still there", path="metadata.deletionTimestamp", source=resource.source,
    )  # fmt: skip


def node_changes(graph: ResourceGraph, node: Resource) -> Iterator[Change]:
    """Taints, cordons and conditions of a node, as far as each is dated."""
    for taint in children(node.spec, "taints"):
        at = instant(taint.get("timeAdded"))
        key, value, effect = text(taint, "key"), text(taint, "value"), text(taint, "effect")
        if at is not None:
            what = (
                "was cordoned" if key == _UNSCHEDULABLE else f"was tainted {key}{f'={value}' if value else ''}:{effect}"
            )
            yield Change(at, node.ref, Aspect.NODE, what, "spec.taints", by=_near(node, at), source=node.source)
    for event in graph.events(node.ref):
        if event.reason in _NODE_EVENTS and event.last is not None:
            yield Change(
                event.last,
                node.ref,
                Aspect.NODE,
                _NODE_EVENTS[event.reason],
                f"event {event.reason}",
                source=event.source,
            )
    for entry in children(node.status, "conditions"):
        at = instant(entry.get("lastTransitionTime"))
        if at is not None and not (node.created and at - node.created < _SETTLING):
            kind, status, reason = text(entry, "type"), text(entry, "status"), text(entry, "reason")
            what = f"condition {kind} became {status}{f' ({reason})' if reason else ''}"
            yield Change(at, node.ref, Aspect.CONDITION, what, f"status.conditions[{kind}]", source=node.source)


_NODE_EVENTS = {
    "NodeNotSchedulable": "was cordoned",
    "NodeSchedulable": "was uncordoned",
    "Rebooted": "was rebooted",
    "RemovingNode": "was removed from the cluster",
}


def _near(node: Resource, at: datetime) -> str:
    near = [
        write.manager
        for write in writes_to(node)
        if abs((write.at - at).total_seconds()) <= 2 and write.manager != "kubelet"
    ]
    return near[-1] if near else ""


def claim_changes(claim: Resource) -> Iterator[Change]:
    """The resize of a volume claim that is going on."""
    wanted = text(claim.spec, "resources", "requests", "storage")
    have = text(claim.status, "capacity", "storage")
    for kind in ("Resizing", "FileSystemResizePending", "ModifyingVolume"):
        entry = condition(claim, kind)
        at = instant(entry.get("lastTransitionTime"))
        if at is not None and text(entry, "status") == "True":
            yield Change(
                at, claim.ref, Aspect.STORAGE, "size", f"status.conditions[{kind}]", have, wanted, source=claim.source
            )


def run_changes(job: Resource) -> Iterator[Change]:
    """How a Job ended, and when it was held or let go."""
    for kind, word in (("Complete", "completed"), ("Failed", "failed"), ("Suspended", "was suspended")):
        entry = condition(job, kind)
        at = instant(entry.get("lastTransitionTime"))
        if at is not None and text(entry, "status") == "True":
            reason = text(entry, "reason")
            what = word + (f" ({reason})" if reason and kind == "Failed" else "")
            yield Change(at, job.ref, Aspect.RUN, what, f"status.conditions[{kind}]", source=job.source)
