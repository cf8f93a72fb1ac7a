"""The engine answers with causes, not symptoms; the deepest one reached; and admits what it does not know."""

from __future__ import annotations

import json
import random

import msgspec
import pytest

from copilot.diagnosis import Scope, diagnose
from copilot.diagnosis.catalogue import CAUSES, RULES
from copilot.diagnosis.document import document
from copilot.model import Diagnosis, Verdict
from retrievers.graph import build_graph
from tests.unit.diagnosis.cluster import Cluster, ref
from tests.unit.diagnosis.test_service_rules import ingress, service
from tests.unit.diagnosis.test_workload_rules import failing, waiting


def ask(cluster: Cluster, scope: Scope | None = None) -> Diagnosis:
    return diagnose(build_graph(cluster.snapshot()), scope)


def calling_orders(cluster: Cluster) -> Cluster:
    """Deployment shop/web crashes because Service shop/orders refuses connections."""
    cluster.add(
        "Service", "orders", "shop", spec={"selector": {"app": "orders"}, "ports": [{"port": 80, "targetPort": 80}]}
    )
    return cluster.log("web-abc-x", 'FATAL Get "http://orders/": dial tcp 10.1.2.3:80: connect: connection refused\n')


def test_a_crash_that_calls_a_service_at_zero_is_folded_under_it() -> None:
    cluster = calling_orders(failing(container={"env": [{"name": "ORDERS_URL", "value": "http://orders"}]}))
    answer = ask(cluster.deployment("orders", replicas=0))
    assert [cause.object for cause in answer.root_causes] == [ref("Deployment", "shop/orders")]
    assert ref("Deployment", "shop/web") in answer.root_causes[0].affected


def test_a_crash_whose_dependency_crashes_is_folded_under_the_dependency() -> None:
    cluster = calling_orders(failing())
    full = {"containers": [{"name": "main", "image": "a"}]}
    ended = {"name": "main", "ready": False, "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
             "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}  # fmt: skip
    cluster.deployment("orders", have=1, spec=full)
    cluster.pod(
        "orders-abc-y", owner=("ReplicaSet", "orders-abc"), node="n1", spec=full, status={"containerStatuses": [ended]}
    )
    cluster.log("orders-abc-y", "Error: required environment variable DATABASE_URL is not set\n")
    answer = ask(cluster)
    assert [(cause.cause, cause.object) for cause in answer.root_causes] == [
        ("app.config.missing", ref("Deployment", "shop/orders"))
    ]


def test_forty_pods_of_one_workload_are_one_root_cause() -> None:
    cluster = Cluster().node("n1").deployment("web", replicas=40, have=40)
    for i in range(40):
        cluster.pod(
            f"web-abc-{i}", owner=("ReplicaSet", "web-abc"), node="n1", phase="Pending", waiting="ImagePullBackOff"
        )
        cluster.event(
            "Pod", f"web-abc-{i}", "shop", "Failed", 'Failed to pull image "registry.example/app:1": not found'
        )
    answer = ask(cluster)
    assert len(answer.root_causes) == 1
    assert len(answer.root_causes[0].affected) >= 40


def test_two_independent_faults_are_two_root_causes() -> None:
    cluster = waiting("CreateContainerConfigError", 'configmap "web-settings" not found')
    ingress(service(cluster, port={"targetPort": 8080}), backend="nowhere")
    assert {cause.cause for cause in ask(cluster).root_causes} == {
        "pod.create.configmap_missing",
        "ingress.backend_missing",
    }


def test_a_healthy_cluster_has_no_cause_and_no_symptom() -> None:
    cluster = Cluster().node("n1").deployment("web", have=1, ready=1).running("web", "n1")
    answer = ask(cluster)
    assert (answer.verdict, answer.root_causes, answer.symptoms) == (Verdict.HEALTHY, (), ())


def test_an_empty_observation_is_unknown_not_healthy() -> None:
    assert ask(Cluster()).verdict is Verdict.UNKNOWN


def test_a_crash_without_log_is_unknown_and_says_what_to_collect() -> None:
    answer = ask(failing())
    assert answer.verdict is Verdict.UNKNOWN
    assert any("logs web-abc-x" in step.command and "--previous" in step.command for step in answer.collect)


def test_a_namespace_scope_leaves_out_other_namespaces() -> None:
    cluster = waiting("CreateContainerConfigError", 'configmap "web-settings" not found')
    assert ask(cluster, Scope(namespaces=("other",))).root_causes == ()
    assert len(ask(cluster, Scope(namespaces=("shop",))).root_causes) == 1


def test_an_object_scope_reaches_what_the_object_depends_on() -> None:
    cluster = calling_orders(failing(container={"env": [{"name": "ORDERS_URL", "value": "http://orders"}]})).deployment(
        "orders", replicas=0
    )
    answer = ask(cluster, Scope(object=ref("Deployment", "shop/web")))
    assert [cause.object for cause in answer.root_causes] == [ref("Deployment", "shop/orders")]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_input_does_not_change_the_answer(seed: int) -> None:
    cluster = calling_orders(failing(container={"env": [{"name": "ORDERS_URL", "value": "http://orders"}]})).deployment(
        "orders", replicas=0
    )
    plain = msgspec.json.encode(document(ask(cluster)))
    random.Random(seed).shuffle(cluster.bodies)
    assert msgspec.json.encode(document(ask(cluster))) == plain


def test_the_document_has_the_promised_fields() -> None:
    made = document(ask(waiting("CreateContainerConfigError", 'configmap "web-settings" not found')))
    assert list(made) == [
        "schema",
        "cluster",
        "observed_at",
        "verdict",
        "root_causes",
        "symptoms",
        "collect",
        "gaps",
        "coverage",
    ]
    assert made["schema"] == "cluster-copilot/diagnosis/v1"
    cause = made["root_causes"][0]
    assert {
        "rank",
        "cause",
        "title",
        "object",
        "confidence",
        "since",
        "evidence",
        "chain",
        "affected",
        "next_steps",
    } <= set(cause)
    assert set(cause["object"]) == {"kind", "namespace", "name"}
    assert all(set(piece) == {"object", "path", "text", "source"} for piece in cause["evidence"])
    assert all(set(step) == {"text", "kind", "command"} for step in cause["next_steps"])
    json.dumps(made)


def test_every_cause_is_declared_once_with_what_the_catalogue_needs() -> None:
    listed = [cause for rule in RULES for cause in rule.causes]
    assert len({cause.id for cause in listed}) == len(set(listed)), "an id is declared twice with different content"
    for cause in CAUSES.values():
        assert cause.title
        assert cause.kind
        assert cause.fields
        assert cause.citation


def test_there_are_at_least_forty_causes() -> None:
    assert sum(not cause.secondary for cause in CAUSES.values()) >= 40
