"""When an object's present trouble began: the earliest sign on it and on what it is made of and depends on. Pure.

Signs count only on objects that are in trouble now; a healthy object has no onset.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from copilot.diagnosis.pods import DEFAULT_GRACE, in_trouble
from copilot.diagnosis.view import said, told
from copilot.model import Evidence, Ref, Resource, RootCause, children, instant, text
from copilot.model.moment import EPOCH
from retrievers.graph import ResourceGraph

# Condition types by the status that means trouble; any other type speaks when it is False and named Ready-like.
_BAD_WHEN_TRUE = frozenset({
    "ReplicaFailure", "MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable", "Failed", "Degraded", "Stalled",
    "FailureTarget",
})  # fmt: skip
_BAD_WHEN_FALSE = frozenset({
    "Ready", "Available", "Progressing", "PodScheduled", "Initialized", "AbleToScale", "ScalingActive", "Established", "Accepted",
    "Programmed", "ResolvedRefs", "Synced", "Healthy",
})  # fmt: skip
_CLOCKS = timedelta(seconds=30)  # clocks of the machines of one cluster differ by less


class Onset(msgspec.Struct, frozen=True):
    """When it began, and the sign that says so."""

    at: datetime
    sign: Evidence


def onset(graph: ResourceGraph, refs: Iterable[Ref], causes: Iterable[RootCause] = ()) -> Onset | None:
    """The earliest sign of present trouble on these objects, or what the found causes say; None when all is well."""
    now = graph.snapshot.observed_at
    found = [sign for ref in refs if (resource := graph.get(ref)) is not None for sign in _signs(graph, resource, now)]
    for cause in causes:
        if cause.since is not None and EPOCH < cause.since <= now:
            found.append(Onset(cause.since, Evidence(cause.object, "", cause.title)))
    return min(found, key=lambda sign: (sign.at, sign.sign.object, sign.sign.text), default=None)


def _signs(graph: ResourceGraph, resource: Resource, now: datetime) -> Iterator[Onset]:
    if resource.ref.kind == "Pod":
        if not in_trouble(resource, now):
            return
        yield from _conditions(resource)
        yield from _warnings(graph, resource)
        if resource.deleted is None and not _was_ever_ready(resource) and resource.created is not None:
            yield Onset(
                resource.created,
                said(resource, "metadata.creationTimestamp", f"{resource.ref} was created and never became ready"),
            )
        return
    bad = list(_conditions(resource))
    yield from bad
    if bad:
        yield from _warnings(graph, resource)


def _conditions(resource: Resource) -> Iterator[Onset]:
    for entry in children(resource.status, "conditions"):
        kind, status, at = text(entry, "type"), text(entry, "status"), instant(entry.get("lastTransitionTime"))
        bad = kind in (_BAD_WHEN_TRUE if status == "True" else _BAD_WHEN_FALSE)
        if at is not None and bad and text(entry, "reason") != "PodCompleted":
            reason = f" ({text(entry, 'reason')})" if text(entry, "reason") else ""
            yield Onset(at, said(resource, f"status.conditions[{kind}]", f"{kind} became {status}{reason}"))


def _warnings(graph: ResourceGraph, resource: Resource) -> Iterator[Onset]:
    for event in graph.events(resource.ref):
        if (
            event.type == "Warning"
            and event.first is not None
            and not before_its_time(resource, event.last or event.first)
        ):
            yield Onset(
                max(event.first, resource.created or event.first),
                msgspec.structs.replace(told(event), object=resource.ref),
            )


def _was_ever_ready(pod: Resource) -> bool:
    """Whether the pod's Ready condition changed after it was made: kubelets write the first one at the start."""
    for entry in children(pod.status, "conditions"):
        if text(entry, "type") == "Ready":
            at = instant(entry.get("lastTransitionTime"))
            return at is not None and pod.created is not None and (at - pod.created).total_seconds() > DEFAULT_GRACE
    return False


def before_its_time(resource: Resource, moment: datetime) -> bool:
    """Whether a moment lies before the object was made: it belongs to an earlier object of the same name."""
    return resource.created is not None and moment < resource.created - _CLOCKS
