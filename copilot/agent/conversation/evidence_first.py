"""Before a model is asked: the question is read, the scope diagnosed, and both are numbered facts. Pure over the desk."""

from __future__ import annotations

import re
from enum import Enum

import msgspec

from copilot.agent.asking import Asking, Desk
from copilot.agent.events import Answer, Answered, Refused, StreamEvent
from copilot.agent.grounding import Evidence
from copilot.agent.intents import Intent
from copilot.agent.question import Question, read_question
from copilot.agent.reader import answer_question
from copilot.agent.settle import settled
from copilot.agent.tools.explaining import diagnosis_lines
from copilot.agent.tools.tool import Result, redacted
from copilot.agent.tools.workplace import answer_lines
from copilot.model import Ref

MOST_CAUSES = 3  # put before the model; the rest is one tool call away
_ASKS_BACK = ("Which one do you mean", "Which object do you mean")
_NEEDS_DIAGNOSIS = frozenset(
    {Intent.WHY, Intent.HEALTH, Intent.STATUS, Intent.UNCLEAR, Intent.SUMMARY, Intent.RESTARTS}
)
_NO_MODEL = frozenset({Intent.OUTSIDE, Intent.BEYOND})  # what the data cannot hold, a model cannot know either


_PRONOUN = re.compile(r"\b(?:it|them|this one|that one)\b", re.IGNORECASE)


class Path(Enum):
    """Who answers."""

    READER = "reader"
    MODEL = "model"
    CHANGE = "change"  # an order: refused by the reader, and by a model only to be proposed
    REFUSED = "refused"


class Footing(msgspec.Struct, frozen=True, eq=False):
    """What stands before the model is asked. `floor` are the reader's events, `about` the objects the question is about."""

    path: Path
    floor: tuple[StreamEvent, ...]
    answer: Answer | None
    question: Question
    text: str
    about: tuple[Ref, ...] = ()
    assumed: str = ""
    refusal: Refused | None = None  # of an order that a model may take up: it stands unless the model proposes a plan


def footing(desk: Desk, text: str, focus: Ref | None) -> Footing:
    """Read a question; where it names nothing, it is about what the conversation was about (`focus`)."""
    asking = Asking(desk)
    question = read_question(text, asking, desk.namespace)
    floor = tuple(answer_question(desk, text))
    assumed = ""
    pronoun = _PRONOUN.search(text) if not question.refs else None
    if focus is not None and (pronoun is not None or _is_open(question, floor)):
        name = f"{focus.kind.lower()}/{focus.name}"
        words = _PRONOUN.sub(name, text, count=1) if pronoun else f"{text.rstrip(' ?!.')} {name}?"
        again = tuple(answer_question(desk, words))
        if _answer(again) is not None:
            question, floor = read_question(words, asking, desk.namespace), again
            assumed = f"I take this to be about {focus}."
    answer = _answer(floor)
    if answer is None:
        path = Path.CHANGE if question.intent is Intent.CHANGE else Path.REFUSED
        pointed = (focus,) if focus is not None and pronoun is not None else ()
        return Footing(path, floor, None, question, text, question.refs or pointed)
    intent = settled(asking, question)
    asks_back = any(line.startswith(_ASKS_BACK) for line in answer.text.split("\n"))
    path = Path.READER if asks_back or intent in _NO_MODEL else Path.MODEL
    return Footing(path, floor, answer, question, text, question.refs, assumed)


def asked_for_change(desk: Desk, stand: Footing) -> Footing:
    """An order as a model may take it up: its facts are the state of the objects it names; its floor is the refusal's advice."""
    if not stand.about:
        return stand
    state = _answer(tuple(answer_question(desk, f"status of {stand.about[0].kind.lower()}/{stand.about[0].name}")))
    refusal = stand.floor[-1]
    if state is None or not isinstance(refusal, Refused):
        return stand
    answer = msgspec.structs.replace(state, question=stand.text, notes=(refusal.reason,))
    return msgspec.structs.replace(stand, path=Path.MODEL, answer=answer, floor=(Answered(answer),), refusal=refusal)


def _is_open(question: Question, floor: tuple[StreamEvent, ...]) -> bool:
    """Whether a question names nothing and was not answered without it."""
    if question.refs or question.kind or question.unknown or question.places:
        return False
    answer = _answer(floor)
    return answer is None or not answer.known or question.intent in (Intent.WHY, Intent.LOGS, Intent.EVENTS, Intent.CHANGED)  # fmt: skip


def _answer(floor: tuple[StreamEvent, ...]) -> Answer | None:
    last = floor[-1] if floor else None
    return last.answer if isinstance(last, Answered) else None


def gather(desk: Desk, stand: Footing, evidence: Evidence) -> None:
    """Number the reader's answer and the diagnosis of the question's scope."""
    lines = list(answer_lines(stand.answer)) if stand.answer is not None else []
    if stand.about or stand.question.intent in _NEEDS_DIAGNOSIS:
        ref = stand.about[0] if stand.about else None
        found = desk.explain(ref, None if ref else stand.question.namespace)
        lines += diagnosis_lines(found, MOST_CAUSES)
    for line in redacted(Result("", "", tuple(lines))).lines:
        evidence.add(line)


__all__ = ["Footing", "Path", "asked_for_change", "footing", "gather"]
