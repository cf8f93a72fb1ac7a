"""Small-model mode: the program looks, the model chooses from a short menu by letter, and writes. Needs no tool calls at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from copilot.agent.conversation.evidence_first import Footing
from copilot.agent.conversation.writer import Looked, Piece, Writer, Wrote
from copilot.agent.grounding import Evidence
from copilot.agent.prompting import CHOOSING, WRITING, user_text
from copilot.agent.telemetry import Telemetry
from copilot.agent.tools import Toolbox
from copilot.llm.errors import ModelError, ModelFailure

MOST_CHOICES = 2
_LETTER = re.compile(r"(?<![A-Za-z])([A-Z])(?![A-Za-z'])")


class Choice(msgspec.Struct, frozen=True):
    """A line of the menu: what is offered, and the look behind it."""

    words: str
    tool: str
    arguments: dict[str, Any]


def menu(stand: Footing) -> list[Choice]:
    """What may be looked at for this question."""
    found: list[Choice] = []
    for ref in stand.about[:2]:
        named: dict[str, Any] = {"object": ref.argument, "namespace": ref.namespace}
        found += [
            Choice(f"what happened to {ref}, in order of time", "timeline", named),
            Choice(f"events of {ref}", "list_events", named),
            Choice(f"log lines of {ref}", "read_logs", named),
            Choice(f"what {ref} is tied to", "neighbours", named),
            Choice(f"what changed around {ref}", "list_changes", named),
        ]
    if not stand.about:
        space: dict[str, Any] = {"namespace": stand.question.namespace or ""}
        found += [
            Choice("root causes of everything that is wrong", "diagnose", space),
            Choice("what changed lately", "list_changes", space),
            Choice("the newest warnings", "list_events", {**space, "warnings": True}),
        ]
    found.append(
        Choice("runbooks, stored objects and past incidents on the question", "search", {"words": stand.text[:400]})
    )
    return found


def guided(
    writer: Writer,
    stand: Footing,
    user: str,
    toolbox: Toolbox,
    evidence: Evidence,
    room: int,
    telemetry: Telemetry,
) -> Iterator[Piece]:
    """Let the model choose, look for it, let it write."""
    offered = menu(stand)
    listed = "\n".join(f"{chr(ord('A') + place)}: {choice.words}" for place, choice in enumerate(offered))
    chosen = ""
    for piece in writer.complete(CHOOSING, f"{user}\n\nThe program can look at:\n{listed}", toolbox.limits):
        if isinstance(piece, Wrote):
            chosen = piece.text
        else:
            yield piece
    for place in _letters(chosen, len(offered)):
        look = offered[place]
        with telemetry.tool(look.tool, json.dumps(look.arguments)) as span:
            result = toolbox.call(look.tool, look.arguments)
            for line in result.lines:
                evidence.add(line)
            span.found(len(result.lines), result.trouble)
        yield Looked(look.tool, result)
    assert stand.answer is not None
    try:
        words, _ = user_text(stand.text, stand.answer.scope, evidence.facts, (), room)
    except ValueError as error:
        raise ModelError(ModelFailure.TOO_LONG, f"The question is longer than {writer.name} can read.", "Ask in fewer words.") from error  # fmt: skip
    yield from writer.complete(WRITING, words, toolbox.limits)


def _letters(said: str, offered: int) -> list[int]:
    """The first choices of a reply; prose without a letter is none."""
    if "none" in said.lower()[:40]:
        return []
    places = (ord(letter) - ord("A") for letter in _LETTER.findall(said[:200]))
    return list(dict.fromkeys(place for place in places if place < offered))[:MOST_CHOICES]
