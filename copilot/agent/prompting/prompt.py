"""The text of a turn: facts as numbered lines, fenced where anybody could have written them, cut to what the model can read."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec

from copilot.agent.grounding.evidence import Fact
from copilot.agent.tools.tool import Result
from copilot.llm.usage import estimate
from copilot.redacting import plain
from guardrails.provenance import Source, spotlight
from guardrails.provenance.fields import chunk_of

MAX_QUESTION = 4_000  # characters: a question and what was pasted with it
MAX_EARLIER = 3  # turns told again: further back the facts are stale


class Earlier(msgspec.Struct, frozen=True):
    """A turn before this one: what was asked, and what was answered and proven."""

    question: str
    answer: str


class Prompt(msgspec.Struct, frozen=True):
    """One request's words; `left_out` counts facts that did not fit."""

    system: str
    user: str
    left_out: int = 0


def fact_line(fact: Fact) -> str:
    """`[3] Deployment shop/web spec.replicas: 0`: the number, the address where the text does not name it, the text."""
    where = ""
    if fact.object is not None and str(fact.object) not in fact.line.text:
        where = f"{fact.object}: "
    return f"[{fact.number}] {where}{fact.line.text}"


def facts_text(facts: Sequence[Fact]) -> str:
    """Facts in their order; runs of trusted and of untrusted ones each together."""
    parts = []
    for source, group in itertools.groupby(facts, key=lambda fact: fact.line.origin):
        lines = "\n".join(fact_line(fact) for fact in group)
        parts.append(spotlight([chunk_of(lines, source)]))
    return "\n".join(parts)


def result_text(result: Result, facts: Sequence[Fact]) -> str:
    """A tool's result as the model reads it: what was asked, where was looked, the facts, what was cut."""
    parts = [f"asked: {result.asked}", f"searched: {result.searched}"]
    parts += [facts_text(facts)] if facts else []
    parts += [f"trouble: {result.trouble}"] if result.trouble else []
    parts += [f"cut: {result.cut}"] if result.cut else []
    return "\n".join(parts)


def user_text(
    question: str, scope: str, facts: Sequence[Fact], earlier: Sequence[Earlier], room: int
) -> tuple[str, int]:
    """The user's message within `room` tokens, and how many facts were left out.

    Raises:
        ValueError: not even the question fits.
    """
    head = f"Scope: {plain(scope)}\n"
    told = "\n".join(
        f"Asked before: {plain(turn.question)}\nAnswered: {turn.answer}" for turn in earlier[-MAX_EARLIER:]
    )
    before = spotlight([chunk_of(told, Source.EXTERNAL, "earlier in this conversation")]) + "\n" if told else ""
    asked = f"\nQuestion: {plain(question[:MAX_QUESTION])}"
    chosen = list(facts)
    while True:
        body = f"Facts:\n{facts_text(chosen)}\n" if chosen else "Facts: none yet.\n"
        words = f"{head}{before}{body}{asked}"
        if estimate(words) <= room:
            return words, len(facts) - len(chosen)
        if before:
            before = ""
        elif len(chosen) > 1:
            chosen = chosen[: max(len(chosen) * 3 // 4, 1)]
        else:
            raise ValueError(question)
