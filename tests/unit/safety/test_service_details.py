"""Details of the executor's service for several people that mutants of it would change unseen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from copilot.changing.opening import utc_now
from copilot.model import CopilotError, parse_time
from guardrails.errors import ApprovalError, ChangeRefused
from guardrails.journal import Kind
from guardrails.plan import Tier
from guardrails.steps import RehearsalStep, SendState
from tests.small_api import SmallApi, deployment, serve
from tests.unit.executor.company import ALICE, BOB, MALLORY, Company
from tests.unit.safety.world import node, pod
from tools.change import frames
from tools.executor.people import ActsAs

SHARED = "delete deploy/web"


@pytest.fixture
def api() -> Iterator[SmallApi]:
    with serve(deployment(), deployment("db"), node(), pod("web-0"), pod("web-1")) as api:
        yield api


@pytest.fixture
def company(api: SmallApi, tmp_path: Path) -> Company:
    return Company(api, tmp_path)


def _at(company: Company, moment: Any) -> None:
    """Set the service's clock."""
    company.service._shop = msgspec.structs.replace(company.service._shop, clock=lambda: moment)


@pytest.mark.parametrize("plan_id", ["../x", "0123456789ab\r\nImpersonate-User: admin", "", "0123456789AB"])
def test_a_rehearsal_of_no_proper_plan_id_reaches_nobody(company: Company, plan_id: str) -> None:
    plan = company.plan(submit=False)
    company.api.seen.clear()
    with pytest.raises(CopilotError):
        company.ask(ALICE, frames.Rehearse(RehearsalStep(plan_id, 1, plan.cluster, plan.steps[0])))
    assert company.api.seen == []


def test_a_plan_of_another_context_is_of_another_cluster(company: Company) -> None:
    plan = company.plan(submit=False)
    other = msgspec.structs.replace(plan, cluster=msgspec.structs.replace(plan.cluster, context="other"))
    with pytest.raises(ChangeRefused, match="or of another version"):
        company.ask(ALICE, frames.Submit(other))


def test_five_cards_for_two_people_are_all_that_anybody_is_shown(company: Company) -> None:
    for _ in range(5):
        company.plan(SHARED)
    with pytest.raises(ChangeRefused, match="5 plans wait"):
        company.plan(SHARED, BOB)
    with pytest.raises(ChangeRefused, match="5 plans wait"):
        company.plan("scale web to 3", BOB)


def test_cards_of_ones_own_and_of_two_people_count_together_for_oneself_only(company: Company) -> None:
    for _ in range(4):
        company.plan("scale web to 3")
    company.plan(SHARED)
    with pytest.raises(ChangeRefused, match="5 plans wait"):
        company.plan("scale web to 3")
    company.plan(SHARED)
    company.plan("scale web to 3", BOB)


def test_a_stranger_cannot_reject_a_plan_that_waits(company: Company) -> None:
    plan = company.plan()
    with pytest.raises(ChangeRefused):
        company.ask(MALLORY, frames.Decline(plan.id))
    assert [each.plan.id for each in company.ask(ALICE, frames.Waiting())] == [plan.id]


def test_who_may_not_agree_may_still_take_back_a_plan_of_their_own(api: SmallApi, tmp_path: Path) -> None:
    company = Company(api, tmp_path, approvers=frozenset({"bin"}))
    plan = company.plan(SHARED)
    company.ask(ALICE, frames.Decline(plan.id))
    assert company.ask(ALICE, frames.Waiting()) == ()


def test_a_step_under_a_true_seal_is_not_sent_unless_it_is_the_plans_own(company: Company) -> None:
    plan, other = company.plan(), company.plan("scale db to 3", submit=False)
    company.agree(plan, ALICE)
    (step,) = company.ask(ALICE, frames.Consume(plan.id, plan.digest))
    gate = company.service._shop.gate
    forged = gate._sealed(msgspec.structs.replace(step, step=other.steps[0], seal=""))
    with pytest.raises(ApprovalError, match="not one of the plan on record"):
        company.ask(ALICE, frames.Send(forged))
    assert company.api.writes() == []


def test_a_step_that_was_only_watched_was_never_sent(company: Company) -> None:
    plan = company.plan()
    company.ask(ALICE, frames.Watched(plan.id, 1, "done", "x"))
    with pytest.raises(CopilotError, match="never sent"):
        company.ask(ALICE, frames.Settle(plan.id, 1))


def test_what_was_watched_to_its_end_is_not_settled_again(company: Company) -> None:
    plan = company.plan()
    company.agree(plan, ALICE)
    assert [each.state for each in company.run(plan)] == [SendState.APPLIED]
    company.ask(ALICE, frames.Watched(plan.id, 1, "done", "x"))
    company.ask(ALICE, frames.Settle(plan.id, 1))
    assert Kind.SETTLED not in [each.kind for each in company.journal.entries(plan.id)]


def test_a_plan_of_several_steps_is_sent_step_by_step(company: Company) -> None:
    plan = company.plan("drain n1")
    assert len(plan.steps) == 3
    company.agree(plan, ALICE, BOB)
    assert [each.state for each in company.run(plan)] == [SendState.APPLIED] * 3


def test_a_note_about_a_whole_plan_names_no_step(company: Company) -> None:
    plan = company.plan()
    assert company.ask(ALICE, frames.Void(plan.id, "it changed")).step == -1


def test_entries_of_one_plan_are_only_its_own(company: Company) -> None:
    one, other = company.plan(), company.plan("scale db to 3")
    page = company.ask(ALICE, frames.Entries(0, other.id))
    assert {each.plan for each in page.entries} == {other.id}
    assert {each.plan for each in company.ask(ALICE, frames.Entries()).entries} == {one.id, other.id}


@pytest.mark.parametrize(("less", "entries"), [(0, 2), (1, 1)])
def test_a_page_is_filled_to_its_very_end(
    company: Company, monkeypatch: pytest.MonkeyPatch, less: int, entries: int
) -> None:
    company.agree(company.plan(), ALICE)
    whole = sum(len(msgspec.json.encode(each)) for each in company.journal.entries())
    monkeypatch.setattr(frames, "PAGE_BYTES", whole - less)
    assert len(company.ask(ALICE, frames.Entries()).entries) == entries


def test_rejected_void_and_used_plans_wait_no_more(company: Company) -> None:
    kept, rejected, void, used = (company.plan() for _ in range(4))
    company.ask(ALICE, frames.Decline(rejected.id))
    company.ask(ALICE, frames.Void(void.id, "x"))
    company.agree(used, ALICE)
    company.ask(ALICE, frames.Consume(used.id, used.digest))
    assert [each.plan.id for each in company.ask(BOB, frames.Waiting())] == [kept.id]


@pytest.mark.parametrize(("seconds", "waits"), [(-1, True), (0, False)])
def test_a_plan_waits_until_the_second_that_it_names(company: Company, seconds: int, waits: bool) -> None:
    plan = company.plan()
    moment = parse_time(plan.expires)
    assert moment is not None
    _at(company, moment + timedelta(seconds=seconds))
    assert bool(company.ask(ALICE, frames.Waiting())) is waits


def test_who_is_somebody_else_for_the_cluster_now_has_nothing_carried_out(company: Company) -> None:
    plan = company.plan(SHARED)
    people = msgspec.structs.asdict(company.service._people)
    people["mapping"] = {**people["mapping"], "daemon": ActsAs("root@example.com")}
    company.service._people = type(company.service._people)(**people)
    with pytest.raises(ChangeRefused, match="no longer ask"):
        company.agree(plan, BOB)


def test_a_yes_that_is_over_no_longer_counts(company: Company) -> None:
    plan = company.plan("scale web to 1")
    assert plan.computed.tier is Tier.TYPED_NAME
    assert company.agree(plan, ALICE).agreed == ("daemon",)
    _at(company, utc_now() + timedelta(minutes=11))
    late = company.ask(ALICE, frames.Progress(plan.id))
    assert (late.agreed, late.ready, late.over) == ((), False, "")


def test_a_rejected_plan_is_not_ready_however_many_agreed(company: Company) -> None:
    plan = company.plan()
    assert company.agree(plan, ALICE).ready
    company.ask(ALICE, frames.Decline(plan.id))
    assert not company.ask(ALICE, frames.Progress(plan.id)).ready


def test_two_accounts_that_are_one_person_for_the_cluster_are_not_ready(api: SmallApi, tmp_path: Path) -> None:
    company = Company(api, tmp_path, mapping={"daemon": ActsAs("alice"), "bin": ActsAs("alice"), "sys": ActsAs("eve")})
    plan = company.plan(SHARED)
    assert not company.agree(plan, ALICE, BOB).ready
    assert company.agree(plan, MALLORY).ready


def test_two_strangers_that_are_one_person_for_the_cluster_are_not_two_people(api: SmallApi, tmp_path: Path) -> None:
    company = Company(api, tmp_path, mapping={"daemon": ActsAs("alice"), "bin": ActsAs("eve"), "sys": ActsAs("eve")})
    plan = company.plan(SHARED)
    assert not company.agree(plan, BOB, MALLORY).ready
    assert company.agree(plan, ALICE).ready


def test_a_yes_ends_at_the_second_that_it_names(company: Company) -> None:
    plan = company.plan("scale web to 1")
    company.agree(plan, ALICE)
    (entry,) = [each for each in company.journal.entries(plan.id) if each.kind is Kind.APPROVED]
    moment = parse_time(entry.detail["approval"]["expires"])
    assert moment is not None
    _at(company, moment)
    assert company.ask(ALICE, frames.Progress(plan.id)).agreed == ()


def test_a_step_under_a_true_seal_of_another_digest_is_not_sent(company: Company) -> None:
    plan = company.plan()
    company.agree(plan, ALICE)
    (step,) = company.ask(ALICE, frames.Consume(plan.id, plan.digest))
    forged = company.service._shop.gate._sealed(msgspec.structs.replace(step, digest="0" * 64, seal=""))
    with pytest.raises(ApprovalError, match="not one of the plan on record"):
        company.ask(ALICE, frames.Send(forged))


def test_a_plan_with_an_unreadable_end_does_not_wait(company: Company) -> None:
    plan = msgspec.structs.replace(company.plan(submit=False), expires="soon")
    company.journal.append(Kind.PLANNED, plan.id, {"plan": msgspec.to_builtins(plan), "digest": plan.digest})
    assert company.ask(ALICE, frames.Waiting()) == ()
