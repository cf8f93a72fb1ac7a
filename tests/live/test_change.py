"""The guarded change against a real API server: what is applied, what is refused, and what the server's own log says."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from copilot.changing.history import PlanState, find_record, records
from copilot.changing.opening import Workshop, open_changing
from copilot.settings import Settings
from copilot.target import Target
from guardrails.approval import Approval, Method
from guardrails.errors import ApprovalError, ChangeRefused, PlanChanged
from guardrails.journal import Kind
from guardrails.plan import DryRunState, Plan, Tier
from guardrails.steps import SendState
from tests.live.testbed.cluster import Cluster
from tests.terminal import at_a_terminal
from tools.change.watch import End

WAIT = 90.0  # seconds


def _workload(name: str, kind: str = "Deployment", replicas: int = 2, **spec: Any) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "nginx:1"}]}}
    extra = {"serviceName": name} if kind == "StatefulSet" else {}
    return {
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **extra, **spec},
    }  # fmt: skip


class Scene:
    """One namespace with a Deployment `web` that runs, and the open door for one user."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.folder = folder
        self.said: list[str] = []

    def apply(self, *objects: dict[str, Any]) -> None:
        for body in objects:
            body["metadata"]["namespace"] = self.namespace
        self.cluster.apply(*objects)

    def get(self, kind: str = "deployment", name: str = "web") -> Any:
        return self.cluster.get(kind, name, "-n", self.namespace)

    def settled(self, name: str = "web", kind: str = "deployment") -> None:
        """Wait until every replica is ready: from then on nothing moves the object's version by itself."""
        self.cluster.wait_for(
            lambda: (
                (body := self.get(kind, name))["status"].get("readyReplicas") == body["spec"]["replicas"]
                and body["status"].get("observedGeneration") == body["metadata"]["generation"]
                and body["status"].get("updatedReplicas") == body["spec"]["replicas"]
            ),
            WAIT,
            f"{name} to be ready",
        )

    def workshop(self, user: str = "operator") -> Workshop:
        target = Target(kubeconfig=str(self.cluster.kubeconfig), context=user)
        return open_changing(target, Settings(data_dir=self.folder / "data"), self.said.append)

    def plan(self, workshop: Workshop, words: str = "scale web to 3") -> Plan:
        plan = workshop.desk.plan(words, self.namespace)
        assert workshop.door is not None
        workshop.door.note_planned(plan)
        return plan


def _yes(workshop: Workshop, plan: Plan) -> Approval:
    assert workshop.gate is not None
    return workshop.gate.approve(plan, workshop.desk.requester, Method.TERMINAL)


def _carry_out(workshop: Workshop, plan: Plan, approval: Approval | None = None) -> Any:
    assert workshop.door is not None
    return workshop.door.carry_out(plan, approval or _yes(workshop, plan))


@pytest.fixture
def scene(live_cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(live_cluster, namespace, tmp_path)
    scene.apply(_workload("web"))
    scene.settled()
    return scene


def test_a_scale_is_applied_watched_and_undone_through_the_same_door(scene: Scene) -> None:
    workshop = scene.workshop()
    plan = scene.plan(workshop)
    assert (plan.computed.tier, plan.computed.refusals) == (Tier.ONE_YES, ())
    assert plan.requester.k8s_user == "operator"
    assert [run.state for run in plan.computed.dry_run] == [DryRunState.DONE, DryRunState.DONE]
    carried = _carry_out(workshop, plan)
    assert (carried.state, carried.watched.end) == (SendState.APPLIED, End.DONE)
    assert scene.get()["status"]["availableReplicas"] == 3

    scene.settled()
    back = workshop.desk.plan_undo(find_record(workshop.journal, plan.id))
    assert workshop.door is not None
    workshop.door.note_planned(back)
    assert _carry_out(workshop, back).watched.end is End.DONE
    assert scene.get()["spec"]["replicas"] == 2
    assert workshop.journal.verify().problems == ()


def test_the_servers_audit_log_holds_exactly_the_requests_that_the_journal_holds(scene: Scene) -> None:
    workshop = scene.workshop()
    plan = scene.plan(workshop)
    _carry_out(workshop, plan)

    def writes() -> list[dict[str, Any]]:
        lines = scene.cluster.audit_log.read_text().splitlines()
        events = [json.loads(line) for line in lines if f"plan/{plan.id[:8]}" in line]
        return [event for event in events if event.get("stage") == "ResponseComplete" and event["verb"] == "patch"]

    found = scene.cluster.wait_for(lambda: writes() if len(writes()) >= 3 else None, 20, "the audit log")
    real = [event for event in found if "dryRun=All" not in event["requestURI"]]
    assert len(real) == 1
    intent = next(entry for entry in workshop.journal.entries(plan.id) if entry.kind is Kind.INTENT)
    assert real[0]["requestURI"].partition("?")[0] == intent.detail["path"]
    assert real[0]["userAgent"].endswith(f"plan/{plan.id[:8]} step/1 journal/{intent.hash[:12]}")
    assert real[0]["user"]["username"] == "operator"


def test_a_restart_replaces_every_pod_and_cannot_be_undone(scene: Scene) -> None:
    before = {pod["metadata"]["uid"] for pod in scene.cluster.get("pods", "-n", scene.namespace)["items"]}
    workshop = scene.workshop()
    plan = scene.plan(workshop, "restart deploy/web")
    assert [change.path for change in plan.computed.changes] == [
        "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt"
    ]
    assert _carry_out(workshop, plan).watched.end is End.DONE
    pods = scene.cluster.get("pods", "-n", scene.namespace)["items"]
    alive = {pod["metadata"]["uid"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}
    assert len(alive) == 2
    assert not alive & before
    with pytest.raises(ChangeRefused, match="cannot be undone"):
        workshop.desk.plan_undo(find_record(workshop.journal, plan.id))


def test_a_stateful_set_is_scaled_and_watched(scene: Scene) -> None:
    scene.apply(_workload("db", "StatefulSet", 1))
    scene.settled("db", "statefulset")
    workshop = scene.workshop()
    plan = scene.plan(workshop, "scale sts/db to 2")
    assert _carry_out(workshop, plan).watched.end is End.DONE
    assert scene.get("statefulset", "db")["status"]["readyReplicas"] == 2


def test_an_object_changed_after_the_yes_voids_the_plan_and_a_new_plan_works(scene: Scene) -> None:
    workshop = scene.workshop()
    plan = scene.plan(workshop)
    approval = _yes(workshop, plan)
    scene.cluster.kubectl("annotate", "deployment", "web", "-n", scene.namespace, "team=shop")
    with pytest.raises(PlanChanged, match="changed"):
        _carry_out(workshop, plan, approval)
    assert scene.get()["spec"]["replicas"] == 2
    assert find_record(workshop.journal, plan.id).state is PlanState.VOIDED
    scene.settled()
    assert _carry_out(workshop, scene.plan(workshop)).state is SendState.APPLIED
    assert scene.get()["spec"]["replicas"] == 3


@pytest.mark.parametrize("words", ["scale web to 3", "restart web"])
def test_an_object_changed_at_the_last_moment_is_a_409_from_the_server(scene: Scene, words: str) -> None:
    workshop = scene.workshop()
    plan = scene.plan(workshop, words)
    assert workshop.gate is not None
    assert workshop.door is not None
    (step,) = workshop.gate.consume(plan, (_yes(workshop, plan),), workshop.desk.requester)
    scene.cluster.kubectl("scale", "deployment", "web", "-n", scene.namespace, "--replicas=5")
    outcome = workshop.door._writer.send(step)
    assert (outcome.state, outcome.status) == (SendState.CONFLICT, 409)
    body = scene.get()
    assert body["spec"]["replicas"] == 5
    assert "annotations" not in body["spec"]["template"]["metadata"]


def test_an_object_made_anew_under_the_same_name_is_not_touched(scene: Scene) -> None:
    workshop = scene.workshop()
    plan = scene.plan(workshop)
    assert workshop.gate is not None
    assert workshop.door is not None
    (step,) = workshop.gate.consume(plan, (_yes(workshop, plan),), workshop.desk.requester)
    scene.cluster.kubectl("delete", "deployment", "web", "-n", scene.namespace)
    scene.apply(_workload("web"))
    assert workshop.door._writer.send(step).state in (SendState.CONFLICT, SendState.REFUSED)
    assert scene.get()["spec"]["replicas"] == 2


def test_one_approval_run_twice_at_once_is_executed_once(scene: Scene) -> None:
    workshop = scene.workshop()
    plan = scene.plan(workshop)
    approval, outcomes, start = _yes(workshop, plan), [], threading.Barrier(4)
    shops = [scene.workshop() for _ in range(4)]

    def run(shop: Workshop) -> None:
        start.wait()
        try:
            outcomes.append(_carry_out(shop, plan, approval).state)
        except (ApprovalError, PlanChanged) as refused:
            outcomes.append(type(refused))

    threads = [threading.Thread(target=run, args=(shop,)) for shop in shops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(SendState.APPLIED) == 1, outcomes
    assert len([entry for entry in workshop.journal.entries() if entry.kind is Kind.INTENT]) == 1
    assert scene.get()["spec"]["replicas"] == 3


def test_who_may_only_read_is_refused_by_the_access_review(scene: Scene) -> None:
    workshop = scene.workshop("reader")
    plan = scene.plan(workshop)
    assert any("does not let you patch deployments/scale" in refusal for refusal in plan.computed.refusals)
    assert plan.computed.dry_run == ()
    with pytest.raises(ApprovalError):
        _yes(workshop, plan)


def test_who_may_nothing_does_not_even_get_a_plan(scene: Scene) -> None:
    from copilot.model.errors import DeniedError

    with pytest.raises(DeniedError, match="may not read"):
        scene.workshop("powerless").desk.plan("scale web to 3", scene.namespace)


def test_an_admission_policy_refuses_the_rehearsal_and_so_the_plan(scene: Scene) -> None:
    name = f"max-two-{scene.namespace}"
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [
                {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments/scale"]}
            ]},
            "validations": [{"expression": "object.spec.replicas <= 2", "message": "two is enough"}],
        },
    }  # fmt: skip
    selector = {"matchLabels": {"kubernetes.io/metadata.name": scene.namespace}}
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": {"namespaceSelector": selector}},
    }  # fmt: skip
    scene.cluster.apply(policy, binding)
    try:
        workshop = scene.workshop()
        plan = scene.cluster.wait_for(
            lambda: made if (made := workshop.desk.plan("scale web to 3", scene.namespace)).computed.refusals else None,
            30,
            "the policy to be in force",
        )
        assert any("two is enough" in refusal for refusal in plan.computed.refusals)
    finally:
        scene.cluster.kubectl("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", name)


def test_a_number_that_an_autoscaler_sets_is_refused_with_the_place_to_change(scene: Scene) -> None:
    scene.apply({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minReplicas": 2, "maxReplicas": 6},
    })  # fmt: skip
    plan = scene.plan(scene.workshop())
    assert any(f"HorizontalPodAutoscaler {scene.namespace}/web" in refusal for refusal in plan.computed.refusals)


def test_scaling_a_service_to_nothing_is_refused(scene: Scene) -> None:
    plan = scene.plan(scene.workshop(), "scale web to 0")
    assert plan.computed.tier is Tier.TWO_PEOPLE
    assert plan.computed.refusals


def test_a_rollout_whose_new_pods_cannot_start_is_reported_and_leaves_its_way_back(scene: Scene) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "tight"},
        "spec": {"hard": {"pods": "2"}},
    }
    workshop = scene.workshop()
    plan = scene.plan(workshop)
    scene.apply(quota)
    scene.cluster.wait_for(lambda: scene.get("resourcequota", "tight").get("status", {}).get("hard"), 30, "the quota")
    carried = _carry_out(workshop, plan)
    assert carried.watched.end is End.FAILED
    assert any("exceeded quota" in trouble.message for trouble in carried.watched.troubles)
    assert workshop.desk.plan_undo(find_record(workshop.journal, plan.id)).steps


def test_a_person_at_a_terminal_scales_and_undoes_with_typed_words(scene: Scene) -> None:
    where = [
        "-n",
        scene.namespace,
        "--kubeconfig",
        str(scene.cluster.kubeconfig),
        "--context",
        "operator",
        "--allow-changes",
        "--soak",
        "0",
    ]
    data = scene.folder / "data"
    code, said = at_a_terminal(["do", "scale deploy/web to 3", *where], data, ["no"])
    assert (code, scene.get()["spec"]["replicas"]) == (77, 2), said
    code, said = at_a_terminal(["do", "scale deploy/web to 3", *where], data, ["yes"])
    assert (code, scene.get()["spec"]["replicas"]) == (0, 3), said
    assert "Rollout done: 3 of 3 replicas available" in said
    scene.settled()
    plan = records(scene.workshop().journal)[-1].plan
    code, said = at_a_terminal(["undo", plan.id, *where], data, ["yes"])
    assert (code, scene.get()["spec"]["replicas"]) == (77, 3), said  # taking a pod away wants the name, not a yes
    code, said = at_a_terminal(["undo", plan.id, *where], data, ["web"])
    assert (code, scene.get()["spec"]["replicas"]) == (0, 2), said
