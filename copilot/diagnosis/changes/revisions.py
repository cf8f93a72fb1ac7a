"""The rollouts of a workload, from the revisions its controller keeps: what each changed in the pod template, field by field.

A revision that was rolled back to keeps its old creation time; it is dated by what its controller wrote or said later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

import msgspec

from copilot.diagnosis.changes.change import Aspect, Change
from copilot.diagnosis.changes.template_diff import template_changes
from copilot.diagnosis.changes.writers import writer_at, writes_to
from copilot.model import Detail, Ref, Resource, children, mapping, number, text
from retrievers.graph import ResourceGraph

REVISION = "deployment.kubernetes.io/revision"
_CAUSE = "kubernetes.io/change-cause"
_TEMPLATE = "spec.template."


class Revision(msgspec.Struct, frozen=True, eq=False):
    """One kept revision of a workload's template. `again` says that it was rolled back to."""

    number: int
    at: datetime
    resource: Resource
    template: Mapping[str, Any]
    again: bool = False


def revision_changes(graph: ResourceGraph, workload: Resource) -> Iterator[Change]:
    """What each kept revision changed against the one before it."""
    revisions = revisions_of(graph, workload)
    for older, newer in pairwise(revisions):
        yield from _between(workload, older, newer)
    if revisions and revisions[0].number > 1:
        yield _unknown(workload, revisions[0])


def revisions_of(graph: ResourceGraph, workload: Resource) -> list[Revision]:
    """The kept revisions of a Deployment, StatefulSet or DaemonSet, oldest first."""
    kept = [resource for ref in graph.children(workload.ref) if (resource := graph.get(ref)) is not None]
    numbered = sorted(
        (
            (_number(resource), resource)
            for resource in kept
            if resource.ref.kind in ("ReplicaSet", "ControllerRevision")
        ),
        key=lambda pair: (pair[0], pair[1].ref),
    )
    found: list[Revision] = []
    for count, resource in numbered:
        template = _template(resource)
        if not count or not template or resource.created is None:
            continue
        again = bool(found) and resource.created < found[-1].at
        at = _dated_again(graph, workload, resource, found[-1].at) if again else resource.created
        if at is not None:
            found.append(Revision(count, at, resource, template, again))
    return found


def _number(resource: Resource) -> int:
    if resource.ref.kind == "ReplicaSet":
        return number(resource.annotations, REVISION)
    return number(resource.body, "revision")


def _template(resource: Resource) -> Mapping[str, Any]:
    if resource.ref.kind == "ReplicaSet":
        return mapping(resource.spec, "template")
    return mapping(resource.body, "data", "spec", "template")


def _dated_again(graph: ResourceGraph, workload: Resource, resource: Resource, after: datetime) -> datetime | None:
    """When an old revision came back: its first scaling after the newer one, else the last write to it."""
    scaled = [
        event.first
        for event in graph.events(workload.ref)
        if event.reason == "ScalingReplicaSet"
        and f"Scaled up replica set {resource.ref.name} " in event.message
        and event.first is not None
        and event.first >= after
    ]
    written = [write.at for write in writes_to(resource) if not write.subresource and write.at >= after]
    return min(scaled, default=None) or max(written, default=None)


def _between(workload: Resource, older: Revision, newer: Revision) -> Iterator[Change]:
    if older.resource.detail is not newer.resource.detail or newer.resource.detail is Detail.ROW:
        return  # a table shows a part of the template: what it lacks did not change
    by = writer_at(workload, newer.at)
    why = text(newer.resource.annotations, _CAUSE)
    back = " (rolled back)" if newer.again else ""
    differences = template_changes(older.template, newer.template)
    for difference in differences:
        yield Change(
            at=newer.at,
            object=workload.ref,
            aspect=difference.aspect,
            what=difference.what + back,
            path=_TEMPLATE + difference.path,
            before=difference.before,
            after=difference.after,
            by=by,
            source=newer.resource.source,
        )
    if why and why != text(older.resource.annotations, _CAUSE):
        yield Change(
            at=newer.at, object=workload.ref, aspect=Aspect.TEMPLATE, what=f"revision {newer.number} says why",
            path=f"metadata.annotations[{_CAUSE}]", after=why, by=by, source=newer.resource.source,
        )  # fmt: skip


def _unknown(workload: Resource, first: Revision) -> Change:
    images = [text(container, "image") for container in children(first.template, "spec", "containers")]
    return Change(
        at=first.at,
        object=workload.ref,
        aspect=Aspect.TEMPLATE,
        what=f"revision {first.number} was rolled out; the one before it is not kept; image",
        path="spec.template",
        before="?",
        after=", ".join(images),
        by=writer_at(workload, first.at),
        source=first.resource.source,
    )


def rollout_moments(graph: ResourceGraph, workload: Resource) -> list[datetime]:
    """When each kept revision was rolled out, the first included."""
    return [revision.at for revision in revisions_of(graph, workload)]


def newest_replica_set(graph: ResourceGraph, workload: Ref) -> Resource | None:
    """The ReplicaSet of a Deployment's newest revision."""
    sets = [found for ref in graph.children(workload) if ref.kind == "ReplicaSet" and (found := graph.get(ref))]
    return max(sets, key=lambda found: (_number(found), found.ref), default=None)
