"""Gathers what the rules look at: the change, the object before and after it, and what the server said. No verdict here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from copilot.changing.drafting.drafted import Drafted
from copilot.changing.rehearsing import merged
from copilot.model import dig, mapping
from guardrails.control import control_keys
from guardrails.facts import Case, Surroundings
from guardrails.kinds import changeable
from guardrails.managers import managers_of
from guardrails.operations.args import ApplyArgs, CreateJobArgs, EditArgs, RestartArgs, ScaleArgs
from guardrails.operations.edits import applied
from guardrails.operations.op import Op
from guardrails.plan import Access, BreakGlass, ClusterId, DryRun, DryRunState, Requester, Step
from guardrails.privilege import TemplateChange, dropped_guards, pod_spec, template_change
from guardrails.provenance.labels import Taint
from guardrails.workload import workload_state

CHANGE, ROLLBACK = "change", "rollback"  # what a rehearsal is of
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
    """Where, who, when and around what. `own_creation`: an earlier plan of this journal made the object.

    `taint` and `message_id` are of a change that a model proposed: how, and after which message of the operator.
    """

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
    glass: BreakGlass | None = None
    failed_lately: int = 0
    people: int = 1
    taint: Taint | None = None
    message_id: str = ""


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
    after = _after(step, body)
    change, rolls_out = _template(step, body, after)
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
        steering=_steering(step, body, after, around.around),
        rolls_out=rolls_out,
        noted=changeable(step.ref.kind).noted,
        own_creation=around.own_creation,
        failed_lately=around.failed_lately,
        people=around.people,
        found=drafted.refusals,
        replicas=_replicas(step, body, after),
        taint=around.taint,
        namespaces=tuple(sorted({each.ref.namespace for each in made.steps} - {""})),
    )


_BADNESS = (DryRunState.DONE, DryRunState.NOT_DONE, DryRunState.REFUSED)


def _worst(runs: list[DryRun]) -> DryRun | None:
    return max(runs, key=lambda run: _BADNESS.index(run.state), default=None)


def _after(step: Step, body: dict[str, Any]) -> dict[str, Any]:
    """The object as the change leaves it, as far as that can be told without the server."""
    match step.args:
        case EditArgs(edits=edits):
            return applied(body, edits)
        case ApplyArgs(document=document):
            return dict(merged(body, msgspec.json.decode(document)))
        case _:
            return body


def _template(step: Step, before: dict[str, Any], after: dict[str, Any]) -> tuple[TemplateChange, bool]:
    """What the pods gain by the change, and whether they are replaced for it."""
    kind = changeable(step.ref.kind)
    if isinstance(step.args, CreateJobArgs):
        made = pod_spec(msgspec.json.decode(step.args.document), changeable("Job").template)
        return template_change(pod_spec(before, kind.template), made), False
    if not kind.template or not isinstance(step.args, EditArgs | ApplyArgs):
        return TemplateChange(), isinstance(step.args, RestartArgs)
    old, new = pod_spec(before, kind.template), pod_spec(after, kind.template)
    change = template_change(old, new)
    # An applied document leaves out what it does not care about; only edits can be seen to drop a guard.
    dropped = dropped_guards(old, new) if isinstance(step.args, EditArgs) else ()
    rolls = bool(before) and kind.kind in _ROLLING and dig(before, *kind.template) != dig(after, *kind.template)
    return msgspec.structs.replace(change, powers=(*change.powers, *dropped)), rolls


def _steering(step: Step, before: dict[str, Any], after: dict[str, Any], around: Surroundings) -> tuple[str, ...]:
    """The labels and annotations among the changed ones that steer something: the object's own and its pods'."""
    if not before:
        return ()  # of a new object nothing is steered otherwise than before
    found: set[str] = set()
    template = changeable(step.ref.kind).template
    for place in (("metadata",), (*template, "metadata")):
        for field, selected in (("labels", around.selected_keys), ("annotations", ())):
            old, new = mapping(before, *place, field), mapping(after, *place, field)
            changed = [key for key in old.keys() | new.keys() if old.get(key) != new.get(key)]
            found |= set(control_keys(changed, selected))
    return tuple(sorted(found))


def _replicas(step: Step, before: dict[str, Any], after: dict[str, Any]) -> tuple[int, int] | None:
    """The replicas before and after where a document or a restore changes their number."""
    if not before or Op.SCALE not in changeable(step.ref.kind).ops or isinstance(step.args, ScaleArgs):
        return None
    old, new = (workload_state(step.ref.kind, body).replicas for body in (before, after))
    return (old, new) if old != new else None
