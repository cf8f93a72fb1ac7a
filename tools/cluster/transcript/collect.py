"""Adds facts up to a Snapshot: sightings of one object become one Resource, ages become times, readings become coverage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from copilot.model import (
    Command,
    ContainerLog,
    Coverage,
    Detail,
    NodeService,
    Probe,
    Reading,
    ReadState,
    Ref,
    Resource,
    Snapshot,
    Usage,
    text,
)
from copilot.model.resource import ref_of
from tools.cluster.prune import DATA_KEYS
from tools.cluster.resources import resource
from tools.cluster.transcript.clock import dated, observed_at
from tools.cluster.transcript.events_merge import merge_events
from tools.cluster.transcript.facts import Ago, Fact, Note, Owned, Seen
from tools.cluster.transcript.job_activity import with_active_pods
from tools.cluster.transcript.kinds import by_kind
from tools.cluster.transcript.owners import with_owners
from tools.cluster.transcript.templates import with_templates

_RANK = {Detail.ROW: 0, Detail.DESCRIBED: 1, Detail.FULL: 2}


def snapshot_of(facts: Sequence[Fact], commands: Sequence[Command], source: str) -> Snapshot:
    """The cluster that the facts show."""
    now = observed_at(facts)
    proven = _proven_kinds([fact for fact in facts if isinstance(fact, Seen)])
    seen = [_respelled(fact, proven) for fact in facts if isinstance(fact, Seen)]
    events = merge_events([fact for fact in seen if fact.body.get("kind") == "Event"])
    others = _merged([fact for fact in seen if fact.body.get("kind") != "Event"])
    others = with_owners(others, [fact for fact in facts if isinstance(fact, Owned)])
    others = with_active_pods(with_templates(others))
    resources = [_resource(fact, now, source) for fact in (*others, *events)]
    return Snapshot(
        observed_at=now,
        resources=tuple(sorted(resources, key=lambda item: item.ref)),
        coverage=Coverage(
            readings=_readings([_reading_of(fact, proven) for fact in facts if isinstance(fact, Reading)]),
            notes=_notes([fact for fact in facts if isinstance(fact, Note)], source),
        ),
        logs=tuple(fact for fact in facts if isinstance(fact, ContainerLog)),
        usage=tuple(fact for fact in facts if isinstance(fact, Usage)),
        services=tuple(fact for fact in facts if isinstance(fact, NodeService)),
        probes=tuple(fact for fact in facts if isinstance(fact, Probe)),
        commands=tuple(commands),
    )


def _resource(fact: Seen, now: datetime, source: str) -> Resource:
    body = fact.body if fact.detail is Detail.FULL else dated(fact.body, now)
    # What a person pasted they asked to be read: ConfigMap values stay, Secret values never do.
    found = resource(body, f"{source}:{fact.line}", fact.detail, config_values=True)
    if fact.detail is Detail.ROW:
        body.pop(
            DATA_KEYS, None
        )  # a row tells how many keys there are, not which: an empty list would say there are none
    return found


def _proven_kinds(seen: Sequence[Seen]) -> dict[str, tuple[str, str]]:
    """Lower-case kind to the kind's right spelling and version, of every kind that the text spells out."""
    proven: dict[str, tuple[str, str]] = {}
    for fact in seen:
        kind, version = str(fact.body.get("kind", "")), str(fact.body.get("apiVersion", ""))
        if fact.detail is not Detail.ROW and version:
            proven[kind.lower()] = (kind, version)
        if kind == "CustomResourceDefinition":
            kind, group = text(fact.body, "spec", "names", "kind"), text(fact.body, "spec", "group")
            if kind and group:
                proven.setdefault(kind.lower(), (kind, f"{group}/"))
    return proven


def _respelled(fact: Seen, proven: dict[str, tuple[str, str]]) -> Seen:
    """A row whose kind was guessed from a resource name (`Rayclusters`), with the spelling and version proven elsewhere."""
    kind = str(fact.body.get("kind", ""))
    right = proven.get(kind.lower())
    if right is None or fact.detail is not Detail.ROW:
        return fact
    if not by_kind(kind).known:
        return Seen(fact.body | {"kind": right[0], "apiVersion": right[1]}, fact.line, fact.detail)
    return (
        Seen(fact.body | {"apiVersion": right[1]}, fact.line, fact.detail) if _same_group(fact.body, right[1]) else fact
    )


def _reading_of(reading: Reading, proven: dict[str, tuple[str, str]]) -> Reading:
    right = proven.get(reading.kind.lower())
    if right is None or by_kind(reading.kind).known:
        return reading
    return msgspec.structs.replace(reading, kind=right[0], group=right[1].rpartition("/")[0])


def _same_group(body: dict[str, Any], version: str) -> bool:
    return str(body.get("apiVersion", "")).rpartition("/")[0] == version.rpartition("/")[0]


def _merged(seen: Sequence[Seen]) -> list[Seen]:
    """One sighting for each object: the best detail wins, among equals the later, and lesser ones fill its gaps."""
    by_ref: dict[Ref, list[Seen]] = {}
    for fact in seen:
        by_ref.setdefault(ref_of(fact.body), []).append(fact)
    return [_one(sightings) for sightings in by_ref.values()]


def _one(sightings: list[Seen]) -> Seen:
    ordered = sorted(sightings, key=lambda fact: (_RANK[fact.detail], "status" in fact.body, fact.line))
    best = ordered[-1]
    if best.detail is Detail.FULL or len(ordered) == 1:
        return best
    body: dict[str, Any] = {}
    for fact in ordered:
        body = _over(body, fact.body)
    if best.detail is not Detail.ROW:
        body.pop("columns", None)
    return Seen(body=body, line=best.line, detail=best.detail)


def _over(lower: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    """`upper` laid over `lower`. A time beats an age, whichever lies above."""
    found = dict(lower)
    for key, value in upper.items():
        before = found.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            found[key] = _over(before, value)
        elif isinstance(value, Ago) and isinstance(before, str):
            continue
        elif key == "conditions" and isinstance(value, list) and isinstance(before, list):
            found[key] = _conditions_over(before, value)
        else:
            found[key] = value
    return found


def _conditions_over(lower: list[Any], upper: list[Any]) -> list[Any]:
    """`upper` with the reasons that only `lower` shows: a described pod's conditions come without them."""
    told = {text(one, "type"): one for one in lower if isinstance(one, dict)}
    return [
        _over(told[text(one, "type")], one)
        if text(told.get(text(one, "type")), "status") == text(one, "status")
        else one
        for one in upper
    ]


def _notes(notes: Sequence[Note], source: str) -> tuple[str, ...]:
    """Each sentence once, with the line where it stands first."""
    first = {note.text: note.line for note in reversed(notes)}
    return tuple(f"{source}:{line}: {sentence}" for sentence, line in sorted(first.items(), key=lambda item: item[1]))


def _readings(readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """One reading for each kind and namespace; a whole list beats a part, a refusal is kept beside what was read."""
    order = {ReadState.PARTIAL: 0, ReadState.MISSING: 1, ReadState.REFUSED: 2, ReadState.READ: 3}
    best: dict[tuple[str, str, str], Reading] = {}
    for reading in readings:
        key = (reading.kind, reading.group, reading.namespace)
        known = best.get(key)
        if known is None or order[reading.state] >= order[known.state]:
            best[key] = reading
    return tuple(best.values())
