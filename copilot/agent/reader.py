"""The deterministic reader: a question in, a stream of events out, with no language model.

What it cannot read it says, and offers the nearest thing that it can; it never guesses an object silently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from copilot.agent.answers.changes import answer_changes
from copilot.agent.answers.inventory import answer_holders, answer_images
from copilot.agent.answers.lists import answer_count, answer_list, answer_restarts, answer_status, answer_where
from copilot.agent.answers.relations import answer_dependants, answer_dependencies, answer_owner
from copilot.agent.answers.texts import answer_events, answer_how, answer_logs
from copilot.agent.answers.why import answer_health, answer_why
from copilot.agent.asking import Asking, Desk
from copilot.agent.draft import Draft, names
from copilot.agent.events import Answered, EvidenceFound, Refused, StreamEvent
from copilot.agent.lexicon import Intent
from copilot.agent.question import Question, read_question
from copilot.model import Ref

Answerer = Callable[[Asking, Question, Draft], None]

_NEEDS_OBJECT = frozenset({Intent.OWNER, Intent.DEPENDANTS, Intent.DEPENDENCIES, Intent.WHERE, Intent.LOGS})
_ABOUT_ONE = _NEEDS_OBJECT | {Intent.WHY, Intent.STATUS}
_ANSWERS: dict[Intent, Answerer] = {
    Intent.WHY: answer_why,
    Intent.HEALTH: answer_health,
    Intent.COUNT: answer_count,
    Intent.LIST: answer_list,
    Intent.WHERE: answer_where,
    Intent.STATUS: answer_status,
    Intent.DEPENDANTS: answer_dependants,
    Intent.DEPENDENCIES: answer_dependencies,
    Intent.OWNER: answer_owner,
    Intent.CHANGED: answer_changes,
    Intent.IMAGES: answer_images,
    Intent.RESTARTS: answer_restarts,
    Intent.HOLDERS: answer_holders,
    Intent.LOGS: answer_logs,
    Intent.EVENTS: answer_events,
    Intent.HOW: answer_how,
}
_EXAMPLES = "Questions I can read: why is X down, which pods are pending, what depends on X, what changed in NS, who holds the GPUs, how do I …"
_TWO = re.compile(r"\?\s+(?=\w)|;\s+|,?\s+and (?=(?:why|what|which|how|where|who|when|is|are)\b)", re.IGNORECASE)


def answer_question(desk: Desk, text: str) -> Iterator[StreamEvent]:
    """Answer a question, clause by clause; the last event is `Answered` or `Refused`."""
    asking = Asking(desk)
    clauses = [clause.strip() for clause in _TWO.split(text) if clause.strip()][:3] or [text.strip()]
    place = f", namespace {desk.namespace}" if desk.namespace else ""
    draft = Draft(text.strip(), f"cluster {asking.graph.snapshot.cluster or 'unnamed'}{place}")
    before: Question | None = None
    for clause in clauses:
        question = _with_context(read_question(clause, asking.graph, desk.namespace), before)
        if question.intent is Intent.CHANGE:
            yield Refused(
                reason="I only read: a question cannot change the cluster.",
                nearest='kubectl copilot do "scale deploy/NAME to 3" plans a change and shows its card first',
            )
            return
        _answer(asking, question, draft)
        before = question
    answer = draft.finish()
    for citation in answer.citations:
        yield EvidenceFound(citation)
    yield Answered(answer)


def _with_context(question: Question, before: Question | None) -> Question:
    """A second clause without an object of its own speaks of the first one's: "why is web down and what changed?"."""
    if before is None or question.refs or question.kind or question.unknown:
        return question
    return Question(
        text=question.text, intent=question.intent, kind=before.kind, refs=before.refs, namespace=before.namespace, state=question.state
    )  # fmt: skip


def _answer(asking: Asking, question: Question, draft: Draft) -> None:
    for word, ref in question.assumed:
        draft.say(f"I take {word!r} to mean {ref}.")
    if question.ambiguous and not question.refs:
        draft.known = False
        draft.say(f"Which one do you mean: {names(sorted(question.ambiguous))}? Name its namespace.")
        return
    intent = _settled(question)
    if not question.refs and _names_something(question, intent):
        _missing(asking, question, draft)
        return
    if intent in _NEEDS_OBJECT and not question.refs:
        draft.known = False
        draft.say(f"Which object do you mean? {_EXAMPLES}.")
        return
    if intent is Intent.UNCLEAR:
        _unclear(asking, question, draft)
        return
    _ANSWERS[intent](asking, question, draft)


def _names_something(question: Question, intent: Intent) -> bool:
    """Whether an unknown word was meant as a name: in a broad question only if it looks like one."""
    if intent in (Intent.HOW, Intent.IMAGES, Intent.UNCLEAR):
        return False
    if intent in _ABOUT_ONE:
        return bool(question.unknown)
    return any(any(mark in word for mark in "-./0123456789") for word in question.unknown)


def _settled(question: Question) -> Intent:
    """The intent once the objects are known: a bare name asks for its state, a bare kind for a list."""
    intent = question.intent
    if intent is Intent.UNCLEAR and question.refs:
        return Intent.WHY if question.state is not None else Intent.STATUS
    if intent in (Intent.UNCLEAR, Intent.STATUS) and not question.refs:
        if question.kind:
            return Intent.LIST
        return Intent.HEALTH if question.state is not None else intent
    if intent is Intent.LIST and question.refs and not question.kind:
        return Intent.STATUS
    if intent is Intent.LIST and question.refs and question.kind == question.refs[0].kind:
        return Intent.STATUS
    if intent is Intent.WHERE and question.kind and not question.refs:
        return Intent.LIST
    if intent is Intent.HEALTH and question.kind and question.state is not None and not question.refs:
        return Intent.LIST
    if intent is Intent.WHY and question.kind == "Namespace" and question.refs and question.refs[0].kind == "Namespace":
        return Intent.WHY
    return intent


def _missing(asking: Asking, question: Question, draft: Draft) -> None:
    """Say that a name fits nothing, and offer the nearest."""
    from retrievers.graph.resolve import nearest_object  # noqa: PLC0415 - only a miss needs it

    draft.known = False
    word = question.unknown[0]
    near: Ref | None = nearest_object(asking.graph, word, question.namespace)
    where = f" in namespace {question.namespace}" if question.namespace else ""
    kind = f"{question.kind} " if question.kind else "object "
    draft.say(f"No {kind}named {word!r} was read{where}." + (f" The nearest is {near}." if near else ""))
    if near:
        draft.offer(f"Ask about {near}", f'kubectl copilot ask "{question.text.replace(word, near.name)}"{near.flags}')


def _unclear(asking: Asking, question: Question, draft: Draft) -> None:
    draft.known = False
    draft.say("I cannot read that as a question about this cluster.")
    passages = asking.desk.search(question.text, 1) if len(question.text.split()) > 1 else ()
    for passage in passages[:1]:
        draft.say(
            f"The nearest page is {passage.title}.",
            draft.cite_document(passage.title, passage.section, passage.title, passage.source),
        )
    draft.say(_EXAMPLES + ".")
