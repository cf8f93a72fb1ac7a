"""Reads events, from `kubectl get events`, `kubectl events` and the end of `describe`, back into Event objects."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from tools.cluster.transcript.describe.lexer import Entry, Line
from tools.cluster.transcript.facts import Ago, Owned
from tools.cluster.transcript.kinds import by_resource
from tools.cluster.transcript.tables import Row, header_cells
from tools.cluster.transcript.values import ago, count, present, repeated, without_nothing

_FIELD_PATH = re.compile(r"(spec\.\w+\{[^}\n]{1,253}\}): (.*)", re.DOTALL)


def event_body(
    *,
    kind: str,
    group: str,
    name: str,
    namespace: str,
    field_path: str,
    type_: str,
    reason: str,
    message: str,
    times: tuple[Ago | None, Ago | None, int],
    component: str,
) -> dict[str, Any]:
    """An Event as the API has it. Its name is made from its content, so the same event read twice is one object."""
    last, first, repeats = times
    api_version = by_resource(f"{kind}.{group}" if group else kind).api_version
    involved = {
        "apiVersion": api_version if api_version.strip("/") else "",
        "kind": kind,
        "name": name,
        "namespace": namespace,
        "fieldPath": field_path,
    }
    content = f"{kind}\0{namespace}\0{name}\0{field_path}\0{reason}\0{message}"
    digest = hashlib.blake2s(content.encode("utf-8", "replace"), digest_size=8).hexdigest()
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{digest}", "namespace": namespace or "default"},
        "involvedObject": without_nothing(involved),
        "type": type_,
        "reason": reason,
        "message": message,
        "count": repeats,
        "firstTimestamp": first,
        "lastTimestamp": last,
        "source": without_nothing({"component": component}),
    }
    return without_nothing(body)


def split_field_path(message: str) -> tuple[str, str]:
    """`spec.containers{web}: Started` as field path and message."""
    match = _FIELD_PATH.match(message)
    return (match[1], match[2]) if match else ("", message)


def described_events(root: Entry, kind: str, group: str, name: str, namespace: str) -> list[tuple[int, dict[str, Any]]]:
    """The `Events:` of one described object, each with its line."""
    entry = root.get("Events")
    if entry is None or not entry.raw:
        return []
    header = re.finditer(r"\S+", entry.raw[0])
    starts = {match.group(): match.start() for match in header}
    if not {"Type", "Reason", "Age", "From", "Message"} <= starts.keys():
        return []
    found = []
    for child in entry.children[1:]:
        line = " " * child.indent + child.text
        cells = _cells(line, [starts[key] for key in ("Type", "Reason", "Age", "From", "Message")])
        if cells is None or cells[0].startswith("--"):
            continue
        type_, reason, age, component, message = cells
        field_path, message = split_field_path(message)
        body = event_body(
            kind=kind,
            group=group,
            name=name,
            namespace=namespace,
            field_path=field_path,
            type_=type_,
            reason=reason,
            message=message.strip(),
            times=repeated(age),
            component=component,
        )
        found.append((child.number, body))
    return found


_EVENT_CELLS = re.compile(r"\s*(Normal|Warning)\s+(\S+)\s+((?:\S+ \(x\d+ over \S+\))|\S+)\s+(\S+)\s+(.*)", re.DOTALL)


def _cells(line: str, starts: Sequence[int]) -> list[str] | None:
    """Cut at the header's columns; a line whose columns moved (blanks collapsed by a chat) is read by its words."""
    if all(len(line) > start and line[start] != " " and line[start - 1] == " " for start in starts[1:3]):
        ends = [*starts[1:], len(line)]
        return [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    match = _EVENT_CELLS.match(line)
    return list(match.groups()) if match else None


def event_of_row(row: Row, namespace: str) -> dict[str, Any] | None:
    """One row of an events table."""
    word, slash, name = row.get("OBJECT").partition("/")
    reason = row.get("REASON")
    if not slash or not reason:
        return None
    info = by_resource(word)
    last, first, repeats = repeated(row.get("LAST SEEN", "LAST"))
    first = ago(row.get("FIRST SEEN")) or first
    field_path, message = split_field_path(row.cells.get("MESSAGE", ""))
    source = present(row.get("SOURCE").partition(",")[0])
    return event_body(
        kind=info.kind,
        group=info.group,
        name=name,
        namespace=namespace if info.namespaced else "",
        field_path=row.get("SUBOBJECT") or field_path,
        type_=row.get("TYPE"),
        reason=reason,
        message=message,
        times=(last, first, count(row.get("COUNT"), repeats) or repeats),
        component=source,
    )


def is_event_header(text: str) -> bool:
    """Whether a line heads an events table."""
    names = {name for name, _ in header_cells(text)}
    return {"REASON", "OBJECT", "MESSAGE"} <= names


# -- ownership that an event's message proves --------------------------------------------------------------------------

_PROOFS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("SuccessfulCreate", re.compile(r"Created pod: ([\w.-]+)$"), "Pod"),
    ("SuccessfulCreate", re.compile(r"create Pod ([\w.-]+) in StatefulSet ", re.IGNORECASE), "Pod"),
    ("SuccessfulCreate", re.compile(r"Created job ([\w.-]+)$"), "Job"),
    ("ScalingReplicaSet", re.compile(r"Scaled (?:up|down) replica set ([\w.-]+) (?:from \d+ )?to \d+"), "ReplicaSet"),
)


def ownership(body: dict[str, Any]) -> Iterator[Owned]:
    """Who owns whom, as far as an event says so."""
    involved = body.get("involvedObject", {})
    for reason, pattern, kind in _PROOFS:
        match = pattern.match(body.get("message", "")) if body.get("reason") == reason else None
        if match:
            yield Owned(
                kind=kind,
                name=match[1],
                namespace=involved.get("namespace", ""),
                owner_kind=involved.get("kind", ""),
                owner=involved.get("name", ""),
            )


def numbered(lines: Sequence[str], first: int) -> list[Line]:
    """Lines with their numbers."""
    return [Line(text, first + offset) for offset, text in enumerate(lines)]
