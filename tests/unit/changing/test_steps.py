"""Operations and lists of them on a small API server: carried out in order, stopped at the first failure, undone."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from copilot.changing.document import intent_of
from copilot.changing.history import PlanState, changed_lately, find_record, unsettled
from copilot.changing.opening import utc_now
from copilot.changing.settling import settle_all
from guardrails.errors import ChangeRefused, PlanChanged
from guardrails.journal import Kind
from guardrails.plan import Plan, Tier
from guardrails.steps import SendState
from tests.small_api import deployment, serve
from tests.unit.changing.test_door import WEB, Shop
from tools.change import following
from tools.change.readback import Settled
from tools.change.watch import End

NODE = "/api/v1/nodes/n1"
PODS = "/api/v1/namespaces/shop/pods"


def _pod(name: str, node: str = "n1", namespace: str = "shop") -> dict[str, Any]:
    owner = {"kind": "Replacer", "name": "r", "uid": "r", "controller": True}
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "resourceVersion": "7", "ownerReferences": [owner]},
        "spec": {"nodeName": node, "containers": [{"name": "app", "image": "nginx"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }  # fmt: skip


def _object(kind: str, name: str, version: str = "v1", namespace: str | None = "shop", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "uid": f"uid-{name}", "resourceVersion": "9", "generation": 1}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": metadata | ({"namespace": namespace} if namespace else {}),
        **more,
    }


_JOBS = {"spec": {"template": {"spec": {"containers": [{"name": "job", "image": "nginx"}]}}}}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(following, "HOLD_SECONDS", 0.0)
    world = [
        deployment(), _pod("a"), _pod("b"), _pod("c"), _object("Node", "n1", namespace=None, spec={}),
        _object("ConfigMap", "settings", data={"level": "info"}),
        _object("CronJob", "nightly", "batch/v1", spec={"suspend": False, "jobTemplate": _JOBS}),
    ]  # fmt: skip
    with serve(*world) as api:
        yield Shop(api, tmp_path)


def agreed(plan: Plan) -> Plan:
    """The same plan as if two people had agreed."""
    computed = msgspec.structs.replace(plan.computed, tier=Tier.TYPED_NAME, refusals=())
    return msgspec.structs.replace(plan, computed=computed)


def _drain(shop: Shop) -> Plan:
    plan = agreed(shop.open.desk.plan("drain n1"))
    assert shop.open.door is not None
    shop.open.door.note_planned(plan)
    return plan


def _left(shop: Shop) -> list[str]:
    return sorted(path.rpartition("/")[2] for path in shop.api.objects if path.startswith(f"{PODS}/"))


def test_a_drain_cordons_and_evicts_in_order_each_step_on_record_before_and_after(shop: Shop) -> None:
    plan = _drain(shop)
    carried = shop.carry_out(plan)
    assert (carried.state, carried.stopped, _left(shop)) == (SendState.APPLIED, "", [])
    assert [one.path for one in shop.api.writes()] == [NODE, *(f"{PODS}/{name}/eviction" for name in "abc")]
    record = find_record(shop.open.journal, plan.id)
    assert (record.state, record.applied) == (PlanState.APPLIED, (1, 2, 3, 4))
    kinds = [(entry.kind, entry.step) for entry in record.entries if entry.step > 0]
    assert kinds == [(kind, step) for step in (1, 2, 3, 4) for kind in (Kind.INTENT, Kind.RESULT, Kind.WATCHED)]


def test_an_eviction_that_is_refused_ends_the_drain_and_says_what_was_done(shop: Shop) -> None:
    plan = _drain(shop)
    approval = shop.yes(plan)
    shop.api.before_send = lambda: shop.api.stuck.add("b")
    with pytest.raises(ChangeRefused, match="disruption budget") as refused:
        shop.carry_out(plan, approval)
    assert "2 of 4 steps were carried out and stay: cordon Node n1, evict Pod shop/a" in refused.value.hint
    assert _left(shop) == ["b", "c"]
    record = find_record(shop.open.journal, plan.id)
    assert (record.state, record.applied) == (PlanState.PARTIAL, (1, 2))
    assert changed_lately(shop.open.journal, "uid-a", utc_now())


def test_what_was_done_of_a_list_can_be_undone_as_far_as_it_has_a_way_back(shop: Shop) -> None:
    plan = _drain(shop)
    shop.api.before_send = lambda: shop.api.stuck.add("a")
    with pytest.raises(ChangeRefused):
        shop.carry_out(plan)
    shop.api.before_send = None
    back = shop.open.desk.plan_undo(find_record(shop.open.journal, plan.id))
    assert [(step.op.value, step.ref.name) for step in back.steps] == [("uncordon", "n1")]
    shop.carry_out(back)
    assert "unschedulable" not in shop.api.objects[NODE]["spec"]


def test_a_pod_that_changed_is_a_conflict_and_ends_the_drain(shop: Shop) -> None:
    plan = _drain(shop)
    shop.api.before_send = lambda: shop.api.objects[f"{PODS}/c"]["metadata"].update(resourceVersion="8")
    with pytest.raises(PlanChanged, match="Pod shop/c changed") as changed:
        shop.carry_out(plan)
    assert "3 of 4 steps" in changed.value.hint
    assert _left(shop) == ["c"]


def test_a_pod_that_came_since_the_plan_needs_a_new_plan(shop: Shop) -> None:
    plan = _drain(shop)
    shop.api.put(_pod("d"))
    with pytest.raises(PlanChanged, match="pods have come to Node n1 since: d"):
        shop.carry_out(plan)
    assert shop.api.writes() == []


def test_an_answer_lost_in_the_middle_is_read_back_and_the_rest_goes_on(shop: Shop) -> None:
    plan = _drain(shop)
    shop.api.lose_answer = True
    carried = shop.carry_out(plan)
    assert (carried.state, _left(shop)) == (SendState.APPLIED, [])
    assert find_record(shop.open.journal, plan.id).state is PlanState.APPLIED


def test_a_request_that_never_arrived_ends_the_list_and_is_settled_as_not_applied(shop: Shop) -> None:
    plan = _drain(shop)
    shop.api.drop_before = True
    carried = shop.carry_out(plan)
    assert carried.state is SendState.UNKNOWN
    assert "Stopped after step 1 of 4: nothing was changed." in carried.stopped
    assert find_record(shop.open.journal, plan.id).state is PlanState.NOT_APPLIED
    assert len(shop.api.writes()) == 1


@pytest.mark.parametrize(
    ("words", "path", "tier"),
    [
        ("set image web app=nginx:2", WEB, Tier.TYPED_NAME),
        ("set env web LOG=debug", WEB, Tier.TYPED_NAME),
        ("set resources web limits cpu=1", WEB, Tier.TYPED_NAME),
        ("patch web /spec/minReadySeconds=3", WEB, Tier.TYPED_NAME),
        ("pause web", WEB, Tier.ONE_YES),
        ("label web team=a", WEB, Tier.ONE_YES),
        ("annotate cm/settings note=x", "/api/v1/namespaces/shop/configmaps/settings", Tier.ONE_YES),
        ("patch cm/settings /data/level=debug /data/more=1", "/api/v1/namespaces/shop/configmaps/settings", Tier.TYPED_NAME),
        ("cordon n1", NODE, Tier.ONE_YES),
        ("taint n1 a=b:NoSchedule", NODE, Tier.TYPED_NAME),
        ("suspend nightly", "/apis/batch/v1/namespaces/shop/cronjobs/nightly", Tier.ONE_YES),
    ],
)  # fmt: skip
def test_an_operation_and_its_undo_leave_the_object_as_it_was(shop: Shop, words: str, path: str, tier: Tier) -> None:
    before = _state(shop, path)
    plan = shop.plan(words)
    assert (plan.computed.tier, plan.computed.refusals) == (tier, ()), plan.computed
    assert shop.carry_out(plan).watched.end is End.DONE  # type: ignore[union-attr]
    assert _state(shop, path) != before
    back = shop.open.desk.plan_undo(find_record(shop.open.journal, plan.id))
    assert shop.open.door is not None
    shop.open.door.note_planned(back)
    shop.carry_out(back)
    assert _state(shop, path) == before


def _state(shop: Shop, path: str) -> Any:
    body = copy.deepcopy(shop.api.objects[path])
    body.pop("status", None)
    for counted in ("resourceVersion", "generation", "managedFields"):
        body["metadata"].pop(counted, None)
    body["metadata"] = {key: value for key, value in body["metadata"].items() if value != {}}
    return body


def test_an_undo_of_a_field_that_others_changed_says_so(shop: Shop) -> None:
    plan = shop.plan("patch cm/settings /data/level=debug")
    shop.carry_out(plan)
    settings = shop.api.objects["/api/v1/namespaces/shop/configmaps/settings"]
    settings["data"]["level"] = "warn"
    back = shop.open.desk.plan_undo(find_record(shop.open.journal, plan.id))
    assert any("someone has changed /data/level" in reason for reason in back.computed.reasons)


def test_an_undo_by_position_is_refused_once_the_list_is_another(shop: Shop) -> None:
    plan = shop.plan("set image web app=nginx:2")
    shop.carry_out(plan)
    shop.api.objects[WEB]["spec"]["template"]["spec"]["containers"].insert(0, {"name": "new", "image": "x"})
    with pytest.raises(ChangeRefused, match="has another"):
        shop.open.desk.plan_undo(find_record(shop.open.journal, plan.id))


def test_a_job_is_made_and_its_undo_is_for_that_job_only(shop: Shop) -> None:
    plan = shop.plan("create job now from nightly")
    job = "/apis/batch/v1/namespaces/shop/jobs/now"
    shop.api.before_send = None
    assert shop.open.gate is not None
    assert shop.open.door is not None
    (step,) = shop.open.gate.consume(plan, (shop.yes(plan),), shop.open.desk.requester)
    assert shop.open.door._writer.send(step).state is SendState.APPLIED
    assert shop.api.objects[job]["spec"] == _JOBS["spec"]
    record = find_record(shop.open.journal, plan.id)
    back = shop.open.desk.plan_undo(record)
    assert (back.computed.tier, back.steps[0].ref.name) == (Tier.TYPED_NAME, "now")
    shop.api.objects[job]["metadata"]["uid"] = "another"
    with pytest.raises(ChangeRefused, match="gone, or was made anew"):
        shop.open.desk.plan_undo(record)


@pytest.mark.parametrize("dropped", [True, False])
def test_an_eviction_whose_answer_is_lost_is_settled_by_looking(shop: Shop, dropped: bool) -> None:
    plan = shop.plan("evict a")
    assert shop.open.gate is not None
    assert shop.open.door is not None
    (step,) = shop.open.gate.consume(plan, (shop.yes(plan),), shop.open.desk.requester)
    shop.api.drop_before, shop.api.lose_answer = dropped, not dropped
    assert shop.open.door._writer.send(step).state is SendState.UNKNOWN
    assert len(unsettled(shop.open.journal)) == 1
    ((_, reading),) = settle_all(shop.open.desk.reader, shop.open.journal, shop.open.desk.cluster)
    assert reading.state is (Settled.NOT_APPLIED if dropped else Settled.APPLIED)
    assert _left(shop) == (["a", "b", "c"] if dropped else ["b", "c"])


@pytest.mark.parametrize("dropped", [True, False])
def test_a_job_whose_answer_is_lost_is_settled_by_looking(shop: Shop, dropped: bool) -> None:
    plan = shop.plan("create job now from nightly")
    assert shop.open.gate is not None
    assert shop.open.door is not None
    (step,) = shop.open.gate.consume(plan, (shop.yes(plan),), shop.open.desk.requester)
    shop.open.journal.append(Kind.INTENT, plan.id, {}, step=1)
    if not dropped:
        shop.open.door._writer._wire.send(step.step.request, "test")  # type: ignore[attr-defined]
    ((_, reading),) = settle_all(shop.open.desk.reader, shop.open.journal, shop.open.desk.cluster)
    assert reading.state is (Settled.NOT_APPLIED if dropped else Settled.APPLIED)


def test_a_controller_that_puts_a_field_back_is_reported(shop: Shop) -> None:
    plan = shop.plan("patch cm/settings /data/level=debug")
    settings = shop.api.objects["/api/v1/namespaces/shop/configmaps/settings"]
    assert shop.open.gate is not None
    (approved,) = shop.open.gate.consume(plan, (shop.yes(plan),), shop.open.desk.requester)
    eyes = following.Eyes(shop.open.desk.reader, lambda: 0.0, lambda _: None, shop.said.append)
    watch = following.watch_of(approved.step, eyes)
    assert settings["data"]["level"] == "info"  # as if it had been written back at once
    assert watch.follow().end is End.REVERTED


def test_an_applied_object_is_created_and_taken_away_again(shop: Shop) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "fresh"}, "data": {"a": "1"}}
    plan = shop.open.desk.plan_intent(intent_of(body), "apply fresh.yaml")
    assert shop.open.door is not None
    shop.open.door.note_planned(plan)
    assert plan.steps[0].request.query[-1] == ("force", "false")
    assert shop.carry_out(plan).watched.end is End.DONE  # type: ignore[union-attr]
    back = shop.open.desk.plan_undo(find_record(shop.open.journal, plan.id))
    shop.open.door.note_planned(back)
    shop.carry_out(back)
    assert "/api/v1/namespaces/shop/configmaps/fresh" not in shop.api.objects


def test_an_object_made_between_plan_and_yes_voids_the_plan_that_would_create_it(shop: Shop) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "fresh"}, "data": {"a": "1"}}
    plan = shop.open.desk.plan_intent(intent_of(body), "apply fresh.yaml")
    assert shop.open.door is not None
    shop.open.door.note_planned(plan)
    approval = shop.yes(plan)
    shop.api.put(_object("ConfigMap", "fresh", data={"a": "2"}))
    with pytest.raises(PlanChanged, match="made in the meantime"):
        shop.carry_out(plan, approval)


def test_every_right_of_every_step_is_asked_for(shop: Shop) -> None:
    shop.api.denied.add(("create", "pods/eviction"))
    plan = shop.open.desk.plan("drain n1")
    assert any("create pods/eviction in namespace shop" in refusal for refusal in plan.computed.refusals)
    asked = [json.loads(one.body)["spec"]["resourceAttributes"] for one in shop.api.seen if "accessreviews" in one.path]
    assert sum(each.get("subresource") == "eviction" for each in asked) == 3
    assert not [one for one in shop.api.seen if "dryRun" in one.query]


def test_who_may_not_list_pods_can_still_cordon_and_is_told_what_was_not_seen(shop: Shop) -> None:
    shop.api.hidden.add("pods")
    plan = shop.plan("cordon n1")
    assert plan.computed.tier is Tier.TYPED_NAME
    assert any("Pods of the node" in line for line in plan.computed.not_checked)


def test_the_audit_lists_each_step_with_what_became_of_it(
    shop: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from copilot.cli.main import main

    plan = _drain(shop)
    shop.carry_out(plan)
    monkeypatch.setenv("COPILOT_DATA_DIR", str(shop.settings.data_dir))
    assert main(["audit", plan.id]) == 0
    said = capsys.readouterr().out
    for part in ("step 1: Cordon Node n1", "step 4: Evict Pod shop/c", "intent    step 2", "watched   step 4"):
        assert part in said
