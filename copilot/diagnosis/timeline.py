"""One line of time about an object: changes, events, condition flips and restarts, its own and those of what it stands on.

Oldest first, what happened to several pods of one workload at the same time once with its count. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from copilot.diagnosis.changes import Aspect, around, changes_in
from copilot.diagnosis.changes.change import Change
from copilot.diagnosis.changes.document import change_json
from copilot.diagnosis.onset import Onset, before_its_time, onset
from copilot.diagnosis.pods import containers_of
from copilot.model import Ref, Resource, RootCause, children, instant, text
from copilot.model.moment import EPOCH, stamp
from retrievers.graph import EventFact, ResourceGraph

SCHEMA = "cluster-copilot/timeline/v1"
BEFORE = timedelta(hours=1)  # how far before the onset a cause is looked for when nobody says
_TOGETHER = timedelta(minutes=5)  # the same on several pods within it is one line
_MAKING = ("event SuccessfulCreate", "event SuccessfulDelete")  # their messages name one pod each
_STEPS = frozenset(
    {"Initialized", "PodReadyToStartContainers", "PodScheduled", "ContainersReady"}
)  # a start that goes well
_NUMBER = re.compile(r"\b\d+\b")
_TOLD_BY_CHANGES = frozenset({"SuccessfulRescale", "NodeNotSchedulable", "NodeSchedulable"})
_AHEAD = timedelta(minutes=1)


class EntryKind(StrEnum):
    """What kind of moment it was."""

    CHANGE = "change"
    EVENT = "event"
    CONDITION = "condition"
    RESTART = "restart"
    POD = "pod"  # pods were made


class Entry(msgspec.Struct, frozen=True):
    """One line: what happened at `at` (until `last`), `count` times, to `object` (of `pods` pods of that workload)."""

    at: datetime
    kind: EntryKind
    object: Ref
    text: str
    last: datetime
    count: int = 1
    pods: int = 0
    warning: bool = False
    path: str = ""
    source: str = ""
    change: Change | None = None


class Timeline(msgspec.Struct, frozen=True):
    """What happened about `object` between `since` and the observation, and where its trouble began."""

    object: Ref
    observed_at: datetime
    since: datetime
    onset: Onset | None
    entries: tuple[Entry, ...]
    causes: tuple[RootCause, ...] = ()


def timeline(
    graph: ResourceGraph, ref: Ref, causes: Sequence[RootCause] = (), span: timedelta | None = None
) -> Timeline:
    """The line of time of one object. Without a span it begins an hour before the onset, or an hour before now."""
    now = graph.snapshot.observed_at
    refs = around(graph, ref)
    start = onset(graph, refs, causes)
    since = now - span if span is not None else (start.at if start else now) - BEFORE
    found = _folded(graph, (*_changes(graph, refs, since), *_moments(graph, refs)))
    entries = tuple(entry for entry in found if entry.last >= since and entry.at <= now + _AHEAD)
    return Timeline(ref, now, since, start, entries, tuple(causes))


def _changes(graph: ResourceGraph, refs: Iterable[Ref], since: datetime) -> Iterator[Entry]:
    for change in changes_in(graph, refs, since):
        kind = EntryKind.CONDITION if change.aspect is Aspect.CONDITION else EntryKind.CHANGE
        yield Entry(
            change.at,
            kind,
            change.object,
            change.text,
            change.at,
            path=change.path,
            source=change.source,
            change=change,
        )


def _moments(graph: ResourceGraph, refs: Iterable[Ref]) -> Iterator[Entry]:
    for ref in refs:
        resource = graph.get(ref)
        if resource is None or ref.kind == "Event":
            continue
        yield from _events(graph, resource)
        if ref.kind != "Node":  # a node's conditions are changes to everything on it
            yield from _conditions(resource)
        if ref.kind == "Pod":
            yield from _restarts(resource)
            if resource.created is not None and not _announced(graph, ref):
                yield Entry(resource.created, EntryKind.POD, ref, "was created", resource.created,
                            path="metadata.creationTimestamp", source=resource.source)  # fmt: skip


def _announced(graph: ResourceGraph, pod: Ref) -> bool:
    """Whether its controller's own event says that the pod was made."""
    return any(
        event.reason == "SuccessfulCreate" and event.message.endswith(pod.name)
        for owner in graph.owners(pod)[:1]
        for event in graph.events(owner)
    )


def _events(graph: ResourceGraph, resource: Resource) -> Iterator[Entry]:
    """The events about an object, each once: both generations of the events API may tell the same.

    What was over before the object was made happened to an earlier one of the same name.
    """
    told: set[tuple[str, datetime]] = set()
    for event in graph.events(resource.ref):
        if event.last is None or event.reason in _TOLD_BY_CHANGES or before_its_time(resource, event.last):
            continue
        entry = _event(resource.ref, event)
        if (entry.text, entry.last) not in told:
            told.add((entry.text, entry.last))
            yield entry


def _event(ref: Ref, event: EventFact) -> Entry:
    last = event.last or EPOCH
    return Entry(
        at=event.first or last, kind=EntryKind.EVENT, object=ref, text=f"{event.reason}: {event.message}", last=last, count=event.count,
        warning=event.type == "Warning", path=f"event {event.reason}", source=event.source,
    )  # fmt: skip


def _conditions(resource: Resource) -> Iterator[Entry]:
    for entry in children(resource.status, "conditions"):
        at = instant(entry.get("lastTransitionTime"))
        if at is None:
            continue
        kind, status = text(entry, "type"), text(entry, "status")
        if kind in _STEPS and status == "True":
            continue
        reason = f" ({text(entry, 'reason')})" if text(entry, "reason") else ""
        yield Entry(at, EntryKind.CONDITION, resource.ref, f"{kind} became {status}{reason}", at, warning=status == "False",
                    path=f"status.conditions[{kind}]", source=resource.source)  # fmt: skip


def _restarts(pod: Resource) -> Iterator[Entry]:
    for container in containers_of(pod):
        if container.finished is None or (container.init and container.exit_code == 0):
            continue
        why = container.last_reason or "ended"
        words = f"container {container.name} ended: {why}, exit code {container.exit_code}"
        again = f" (restart {container.restarts})" if container.restarts else ""
        yield Entry(
            container.finished, EntryKind.RESTART, pod.ref, words + again, container.finished, warning=container.exit_code != 0,
            path=f"{container.path}.lastState.terminated", source=pod.source,
        )  # fmt: skip


def _folded(graph: ResourceGraph, entries: Iterable[Entry]) -> list[Entry]:
    """Entries oldest first; what several pods of one owner share becomes one entry about the owner."""
    open_: dict[tuple[object, ...], int] = {}
    found: list[Entry] = []
    members: list[set[Ref]] = []
    for entry in sorted(entries, key=_order):
        group = _group(graph, entry)
        key = (group, entry.kind, _gist(entry))
        place = open_.get(key)
        alike = group != entry.object or entry.kind is EntryKind.EVENT
        if place is not None and alike and entry.at - found[place].last <= _TOGETHER:
            members[place].add(entry.object)
            found[place] = _joined(found[place], entry, group, len(members[place]))
        else:
            open_[key] = len(found)
            found.append(entry)
            members.append({entry.object})
    return found


def _order(entry: Entry) -> tuple[object, ...]:
    return (entry.at, entry.object, entry.kind, entry.text)


def _group(graph: ResourceGraph, entry: Entry) -> Ref:
    if entry.kind is EntryKind.CHANGE or entry.object.kind != "Pod":
        return entry.object
    return next(iter(graph.owners(entry.object)), entry.object)


def _gist(entry: Entry) -> str:
    """What makes two entries the same: a pod event's reason, otherwise the sentence without its numbers."""
    if entry.kind is EntryKind.EVENT:
        alike = entry.object.kind == "Pod" or entry.path in _MAKING
        return entry.path if alike else _NUMBER.sub("#", entry.text)
    return entry.text.partition(" (restart")[0]


def _joined(first: Entry, other: Entry, group: Ref, pods: int) -> Entry:
    return msgspec.structs.replace(
        first,
        object=group if pods > 1 else first.object,
        last=max(first.last, other.last),
        count=first.count + other.count,
        pods=pods if pods > 1 else 0,
        warning=first.warning or other.warning,
    )


def timeline_document(line: Timeline, cluster: str) -> dict[str, Any]:
    """The JSON value of a timeline."""
    return {
        "schema": SCHEMA,
        "cluster": cluster,
        "observed_at": stamp(line.observed_at),
        "since": stamp(line.since),
        "object": line.object.as_json(),
        "onset": _onset_json(line.onset),
        "causes": [
            {"cause": c.cause, "title": c.title, "object": c.object.as_json(), "confidence": c.confidence}
            for c in line.causes
        ],
        "entries": [_entry_json(entry) for entry in line.entries],
    }


def _onset_json(start: Onset | None) -> dict[str, Any] | None:
    if start is None:
        return None
    return {
        "at": stamp(start.at),
        "object": start.sign.object.as_json(),
        "text": start.sign.text,
        "path": start.sign.path,
    }


def _entry_json(entry: Entry) -> dict[str, Any]:
    return {
        "at": stamp(entry.at),
        "last": stamp(entry.last),
        "kind": entry.kind.value,
        "object": entry.object.as_json(),
        "text": entry.text,
        "count": entry.count,
        "pods": entry.pods,
        "warning": entry.warning,
        "path": entry.path,
        "source": entry.source,
        "change": change_json(entry.change) if entry.change is not None else None,
    }
