"""The door: an approved plan is checked once more against the cluster, used up, sent, and watched to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from copilot.changing.desk import Desk, Writer
from copilot.changing.history import find_record
from copilot.changing.objections import difference
from copilot.changing.settling import settle
from guardrails.approval import Approval
from guardrails.errors import ApprovalError, ChangeRefused, PlanChanged
from guardrails.journal import Journal, Kind
from guardrails.plan import Plan, Requester, Step
from guardrails.steps import ApprovedStep, Outcome, SendState
from tools.change.following import Watch
from tools.change.readback import Settled
from tools.change.watch import End, Watched

_NEW_PLAN = "Nothing was changed. A new plan is needed."


class Carried(msgspec.Struct, frozen=True):
    """What became of the last step that was sent. `watched` is None when it was not applied or nobody watched it.

    `stopped` says what was done when later steps were left out.
    """

    state: SendState
    text: str
    watched: Watched | None = None
    stopped: str = ""


class Consumes(Protocol):
    """What uses approvals up: the gate, here or in the executor's process."""

    def consume(self, plan: Plan, approvals: tuple[Approval, ...], session: Requester) -> tuple[ApprovedStep, ...]:
        """Hand out the steps, once."""
        ...


class Door:
    """Carries out approved plans, one at a time.

    Args:
        desk: reads the cluster and asks the server.
        writer: sends.
        gate: checks and uses up approvals.
        journal: notes everything.
        watch: makes the watcher of a step; called before the step is sent.
        say: is told, one line at a time, how it goes.
    """

    def __init__(
        self,
        desk: Desk,
        writer: Writer,
        gate: Consumes,
        journal: Journal,
        watch: Callable[[Step], Watch],
        say: Callable[[str], None],
    ) -> None:
        self._desk = desk
        self._writer = writer
        self._gate = gate
        self._journal = journal
        self._watch = watch
        self._say = say

    def note_planned(self, plan: Plan) -> None:
        """Put a plan on record before its card is shown."""
        self._journal.append(Kind.PLANNED, plan.id, {"plan": msgspec.to_builtins(plan), "digest": plan.digest})

    def note_declined(self, plan: Plan) -> None:
        """Put on record that the person did not agree."""
        self._journal.append(Kind.DECLINED, plan.id, {})

    def carry_out(self, plan: Plan, *approvals: Approval) -> Carried:
        """Check again, use the approvals up, then send and watch step by step. The first step that fails ends it.

        Raises:
            PlanChanged: the object or the server's answers are not what was approved.
            ApprovalError: the approval is not good.
            ChangeRefused: the server refuses the change.
            JournalError: the journal cannot be written.
        """
        self._check_again(plan)
        steps = self._gate.consume(plan, approvals, self._session())
        carried = Carried(SendState.NOT_SENT, "nothing was sent")
        for approved in steps:
            carried = self._carry_out_one(plan, approved)
            bad = carried.watched is None or carried.watched.end is not End.DONE
            if bad and approved.index < len(steps):
                done = approved.index if carried.state is SendState.APPLIED else approved.index - 1
                left = f"Stopped after step {approved.index} of {len(steps)}: {_done_text(plan, done)}"
                self._say(left)
                return msgspec.structs.replace(carried, stopped=left)
        return carried

    def _carry_out_one(self, plan: Plan, approved: ApprovedStep) -> Carried:
        watch = self._watch(approved.step)
        try:
            outcome = self._writer.send(approved)
            carried = self._judge(plan, approved, outcome)
        except (PlanChanged, ChangeRefused, ApprovalError) as error:
            if approved.index > 1:
                error.hint = f"{_done_text(plan, approved.index - 1)} The rest was not. A new plan is needed for it."
            raise
        self._say(carried.text)
        if carried.state is not SendState.APPLIED:
            return carried
        watched = watch.follow()
        note = {"end": watched.end.value, "text": watched.text}
        self._journal.append(Kind.WATCHED, plan.id, note, step=approved.index)
        return msgspec.structs.replace(carried, watched=watched)

    def _session(self) -> Requester:
        return self._desk.session()

    def _judge(self, plan: Plan, approved: ApprovedStep, outcome: Outcome) -> Carried:
        target = approved.step.ref.title
        match outcome.state:
            case SendState.APPLIED:
                return Carried(SendState.APPLIED, f"{target}: the change is applied, watching what becomes of it")
            case SendState.CONFLICT:
                raise PlanChanged(f"{target} changed at the last moment (409): {outcome.message}", _NEW_PLAN)
            case SendState.REFUSED:
                raise ChangeRefused(
                    f"The server refused the change of {target}: {outcome.message}", "Nothing was changed."
                )
            case SendState.NOT_SENT:
                raise ChangeRefused(f"The server could not be reached: {outcome.message}", "Nothing was sent.")
            case SendState.UNKNOWN:
                return self._read_back(plan, outcome)

    def _read_back(self, plan: Plan, outcome: Outcome) -> Carried:
        """The answer was lost: look what became of it, never send it again."""
        readings = settle(self._desk.reader, self._journal, find_record(self._journal, plan.id))
        applied = bool(readings) and all(reading.state is Settled.APPLIED for reading in readings)
        found = "; ".join(reading.text for reading in readings)
        state = SendState.APPLIED if applied else SendState.UNKNOWN
        return Carried(state, f"The answer was lost ({outcome.message}). Read back: {found}")

    def _check_again(self, plan: Plan) -> None:
        reason = difference(self._desk, plan)
        if reason:
            self._journal.append(Kind.VOIDED, plan.id, {"reason": reason})
            raise PlanChanged(f"Plan {plan.id} no longer fits: {reason}", _NEW_PLAN)


def _done_text(plan: Plan, count: int) -> str:
    """What the first steps of a plan have changed by now."""
    if count == 0:
        return "nothing was changed."
    done = [f"{step.op.value} {step.ref.title}" for step in plan.steps[:count]]
    return f"{len(done)} of {len(plan.steps)} steps were carried out and stay: {', '.join(done)}."
