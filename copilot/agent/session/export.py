"""A conversation as a document: Markdown for people, JSON for machines (`cluster-copilot/session/v1`)."""

from __future__ import annotations

from typing import Any

import msgspec

from copilot.agent.events import Answered, document
from copilot.agent.session.store import Session, Turn

SCHEMA = "cluster-copilot/session/v1"


def as_json(session: Session) -> dict[str, Any]:
    """The JSON value of a conversation."""
    return {
        "schema": SCHEMA,
        "id": session.id,
        "user": session.user,
        "cluster": session.cluster,
        "started": session.started,
        "updated": session.updated,
        "usage": msgspec.to_builtins(session.spent),
        "turns": [_turn(turn) for turn in session.turns],
    }


def _turn(turn: Turn) -> dict[str, Any]:
    head = {"number": turn.number, "at": turn.at, "scope": turn.scope, "question": turn.question}
    if isinstance(turn.said, Answered):
        return {**head, "answer": document(turn.said.answer)}
    return {**head, "refused": {"reason": turn.said.reason, "nearest": turn.said.nearest}}


def as_markdown(session: Session) -> str:
    """A conversation to read or to paste into a ticket."""
    parts = [f"# Conversation {session.id} about cluster {session.cluster}", ""]
    parts += [f"By {session.user}, {session.started} to {session.updated}.", ""]
    for turn in session.turns:
        parts += [f"## {turn.number}. {turn.question}", "", f"*{turn.scope}, {turn.at}*", ""]
        if not isinstance(turn.said, Answered):
            parts += [turn.said.reason, *([turn.said.nearest] if turn.said.nearest else []), ""]
            continue
        answer = turn.said.answer
        parts += [line for sentence in answer.text.split("\n") for line in (sentence, "")]
        for one in answer.citations:
            where = " ".join(part for part in (str(one.object or ""), one.path, one.source) if part)
            parts.append(f"- [{one.number}] {one.text} ({where})")
        parts += [""] if answer.citations else []
        parts += [f"Next: {step.text}: `{step.command}`" for step in answer.steps]
        parts += [f"*{note}*" for note in answer.notes]
        parts += [""]
    if session.spent.calls:
        parts += [f"Model: {session.spent}.", ""]
    return "\n".join(parts)
