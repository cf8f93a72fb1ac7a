"""Says what speaks against a plan by now: what changed since it was made, and what a second judge finds that it does not say.

Promise: it only reads and rehearses. A plan of somebody else is compared with what this process finds itself, never believed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from copilot.changing.break_glass import glass_objection
from copilot.changing.desk import Desk, Traced
from copilot.changing.drafting.drafted import Drafted, Part
from copilot.changing.drafting.nodes import eviction_of, pods_to_evict
from copilot.changing.history import Record
from copilot.changing.judged import Draft
from copilot.changing.undoing import undo_draft
from copilot.model import CopilotError, children, dig, text
from guardrails.journal import Journal
from guardrails.kinds import changeable
from guardrails.operations import Drain, Target
from guardrails.operations.args import EvictArgs
from guardrails.plan import DryRun, FieldChange, ObjectRef, Plan
from guardrails.policy.applying import policy_difference

_PLACEHOLDER = "<secret:"  # a redacted value: two installations write two


def difference(desk: Desk, plan: Plan) -> str:
    """The first thing that is not as it was when the plan was made; "" when all is."""
    if desk.cluster_now() != plan.cluster:
        return "this is another cluster"
    if spoken := policy_difference(plan, desk.policy(), desk.clock(), desk.people):
        return spoken
    bodies = []
    for step in plan.steps:
        body = desk.lookup.find(changeable(step.ref.kind), step.ref.namespace, step.ref.name)
        if other := _other_object(step.ref, body):
            return other
        bodies.append(body or {})
    if newcomers := _newcomers(desk, plan):
        return f"pods have come to {plan.target.title} since: {', '.join(newcomers)}"
    checked = desk.ask_server(plan.id, plan.steps, plan.rollback, bodies)
    if checked.access != plan.computed.ssar:
        return "what you may do has changed"
    return _other_rehearsal(plan.computed.dry_run, checked.rehearsals)


def _newcomers(desk: Desk, plan: Plan) -> list[str]:
    """Pods on a node that is to be drained which the plan does not name."""
    named = {step.ref.uid for step in plan.steps if isinstance(step.args, EvictArgs)}
    if plan.target.kind != "Node" or not named:
        return []
    everything = Drain(Target(plan.target.name), ignore_daemonsets=True)
    pods, _ = pods_to_evict(desk.lookup.pods_on(plan.target.name), everything)
    return [text(pod, "metadata", "name") for pod in pods if text(pod, "metadata", "uid") not in named]


def objection(desk: Desk, journal: Journal, plan: Plan, undone: Record | None) -> str:
    """The first thing that a second judge of the same plan finds against it; "" when there is nothing.

    The judge drafts nothing: the steps are the plan's own. It reads the objects and what stands around them, asks for
    the rights, rehearses, and applies every rule and the site policy of its own installation.
    """
    if desk.cluster_now() != plan.cluster:
        return "this is another cluster"
    parts = []
    for step in plan.steps:
        body = desk.lookup.find(changeable(step.ref.kind), step.ref.namespace, step.ref.name)
        if other := _other_object(step.ref, body):
            return other
        parts.append(Part(step.ref, step.args, body or {}))
    if newcomers := _newcomers(desk, plan):
        return f"pods have come to {plan.target.title} since: {', '.join(newcomers)}"
    if problem := glass_objection(plan, desk.reader, desk.policy(), journal, desk.clock()):
        return problem
    moved_on, own_creation = "", False
    if plan.undoes:
        if undone is None or undone.plan.id != plan.undoes:
            return "what it says that it undoes is not on record"
        try:
            undo = undo_draft(undone, desk.cluster, desk.lookup)
        except CopilotError as error:
            return error.title
        if [(each.ref, each.args) for each in undo.drafted.parts] != [(each.ref, each.args) for each in parts]:
            return f"it is not the way back of plan {plan.undoes}"
        moved_on, own_creation = undo.moved_on, undo.own_creation
    evictions = tuple(eviction_of(part.body) for part in parts if isinstance(part.args, EvictArgs))
    made = Draft(plan.id, Drafted(tuple(parts), evictions=evictions), plan.steps, plan.rollback)
    traced = Traced(plan.taint, plan.intent.operator_message_id) if plan.taint is not None else None
    fresh = desk.judged(
        made,
        plan.intent.words,
        undone,
        moved_on=moved_on,
        own_creation=own_creation,
        glass=plan.break_glass,
        traced=traced,
    )
    return _disagreement(plan, fresh)


def _disagreement(plan: Plan, fresh: Plan) -> str:
    """What the fresh judgement says that the plan does not."""
    if fresh.computed.refusals:
        return fresh.computed.refusals[0]
    if fresh.computed.tier > plan.computed.tier:
        why = [each for each in fresh.computed.reasons if each not in plan.computed.reasons]
        return f"it is of tier {int(fresh.computed.tier)}: {'; '.join(why or fresh.computed.reasons)}"
    if fresh.computed.ssar != plan.computed.ssar:
        return "what you may do is not what it says"
    if other := _other_rehearsal(plan.computed.dry_run, fresh.computed.dry_run):
        return other
    for mine, theirs in zip(fresh.computed.dry_run, plan.computed.dry_run, strict=True):
        if not _same_changes(mine.changes, theirs.changes):
            return "the field changes that it shows are not those of the server's rehearsal"
    if not _same_changes(fresh.computed.changes, plan.computed.changes):
        return "the field changes that it shows are not those of its requests"
    missing = set(fresh.computed.banners) - set(plan.computed.banners)
    return f"it does not say that {missing.pop().manager} manages the object" if missing else ""


def _same_changes(mine: tuple[FieldChange, ...], theirs: tuple[FieldChange, ...]) -> bool:
    return list(map(_plain, mine)) == list(map(_plain, theirs))


def _plain(change: FieldChange) -> FieldChange:
    hidden = {side: _PLACEHOLDER for side in ("before", "after") if _PLACEHOLDER in getattr(change, side)}
    return msgspec.structs.replace(change, **hidden)


def _other_object(ref: ObjectRef, body: dict[str, Any] | None) -> str:
    """Say so when an object is no longer the one, or not at the version, that the plan was made from."""
    if not ref.uid:
        return "" if body is None else f"{ref.title} has been made in the meantime"
    if body is None or dig(body, "metadata", "uid") != ref.uid:
        return f"{ref.title} was deleted" if body is None else f"{ref.title} was made anew"
    version = text(body, "metadata", "resourceVersion")
    if version != ref.resource_version:
        return f"{ref.title} changed (version {ref.resource_version} is now {version}{_writer_of(body)})"
    return ""


def _other_rehearsal(planned: tuple[DryRun, ...], now: tuple[DryRun, ...]) -> str:
    if len(planned) != len(now):
        return "the server's rehearsals are no longer the same"
    for before, after in zip(planned, now, strict=True):
        if (before.state, before.result_sha) != (after.state, after.result_sha):
            return f"the server's rehearsal of the {before.purpose} gives another result{': ' * bool(after.detail)}{after.detail}"
    return ""


def _writer_of(body: dict[str, Any]) -> str:
    """Who wrote last, as far as the object tells."""
    entries = [(text(entry, "time"), text(entry, "manager")) for entry in children(body, "metadata", "managedFields")]
    moment, manager = max(entries, default=("", ""))
    return f", last written by {manager} at {moment}" if manager else ""
