"""Reads the sentences kubectl and the API server print instead of objects: refused, not found, missing kind, nothing there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from copilot.model import Reading, ReadState
from tools.cluster.transcript.facts import Fact, Note
from tools.cluster.transcript.kinds import KindInfo, by_resource

SENTENCE_LIMIT = 1000  # characters of a reply that are kept as a sentence

_FORBIDDEN = re.compile(
    r"cannot (?P<verb>\w+) resource \"(?P<resource>[\w.-]+)(?:/[\w.-]+)?\" in API group \"(?P<group>[^\"]*)\""
    r"(?: in the namespace \"(?P<namespace>[^\"]+)\"| at the cluster scope)?"
)
_NOT_FOUND = re.compile(
    r"Error from server \(NotFound\): (?:error when .*?: )?(?P<resource>[\w.-]+) \"(?P<name>[^\"]+)\" not found"
)
_NO_TYPE = re.compile(r"(?:error: )?the server doesn't have a resource type \"(?P<resource>[^\"]+)\"")
_NOTHING = re.compile(r"No resources found(?: in (?P<namespace>\S+) namespace)?\.?$")
_REPLY = re.compile(
    r"(?:Error from server|error:|Error:|The connection to the server|Unable to connect to the server|E\d{4} )"
)
_READ_VERBS = frozenset({"get", "list", "watch"})


class Reply(msgspec.Struct, frozen=True):
    """What a line said: facts, and whether it said that nothing matched."""

    facts: tuple[Fact, ...] = ()
    nothing: bool = False


def reply_of(line: str, number: int, fallback_namespace: str) -> Reply | None:
    """Read one line; None when it is no reply of kubectl or the server."""
    text = line.strip()
    if _NOTHING.match(text[:300]):
        return Reply(nothing=True)
    if not _REPLY.match(text[:100]):
        return None
    sentence = text[:SENTENCE_LIMIT]
    note = Note(sentence, number)
    match = _FORBIDDEN.search(sentence)
    if match and "orbidden" in sentence:
        return Reply(facts=(note, *_refused(match, sentence)))
    match = _NOT_FOUND.match(sentence)
    if match:
        return Reply(facts=(note, _absent(match, fallback_namespace)))
    match = _NO_TYPE.search(sentence)
    if match:
        info = by_resource(match["resource"])
        return Reply(facts=(note, Reading(kind=info.kind, group=info.group, state=ReadState.MISSING, detail=sentence)))
    return Reply(facts=(note,))


def _refused(match: re.Match[str], sentence: str) -> Iterator[Reading]:
    if match["verb"] not in _READ_VERBS:
        return
    info = by_resource(f"{match['resource']}.{match['group']}" if match["group"] else match["resource"])
    yield Reading(
        kind=info.kind, group=info.group, namespace=match["namespace"] or "*", state=ReadState.REFUSED, detail=sentence
    )


def _absent(match: re.Match[str], namespace: str) -> Reading:
    info = by_resource(match["resource"])
    return Reading(
        kind=info.kind,
        group=info.group,
        namespace=namespace if info.namespaced else "*",
        state=ReadState.PARTIAL,
        detail=f'{match["resource"]} "{match["name"]}" not found',
    )


def replies(lines: Sequence[str], first: int, namespace: str) -> Iterator[Fact]:
    """The facts of every reply among the lines."""
    for offset, line in enumerate(lines):
        found = reply_of(line, first + offset, namespace)
        if found is not None:
            yield from found.facts


def refused_kinds(facts: Sequence[Fact]) -> set[tuple[str, str]]:
    """The kinds that a refusal or a missing type names: their lists were not read."""
    return {
        (fact.kind, fact.group)
        for fact in facts
        if isinstance(fact, Reading) and fact.state in (ReadState.REFUSED, ReadState.MISSING)
    }


def readable(kinds: Sequence[KindInfo], facts: Sequence[Fact]) -> list[KindInfo]:
    """The asked kinds without those that were refused."""
    refused = refused_kinds(facts)
    return [info for info in kinds if (info.kind, info.group) not in refused]
