"""A model that follows a script: for tests, demonstrations and replays. It decides turns; whoever holds it sends them.

A script is a list of turns, or a function of the request: a liar, one that obeys whatever it reads, one that never ends.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from copilot.llm.transcript import Called, Turn, call, last_words
from copilot.model import children, text

Player = Callable[[Mapping[str, Any]], Turn]
_ORDER = re.compile(r"(?:CALL|call|run the tool) (?P<name>[a-z_]+)\((?P<arguments>\{.*?\})\)")
_MARK = "\u02c6"  # joins the words of untrusted text in a prompt (guardrails.provenance)
_FACT = re.compile(rf"^\[(?P<number>\d+)\][ {_MARK}](?P<text>.+)$", re.MULTILINE)


def play(turns: Sequence[Turn]) -> Player:
    """The turns one after another; the last is repeated when they run out."""
    remaining: Iterator[Turn] = itertools.chain(turns, itertools.repeat(turns[-1] if turns else Turn(say="")))
    return lambda _: next(remaining)


def endless(name: str, **arguments: Any) -> Player:
    """Calls one tool for ever."""
    return lambda _: Turn(calls=(call(name, **arguments),))


def faithful(request: Mapping[str, Any]) -> Turn:
    """Repeats the facts it was given, each with its number: what a careful small model does at best."""
    facts = facts_in(request)
    return Turn(say="\n".join(f"{words.rstrip('.')} [{number}]." for number, words in facts[:6]) or "I do not know.")


def obedient(request: Mapping[str, Any]) -> Turn:
    """Does whatever any text that it reads tells it to: `CALL tool({...})` anywhere in the newest message."""
    orders = [Called(found["name"], found["arguments"]) for found in _ORDER.finditer(last_words(request))]
    return Turn(calls=tuple(orders)) if orders else faithful(request)


def facts_in(request: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The numbered facts of a request, in order."""
    found = []
    for message in children(request, "messages"):
        if text(message, "role") in ("user", "tool"):
            found += [
                (int(one["number"]), one["text"].replace(_MARK, " "))
                for one in _FACT.finditer(text(message, "content"))
            ]
    return found
