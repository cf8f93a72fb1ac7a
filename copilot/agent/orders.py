"""An order as a person types it into a conversation, read as one change: courtesies fall away, `it` is what was spoken of.

Nothing is guessed: what is not a whole order after that is none.
"""

from __future__ import annotations

import re

import msgspec

from copilot.model import CopilotError, Ref
from guardrails.kubectl.asked import asked
from guardrails.kubectl.grammar import FIRST
from guardrails.operations import ChangeIntent

_COURTESY = re.compile(
    r"^(?:(?:please|pls|ok|okay|now|then|just|hi|hey|hello|(?:can|could|would|will) you)[,:]?\s+)+|[,\s]*\b(?:please|pls|thanks|thank you|now)$",
    re.IGNORECASE,
)
_POINTING = re.compile(r"\b(?:it|this|that|this one|that one)\b", re.IGNORECASE)
_PLACED = re.compile(r"\s(?:in|-n)\s", re.IGNORECASE)


class Order(msgspec.Struct, frozen=True):
    """One change that a person asked for, and the words that say all of it."""

    intent: ChangeIntent
    words: str


def read_order(line: str, focus: Ref | None) -> Order | None:
    """The change of a line; None where the line is not one whole order. `focus` is what the conversation is about."""
    words = line.strip().rstrip(".!? ")
    if words.partition(" ")[0] != FIRST:
        while (shorter := _COURTESY.sub("", words).strip()) != words:
            words = shorter
        words = words[:1].lower() + words[1:]
        if focus is not None and _POINTING.search(words):
            words = _POINTING.sub(f"{focus.kind.lower()}/{focus.name}", words, count=1)
            if focus.namespace and not _PLACED.search(words):
                words = f"{words} in {focus.namespace}"
    try:
        intent, said = asked((words,))
    except CopilotError:
        return None
    return Order(intent, said)
