"""The door: an approved plan is checked once more against the cluster, used up, sent, and watched to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from copilot.changing.desk import Desk, Writer
from copilot.changing.lookup import LiveLookup
from copilot.changing.settling import settle
from copilot.model import children, dig, text
from guardrails.approval import Approval
from guardrails.errors import ChangeRefused, PlanChanged
from guardrails.gate import Gate
from guardrails.journal import Journal, Kind
from guardrails.kinds import workload
from guardrails.plan import DryRun, Plan
from guardrails.steps import Outcome, SendState
from tools.change.identity import identify_cluster
from tools.change.readback import Settled
from tools.change.review import who_am_i
from tools.change.watch import RolloutWatch, Watched

_NEW_PLAN = "Nothing was changed. A new plan is needed."


class Carried(msgspec.Struct, frozen=True):
    """What became of a plan. `watched` is None when the change was not applied or nobody watched it."""

    state: SendState
    text: str
    watched: Watched | None = None


class Door:
    """Carries out approved plans, one at a time.

    Args:
        desk: reads the cluster and asks the server.
        writer: sends.
        gate: checks and uses up approvals.
        journal: notes everything.
        watch: makes the watcher of a rollout; called before the change is sent.
        say: is told, one line at a time, how it goes.
    """

    def __init__(
        self,
        desk: Desk,
        writer: Writer,
        gate: Gate,
        journal: Journal,
        watch: Callable[[Plan], RolloutWatch],
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

    def carry_out(self, plan: Plan, approval: Approval) -> Carried:
        """Check again, use the approval up, send, watch.

        Raises:
            PlanChanged: the object or the server's answers are not what was approved; nothing was changed.
            ApprovalError: the approval is not good.
            ChangeRefused: the server refuses the change.
            JournalError: the journal cannot be written; nothing was sent.
        """
        self._check_again(plan)
        watch = self._watch(plan)
        (step,) = self._gate.consume(plan, approval, self._session())
        outcome = self._writer.send(step)
        carried = self._judge(plan, outcome)
        self._say(carried.text)
        if carried.state is not SendState.APPLIED:
            return carried
        watched = watch.follow()
        self._journal.append(Kind.WATCHED, plan.id, {"end": watched.end.value, "text": watched.text})
        return msgspec.structs.replace(carried, watched=watched)

    def _session(self) -> Any:
        return who_am_i(self._desk.reader, self._desk.requester)

    def _judge(self, plan: Plan, outcome: Outcome) -> Carried:
        target = plan.target.title
        match outcome.state:
            case SendState.APPLIED:
                return Carried(SendState.APPLIED, f"{target}: the change is applied, watching the rollout")
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
        reading = settle(self._desk.reader, self._journal, plan)
        state = SendState.APPLIED if reading.state is Settled.APPLIED else SendState.UNKNOWN
        return Carried(state, f"The answer was lost ({outcome.message}). Read back: {reading.text}")

    def _check_again(self, plan: Plan) -> None:
        reason = self._difference(plan)
        if reason:
            self._journal.append(Kind.VOIDED, plan.id, {"reason": reason})
            raise PlanChanged(f"Plan {plan.id} no longer fits: {reason}", _NEW_PLAN)

    def _difference(self, plan: Plan) -> str:
        """The first thing that is not as it was when the plan was made; "" when all is."""
        if identify_cluster(self._desk.reader) != plan.cluster:
            return "this is another cluster"
        target = plan.target
        body = LiveLookup(self._desk.reader).find(workload(target.kind), target.namespace, target.name)
        if body is None or dig(body, "metadata", "uid") != target.uid:
            return f"{target.title} was deleted" if body is None else f"{target.title} was made anew"
        version = text(body, "metadata", "resourceVersion")
        if version != target.resource_version:
            return f"{target.title} changed (version {target.resource_version} is now {version}{_writer_of(body)})"
        rollback = plan.rollback[0] if plan.rollback else None
        checked = self._desk.ask_server(plan.id, plan.steps[0], rollback, body)
        if checked.access != plan.computed.ssar:
            return "what you may do has changed"
        return _other_rehearsal(plan.computed.dry_run, checked.rehearsals)


def _other_rehearsal(planned: tuple[DryRun, ...], now: tuple[DryRun, ...]) -> str:
    for before, after in zip(planned, now, strict=True):
        if (before.state, before.result_sha) != (after.state, after.result_sha):
            return f"the server's rehearsal of the {before.purpose} gives another result{': ' * bool(after.detail)}{after.detail}"
    return ""


def _writer_of(body: dict[str, Any]) -> str:
    """Who wrote last, as far as the object tells."""
    entries = [(text(entry, "time"), text(entry, "manager")) for entry in children(body, "metadata", "managedFields")]
    moment, manager = max(entries, default=("", ""))
    return f", last written by {manager} at {moment}" if manager else ""
