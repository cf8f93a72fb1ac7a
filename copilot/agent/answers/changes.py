"""What changed, and when: new revisions, edits, conditions and events, newest first, with who wrote them where that is kept."""

from __future__ import annotations

import re
from datetime import timedelta

from copilot.agent.asking import Asking
from copilot.agent.draft import Draft
from copilot.agent.question import Question
from copilot.diagnosis.changes import around, changes_in
from copilot.model import age_text
from copilot.model.moment import stamp

_DEFAULT_WINDOW = timedelta(hours=24)
_TOLD = 10
_WINDOW = re.compile(
    r"\b(?:last|past|since|within)\b[^0-9]{0,12}(\d{1,4})?\s*(m|min|minutes?|h|hours?|d|days?|w|weeks?)\b"
)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def window(question: str) -> timedelta:
    """How far back the question looks; a day where it does not say."""
    if "today" in question or "yesterday" in question:
        return timedelta(days=2 if "yesterday" in question else 1)
    match = _WINDOW.search(question.lower())
    return int(match[1] or 1) * _UNITS[match[2][0]] if match else _DEFAULT_WINDOW


def answer_changes(asking: Asking, question: Question, draft: Draft) -> None:
    """Tell the newest changes to the objects asked about, or in the scope."""
    span = window(question.text)
    since = asking.now - span
    wanted = [ref for named in question.refs for ref in around(asking.graph, named)] if question.refs else None
    newest = [
        change
        for change in changes_in(asking.graph, wanted, since)
        if wanted is not None or question.namespace in (None, change.object.namespace)
    ]
    about = (
        str(question.refs[0])
        if question.refs
        else f"namespace {question.namespace}"
        if question.namespace
        else "the cluster"
    )
    if not newest:
        draft.say(
            f"Nothing that was read of {about} changed in the {age_text(span.total_seconds())} before it was read."
        )
        return
    draft.say(f"What changed in {about}, newest first:")
    for change in newest[:_TOLD]:
        ago = age_text((asking.now - change.at).total_seconds())
        draft.say(
            f"{stamp(change.at)} ({ago} before this was read): {change.object} {change.text}",
            draft.cite_ref(change.object, change.path, change.text, change.source),
        )
    if len(newest) > _TOLD:
        draft.say(f"and {len(newest) - _TOLD} earlier changes.")
