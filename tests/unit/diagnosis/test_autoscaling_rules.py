"""Autoscalers: what they lack to act is found in the objects; one that acts within its limits is silent."""

import pytest

from copilot.diagnosis.rules.workloads import autoscaling
from tests.unit.diagnosis.cluster import CONTAINER, Cluster, condition, ref

RULES = autoscaling.RULES
CPU = [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}]
ABLE = condition("AbleToScale", "True", "ReadyForNewScale")


def hpa(cluster, *conditions, name="web", target="web", metrics=None, **status):
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
        "maxReplicas": 5,
        "metrics": metrics or CPU,
    }
    return cluster.add(
        "HorizontalPodAutoscaler",
        name,
        "shop",
        api="autoscaling/v2",
        spec=spec,
        status={"conditions": list(conditions), **status},
    )


def web(**requests):
    return (
        Cluster()
        .node("n1")
        .deployment("web", have=1, ready=1, spec={"containers": [{**CONTAINER, "resources": {"requests": requests}}]})
    )


def inactive(reason, message):
    return condition("ScalingActive", "False", reason, message)


def test_a_container_without_request_blames_the_workload_and_names_it():
    message = (
        "the HPA was unable to compute the replica count: missing request for cpu in container main of Pod web-abc-n1"
    )
    found = hpa(web().running("web", "n1"), ABLE, inactive("FailedGetResourceMetric", message)).only(RULES)
    assert (found.cause, found.object) == ("hpa.missing_request", ref("Deployment", "shop/web"))
    assert "container main" in found.title
    assert found.weight >= 0.9


def test_a_foreign_pod_that_the_selector_matches_is_told_apart():
    cluster = web(cpu="1").pod("stray", node="n1", labels={"app": "web"})
    found = hpa(
        cluster, ABLE, inactive("FailedGetResourceMetric", "missing request for cpu in container main of Pod stray")
    ).only(RULES)
    assert found.cause == "hpa.missing_request.foreign_pod"


def test_missing_metrics_blame_a_metrics_server_that_is_down():
    message = "unable to get metrics for resource cpu: no metrics returned from resource metrics API"
    cluster = hpa(web(cpu="1"), ABLE, inactive("FailedGetResourceMetric", message)).deployment(
        "metrics-server", "kube-system"
    )
    found = cluster.only(RULES)
    assert (found.cause, found.object) == ("hpa.metrics.resource", ref("Deployment", "kube-system/metrics-server"))


def test_a_cluster_without_metrics_api_is_said_to_lack_it():
    message = "the server could not find the requested resource (get pods.metrics.k8s.io)"
    assert "not installed" in hpa(web(cpu="1"), ABLE, inactive("FailedGetResourceMetric", message)).only(RULES).title


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("FailedGetExternalMetric", "hpa.metrics.external"),
        ("FailedGetPodsMetric", "hpa.metrics.external"),
        ("AmbiguousSelector", "hpa.ambiguous"),
        ("InvalidSelector", "hpa.invalid"),
        ("ScalingDisabled", "hpa.disabled"),
    ],
)
def test_each_reason_for_not_acting_has_its_cause(reason, cause):
    assert hpa(web(cpu="1"), ABLE, inactive(reason, "why")).only(RULES).cause == cause


def test_a_target_that_does_not_exist_offers_the_nearest():
    failed = condition("AbleToScale", "False", "FailedGetScale", 'deployments.apps "wbe" not found')
    found = hpa(web(cpu="1"), failed, target="wbe").only(RULES)
    assert found.cause == "hpa.target_missing"
    assert "there is web" in found.title


def test_two_autoscalers_on_one_target_fight():
    cluster = hpa(hpa(web(cpu="1"), ABLE), ABLE, name="web-2")
    assert cluster.only(RULES).cause == "hpa.ambiguous"


LIMITED = condition(
    "ScalingLimited", "True", "TooManyReplicas", "the desired replica count is more than the maximum replica count"
)


def test_an_autoscaler_at_its_maximum_is_a_fault_only_while_the_metric_is_above_target():
    def current(value):
        return [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": value}}}]

    found = hpa(web(cpu="1"), ABLE, LIMITED, currentReplicas=5, currentMetrics=current(140)).only(RULES)
    assert found.cause == "hpa.maxed"
    assert "140% against a target of 70%" in found.title
    assert hpa(web(cpu="1"), ABLE, LIMITED, currentReplicas=5, currentMetrics=current(71)).find(RULES) == []


def test_an_autoscaler_that_works_is_healthy():
    assert hpa(web(cpu="1"), ABLE, condition("ScalingActive", "True", "ValidMetricFound")).find(RULES) == []


def test_a_table_without_conditions_still_shows_a_missing_request():
    found = hpa(web()).only(RULES)
    assert found.cause == "hpa.missing_request"
    assert found.weight < 0.9
    assert hpa(web(cpu="1")).find(RULES) == []
