"""Makes the plan: the target, its requests, what the checks found, and what was not checked. It sends nothing itself."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from copilot.changing.drafting.drafted import Drafted, Part, restated
from copilot.changing.rehearsing import planned_changes
from copilot.model.moment import stamp
from guardrails.control import control_keys
from guardrails.diff import body_sha, field_text
from guardrails.facts import Case, Surroundings
from guardrails.kinds import changeable
from guardrails.managers import managers_of
from guardrails.operations.args import ApplyArgs, CreateJobArgs, EditArgs, RestartArgs, ScaleArgs
from guardrails.operations.edits import applied
from guardrails.operations.op import Op
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
    Plan,
    Preimage,
    Requester,
    Step,
)
from guardrails.privilege import TemplateChange, dropped_guards, pod_spec, template_change
from guardrails.redaction import redact
from guardrails.requests import compile_request, fields_written
from guardrails.tiers import judge, pods_disrupted
from guardrails.workload import workload_state
from tools.cluster.prune import prune

PLAN_TTL = timedelta(minutes=15)  # as long as the longest approval of it
CHANGE, ROLLBACK = "change", "rollback"  # what a rehearsal is of
_RECORDED = "whether the cluster still looks like this: it was read from a recording, so nothing can be sent"
_ROLLING = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


class Draft(msgspec.Struct, frozen=True):
    """A change before the server was asked anything: the compiled steps, and what they were drafted from."""

    plan_id: str
    drafted: Drafted
    steps: tuple[Step, ...]
    rollback: tuple[Step, ...]

    @property
    def body(self) -> dict[str, Any]:
        """The object of the first step as it is now."""
        return self.drafted.parts[0].body


class Checked(msgspec.Struct, frozen=True):
    """What the server said to a draft. Empty in read-only mode.

    `restore` is the way back of an apply, which is known only once the server has told what it would store.
    """

    access: tuple[Access, ...] = ()
    rehearsals: tuple[DryRun, ...] = ()
    restore: tuple[Step, ...] = ()


class Circumstances(msgspec.Struct, frozen=True):
    """Where, who, when and around what. `own_creation`: an earlier plan of this journal made the object."""

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
    own_creation: bool = False


def compiled(drafted: Drafted) -> Draft:
    """Compile every step of a draft to its one request."""
    return Draft(secrets.token_hex(6), drafted, tuple(map(_step, drafted.parts)), tuple(map(_step, drafted.back)))


def to_rehearse(steps: tuple[Step, ...], rollback: tuple[Step, ...]) -> list[tuple[str, Step]]:
    """What the server is asked to try, in order: every step, and the way back as far as it can be tried now."""
    back = [
        msgspec.structs.replace(step, args=args, request=compile_request(step.ref, args))
        for step in rollback
        for args in [restated(step.args) if isinstance(step.args, EditArgs) else step.args]
    ]
    return [*((CHANGE, step) for step in steps), *((ROLLBACK, step) for step in back)]


def assemble(made: Draft, checked: Checked, around: Circumstances) -> Plan:
    """Judge the draft and write the plan."""
    drafted, step = made.drafted, made.steps[0]
    case = case_of(made, checked, around)
    judged = judge(case)
    return Plan(
        schema=SCHEMA,
        id=made.plan_id,
        cluster=around.cluster,
        requester=around.requester,
        intent=Intent(operator_message_id=f"cli/{made.plan_id}", words=around.words),
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
    )


def case_of(made: Draft, checked: Checked, around: Circumstances) -> Case:
    """Everything the rules look at."""
    drafted, step, body = made.drafted, made.steps[0], made.body
    state = workload_state(step.ref.kind, body)
    evictions = drafted.evictions
    if evictions:
        ready = sum(pod.ready for pod in evictions)
        state = msgspec.structs.replace(state, replicas=len(evictions), ready=ready, at_once=1)
    worst = _worst([run for run in checked.rehearsals if run.purpose == CHANGE])
    back = _worst([run for run in checked.rehearsals if run.purpose == ROLLBACK])
    change, rolls_out = _template(step, body)
    return Case(
        ref=step.ref,
        args=step.args,
        state=state,
        around=around.around,
        managers=managers_of(body),
        access=checked.access,
        rehearsed=worst.state if worst else None,
        rehearsal_detail=worst.detail if worst else "",
        way_back=back.state if back else None,
        changed_lately=around.changed_lately,
        is_undo=bool(around.undoes),
        moved_on=around.moved_on,
        evictions=evictions,
        template=change,
        steering=_steering(step, around.around),
        rolls_out=rolls_out,
        noted=changeable(step.ref.kind).noted,
        own_creation=around.own_creation,
        found=drafted.refusals,
        namespaces=tuple(sorted({each.ref.namespace for each in made.steps} - {""})),
    )


def _step(part: Part) -> Step:
    return Step(part.ref, part.args, compile_request(part.ref, part.args))


def _preimage(part: Part) -> Preimage:
    pruned = prune(json.loads(json.dumps(part.body)))
    fields = tuple((each, redact(field_text(part.body, each))) for each in sorted(fields_written(part.args)))
    return Preimage(part.ref, body_sha(pruned) if part.body else "", fields)


_BADNESS = (DryRunState.DONE, DryRunState.NOT_DONE, DryRunState.REFUSED)


def _worst(runs: list[DryRun]) -> DryRun | None:
    return max(runs, key=lambda run: _BADNESS.index(run.state), default=None)


def _template(step: Step, body: Mapping[str, Any]) -> tuple[TemplateChange, bool]:
    """What the pods gain by the change, and whether they are replaced for it."""
    kind = changeable(step.ref.kind)
    before = pod_spec(body, kind.template)
    match step.args:
        case EditArgs(edits=edits) if kind.template:
            after = pod_spec(applied(body, edits), kind.template)
        case ApplyArgs(document=document) if kind.template:
            after = pod_spec(msgspec.json.decode(document), kind.template)
        case CreateJobArgs(document=document):
            after = pod_spec(msgspec.json.decode(document), changeable("Job").template)
        case _:
            return TemplateChange(), isinstance(step.args, RestartArgs)
    change = template_change(before, after)
    # An applied document leaves out what it does not care about; only edits can be seen to drop a guard.
    dropped = dropped_guards(before, after) if isinstance(step.args, EditArgs) else ()
    rolls = bool(body) and kind.kind in _ROLLING and not isinstance(step.args, CreateJobArgs) and before != after
    return msgspec.structs.replace(change, powers=(*change.powers, *dropped)), rolls


def _steering(step: Step, around: Surroundings) -> tuple[str, ...]:
    """The labels and annotations among the changed ones that steer something."""
    if not isinstance(step.args, EditArgs) or step.args.operation not in (Op.LABEL, Op.ANNOTATE):
        return ()
    keys: set[str] = set()
    for edit in step.args.edits:
        if edit.before == edit.after:
            continue
        name = edit.pointer.split("/", 3)[3:]
        whole = [msgspec.json.decode(side) for side in (edit.before, edit.after) if side and not name]
        keys |= {each.replace("~1", "/").replace("~0", "~") for each in name} | {key for one in whole for key in one}
    selected = around.selected_keys if step.args.operation is Op.LABEL else ()
    return control_keys(keys, selected)


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
    found.append("whether this is a production environment (every one is judged alike)")
    return tuple(found)
