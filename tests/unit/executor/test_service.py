"""What an executor of its own does for several people, and everything that it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from copilot.changing.history import PlanState, find_record
from copilot.changing.opening import utc_now
from copilot.model import CopilotError, UsageError
from copilot.model.moment import stamp
from guardrails.errors import ApprovalError, ChangeRefused, JournalError, PlanChanged
from guardrails.journal import AlreadyClaimed, Kind
from guardrails.plan import Plan, Tier
from guardrails.requests import compile_request
from guardrails.steps import RehearsalStep, SendState
from tests.small_api import SmallApi, deployment, serve
from tests.unit.executor.company import ALICE, BOB, MALLORY, ROOT, WEB, Company
from tools.change import frames
from tools.change.readback import Settled

DELETE = "delete deploy/web"


@pytest.fixture
def api() -> Iterator[SmallApi]:
    with serve(deployment(), deployment("db")) as api:
        yield api


@pytest.fixture
def company(api: SmallApi, tmp_path: Path) -> Company:
    return Company(api, tmp_path)


def _kinds(company: Company, plan: Plan) -> list[Kind]:
    return [entry.kind for entry in company.journal.entries(plan.id)]


def test_who_asks_is_what_the_kernel_says_and_what_the_mapping_makes_of_it(company: Company) -> None:
    standing = company.ask(ALICE, frames.Status())
    assert (standing.requester.sub, standing.requester.k8s_user) == ("daemon", "alice@example.com")
    assert (standing.may_request, standing.may_approve, standing.people, standing.impersonates) == (True, True, 2, True)
    stranger = company.ask(MALLORY, frames.Status())
    assert (stranger.requester.k8s_user, stranger.may_request, stranger.may_approve) == ("", False, False)


def test_a_plan_is_carried_out_under_the_name_of_who_asked_with_the_plans_id(company: Company) -> None:
    plan = company.plan()
    assert plan.computed.tier is Tier.ONE_YES
    assert company.agree(plan, ALICE).ready
    (outcome,) = company.run(plan)
    assert outcome.state is SendState.APPLIED
    (write,) = company.api.writes()
    assert write.headers["Impersonate-User"] == "alice@example.com"
    assert write.headers["Impersonate-Extra-copilot.dev%2Fplan"] == plan.id
    assert company.api.objects[WEB]["spec"]["replicas"] == 3
    assert _kinds(company, plan) == [Kind.PLANNED, Kind.APPROVED, Kind.CONSUMED, Kind.INTENT, Kind.RESULT]
    rehearsed = [seen for seen in company.api.seen if seen.query.get("dryRun")]
    assert {seen.headers["Impersonate-Extra-copilot.dev%2Fplan"] for seen in rehearsed} == {plan.id}


def test_a_tier_three_plan_needs_two_people_and_is_carried_out_by_who_asked(company: Company) -> None:
    plan = company.plan(DELETE)
    assert (plan.computed.tier, plan.computed.refusals) == (Tier.TWO_PEOPLE, ())
    state = company.agree(plan, ALICE)
    assert (state.agreed, state.needed, state.ready) == (("daemon",), 2, False)
    with pytest.raises(ApprovalError, match="not enough"):
        company.run(plan)
    assert company.agree(plan, BOB).ready
    with pytest.raises(ChangeRefused, match="not bin's"):
        company.run(plan, BOB)
    assert [outcome.state for outcome in company.run(plan)] == [SendState.APPLIED]
    assert WEB not in company.api.objects
    with pytest.raises(ApprovalError, match="does not wait"):
        company.run(plan)


def test_one_person_is_one_person_however_often_they_agree(company: Company) -> None:
    plan = company.plan(DELETE)
    company.agree(plan, ALICE)
    with pytest.raises(ApprovalError, match="agreed to plan"):
        company.agree(plan, ALICE)
    assert company.api.writes() == []


def test_two_accounts_of_one_kubernetes_user_are_one_person(api: SmallApi, tmp_path: Path) -> None:
    from tools.executor.people import ActsAs

    company = Company(api, tmp_path, mapping={"daemon": ActsAs("alice"), "bin": ActsAs("alice")})
    plan = company.plan(DELETE)
    assert not company.agree(plan, ALICE, BOB).ready
    with pytest.raises(ApprovalError):
        company.run(plan)
    assert api.writes() == []


@pytest.mark.parametrize("typed", ["", "yes", "web", " {}", "{} ", "{}x"])
def test_a_yes_counts_only_with_the_word_that_the_card_asks_for(company: Company, typed: str) -> None:
    from guardrails.approval import plan_code

    plan = company.plan(DELETE)
    with pytest.raises(ApprovalError, match="typed"):
        company.ask(ALICE, frames.Approve(plan.id, plan.digest, typed.format(plan_code(plan))))
    assert _kinds(company, plan) == [Kind.PLANNED]


def test_where_one_yes_is_enough_nobody_gives_it_for_another(company: Company) -> None:
    plan = company.plan()
    with pytest.raises(ApprovalError, match="who asked"):
        company.agree(plan, BOB)


def test_a_stranger_may_neither_ask_nor_agree_nor_send(company: Company) -> None:
    plan = company.plan(DELETE)
    company.agree(plan, ALICE, BOB)
    (step,) = company.ask(ALICE, frames.Consume(plan.id, plan.digest))
    asks = [
        frames.Submit(plan), frames.Approve(plan.id, plan.digest, "x"), frames.Consume(plan.id, plan.digest),
        frames.Send(step), frames.Review(()), frames.Rehearse(RehearsalStep(plan.id, 1, plan.cluster, plan.steps[0])),
        frames.Decline(plan.id), frames.Void(plan.id, "x"), frames.Watched(plan.id, 1, "done", ""),
    ]  # fmt: skip
    for ask in asks:
        with pytest.raises((ChangeRefused, ApprovalError)):
            company.ask(MALLORY, ask)
    with pytest.raises(ChangeRefused, match="not bin's"):
        company.ask(BOB, frames.Send(step))
    assert company.api.writes() == []


def test_who_is_no_approver_cannot_agree_even_to_their_own_plan(api: SmallApi, tmp_path: Path) -> None:
    company = Company(api, tmp_path, approvers=frozenset({"bin"}))
    with pytest.raises(ChangeRefused, match="own yes"):
        company.plan()
    plan = company.plan(DELETE)
    with pytest.raises(ApprovalError, match="may not agree"):
        company.agree(plan, ALICE)
    assert not company.agree(plan, BOB).ready


def test_a_plan_below_what_this_process_finds_itself_is_refused(company: Company) -> None:
    plan = company.plan(DELETE, submit=False)
    for tier in (Tier.ONE_YES, Tier.TYPED_NAME):
        lie = msgspec.structs.replace(plan, computed=msgspec.structs.replace(plan.computed, tier=tier))
        with pytest.raises(ChangeRefused, match="of tier 3"):
            company.ask(ALICE, frames.Submit(lie))
    assert company.journal.entries() == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"changes": ()}, "field changes"),
        ({"dry_run": ()}, "rehearsals"),
        ({"ssar": ()}, "may do"),
        ({"refusals": ("no",)}, "Nobody may agree"),
        ({"tier": Tier.NEVER}, "Nobody may agree"),
    ],
)
def test_a_card_that_shows_something_else_is_refused(company: Company, changes: dict[str, Any], why: str) -> None:
    plan = company.plan(submit=False)
    lie = msgspec.structs.replace(plan, computed=msgspec.structs.replace(plan.computed, **changes))
    with pytest.raises(ChangeRefused, match=why):
        company.ask(ALICE, frames.Submit(lie))
    assert company.journal.entries() == []


def _altered(plan: Plan, **ref: str) -> Plan:
    """The plan for another object, compiled or not."""
    step = plan.steps[0]
    other = msgspec.structs.replace(step.ref, **ref)
    try:
        request = compile_request(other, step.args)
    except CopilotError:
        path = step.request.path.replace("web", ref.get("name", "web"))
        request = msgspec.structs.replace(step.request, path=path)
    return msgspec.structs.replace(plan, steps=(msgspec.structs.replace(step, ref=other, request=request),))


@pytest.mark.parametrize(
    "make",
    [
        lambda plan: msgspec.structs.replace(plan, id="../../x"),
        lambda plan: msgspec.structs.replace(plan, id="0123456789ab\n"),
        lambda plan: msgspec.structs.replace(plan, schema=1),
        lambda plan: msgspec.structs.replace(plan, steps=()),
        lambda plan: msgspec.structs.replace(plan, requester=msgspec.structs.replace(plan.requester, sub="root")),
        lambda plan: msgspec.structs.replace(plan, cluster=msgspec.structs.replace(plan.cluster, uid="other")),
        lambda plan: msgspec.structs.replace(plan, undoes="ffffffffffff"),
        lambda plan: _altered(plan, name="../secrets/x"),
        lambda plan: _altered(plan, name="web%2f.."),
        lambda plan: _altered(plan, namespace="shop/../kube-system"),
        lambda plan: _altered(plan, uid="another"),
        lambda plan: _altered(plan, name="gone"),
        lambda plan: _altered(plan, namespace="kube-system"),
    ],
    ids=[
        "path",
        "line",
        "schema",
        "steps",
        "requester",
        "cluster",
        "undoes",
        "traversal",
        "escape",
        "namespace",
        "uid",
        "gone",
        "protected",
    ],
)
def test_a_plan_that_is_not_honest_is_not_put_on_record(company: Company, make: Any) -> None:
    with pytest.raises((ChangeRefused, UsageError)):
        company.ask(ALICE, frames.Submit(make(company.plan(submit=False))))
    assert company.journal.entries() == []


@pytest.mark.parametrize("part", [{"method": "DELETE"}, {"body": "{}"}, {"query": ()}])
def test_a_request_that_its_step_does_not_mean_is_refused(company: Company, part: dict[str, Any]) -> None:
    plan = company.plan(submit=False)
    step = msgspec.structs.replace(plan.steps[0], request=msgspec.structs.replace(plan.steps[0].request, **part))
    with pytest.raises(ChangeRefused, match="not the approved one"):
        company.ask(ALICE, frames.Submit(msgspec.structs.replace(plan, steps=(step,))))


def test_a_plan_is_on_record_once_and_only_as_it_was_made(company: Company) -> None:
    plan = company.plan()
    with pytest.raises(ChangeRefused, match="on record already"):
        company.ask(ALICE, frames.Submit(plan))
    other = msgspec.structs.replace(plan, rollback=())
    for ask in (frames.Approve(plan.id, other.digest, "yes"), frames.Consume(plan.id, other.digest)):
        with pytest.raises(ApprovalError, match="on record"):
            company.ask(ALICE, ask)


@pytest.mark.parametrize(
    "ask", [frames.Approve("ffffffffffff", "", ""), frames.Consume("ffffffffffff", ""), frames.Progress("x")]
)
def test_a_plan_that_was_never_put_on_record_is_none(company: Company, ask: Any) -> None:
    with pytest.raises(UsageError, match="no plan"):
        company.ask(ALICE, ask)


def test_a_step_is_sent_once_and_only_as_the_plan_on_record_has_it(company: Company) -> None:
    plan = company.plan()
    company.agree(plan, ALICE)
    (step,) = company.ask(ALICE, frames.Consume(plan.id, plan.digest))
    other = _altered(plan, name="db").steps[0]
    for forged in (
        msgspec.structs.replace(step, step=other),
        msgspec.structs.replace(step, digest="0" * 64),
        msgspec.structs.replace(step, seal="0" * 64),
        msgspec.structs.replace(step, expires=stamp(utc_now() + timedelta(days=1))),
    ):
        with pytest.raises(ApprovalError):
            company.ask(ALICE, frames.Send(forged))
    with pytest.raises(UsageError, match="no step"):
        company.ask(ALICE, frames.Send(msgspec.structs.replace(step, index=2)))
    assert company.api.writes() == []
    assert company.ask(ALICE, frames.Send(step)).state is SendState.APPLIED
    with pytest.raises(AlreadyClaimed):
        company.ask(ALICE, frames.Send(step))
    assert len(company.api.writes()) == 1


def test_an_object_that_changed_since_voids_the_plan_before_a_second_yes_counts(company: Company) -> None:
    plan = company.plan(DELETE)
    company.agree(plan, ALICE)
    company.api.touch(paused=True)
    with pytest.raises(PlanChanged, match="changed"):
        company.agree(plan, BOB)
    assert find_record(company.journal, plan.id).state is PlanState.VOIDED
    assert company.ask(ALICE, frames.Progress(plan.id)).over.startswith("something changed")


def test_an_object_that_changed_after_both_agreed_is_left_alone(company: Company) -> None:
    plan = company.plan(DELETE)
    company.agree(plan, ALICE, BOB)
    company.api.touch(paused=True)
    with pytest.raises(PlanChanged):
        company.run(plan)
    assert company.api.writes() == []


def test_anyone_who_may_agree_may_reject_and_then_nobody_can_agree(company: Company) -> None:
    plan = company.plan(DELETE)
    company.ask(BOB, frames.Decline(plan.id))
    assert company.ask(ALICE, frames.Progress(plan.id)).over == "it was rejected by bin"
    with pytest.raises(ApprovalError, match="does not wait"):
        company.agree(plan, ALICE)
    with pytest.raises(ApprovalError, match="does not wait"):
        company.ask(ALICE, frames.Decline(plan.id))


def test_five_plans_wait_and_a_sixth_is_not_shown_to_anybody(company: Company) -> None:
    plans = [company.plan("scale web to 3") for _ in range(5)]
    assert [each.plan for each in company.ask(BOB, frames.Waiting())] == plans
    with pytest.raises(ChangeRefused, match="5 plans wait"):
        company.plan("scale web to 3")
    company.plan("scale web to 3", BOB)
    company.ask(ALICE, frames.Decline(plans[0].id))
    company.plan(DELETE)


def test_a_plan_stops_waiting_when_its_time_is_over(company: Company) -> None:
    plan = company.plan()
    shop = company.service._shop
    late = msgspec.structs.replace(shop, clock=lambda: utc_now() + timedelta(minutes=16))
    company.service._shop = late
    assert company.ask(ALICE, frames.Waiting()) == ()
    with pytest.raises(ApprovalError, match="good until"):
        company.agree(plan, ALICE)


def test_what_the_reading_side_saw_is_noted_for_its_own_plans_in_plain_characters(company: Company) -> None:
    plan = company.plan()
    company.agree(plan, ALICE)
    company.run(plan)
    entry = company.ask(ALICE, frames.Watched(plan.id, 1, "done", "a\x1b[31m\nb" + "x" * 9999))
    assert (entry.kind, entry.step, entry.detail["text"][:9], len(entry.detail["text"])) == (
        Kind.WATCHED,
        1,
        "a [31m bx",
        2000,
    )
    for ask in (frames.Watched(plan.id, 0, "done", ""), frames.Settle(plan.id, 9)):
        with pytest.raises(UsageError, match="no step"):
            company.ask(ALICE, ask)
    dead = company.plan("scale db to 3")
    company.ask(ALICE, frames.Void(dead.id, "it changed"))
    assert find_record(company.journal, dead.id).state is PlanState.VOIDED


def test_an_unknown_outcome_is_read_back_by_the_executor_itself(company: Company) -> None:
    plan = company.plan()
    company.agree(plan, ALICE)
    with pytest.raises(UsageError, match="never sent"):
        company.ask(ALICE, frames.Settle(plan.id, 1))
    company.api.drop_before = True
    assert [each.state for each in company.run(plan)] == [SendState.UNKNOWN]
    assert len(company.api.writes()) == 1
    for _ in range(2):
        assert company.ask(ALICE, frames.Settle(plan.id, 1)).state is Settled.NOT_APPLIED
    assert _kinds(company, plan).count(Kind.SETTLED) == 1


def test_the_journal_is_read_in_pages_and_is_the_executors_own(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "PAGE_BYTES", 1)
    plan = company.plan()
    company.agree(plan, ALICE)
    first = company.ask(BOB, frames.Entries())
    assert (len(first.entries), first.more) == (1, True)
    second = company.ask(BOB, frames.Entries(first.entries[0].seq, plan.id))
    assert ([each.kind for each in second.entries], second.more) == ([Kind.APPROVED], False)
    assert company.ask(BOB, frames.Verify()).problems == ()


def test_a_plan_on_record_that_this_version_cannot_read_is_an_error(company: Company) -> None:
    company.journal.append(Kind.PLANNED, "0123456789ab", {"plan": {"schema": 9}})
    with pytest.raises(JournalError, match="another version"):
        company.ask(ALICE, frames.Progress("0123456789ab"))


def test_who_lost_the_leave_to_ask_since_has_nothing_carried_out(company: Company) -> None:
    plan = company.plan(DELETE)
    company.service._people = company.service._people.__class__(
        **{
            **msgspec.structs.asdict(company.service._people),
            "mapping": {"bin": company.service._people.mapping["bin"]},
        }  # type: ignore[index]
    )
    with pytest.raises(ChangeRefused, match="no longer ask"):
        company.agree(plan, BOB)


def test_without_a_mapping_only_the_owner_asks_and_others_agree(api: SmallApi, tmp_path: Path) -> None:
    company = Company(api, tmp_path, mapping=None)
    plan = company.plan(DELETE, ROOT)
    assert plan.requester.k8s_user == "alice"
    with pytest.raises(ChangeRefused, match="may not ask"):
        company.plan(DELETE, ALICE)
    assert company.agree(plan, ROOT, ALICE).ready
    company.run(plan, ROOT)
    (write,) = api.writes()
    assert "Impersonate-User" not in write.headers
