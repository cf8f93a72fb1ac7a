"""Reads the journal as plans: what each asked for and how far it came. It only reads."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import msgspec

from copilot.model import UsageError, parse_time, text
from guardrails.errors import JournalError
from guardrails.journal import Entry, Journal, Kind
from guardrails.plan import Plan, plan_of
from guardrails.steps import SendState

LATELY = timedelta(minutes=15)  # a second change of one object within this time looks like a loop
_SHORTEST = 4  # characters of a plan's id: fewer name too many plans


class PlanState(Enum):
    """How far a plan came."""

    PLANNED = "planned"
    DECLINED = "declined"
    APPROVED = "approved"
    VOIDED = "voided"
    REFUSED = "refused"
    NOT_SENT = "not sent"
    UNKNOWN = "unknown"
    APPLIED = "applied"
    PARTIAL = "partly applied"
    NOT_APPLIED = "not applied"


class Record(msgspec.Struct, frozen=True):
    """One plan with its entries, oldest first. `applied` are the numbers (from 1) of the steps that were."""

    plan: Plan
    entries: tuple[Entry, ...]
    state: PlanState
    applied: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()

    def created(self, step: int) -> str:
        """The uid of the object that a step's answer held, "" when there was none."""
        results = [entry for entry in self.entries if entry.step == step and entry.kind in (Kind.RESULT, Kind.SETTLED)]
        return next((uid for entry in reversed(results) if (uid := text(entry.detail, "uid"))), "")

    def last(self, kind: Kind) -> Entry | None:
        """The newest entry of a kind."""
        return next((entry for entry in reversed(self.entries) if entry.kind is kind), None)


def records(journal: Journal) -> list[Record]:
    """Every plan in the journal, oldest first."""
    grouped: dict[str, list[Entry]] = {}
    for entry in journal.entries():
        grouped.setdefault(entry.plan, []).append(entry)
    return [record for entries in grouped.values() if (record := _record(entries)) is not None]


def find_record(journal: Journal, plan_id: str) -> Record:
    """The plan whose id starts with the given text.

    Raises:
        UsageError: there is none, or there are several.
    """
    found = (
        [record for record in records(journal) if record.plan.id.startswith(plan_id)]
        if len(plan_id) >= _SHORTEST
        else []
    )
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{plan_id!r} names {len(found)} plans", "Give more characters of the id.")
    raise UsageError(f"There is no plan {plan_id!r} in the journal", "kubectl copilot audit lists them.")


def changed_lately(journal: Journal, uid: str, now: datetime) -> bool:
    """Tell whether this object was changed through here a short while ago."""
    if not uid:  # yet to be made
        return False
    for record in records(journal):
        moment = parse_time(record.entries[-1].at)
        sent = record.state in (PlanState.APPLIED, PlanState.PARTIAL, PlanState.UNKNOWN)
        if (
            sent
            and uid in {step.ref.uid for step in record.plan.steps}
            and moment is not None
            and now - moment < LATELY
        ):
            return True
    return False


def unsettled(journal: Journal) -> list[Record]:
    """Plans whose request went out (or may have) without a clear answer that was read back."""
    return [record for record in records(journal) if record.state is PlanState.UNKNOWN]


def _record(entries: Iterable[Entry]) -> Record | None:
    ordered = tuple(entries)
    planned = next((entry for entry in ordered if entry.kind is Kind.PLANNED), None)
    if planned is None:
        return None
    try:
        plan = plan_of(planned.detail.get("plan", {}))
    except msgspec.ValidationError as error:
        raise JournalError(
            f"Plan {planned.plan} in the journal was written by another version: {error}",
            "Use that version, or move the journal away to start a new one.",
        ) from error
    before, steps = PlanState.PLANNED, dict[int, PlanState]()
    for entry in ordered:
        if entry.kind in (Kind.INTENT, Kind.RESULT, Kind.SETTLED):
            steps[max(1, entry.step)] = _after(before, entry.kind, entry.detail)
        else:
            before = _after(before, entry.kind, entry.detail)
    applied = tuple(sorted(index for index, state in steps.items() if state is PlanState.APPLIED))
    unknown = tuple(sorted(index for index, state in steps.items() if state is PlanState.UNKNOWN))
    return Record(plan, ordered, _together(before, list(steps.values()), len(plan.steps)), applied, unknown)


def _together(before: PlanState, steps: list[PlanState], wanted: int) -> PlanState:
    """The state of a plan from those of its steps."""
    if PlanState.UNKNOWN in steps:
        return PlanState.UNKNOWN
    done = steps.count(PlanState.APPLIED)
    if done:
        return PlanState.APPLIED if done == wanted else PlanState.PARTIAL
    return steps[-1] if steps else before


def _after(state: PlanState, kind: Kind, detail: dict[str, Any]) -> PlanState:
    """The state of a plan after one more entry."""
    match kind:
        case Kind.DECLINED:
            return PlanState.DECLINED
        case Kind.APPROVED:
            return PlanState.APPROVED
        case Kind.VOIDED:
            return PlanState.VOIDED
        case Kind.INTENT:
            return PlanState.UNKNOWN  # until an answer is on record, anything may have happened
        case Kind.RESULT:
            return _RESULT.get(text(detail, "state"), PlanState.UNKNOWN)
        case Kind.SETTLED:
            return _SETTLED.get(text(detail, "state"), PlanState.UNKNOWN)
        case Kind.PLANNED | Kind.CONSUMED | Kind.WATCHED:
            return state


_RESULT = {
    SendState.APPLIED.value: PlanState.APPLIED,
    SendState.CONFLICT.value: PlanState.VOIDED,
    SendState.REFUSED.value: PlanState.REFUSED,
    SendState.NOT_SENT.value: PlanState.NOT_SENT,
}
_SETTLED = {"applied": PlanState.APPLIED, "not applied": PlanState.NOT_APPLIED}
