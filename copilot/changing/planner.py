"""Makes the plan: the target, its requests, what the checks found, and what was not checked. It sends nothing itself."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from typing import Any

import msgspec

from copilot.changing.drafting.drafted import Drafted, Part, restated
from copilot.changing.judged import CHANGE, ROLLBACK, Checked, Circumstances, Draft, case_of
from copilot.changing.rehearsing import planned_changes
from copilot.model.moment import stamp
from guardrails.diff import body_sha, field_text
from guardrails.facts import Case
from guardrails.kinds import changeable
from guardrails.operations.args import ApplyArgs, CreateJobArgs, ScaleArgs
from guardrails.plan import (
    SCHEMA,
    Blast,
    Computed,
    DryRunState,
    FieldChange,
    Intent,
    Plan,
    Preimage,
    Step,
)
from guardrails.policy.applying import with_policy
from guardrails.policy.policy import NO_POLICY, Policy
from guardrails.redaction import redact
from guardrails.requests import compile_request, fields_written
from guardrails.tiers import judge, pods_disrupted
from tools.cluster.prune import prune

PLAN_TTL = timedelta(minutes=15)  # as long as the longest approval of it
_RECORDED = "whether the cluster still looks like this: it was read from a recording, so nothing can be sent"


def compiled(drafted: Drafted) -> Draft:
    """Compile every step of a draft to its one request."""
    return Draft(secrets.token_hex(6), drafted, tuple(map(_step, drafted.parts)), tuple(map(_step, drafted.back)))


def to_rehearse(steps: tuple[Step, ...], rollback: tuple[Step, ...]) -> list[tuple[str, Step]]:
    """What the server is asked to try, in order: every step, and the way back as far as it can be tried now."""
    back = [
        msgspec.structs.replace(step, args=args, request=compile_request(step.ref, args))
        for step in rollback
        for args in [restated(step.args)]
    ]
    return [*((CHANGE, step) for step in steps), *((ROLLBACK, step) for step in back)]


def assemble(made: Draft, checked: Checked, around: Circumstances, policy: Policy = NO_POLICY) -> Plan:
    """Judge the draft, write the plan, and let the site policy speak."""
    drafted, step = made.drafted, made.steps[0]
    case = case_of(made, checked, around)
    judged = judge(case)
    plan = Plan(
        schema=SCHEMA,
        id=made.plan_id,
        cluster=around.cluster,
        requester=around.requester,
        intent=Intent(operator_message_id=around.message_id or f"cli/{made.plan_id}", words=around.words),
        steps=made.steps,
        rollback=made.rollback,
        preimages=tuple(map(_preimage, drafted.parts)),
        computed=Computed(
            tier=judged.tier,
            reasons=judged.reasons,
            refusals=judged.refusals,
            banners=tuple(manager.banner for manager in case.managers),
            blast=Blast(case.state.replicas, case.state.ready, pods_disrupted(case), around.around.dependants),
            changes=_changes(step, made.body, checked),
            dry_run=checked.rehearsals,
            ssar=checked.access,
            irreversible=_irreversible(case, drafted),
            not_checked=(*drafted.unchecked, *_not_checked(case, checked, around)),
            way_back=drafted.way_back,
        ),
        not_before=stamp(around.now),
        expires=stamp(around.now + PLAN_TTL),
        undoes=around.undoes,
        taint=around.taint,
        break_glass=around.glass,
    )
    return with_policy(plan, policy, around.now, around.people)


def _step(part: Part) -> Step:
    return Step(part.ref, part.args, compile_request(part.ref, part.args))


def _preimage(part: Part) -> Preimage:
    pruned = prune(json.loads(json.dumps(part.body)))
    fields = tuple((each, redact(field_text(part.body, each))) for each in sorted(fields_written(part.args)))
    return Preimage(part.ref, body_sha(pruned) if part.body else "", fields)


def _changes(step: Step, body: dict[str, Any], checked: Checked) -> tuple[FieldChange, ...]:
    """The field diff to show: the server's when it rehearsed the change, else what the request alone says."""
    if checked.rehearsals and checked.rehearsals[0].state is DryRunState.DONE:
        return checked.rehearsals[0].changes
    return planned_changes(step, body)


def _irreversible(case: Case, drafted: Drafted) -> tuple[str, ...]:
    found = []
    pods = pods_disrupted(case)
    if pods:
        found.append(f"{pods} pod{'s'[: pods != 1]} end: what they hold in memory or in emptyDir volumes is lost")
    found += drafted.irreversible
    if case.state.deletes_claims and isinstance(case.args, ScaleArgs) and pods:
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
    if case.replaces_pods or (isinstance(case.args, CreateJobArgs | ApplyArgs) and changeable(case.ref.kind).template):
        found.append("whether the image can still be pulled and the configuration still works")
    found.append("callers in other namespaces")
    return tuple(found)
