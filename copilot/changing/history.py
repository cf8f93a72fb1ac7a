"""Reads the journal as plans: what each asked for and how far it came. It only reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import msgspec

from copilot.model import UsageError, mapping, parse_time, text
from guardrails.break_glass import Review
from guardrails.errors import JournalError
from guardrails.journal import Entry, Journal, Kind
from guardrails.plan import Plan, Requester, plan_of
from guardrails.reviews import closing, noted
from guardrails.steps import SendState

LATELY = timedelta(minutes=15)  # a second change of one object within this time looks like a loop
FAILED_WITHIN = timedelta(hours=1)  # more than a few failures of one person in this time: something is not understood
GOOD_END = "done"  # `tools.change.watch.End.DONE`, whose module brings an HTTP library that a listing does not need
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

    @property
    def failed(self) -> bool:
        """Tell whether something was sent and it did not work: refused, overtaken, lost, or a rollout that went wrong."""
        if self.last(Kind.INTENT) is None:
            return False
        watched = self.last(Kind.WATCHED)
        bad_end = watched is not None and text(watched.detail, "end") != GOOD_END
        return self.state is not PlanState.APPLIED or bad_end

    def last(self, kind: Kind) -> Entry | None:
        """The newest entry of a kind."""
        return next((entry for entry in reversed(self.entries) if entry.kind is kind), None)


def records(journal: Journal) -> list[Record]:
    """Every plan in the journal, oldest first."""
    return _records_of(journal.entries())


def _records_of(entries: Iterable[Entry]) -> list[Record]:
    grouped: dict[str, list[Entry]] = {}
    for entry in entries:
        grouped.setdefault(entry.plan, []).append(entry)
    return [record for each in grouped.values() if (record := _record(each)) is not None]


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


def reviews(journal: Journal) -> list[Review]:
    """Every use of break-glass, oldest first: a plan that carries its leave and was let through."""
    found = []
    for record in records(journal):
        used = record.last(Kind.CONSUMED)
        if record.plan.break_glass is None or used is None:
            continue
        closed = record.last(Kind.REVIEW_CLOSED)
        detail = closed.detail if closed else {}
        by, note = text(detail, "by", "k8s_user") or text(detail, "by", "sub"), text(detail, "note")
        glass, moment = record.plan.break_glass, closed.at if closed else ""
        found.append(Review(record.plan.id, glass, used.at, by, moment, note))
    return found


def close_review(journal: Journal, record: Record, person: Requester, note: str) -> None:
    """Note that a person has looked at a break-glass change.

    Raises:
        UsageError: it has no open review.
        ChangeRefused: the person asked for it or agreed to it.
        JournalError: the journal cannot be written.
    """
    journal.append(Kind.REVIEW_CLOSED, record.plan.id, closing(record.plan, record.entries, person, note))


def failed_lately(journal: Journal, person: Requester, now: datetime) -> list[Record]:
    """Changes of a person that were sent within the last hour and did not work, since they last looked at them."""
    entries = journal.entries()
    looked = max(
        (entry.seq for entry in entries if entry.kind is Kind.LOOKED and _is(person, mapping(entry.detail, "by"))),
        default=0,
    )
    found = []
    for record in _records_of(entries):
        sent = record.last(Kind.INTENT)
        moment = parse_time(sent.at) if sent else None
        if sent is None or sent.seq < looked or not record.failed or not _same(person, record.plan.requester):
            continue
        if moment is None or now - moment < FAILED_WITHIN:
            found.append(record)
    return found


def note_looked(journal: Journal, person: Requester, note: str) -> None:
    """Note that a person has looked at their failed changes: the brake is off until more fail."""
    journal.append(Kind.LOOKED, "", noted(person, note))


def _same(one: Requester, other: Requester) -> bool:
    return (one.iss, one.sub) == (other.iss, other.sub)


def _is(person: Requester, said: Mapping[str, Any]) -> bool:
    return (person.iss, person.sub) == (text(said, "iss"), text(said, "sub"))


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
        case _:
            return state


_RESULT = {
    SendState.APPLIED.value: PlanState.APPLIED,
    SendState.CONFLICT.value: PlanState.VOIDED,
    SendState.REFUSED.value: PlanState.REFUSED,
    SendState.NOT_SENT.value: PlanState.NOT_SENT,
}
_SETTLED = {"applied": PlanState.APPLIED, "not applied": PlanState.NOT_APPLIED}
