"""Finds the way back of an earlier change. It is a new draft from the present object, judged and approved like any other."""

from __future__ import annotations

from typing import assert_never

import msgspec

from copilot.changing.drafting.draft import scaled
from copilot.changing.drafting.drafted import Drafted, Part, turned
from copilot.changing.history import PlanState, Record
from copilot.changing.lookup import Found, Lookup, ref_of
from copilot.model import number, text
from guardrails.diff import covers
from guardrails.errors import ChangeRefused, IntentError
from guardrails.kinds import Changeable, changeable
from guardrails.operations.args import (
    ApplyArgs,
    CreateJobArgs,
    DeleteArgs,
    Edit,
    EditArgs,
    EvictArgs,
    RestartArgs,
    ScaleArgs,
)
from guardrails.operations.edits import applied, json_text, steps_of, value_at, value_of
from guardrails.operations.intents import Cascade
from guardrails.operations.op import Op
from guardrails.plan import ClusterId, ObjectRef, Step

_ASK_ANEW = "Ask for the change you want with do."


class Undo(msgspec.Struct, frozen=True):
    """The way back. `moved_on` says what others did since; `own_creation` that it takes away what a plan here made."""

    drafted: Drafted
    moved_on: str = ""
    own_creation: bool = False


def undo_draft(record: Record, cluster: ClusterId, lookup: Lookup) -> Undo:
    """Draft the way back of what was carried out of a plan.

    Raises:
        ChangeRefused: the plan was never applied, was for another cluster, or cannot be undone.
    """
    plan = record.plan
    if record.state not in (PlanState.APPLIED, PlanState.PARTIAL):
        raise ChangeRefused(
            f"Plan {plan.id} was not applied (it is: {record.state.value}), so there is nothing to undo",
            f"kubectl copilot audit {plan.id} shows what happened.",
        )
    if (plan.cluster.uid, plan.cluster.server_ca_sha256) != (cluster.uid, cluster.server_ca_sha256):
        raise ChangeRefused(
            f"Plan {plan.id} was for the cluster {plan.cluster.context} ({plan.cluster.server}), this is {cluster.server}",
            "Choose that cluster with --context.",
        )
    done = [(index, plan.steps[index - 1]) for index in record.applied]
    undos = [undo for index, step in reversed(done) if (undo := _undo(record, index, step, lookup)) is not None]
    if not undos:
        raise ChangeRefused(*_no_way_back(plan.steps[0]))
    return Undo(
        drafted=Drafted(
            parts=tuple(part for undo in undos for part in undo.drafted.parts),
            back=tuple(part for undo in reversed(undos) for part in undo.drafted.back),
        ),
        moved_on="; ".join(undo.moved_on for undo in undos if undo.moved_on),
        own_creation=all(undo.own_creation for undo in undos),
    )


def _undo(record: Record, index: int, step: Step, lookup: Lookup) -> Undo | None:
    """The way back of one step; None where there is none."""
    match step.args:
        case ScaleArgs(before=before, after=after):
            found = _found(record, step.ref, lookup)
            now = number(found.body, "spec", "replicas", default=1)
            moved = f"plan {record.plan.id} had set {after} replicas, and someone has set {now} since"
            return Undo(scaled(found, before), "" if now == after else moved)
        case EditArgs():
            return _edited_back(record, step.ref, turned(step.args), lookup)
        case ApplyArgs(exists=exists):
            if not exists:
                return _taken_away(record, index, changeable(step.ref.kind), step.ref, lookup)
            back = record.plan.rollback[0].args if record.plan.rollback else None
            return _edited_back(record, step.ref, back, lookup) if isinstance(back, EditArgs) else None
        case CreateJobArgs(job=job):
            ref = msgspec.structs.replace(step.ref, name=job)
            return _taken_away(record, index, changeable("Job"), ref, lookup)
        case DeleteArgs():
            return _made_again(record, step, lookup)
        case RestartArgs() | EvictArgs():
            return None
        case _:
            assert_never(step.args)


def _edited_back(record: Record, ref: ObjectRef, back: EditArgs, lookup: Lookup) -> Undo:
    found = _found(record, ref, lookup)
    edits, moved = [], []
    for edit in back.edits:
        now = json_text(value_at(found.body, edit.pointer))
        if _is_insertion(edit):
            edits.append(edit)
            continue
        if not covers(value_of(edit.before), value_of(now)):
            if any(step.isdigit() for step in steps_of(edit.pointer)):
                raise ChangeRefused(f"{ref.title} has another {edit.pointer} since plan {record.plan.id}", _ASK_ANEW)
            moved.append(f"someone has changed {edit.pointer} since plan {record.plan.id}")
        edits.append(msgspec.structs.replace(edit, before=now))
    args = msgspec.structs.replace(back, edits=tuple(edits))
    try:
        applied(found.body, args.edits)
    except IntentError as error:
        raise ChangeRefused(
            f"{ref.title} is shaped otherwise since plan {record.plan.id}: {error.title}", _ASK_ANEW
        ) from error
    again = turned(args)
    return Undo(
        Drafted(parts=(Part(found.ref, args, found.body),), back=(Part(found.ref, again, found.body),)),
        "; ".join(moved),
    )


def _taken_away(record: Record, index: int, kind: Changeable, ref: ObjectRef, lookup: Lookup) -> Undo | None:
    """Delete what a step created, if it is still that object."""
    body = lookup.find(kind, ref.namespace, ref.name)
    created = record.created(index)
    if body is None or not created or text(body, "metadata", "uid") != created:
        raise ChangeRefused(
            f"What plan {record.plan.id} created is gone, or was made anew", "There is nothing to undo."
        )
    if Op.DELETE not in kind.ops:
        return None
    changed = number(body, "metadata", "generation", default=1) > 1
    moved = f"someone has changed it since plan {record.plan.id} created it" if changed else ""
    part = Part(ref_of(kind, ref.namespace, ref.name, body), DeleteArgs(Cascade.BACKGROUND), body)
    lost = (f"{part.ref.title} itself: what it has done by now stays done",)
    return Undo(Drafted(parts=(part,), irreversible=lost), moved, own_creation=True)


def _made_again(record: Record, step: Step, lookup: Lookup) -> Undo | None:
    """Make a deleted object again from the document that the plan holds, unless someone else has."""
    back = next((one.args for one in record.plan.rollback if one.ref == step.ref), None)
    if not isinstance(back, ApplyArgs):
        return None
    kind, ref = changeable(step.ref.kind), step.ref
    if lookup.find(kind, ref.namespace, ref.name) is not None:
        raise ChangeRefused(
            f"{ref.title} is there: it was made anew since plan {record.plan.id}, or still ends", _ASK_ANEW
        )
    part = Part(ref_of(kind, ref.namespace, ref.name, {}), back, {})
    return Undo(Drafted(parts=(part,), way_back=f"delete {ref.title}"))


def _found(record: Record, ref: ObjectRef, lookup: Lookup) -> Found:
    kind = changeable(ref.kind)
    body = lookup.find(kind, ref.namespace, ref.name)
    if body is None or text(body, "metadata", "uid") != ref.uid:
        how = "deleted" if body is None else "deleted and made anew"
        raise ChangeRefused(f"{ref.title} was {how} since plan {record.plan.id}", _ASK_ANEW)
    return Found(kind, ref.namespace, ref.name, body)


def _no_way_back(step: Step) -> tuple[str, str]:
    ref = step.ref
    where = f" -n {ref.namespace}" if ref.namespace else ""
    why = f"kubectl copilot why {ref.kind.lower()}/{ref.name}{where}"
    if isinstance(step.args, RestartArgs):
        return (
            f"A restart cannot be undone: {ref.title} got new pods from the same template, nothing else changed",
            f"If the new pods are bad, the cause is elsewhere: {why}",
        )
    if isinstance(step.args, EvictArgs):
        return f"An eviction cannot be undone: {ref.title} has ended, and its owner makes a new one", f"See {why}"
    if isinstance(step.args, DeleteArgs):
        return f"This deletion cannot be undone: of {ref.title} no copy was kept", "Make it again from its source."
    return f"There is no way back for {ref.title}: its old values are not kept", _ASK_ANEW


def _is_insertion(edit: Edit) -> bool:
    return not edit.before and edit.pointer.rpartition("/")[2].isdigit()
