"""Which tools of a server a model may see. Pure: what the server lists, what the file allows, what was kept; never what the tool asks for.

Everything a server says is text of strangers: it is cut, cleaned and redacted here, and shown to a model between fences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from copilot.agent.foreign.pins import fingerprint
from copilot.agent.foreign.schema import Unfit, prose, reduced
from copilot.agent.foreign.servers import Server, plain_name
from copilot.redacting import plain

MAX_WORDS = 600  # characters of what a tool says of itself and its arguments
MAX_NAME = 64  # characters: what the tools grammar of model endpoints allows
MOST_LISTED = 500  # tools of one server that are looked at
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Verdict(StrEnum):
    """Whether a tool is offered, or why not."""

    OFFERED = "offered"
    NOT_ALLOWED = "not allowed"
    CHANGED = "changed"
    WRITES = "writes"
    SHADOWS = "shadows"
    UNFIT = "unfit"
    MISSING = "missing"


class Offer(msgspec.Struct, frozen=True):
    """One tool of a server. `name` is what the model calls; `words` and `takes` are what it is shown."""

    server: str
    tool: str
    verdict: Verdict
    why: str
    name: str = ""
    words: str = ""
    takes: dict[str, Any] = {}
    sha: str = ""
    new: bool = False  # nothing was kept of it yet


def judge(server: Server, listed: Sequence[Any], kept: Mapping[str, str], own: frozenset[str]) -> tuple[Offer, ...]:
    """Every listed tool with its verdict, and every allowed one that is not listed."""
    found: list[Offer] = []
    names: set[str] = set()
    for tool in listed[:MOST_LISTED]:
        if not isinstance(tool, dict):
            continue
        offer = _offer(server, tool, kept, own)
        if offer.verdict is Verdict.OFFERED and offer.name in names:
            offer = _refused(offer, Verdict.UNFIT, "Another tool of this server has the same name to a model.")
        names.add(offer.name)
        found.append(offer)
    there = {offer.tool for offer in found}
    missing = (Offer(server.name, tool, Verdict.MISSING, "The server offers no tool of that name.") for tool in server.allow if tool not in there)  # fmt: skip
    return (*found, *missing)


def _offer(server: Server, tool: Mapping[str, Any], kept: Mapping[str, str], own: frozenset[str]) -> Offer:
    called = tool.get("name") if isinstance(tool.get("name"), str) else ""
    shown = plain(str(called)[:MAX_NAME])
    bare = Offer(server.name, shown, Verdict.UNFIT, "", words=_words(tool), sha=fingerprint(tool))
    if not called or _NAME.fullmatch(called) is None:
        return _refused(bare, Verdict.UNFIT, "Its name is none that a model can call.")
    name = f"{server.name}__{called.replace('.', '_')}"
    if plain_name(called) in {plain_name(mine) for mine in own}:
        return _refused(bare, Verdict.SHADOWS, "It has the name of an own tool, which nothing may take.")
    if called not in server.allow:
        return _refused(bare, Verdict.NOT_ALLOWED, "The file does not allow it.")
    if why := _writes(tool.get("annotations")):
        return _refused(bare, Verdict.WRITES, why)
    if len(name) > MAX_NAME:
        return _refused(bare, Verdict.UNFIT, f"Its name with the server's has more than {MAX_NAME} characters.")
    try:
        takes = reduced(tool.get("inputSchema"))
    except Unfit as error:
        return _refused(bare, Verdict.UNFIT, f"It cannot be offered: {error}.")
    if kept.get(called, bare.sha) != bare.sha:
        return _refused(bare, Verdict.CHANGED, "It says something else of itself than when it was allowed.")
    hints = tool.get("annotations")
    says = isinstance(hints, dict) and hints.get("readOnlyHint") is True
    why = "It says that it only reads." if says else "It does not say whether it only reads; the file allows it."
    return msgspec.structs.replace(bare, verdict=Verdict.OFFERED, why=why, name=name, takes=takes, new=called not in kept)  # fmt: skip


def _refused(offer: Offer, verdict: Verdict, why: str) -> Offer:
    return msgspec.structs.replace(offer, verdict=verdict, why=why)


def _writes(hints: Any) -> str:
    """Why a tool that may be allowed is not used all the same."""
    if not isinstance(hints, dict):
        return ""
    if hints.get("destructiveHint") is True:
        return "It says that it destroys; only tools that read are used."
    return "It says that it does not only read; only tools that read are used." if hints.get("readOnlyHint") is False else ""  # fmt: skip


def _words(tool: Mapping[str, Any]) -> str:
    """What a tool says of itself and of its arguments, on one line each."""
    lines = [one for one in _said(tool) if one]
    return plain("\n".join(lines))[:MAX_WORDS]


def _said(tool: Mapping[str, Any]) -> Iterator[str]:
    for key in ("title", "description"):
        if isinstance(said := tool.get(key), str):
            yield " ".join(said[: MAX_WORDS * 4].split())[: MAX_WORDS - 200]
    yield from prose(tool.get("inputSchema"))
