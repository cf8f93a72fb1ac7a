"""Has this happened before, and which past incidents are remembered: quotes, marked as such, never advice.

The very same trouble is told by its kind, cause and field. Words alone find an incident only for who asks for incidents.
"""

from __future__ import annotations

import re

from copilot.agent.asking import Asking, ClusterSearcher, Finds, Shelf
from copilot.agent.draft import Draft
from copilot.agent.question import Question
from copilot.model import CopilotError, Ref

MOST = 4
_ASKS_FOR_INCIDENTS = re.compile(r"\b(?:incidents?|outages?)\b")
_NO_SYMPTOM = re.compile(r"\b(?:any|are|about|been|did|do|does|ever|for|have|has|in|is|like|of|on|the|there|this|we|what|which|were|with|you|show|list|tell|me|past|previous|earlier|similar|known|before|remember\w*|incidents?|outages?|memory|history)\b|[?!.,]")  # fmt: skip


def answer_past(asking: Asking, question: Question, draft: Draft) -> None:
    """Quote what was written down about the very same cause; about the words, where incidents are asked for."""
    told = _same_cause(asking, question, draft)
    if _ASKS_FOR_INCIDENTS.search(question.lowered):
        told |= _by_words(asking, question, draft, told)
    if told:
        return
    draft.known = False
    draft.say("Nothing is remembered that you may read about this trouble.")
    about = f"{question.refs[0].argument}{question.refs[0].flags}" if question.refs else "KIND/NAME"
    draft.offer("Remember what was wrong and what helped", f'kubectl copilot remember {about} --cause "…" --fix "…"')


def _same_cause(asking: Asking, question: Question, draft: Draft) -> set[str]:
    """Of the causes that are found now; the quotes that were told."""
    told: set[str] = set()
    refs: tuple[Ref | None, ...] = question.refs[:2] or (None,)
    for ref in refs:
        for cause in asking.desk.explain(ref, question.namespace if ref is None else None).root_causes[:MOST]:
            for entry in cause.remembered:
                if entry.quote in told:
                    continue
                told.add(entry.quote)
                fact = draft.cite_document("incident memory", entry.at[:10], entry.quote, "memory")
                draft.say(f"The same cause was seen before on a {cause.object.kind}; quoted and not checked: {entry.quote}.", fact)  # fmt: skip
    return told


def _by_words(asking: Asking, question: Question, draft: Draft, told: set[str]) -> set[str]:
    """Of the stored incidents, those not told yet."""
    named = " ".join(f"{ref.kind} {ref.name} {ref.namespace}" for ref in question.refs[:2])
    words = f"{' '.join(_NO_SYMPTOM.sub(' ', question.lowered).split())} {named}".strip()
    finds = _found(asking, words or "wrote cause fix")
    fresh = [one for one in finds.found if one.text not in told]
    for one in fresh:
        fact = draft.cite_document(one.title, "", one.text, one.source)
        draft.say(f"By its words alone, and not checked: {one.title}: {one.text}.", fact)
    for note in finds.notes:
        draft.say(f"Past incidents: {note}.")
    return {one.text for one in fresh}


def _found(asking: Asking, words: str) -> Finds:
    if not isinstance(asking.desk, ClusterSearcher):
        return Finds()
    try:
        return asking.desk.search_cluster(words, (Shelf.INCIDENTS,), MOST)
    except CopilotError as error:
        return Finds(notes=(f"they were not searched: {error.title.rstrip('.')}",))
