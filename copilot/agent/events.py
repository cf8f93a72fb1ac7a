"""What the agent says while it answers. Every face renders the same events; none keeps its own copy of the logic."""

from __future__ import annotations

from typing import Any

import msgspec

from copilot.model import Ref

SCHEMA = "cluster-copilot/answer/v1"


class Citation(msgspec.Struct, frozen=True):
    """Where a sentence's fact stands: an object's field, an event, a log line, a runbook section.

    `object` is None for a document; `source` is where it was read.
    """

    number: int
    text: str
    object: Ref | None = None
    path: str = ""
    source: str = ""


class Step(msgspec.Struct, frozen=True):
    """Something the person can do next, as a command."""

    text: str
    command: str


class Answer(msgspec.Struct, frozen=True):
    """The whole answer. `text` holds sentences with [n] marks that resolve in `citations`.

    `known` is False where the data cannot tell; `scope` names the cluster and the namespace it is about. `notes` say how it
    came about where a model was asked: what was left out, what failed, what it cost; `model` is who wrote it, else empty.
    """

    question: str
    scope: str
    text: str
    citations: tuple[Citation, ...] = ()
    steps: tuple[Step, ...] = ()
    known: bool = True
    notes: tuple[str, ...] = ()
    model: str = ""


class EvidenceFound(msgspec.Struct, frozen=True, tag="evidence_found"):
    """A fact was found and will be cited."""

    citation: Citation


class Answered(msgspec.Struct, frozen=True, tag="answered"):
    """The answer is complete."""

    answer: Answer


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The question will not be answered, and why, with the nearest thing that can be asked."""

    reason: str
    nearest: str = ""


class Token(msgspec.Struct, frozen=True, tag="token"):
    """A piece of the answer that has been checked; a piece that was sent is never taken back."""

    text: str


class ToolCalled(msgspec.Struct, frozen=True, tag="tool_called"):
    """A look at the cluster was taken: what was asked, where was looked, how many facts came of it, what was cut or wrong."""

    name: str
    asked: str
    searched: str
    found: int = 0
    cut: str = ""
    trouble: str = ""


class PlanProposed(msgspec.Struct, frozen=True, tag="plan_proposed"):
    """A change was proposed. It is inert: `command` shows its card, and only a person's yes there can do it."""

    summary: str
    command: str
    warnings: tuple[str, ...] = ()


StreamEvent = EvidenceFound | Answered | Refused | Token | ToolCalled | PlanProposed


def document(answer: Answer) -> dict[str, Any]:
    """The JSON value of an answer: schema `cluster-copilot/answer/v1`."""
    return {
        "schema": SCHEMA,
        "question": answer.question,
        "scope": answer.scope,
        "known": answer.known,
        "text": answer.text,
        "citations": [
            {
                "number": c.number,
                "text": c.text,
                "object": c.object.as_json() if c.object else None,
                "path": c.path,
                "source": c.source,
            }
            for c in answer.citations
        ],
        "steps": [{"text": step.text, "command": step.command} for step in answer.steps],
        **({"model": answer.model} if answer.model else {}),
        **({"notes": list(answer.notes)} if answer.notes else {}),
    }
