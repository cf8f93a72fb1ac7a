"""The choke point before any face, for answers: every quoted text loses its secrets and its control characters."""

from __future__ import annotations

from typing import assert_never

import msgspec

from copilot.agent.events import Answer, Answered, Citation, EvidenceFound, Refused, Step, StreamEvent
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
    assert_never(event)


def _answer(answer: Answer) -> Answer:
    return msgspec.structs.replace(
        answer,
        question=plain(answer.question),
        text="\n".join(plain(line) for line in answer.text.split("\n")),
        citations=tuple(_citation(citation) for citation in answer.citations),
        steps=tuple(Step(text=plain(step.text), command=plain(step.command)) for step in answer.steps),
    )


def _citation(citation: Citation) -> Citation:
    return msgspec.structs.replace(citation, text=plain(citation.text))
