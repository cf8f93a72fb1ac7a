"""Makes the plan: the target, its requests, what the checks found, and what was not checked. It sends nothing itself."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, assert_never

import msgspec

from copilot.model import dig, text
from copilot.model.moment import stamp
from guardrails.diff import body_sha, field_changes, field_text
from guardrails.facts import Case, Surroundings
from guardrails.intent import ChangeIntent, RestartIntent, ScaleIntent
from guardrails.kinds import Workload
from guardrails.managers import managers_of
from guardrails.plan import (
    SCHEMA,
    Access,
    Blast,
    ClusterId,
    Computed,
    DryRun,
    DryRunState,
    FieldChange,
    Intent,
    ObjectRef,
    Op,
    Plan,
    Preimage,
    Requester,
    RestartArgs,
    ScaleArgs,
    Step,
)
from guardrails.redaction import redact
from guardrails.requests import compile_request, fields_written
from guardrails.steps import Outcome, SendState
from guardrails.tiers import judge, pods_disrupted
from guardrails.workload import WorkloadState, workload_state

PLAN_TTL = timedelta(minutes=15)  # as long as the longest approval of it
_RECORDED = "whether the cluster still looks like this: it was read from a recording, so nothing can be sent"


class Draft(msgspec.Struct, frozen=True):
    """A change before the server was asked anything: the steps, and the object they were made from."""

    plan_id: str
    step: Step
    rollback: Step | None
    body: dict[str, Any]
    state: WorkloadState


class Checked(msgspec.Struct, frozen=True):
    """What the server said to a draft. Empty in read-only mode."""

    access: tuple[Access, ...] = ()
    rehearsals: tuple[DryRun, ...] = ()


class Circumstances(msgspec.Struct, frozen=True):
    """Where, who, when and around what."""

    cluster: ClusterId
    requester: Requester
    words: str
    now: datetime
    around: Surroundings
    recorded: bool = False
    changes_on: bool = False
    changed_lately: bool = False
    undoes: str = ""
    moved_on: str = ""


def draft(intent: ChangeIntent, kind: Workload, namespace: str, body: dict[str, Any], now: datetime) -> Draft:
    """Turn an intent and the object it means into typed steps bound to the object's uid and version."""
    ref = ObjectRef(
        group=kind.group,
        version=kind.version,
        resource=kind.resource,
        kind=kind.kind,
        namespace=namespace,
        name=intent.name,
        uid=text(body, "metadata", "uid"),
        resource_version=text(body, "metadata", "resourceVersion"),
    )
    state = workload_state(kind.kind, body)
    args: ScaleArgs | RestartArgs
    rollback = None
    match intent:
        case ScaleIntent(replicas=replicas):
            args = ScaleArgs(before=state.replicas, after=replicas)
            back = ScaleArgs(before=replicas, after=state.replicas)
            rollback = Step(Op.SCALE, ref, back, compile_request(ref, back))
        case RestartIntent():
            args = RestartArgs(restarted_at=stamp(now))
        case _:
            assert_never(intent)
    step = Step(intent.op, ref, args, compile_request(ref, args))
    return Draft(secrets.token_hex(6), step, rollback, body, state)


def rehearsal_of(purpose: str, step: Step, outcome: Outcome, before: Mapping[str, Any]) -> DryRun:
    """What a server-side dry run showed, against the object as it was. Values pass through redaction."""
    if outcome.state in (SendState.UNKNOWN, SendState.NOT_SENT):
        return DryRun(purpose, DryRunState.NOT_DONE, (), "", outcome.message)
    if outcome.state is not SendState.APPLIED:
        # A webhook with side effects makes the server answer 400; the change itself may be fine.
        unable = outcome.status == 400 and "dry run" in outcome.message.lower()
        state = DryRunState.NOT_DONE if unable else DryRunState.REFUSED
        return DryRun(purpose, state, (), "", redact(outcome.message))
    old, new = _comparable(step, before, outcome.body)
    changes = field_changes(old, new, fields_written(step.args))
    other = _not_as_asked(step, new)
    shown = tuple(_redacted(change) for change in changes)
    return DryRun(purpose, DryRunState.REFUSED if other else DryRunState.DONE, shown, body_sha(new), other)


def assemble(made: Draft, checked: Checked, around: Circumstances) -> Plan:
    """Judge the draft and write the plan."""
    step = made.step
    managers = managers_of(made.body)
    first = checked.rehearsals[0] if checked.rehearsals else None
    case = Case(
        ref=step.ref,
        args=step.args,
        state=made.state,
        around=around.around,
        managers=managers,
        access=checked.access,
        rehearsed=first.state if first else None,
        rehearsal_detail=first.detail if first else "",
        way_back=checked.rehearsals[1].state if len(checked.rehearsals) > 1 else None,
        changed_lately=around.changed_lately,
        is_undo=bool(around.undoes),
        moved_on=around.moved_on,
    )
    judged = judge(case)
    pointers = sorted(fields_written(step.args))
    return Plan(
        schema=SCHEMA,
        id=made.plan_id,
        cluster=around.cluster,
        requester=around.requester,
        intent=Intent(operator_message_id=f"cli/{made.plan_id}", words=around.words),
        steps=(step,),
        rollback=(made.rollback,) if made.rollback else (),
        preimages=(
            Preimage(step.ref, body_sha(made.body), tuple((each, field_text(made.body, each)) for each in pointers)),
        ),
        computed=Computed(
            tier=judged.tier,
            reasons=judged.reasons,
            refusals=judged.refusals,
            banners=tuple(manager.banner for manager in managers),
            blast=Blast(made.state.replicas, made.state.ready, pods_disrupted(case), around.around.dependants),
            changes=_changes(made, checked),
            dry_run=checked.rehearsals,
            ssar=checked.access,
            irreversible=_irreversible(case),
            not_checked=_not_checked(case, checked, around),
        ),
        not_before=stamp(around.now),
        expires=stamp(around.now + PLAN_TTL),
        undoes=around.undoes,
    )


def planned_changes(step: Step, body: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """The field diff that the request alone makes, for when the server was not asked."""
    pointer = next(iter(fields_written(step.args)))
    value: Any = step.args.after if isinstance(step.args, ScaleArgs) else step.args.restarted_at
    return (FieldChange(pointer, field_text(body, pointer), json.dumps(value), asked=True),)


def _comparable(
    step: Step, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Both sides in one shape: the scale subresource answers with a Scale, which has the number only."""
    if isinstance(step.args, ScaleArgs):
        return {"spec": {"replicas": dig(before, "spec", "replicas")}}, {
            "spec": {"replicas": dig(after, "spec", "replicas")}
        }
    return before, after


def _not_as_asked(step: Step, new: Mapping[str, Any]) -> str:
    """Say so when the cluster would store something else than was asked for."""
    wanted = str(step.args.after) if isinstance(step.args, ScaleArgs) else json.dumps(step.args.restarted_at)
    for pointer in sorted(fields_written(step.args)):
        # A replica count of 0 may be left out of the answer (Scale.spec.replicas is omitempty).
        got = field_text(new, pointer) or ("0" if isinstance(step.args, ScaleArgs) else "nothing")
        if got != wanted:
            return f"the cluster would store {redact(got)} in {pointer} instead of {wanted}"
    return ""


def _redacted(change: FieldChange) -> FieldChange:
    return msgspec.structs.replace(change, before=redact(change.before), after=redact(change.after))


def _changes(made: Draft, checked: Checked) -> tuple[FieldChange, ...]:
    """The field diff to show: the server's when it rehearsed the change, else what the request alone says."""
    if checked.rehearsals and checked.rehearsals[0].state is DryRunState.DONE:
        return checked.rehearsals[0].changes
    return planned_changes(made.step, made.body)


def _irreversible(case: Case) -> tuple[str, ...]:
    pods = pods_disrupted(case)
    if not pods:
        return ()
    found = [f"{pods} pod{'s'[: pods != 1]} end: what they hold in memory or in emptyDir volumes is lost"]
    if isinstance(case.args, RestartArgs):
        found.append("the restart itself: the new pods come from the same template, so there is nothing to put back")
    if case.state.deletes_claims and isinstance(case.args, ScaleArgs):
        found.append("the volume claims of the pods that go, and the data in them")
    return tuple(found)


def _not_checked(case: Case, checked: Checked, around: Circumstances) -> tuple[str, ...]:
    found = []
    if around.recorded:
        found.append(_RECORDED)
    if not checked.access:
        found.append("whether the cluster lets you do this (access review): changes are off")
    if not checked.rehearsals:
        why = "the access review said no" if around.changes_on else "changes are off"
        found.append(f"whether the server accepts it (server-side dry-run): {why}")
    if not around.requester.k8s_user:
        found.append("who the cluster takes you for")
    if not around.cluster.uid:
        found.append("the cluster's own id (namespace kube-system is not readable)")
    found += [f"{each}: not fully read" for each in case.around.unread]
    found += list(case.around.unjudged)
    if isinstance(case.args, ScaleArgs) and case.args.after > case.args.before:
        found.append("whether the nodes have room for the new pods")
    if isinstance(case.args, RestartArgs):
        found.append("whether the image can still be pulled and the configuration still works")
    found.append("callers in other namespaces")
    found.append("whether this is a production environment (every one is judged alike)")
    return tuple(found)
