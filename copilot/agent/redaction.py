"""The choke point before any face, for answers: every quoted text loses its secrets and its control characters."""

from __future__ import annotations

from typing import assert_never

import msgspec

from copilot.agent.events import (
    Answer,
    Answered,
    Citation,
    EvidenceFound,
    PlanProposed,
    Refused,
    Step,
    StreamEvent,
    Token,
    ToolCalled,
)
from copilot.redacting import plain


def redact_event(event: StreamEvent) -> StreamEvent:
    """The same event of an answer, fit to be shown."""
    match event:
        case EvidenceFound(citation):
            return EvidenceFound(_citation(citation))
        case Answered(answer):
            return Answered(_answer(answer))
        case Refused():
            return event
        case Token(text):
            return Token(plain(text))
        case ToolCalled():
            return msgspec.structs.replace(
                event,
                name=plain(event.name),
                asked=plain(event.asked),
                searched=plain(event.searched),
                cut=plain(event.cut),
                trouble=plain(event.trouble),
            )
        case PlanProposed(summary, command, warnings):
            return PlanProposed(plain(summary), plain(command), tuple(plain(one) for one in warnings))
    assert_never(event)


def _answer(answer: Answer) -> Answer:
    return msgspec.structs.replace(
        answer,
        question=plain(answer.question),
        text="\n".join(plain(line) for line in answer.text.split("\n")),
        citations=tuple(_citation(citation) for citation in answer.citations),
        steps=tuple(Step(text=plain(step.text), command=plain(step.command)) for step in answer.steps),
        notes=tuple(plain(note) for note in answer.notes),
    )


def _citation(citation: Citation) -> Citation:
    return msgspec.structs.replace(citation, text=plain(citation.text))
