"""Of all plans of one proposal at most one is ever carried out: every order of the steps of two terminals, deaths included."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.agent.session import ProposalsInMemory, Sessions
from copilot.agent.session.proposals import Proposals
from copilot.agent.session.said import Said
from copilot.changing.history import PlanState
from copilot.changing.once import Came, TakenUp, close, hold, on_record, standing
from copilot.model import CopilotError
from guardrails.approval import Method
from guardrails.errors import ApprovalError
from guardrails.gate import Gate
from guardrails.journal import Journal, Kind
from guardrails.plan import Plan
from tests.deep import DEEP
from tests.small_api import SmallApi, deployment, serve
from tests.unit.executor.company import ALICE as DAEMON
from tests.unit.executor.company import Company
from tests.unit.guardrails.plans import ALICE, Clock, make_plan
from tests.unit.safety.world import KEY, MEMORY
from tools.change import frames
from tools.change.remote import RemoteJournal

STEPS = 7


class Site:
    """One data folder: a journal, a gate, and a conversation with one proposal."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.journal = Journal(folder / "journal.sqlite3", self.clock)
        self.gate = Gate(KEY, self.journal, self.clock)
        self.store = Sessions.of_cluster(folder, "c", "c")
        self.book: Proposals = self.store.proposals(self.store.start().id)
        self.book.add("scale web to 3", "scale Deployment shop/web", Said(), own=True)
        self.won: list[str] = []
        self.ids = itertools.count(1)

    def standing(self) -> Came:
        return standing(on_record(self.journal), self.book.listed()[0].offers).came

    def terminal(self) -> Generator[None, None, None]:
        """One `/do 1`, which stops after every step of it."""
        with suppress(TakenUp, ApprovalError):  # what a terminal is told when somebody else was first
            if standing(on_record(self.journal), self.book.listed()[0].offers).used:
                return
            yield
            plan = make_plan(id=f"{next(self.ids):012x}")
            self.book.offer(1, plan)
            yield
            close(self.journal, [each for each in self.book.listed()[0].offers if each.plan != plan.id])
            yield
            self.journal.append(Kind.PLANNED, plan.id, {"plan": msgspec.to_builtins(plan), "digest": plan.digest})
            yield
            hold(self.journal, self.book.listed()[0].offers, plan)
            yield
            approval = self.gate.approve(plan, ALICE, Method.TERMINAL)
            yield
            self.gate.consume(plan, (approval,), ALICE)
            self.won.append(plan.id)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    one = Site(tmp_path)
    yield one
    one.store.close()


def run(site: Site, schedule: tuple[int, ...], actors: int) -> None:
    """Let the terminals take their steps in this order; who gets no more turns has died where they stand."""
    terminals = [site.terminal() for _ in range(actors)]
    for turn in schedule:
        next(terminals[turn], None)


def judged(site: Site) -> None:
    """At most one was carried out so far; and one more terminal, undisturbed, makes it exactly one."""
    assert len(site.won) <= 1
    for _ in site.terminal():
        pass
    assert len(site.won) == 1
    assert [each.kind for each in site.journal.entries()].count(Kind.CONSUMED) == 1
    assert site.journal.verify().problems == ()


def _orders(first: int, second: int) -> Iterator[tuple[int, ...]]:
    """Every order of so many steps of one and so many of the other."""
    for places in itertools.combinations(range(first + second), first):
        yield tuple(0 if each in places else 1 for each in range(first + second))


@pytest.mark.proof
def test_whatever_the_order_of_two_terminals_and_wherever_one_dies_one_plan_is_carried_out() -> None:
    everything = [order for dies in range(STEPS + 1) for order in _orders(dies, STEPS)]
    for order in everything[:: 1 if DEEP else 16]:
        with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
            site = Site(Path(folder))
            run(site, order, 2)
            judged(site)
            site.store.close()


@pytest.mark.proof
@given(st.lists(st.integers(0, 3), max_size=4 * STEPS))
def test_four_terminals_in_any_order_carry_one_plan_out(schedule: list[int]) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        site = Site(Path(folder))
        run(site, tuple(schedule), 4)
        judged(site)
        site.store.close()


def test_a_terminal_whose_card_waits_while_another_takes_the_proposal_up_can_no_longer_carry_it_out(site: Site) -> None:
    run(site, (0,) * 6 + (1,) * 4 + (0,), 2)
    assert site.won == []
    judged(site)


def test_a_plan_that_was_used_up_is_no_more_closed_than_offered_again(site: Site) -> None:
    run(site, (0,) * STEPS, 1)
    with pytest.raises(TakenUp, match="was agreed to"):
        close(site.journal, site.book.listed()[0].offers)
    assert not [each for each in site.journal.entries() if each.kind is Kind.VOIDED]


def _told(journal: Journal, plan: Plan, *kinds: tuple[Kind, dict[str, str]]) -> None:
    journal.append(Kind.PLANNED, plan.id, {"plan": msgspec.to_builtins(plan), "digest": plan.digest})
    for kind, detail in kinds:
        step = 1 if kind in (Kind.INTENT, Kind.RESULT, Kind.SETTLED, Kind.WATCHED) else -1
        journal.append(kind, plan.id, dict(detail), step=step)


AGREED = ((Kind.APPROVED, {}), (Kind.CONSUMED, {}))
SENT = (*AGREED, (Kind.INTENT, {}))
STORIES = {
    "shown": ((), Came.PROPOSED),
    "not agreed": (((Kind.DECLINED, {}),), Came.DECLINED),
    "overtaken": (((Kind.VOIDED, {"reason": "x"}),), Came.PROPOSED),
    "agreed": (((Kind.APPROVED, {}),), Came.PROPOSED),
    "used up": (AGREED, Came.UNKNOWN),
    "sent": (SENT, Came.UNKNOWN),
    "answered": ((*SENT, (Kind.RESULT, {"state": "applied"})), Came.DONE),
    "watched": ((*SENT, (Kind.RESULT, {"state": "applied"}), (Kind.WATCHED, {"end": "done"})), Came.DONE),
    "went wrong": ((*SENT, (Kind.RESULT, {"state": "applied"}), (Kind.WATCHED, {"end": "failed"})), Came.FAILED),
    "conflict": ((*SENT, (Kind.RESULT, {"state": "conflict"})), Came.FAILED),
    "refused": ((*SENT, (Kind.RESULT, {"state": "refused"})), Came.FAILED),
    "not sent": ((*SENT, (Kind.RESULT, {"state": "not sent"})), Came.FAILED),
    "lost": ((*SENT, (Kind.RESULT, {"state": "unknown"})), Came.UNKNOWN),
    "read back": ((*SENT, (Kind.SETTLED, {"state": "applied"})), Came.DONE),
    "read back, not": ((*SENT, (Kind.SETTLED, {"state": "not applied"})), Came.FAILED),
    "read back, who knows": ((*SENT, (Kind.SETTLED, {"state": "still unknown"})), Came.UNKNOWN),
}


@pytest.mark.parametrize("story", STORIES)
def test_how_far_a_proposal_came_is_what_the_journal_says(site: Site, story: str) -> None:
    entries, came = STORIES[story]
    plan = make_plan()
    site.book.offer(1, plan)
    assert site.standing() is Came.PROPOSED
    _told(site.journal, plan, *entries)
    found = standing(on_record(site.journal), site.book.listed()[0].offers)
    assert found.came is came, found
    assert (found.used is not None) == (AGREED[1] in entries)


def test_a_later_card_that_was_not_agreed_to_does_not_hide_a_plan_that_was_carried_out(site: Site) -> None:
    used, later = make_plan(), make_plan(id="ba9876543210")
    for plan in (used, later):
        site.book.offer(1, plan)
    _told(site.journal, used, *SENT, (Kind.RESULT, {"state": "applied"}))
    _told(site.journal, later, (Kind.DECLINED, {}))
    assert site.standing() is Came.DONE


def test_a_list_in_memory_keeps_the_same_order(tmp_path: Path) -> None:
    book = ProposalsInMemory()
    assert [book.add("a", "b", Said(), own=True).number for _ in range(3)] == [1, 2, 3]
    book.offer(2, make_plan())
    book.offer(2, make_plan(id="ba9876543210"))
    assert [each.plan for each in book.listed()[1].offers] == ["0123456789ab", "ba9876543210"]
    assert not list(tmp_path.iterdir())


class Asked:
    """An executor at the end of a socket, without the socket."""

    path = Path("socket")

    def __init__(self, company: Company) -> None:
        self._company = company

    def ask(self, request: frames.AnyAsk, _answer: object) -> object:
        return self._company.ask(DAEMON, request)


@pytest.fixture
def api() -> Iterator[SmallApi]:
    with serve(deployment()) as api:
        yield api


def test_an_executor_of_its_own_carries_out_no_plan_that_was_closed_and_closes_none_that_it_carried_out(
    api: SmallApi, tmp_path: Path
) -> None:
    company = Company(api, tmp_path)
    journal = RemoteJournal(Asked(company))  # type: ignore[arg-type]
    book = ProposalsInMemory()
    book.add("scale web to 3", "scale", Said(), own=True)
    first = company.plan()
    book.offer(1, first)
    company.agree(first, DAEMON)
    close(journal, book.listed()[0].offers)
    with pytest.raises(ApprovalError, match="does not wait any more"):
        company.run(first)
    second = company.plan()
    book.offer(1, second)
    company.agree(second, DAEMON)
    company.run(second)
    with pytest.raises(TakenUp):
        close(journal, book.listed()[0].offers)
    assert standing(on_record(journal), book.listed()[0].offers).used is not None
    assert len(api.writes()) == 1


def test_a_plan_that_comes_on_record_at_an_executor_after_another_was_offered_is_closed_by_its_own_terminal(
    api: SmallApi, tmp_path: Path
) -> None:
    company = Company(api, tmp_path)
    journal = RemoteJournal(Asked(company))  # type: ignore[arg-type]
    book = ProposalsInMemory()
    book.add("scale web to 3", "scale", Said(), own=True)
    late, newer = company.plan(submit=False), company.plan(submit=False)
    book.offer(1, late)
    book.offer(1, newer)
    close(journal, book.listed()[0].offers[:1])  # nothing to close yet: it is not on record
    company.ask(DAEMON, frames.Submit(late))
    with pytest.raises(TakenUp, match="another terminal"):
        hold(journal, book.listed()[0].offers, late)
    company.ask(DAEMON, frames.Submit(newer))
    hold(journal, book.listed()[0].offers, newer)
    with pytest.raises(CopilotError):
        company.agree(late, DAEMON)
    company.agree(newer, DAEMON)
    company.run(newer)
    assert len(api.writes()) == 1
    assert on_record(journal)[late.id].state is PlanState.VOIDED
