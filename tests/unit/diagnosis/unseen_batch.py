"""Described failures of controllers, of one node, of batch work, and of speed: alerts, series, usage."""

from __future__ import annotations

from typing import Any

from copilot.model import Alert, Series, Usage
from tests.unit.diagnosis.unseen import (
    Case,
    ago,
    base,
    condition,
    env,
    job_failed,
    owned,
    put,
    quiet,
    ref,
    situation,
    svc,
)

Body = dict[str, Any]


@situation("StatefulSet shop/kafka", "license|exit|kafka|config", "")
def second_ordinal_is_stuck() -> Case:
    made = put(base(), "kafka", kind="StatefulSet", replicas=3, states="ok")
    made.bodies = [b for b in made.bodies if b[0]["metadata"]["name"] != "kafka-2"]
    one = next(b[0] for b in made.bodies if b[0]["metadata"]["name"] == "kafka-1")
    one["status"]["containerStatuses"][0] |= {"ready": False, "restartCount": 7, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                                              "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(40)}}}  # fmt: skip
    one["status"]["conditions"] = [condition("Ready", "False")]
    workload = next(b[0] for b in made.bodies if b[0]["kind"] == "StatefulSet")
    workload["status"] |= {"readyReplicas": 1, "availableReplicas": 1, "replicas": 2, "updatedReplicas": 2}
    return made.log("kafka-1", "ERROR broker.id 1 conflicts: license server refused: exit\n")


@situation("Node n2", "n2|node", "")
def daemonset_fails_only_on_one_node_with_a_shared_reason() -> Case:
    made = base("n1", "n2", "n3")
    for name in ("agent", "logger"):
        put(made, name, kind="DaemonSet", ns="kube-system", nodes=("n1", "n2", "n3"))
        bad = next(b[0] for b in made.bodies if b[0]["metadata"]["name"] == f"{name}-l1")
        bad["status"]["containerStatuses"][0] |= {"ready": False, "state": {"waiting": {"reason": "ContainerCreating"}}}
        bad["status"] |= {"phase": "Pending", "conditions": [condition("Ready", "False")]}
        made.event("Pod", f"{name}-l1", "kube-system", "FailedCreatePodSandBox", 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "abc": plugin type="bridge" failed (add): failed to open netns: no such device', count=60)  # fmt: skip
    return made


@situation("Job shop/report", "deadline|activeDeadlineSeconds", "job.deadline")
def job_over_its_deadline() -> Case:
    return put(base(), "report", kind="Job", states="failed:143", outer={"activeDeadlineSeconds": 60}, status=job_failed("DeadlineExceeded", "Job was active longer than specified deadline"))  # fmt: skip


@situation("CronJob shop/nightly", "forbid|active|running|concurrency", "cronjob.forbid")
def cronjob_blocked_by_a_run_that_waits_for_ever() -> Case:
    return put(
        base(),
        "nightly",
        kind="CronJob",
        outer={"concurrencyPolicy": "Forbid", "schedule": "*/5 * * * *"},
        status={"active": 1},
    )


@situation("CronJob shop/nightly", "schedule|time zone|timezone", "cronjob.schedule")
def cronjob_time_zone_is_unknown() -> Case:
    made = base().add("CronJob", "nightly", "shop", api="batch/v1", spec={"schedule": "0 3 * * *", "timeZone": "Europe/Berlinn", "jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}}}, status={})  # fmt: skip
    return made.event("CronJob", "nightly", "shop", "UnknownTimeZone", 'invalid timeZone: "Europe/Berlinn": unknown time zone Europe/Berlinn')  # fmt: skip


@situation("Deployment shop/web", "paused", "deploy.paused")
def rollout_paused_in_the_middle() -> Case:
    made = put(base(), "web", replicas=2, outer={"paused": True})
    workload = next(b[0] for b in made.bodies if b[0]["kind"] == "Deployment" and b[0]["metadata"]["name"] == "web")
    workload["status"] |= {
        "updatedReplicas": 0,
        "conditions": [condition("Progressing", "Unknown", "DeploymentPaused")],
    }
    return made


@situation("ResourceQuota shop/pods", "quota", "")
def quota_stops_the_pods_of_two_jobs() -> Case:
    made = base().add(
        "ResourceQuota",
        "pods",
        "shop",
        spec={"hard": {"pods": "2"}},
        status={"hard": {"pods": "2"}, "used": {"pods": "2"}},
    )
    put(made, "web", replicas=2)
    for name in ("load", "clean"):
        made.add(
            "Job",
            name,
            "shop",
            api="batch/v1",
            spec={"backoffLimit": 3, "template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}},
            status={"active": 0},
        )
        made.event("Job", name, "shop", "FailedCreate", f'Error creating: pods "{name}-x" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=2, limited: pods=2', count=9)  # fmt: skip
    return made


@situation("ConfigMap shop/settings|Deployment shop/web", "changed|reload|configmap|restart", "configuration.")
def config_map_changed_after_the_pods_started() -> Case:
    made = base().add("ConfigMap", "settings", "shop", age=90000, dataKeys=["MODE"],
                      metadata={"managedFields": [{"manager": "kubectl-edit", "operation": "Update", "time": ago(600)}]})  # fmt: skip
    log = 'level=error msg="unknown MODE fast, known: slow"\n' * 30
    return put(
        made,
        "web",
        containers={"main": {"envFrom": [{"configMapRef": {"name": "settings"}}]}},
        states="unready",
        logs=log,
    )


def _point(name: str, value: float, **labels: str) -> Series:
    points = tuple((1772366400.0 - 60 * (30 - i), value) for i in range(30))
    return Series(name=name, labels={"__name__": name, **labels}, points=points, source="series.json")


@situation("Deployment shop/api", "throttl", "pod.cpu.throttled")
def cpu_throttled_by_series() -> Case:
    made = put(base(), "api", containers={"main": {"resources": {"limits": {"cpu": "100m"}}}})
    pod = "api-abc-x0"
    made.series += [
        Series("container_cpu_cfs_throttled_periods_total", {"namespace": "shop", "pod": pod, "container": "main"}, tuple((float(60 * i), 480.0 * i) for i in range(30)), "p.json"),
        Series("container_cpu_cfs_periods_total", {"namespace": "shop", "pod": pod, "container": "main"}, tuple((float(60 * i), 600.0 * i) for i in range(30)), "p.json"),
    ]  # fmt: skip
    return made


@situation("Deployment shop/api", "throttl", "pod.cpu.throttled")
def cpu_throttled_by_alert() -> Case:
    made = put(base(), "api", containers={"main": {"resources": {"limits": {"cpu": "100m"}}}})
    made.alerts.append(Alert("CPUThrottlingHigh", {"alertname": "CPUThrottlingHigh", "namespace": "shop", "pod": "api-abc-x0", "container": "main", "severity": "info"},
                             {"description": "63.2% throttling of CPU in namespace shop for container main in pod api-abc-x0."}, source="alerts.json"))  # fmt: skip
    made.usage.append(Usage(ref("Pod", "shop/api-abc-x0"), "main", cpu=0.1, source="top:3"))
    return made


@situation("Deployment shop/api", "memory", "performance.|pod.")
def memory_at_its_limit_by_top() -> Case:
    made = put(base(), "api", containers={"main": {"resources": {"limits": {"memory": "256Mi"}}}})
    made.usage.append(Usage(ref("Pod", "shop/api-abc-x0"), "main", cpu=0.1, memory=254 * 2**20, source="top:3"))
    return made


@situation("Deployment shop/pricing", "slow|latency|pricing|answer", "performance.")
def slow_callee_with_timing_out_callers() -> Case:
    made = svc(put(base(), "pricing"), "pricing", 80)
    for name in ("web", "mobile"):
        svc(put(made, name, containers={"main": {"env": env(PRICING_URL="http://pricing")}}, logs='level=error msg="upstream request timeout" url=http://pricing/quote err="context deadline exceeded"\n' * 20), name, 80)  # fmt: skip
    for name, value in (("pricing", 8.2), ("web", 8.9), ("mobile", 8.7)):
        made.series.append(_point("http_server_request_duration_seconds_p95", value, namespace="shop", service=name))
    made.alerts += [Alert("HighLatency", {"alertname": "HighLatency", "namespace": "shop", "service": name, "severity": "warning"}, {}, source="alerts.json") for name in ("web", "mobile", "pricing")]  # fmt: skip
    return made


@situation("Node n2", "cpu|n2|load|busy", "performance.|node")
def node_burning_cpu() -> Case:
    made = base()
    put(made, "api", nodes=("n2",))
    made.usage.append(Usage(ref("Node", "n2"), cpu=3.97, memory=2**30, source="top:2"))
    made.usage.append(Usage(ref("Node", "n1"), cpu=0.4, memory=2**30, source="top:1"))
    made.alerts.append(Alert("NodeCPUHighUsage", {"alertname": "NodeCPUHighUsage", "instance": "n2", "node": "n2", "severity": "info"}, {"description": "CPU usage at n2 has been above 90% for the last 15 minutes, is currently at 99.1%."}, source="a"))  # fmt: skip
    return made


@situation("Deployment shop/api", "crash|catalogue|exit", "pod.crashloop")
def an_alert_about_a_crash_adds_nothing_new() -> Case:
    made = put(base(), "api", states="crash:1", logs="fatal: plan catalogue is empty\n")
    made.alerts.append(Alert("KubePodCrashLooping", {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "api-abc-x0", "severity": "warning"}, {}, source="a"))  # fmt: skip
    made.alerts.append(Alert("Watchdog", {"alertname": "Watchdog", "severity": "none"}, {}, source="a"))
    return made


@situation("Deployment shop/web", "maxunavailable|surge|rollout|room|max|anti-affinity", "")
def rollout_without_room() -> Case:
    made = put(
        base("n1"), "web", replicas=2, outer={"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}
    )
    made.add(
        "ReplicaSet",
        "web-new",
        "shop",
        api="apps/v1",
        metadata=owned("Deployment", "web", "shop"),
        spec={"replicas": 1},
        status={"replicas": 1},
    )
    anti = {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
            ]
        }
    }
    made.pod("web-new-q", owner=("ReplicaSet", "web-new"), phase="Pending", labels={"app": "web"}, age=900, spec={"affinity": anti},
             status={"conditions": [condition("PodScheduled", "False", "Unschedulable", "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.")]})  # fmt: skip
    return made


@quiet
def watchdog_and_healthy_numbers() -> Case:
    made = svc(
        put(base(), "api", containers={"main": {"resources": {"limits": {"memory": "256Mi", "cpu": "1"}}}}), "api", 80
    )
    made.alerts.append(Alert("Watchdog", {"alertname": "Watchdog", "severity": "none"}, {}, source="a"))
    made.usage.append(Usage(ref("Pod", "shop/api-abc-x0"), "main", cpu=0.2, memory=100 * 2**20, source="top:3"))
    made.series.append(_point("http_server_request_duration_seconds_p95", 0.05, namespace="shop", service="api"))
    return made


@quiet
def a_config_map_changed_and_all_is_well() -> Case:
    made = base().add("ConfigMap", "settings", "shop", age=90000, dataKeys=["MODE"], metadata={"managedFields": [{"manager": "kubectl-edit", "operation": "Update", "time": ago(600)}]})  # fmt: skip
    return put(made, "web", containers={"main": {"envFrom": [{"configMapRef": {"name": "settings"}}]}})


@quiet
def a_rolling_update_in_progress() -> Case:
    made = put(base(), "web", replicas=3)
    workload = next(b[0] for b in made.bodies if b[0]["kind"] == "Deployment" and b[0]["metadata"]["name"] == "web")
    workload["status"] |= {
        "replicas": 4,
        "updatedReplicas": 1,
        "unavailableReplicas": 1,
        "conditions": [condition("Available", "True"), condition("Progressing", "True", "ReplicaSetUpdated", since=5)],
    }
    made.add(
        "ReplicaSet",
        "web-new",
        "shop",
        api="apps/v1",
        age=6,
        metadata=owned("Deployment", "web", "shop"),
        spec={"replicas": 1},
        status={"replicas": 1},
    )
    return made.pod(
        "web-new-q", owner=("ReplicaSet", "web-new"), node="n2", phase="Pending", waiting="ContainerCreating", age=6
    )


@quiet
def a_suspended_cronjob_and_a_finished_job() -> Case:
    made = base().add(
        "CronJob",
        "nightly",
        "shop",
        api="batch/v1",
        spec={"schedule": "0 3 * * *", "suspend": True, "jobTemplate": {}},
        status={},
    )
    return put(
        made,
        "done",
        kind="Job",
        states="done",
        phase="Succeeded",
        status={"succeeded": 1, "conditions": [condition("Complete", "True")]},
    )
