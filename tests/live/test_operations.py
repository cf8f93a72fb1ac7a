"""Every operation against a real API server: planned, rehearsed, sent, watched and, where there is a way back, undone."""

import copy
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from copilot.changing.document import intent_of
from copilot.changing.door import Carried
from copilot.changing.history import PlanState, find_record
from copilot.changing.opening import Workshop
from guardrails.diff import normalised
from guardrails.errors import ChangeRefused, PlanChanged
from guardrails.journal import Kind
from guardrails.plan import DryRunState, Plan, Tier
from guardrails.steps import SendState
from tests.live.test_change import Scene, _carry_out, _workload, _yes
from tests.live.testbed.cluster import Cluster
from tools.change import following
from tools.change.watch import End

JOB = {
    "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly"},
    "spec": {
        "schedule": "0 3 * * *",
        "jobTemplate": {"spec": {"template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "job", "image": "busybox:1"}],
        }}}},
    },
}  # fmt: skip
SETTINGS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"level": "info"}}


@pytest.fixture
def scene(live_cluster: Cluster, namespace: str, tmp_path: Path) -> Scene:
    scene = Scene(live_cluster, namespace, tmp_path)
    scene.apply(_workload("web"), copy.deepcopy(JOB), copy.deepcopy(SETTINGS))
    scene.settled()
    return scene


def _agreed(plan: Plan) -> Plan:
    """The same plan as if two people had agreed: what one person may not decide is carried out all the same."""
    computed = msgspec.structs.replace(plan.computed, tier=Tier.TYPED_NAME, refusals=())
    return msgspec.structs.replace(plan, computed=computed)


def _noted(workshop: Workshop, plan: Plan) -> Plan:
    assert workshop.door is not None
    workshop.door.note_planned(plan)
    return plan


def _done(scene: Scene, workshop: Workshop, words: str, tier: Tier) -> tuple[Plan, Carried]:
    """Plan, check that the server rehearsed all of it, and carry it out."""
    plan = workshop.desk.plan(words, scene.namespace)
    assert plan.computed.tier is tier, plan.computed
    assert {run.state for run in plan.computed.dry_run} == {DryRunState.DONE}, plan.computed.dry_run
    assert all(access.allowed for access in plan.computed.ssar)
    plan = _noted(workshop, _agreed(plan) if tier is Tier.TWO_PEOPLE else plan)
    carried = _carry_out(workshop, plan)
    assert carried.state is SendState.APPLIED, carried
    assert carried.watched.end is End.DONE, carried
    return plan, carried


def _undone(scene: Scene, workshop: Workshop, plan: Plan) -> None:
    back = workshop.desk.plan_undo(find_record(workshop.journal, plan.id))
    assert {run.state for run in back.computed.dry_run} == {DryRunState.DONE}, back.computed.dry_run
    carried = _carry_out(workshop, _noted(workshop, _agreed(back)))
    assert carried.watched.end is End.DONE, carried


def _state(scene: Scene, kind: str, name: str) -> dict[str, Any]:
    """What of an object a person would call its state: without what the server and controllers count up."""
    body = normalised(scene.get(kind, name))
    body["metadata"].get("annotations", {}).pop("deployment.kubernetes.io/revision", None)
    return body


REVERSIBLE = [
    ("set image deploy/web app=nginx:2", Tier.TYPED_NAME, "deployment", "web"),
    ("set image web to nginx:2", Tier.TYPED_NAME, "deployment", "web"),
    ("set resources deploy/web container app requests cpu=1000m limits memory=1Gi", Tier.TYPED_NAME, "deployment", "web"),
    ("set env deploy/web LOG_LEVEL=debug MODE=slow", Tier.TYPED_NAME, "deployment", "web"),
    ("patch deploy/web /spec/minReadySeconds=1 /spec/template/spec/terminationGracePeriodSeconds=20", Tier.TYPED_NAME, "deployment", "web"),
    ("patch cm/settings /data/level=debug", Tier.TYPED_NAME, "configmap", "settings"),
    ("patch cj/nightly /spec/failedJobsHistoryLimit=4", Tier.TYPED_NAME, "cronjob", "nightly"),
    ("label deploy/web team=front", Tier.ONE_YES, "deployment", "web"),
    ("annotate deploy/web note=checked", Tier.ONE_YES, "deployment", "web"),
    ("label cm/settings team=front", Tier.ONE_YES, "configmap", "settings"),
    ("pause deploy/web", Tier.ONE_YES, "deployment", "web"),
    ("suspend cj/nightly", Tier.ONE_YES, "cronjob", "nightly"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "tier", "kind", "name"), REVERSIBLE, ids=[each[0] for each in REVERSIBLE])
def test_a_change_of_fields_is_applied_and_its_undo_restores_the_state(
    scene: Scene, words: str, tier: Tier, kind: str, name: str
) -> None:
    workshop = scene.workshop()
    before = _state(scene, kind, name)
    plan, _ = _done(scene, workshop, words, tier)
    assert _state(scene, kind, name) != before
    if kind == "deployment":
        scene.cluster.wait_for(lambda: _quiet(scene), 60, "the Deployment to come to rest")
    _undone(scene, workshop, plan)
    assert _state(scene, kind, name) == before


def _quiet(scene: Scene) -> bool:
    body = scene.get()
    return bool(body["status"].get("observedGeneration") == body["metadata"]["generation"])


def test_a_rollback_puts_the_earlier_template_back_and_its_undo_the_later_one(scene: Scene) -> None:
    workshop = scene.workshop()
    first = scene.get()["spec"]["template"]
    _done(scene, workshop, "set image deploy/web app=nginx:2", Tier.TYPED_NAME)
    scene.settled()
    later = scene.get()["spec"]["template"]
    plan, _ = _done(scene, workshop, "roll back web", Tier.TYPED_NAME)
    assert scene.get()["spec"]["template"] == first
    scene.settled()
    _undone(scene, workshop, plan)
    assert scene.get()["spec"]["template"] == later


def test_a_stateful_set_is_rolled_back_from_its_controller_revisions(scene: Scene) -> None:
    scene.apply(_workload("db", "StatefulSet", 1))
    scene.settled("db", "statefulset")
    first = scene.get("statefulset", "db")["spec"]["template"]
    workshop = scene.workshop()
    _done(scene, workshop, "set image sts/db app=nginx:2", Tier.TWO_PEOPLE)
    scene.settled("db", "statefulset")
    _done(scene, workshop, "roll back sts/db", Tier.TWO_PEOPLE)
    assert scene.get("statefulset", "db")["spec"]["template"] == first


def test_a_paused_deployment_is_resumed_and_its_waiting_change_rolls_out(scene: Scene) -> None:
    workshop = scene.workshop()
    _done(scene, workshop, "pause web", Tier.ONE_YES)
    scene.cluster.wait_for(lambda: _quiet(scene), 30, "the pause to be seen")
    plan, _ = _done(scene, workshop, "set image web app=nginx:2", Tier.TWO_PEOPLE)  # a second change within minutes
    assert any("paused" in reason for reason in plan.computed.reasons)
    scene.cluster.wait_for(lambda: _quiet(scene), 30, "the change to be seen")
    _done(scene, workshop, "resume web", Tier.TYPED_NAME)
    images = {pod["spec"]["containers"][0]["image"] for pod in scene.cluster.get("pods", "-n", scene.namespace)["items"]
              if "deletionTimestamp" not in pod["metadata"]}  # fmt: skip
    assert images == {"nginx:2"}


def test_a_node_is_cordoned_tainted_and_put_back(scene: Scene, breakable_node: str) -> None:
    workshop = scene.workshop()
    before = scene.cluster.get("node", breakable_node)["spec"]
    cordon, _ = _done(scene, workshop, f"cordon {breakable_node}", Tier.ONE_YES)
    assert scene.cluster.get("node", breakable_node)["spec"]["unschedulable"] is True
    _steady(scene, breakable_node)
    _undone(scene, workshop, cordon)
    taint, _ = _done(scene, workshop, f"taint {breakable_node} dedicated=db:NoSchedule", Tier.TWO_PEOPLE)
    assert {"key": "dedicated", "value": "db", "effect": "NoSchedule"} in scene.cluster.get("node", breakable_node)[
        "spec"
    ]["taints"]
    _undone(scene, workshop, taint)
    assert scene.cluster.get("node", breakable_node)["spec"] == before


def _steady(scene: Scene, node: str) -> None:
    """Wait until the node controller has added its own taint for the cordon."""
    scene.cluster.wait_for(
        lambda: any(taint["key"] == "node.kubernetes.io/unschedulable" for taint in scene.cluster.get("node", node)["spec"]["taints"]),
        30, "the node controller",
    )  # fmt: skip


def test_a_pod_is_evicted_and_its_owner_made_whole_and_that_cannot_be_undone(scene: Scene) -> None:
    name = scene.cluster.get("pods", "-n", scene.namespace, "-l", "app=web")["items"][0]["metadata"]["name"]
    workshop = scene.workshop()
    plan, carried = _done(scene, workshop, f"delete pod {name}", Tier.TYPED_NAME)
    assert "is whole again" in carried.watched.text
    assert plan.rollback == ()
    with pytest.raises(ChangeRefused, match="cannot be undone"):
        workshop.desk.plan_undo(find_record(workshop.journal, plan.id))


def test_a_budget_that_lets_no_pod_go_refuses_the_eviction_and_the_server_agrees(scene: Scene) -> None:
    scene.apply({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}},
    })  # fmt: skip
    scene.cluster.wait_for(
        lambda: scene.get("pdb", "web").get("status", {}).get("currentHealthy") == 2, 30, "the budget"
    )
    name = scene.cluster.get("pods", "-n", scene.namespace, "-l", "app=web")["items"][0]["metadata"]["name"]
    plan = scene.workshop().desk.plan(f"evict {name}", scene.namespace)
    assert any("PodDisruptionBudget web lets no pod go now" in refusal for refusal in plan.computed.refusals)
    assert any("disruption budget" in refusal for refusal in plan.computed.refusals)  # the dry run's own 429


def test_an_eviction_that_the_server_answers_with_429_is_a_refusal_and_nothing_is_evicted(scene: Scene) -> None:
    workshop = scene.workshop()
    name = scene.cluster.get("pods", "-n", scene.namespace, "-l", "app=web")["items"][0]["metadata"]["name"]
    plan = _noted(workshop, workshop.desk.plan(f"evict {name}", scene.namespace))
    assert workshop.gate is not None
    assert workshop.door is not None
    (step,) = workshop.gate.consume(plan, (_yes(workshop, plan),), workshop.desk.requester)
    scene.apply({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}},
    })  # fmt: skip
    scene.cluster.wait_for(
        lambda: scene.get("pdb", "web").get("status", {}).get("currentHealthy") == 2, 30, "the budget"
    )
    outcome = workshop.door._writer.send(step)
    assert (outcome.state, outcome.status) == (SendState.REFUSED, 429)
    assert "deletionTimestamp" not in scene.get("pod", name)["metadata"]


def _drainable(scene: Scene) -> tuple[str, list[str]]:
    """A node of the scene's own pods only, and those pods."""
    pods = scene.cluster.get("pods", "-n", scene.namespace, "-l", "app=web")["items"]
    node = pods[0]["spec"]["nodeName"]
    return node, [pod["metadata"]["name"] for pod in pods if pod["spec"]["nodeName"] == node]


def test_a_drain_is_a_fixed_list_of_evictions_carried_out_one_after_the_other(
    scene: Scene, breakable_node: str
) -> None:
    scene.apply(_on(breakable_node, _workload("lone", replicas=2)))
    scene.settled("lone")
    workshop = scene.workshop()
    plan = workshop.desk.plan(f"drain {breakable_node} ignoring daemonsets", scene.namespace)
    assert plan.computed.tier is Tier.TWO_PEOPLE
    assert [step.op.value for step in plan.steps] == ["cordon", "evict", "evict"]
    assert len(plan.computed.dry_run) == 4  # three steps, and the way back of the cordon
    _released(scene, "lone")
    scene.settled("lone")
    with pytest.raises(PlanChanged):  # the pods' owner has been changed, so others have come
        _carry_out(workshop, _noted(workshop, _agreed(plan)))


def _on(node: str, body: dict[str, Any]) -> dict[str, Any]:
    body["spec"]["template"]["spec"] |= {
        "nodeSelector": {"kubernetes.io/hostname": node},
        "tolerations": [{"key": "testbed/breakable", "operator": "Exists"}],
    }
    return body


def _released(scene: Scene, name: str) -> None:
    """Let new pods of a Deployment land anywhere."""
    patch = json.dumps({"spec": {"template": {"spec": {"nodeSelector": None}}}})
    scene.cluster.kubectl("patch", "deployment", name, "-n", scene.namespace, "--type=merge", "-p", patch)


def test_deleting_a_deployment_removes_it_and_its_pods(scene: Scene) -> None:
    workshop = scene.workshop()
    plan, carried = _done(scene, workshop, "delete deploy/web", Tier.TWO_PEOPLE)
    assert "is gone" in carried.watched.text
    pods = ("pods", "-n", scene.namespace, "-l", "app=web")
    scene.cluster.wait_for(lambda: not scene.cluster.get(*pods)["items"], 60, "the pods to go")
    back = _noted(workshop, _agreed(workshop.desk.plan_undo(find_record(workshop.journal, plan.id))))
    _carry_out(workshop, back)
    scene.settled()
    assert scene.get()["metadata"]["uid"] != plan.target.uid


def test_a_deletion_of_an_object_that_changed_is_a_409(scene: Scene) -> None:
    workshop = scene.workshop()
    plan = _noted(workshop, _agreed(workshop.desk.plan("delete deploy/web", scene.namespace)))
    assert workshop.gate is not None
    assert workshop.door is not None
    (step,) = workshop.gate.consume(plan, (_yes(workshop, plan),), workshop.desk.requester)
    scene.cluster.kubectl("annotate", "deployment", "web", "-n", scene.namespace, "note=x")
    assert workshop.door._writer.send(step).state is SendState.CONFLICT
    assert scene.get()["metadata"]["name"] == "web"


def test_a_job_is_made_from_its_cron_job_and_its_undo_takes_it_away(scene: Scene) -> None:
    workshop = scene.workshop()
    plan, carried = _done(scene, workshop, "create job now from nightly", Tier.TYPED_NAME)
    assert "has started" in carried.watched.text
    job = scene.get("job", "now")
    assert job["metadata"]["ownerReferences"][0]["name"] == "nightly"
    assert job["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"
    scene.cluster.wait_for(lambda: scene.get("job", "now")["status"].get("completionTime"), 60, "the Job to end")
    back = workshop.desk.plan_undo(find_record(workshop.journal, plan.id))
    assert (back.computed.tier, back.computed.refusals) == (Tier.TYPED_NAME, ())
    assert _carry_out(workshop, _noted(workshop, back)).watched.end is End.DONE


@pytest.mark.parametrize(
    "words",
    [
        "set image deploy/web app=nginx:2",
        "label deploy/web a=b",
        "pause web",
        "suspend cj/nightly",
        "patch cm/settings /data/level=x",
    ],
)
def test_a_change_in_the_last_moment_is_a_409_for_every_kind_of_patch(scene: Scene, words: str) -> None:
    workshop = scene.workshop()
    plan = scene.plan(workshop, words)
    assert workshop.gate is not None
    assert workshop.door is not None
    (step,) = workshop.gate.consume(plan, (_yes(workshop, plan),), workshop.desk.requester)
    ref = plan.target
    scene.cluster.kubectl("annotate", ref.kind.lower(), ref.name, "-n", scene.namespace, "someone=else")
    outcome = workshop.door._writer.send(step)
    assert (outcome.state, outcome.status) == (SendState.CONFLICT, 409)


def test_an_old_value_that_is_no_longer_there_is_a_conflict(scene: Scene) -> None:
    workshop = scene.workshop()
    plan = scene.plan(workshop, "patch cm/settings /data/level=debug")
    assert workshop.gate is not None
    assert workshop.door is not None
    (step,) = workshop.gate.consume(plan, (_yes(workshop, plan),), workshop.desk.requester)
    patch = json.dumps({"data": {"level": "warn"}})
    scene.cluster.kubectl("patch", "cm", "settings", "-n", scene.namespace, "--type=merge", "-p", patch)
    outcome = workshop.door._writer.send(step)
    assert (outcome.state, outcome.status) == (SendState.CONFLICT, 422)
    assert scene.get("configmap", "settings")["data"] == {"level": "warn"}


def _apply(scene: Scene, workshop: Workshop, body: dict[str, Any]) -> Plan:
    body["metadata"]["namespace"] = scene.namespace
    return workshop.desk.plan_intent(intent_of(body), "apply x.yaml", scene.namespace)


def _config(name: str, **values: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": values}


def test_an_object_is_applied_created_changed_and_each_undone(scene: Scene) -> None:
    workshop = scene.workshop()
    first = _noted(workshop, _apply(scene, workshop, _config("limits", low="1", high="9")))
    assert (first.computed.tier, first.computed.refusals) == (Tier.TYPED_NAME, ())
    assert first.computed.way_back == f"delete ConfigMap {scene.namespace}/limits"
    assert _carry_out(workshop, first).watched.end is End.DONE
    before = _state(scene, "configmap", "limits")
    second = _noted(workshop, _apply(scene, workshop, _config("limits", low="2")))
    assert {(change.path, change.after) for change in second.computed.changes} == {
        ("/data/low", '"2"'),
        ("/data/high", ""),
    }
    _carry_out(workshop, second)
    assert scene.get("configmap", "limits")["data"] == {"low": "2"}
    _undone(scene, workshop, second)
    assert _state(scene, "configmap", "limits") == before
    _undone(scene, workshop, first)
    assert "limits" not in scene.cluster.kubectl("get", "cm", "-n", scene.namespace)


def test_a_field_that_someone_else_manages_stops_an_apply_and_names_them(scene: Scene) -> None:
    plan = _apply(scene, scene.workshop(), _config("settings", level="debug"))
    assert any("conflict" in refusal and "kubectl" in refusal for refusal in plan.computed.refusals), plan.computed
    assert scene.get("configmap", "settings")["data"] == {"level": "info"}


def test_an_unknown_field_is_refused_by_the_server_and_the_message_repeats_no_object(scene: Scene) -> None:
    body = _workload("other")
    body["spec"]["nonsense"] = True
    plan = _apply(scene, scene.workshop(), body)
    (said,) = [refusal for refusal in plan.computed.refusals if "nonsense" in refusal]
    assert "managedFields" not in said


def test_a_privileged_template_is_never_applied(scene: Scene) -> None:
    body = _workload("other")
    body["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    plan = _apply(scene, scene.workshop(), body)
    assert plan.computed.tier is Tier.NEVER
    assert any("privileged" in reason for reason in plan.computed.reasons)


def test_an_image_from_a_new_registry_needs_two_people(scene: Scene) -> None:
    plan = scene.plan(scene.workshop(), "set image web app=evil.example.com/app:1")
    assert plan.computed.tier is Tier.TWO_PEOPLE
    assert any("registry evil.example.com" in reason for reason in plan.computed.reasons)


def test_each_step_of_a_list_is_journaled_and_the_first_failure_ends_it(
    scene: Scene, breakable_node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "REPLACED_SECONDS", 5.0)
    scene.apply(_on(breakable_node, _workload("lone", replicas=2)))
    scene.settled("lone")
    workshop = scene.workshop()
    plan = _noted(workshop, _agreed(workshop.desk.plan(f"drain {breakable_node} ignoring daemonsets", scene.namespace)))
    carried = _carry_out(workshop, plan)
    record = find_record(workshop.journal, plan.id)
    # The first pod's owner cannot be whole again: its pods must be on the cordoned node.
    assert carried.watched.end is End.STUCK
    assert (record.state, record.applied) == (PlanState.PARTIAL, (1, 2))
    assert "Stopped after step 2 of 3" in carried.stopped
    kinds = [(entry.kind, entry.step) for entry in record.entries if entry.step > 0]
    assert kinds == [(kind, step) for step in (1, 2) for kind in (Kind.INTENT, Kind.RESULT, Kind.WATCHED)]
    _steady(scene, breakable_node)
    _undone(scene, workshop, plan)
    assert "unschedulable" not in scene.cluster.get("node", breakable_node)["spec"]
