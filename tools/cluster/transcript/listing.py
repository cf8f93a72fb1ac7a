"""Reads the output of `kubectl get` (and of tables pasted without a command) into objects, events and coverage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from copilot.model import Detail, Reading, ReadState
from tools.cluster.transcript.events import event_of_row, is_event_header, ownership
from tools.cluster.transcript.facts import Context, Fact, Note, Seen
from tools.cluster.transcript.headers import default_header, kind_by_header
from tools.cluster.transcript.invocation import Invocation
from tools.cluster.transcript.kinds import ALL_KINDS, KindInfo, by_kind, by_resource
from tools.cluster.transcript.manifests import is_manifest, objects_of
from tools.cluster.transcript.replies import readable, replies
from tools.cluster.transcript.rows import row_body
from tools.cluster.transcript.tables import Row, Table, read_table, sections

_TEXT_OUTPUTS = ("jsonpath", "go-template", "template", "custom-columns")


class Asked(msgspec.Struct, frozen=True):
    """What a `get` or `describe` asked for."""

    kinds: tuple[KindInfo, ...] = ()
    names: tuple[str, ...] = ()

    def only(self) -> KindInfo | None:
        """The one kind asked for, or None."""
        return self.kinds[0] if len(self.kinds) == 1 else None


def asked_of(invocation: Invocation) -> Asked:
    """`pods`, `deploy,rs`, `pod web-0`, `deploy/web svc/web`, `all`."""
    kinds: list[KindInfo] = []
    names: list[str] = []
    for position, argument in enumerate(invocation.args):
        kind, slash, name = argument.partition("/")
        if slash and name:
            kinds.append(by_resource(kind))
            names.append(name)
        elif position == 0:
            for word in argument.split(","):
                kinds.extend(
                    [by_kind(kind) for kind in ALL_KINDS] if word == "all" else [by_resource(word)] if word else []
                )
        else:
            names.append(argument)
    return Asked(kinds=tuple(dict.fromkeys(kinds)), names=tuple(names))


def namespace_of(invocation: Invocation, context: Context) -> str:
    """The namespace of a command: its flag, else the session's."""
    return invocation.namespace or context.namespace


def read_get(invocation: Invocation, lines: Sequence[str], first: int, context: Context) -> Iterator[Fact]:
    """`kubectl get`: objects, replies, and which lists were seen whole."""
    asked = asked_of(invocation)
    namespace = namespace_of(invocation, context)
    facts = list(replies(lines, first, namespace))
    broken: list[int] = []
    if is_manifest(lines):
        facts.extend(objects_of(lines, first))
        broken = [fact.line for fact in facts if isinstance(fact, Note) and "cannot be read" in fact.text]
    elif invocation.output.startswith("name"):
        facts.extend(_names(lines, first, namespace))
    elif invocation.output.startswith(_TEXT_OUTPUTS):
        yield from facts
        return
    else:
        for table in _tables(invocation, asked, lines, first):
            facts.extend(table_facts(table, asked, namespace, _label_columns(invocation)))
            broken.extend(table.broken)
    yield from facts
    for line in broken[:1]:
        yield Note(f"the output is cut at line {line}", line)
    if asked.kinds:
        yield from coverage(asked, invocation, namespace, facts, whole=not broken and _ended(lines))


def _ended(lines: Sequence[str]) -> bool:
    """Whether nothing stands for lines left out."""
    return not any(line.strip() in ("...", "…", "[...]", "<snip>", "(...)", "--More--") for line in lines)


def coverage(
    asked: Asked, invocation: Invocation, namespace: str, facts: Sequence[Fact], *, whole: bool
) -> Iterator[Reading]:
    """Which kinds were read: whole lists only when nothing could have left a line out."""
    unfiltered = whole and not asked.names and not invocation.selected and not invocation.filtered
    state = ReadState.READ if unfiltered else ReadState.PARTIAL
    failed = any(isinstance(fact, Note) and fact.text.startswith(_FAILED) for fact in facts)
    for info in readable(asked.kinds, facts):
        scope = "*" if invocation.all_namespaces or not info.namespaced else namespace
        count = sum(1 for fact in facts if isinstance(fact, Seen) and fact.body.get("kind") == info.kind)
        if failed and not count:
            continue
        yield Reading(kind=info.kind, group=info.group, namespace=scope, state=state, count=count)


_FAILED = ("Error from server", "error:", "Error:", "The connection to the server", "Unable to connect", "E")


def _label_columns(invocation: Invocation) -> dict[str, str]:
    keys = invocation.flags.get("--label-columns", "").split(",")
    return {key.rpartition("/")[2].upper(): key for key in keys if key}


def _tables(invocation: Invocation, asked: Asked, lines: Sequence[str], first: int) -> Iterator[Table]:
    found = list(sections(lines, first))
    if found:
        yield from found
        return
    only = asked.only()
    header = default_header(only, lines, all_namespaces=invocation.all_namespaces) if only is not None else ()
    if header:
        yield read_table(["", *lines], first - 1, header)


def table_facts(table: Table, asked: Asked, namespace: str, label_columns: dict[str, str]) -> Iterator[Fact]:
    """The objects of one table."""
    if is_event_header("   ".join(table.headers)):
        yield from _event_rows(table, namespace)
        return
    fallback = asked.only() or kind_by_header(table.headers)
    for row in table.rows:
        word = row.get("NAME")
        kind, slash, name = word.partition("/")
        info = by_resource(kind) if slash else fallback
        if info is None or not word or " " in word:
            continue
        where = (row.get("NAMESPACE") or namespace) if info.namespaced else ""
        yield Seen(row_body(info, name if slash else word, where, row, label_columns), row.line, Detail.ROW)


def _event_rows(table: Table, namespace: str) -> Iterator[Fact]:
    for row in table.rows:
        body = event_of_row(row, row.get("NAMESPACE") or namespace)
        if body is not None:
            yield Seen(body, row.line, Detail.DESCRIBED)
            yield from ownership(body)


def _names(lines: Sequence[str], first: int, namespace: str) -> Iterator[Fact]:
    for offset, line in enumerate(lines):
        kind, slash, name = line.strip().partition("/")
        if slash and name and " " not in name and len(name) < 254:
            info = by_resource(kind)
            row = Row(line=first + offset, cells={})
            yield Seen(row_body(info, name, namespace if info.namespaced else "", row, {}), row.line, Detail.ROW)
