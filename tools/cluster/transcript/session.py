"""Walks through a pasted session command by command and hands each output to its reader. Text it cannot read it leaves as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from copilot.model import Detail
from tools.cluster.transcript.describe import described, is_description
from tools.cluster.transcript.events import is_event_header, numbered, ownership
from tools.cluster.transcript.facts import Context, Fact, Note, Seen
from tools.cluster.transcript.headers import kind_by_header
from tools.cluster.transcript.invocation import Invocation
from tools.cluster.transcript.listing import Asked, asked_of, coverage, namespace_of, read_get, table_facts
from tools.cluster.transcript.logs import read_logs
from tools.cluster.transcript.machine import is_systemctl, read_journal, read_systemctl
from tools.cluster.transcript.manifests import is_manifest, objects_of
from tools.cluster.transcript.probes import PROGRAMS as PROBE_PROGRAMS
from tools.cluster.transcript.probes import read_probe
from tools.cluster.transcript.prompts import Block
from tools.cluster.transcript.replies import replies
from tools.cluster.transcript.tables import sections
from tools.cluster.transcript.usage import is_usage_header, read_top, usage_rows
from tools.cluster.transcript.wordlist import word_set

# kubectl verbs whose output is sentences: what they refuse is evidence, what they did is text.
_SENTENCES = word_set(
    """
    apply create delete scale edit patch replace set expose run drain cordon uncordon taint rollout label annotate
    autoscale wait auth certificate cp attach port-forward
    """
)


def read_block(block: Block, context: Context) -> Iterator[Fact]:
    """The facts of one command's output."""
    if not block.command:
        yield from read_plain(block.output, block.start, context)
        return
    readable = [invocation for invocation in block.invocations if _reader_of(invocation)]
    if len(readable) == 1:
        yield from read_output(_placed(readable[0], block, context), block.output, block.start, context)
    elif readable:
        # Several commands on one line: which printed what is not told, so the output is read by its own shape.
        first = msgspec.structs.replace(context, namespace=namespace_of(readable[0], context))
        yield from read_plain(block.output, block.start, first)


def understood(block: Block) -> bool:
    """Whether a reader knows the command (or, for text without one, its shape)."""
    if not block.command:
        return _shape(block.output) is not None
    return any(_reader_of(invocation) for invocation in block.invocations)


def _placed(invocation: Invocation, block: Block, context: Context) -> Invocation:
    if invocation.origin:
        pod = invocation.origin.startswith("/")
        return msgspec.structs.replace(invocation, origin=context.namespace + invocation.origin) if pod else invocation
    return msgspec.structs.replace(invocation, origin=context.origin or _typed_on(invocation, block))


_MACHINE = frozenset({"systemctl", "journalctl", "dmesg", "crictl"})


def _typed_on(invocation: Invocation, block: Block) -> str:
    """The prompt's host, for programs that look at the machine they run on: elsewhere it may be a person's laptop."""
    return block.origin if invocation.program in _MACHINE else ""


def _reader_of(invocation: Invocation) -> str:
    if invocation.program == "kubectl":
        verb = invocation.verb
        return verb if verb in ("get", "describe", "logs", "events", "top") or verb in _SENTENCES else ""
    if invocation.program in _MACHINE or invocation.program in PROBE_PROGRAMS:
        return invocation.program
    return ""


def read_output(invocation: Invocation, lines: Sequence[str], first: int, context: Context) -> Iterator[Fact]:
    """The facts of one command's output, by the command."""
    match _reader_of(invocation):
        case "get":
            yield from read_get(invocation, lines, first, context)
        case "describe":
            yield from _read_describe(invocation, lines, first, context)
        case "logs":
            yield from read_logs(invocation, lines, first, context)
        case "events":
            events = msgspec.structs.replace(invocation, args=("events",))
            yield from read_get(events, lines, first, context)
        case "top":
            yield from read_top(lines, first, context, namespace_of(invocation, context))
        case "systemctl":
            yield from read_systemctl(invocation, lines, first, context)
        case "journalctl" | "dmesg":
            yield from read_journal(invocation, lines, first, context)
        case "crictl":
            yield from _read_crictl(invocation, lines, first, context)
        case name if name in PROBE_PROGRAMS:
            yield from read_probe(invocation, lines, first, context)
        case _:
            yield from replies(lines, first, namespace_of(invocation, context))


def _read_describe(invocation: Invocation, lines: Sequence[str], first: int, context: Context) -> Iterator[Fact]:
    asked = asked_of(invocation)
    namespace = namespace_of(invocation, context)
    facts: list[Fact] = list(replies(lines, first, namespace)) if len(lines) < 50 else []
    only = asked.only()
    for item in described(numbered(lines, first), only, namespace):
        facts.extend(item.facts)
        for fact in item.facts:
            facts.extend(ownership(fact.body))
    whole = bool(facts) or any(line.startswith("No resources found") for line in lines[:3])
    if lines and not whole:
        facts.append(Note(f"the description at line {first} was filtered and cannot be read as an object", first))
    yield from facts
    if asked.kinds:
        yield from coverage(asked, invocation, namespace, facts, whole=whole)


# -- text without a command --------------------------------------------------------------------------------------------


def _shape(lines: Sequence[str]) -> str | None:
    """What an output looks like: manifest, description, systemctl, table, or nothing known."""
    if is_manifest(lines):
        return "manifest"
    if is_description(lines):
        return "description"
    if is_systemctl(lines):
        return "systemctl"
    return "table" if any(_known_header(line) for line in lines) else None


def _known_header(line: str) -> bool:
    if not line or not line[0].isupper():
        return False
    if is_event_header(line) or is_usage_header(line):
        return True
    tables = list(sections([line], 1))
    return (
        bool(tables)
        and len(tables[0].headers) > 1
        and ("NAME" in tables[0].headers or kind_by_header(tables[0].headers) is not None)
    )


def read_plain(lines: Sequence[str], first: int, context: Context) -> Iterator[Fact]:
    """Text whose command is not known. Nothing in it proves that something is absent."""
    shape = _shape(lines)
    if shape == "manifest":
        yield from objects_of(lines, first)
    elif shape == "systemctl":
        yield from read_systemctl(Invocation(program="systemctl"), lines, first, context)
    else:
        yield from replies(lines, first, context.namespace)
        yield from _read_tables(lines, first, context)
        for item in described(numbered(lines, first), None, context.namespace):
            yield from item.facts
            for fact in item.facts:
                yield from ownership(fact.body)


def _read_tables(lines: Sequence[str], first: int, context: Context) -> Iterator[Fact]:
    for part, start in _outside_descriptions(lines, first):
        for table in sections(part, start):
            if is_usage_header("   ".join(table.headers)):
                yield from usage_rows(table, context, context.namespace)
            else:
                yield from table_facts(table, Asked(), context.namespace, {})


def _outside_descriptions(lines: Sequence[str], first: int) -> Iterator[tuple[list[str], int]]:
    """Groups of lines between blank lines that begin like a table."""
    start: int | None = None
    for index in range(len(lines) + 1):
        blank = index == len(lines) or not lines[index].strip()
        if blank and start is not None:
            if _known_header(lines[start]):
                yield list(lines[start:index]), first + start
            start = None
        elif not blank and start is None:
            start = index


# -- crictl ------------------------------------------------------------------------------------------------------------


def _read_crictl(invocation: Invocation, lines: Sequence[str], first: int, context: Context) -> Iterator[Fact]:
    """`crictl ps` and `crictl pods` show pods of one node; the image and log commands stay text."""
    verb = invocation.args[0] if invocation.args else ""
    if verb not in ("ps", "pods", "p"):
        return
    node = invocation.origin or context.origin
    for table in sections(lines, first):
        for row in table.rows:
            name = row.get("POD", "NAME") if verb == "ps" else row.get("NAME")
            namespace = row.get("NAMESPACE")
            if not name or not namespace or " " in name:
                continue
            body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}}
            yield Seen(body | ({"spec": {"nodeName": node}} if node else {}), row.line, Detail.ROW)
