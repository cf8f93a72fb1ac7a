"""What is wanted once the objects are known: a bare name asks for its state, a bare kind for a list, a bare namespace for a summary."""

from __future__ import annotations

import re

from copilot.agent.answers.grouped import grouping
from copilot.agent.answers.properties import asked_properties
from copilot.agent.answers.queues import has_queues
from copilot.agent.answers.schedule import cron_jobs_asked
from copilot.agent.asking import Asking
from copilot.agent.intents import Intent
from copilot.agent.question import Question

_OF_ONE = frozenset(
    {Intent.STATUS, Intent.LIST, Intent.COUNT, Intent.UNCLEAR, Intent.EXTREME, Intent.HOLDERS, Intent.ADDRESS,
     Intent.TOTAL, Intent.SCHEDULE, Intent.DEPENDENCIES}
)  # fmt: skip
_PODLESS = ("ServiceAccount", "Secret", "ConfigMap")


def settled(asking: Asking, question: Question) -> Intent:
    """The intent, after everything that the names change about it."""
    intent = question.intent
    for rule in (
        _grouped,
        _queue,
        _rights,
        _list_of_users,
        _drained,
        _by_request,
        _most_free,
        _restarts,
        _schedule,
        _property,
        _bare,
    ):
        intent = rule(asking, question, intent)
    return intent


def _grouped(asking: Asking, question: Question, intent: Intent) -> Intent:
    """`pods per node`: unless the most or a sum is wanted, the groups are."""
    counted = intent in (Intent.COUNT, Intent.LIST, Intent.UNCLEAR, Intent.STATUS, Intent.WHERE)
    return Intent.GROUPED if counted and question.kind and grouping(asking, question) else intent


def _queue(asking: Asking, question: Question, intent: Intent) -> Intent:
    if intent is Intent.QUOTA and any(ref.kind in ("ClusterQueue", "LocalQueue") for ref in question.refs):
        return Intent.QUEUE
    if intent is Intent.QUOTA and "ClusterQueue" in question.kinds:
        return Intent.QUEUE
    if intent is Intent.FIT and not question.refs and question.namespace:
        return Intent.QUOTA
    if intent is not Intent.QUEUE or has_queues(asking) or not question.refs:
        return intent
    return Intent.STATUS  # a workload that happens to be called so


def _rights(_: Asking, question: Question, intent: Intent) -> Intent:
    """Deleting a named object oneself asks what happens; reaching a Secret asks for rights."""
    own = question.lowered.startswith(("can i ", "may i ", "can we ", "could i "))
    named = [ref for ref in question.refs if ref.kind != "ServiceAccount"]
    changing = any(word in question.lowered for word in ("delete", "remove", "scale", "restart", "evict"))
    if intent is Intent.RIGHTS and own and named and changing:
        return Intent.WHAT_IF
    if intent is Intent.NETWORK and any(ref.kind in _PODLESS for ref in question.refs):
        return Intent.RIGHTS
    if intent is Intent.WHAT_IF and own and not question.refs and question.kind:
        return Intent.RIGHTS
    return intent


def _list_of_users(_: Asking, question: Question, intent: Intent) -> Intent:
    """`which jobs use gpus`: the condition narrows a list; `which pods use redis`: an image, where nothing is named so."""
    if question.refs or intent not in (Intent.DEPENDANTS, Intent.OWNER):
        return intent
    if question.conditions:
        return Intent.LIST
    if intent is Intent.OWNER:
        return intent
    return Intent.IMAGES if question.unknown and question.kind else intent


def _drained(_: Asking, question: Question, intent: Intent) -> Intent:
    """Why a node cannot be drained is what draining it would do."""
    node = question.ref is not None and question.ref.kind == "Node"
    return Intent.WHAT_IF if intent is Intent.WHY and node and "drain" in question.lowered else intent


def _by_request(_: Asking, question: Question, intent: Intent) -> Intent:
    """The biggest consumers by request are ranked; use itself is measured."""
    return Intent.EXTREME if intent is Intent.USAGE and "request" in question.lowered else intent


def _most_free(_: Asking, question: Question, intent: Intent) -> Intent:
    """`which node has the most free memory` ranks nodes; `who holds the memory` does not."""
    ranks = re.search(r"\b(?:most|least|largest|smallest|biggest)\b", question.lowered)
    return Intent.EXTREME if intent is Intent.HOLDERS and question.kind == "Node" and ranks else intent


def _restarts(_: Asking, question: Question, intent: Intent) -> Intent:
    return Intent.RESTARTS if intent is Intent.EXTREME and "restart" in question.lowered else intent


def _schedule(asking: Asking, question: Question, intent: Intent) -> Intent:
    if intent is Intent.SCHEDULE and not question.refs and question.conditions:
        return Intent.LIST
    if intent is Intent.SCHEDULE and question.refs and not cron_jobs_asked(asking, question):
        return Intent.STATUS
    about_cron = any(ref.kind == "CronJob" for ref in question.refs)
    if (
        about_cron
        and intent is Intent.STATUS
        and any(w in question.lowered for w in ("run", "suspend", "succe", "fail"))
    ):
        return Intent.SCHEDULE
    return intent


def _property(asking: Asking, question: Question, intent: Intent) -> Intent:
    """Whether the question names a field of the object: then that field is the answer."""
    ref = question.ref
    if ref is None or intent not in _OF_ONE:
        return intent
    counts_others = question.kind and question.kind != ref.kind and intent in (Intent.LIST, Intent.COUNT, Intent.TOTAL)
    if counts_others or (intent is Intent.ADDRESS and ref.kind not in ("Pod", "Node")):
        return intent
    return Intent.PROPERTY if asked_properties(asking, question, ref) else intent


def _bare(_: Asking, question: Question, intent: Intent) -> Intent:
    ref = question.ref
    if (
        intent in (Intent.UNCLEAR, Intent.STATUS)
        and ref is not None
        and question.kind not in ("", *(one.kind for one in question.refs))
    ):
        return Intent.LIST
    if intent is Intent.LIST and ref is not None and ref.kind == "Node" and not question.kind:
        return intent
    if intent is Intent.UNCLEAR and question.refs:
        return Intent.WHY if question.state is not None else Intent.STATUS
    if intent in (Intent.UNCLEAR, Intent.STATUS) and not question.refs:
        return _without_object(question, intent)
    named = question.ref
    if intent is Intent.LIST and named is not None and question.kind in ("", named.kind):
        return Intent.STATUS
    if (
        intent in (Intent.STATUS, Intent.LIST, Intent.UNCLEAR)
        and question.kind == "Namespace"
        and question.places
        and named is None
    ):
        return Intent.SUMMARY
    if intent in (Intent.LIST, Intent.COUNT, Intent.SUMMARY) and not question.kind and not question.conditions:
        return Intent.SUMMARY if question.places and not question.unknown else intent
    if intent is Intent.WHERE and question.kind and not question.refs:
        return Intent.LIST
    if intent is Intent.ADDRESS and not question.refs and question.conditions:
        return Intent.LIST
    if (
        intent in (Intent.STATUS, Intent.COUNT)
        and not question.refs
        and question.kind
        and "how big" in question.lowered
    ):
        return Intent.LIST
    if intent is Intent.HEALTH and question.kind and question.state is not None and not question.refs:
        return Intent.LIST
    return intent


def _without_object(question: Question, intent: Intent) -> Intent:
    if question.kind == "Namespace" and question.places:
        return Intent.SUMMARY
    if question.kind or question.conditions:
        return Intent.LIST
    if question.places:
        return Intent.HEALTH if question.state is not None else Intent.SUMMARY
    return Intent.HEALTH if question.state is not None else intent
