"""What objects reveal of their past: each change with its time, its field, its values and its writer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.cli.main import main
from copilot.diagnosis.changes import Aspect, Change, changes_in, changes_of
from copilot.diagnosis.changes.template_diff import template_changes
from retrievers.graph import build_graph
from tests.unit.changes.revised import container, rolled, wrote
from tests.unit.diagnosis.cluster import Cluster, ago, condition, owned, ref


def texts(cluster: Cluster, kind: str, path: str) -> list[str]:
    return [change.text for change in changes_of(build_graph(cluster.snapshot()), ref(kind, path))]


def test_a_rollout_tells_each_field_that_changed_and_who_changed_it() -> None:
    old = {
        "containers": [
            container("web:1", resources={"limits": {"memory": "128Mi"}}, env=[{"name": "MODE", "value": "safe"}])
        ]
    }
    new = {
        "containers": [
            container("web:2", resources={"limits": {"memory": "64Mi"}}, env=[{"name": "MODE", "value": "fast"}])
        ]
    }
    found = texts(
        rolled(Cluster(), "web", [(3600, old), (300, new)], [wrote("kubectl-set", 301)]), "Deployment", "shop/web"
    )
    assert "image of container web: web:1 → web:2 by kubectl-set" in found
    assert "memory limit of container web: 128Mi → 64Mi by kubectl-set" in found
    assert "env of container web: MODE=safe → MODE=fast by kubectl-set" in found
    assert "was edited by kubectl-set" not in found, "the diff already tells that edit"


def test_the_hash_label_of_a_revision_is_no_change() -> None:
    same = {"containers": [container()]}
    assert texts(rolled(Cluster(), "web", [(3600, same), (300, same)]), "Deployment", "shop/web") == ["was created"]


def test_a_rollback_is_dated_by_its_scaling_and_not_by_the_old_revisions_birth() -> None:
    cluster = rolled(
        Cluster(), "web", [(3600, {"containers": [container("web:2")]}), (7200, {"containers": [container("web:1")]})]
    )
    cluster.event(
        "Deployment",
        "web",
        "shop",
        "ScalingReplicaSet",
        "Scaled up replica set web-h2 from 0 to 1",
        type_="Normal",
        first=120,
        last=120,
    )
    found = changes_of(build_graph(cluster.snapshot()), ref("Deployment", "shop/web"))
    back = next(change for change in found if change.aspect is Aspect.IMAGE)
    assert (back.text, (cluster.now - back.at).total_seconds()) == (
        "image of container web (rolled back): web:2 → web:1",
        120,
    )


def test_a_revision_seen_in_a_table_is_not_compared_with_a_whole_one() -> None:
    cluster = rolled(
        Cluster(), "web", [(3600, {"containers": [container("web:1")]}), (300, {"containers": [container("web:2")]})]
    )
    cluster.bodies = [
        (body, type(detail).ROW if body["metadata"]["name"] == "web-h1" else detail) for body, detail in cluster.bodies
    ]
    assert [t for t in texts(cluster, "Deployment", "shop/web") if "image" in t] == []


def test_controller_revisions_tell_the_rollouts_of_statefulsets() -> None:
    cluster = Cluster().statefulset("db")
    for count, age, image in ((1, 3600, "pg:15"), (2, 60, "pg:16")):
        template = {"spec": {"containers": [{"name": "db", "image": image}], "$patch": "replace"}, "metadata": {}}
        cluster.add("ControllerRevision", f"db-{count}", "shop", api="apps/v1", age=age, metadata=owned("StatefulSet", "db", "shop"),
                    revision=count, data={"spec": {"template": template}})  # fmt: skip
    assert "image of container db: pg:15 → pg:16" in texts(cluster, "StatefulSet", "shop/db")


def scaled(message: str, last: float, writers: list[dict[str, Any]] | None = None) -> list[str]:
    cluster = rolled(Cluster(), "web", [(3600, {"containers": [container()]})], writers)
    cluster.event("Deployment", "web", "shop", "ScalingReplicaSet", message, type_="Normal", first=last, last=last)
    return texts(cluster, "Deployment", "shop/web")


def test_a_scale_move_names_numbers_and_writer() -> None:
    found = scaled("Scaled down replica set web-h1 from 3 to 0", 200, [wrote("kubectl", 201, "scale")])
    assert "replicas: 3 → 0 by kubectl" in found


def test_a_scale_move_is_known_from_the_event_alone() -> None:
    assert "replicas: 3 → 0" in scaled("Scaled down replica set web-h1 to 0 from 3", 200)


def test_the_first_scaling_of_a_new_deployment_is_no_scale_move() -> None:
    assert [t for t in scaled("Scaled up replica set web-h1 from 0 to 3", 3598) if "replicas" in t] == []


def test_the_steps_of_a_rollout_are_no_scale_moves() -> None:
    cluster = rolled(
        Cluster(), "web", [(3600, {"containers": [container("web:1")]}), (300, {"containers": [container("web:2")]})]
    )
    for last, message in ((300, "Scaled up replica set web-h2 from 0 to 1"), (280, "Scaled down replica set web-h1 from 2 to 1"),
                          (279, "Scaled up replica set web-h2 from 1 to 2")):  # fmt: skip
        cluster.event("Deployment", "web", "shop", "ScalingReplicaSet", message, type_="Normal", first=last, last=last)
    assert [t for t in texts(cluster, "Deployment", "shop/web") if "replicas" in t] == []


def test_an_autoscalers_move_names_the_autoscaler_and_its_reason() -> None:
    cluster = rolled(Cluster(), "web", [(3600, {"containers": [container()]})])
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    cluster.add(
        "HorizontalPodAutoscaler",
        "web",
        "shop",
        api="autoscaling/v2",
        spec={"scaleTargetRef": target, "maxReplicas": 9},
    )
    cluster.event(
        "HorizontalPodAutoscaler",
        "web",
        "shop",
        "SuccessfulRescale",
        "New size: 6; reason: cpu resource utilization above target",
        type_="Normal",
    )
    change = changes_of(build_graph(cluster.snapshot()), ref("HorizontalPodAutoscaler", "shop/web"))[0]
    assert change.object == ref("Deployment", "shop/web")
    assert change.text == "replicas (cpu resource utilization above target): ? → 6 by HorizontalPodAutoscaler web"


def test_an_edit_names_its_writer_and_the_machinery_is_left_out() -> None:
    writers = [
        wrote("kubectl-client-side-apply", 3600),
        wrote("kubectl-edit", 120),
        wrote("kube-controller-manager", 60),
        wrote("kubelet", 30, "status"),
    ]
    cluster = Cluster().add(
        "ResourceQuota", "team", "shop", metadata={"managedFields": writers}, spec={"hard": {"pods": "1"}}
    )
    assert texts(cluster, "ResourceQuota", "shop/team") == [
        "was edited by kubectl-edit",
        "was created by kubectl-client-side-apply",
    ]


def test_a_config_edit_says_how_many_pods_had_already_read_it() -> None:
    cluster = (
        Cluster()
        .node()
        .add("ConfigMap", "settings", "shop", metadata={"managedFields": [wrote("helm", 100)]}, dataKeys=["mode"])
    )
    spec = {"containers": [{"name": "main", "image": "a:1", "envFrom": [{"configMapRef": {"name": "settings"}}]}]}
    cluster.deployment("web", have=1, ready=1, spec=spec).running("web", "n1", spec=spec)
    assert "was edited, after 1 pod that uses it had started by helm" in texts(cluster, "ConfigMap", "shop/settings")


def test_a_cordon_is_told_once_with_its_writer() -> None:
    taints = [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": ago(90)}]
    cluster = Cluster().node(
        taints=taints, spec={"unschedulable": True}, metadata={"managedFields": [wrote("kubectl-cordon", 90)]}
    )
    cluster.event(
        "Node", "n1", "", "NodeNotSchedulable", "Node n1 status is now: NodeNotSchedulable", type_="Normal", last=88
    )
    assert [t for t in texts(cluster, "Node", "n1") if "cordon" in t] == ["was cordoned by kubectl-cordon"]


def test_taints_and_conditions_of_a_node_are_dated() -> None:
    taints = [{"key": "dedicated", "value": "gpu", "effect": "NoExecute", "timeAdded": ago(500)}]
    cluster = Cluster().node(taints=taints, conditions=[condition("Ready", "Unknown", "NodeStatusUnknown", since=200)])
    assert texts(cluster, "Node", "n1")[:2] == [
        "condition Ready became Unknown (NodeStatusUnknown)",
        "was tainted dedicated=gpu:NoExecute",
    ]


def test_runs_resizes_and_deletions_are_changes() -> None:
    cluster = Cluster().add("CronJob", "nightly", "shop", api="batch/v1", spec={"schedule": "0 3 * * *"})
    cluster.add("Job", "nightly-1", "shop", api="batch/v1", metadata=owned("CronJob", "nightly", "shop", "batch/v1"),
                status={"conditions": [condition("Failed", "True", "BackoffLimitExceeded")]})  # fmt: skip
    cluster.add("PersistentVolumeClaim", "data", "shop", spec={"resources": {"requests": {"storage": "20Gi"}}},
                status={"capacity": {"storage": "10Gi"}, "conditions": [condition("Resizing", "True")]})  # fmt: skip
    cluster.add("Namespace", "old", metadata={"deletionTimestamp": ago(40)})
    assert texts(cluster, "Job", "shop/nightly-1") == [
        "failed (BackoffLimitExceeded)",
        "was started by CronJob nightly",
    ]
    assert "size: 10Gi → 20Gi" in texts(cluster, "PersistentVolumeClaim", "shop/data")
    assert "was deleted and is still there" in texts(cluster, "Namespace", "old")


def test_what_lies_before_the_span_or_after_the_observation_is_left_out() -> None:
    cluster = (
        Cluster()
        .add("Service", "old", "shop", age=9000)
        .add("Service", "new", "shop", age=60)
        .add("Service", "ahead", "shop", age=-7200)
    )
    graph = build_graph(cluster.snapshot())
    since = cluster.now.replace(hour=11)
    assert [change.object.name for change in changes_in(graph, None, since)] == ["new"]


def test_a_variable_from_a_secret_shows_where_it_comes_from() -> None:
    old = {
        "spec": {
            "containers": [container(env=[{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "a", "key": "k"}}}])]
        }
    }
    new = {
        "spec": {
            "containers": [container(env=[{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "b", "key": "k"}}}])]
        }
    }
    assert [(c.before, c.after) for c in template_changes(old, new)] == [
        ("KEY from secretKeyRef a.k", "KEY from secretKeyRef b.k")
    ]


def test_a_new_container_is_one_change() -> None:
    found = template_changes(
        {"spec": {"containers": [container()]}},
        {"spec": {"containers": [container(), {"name": "proxy", "image": "envoy:1", "args": ["-c"]}]}},
    )
    assert [(c.what, c.before, c.after) for c in found] == [("container proxy", "", "envoy:1")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "containers", "env", "spec", "metadata", "ports", "value", "x"]), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(JSON, JSON)
def test_hostile_templates_never_make_the_comparison_fail(one: Any, two: Any) -> None:
    before, after = (side if isinstance(side, dict) else {"spec": side} for side in (one, two))
    assert all(change.before != change.after for change in template_changes(before, after))
    assert template_changes(before, before) == []


@settings(max_examples=25, deadline=None)
@given(st.lists(JSON, max_size=4), JSON)
def test_hostile_objects_never_make_the_list_fail(fields: list[Any], status: Any) -> None:
    cluster = Cluster()
    for kind, api in (("Deployment", "apps/v1"), ("Node", "v1"), ("Job", "batch/v1"), ("PersistentVolumeClaim", "v1")):
        cluster.add(
            kind,
            "x",
            "shop",
            api=api,
            metadata={"managedFields": fields, "ownerReferences": fields},
            spec=status,
            status={"conditions": fields},
        )
    assert all(isinstance(change, Change) for change in changes_in(build_graph(cluster.snapshot())))


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    old, new = (
        {"containers": [container(f"web:{n}", env=[{"name": "DB_PASSWORD", "value": f"hunter-{n}-secret"}])]}
        for n in (1, 2)
    )
    bodies = [
        body for body, _ in rolled(Cluster(), "web", [(3600, old), (300, new)], [wrote("kubectl-set", 301)]).bodies
    ]
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e", "namespace": "shop", "uid": "e"},
        "lastTimestamp": ago(0),
    }
    path = tmp_path / "dump.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [*bodies, event]}))
    return path


def test_the_command_prints_changes_newest_first_without_secrets(
    dump: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["changes", "deploy/web", "--from", str(dump), "--since", "2h"]) == 0
    shown = capsys.readouterr().out
    assert "image of container web: web:1 → web:2 by kubectl-set" in shown
    assert shown.index("web:1 → web:2") < shown.index("was created")
    assert "hunter" not in shown


def test_the_commands_json_has_a_schema_and_typed_fields(dump: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["changes", "-n", "shop", "--from", str(dump), "--since", "10m", "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "cluster-copilot/changes/v1"
    image = next(change for change in document["changes"] if change["aspect"] == "image")
    assert {key: image[key] for key in ("before", "after", "by", "at", "object")} == {
        "before": "web:1", "after": "web:2", "by": "kubectl-set", "at": ago(300),
        "object": {"kind": "Deployment", "namespace": "shop", "name": "web"},
    }  # fmt: skip
    assert "hunter" not in json.dumps(document)


def test_a_span_that_is_none_is_a_usage_error(dump: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["changes", "--from", str(dump), "--since", "soon"]) == 64
    assert "write 90s" in capsys.readouterr().err
