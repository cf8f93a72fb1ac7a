"""One proposal is carried out at most once, whichever terminals and processes plan it, and wherever they die.

Each plan of a proposal is offered on the same list, then those before it are closed in the journal. Closing makes the very
claim that carrying out needs: whoever makes it first decides. So of all plans of a proposal at most one is ever used up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Protocol

import msgspec

from copilot.changing.history import GOOD_END, PlanState, Record, records
from copilot.model import UsageError, text
from guardrails.errors import ChangeRefused
from guardrails.gate import run_of
from guardrails.journal import AlreadyClaimed, Journal, Kind
from guardrails.plan import Plan

_SEE = "/plans says what became of it; for another change, ask for it again."
_OFFERED_ANEW = "its proposal was offered anew"


class Offered(Protocol):
    """A plan of a proposal, as its list keeps it."""

    @property
    def plan(self) -> str:
        """Its id."""
        ...

    @property
    def digest(self) -> str:
        """Its digest."""
        ...


class TakenUp(ChangeRefused):
    """Somebody else is at the same proposal, or was: this plan of it is not carried out."""


class Came(Enum):
    """How far a proposal came."""

    PROPOSED = "proposed"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DECLINED = "declined"


class Standing(msgspec.Struct, frozen=True):
    """What the journal says of a proposal. `used` is the one plan of it that was agreed to and used up, where there is one."""

    came: Came
    text: str
    used: Record | None = None


def on_record(journal: Journal) -> dict[str, Record]:
    """Every plan of the journal by its id."""
    return {record.plan.id: record for record in records(journal)}


def standing(known: Mapping[str, Record], offers: Iterable[Offered]) -> Standing:
    """How far a proposal came, by the plans of it that are on record."""
    found = [record for each in offers if (record := known.get(each.plan)) is not None]
    used = next((record for record in found if record.last(Kind.CONSUMED)), None)
    if used is not None:
        return _used(used)
    if found and found[-1].state is PlanState.DECLINED:
        return Standing(Came.DECLINED, f"Its card was shown as plan {found[-1].plan.id}, and not agreed to")
    shown = f"Its card was shown as plan {found[-1].plan.id}" if found else "Its card was not shown yet"
    return Standing(Came.PROPOSED, shown)


def close(journal: Journal, earlier: Iterable[Offered]) -> None:
    """Make sure that none of these plans is carried out from here on.

    Raises:
        TakenUp: one of them was agreed to and used up already.
        JournalError: the journal cannot be written.
    """
    for each in earlier:
        entries = journal.entries(each.plan)
        kinds = {entry.kind for entry in entries}
        if Kind.CONSUMED not in kinds and not kinds & {Kind.DECLINED, Kind.VOIDED}:
            try:
                journal.append(Kind.VOIDED, each.plan, {"reason": _OFFERED_ANEW}, claim=run_of(each.digest))
            except AlreadyClaimed:
                pass  # it was used up in this very moment
            except UsageError:
                continue  # an executor of its own does not know it yet; who offers it looks again once it does
            kinds = {entry.kind for entry in journal.entries(each.plan)}
        if Kind.CONSUMED in kinds:
            raise TakenUp(f"Plan {each.plan} of this proposal was agreed to, and a proposal is carried out once", _SEE)


def hold(journal: Journal, offers: Iterable[Offered], plan: Plan) -> None:
    """Once a plan is on record: close those before it that came on record since, and itself where one came after it.

    Raises:
        TakenUp: another terminal has offered the same proposal since, or has carried it out.
        JournalError: the journal cannot be written.
    """
    listed = list(offers)
    place = next((place for place, each in enumerate(listed) if each.plan == plan.id), len(listed))
    close(journal, listed[:place])
    if listed[place + 1 :]:
        close(journal, listed[place : place + 1])
        raise TakenUp("This proposal was taken up in another terminal", _SEE)


def _used(record: Record) -> Standing:
    plan, watched = record.plan, record.last(Kind.WATCHED)
    came = Came.FAILED
    match record.state:
        case PlanState.APPLIED if watched is None:
            came, words = Came.DONE, "the change is made; how its rollout went is not on record"
        case PlanState.APPLIED:
            end = text(watched.detail, "end") if watched is not None else ""
            came = Came.DONE if end == GOOD_END else Came.FAILED
            words = f"the change is made; its rollout: {end}"
        case PlanState.PARTIAL:
            words = f"{len(record.applied)} of {len(plan.steps)} steps were carried out and stay"
        case PlanState.UNKNOWN:
            came, words = Came.UNKNOWN, "it was sent, and no answer is on record"
        case PlanState.REFUSED:
            words = "the server refused it: nothing was changed"
        case PlanState.VOIDED:
            words = "the object changed at the last moment: nothing was changed"
        case PlanState.NOT_SENT:
            words = "the server could not be reached: nothing was sent"
        case PlanState.NOT_APPLIED:
            words = "it was sent, and read back: nothing was changed"
        case PlanState.PLANNED | PlanState.APPROVED | PlanState.DECLINED:
            came, words = Came.UNKNOWN, "it was agreed to, and nothing on record says that it was sent"
    return Standing(came, f"Plan {plan.id}: {words}", record)
