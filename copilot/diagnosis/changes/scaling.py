"""Moves of replica counts: by a person (the scale subresource), by an HPA, by what the Deployment controller reports.

The steps of a rollout, which take pods from one ReplicaSet to the next, are not scale moves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from copilot.diagnosis.changes.change import Aspect, Change
from copilot.diagnosis.changes.revisions import newest_replica_set
from copilot.diagnosis.changes.writers import TOGETHER, writer_at, writes_to
from copilot.model import Resource
from retrievers.graph import EdgeKind, EventFact, ResourceGraph

_SCALED = re.compile(
    r"Scaled (?P<way>up|down) replica set (?P<name>[\w.-]{1,253}) (?:from (?P<old>\d{1,9}) )?to (?P<new>\d{1,9})(?: from (?P<was>\d{1,9}))?"
)
_RESCALED = re.compile(r"New size: (?P<new>\d{1,9})(?:; reason: (?P<why>.{1,300}))?", re.DOTALL)
_FIRST = timedelta(seconds=15)  # the first scaling after a ReplicaSet was made belongs to its creation
_ROLLOUT = timedelta(
    minutes=10
)  # progressDeadlineSeconds by default: scalings this soon after a revision are its steps
_PATH = "spec.replicas"


def scale_changes(graph: ResourceGraph, workload: Resource) -> Iterator[Change]:
    """The scale moves of a workload that its own fields and events show."""
    moves = list(_event_moves(graph, workload))
    for write in writes_to(workload):
        if write.subresource != "scale":
            continue
        seen = [move for move in moves if abs(move.at - write.at) <= TOGETHER]
        if seen:
            moves.remove(seen[0])
        move = seen[0] if seen else None
        yield Change(
            at=write.at, object=workload.ref, aspect=Aspect.SCALE, what="replicas" if move else "was scaled",
            path=_PATH, before=move.before if move else "", after=move.after if move else "", by=write.manager, source=workload.source,
        )  # fmt: skip
    yield from moves


def _event_moves(graph: ResourceGraph, workload: Resource) -> Iterator[Change]:
    if workload.ref.kind != "Deployment":
        return
    newest = newest_replica_set(graph, workload.ref)
    events = [event for event in graph.events(workload.ref) if event.reason == "ScalingReplicaSet" and event.last]
    for event in events:
        match = _SCALED.search(event.message)
        if match and newest is not None and event.last and _is_scaling(match, event, newest, events):
            yield Change(
                at=event.last,
                object=workload.ref,
                aspect=Aspect.SCALE,
                what="replicas",
                path="event ScalingReplicaSet",
                before=match["old"] or match["was"] or ("?" if match["new"] != "0" else "some"),
                after=match["new"],
                by=writer_at(workload, event.last),
                source=event.source,
            )


def _is_scaling(match: re.Match[str], event: EventFact, newest: Resource, events: list[EventFact]) -> bool:
    """A rollout never takes pods from its newest ReplicaSet, and adds to it only soon after it was made."""
    if match["name"] != newest.ref.name or event.last is None:
        return False
    if match["way"] == "down":
        return True
    made = newest.created
    if made is None or event.last - made <= _FIRST:
        return False
    others = any(
        (found := _SCALED.search(other.message)) and found["name"] != newest.ref.name and other.last
        and abs(other.last - event.last) <= _ROLLOUT
        for other in events
    )  # fmt: skip
    return not others


def autoscaler_changes(graph: ResourceGraph, autoscaler: Resource) -> Iterator[Change]:
    """What a HorizontalPodAutoscaler did to its target."""
    target = next((edge.target for edge in graph.out(autoscaler.ref, EdgeKind.SCALES)), autoscaler.ref)
    for event in graph.events(autoscaler.ref):
        match = _RESCALED.search(event.message) if event.reason == "SuccessfulRescale" else None
        if match and event.last is not None:
            why = f" ({match['why'].strip()})" if match["why"] else ""
            yield Change(
                at=event.last, object=target, aspect=Aspect.SCALE, what=f"replicas{why}", path="event SuccessfulRescale",
                before="?", after=match["new"], by=f"HorizontalPodAutoscaler {autoscaler.ref.name}", source=event.source,
            )  # fmt: skip
