"""All changes of one object, of what it stands on, or of a scope, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from copilot.diagnosis.changes.change import Aspect, Change, newest_first
from copilot.diagnosis.changes.edits import claim_changes, life_changes, node_changes, run_changes
from copilot.diagnosis.changes.revisions import revision_changes, rollout_moments
from copilot.diagnosis.changes.scaling import autoscaler_changes, scale_changes
from copilot.model import Ref, Resource
from copilot.model.moment import EPOCH
from retrievers.graph import ResourceGraph

MAX_AROUND = 400  # objects about one object: beyond it a list of changes tells nothing about that one
_AHEAD = timedelta(minutes=1)  # clocks of the machines of one cluster differ by less
# Written anew all the time by the cluster itself, or told by the object that they belong to.
_QUIET = frozenset({"Event", "Lease", "EndpointSlice", "Endpoints", "ControllerRevision", "CSINode", "IPAddress", "VolumeAttachment",
                    "CSIStorageCapacity", "ResourceSlice", "PodMetrics", "NodeMetrics"})  # fmt: skip
_SCALED = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"})


def changes_of(graph: ResourceGraph, ref: Ref) -> list[Change]:
    """The changes of one object, newest first; none when it was not read."""
    resource = graph.get(ref)
    return newest_first(_all(graph, resource)) if resource is not None else []


def changes_in(graph: ResourceGraph, refs: Iterable[Ref] | None = None, since: datetime = EPOCH) -> list[Change]:
    """The changes of these objects, or of everything that was read, from `since` to the observation, newest first."""
    if refs is None:
        resources: Iterable[Resource] = graph.resources()
    else:
        resources = [found for ref in dict.fromkeys(refs) if (found := graph.get(ref)) is not None]
    until = graph.snapshot.observed_at + _AHEAD
    return newest_first(
        change
        for resource in resources
        if resource.ref.kind not in _QUIET
        for change in _all(graph, resource)
        if since <= change.at <= until and change.at > EPOCH
    )


def around(graph: ResourceGraph, ref: Ref) -> list[Ref]:
    """The object, what it owns and what it depends on, nearest first."""
    near: dict[Ref, None] = {ref: None}
    near.update(dict.fromkeys(graph.owners(ref)))
    near.update(dict.fromkeys(graph.children(ref)))
    near.update(dict.fromkeys(graph.depends_on(ref)))
    return list(near)[:MAX_AROUND]


def _all(graph: ResourceGraph, resource: Resource) -> Iterator[Change]:
    kind = resource.ref.kind
    told: list[datetime] = []
    if kind in ("Deployment", "StatefulSet", "DaemonSet"):
        told = rollout_moments(graph, resource)
        yield from revision_changes(graph, resource)
    if kind in _SCALED:
        yield from scale_changes(graph, resource)
    match kind:
        case "HorizontalPodAutoscaler":
            yield from autoscaler_changes(graph, resource)
        case "Node":
            yield from _one_cordon(node_changes(graph, resource))
            told = [change.at for change in node_changes(graph, resource) if change.aspect is Aspect.NODE]
        case "PersistentVolumeClaim":
            yield from claim_changes(resource)
        case "Job":
            yield from run_changes(resource)
    yield from life_changes(graph, resource, told)


def _one_cordon(changes: Iterator[Change]) -> Iterator[Change]:
    """A cordon is told by the taint, by an event and by the writer: once is enough."""
    kept: list[Change] = []
    for change in changes:
        same = (
            other for other in kept if other.what == change.what and abs(other.at - change.at) <= timedelta(seconds=30)
        )
        if next(same, None) is None:
            kept.append(change)
    return iter(kept)
