"""From sentences to steps on recorded objects: what each becomes, its tier, its way back, and what is refused."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from copilot.app import open_snapshot
from copilot.changing.desk import plan_recorded, plan_recorded_intent
from copilot.changing.document import intent_of, read_document
from copilot.model import CopilotError, InputError, Snapshot
from copilot.target import Target
from guardrails.errors import ChangeRefused, IntentError
from guardrails.operations.args import EditArgs, ScaleArgs
from guardrails.operations.edits import applied
from guardrails.plan import Plan, Tier
from guardrails.tiers import agreement_refusals
from tests.small_api import deployment

_APP = {
    "name": "app",
    "image": "nginx:1",
    "env": [{"name": "MODE", "value": "fast"}],
    "resources": {"limits": {"cpu": "1"}},
}
_SIDE = {"name": "side", "image": "envoy:1"}


def _pod(name: str, owner: tuple[str, str] | None = ("ReplicaSet", "web-1"), **spec: Any) -> dict[str, Any]:
    owners = [{"kind": owner[0], "name": owner[1], "uid": f"uid-{owner[1]}", "controller": True}] if owner else []
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "resourceVersion": "7", "labels": {"app": "web"},
                     "ownerReferences": owners},
        "spec": {"nodeName": "n1", "containers": [_APP], **spec},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }  # fmt: skip


def _template(image: str) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{**_APP, "image": image}, _SIDE]}}


def _replica_set(revision: int, image: str) -> dict[str, Any]:
    template = _template(image)
    template["metadata"]["labels"] = {"app": "web", "pod-template-hash": str(revision)}
    owner = {"kind": "Deployment", "name": "web", "uid": "uid-shop-web", "controller": True}
    return {
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": f"web-{revision}", "namespace": "shop", "uid": f"uid-web-{revision}", "resourceVersion": "5",
                     "annotations": {"deployment.kubernetes.io/revision": str(revision)}, "ownerReferences": [owner]},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": template},
        "status": {"replicas": 0},
    }  # fmt: skip


def _object(kind: str, name: str, version: str = "v1", namespace: str | None = "shop", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "uid": f"uid-{name}", "resourceVersion": "9", **more.pop("metadata", {})}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": metadata | ({"namespace": namespace} if namespace else {}),
        **more,
    }


_JOB_TEMPLATE = {
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "job", "image": "busybox:1"}]}}}
}
WORLD = [
    deployment(template=_template("nginx:3")),
    _replica_set(1, "nginx:1"), _replica_set(2, "nginx:2"), _replica_set(3, "nginx:3"),
    _pod("web-a"), _pod("web-b", volumes=[{"name": "s", "emptyDir": {}}]), _pod("lone", owner=None),
    _pod("agent-x", owner=("DaemonSet", "agent")), _pod("elsewhere", nodeName="n2"),
    _object("Node", "n1", namespace=None, spec={"taints": [{"key": "old", "value": "x", "effect": "NoSchedule"}]}, status={}),
    _object("Node", "n2", namespace=None, spec={"unschedulable": True}, status={}),
    _object("ConfigMap", "settings", data={"level": "info"}),
    _object("CronJob", "nightly", "batch/v1", spec={"schedule": "0 3 * * *", "suspend": False, "jobTemplate": _JOB_TEMPLATE}),
    _object("Job", "import", "batch/v1", spec={"suspend": True}, status={"active": 0}),
    _object("PodDisruptionBudget", "other", "policy/v1", spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "other"}}}),
    _object("ResourceQuota", "wide", spec={"hard": {"pods": "99"}}, status={"hard": {"pods": "99"}, "used": {"pods": "5"}}),
    _object("Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]}),
    _object("HorizontalPodAutoscaler", "api", "autoscaling/v2", spec={"minReplicas": 1, "maxReplicas": 4,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}}),
]  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return _recorded(tmp_path_factory.mktemp("world"), WORLD)


def _recorded(folder: Path, objects: list[dict[str, Any]]) -> Snapshot:
    path = folder / "objects.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    return open_snapshot(Target(paths=(str(path),)))


def _plan(world: Snapshot, words: str) -> Plan:
    return plan_recorded(world, words, "shop")


def _edits(plan: Plan) -> list[tuple[str, str, str]]:
    (step,) = plan.steps
    assert isinstance(step.args, EditArgs)
    return [(edit.pointer, edit.before, edit.after) for edit in step.args.edits]


_C = "/spec/template/spec/containers"


@pytest.mark.parametrize(
    ("words", "edits", "tier"),
    [
        ("set image deploy/web app=nginx:9", [(f"{_C}/0/image", '"nginx:3"', '"nginx:9"')], Tier.TYPED_NAME),
        ("set image web app=nginx:9 side=envoy:2",
         [(f"{_C}/0/image", '"nginx:3"', '"nginx:9"'), (f"{_C}/1/image", '"envoy:1"', '"envoy:2"')], Tier.TYPED_NAME),
        ("set image web app=quay.io/x:1", [(f"{_C}/0/image", '"nginx:3"', '"quay.io/x:1"')], Tier.TWO_PEOPLE),
        ("set image cj/nightly job=busybox:2",
         [("/spec/jobTemplate/spec/template/spec/containers/0/image", '"busybox:1"', '"busybox:2"')], Tier.TYPED_NAME),
        ("set resources web container app requests memory=1Gi limits cpu=2",
         [(f"{_C}/0/resources", '{"limits":{"cpu":"1"}}', '{"limits":{"cpu":"2"},"requests":{"memory":"1Gi"}}')], Tier.TYPED_NAME),
        ("set env web container app MODE=slow NEW=1",
         [(f"{_C}/0/env/0", '{"name":"MODE","value":"fast"}', '{"name":"MODE","value":"slow"}'),
          (f"{_C}/0/env/1", "", '{"name":"NEW","value":"1"}')], Tier.TYPED_NAME),
        ("set env web container side NEW=1", [(f"{_C}/1/env", "", '[{"name":"NEW","value":"1"}]')], Tier.TYPED_NAME),
        ("set env web container app MODE-", [(f"{_C}/0/env/0", '{"name":"MODE","value":"fast"}', "")], Tier.TYPED_NAME),
        ("roll back web", [(f"{_C}/0/image", '"nginx:3"', '"nginx:2"')], Tier.ONE_YES),
        ("roll back web to revision 1", [(f"{_C}/0/image", '"nginx:3"', '"nginx:1"')], Tier.ONE_YES),
        ("patch cm/settings /data/level=debug", [("/data/level", '"info"', '"debug"')], Tier.TYPED_NAME),
        ("patch cm/settings /data/count=5", [("/data/count", "", '"5"')], Tier.TYPED_NAME),
        ("patch hpa/api /spec/maxReplicas=8", [("/spec/maxReplicas", "4", "8")], Tier.TYPED_NAME),
        ("patch deploy/web /spec/template/spec/nodeSelector/disk=ssd",
         [("/spec/template/spec/nodeSelector", "", '{"disk":"ssd"}')], Tier.TYPED_NAME),
        ("patch svc/web /spec/selector/app=other", [("/spec/selector/app", '"web"', '"other"')], Tier.TWO_PEOPLE),
        ("label cm/settings team=a", [("/metadata/labels", "", '{"team":"a"}')], Tier.ONE_YES),
        ("label pod/web-a team=a", [("/metadata/labels/team", "", '"a"')], Tier.ONE_YES),
        ("label pod/web-a app=x overwriting", [("/metadata/labels/app", '"web"', '"x"')], Tier.TWO_PEOPLE),
        ("label pod/web-a app-", [("/metadata/labels/app", '"web"', "")], Tier.TWO_PEOPLE),
        ("annotate svc/web prometheus.io/scrape=true",
         [("/metadata/annotations", "", '{"prometheus.io/scrape":"true"}')], Tier.TWO_PEOPLE),
        ("annotate svc/web note=x", [("/metadata/annotations", "", '{"note":"x"}')], Tier.ONE_YES),
        ("cordon n1", [("/spec/unschedulable", "", "true")], Tier.ONE_YES),
        ("uncordon n2", [("/spec/unschedulable", "true", "")], Tier.ONE_YES),
        ("taint n2 a=b:NoSchedule", [("/spec/taints", "", '[{"effect":"NoSchedule","key":"a","value":"b"}]')], Tier.TYPED_NAME),
        ("taint n2 a:NoExecute", [("/spec/taints", "", '[{"effect":"NoExecute","key":"a"}]')], Tier.TWO_PEOPLE),
        ("taint n1 old-", [("/spec/taints", '[{"effect":"NoSchedule","key":"old","value":"x"}]', "")], Tier.TYPED_NAME),
        ("pause web", [("/spec/paused", "", "true")], Tier.ONE_YES),
        ("suspend cj/nightly", [("/spec/suspend", "false", "true")], Tier.ONE_YES),
        ("resume job/import", [("/spec/suspend", "true", "false")], Tier.ONE_YES),
    ],
)  # fmt: skip
def test_a_sentence_becomes_these_edits_and_its_way_back_restores_the_object(
    world: Snapshot, words: str, edits: list[tuple[str, str, str]], tier: Tier
) -> None:
    plan = _plan(world, words)
    assert _edits(plan) == edits
    assert plan.computed.tier is tier, plan.computed
    (step,), (back,) = plan.steps, plan.rollback
    assert isinstance(step.args, EditArgs)
    assert isinstance(back.args, EditArgs)
    body = next(each for each in WORLD if each["kind"] == step.ref.kind and each["metadata"]["name"] == step.ref.name)
    changed = applied(body, step.args.edits)
    assert changed != body
    assert applied(changed, back.args.edits) == body


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("set image web nope=x:1", "no container 'nope'"),
        ("set image web to nginx:9", "several containers"),
        ("set image web app=a:1 app=b:1", "named twice"),
        ("set image web app=-x", "not an image"),
        ("set resources web requests cpu=lots", "not a quantity"),
        ("set resources web requests cpu=-1", "not a quantity"),
        ("set env web 1A=b", "not a variable"),
        ("roll back web to revision 9", "no revision 9"),
        ("patch deploy/web /spec/template/spec/hostNetwork=true", "not a field that can be patched"),
        ("patch deploy/web /spec/replicas=0", "not a field that can be patched"),
        ("patch cm/settings /metadata/finalizers=x", "not a field that can be patched"),
        ("patch hpa/api /spec/metrics/0/resource/target/averageUtilization=5", "no /spec/metrics"),
        ("label pod/web-a app=x", "another value for app"),
        ("label cm/settings a!=b", "not written"),
        ("label cm/settings -a=b", "not a key"),
        ("taint n1 old=y:NoSchedule", "has the taint"),
        ("taint n1 nope-", "no taint nope"),
        ("cordon n9", "no Node named n9"),
        ("scale pod/web-a to 3", "cannot scale"),
        ("delete ns/shop", "cannot delete"),
        ("delete secret/x", "cannot delete"),
        ("label secret/x a=b", "cannot label"),
        ("delete crd/x", "cannot delete"),
        ("delete clusterrole/x", "cannot delete"),
        ("delete pv/x", "cannot delete"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_reason(world: Snapshot, words: str, said: str) -> None:
    with pytest.raises(IntentError) as refused:
        _plan(world, words)
    assert said in f"{refused.value.title} {refused.value.hint}"


@pytest.mark.parametrize(
    "words",
    ["set env web container app DB_PASSWORD=hunter2x", "set env web URL=postgres://u:hunter2hunter2@db/x",
     "patch cm/settings /data/api_token=abcdef123456", "annotate svc/web password=hunter2hunter2"],
)  # fmt: skip
def test_a_value_that_looks_like_a_secret_never_gets_into_a_plan(world: Snapshot, words: str) -> None:
    with pytest.raises(ChangeRefused, match="looks like a secret") as refused:
        _plan(world, words)
    assert "hunter2" not in refused.value.title


def test_an_old_value_that_looks_like_a_secret_is_not_kept_either(tmp_path: Path) -> None:
    body = copy.deepcopy(WORLD[0])
    body["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "DB_PASSWORD", "value": "hunter2x"}]
    with pytest.raises(ChangeRefused, match="old value"):
        _plan(_recorded(tmp_path, [body]), "set env web container app DB_PASSWORD-")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("cordon n2", "like that already"), ("resume web", "like that already"), ("label pod/web-a app=web", "like that already"),
        ("set env web container app MODE=fast", "like that already"), ("set image web app=nginx:3", "like that already"),
        ("set resources web container app limits cpu=1000m", "like that already"), ("label cm/settings gone-", "like that already"),
        ("unsuspend cj/nightly", "like that already"),
    ],
)  # fmt: skip
def test_a_change_that_would_change_nothing_is_refused(world: Snapshot, words: str, said: str) -> None:
    plan = _plan(world, words)
    assert any(said in refusal for refusal in plan.computed.refusals), plan.computed
    assert plan.rollback == ()


def test_a_drain_names_every_pod_and_says_which_ones_need_leave(world: Snapshot) -> None:
    plan = _plan(world, "drain n1")
    assert [step.ref.name for step in plan.steps] == ["n1", "lone", "web-a", "web-b"]
    said = "; ".join(plan.computed.refusals)
    for part in ("agent-x is of DaemonSet agent", "web-b has data in emptyDir", "nothing makes pod shop/lone again"):
        assert part in said
    allowed = _plan(world, "drain n1 ignoring daemonsets deleting emptydir data including unmanaged pods")
    assert allowed.computed.refusals == agreement_refusals(Tier.TWO_PEOPLE)
    assert any("shop/web-b" in line for line in allowed.computed.irreversible)
    assert [step.op.value for step in allowed.rollback] == ["uncordon"]


def test_a_drain_through_a_protected_namespace_is_never_done(tmp_path: Path) -> None:
    dns = _pod("dns")
    dns["metadata"]["namespace"] = "kube-system"
    plan = _plan(_recorded(tmp_path, [*WORLD, dns]), "drain n1 ignoring daemonsets")
    assert plan.computed.tier is Tier.NEVER
    assert any("2 namespaces" in reason for reason in plan.computed.reasons)


def test_an_eviction_is_of_one_pod_and_a_pod_that_nothing_makes_again_needs_two_people(world: Snapshot) -> None:
    assert _plan(world, "delete pod web-a").computed.tier is Tier.TYPED_NAME
    lone = _plan(world, "evict lone")
    assert lone.computed.tier is Tier.TWO_PEOPLE
    assert any("nothing makes" in line for line in lone.computed.irreversible)
    assert lone.rollback == ()


def test_a_job_is_made_of_the_template_and_belongs_to_its_cron_job(world: Snapshot) -> None:
    plan = _plan(world, "create job now from nightly")
    body = json.loads(plan.steps[0].request.body)
    assert body["spec"] == _JOB_TEMPLATE["spec"]
    assert body["metadata"]["ownerReferences"] == [
        {"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": "uid-nightly", "controller": True}
    ]
    assert plan.computed.way_back.startswith("delete Job shop/now")
    again = _plan(world, "create job import from nightly")
    assert any("Job import already" in refusal for refusal in again.computed.refusals)


@pytest.mark.parametrize("words", ["delete deploy/web", "delete svc/web", "delete cm/settings", "delete job/import"])
def test_deleting_needs_two_people_and_says_what_is_lost(world: Snapshot, words: str) -> None:
    plan = _plan(world, words)
    assert plan.computed.tier is Tier.TWO_PEOPLE
    assert any("history" in line for line in plan.computed.irreversible)


def _applied(world: Snapshot, body: dict[str, Any]) -> Plan:
    return plan_recorded_intent(world, intent_of(body), "apply x", "shop")


def test_an_applied_document_is_judged_by_what_it_gives_the_pods(world: Snapshot) -> None:
    body = deployment("fresh")
    body["metadata"] = {"name": "fresh", "namespace": "shop"}
    del body["status"]
    assert _applied(world, body).computed.tier is Tier.TYPED_NAME
    body["spec"]["template"]["spec"]["hostNetwork"] = True
    assert _applied(world, body).computed.tier is Tier.NEVER


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}, "A Secret cannot be applied"),
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}, "A Namespace cannot be applied"),
        ({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "x"}}, "cannot be applied"),
        ({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}}, "cannot be applied"),
        ({"kind": "ConfigMap", "metadata": {"name": "../x"}}, "no usable name"),
        ({"kind": "ConfigMap", "metadata": {}}, "no usable name"),
        ({}, "thing without a kind"),
        ({"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "x"}}, "not v1"),
        ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "finalizers": ["a"]}}, "finalizers"),
        ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "ownerReferences": [{}]}}, "ownerReferences"),
        ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"password": "hunter2x"}}, "secret"),
        ({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": 1.5}}, "exactly"),
    ],
)  # fmt: skip
def test_a_document_that_may_not_be_applied_is_refused(world: Snapshot, body: dict[str, Any], said: str) -> None:
    with pytest.raises(CopilotError) as refused:
        _applied(world, body)
    assert said in f"{refused.value.title} {refused.value.hint}"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: 1\n---\nb: 2\n", "holds 2 objects"), ("", "holds 0 objects"), ("[1]", "not one object"),
        ('{"kind": "List", "items": []}', "not one object"), ("x" * (2**20 + 1), "larger than 1 MiB"),
    ],
)  # fmt: skip
def test_a_file_holds_one_object(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match=said):
        read_document(str(path))


@pytest.mark.parametrize("path", ["-", "https://example.com/x.yaml", "file:///etc/passwd", "/nowhere/x.yaml"])
def test_only_a_local_file_is_read(path: str) -> None:
    with pytest.raises(InputError):
        read_document(path)


def test_yaml_and_json_are_the_same_document(tmp_path: Path) -> None:
    yaml, plain = tmp_path / "x.yaml", tmp_path / "x.json"
    yaml.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n  a: 'yes'\n")
    plain.write_text('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"yes"}}')
    assert read_document(str(yaml)) == read_document(str(plain))


def test_a_scale_keeps_its_way_back(world: Snapshot) -> None:
    plan = _plan(world, "scale web to 3")
    assert (plan.steps[0].args, plan.rollback[0].args) == (ScaleArgs(2, 3), ScaleArgs(3, 2))


def test_the_time_of_a_restart_is_that_of_the_plan(world: Snapshot) -> None:
    assert datetime.fromisoformat(_plan(world, "restart web").steps[0].args.restarted_at).tzinfo is UTC  # type: ignore[union-attr]


def _web(**spec: Any) -> dict[str, Any]:
    body = copy.deepcopy(WORLD[0])
    body["metadata"] = {"name": "web", "namespace": "shop"}
    del body["status"]
    body["spec"] |= spec
    return body


def test_a_document_that_sets_replicas_is_judged_as_a_scale(world: Snapshot) -> None:
    none = _applied(world, _web(replicas=0)).computed
    assert none.tier is Tier.TWO_PEOPLE
    assert any("scales to zero" in reason for reason in none.reasons)
    assert _applied(world, _web(replicas=2)).computed.tier is Tier.TYPED_NAME
    assert none.blast.pods_disrupted == 2


def test_a_document_that_changes_what_pods_are_selected_by_needs_two_people(world: Snapshot) -> None:
    body = _web()
    body["spec"]["template"]["metadata"] = {"labels": {"app": "other"}}
    assert any("app steers something" in reason for reason in _applied(world, body).computed.reasons)
    body["spec"]["template"]["metadata"] = {
        "labels": {"app": "web"},
        "annotations": {"vault.hashicorp.com/agent-inject": "true"},
    }
    assert any("agent-inject steers" in reason for reason in _applied(world, body).computed.reasons)


def test_a_document_that_changes_the_template_is_known_to_replace_the_pods(world: Snapshot) -> None:
    body = _web()
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:9"
    computed = _applied(world, body).computed
    assert computed.blast.pods_disrupted == 2
    assert [change.path for change in computed.changes] == ["/spec/template/spec/containers/0/image"]
