"""A conversation as a document: Markdown for people, JSON for machines (`cluster-copilot/session/v1`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from copilot.agent.events import Answered, document
from copilot.agent.session.proposals import Proposed
from copilot.agent.session.store import Session, Turn
from copilot.changing.once import Standing

SCHEMA = "cluster-copilot/session/v1"


Standings = Mapping[int, Standing]  # of the proposals by their number, as far as the journal could be read
NOT_READ = "the journal could not be read"


def as_json(session: Session, standings: Standings) -> dict[str, Any]:
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
        "proposals": [_proposal(one, standings.get(one.number)) for one in session.proposals],
    }


def _proposal(one: Proposed, came: Standing | None) -> dict[str, Any]:
    """`plans` are all that were made of it; `plan` is the one that was agreed to and used up."""
    return {
        "number": one.number,
        "at": one.at,
        "by": "person" if one.own else "model",
        "text": one.text,
        "summary": one.summary,
        "state": came.came.value if came else None,
        "outcome": came.text if came else NOT_READ,
        "plan": came.used.plan.id if came and came.used else None,
        "plans": [each.plan for each in one.offers],
    }


def _turn(turn: Turn) -> dict[str, Any]:
    head = {"number": turn.number, "at": turn.at, "scope": turn.scope, "question": turn.question}
    if isinstance(turn.said, Answered):
        return {**head, "answer": document(turn.said.answer)}
    return {**head, "refused": {"reason": turn.said.reason, "nearest": turn.said.nearest}}


def as_markdown(session: Session, standings: Standings) -> str:
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
    if session.proposals:
        parts += ["## Proposed changes", ""]
        for change in session.proposals:
            came = standings.get(change.number)
            state, told = (came.came.value, came.text) if came else ("not known", NOT_READ)
            parts.append(f"{change.number}. {change.summary}, by {'the person' if change.own else 'the model'}: `{change.text}`. **{state}**: {told}.")  # fmt: skip
        parts += [""]
    if session.spent.calls:
        parts += [f"Model: {session.spent}.", ""]
    return "\n".join(parts)
