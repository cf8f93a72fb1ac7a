"""From words to outcome on a small API server: what is carried out, what is refused, and what happens in between."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from copilot.changing.door import Carried
from copilot.changing.history import PlanState, changed_lately, find_record, records, unsettled
from copilot.changing.opening import open_changing, utc_now
from copilot.changing.settling import settle_all
from copilot.model import UsageError
from copilot.settings import Settings
from copilot.target import Target
from guardrails.approval import Approval, Method
from guardrails.errors import ApprovalError, ChangeRefused, IntentError, JournalError, PlanChanged
from guardrails.journal import Kind
from guardrails.plan import DryRunState, Plan, Tier
from guardrails.requests import Request
from guardrails.steps import SendState
from tests.small_api import SmallApi, deployment, serve
from tests.warm import started
from tools.change.readback import Settled, read_back
from tools.change.watch import End
from tools.executor.wire import Wire, WireAnswer

WEB = "/apis/apps/v1/namespaces/shop/deployments/web"


class Shop:
    """A small cluster with one Deployment, and the open door to it."""

    def __init__(self, api: SmallApi, folder: Path) -> None:
        self.api = api
        self.folder = folder
        self.said: list[str] = []
        self.target = Target(kubeconfig=str(api.kubeconfig(folder)))
        self.settings = Settings(data_dir=folder / "data")
        self.open = open_changing(self.target, self.settings, self.said.append)

    def plan(self, words: str = "scale web to 3") -> Plan:
        plan = self.open.desk.plan(words)
        assert self.open.door is not None
        self.open.door.note_planned(plan)
        return plan

    def yes(self, plan: Plan) -> Approval:
        assert self.open.gate is not None
        return self.open.gate.approve(plan, self.open.desk.requester, Method.TERMINAL)

    def carry_out(self, plan: Plan, approval: Approval | None = None) -> Carried:
        assert self.open.door is not None
        return self.open.door.carry_out(plan, approval or self.yes(plan))

    def replicas(self) -> int:
        return int(self.api.objects[WEB]["spec"]["replicas"])

    def state(self, plan: Plan) -> PlanState:
        return find_record(self.open.journal, plan.id).state


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with serve(deployment()) as api:
        yield Shop(api, tmp_path)


def test_a_scale_is_planned_approved_sent_watched_and_on_record(shop: Shop) -> None:
    plan = shop.plan()
    assert (plan.computed.tier, plan.computed.refusals) == (Tier.ONE_YES, ())
    assert [run.state for run in plan.computed.dry_run] == [DryRunState.DONE, DryRunState.DONE]
    assert plan.requester.k8s_user == "alice"
    carried = shop.carry_out(plan)
    assert (carried.state, carried.watched and carried.watched.end) == (SendState.APPLIED, End.DONE)
    assert shop.replicas() == 3
    kinds = [entry.kind for entry in shop.open.journal.entries()]
    assert kinds == [Kind.PLANNED, Kind.APPROVED, Kind.CONSUMED, Kind.INTENT, Kind.RESULT, Kind.WATCHED]
    assert shop.open.journal.verify().problems == ()


def test_the_way_back_goes_through_the_same_door(shop: Shop) -> None:
    plan = shop.plan()
    shop.carry_out(plan)
    back = shop.open.desk.plan_undo(find_record(shop.open.journal, plan.id[:6]))
    assert (back.undoes, back.computed.tier, back.computed.refusals) == (plan.id, Tier.TYPED_NAME, ())
    shop.carry_out(back)
    assert shop.replicas() == 2


def test_an_undo_says_what_others_did_since(shop: Shop) -> None:
    plan = shop.plan()
    shop.carry_out(plan)
    shop.api.touch(replicas=9)
    back = shop.open.desk.plan_undo(find_record(shop.open.journal, plan.id))
    assert any("someone has set 9 since" in reason for reason in back.computed.reasons)


def test_a_restart_is_carried_out_and_cannot_be_undone(shop: Shop) -> None:
    plan = shop.plan("restart deploy/web")
    shop.carry_out(plan)
    annotations = shop.api.objects[WEB]["spec"]["template"]["metadata"]["annotations"]
    assert list(annotations) == ["kubectl.kubernetes.io/restartedAt"]
    with pytest.raises(ChangeRefused, match="A restart cannot be undone"):
        shop.open.desk.plan_undo(find_record(shop.open.journal, plan.id))


def test_what_was_never_applied_has_nothing_to_undo(shop: Shop) -> None:
    plan = shop.plan()
    with pytest.raises(ChangeRefused, match="was not applied"):
        shop.open.desk.plan_undo(find_record(shop.open.journal, plan.id))


def test_an_undo_is_for_the_object_that_was_changed_and_not_for_its_namesake(shop: Shop) -> None:
    plan = shop.plan()
    shop.carry_out(plan)
    shop.api.objects[WEB]["metadata"]["uid"] = "another"
    with pytest.raises(ChangeRefused, match="made anew"):
        shop.open.desk.plan_undo(find_record(shop.open.journal, plan.id))


def test_a_change_between_yes_and_send_voids_the_plan_before_anything_is_sent(shop: Shop) -> None:
    plan = shop.plan()
    approval = shop.yes(plan)
    shop.api.touch(minReadySeconds=5)
    with pytest.raises(PlanChanged, match="version 100 is now 101"):
        shop.carry_out(plan, approval)
    assert shop.api.writes() == []
    assert shop.state(plan) is PlanState.VOIDED
    fresh = shop.plan()
    shop.carry_out(fresh)
    assert shop.replicas() == 3


def test_a_change_at_the_very_last_moment_is_a_conflict_and_voids_the_plan(shop: Shop) -> None:
    plan = shop.plan()
    shop.api.before_send = lambda: shop.api.touch(replicas=5)
    with pytest.raises(PlanChanged, match="409"):
        shop.carry_out(plan)
    assert shop.replicas() == 5
    assert shop.state(plan) is PlanState.VOIDED


@pytest.mark.parametrize("gone", [True, False])
def test_an_object_deleted_or_made_anew_in_between_is_noticed(shop: Shop, gone: bool) -> None:
    plan = shop.plan()
    if gone:
        del shop.api.objects[WEB]
    else:
        shop.api.objects[WEB]["metadata"]["uid"] = "another"
    with pytest.raises(PlanChanged, match="deleted" if gone else "made anew"):
        shop.carry_out(plan)
    assert shop.api.writes() == []


def test_a_right_taken_away_in_between_is_noticed(shop: Shop) -> None:
    plan = shop.plan()
    shop.api.denied.add(("patch", "deployments/scale"))
    with pytest.raises(PlanChanged, match="what you may do"):
        shop.carry_out(plan)
    assert shop.api.writes() == []


def test_a_rehearsal_that_turns_out_otherwise_is_noticed(shop: Shop) -> None:
    plan = shop.plan()
    shop.api.dry_run_fails = (403, "a new policy")
    with pytest.raises(PlanChanged, match="another result: a new policy"):
        shop.carry_out(plan)
    assert shop.api.writes() == []


def test_another_person_at_the_same_desk_cannot_use_the_approval(shop: Shop) -> None:
    plan = shop.plan()
    approval = shop.yes(plan)
    shop.api.user = "mallory"
    with pytest.raises(ApprovalError, match="somebody else"):
        shop.carry_out(plan, approval)
    assert shop.api.writes() == []


def test_one_approval_run_twice_changes_once(shop: Shop) -> None:
    plan = shop.plan()
    approval = shop.yes(plan)
    shop.carry_out(plan, approval)
    with pytest.raises((ApprovalError, PlanChanged)):
        shop.carry_out(plan, approval)
    assert len(shop.api.writes()) == 1


def test_who_may_not_do_it_gets_a_refused_plan_and_no_rehearsal_is_sent(shop: Shop) -> None:
    shop.api.denied.add(("patch", "deployments/scale"))
    plan = shop.plan()
    assert any("does not let you patch deployments/scale" in each for each in plan.computed.refusals)
    assert not [one for one in shop.api.seen if one.method == "PATCH"]
    with pytest.raises(ApprovalError):
        shop.yes(plan)


def test_a_policy_that_refuses_the_rehearsal_refuses_the_plan(shop: Shop) -> None:
    shop.api.dry_run_fails = (403, "ValidatingAdmissionPolicy 'max-two' denied request")
    assert any("max-two" in each for each in shop.plan().computed.refusals)


def test_a_webhook_that_cannot_rehearse_raises_the_tier(shop: Shop) -> None:
    shop.api.dry_run_fails = (400, 'admission webhook "x" does not support dry run')
    plan = shop.plan()
    assert plan.computed.tier is Tier.TWO_PEOPLE  # neither the change nor its way back could be rehearsed
    assert plan.computed.dry_run[0].state is DryRunState.NOT_DONE


def test_admission_that_stores_another_number_refuses_the_plan(shop: Shop) -> None:
    shop.api.admission = {"spec": {"replicas": 2}}
    assert any("would store 2 in /spec/replicas instead of 3" in each for each in shop.plan().computed.refusals)


def test_what_admission_adds_is_shown_and_secrets_in_it_are_not(shop: Shop) -> None:
    password = "hunter2hunter2"
    env = [{"name": "app", "image": "nginx", "env": [{"name": "DB_URL", "value": f"postgres://u:{password}@db/x"}]}]
    shop.api.admission = {"spec": {"template": {"spec": {"containers": env}}}}
    plan = shop.plan("restart web")
    added = [change for change in plan.computed.changes if not change.asked]
    assert added
    assert password not in msgspec.json.encode(plan).decode()


def test_a_lost_answer_is_read_back_and_not_repeated(shop: Shop) -> None:
    shop.api.lose_answer = True
    plan = shop.plan()
    carried = shop.carry_out(plan)
    assert (carried.state, len(shop.api.writes())) == (SendState.APPLIED, 1)
    assert "carries the change" in carried.text
    assert shop.state(plan) is PlanState.APPLIED


def test_a_request_lost_before_it_was_stored_is_found_not_applied(shop: Shop) -> None:
    shop.api.drop_before = True
    plan = shop.plan()
    carried = shop.carry_out(plan)
    assert (carried.state, shop.replicas(), len(shop.api.writes())) == (SendState.UNKNOWN, 2, 1)
    assert shop.state(plan) is PlanState.NOT_APPLIED


def test_a_server_that_says_no_at_the_end_changes_nothing(shop: Shop) -> None:
    plan = shop.plan()
    shop.api.fail_with = (403, "quota")
    with pytest.raises(ChangeRefused, match="quota"):
        shop.carry_out(plan)
    assert shop.state(plan) is PlanState.REFUSED


def test_a_declined_plan_is_on_record(shop: Shop) -> None:
    plan = shop.plan()
    assert shop.open.door is not None
    shop.open.door.note_declined(plan)
    assert shop.state(plan) is PlanState.DECLINED


def test_a_second_change_within_minutes_is_noticed(shop: Shop) -> None:
    shop.carry_out(shop.plan())
    assert changed_lately(shop.open.journal, "uid-shop-web", utc_now())
    assert any("less than 15 minutes ago" in reason for reason in shop.plan("scale web to 4").computed.reasons)


@pytest.mark.parametrize("given", ["", "abc", "ffffffffffff"])
def test_an_unknown_plan_is_named(shop: Shop, given: str) -> None:
    with pytest.raises(UsageError, match="no plan"):
        find_record(shop.open.journal, given)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("scale wbe to 3", "Did you mean deployment/web"),
        ("scale web in other to 3", "There is"),
        ("scale zzzzzz to 3", "There is: deployment/web"),
    ],
)
def test_an_object_that_is_not_there_comes_with_the_nearest(shop: Shop, words: str, said: str) -> None:
    with pytest.raises(IntentError) as refused:
        shop.open.desk.plan(words)
    assert said in f"{refused.value.title} {refused.value.hint}" or "Check the namespace" in refused.value.hint


def test_a_name_that_two_kinds_share_is_a_question(shop: Shop) -> None:
    body = {**deployment(), "kind": "StatefulSet"}
    shop.api.put(body)
    with pytest.raises(IntentError, match="deployment/web or statefulset/web"):
        shop.open.desk.plan("scale web to 3")
    assert shop.open.desk.plan("scale deploy/web to 3").target.kind == "Deployment"


def test_words_and_flag_that_disagree_are_refused(shop: Shop) -> None:
    with pytest.raises(IntentError, match="flag says other"):
        shop.open.desk.plan("scale web in shop to 3", "other")


class _Known:
    """A server that runs already, and whose kubeconfig is written."""

    def kubeconfig(self, folder: Path) -> Path:
        return folder / "kubeconfig"


def _die_around_the_send(where: str, folder: Path) -> None:
    """Carry a plan out in this process, and kill it just before or just after the request."""
    shop = Shop(_Known(), folder)
    plan = shop.plan()
    real = Wire.send

    def send(wire: Wire, request: Request, agent: str) -> WireAnswer:
        if "dry-run" in agent:
            return real(wire, request, agent)
        if where == "after":
            real(wire, request, agent)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable: dead")

    Wire.send = send  # type: ignore[method-assign]
    shop.carry_out(plan)


@pytest.mark.parametrize(
    ("where", "settled", "replicas"), [("before", Settled.NOT_APPLIED, 2), ("after", Settled.APPLIED, 3)]
)
@pytest.mark.proof
def test_kill_9_around_the_send_leaves_an_intent_that_is_read_back(
    shop: Shop, where: str, settled: Settled, replicas: int
) -> None:
    died = started(_die_around_the_send, where, shop.folder)
    died.join()
    assert died.exitcode == -signal.SIGKILL
    (open_record,) = unsettled(shop.open.journal)
    assert open_record.entries[-1].kind is Kind.INTENT
    ((plan, reading),) = settle_all(shop.open.desk.reader, shop.open.journal, shop.open.desk.cluster)
    assert (plan.id, reading.state, shop.replicas()) == (open_record.plan.id, settled, replicas)
    assert unsettled(shop.open.journal) == []
    assert len(shop.api.writes()) == (where == "after")
    assert shop.open.journal.verify().problems == ()


def test_an_outcome_that_stays_unknown_is_noted_once_however_often_it_is_looked_at(shop: Shop) -> None:
    plan = shop.plan()
    assert shop.open.gate is not None
    assert shop.open.door is not None
    (step,) = shop.open.gate.consume(plan, (shop.yes(plan),), shop.open.desk.requester)
    shop.api.lose_answer = True
    assert shop.open.door._writer.send(step).state is SendState.UNKNOWN
    shop.api.touch(replicas=9)
    for _ in range(2):
        ((_, reading),) = settle_all(shop.open.desk.reader, shop.open.journal, shop.open.desk.cluster)
        assert reading.state is Settled.STILL_UNKNOWN
    assert len([entry for entry in shop.open.journal.entries() if entry.kind is Kind.SETTLED]) == 1


def test_a_tampered_journal_closes_the_door(shop: Shop) -> None:
    shop.carry_out(shop.plan())
    with sqlite3.connect(shop.open.journal.path) as connection:
        connection.execute("DROP TRIGGER journal_holds")
        connection.execute("UPDATE journal SET entry = replace(entry, 'consumed', 'declined')")
    connection.close()
    with pytest.raises(JournalError, match="was altered"):
        open_changing(shop.target, shop.settings, shop.said.append)


def test_a_plan_of_another_version_is_named_and_not_guessed_at(shop: Shop) -> None:
    shop.open.journal.append(Kind.PLANNED, "feedfeed", {"plan": {"schema": 9}})
    with pytest.raises(JournalError, match="another version"):
        records(shop.open.journal)


def test_secrets_in_what_the_server_says_do_not_reach_the_journal(shop: Shop) -> None:
    plan = shop.plan()
    shop.api.fail_with = (403, "denied: password=hunter2hunter2")
    with pytest.raises(ChangeRefused) as refused:
        shop.carry_out(plan)
    written = [str(entry.detail) for entry in shop.open.journal.entries()]
    assert not [text for text in (*written, refused.value.title) if "hunter2hunter2" in text]


@pytest.mark.parametrize("gone", [True, False])
def test_an_object_that_is_gone_says_nothing_about_what_was_sent(shop: Shop, gone: bool) -> None:
    plan = shop.plan()
    if gone:
        del shop.api.objects[WEB]
    else:
        shop.api.objects[WEB]["metadata"]["uid"] = "another"
    assert read_back(shop.open.desk.reader, plan.steps[0], plan.not_before).state is Settled.STILL_UNKNOWN


def test_a_version_that_others_moved_on_shows_that_the_request_cannot_apply_any_more(shop: Shop) -> None:
    plan = shop.plan()
    shop.api.touch(replicas=3)  # the very number, set by somebody else
    assert read_back(shop.open.desk.reader, plan.steps[0], plan.not_before).state is Settled.NOT_APPLIED


def test_a_restart_is_recognised_by_its_own_time(shop: Shop) -> None:
    plan = shop.plan("restart web")
    shop.carry_out(plan)
    assert read_back(shop.open.desk.reader, plan.steps[0], plan.not_before).state is Settled.APPLIED


def test_plans_come_back_from_the_journal_as_they_were(shop: Shop) -> None:
    plan = shop.plan()
    (record,) = records(shop.open.journal)
    assert (record.plan, record.plan.digest) == (plan, plan.digest)
