"""Services and Ingresses that lead nowhere, and controllers that stand still by their own fields."""

from __future__ import annotations

from typing import Any

from copilot.diagnosis.rules.routing import ingresses, load_balancers, services
from copilot.diagnosis.rules.workloads import rollouts
from tests.unit.diagnosis.cluster import Cluster, ago, condition, owned, ref

Body = dict[str, Any]
RULES = (*services.RULES, *ingresses.RULES, *load_balancers.RULES)


def web(*, ports: list[Body] | None = None, ready: bool = True) -> Cluster:
    """Deployment shop/web with one pod."""
    spec = {"containers": [{"name": "main", "image": "a", "ports": ports or [{"name": "http", "containerPort": 8080}]}]}
    cluster = Cluster().node("n1").deployment("web", have=1, ready=int(ready), spec=spec)
    return cluster.pod(
        "web-abc-x", owner=("ReplicaSet", "web-abc"), node="n1", spec=spec, waiting="" if ready else "CrashLoopBackOff"
    )


def service(cluster: Cluster, *, selector: Body | None = None, port: Body | None = None, **spec: Any) -> Cluster:
    full = {"selector": selector or {"app": "web"}, "ports": [{"port": 80, **(port or {"targetPort": "http"})}], **spec}
    return cluster.add("Service", "web", "shop", spec=full)


def ingress(cluster: Cluster, backend: str = "web", port: Body | None = None, **spec: Any) -> Cluster:
    path = {"backend": {"service": {"name": backend, "port": port or {"number": 80}}}}
    return cluster.add(
        "Ingress", "shop", "shop", api="networking.k8s.io/v1", spec={"rules": [{"http": {"paths": [path]}}], **spec}
    )


def causes(cluster: Cluster) -> list[str]:
    return [finding.cause for finding in cluster.find(RULES)]


def test_a_sound_service_is_silent() -> None:
    assert causes(ingress(service(web()))) == []


def test_a_selector_that_matches_no_pod_names_the_nearest_workload() -> None:
    found = service(web(), selector={"app": "wbe"}).only(RULES)
    assert (found.cause, found.object) == ("svc.no_endpoints.selector", ref("Service", "shop/web"))
    assert "app=web" in found.title


def test_a_target_port_name_no_container_has_is_named() -> None:
    found = service(web(), port={"targetPort": "web"}).only(RULES)
    assert found.cause == "svc.targetport"
    assert "http" in found.title


def test_a_numeric_target_port_is_doubted_when_undeclared() -> None:
    found = service(web(), port={"targetPort": 9999}).only(RULES)
    assert found.cause == "svc.targetport"
    assert found.weight < 0.9


def test_pods_that_are_not_ready_are_a_symptom_of_the_service() -> None:
    assert causes(service(web(ready=False))) == ["svc.no_endpoints.notready"]


def test_a_workload_scaled_to_zero_behind_a_route_is_the_cause() -> None:
    cluster = Cluster().node("n1").deployment("web", replicas=0)
    found = [f for f in ingress(service(cluster)).find(RULES) if f.cause == "deploy.scaled_to_zero"]
    assert found
    assert found[0].object == ref("Deployment", "shop/web")
    assert found[0].weight >= 0.8


def test_a_workload_at_zero_that_nobody_calls_is_no_fault() -> None:
    cluster = service(Cluster().node("n1").deployment("web", replicas=0))
    assert all(finding.weight < 0.5 for finding in cluster.find(RULES))


def test_an_unread_pod_list_proves_nothing_about_a_selector() -> None:
    cluster = Cluster(unread=["Pod"]).deployment("web", have=1, ready=1)
    assert causes(service(cluster, selector={"app": "other"})) == []


def test_an_ingress_backend_that_does_not_exist_offers_the_nearest() -> None:
    found = ingress(service(web()), backend="webb").only(RULES)
    assert found.cause == "ingress.backend_missing"
    assert "there is web" in found.title


def test_an_ingress_port_the_service_lacks_is_named() -> None:
    assert "8443" in ingress(service(web()), port={"number": 8443}).only(RULES).title


def test_an_ingress_class_that_does_not_exist_is_named() -> None:
    cluster = ingress(service(web()), ingressClassName="ngnix").add("IngressClass", "nginx", api="networking.k8s.io/v1")
    found = cluster.only(RULES)
    assert found.cause == "ingress.class_missing"
    assert "nginx" in found.title


def test_a_paused_rollout_with_an_old_template_is_named() -> None:
    cluster = Cluster().deployment("web", replicas=2, have=1, ready=1, deployment={"paused": True})
    assert cluster.only(rollouts.RULES).cause == "deploy.paused"


def test_a_paused_deployment_that_is_complete_is_silent() -> None:
    cluster = Cluster().deployment("web", replicas=2, have=2, ready=2, deployment={"paused": True})
    assert cluster.find(rollouts.RULES) == []


def test_a_missing_governing_service_is_named() -> None:
    found = [
        f
        for f in Cluster().statefulset("ring", replicas=1, have=1).find(rollouts.RULES)
        if f.cause == "sts.service_missing"
    ]
    assert found[0].object == ref("Service", "shop/ring")


def test_a_pre_stop_hook_that_holds_a_pod_is_named() -> None:
    spec = {
        "terminationGracePeriodSeconds": 3600,
        "containers": [{"name": "main", "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "wait"]}}}}],
    }
    cluster = Cluster().node("n1").statefulset("ring", have=1, spec=spec).add("Service", "ring", "shop", spec={})
    cluster.pod("ring-0", owner=("StatefulSet", "ring"), node="n1", spec=spec,
                metadata={**owned("StatefulSet", "ring", "shop"), "deletionTimestamp": ago(-3500), "deletionGracePeriodSeconds": 3600})  # fmt: skip
    found = [f for f in cluster.find(rollouts.RULES) if f.cause == "pod.terminating.prestop"]
    assert found[0].object == ref("StatefulSet", "shop/ring")
    assert "preStop" in found[0].title


def cron(*, policy: str = "Forbid", age: float = 900, suspend: bool = False, done: bool = False) -> Cluster:
    cluster = Cluster().add(
        "CronJob",
        "report",
        "shop",
        api="batch/v1",
        spec={"schedule": "* * * * *", "concurrencyPolicy": policy, "suspend": suspend},
    )
    status: Body = {"conditions": [condition("Complete", "True")], "succeeded": 1} if done else {"active": 1}
    return cluster.add(
        "Job",
        "report-1",
        "shop",
        api="batch/v1",
        age=age,
        metadata=owned("CronJob", "report", "shop", "batch/v1"),
        spec={},
        status=status,
    )


def test_a_run_that_never_ends_blocks_a_forbidding_cron_job() -> None:
    found = cron().only(rollouts.RULES)
    assert (found.cause, found.object) == ("cronjob.forbid", ref("CronJob", "shop/report"))


def test_a_run_that_has_just_begun_blocks_nothing() -> None:
    assert cron(age=20).find(rollouts.RULES) == []


def test_a_suspended_or_allowing_cron_job_is_silent() -> None:
    assert cron(suspend=True).find(rollouts.RULES) == []
    assert cron(policy="Allow").find(rollouts.RULES) == []
    assert cron(done=True).find(rollouts.RULES) == []
