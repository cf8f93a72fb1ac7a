"""Many at once: of all who ask for the same thing at the same moment exactly one gets it, and nothing is sent twice."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from copilot.model import CopilotError
from guardrails.journal import Kind
from guardrails.steps import SendState
from tests.small_api import SmallApi, deployment, serve
from tests.unit.executor.company import ALICE, BOB, Company
from tools.change import frames


@pytest.fixture
def api() -> Iterator[SmallApi]:
    with serve(deployment()) as api:
        yield api


@pytest.fixture
def company(api: SmallApi, tmp_path: Path) -> Company:
    return Company(api, tmp_path)


def _at_once(count: int, act: Callable[[], Any]) -> list[Any]:
    """What each of several threads got: an answer, or None for a refusal."""
    got: list[Any] = []
    start = threading.Barrier(count)

    def one() -> None:
        start.wait()
        try:
            got.append(act())
        except CopilotError:
            got.append(None)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [each for each in got if each is not None]


def test_of_eight_who_carry_out_one_plan_exactly_one_does(company: Company) -> None:
    plan = company.plan()
    company.agree(plan, ALICE)
    (steps,) = _at_once(8, lambda: company.ask(ALICE, frames.Consume(plan.id, plan.digest)))
    (sent,) = _at_once(8, lambda: company.ask(ALICE, frames.Send(steps[0])))
    assert sent.state is SendState.APPLIED
    assert len(company.api.writes()) == 1
    assert company.journal.verify().problems == ()


def test_of_eight_yeses_of_one_person_at_once_one_is_on_record(company: Company) -> None:
    plan = company.plan("delete deploy/web")
    assert len(_at_once(8, lambda: company.agree(plan, BOB))) == 1
    assert [entry.kind for entry in company.journal.entries(plan.id)] == [Kind.PLANNED, Kind.APPROVED]


def test_of_seven_plans_put_on_record_at_once_no_more_than_five_wait(company: Company) -> None:
    plans = [company.plan(submit=False) for _ in range(7)]
    _at_once(7, lambda: company.ask(ALICE, frames.Submit(plans.pop())))
    assert len(company.ask(ALICE, frames.Waiting())) == 5


def test_a_yes_and_a_no_at_once_never_leave_a_rejected_plan_that_runs(company: Company) -> None:
    plan = company.plan()
    asks = [lambda: company.agree(plan, ALICE), lambda: company.ask(BOB, frames.Decline(plan.id))]

    def one() -> object:
        return asks.pop()()

    _at_once(2, one)
    with pytest.raises(CopilotError, match="rejected"):
        company.run(plan)
    assert company.api.writes() == []
