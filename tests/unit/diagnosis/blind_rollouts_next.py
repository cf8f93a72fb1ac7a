"""A second batch of rollouts and scaling, written after the first was mended and before its neighbours were looked at.

First run: 12 of 12 right, nothing blamed where all is calm.
"""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.blind_c3 import app, blind, calm, change, condition, custom, ports, put, world
from tests.unit.diagnosis.blind_rollouts import NEVER, STUCK, cron, two_revisions
from tests.unit.diagnosis.blind_rollouts_limits import ABLE, ASKS, budget, cordon, ending, hpa
from tests.unit.diagnosis.unseen import Case, ago, env, job_failed

Body = dict[str, Any]


def of_revision(made: Case, name: str, ns: str, hashed: str) -> Case:
    for body, _ in made.bodies:
        if body["kind"] == "Pod" and body["metadata"]["name"].startswith(f"{name}-"):
            body["metadata"].setdefault("labels", {})["controller-revision-hash"] = hashed
    return made


@blind("StatefulSet data/ledger", "partition|revision|ondelete")
def a_partition_keeps_the_fix_from_the_pods_that_crash() -> Case:
    made = put(world("data"), "ledger", ns="data", kind="StatefulSet", replicas=2, states="crash:1", containers={"main": {"command": ["/app/serve", "--wal=/data/wal"]}}, logs="flag provided but not defined: -wal\n", status={"replicas": 2, "readyReplicas": 0, "currentRevision": "ledger-a1", "updateRevision": "ledger-b2", "updatedReplicas": 0})  # fmt: skip
    of_revision(made, "ledger", "data", "ledger-a1")
    template = {"metadata": {"labels": {"app": "ledger"}}, "spec": {"containers": [{"name": "main", "image": "registry.example/ledger:1.4.2", "command": ["/app/serve", "--wal-dir=/data/wal"]}]}}  # fmt: skip
    return change(made, "StatefulSet", "ledger", "data", spec={"template": template, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}, "podManagementPolicy": "Parallel"})  # fmt: skip


@blind("StatefulSet data/index", "ondelete|revision")
def a_statefulset_on_delete_keeps_a_wrong_image() -> Case:
    made = put(world("data"), "index", ns="data", kind="StatefulSet", states="wait:ImagePullBackOff", containers={"main": {"image": "registry.example/index:2.0.0-oops"}}, status={"replicas": 1, "readyReplicas": 0, "currentRevision": "index-a1", "updateRevision": "index-b2"})  # fmt: skip
    of_revision(made, "index", "data", "index-a1")
    made.event("Pod", "index-0", "data", "Failed", 'Failed to pull image "registry.example/index:2.0.0-oops": rpc error: code = NotFound desc = failed to pull and unpack image "registry.example/index:2.0.0-oops": not found')  # fmt: skip
    template = {"metadata": {"labels": {"app": "index"}}, "spec": {"containers": [{"name": "main", "image": "registry.example/index:2.0.0"}]}}  # fmt: skip
    return change(made, "StatefulSet", "index", "data", spec={"template": template, "updateStrategy": {"type": "OnDelete"}})  # fmt: skip


@blind("ResourceQuota shop/compute|Deployment shop/search", "quota")
def a_quota_leaves_no_room_for_the_surge_pod() -> Case:
    asks: Body = {**ports(8080), "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "2"}}}
    made = two_revisions(world(), "search", asks, asks, conditions=(STUCK, condition("ReplicaFailure", "True", "FailedCreate", 'pods "search-abc-n2x" is forbidden: exceeded quota: compute, requested: limits.cpu=2, used: limits.cpu=6, limited: limits.cpu=6')))  # fmt: skip
    made.bodies = [(b, d) for b, d in made.bodies if not (b["kind"] == "Pod" and b["metadata"]["name"] == "search-abc-x0")]  # fmt: skip
    change(made, "ReplicaSet", "search-abc", spec={"replicas": 1}, status={"replicas": 0, "readyReplicas": 0, "availableReplicas": 0})  # fmt: skip
    made.add("ResourceQuota", "compute", "shop", spec={"hard": {"limits.cpu": "6"}}, status={"hard": {"limits.cpu": "6"}, "used": {"limits.cpu": "6"}})  # fmt: skip
    return made.event("ReplicaSet", "search-abc", "shop", "FailedCreate", 'Error creating: pods "search-abc-n2x" is forbidden: exceeded quota: compute, requested: limits.cpu=2, used: limits.cpu=6, limited: limits.cpu=6', count=18)  # fmt: skip


@blind("Job shop/sweep", "index")
def too_many_indexes_of_a_job_fail() -> Case:
    return put(world(), "sweep", kind="Job", states="failed:1", spec=NEVER, outer={"completionMode": "Indexed", "completions": 20, "parallelism": 5, "backoffLimitPerIndex": 1, "maxFailedIndexes": 3, "backoffLimit": 2147483647},
        status={"failed": 8, "failedIndexes": "2,5,9,11", "conditions": [condition("Failed", "True", "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")]})  # fmt: skip


@blind(
    "HorizontalPodAutoscaler shop/consumer|APIService v1beta1.custom.metrics.k8s.io",
    "custom|pods metric|metric|adapter",
)
def an_autoscaler_asks_for_a_custom_metric_nobody_serves() -> Case:
    made = app(world(), "consumer", replicas=2, main=ASKS)
    text = "the HPA was unable to compute the replica count: unable to get metric queue_depth: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
    hpa(made, "consumer", ABLE, condition("ScalingActive", "False", "FailedGetPodsMetric", text))
    change(made, "HorizontalPodAutoscaler", "consumer", spec={"metrics": [{"type": "Pods", "pods": {"metric": {"name": "queue_depth"}, "target": {"type": "AverageValue", "averageValue": "30"}}}]})  # fmt: skip
    return made.event("HorizontalPodAutoscaler", "consumer", "shop", "FailedGetPodsMetric", text, count=600)


@blind(
    "HorizontalPodAutoscaler shop/worker|HorizontalPodAutoscaler shop/keda-hpa-worker|ScaledObject shop/worker",
    "same|two|both|fight|scale",
)
def a_hand_made_autoscaler_fights_with_kedas() -> Case:
    made = app(world(), "worker", replicas=3, main=ASKS)
    fine = condition("ScalingActive", "True", "ValidMetricFound")
    hpa(made, "worker", ABLE, fine, now=3, want=2)
    hpa(made, "keda-hpa-worker", ABLE, fine, target="worker", now=3, want=8)
    custom(made, "ScaledObject", "worker", "shop", "keda.sh/v1alpha1", condition("Ready", "True", "ScaledObjectReady"), condition("Active", "True", "ScalerActive"), spec={"scaleTargetRef": {"name": "worker"}, "triggers": [{"type": "kafka", "metadata": {}}]})  # fmt: skip
    for i in range(6):
        made.event("HorizontalPodAutoscaler", "worker" if i % 2 else "keda-hpa-worker", "shop", "SuccessfulRescale", f"New size: {2 if i % 2 else 8}; reason: All metrics below target", type_="Normal", count=1, first=60 + 60 * i, last=60 + 60 * i)  # fmt: skip
    return made


@blind("HorizontalPodAutoscaler shop/api|VerticalPodAutoscaler shop/api", "vpa|vertical|fight|both|autoscalers")
def a_vertical_autoscaler_resizes_memory_that_an_hpa_measures() -> Case:
    made = app(world(), "api", replicas=4, main=ASKS)
    hpa(made, "api", ABLE, condition("ScalingActive", "True", "ValidMetricFound"), now=4, want=4, metric="memory")
    custom(made, "VerticalPodAutoscaler", "api", "shop", "autoscaling.k8s.io/v1", condition("RecommendationProvided", "True"), spec={"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}, "updatePolicy": {"updateMode": "Recreate"}, "resourcePolicy": {"containerPolicies": [{"containerName": "*", "controlledResources": ["memory"]}]}})  # fmt: skip
    for i in range(4):
        made.event("Pod", f"api-abc-r{i}", "shop", "EvictedByVPA", "Pod was evicted by VPA Updater to apply resource recommendation.", type_="Normal", count=1, first=90 + 300 * i, last=90 + 300 * i)  # fmt: skip
    return made


@blind("PodDisruptionBudget data/quorum", "disruption|budget|evict")
def a_percentage_budget_holds_a_drain() -> Case:
    made = put(world("data"), "quorum", ns="data", kind="StatefulSet", replicas=3, containers={"main": ports(2379)}, nodes=("n1", "n2", "n3"))  # fmt: skip
    budget(made, "quorum", {"app": "quorum"}, ns="data", healthy=3, desired=3, expected=3, minAvailable="100%")
    made.event("Pod", "quorum-0", "data", "FailedEviction", "Cannot evict pod as it would violate the pod's disruption budget.", count=50)  # fmt: skip
    return cordon(made)


@blind("Cache old-lab/hot|Deployment cache-system/cache-operator|Namespace old-lab", "finalizer")
def a_namespace_waits_for_an_operator_that_was_scaled_away() -> Case:
    made = ending(world("cache-system"), "old-lab", condition("NamespaceContentRemaining", "True", "SomeResourcesRemain", "Some resources are remaining: caches.cache.acme.example has 1 resource instances"), condition("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", "Some content in the namespace has finalizers remaining: cache.acme.example/drain in 1 resource instances"))  # fmt: skip
    put(made, "cache-operator", ns="cache-system", replicas=0)
    return made.add("Cache", "hot", "old-lab", api="cache.acme.example/v1", metadata={"deletionTimestamp": ago(5000), "finalizers": ["cache.acme.example/drain"], "generation": 3}, spec={}, status={"conditions": [condition("Ready", "True", "Up")]})  # fmt: skip


@blind("CustomResourceDefinition caches.cache.acme.example|Cache shop/hot", "finalizer")
def a_definition_cannot_go_while_an_instance_is_held() -> Case:
    made = world()
    made.add("CustomResourceDefinition", "caches.cache.acme.example", api="apiextensions.k8s.io/v1", metadata={"deletionTimestamp": ago(4000), "finalizers": ["customresourcecleanup.apiextensions.k8s.io"]}, spec={"group": "cache.acme.example", "names": {"kind": "Cache", "plural": "caches"}, "scope": "Namespaced", "versions": [{"name": "v1", "served": True, "storage": True}]}, status={"conditions": [condition("Established", "True"), condition("Terminating", "True", "InstanceDeletionInProgress", "CustomResource deletion is in progress")]})  # fmt: skip
    return made.add("Cache", "hot", "shop", api="cache.acme.example/v1", metadata={"deletionTimestamp": ago(4000), "finalizers": ["cache.acme.example/drain"]}, spec={}, status={})  # fmt: skip


@blind("Job shop/migrate-v8", "relation|exists|schema|sql|migration")
def a_rollout_waits_for_a_migration_job_that_failed() -> Case:
    made = two_revisions(world(), "crm", ports(8080), ports(8080), state="ok", conditions=(STUCK,))
    for body, _ in made.bodies:
        if body["kind"] == "Pod" and body["metadata"]["name"] == "crm-abc-x0":
            body["spec"]["initContainers"] = [{"name": "wait-for-migration", "image": "registry.example/k8s-wait-for:2", "args": ["job", "migrate-v8"]}]  # fmt: skip
            body["status"] = {"phase": "Pending", "conditions": [condition("PodScheduled", "True"), condition("Initialized", "False", "ContainersNotInitialized"), condition("Ready", "False", "ContainersNotReady")], "initContainerStatuses": [{"name": "wait-for-migration", "ready": False, "started": True, "restartCount": 0, "image": "i", "state": {"running": {"startedAt": ago(3000)}}}], "containerStatuses": [{"name": "main", "ready": False, "restartCount": 0, "image": "i", "state": {"waiting": {"reason": "PodInitializing"}}}]}  # fmt: skip
    made.log("crm-abc-x0", "[2026-03-01 11:58:11] Waiting for job migrate-v8...\n[2026-03-01 11:58:13] Waiting for job migrate-v8...\n", "shop", "wait-for-migration")  # fmt: skip
    return put(made, "migrate-v8", kind="Job", states="failed:1", spec=NEVER, status=job_failed(), logs='ERROR:  relation "crm.contact_tag" does not exist\nmigration 0042 failed\n')  # fmt: skip


@blind("CronJob shop/sync", "image|tag|not found|pull")
def every_run_of_a_cronjob_lacks_its_image() -> Case:
    made = put(world(), "sync", kind="CronJob", states="wait:ImagePullBackOff", spec=NEVER, status={"active": 1, "startTime": ago(1500)})  # fmt: skip
    return made.event("Pod", "sync-29000000-k", "shop", "Failed", 'Failed to pull image "registry.example/sync:1.4.2": rpc error: code = NotFound desc = failed to pull and unpack image "registry.example/sync:1.4.2": failed to resolve reference: not found')  # fmt: skip


@calm
def holds_that_are_meant() -> Case:
    made = cron(world("data"), "yearly", last=8000000, suspend=True)
    template = {"metadata": {"labels": {"app": "train"}}, "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "registry.example/train:1"}]}}  # fmt: skip
    made.add("Job", "train", "shop", api="batch/v1", age=90000, labels={"kueue.x-k8s.io/queue-name": "gpu"}, spec={"suspend": True, "template": template}, status={"conditions": [condition("Suspended", "True", "JobSuspended")]})  # fmt: skip
    made.add("LocalQueue", "gpu", "shop", api="kueue.x-k8s.io/v1beta1", spec={"clusterQueue": "gpu"}, status={"conditions": [condition("Active", "True", "Ready")]})  # fmt: skip
    put(made, "canary", ns="data", kind="StatefulSet", replicas=3, status={"currentRevision": "canary-a", "updateRevision": "canary-b", "updatedReplicas": 1})  # fmt: skip
    change(made, "StatefulSet", "canary", "data", spec={"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}})  # fmt: skip
    of_revision(made, "canary", "data", "canary-a")
    put(made, "agent", ns="data", kind="DaemonSet", nodes=("n1", "n2"), outer={"updateStrategy": {"type": "OnDelete"}})
    of_revision(made, "agent", "data", "old")
    made.add("DaemonSet", "win-exporter", "data", api="apps/v1", spec={"selector": {"matchLabels": {"app": "win"}}, "template": {"metadata": {"labels": {"app": "win"}}, "spec": {"nodeSelector": {"kubernetes.io/os": "windows"}, "containers": [{"name": "main", "image": "registry.example/win:1"}]}}}, status={"desiredNumberScheduled": 0, "currentNumberScheduled": 0, "numberReady": 0})  # fmt: skip
    return put(made, "spare", kind="Deployment", replicas=0)


@calm
def autoscalers_that_share_well() -> Case:
    made = app(world(), "api", replicas=3, main=ASKS)
    hpa(made, "api", ABLE, condition("ScalingActive", "True", "ValidMetricFound"), condition("ScalingLimited", "True", "TooManyReplicas"), low=2, high=3, now=3, want=3, currentMetrics=[{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 61}}}])  # fmt: skip
    custom(made, "VerticalPodAutoscaler", "api", "shop", "autoscaling.k8s.io/v1", condition("RecommendationProvided", "True"), spec={"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}, "updatePolicy": {"updateMode": "Off"}})  # fmt: skip
    app(made, "feed", replicas=2, main={**ASKS, "env": env(MODE="x")})
    hpa(made, "feed", ABLE, condition("ScalingActive", "True", "ValidMetricFound"))
    custom(made, "VerticalPodAutoscaler", "feed", "shop", "autoscaling.k8s.io/v1", condition("RecommendationProvided", "True"), spec={"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "feed"}, "updatePolicy": {"updateMode": "Auto"}, "resourcePolicy": {"containerPolicies": [{"containerName": "*", "controlledResources": ["memory"]}]}})  # fmt: skip
    budget(made, "later", {"app": "not-yet"}, healthy=0, desired=0, expected=0)
    made = cron(made, "swap", last=200, schedule="*/5 * * * *", concurrencyPolicy="Replace")
    made.event("CronJob", "swap", "shop", "SuccessfulDelete", "Deleted job swap-1", type_="Normal", count=1)
    return change(made, "CronJob", "swap", status={"lastSuccessfulTime": ago(150)})
