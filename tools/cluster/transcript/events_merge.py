"""Makes one Event of the same event read twice, from `describe` and from a table of events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tools.cluster.transcript.facts import Ago, Seen


def merge_events(events: Sequence[Seen]) -> list[Seen]:
    """Distinct events. Those with a field path come first: a table without SUBOBJECT repeats them without it."""
    found: dict[tuple[str, ...], Seen] = {}
    loose: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for fact in sorted(events, key=lambda item: not item.body.get("involvedObject", {}).get("fieldPath")):
        if not isinstance(fact.body.get("involvedObject"), dict):
            continue
        key, path = _key(fact.body)
        known = [(*key, path)] if (*key, path) in found else ([] if path else loose.get(key, []))
        if known:
            nearest = min(known, key=lambda item: _distance(found[item].body, fact.body))
            found[nearest] = _joined(found[nearest], fact)
        else:
            found[(*key, path)] = fact
            loose.setdefault(key, []).append((*key, path))
    return list(found.values())


def _key(body: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    involved = body["involvedObject"]
    words = (
        str(involved.get("kind", "")),
        str(involved.get("namespace", "")),
        str(involved.get("name", "")),
        str(body.get("reason", "")),
        str(body.get("message", "")),
    )
    exact = str(body.get("metadata", {}).get("uid", ""))
    return (*words, exact), str(involved.get("fieldPath", ""))


def _seconds(body: dict[str, Any]) -> float:
    value = body.get("lastTimestamp")
    return value.seconds if isinstance(value, Ago) else 0.0


def _distance(one: dict[str, Any], other: dict[str, Any]) -> float:
    return abs(_seconds(one) - _seconds(other))


def _joined(one: Seen, other: Seen) -> Seen:
    """The sighting that tells more occurrences, with what only the other one knows."""
    first, second = (one, other) if one.body.get("count", 1) >= other.body.get("count", 1) else (other, one)
    body = {**second.body, **first.body}
    involved = {**second.body["involvedObject"], **first.body["involvedObject"]}
    ages = [
        fact.body["firstTimestamp"].seconds for fact in (one, other) if isinstance(fact.body.get("firstTimestamp"), Ago)
    ]
    if ages and isinstance(body.get("firstTimestamp"), Ago):
        body["firstTimestamp"] = Ago(max(ages))
    keep = one if one.body["involvedObject"].get("fieldPath") else first
    return Seen(
        body=body | {"involvedObject": involved, "metadata": keep.body["metadata"]}, line=one.line, detail=one.detail
    )
