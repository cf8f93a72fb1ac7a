"""The deterministic reader: a question in, a stream of events out, with no language model.

What it cannot read it says, and offers the nearest thing that it can; it never guesses an object silently.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator

import msgspec

from copilot.agent.answers.address import answer_address
from copilot.agent.answers.beyond import answer_beyond, answer_outside, answer_usage
from copilot.agent.answers.changes import answer_changes
from copilot.agent.answers.compare import answer_compare
from copilot.agent.answers.devices import answer_devices
from copilot.agent.answers.extremes import answer_extreme, answer_total
from copilot.agent.answers.fit import answer_fit
from copilot.agent.answers.grouped import answer_grouped
from copilot.agent.answers.holders import answer_holders
from copilot.agent.answers.images import answer_images
from copilot.agent.answers.lists import answer_count, answer_list, answer_restarts, answer_where
from copilot.agent.answers.network import answer_network
from copilot.agent.answers.past import answer_past
from copilot.agent.answers.properties import answer_detail, answer_properties, answer_status
from copilot.agent.answers.queues import answer_queue
from copilot.agent.answers.quota import answer_quota
from copilot.agent.answers.relations import answer_author, answer_dependants, answer_dependencies, answer_owner
from copilot.agent.answers.rights import answer_rights
from copilot.agent.answers.schedule import answer_schedule
from copilot.agent.answers.summary import answer_summary, answer_versions
from copilot.agent.answers.texts import answer_events, answer_how, answer_logs
from copilot.agent.answers.what_if import answer_what_if
from copilot.agent.answers.why import answer_health, answer_why
from copilot.agent.asking import Asking, Desk
from copilot.agent.draft import Draft, names
from copilot.agent.events import Answered, EvidenceFound, Refused, StreamEvent
from copilot.agent.intents import Intent
from copilot.agent.question import Question, read_question
from copilot.agent.settle import settled
from copilot.agent.unreadable import not_shown, refused_kinds, unread_place
from copilot.model import Ref

Answerer = Callable[[Asking, Question, Draft], None]

_NEEDS_OBJECT = frozenset(
    {
        Intent.OWNER,
        Intent.AUTHOR,
        Intent.DEPENDANTS,
        Intent.DEPENDENCIES,
        Intent.WHERE,
        Intent.LOGS,
        Intent.FIT,
        Intent.WHAT_IF,
    }
)
_DETAILED = frozenset({Intent.STATUS, Intent.LIST, Intent.DEPENDENCIES, Intent.WHERE})
_ABOUT_ONE = _NEEDS_OBJECT | {Intent.WHY, Intent.STATUS, Intent.SCHEDULE}
_OPEN = frozenset(
    {
        Intent.HOW,
        Intent.IMAGES,
        Intent.UNCLEAR,
        Intent.RIGHTS,
        Intent.BEYOND,
        Intent.OUTSIDE,
        Intent.HEALTH,
        Intent.ADDRESS,
        Intent.PAST,
    }
)
_PLACELESS = frozenset({Intent.RIGHTS, Intent.HOW, Intent.OUTSIDE, Intent.BEYOND, Intent.UNCLEAR, Intent.PAST})
_OBJECTS = {Intent.NETWORK: 2, Intent.COMPARE: 2}  # answers about two objects
_ANSWERS: dict[Intent, Answerer] = {
    Intent.WHY: answer_why,
    Intent.HEALTH: answer_health,
    Intent.COUNT: answer_count,
    Intent.LIST: answer_list,
    Intent.WHERE: answer_where,
    Intent.STATUS: answer_status,
    Intent.SUMMARY: answer_summary,
    Intent.DEPENDANTS: answer_dependants,
    Intent.DEPENDENCIES: answer_dependencies,
    Intent.OWNER: answer_owner,
    Intent.CHANGED: answer_changes,
    Intent.AUTHOR: answer_author,
    Intent.IMAGES: answer_images,
    Intent.RESTARTS: answer_restarts,
    Intent.HOLDERS: answer_holders,
    Intent.DEVICES: answer_devices,
    Intent.QUEUE: answer_queue,
    Intent.QUOTA: answer_quota,
    Intent.FIT: answer_fit,
    Intent.WHAT_IF: answer_what_if,
    Intent.SCHEDULE: answer_schedule,
    Intent.COMPARE: answer_compare,
    Intent.RIGHTS: answer_rights,
    Intent.NETWORK: answer_network,
    Intent.ADDRESS: answer_address,
    Intent.VERSIONS: answer_versions,
    Intent.USAGE: answer_usage,
    Intent.EXTREME: answer_extreme,
    Intent.TOTAL: answer_total,
    Intent.PROPERTY: answer_properties,
    Intent.GROUPED: answer_grouped,
    Intent.LOGS: answer_logs,
    Intent.EVENTS: answer_events,
    Intent.HOW: answer_how,
    Intent.PAST: answer_past,
    Intent.BEYOND: answer_beyond,
    Intent.OUTSIDE: answer_outside,
}
_EXAMPLES = (
    "Questions I can read: why is X down, which pods are pending, what depends on X, what changed in NS, who holds the GPUs, "
    "would one more X fit, who can delete pods in NS, can A talk to B, compare A and B, what happens if I drain N, how do I …"
)
_ASKS_OF_NAME = re.compile(r"\bwhy (?:is|are|does|do|did|can|was|were|has|have)\b|\bwrong with\b|\bup with\b|[-/0-9]")
_TWO = re.compile(
    r"\?\s+(?=\w)|;\s+|,?\s+and (?=(?:on |in |at |from |to |by |with )?(?:why|what|which|how|where|who|when|is|are|does|do|did|can)\b)",
    re.IGNORECASE,
)


def answer_question(desk: Desk, text: str) -> Iterator[StreamEvent]:
    """Answer a question, clause by clause; the last event is `Answered` or `Refused`."""
    asking = Asking(desk)
    clauses = [clause.strip() for clause in _TWO.split(text) if clause.strip()][:3] or [text.strip()]
    place = f", namespace {desk.namespace}" if desk.namespace else ""
    draft = Draft(text.strip(), f"cluster {asking.graph.snapshot.cluster or 'unnamed'}{place}")
    for question in _questions(asking, text, clauses):
        if question.intent is Intent.CHANGE:
            yield Refused(
                reason="I only read: a question cannot change the cluster.",
                nearest='kubectl copilot do "scale deploy/NAME to 3" plans a change and shows its card first',
            )
            return
        _answer(asking, question, draft)
    answer = draft.finish()
    for citation in answer.citations:
        yield EvidenceFound(citation)
    yield Answered(answer)


def _questions(asking: Asking, text: str, clauses: list[str]) -> list[Question]:
    """The clauses read one by one; courtesies fall away, and what makes no sense alone belongs to the whole sentence."""
    namespace = asking.desk.namespace
    read: list[Question] = []
    for clause in clauses:
        read.append(_with_context(read_question(clause, asking, namespace), read[-1] if read else None))
    meant = [question for question in read if question.intent is not Intent.OUTSIDE] or read[:1]
    if len(meant) > 1 and any(settled(asking, question) is Intent.UNCLEAR for question in meant):
        return [read_question(text, asking, namespace)]
    return meant


def _with_context(question: Question, before: Question | None) -> Question:
    """A second clause without an object of its own speaks of the first one's: "why is web down and what changed?"."""
    if before is None or question.refs or question.kind or question.unknown:
        return question
    return msgspec.structs.replace(
        question,
        kind=before.kind,
        kinds=before.kinds,
        refs=before.refs,
        namespace=before.namespace,
        places=before.places,
    )


def _answer(asking: Asking, question: Question, draft: Draft) -> None:
    intent = settled(asking, question)
    if intent is Intent.COUNT and question.refs and not question.kind:
        intent = Intent.STATUS
    for word, meant in question.respelt:
        draft.say(f"I read {word!r} as {meant!r}.")
    for word, ref in question.assumed:
        draft.say(f"I take {word!r} to mean {ref}.")
    if intent not in _PLACELESS and _elsewhere(asking, question, draft):
        return
    few = len(question.refs) < _OBJECTS.get(intent, 1)
    if question.ambiguous and few and intent not in _OPEN and not (question.refs and intent is not Intent.NETWORK):
        draft.known = False
        draft.say(f"Which one do you mean: {names(sorted(question.ambiguous))}? Name its namespace.")
    elif few and _names_something(question, intent):
        _missing(asking, question, draft)
        if intent is Intent.WHY and not _ASKS_OF_NAME.search(question.lowered):
            draft.known = True
            answer_why(asking, question, draft)
    elif intent in _NEEDS_OBJECT and not question.refs:
        draft.known = False
        draft.say(f"Which object do you mean? {_EXAMPLES}.")
    elif intent is Intent.UNCLEAR:
        _unclear(asking, question, draft)
    elif not (intent in _DETAILED and answer_detail(asking, question, draft)):
        _ANSWERS[intent](asking, question, draft)


def _elsewhere(asking: Asking, question: Question, draft: Draft) -> bool:
    """Whether a question is about a namespace of which nothing was read, as who may not list namespaces learns of none."""
    place = unread_place(asking, question)
    if not place or "Namespace" not in refused_kinds(asking, None):
        return False
    draft.known = False
    draft.say(f"Nothing of namespace {place} was read, and you may not list namespaces: name it with -n.")
    draft.offer("Ask there", f"kubectl copilot ask {shlex.quote(question.text)} -n {place}")
    return True


def _names_something(question: Question, intent: Intent) -> bool:
    """Whether an unknown word was meant as a name: in a broad question only if it looks like one."""
    if intent is Intent.HEALTH and question.intent in (Intent.STATUS, Intent.UNCLEAR):
        return bool(question.unknown)
    if intent in _OPEN or (intent in _OBJECTS and len(question.places) >= 2):
        return False
    if intent in _ABOUT_ONE or intent in _OBJECTS:
        return bool(question.unknown)
    return any(any(mark in word for mark in "-./0123456789") for word in question.unknown)


def _missing(asking: Asking, question: Question, draft: Draft) -> None:
    """Say that a name fits nothing, and offer the nearest."""
    from retrievers.graph.resolve import nearest_object  # noqa: PLC0415 - only a miss needs it

    draft.known = False
    word = question.unknown[0]
    near: Ref | None = nearest_object(asking.graph, word, question.namespace)
    where = f" in namespace {question.namespace}" if question.namespace else ""
    kind = f"{question.kind} " if question.kind else "object "
    draft.say(f"No {kind}named {word!r} was read{where}." + (f" The nearest is {near}." if near else ""))
    hidden = [one for one in refused_kinds(asking, question.namespace) if not question.kind or one == question.kind]
    if hidden:
        draft.say(f"You may not read {not_shown(hidden, question.namespace)}, so it may be there all the same.")
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
