"""What of the graph is mirrored, as rows of plain values. Pure.

No object's body is copied: a node holds its address, how it stands in a few words, its labels, and of an event the reason
and message, all redacted. A Secret's data is never looked at.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from copilot.model import Ref, Resource, text
from guardrails.redaction import redact
from guardrails.redaction_text import clean_text
from retrievers.graph.condition import condition_of
from retrievers.graph.edge import Edge, EdgeKind
from retrievers.graph.events import event_fact
from retrievers.graph.graph import ResourceGraph

NAME_LIMIT = 512  # characters: the API allows 253; the server's indexes refuse keys of a few KiB
TEXT_LIMIT = 500  # characters of an event's message
MAX_LABELS = 64  # labels of one object: real ones have below 30
REF_KEY = "ref:"
_UID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}")
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")
RESERVED = frozenset({"Resource", "CopilotMirror"})  # labels with a meaning of their own
_PLAIN = re.compile(r"[a-z0-9][a-z0-9.-]{0,23}")  # most names and namespaces: nothing to clean


class NodeRow(msgspec.Struct, frozen=True):
    """One object: its label beside `Resource` ("" when its kind is no name for one) and its properties."""

    uid: str
    label: str
    properties: dict[str, Any]
    print: str


class EdgeRow(msgspec.Struct, frozen=True):
    """One edge between two uids; `id` tells it from every other edge of its source."""

    id: str
    kind: EdgeKind
    source: str
    target: str
    properties: dict[str, Any]


class Keys:
    """The key of every object: the uid the API gave it, else one made from its address. No two objects share one."""

    def __init__(self) -> None:
        self.of: dict[Ref, str] = {}
        self._taken: dict[str, Ref] = {}

    def assign(self, ref: Ref, resource: Resource | None) -> str:
        """The key of an object as it is now known; what it was before is forgotten."""
        uid = resource.uid or text(resource.metadata, "uid") if resource is not None else ""
        key = uid if _UID.fullmatch(uid) and self._taken.get(uid, ref) == ref else address_key(ref)
        self.forget(ref)
        self.of[ref] = key
        self._taken[key] = ref
        return key

    def forget(self, ref: Ref) -> str | None:
        """Give a key back; None when the object had none."""
        key = self.of.pop(ref, None)
        if key is not None:
            self._taken.pop(key, None)
        return key


def address_key(ref: Ref) -> str:
    """A stable key for what has no uid: dangling references, things without an API object, pasted rows."""
    address = f"{ref.group}\x1f{ref.kind}\x1f{ref.namespace}\x1f{ref.name}"
    return REF_KEY + hashlib.blake2b(address.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def shown(value: str, limit: int = NAME_LIMIT) -> str:
    """Untrusted text as it is stored: redacted, without control characters, short, always valid UTF-8."""
    plain = redact(clean_text(value[: limit * 4])).encode("utf-8", "replace").decode("utf-8")
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def shown_ref(ref: Ref) -> Ref:
    """The address as the mirror tells it."""
    return Ref(_name(ref.kind), _name(ref.namespace), _name(ref.name), _name(ref.group))


def _name(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else shown(value)


def node_row(graph: ResourceGraph, ref: Ref, uid: str) -> NodeRow:
    """The row of one object that was read or is named."""
    resource = graph.get(ref)
    told = shown_ref(ref)
    properties: dict[str, Any] = {
        "kind": told.kind,
        "group": told.group,
        "namespace": told.namespace,
        "name": told.name,
        "state": graph.state(ref).value,
        "read": resource is not None,
    }
    if resource is not None:
        properties |= _facts(resource)
    label = told.kind if _KIND.fullmatch(told.kind) and told.kind not in RESERVED else ""
    return NodeRow(uid, label, properties, fingerprint([label, properties]))


def _facts(resource: Resource) -> dict[str, Any]:
    """What is worth asking for of an object that was read."""
    condition = condition_of(resource)
    facts: dict[str, Any] = {"condition": condition.mark.value}
    if condition.words:
        facts["status"] = shown(condition.words)
    if resource.created is not None:
        facts["created"] = resource.created.isoformat()
    labels = [shown(f"{key}={value}") for key, value in resource.labels.items() if isinstance(value, str)]
    if labels:
        facts["labels"] = sorted(labels)[:MAX_LABELS]
    if resource.ref.kind == "Event" and not resource.ref.group:
        event = event_fact(resource)
        facts |= {"type": shown(event.type), "reason": shown(event.reason), "count": min(event.count, 2**62)}
        facts["message"] = shown(event.message, TEXT_LIMIT)
        if event.last is not None:
            facts["last"] = event.last.isoformat()
    return facts


def edge_rows(graph: ResourceGraph, ref: Ref, keys: Keys) -> list[EdgeRow]:
    """The edges that start at an object, each once; owners keep their order."""
    rows: dict[str, EdgeRow] = {}
    owners = 0
    for edge in graph.out(ref):
        order = None
        if edge.kind is EdgeKind.OWNED_BY:
            order, owners = owners, owners + 1
        row = _edge_row(edge, keys, order)
        rows.setdefault(row.id, row)
    return list(rows.values())


def _edge_row(edge: Edge, keys: Keys, order: int | None) -> EdgeRow:
    source, target = keys.of[edge.source], keys.of[edge.target]
    properties: dict[str, Any] = {
        "field": shown(edge.field),
        "optional": edge.optional,
        "certain": edge.certain,
    }
    if order is not None:
        properties["order"] = order
    said = f"{edge.kind.value}\x1f{target}\x1f{edge.field}\x1f{edge.optional}{edge.certain}{order}"
    return EdgeRow(_digest(said.encode("utf-8", "surrogatepass")), edge.kind, source, target, properties)


def edges_print(ids: Iterable[str]) -> str:
    """One fingerprint of all edges of a source."""
    return _digest("".join(sorted(ids)).encode())


def fingerprint(value: object) -> str:
    """A short hash: equal rows have equal ones."""
    return _digest(msgspec.json.encode(value))


def _digest(raw: bytes) -> str:
    return hashlib.blake2b(raw, digest_size=8).hexdigest()


def assign_all(graph: ResourceGraph, keys: Keys) -> None:
    """Give every object of the graph its key; where several claim one uid, the first by address has it."""
    for ref in sorted(graph.refs()):
        keys.assign(ref, graph.get(ref))


def by_label(rows: Iterable[NodeRow]) -> Iterator[tuple[str, list[NodeRow]]]:
    """Rows by the label they get."""
    groups: dict[str, list[NodeRow]] = {}
    for row in rows:
        groups.setdefault(row.label, []).append(row)
    yield from sorted(groups.items())


def by_kind(rows: Iterable[EdgeRow]) -> Iterator[tuple[EdgeKind, list[EdgeRow]]]:
    """Rows by the kind of edge."""
    groups: dict[EdgeKind, list[EdgeRow]] = {}
    for row in rows:
        groups.setdefault(row.kind, []).append(row)
    yield from sorted(groups.items())
