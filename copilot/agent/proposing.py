"""Takes a change that a model proposes and makes an inert plan of it, or a refusal. It approves nothing and sends nothing.

The model's words are read as a typed intent or as kubectl text, never run. Every argument is traced to its source in the
session before the plan is drawn up, and the plan carries what was found, for the person who reads its card.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from copilot.changing.desk import Traced, Tracing, plan_recorded_intent
from copilot.changing.document import intent_of
from copilot.changing.lookup import Found, Lookup, op_of
from copilot.model import CopilotError, Snapshot
from guardrails.display import visible
from guardrails.errors import ChangeRefused, IntentError
from guardrails.kinds import able_to, changeable_of_word
from guardrails.kubectl.asked import asked
from guardrails.operations import Apply, ChangeIntent, CreateJob, Op, Rollback, Scale, Target
from guardrails.plan import Plan
from guardrails.policy.policy import NO_POLICY, Policy
from guardrails.provenance.labels import NEVER_TAINTED, ArgOrigin, Taint
from guardrails.provenance.session import SessionProvenance
from guardrails.provenance.taint import taint
from guardrails.provenance.typed import typed_fields
from guardrails.sentence.words import MOST, NAME, NAMESPACE

MAX_PROPOSAL = 65_536  # bytes: a model that needs more is not proposing one change
_FORMS = 'Propose one change as kubectl text ("kubectl scale deploy/web --replicas=3 -n shop") or as a typed intent.'
_OWNED = {"Deployment": "ReplicaSet", "StatefulSet": "ControllerRevision", "DaemonSet": "ControllerRevision"}


class Proposal(msgspec.Struct, frozen=True):
    """What became of a proposal: a plan for a person to read, or the reason why there is none."""

    plan: Plan | None = None
    refusal: str = ""
    hint: str = ""


class PlanningDesk(Protocol):
    """Where plans are drawn up: a live desk, or one over a recording."""

    def plan_intent(
        self, intent: ChangeIntent, words: str, namespace: str | None = None, *, tracing: Tracing | None = None
    ) -> Plan:
        """Plan one change that was read already."""
        ...


class RecordedDesk:
    """Plans on a recording. What it plans cannot be sent."""

    def __init__(self, snapshot: Snapshot, policy: Policy = NO_POLICY) -> None:
        self._snapshot = snapshot
        self._policy = policy

    def plan_intent(
        self, intent: ChangeIntent, words: str, namespace: str | None = None, *, tracing: Tracing | None = None
    ) -> Plan:
        """Plan one change."""
        return plan_recorded_intent(self._snapshot, intent, words, namespace, self._policy, tracing)


class TaintRefused(ChangeRefused):
    """An argument that runs code, reaches out or names a namespace comes from no source that may say so."""


def propose_plan(proposed: str, session: SessionProvenance, desk: PlanningDesk) -> Proposal:
    """The plan of what a model proposes, with where each argument comes from; or a refusal. Nothing is changed.

    Args:
        proposed: a typed intent as JSON, or one line of kubectl text.
        session: what the operator said, and what the model was shown.
        desk: draws up the plan.
    """
    message_id, said = session.last_message
    try:
        intent = read_proposal(proposed)
        plan = desk.plan_intent(
            intent,
            visible(said),
            None if intent.target.namespace else session.namespace or None,
            tracing=lambda found, lookup: Traced(_traced(intent, found, lookup, session), message_id),
        )
    except CopilotError as error:
        return Proposal(refusal=error.title, hint=error.hint)
    return Proposal(plan=plan)


def read_proposal(proposed: str) -> ChangeIntent:
    """The typed intent that a model wrote.

    Raises:
        IntentError: it is none, or holds what an intent has not.
        KubectlRefused: it is kubectl text that is not taken.
    """
    if len(proposed.encode("utf-8", "surrogatepass")) > MAX_PROPOSAL:
        raise IntentError(f"The proposal has more than {MAX_PROPOSAL} bytes", _FORMS)
    line = proposed.strip()
    if not line.startswith("{"):
        intent, _ = asked((line,))
        return intent
    try:
        given = msgspec.json.decode(line)
        intent = msgspec.convert(given, ChangeIntent)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise IntentError(f"The proposal is no typed intent: {visible(str(error))}", _FORMS) from error
    if unknown := _unknown(given, msgspec.to_builtins(intent)):
        raise IntentError(f"The proposal has a field that its operation has not: {visible(unknown)}", _FORMS)
    return _checked(intent)


def _traced(intent: ChangeIntent, found: Found, lookup: Lookup, session: SessionProvenance) -> Taint:
    """Where the change comes from, once its object is known.

    Raises:
        TaintRefused: an argument of the kind that text may never choose is not the operator's.
    """
    owned = _OWNED.get(found.kind.kind)
    kept = lookup.listed(owned, found.namespace) if owned and op_of(intent) in (Op.SET_IMAGE, Op.ROLLBACK) else []
    typed = typed_fields(found.kind, found.namespace, found.name, found.body, kept)
    if intent.target.namespace is None and not session.namespace:
        session.namespace = found.namespace  # the context that the operator works in
    traced = taint(intent, typed, session)
    refused = [each for each in traced.origins if each.origin.tainted and each.role in NEVER_TAINTED]
    if refused:
        raise TaintRefused(
            "; ".join(map(_refusal, refused)), "Only the operator, in their own words, can ask for this."
        )
    return traced


def _refusal(each: ArgOrigin) -> str:
    where = f" ({visible(each.where)})" if each.where else ""
    return f"The {each.role.value} {visible(each.value)[:200]!r} comes from {each.origin.value}{where}"


def _checked(intent: ChangeIntent) -> ChangeIntent:
    """The same intent, held to what the sentence and the kubectl grammar hold theirs to.

    Raises:
        IntentError: a name or a number is none.
    """
    target = intent.target
    kind = changeable_of_word(target.kind) if target.kind is not None else None
    if target.kind is not None and (kind is None or op_of(intent) not in kind.ops):
        raise IntentError(
            f"Cannot {op_of(intent).value.replace('_', ' ')} a {visible(target.kind)[:100]}",
            f"It works for: {able_to(op_of(intent))}.",
        )
    _require(NAME.fullmatch(target.name) is not None, f"{visible(target.name)[:100]!r} is not an object's name")
    _require(
        target.namespace is None or NAMESPACE.fullmatch(target.namespace) is not None,
        f"{visible(target.namespace or '')[:100]!r} is not a namespace's name",
    )
    grace = getattr(intent, "grace_seconds", None)
    _require(grace is None or 0 < grace <= MOST, "A grace period is at least one second")
    match intent:
        case Scale(replicas=number) | Rollback(revision=number):
            _require(0 <= number <= MOST, f"{number} is not a number of replicas or a revision")
        case CreateJob(job=job):
            _require(NAME.fullmatch(job) is not None, f"{visible(job)[:100]!r} is not a Job's name")
        case Apply(document=document):
            return _applied(document)
    named = Target(target.name, kind.kind if kind else None, target.namespace if not kind or kind.namespaced else None)
    return msgspec.structs.replace(intent, target=named)


def _applied(document: str) -> ChangeIntent:
    """The intent to apply a document; its target is what the document itself names."""
    try:
        body = msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise IntentError("The document is not JSON", _FORMS) from error
    _require(isinstance(body, dict), "The document is not one object")
    return intent_of(body)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise IntentError(otherwise, _FORMS)


def _unknown(given: Any, kept: Any) -> str:
    """The first field that was given and is not part of the intent; "" when there is none."""
    if isinstance(given, dict) and isinstance(kept, dict):
        for key, value in given.items():
            if key not in kept:
                return str(key)
            if inner := _unknown(value, kept[key]):
                return inner
    if isinstance(given, list) and isinstance(kept, list | tuple):
        return next((inner for one, two in zip(given, kept, strict=False) if (inner := _unknown(one, two))), "")
    return ""
