"""Described failures of rollouts, batch, budgets and scaling, written before the rules of workloads were read.

First run: 9 of 16 right, and one more whose right answer the words here did not foresee.
"""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.blind_c3 import (
    app,
    blind,
    calm,
    change,
    condition,
    custom,
    ports,
    put,
    svc,
    world,
)
from tests.unit.diagnosis.unseen import Case, ago, env, job_failed, owned

Body = dict[str, Any]
BATCH = "batch/v1"


def two_revisions(made: Case, name: str, old: Body, new: Body, *, ns: str = "shop", replicas: int = 3, state: str = "unready", strategy: Body | None = None, conditions: tuple[Body, ...] = (), nodes: tuple[str, ...] = ("n1", "n2", "n3"), surge: Body | None = None, logs: str = "") -> Case:  # fmt: skip
    """A rollout that stands still: the old ReplicaSet serves, one pod of the new one is as `state` says."""
    put(made, name, ns=ns, replicas=1, states=state, containers={"main": new}, logs=logs, nodes=nodes[-1:], **(surge or {}))  # fmt: skip
    counts = {"replicas": replicas + 1, "updatedReplicas": 1, "readyReplicas": replicas, "availableReplicas": replicas, "unavailableReplicas": 1, "observedGeneration": 7}  # fmt: skip
    change(made, "Deployment", name, ns, metadata={"generation": 7, "annotations": {"deployment.kubernetes.io/revision": "7"}}, spec={"replicas": replicas, "strategy": strategy or {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}, status={**counts, "conditions": [condition("Available", "True", "MinimumReplicasAvailable"), *conditions]})  # fmt: skip
    change(made, "ReplicaSet", f"{name}-abc", ns, metadata={"annotations": {"deployment.kubernetes.io/revision": "7"}})
    marks = {"app": name, "pod-template-hash": "old"}
    template = {"metadata": {"labels": marks}, "spec": {"containers": [{"name": "main", "image": f"registry.example/{name}:1.4.1", **old}]}}  # fmt: skip
    made.add("ReplicaSet", f"{name}-old", ns, api="apps/v1", labels=marks, age=90000, metadata={**owned("Deployment", name, ns), "annotations": {"deployment.kubernetes.io/revision": "6"}}, spec={"replicas": replicas, "selector": {"matchLabels": marks}, "template": template}, status={"replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas})  # fmt: skip
    for i in range(replicas):
        made.pod(f"{name}-old-{i}", ns, owner=("ReplicaSet", f"{name}-old"), node=nodes[i % len(nodes)], labels=marks, spec={"containers": template["spec"]["containers"]}, age=90000)  # fmt: skip
    return made


STUCK = condition("Progressing", "False", "ProgressDeadlineExceeded", 'ReplicaSet "x-abc" has timed out progressing.')


@blind("Deployment shop/pricing", "readiness|404|probe|ready")
def the_new_release_moved_its_health_page() -> Case:
    probe = {"readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}}}
    made = two_revisions(world(), "pricing", {**ports(8080), **probe}, {**ports(8080), **probe}, conditions=(STUCK,), logs='{"time":"2026-03-01T11:59:01Z","method":"GET","path":"/healthz","status":404}\n{"time":"2026-03-01T11:59:11Z","method":"GET","path":"/healthz","status":404}\n')  # fmt: skip
    made.event("Pod", "pricing-abc-x0", "shop", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404", count=118)  # fmt: skip
    return svc(made, "pricing", 80, 8080)


@blind("Deployment shop/banner", "paused")
def somebody_paused_a_rollout_halfway() -> Case:
    made = two_revisions(world(), "banner", ports(8080), {**ports(8080), "image": "registry.example/banner:1.5.0"}, state="ok", conditions=(condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", 80000),))  # fmt: skip
    return change(made, "Deployment", "banner", spec={"paused": True}, status={"unavailableReplicas": 0, "readyReplicas": 4, "availableReplicas": 4})  # fmt: skip


@blind("Deployment shop/solver", "surge|maxunavailable|cpu|room")
def no_room_for_the_surge_pod_and_none_may_go_first() -> Case:
    asks = {**ports(8080), "resources": {"requests": {"cpu": "3"}}}
    surge = {"states": "ok", "phase": "Pending"}
    made = two_revisions(world(), "solver", asks, asks, conditions=(STUCK,))
    for body, _ in made.bodies:
        if body["kind"] == "Pod" and body["metadata"]["name"] == "solver-abc-x0":
            del body["spec"]["nodeName"]
            body["status"] = {"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.")]}  # fmt: skip
    assert surge
    return made.event("Pod", "solver-abc-x0", "shop", "FailedScheduling", "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.", count=12)  # fmt: skip


@blind("Deployment shop/wiki|PersistentVolumeClaim shop/wiki-data", "multi-attach|attach|readwriteonce|recreate|volume")
def a_rolling_update_of_a_volume_only_one_node_may_hold() -> Case:
    volumes = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "wiki-data"}}]}
    main = {**ports(8080), "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    made = two_revisions(world(), "wiki", main, main, replicas=1, state="wait:ContainerCreating", surge={"spec": volumes}, conditions=(STUCK,))  # fmt: skip
    for body, _ in made.bodies:
        if body["kind"] == "Pod" and body["metadata"]["name"] == "wiki-old-0":
            body["spec"] |= volumes
    made.add("PersistentVolumeClaim", "wiki-data", "shop", spec={"accessModes": ["ReadWriteOnce"], "volumeName": "pv-1", "storageClassName": "ssd", "resources": {"requests": {"storage": "10Gi"}}}, status={"phase": "Bound", "accessModes": ["ReadWriteOnce"]})  # fmt: skip
    made.add("StorageClass", "ssd", api="storage.k8s.io/v1", provisioner="ebs.csi.aws.com")
    made.add("PersistentVolume", "pv-1", spec={"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "10Gi"}, "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"}, "claimRef": {"kind": "PersistentVolumeClaim", "name": "wiki-data", "namespace": "shop"}}, status={"phase": "Bound"})  # fmt: skip
    return made.event("Pod", "wiki-abc-x0", "shop", "FailedAttachVolume", 'Multi-Attach error for volume "pv-1" Volume is already used by pod(s) wiki-old-0', count=1)  # fmt: skip


@blind("StatefulSet data/broker", "broker-1|revision|ordinal|image|delete")
def a_statefulset_waits_for_a_pod_of_a_bad_revision_that_was_reverted() -> Case:
    made = put(world("data"), "broker", ns="data", kind="StatefulSet", replicas=3, containers={"main": ports(9092)}, status={"replicas": 3, "readyReplicas": 2, "availableReplicas": 2, "currentReplicas": 2, "updatedReplicas": 0, "currentRevision": "broker-6f7", "updateRevision": "broker-6f7"})  # fmt: skip
    for body, _ in made.bodies:
        if body["kind"] == "Pod" and body["metadata"]["name"].startswith("broker-"):
            bad = body["metadata"]["name"] == "broker-2"
            body["metadata"]["labels"]["controller-revision-hash"] = "broker-9c1" if bad else "broker-6f7"
            if bad:
                body["spec"] = {**body["spec"], "containers": [{"name": "main", "image": "registry.example/broker:1.4.3-rc"}]}  # fmt: skip
                body["status"]["phase"] = "Pending"
                body["status"]["containerStatuses"] = [{"name": "main", "ready": False, "restartCount": 0, "image": "registry.example/broker:1.4.3-rc", "imageID": "", "state": {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "registry.example/broker:1.4.3-rc"'}}}]  # fmt: skip
                body["status"]["conditions"] = [condition("PodScheduled", "True"), condition("Ready", "False", "ContainersNotReady")]  # fmt: skip
    return made.event("Pod", "broker-2", "data", "Failed", 'Failed to pull image "registry.example/broker:1.4.3-rc": rpc error: code = NotFound desc = failed to pull and unpack image "registry.example/broker:1.4.3-rc": failed to resolve reference: registry.example/broker:1.4.3-rc: not found')  # fmt: skip


@blind("DaemonSet observability/shipper", "ondelete|delete|revision|template|update")
def a_fixed_daemonset_never_replaces_its_crashing_pods() -> Case:
    made = put(world(), "shipper", ns="observability", kind="DaemonSet", nodes=("n1", "n2", "n3"), states="crash:1", containers={"main": {"args": ["--config=/etc/shipper.yaml"]}}, outer={"updateStrategy": {"type": "OnDelete"}},
        logs="unknown flag: --config\nUsage of shipper:\n", status={"updatedNumberScheduled": 0, "numberUnavailable": 3, "observedGeneration": 4})  # fmt: skip
    template = {"metadata": {"labels": {"app": "shipper"}}, "spec": {"containers": [{"name": "main", "image": "registry.example/shipper:1.4.2", "args": ["--config.file=/etc/shipper.yaml"]}]}}  # fmt: skip
    change(made, "DaemonSet", "shipper", "observability", metadata={"generation": 4}, spec={"template": template})
    for revision, hashed in ((1, "old1"), (2, "new2")):
        made.add("ControllerRevision", f"shipper-{hashed}", "observability", api="apps/v1", labels={"app": "shipper", "controller-revision-hash": hashed}, metadata=owned("DaemonSet", "shipper", "observability"), revision=revision)  # fmt: skip
    for body, _ in made.bodies:
        if body["kind"] == "Pod" and body["metadata"]["name"].startswith("shipper"):
            body["metadata"]["labels"]["controller-revision-hash"] = "old1"
    return made


@blind("DaemonSet observability/gpu-exporter", "node|selector|label|no node")
def a_daemonset_selects_a_label_no_node_has() -> Case:
    made = world()
    template = {"metadata": {"labels": {"app": "gpu-exporter"}}, "spec": {"nodeSelector": {"accelerator": "nvidia"}, "containers": [{"name": "main", "image": "registry.example/gpu-exporter:3"}]}}  # fmt: skip
    for body, _ in made.bodies:
        if body["kind"] == "Node" and body["metadata"]["name"] == "n3":
            body["metadata"]["labels"]["accelerator"] = "nvidia-l40"
    return made.add("DaemonSet", "gpu-exporter", "observability", api="apps/v1", spec={"selector": {"matchLabels": {"app": "gpu-exporter"}}, "template": template}, status={"desiredNumberScheduled": 0, "currentNumberScheduled": 0, "numberReady": 0, "numberMisscheduled": 0})  # fmt: skip


NEVER: Body = {"restartPolicy": "Never"}


@blind("Job shop/shards", "index 3|checksum|oserror|parquet|corrupt|damaged")
def one_index_of_an_indexed_job_fails_again_and_again() -> Case:
    made = put(world(), "shards", kind="Job", replicas=1, states="failed:2", spec=NEVER, outer={"completionMode": "Indexed", "completions": 6, "parallelism": 6, "backoffLimitPerIndex": 2, "backoffLimit": 12}, logs="reading shard 3\nOSError: Could not open Parquet input source '<Buffer>': Parquet magic bytes not found in footer. Either the file is corrupted or this is not a parquet file.\n",
        status={"failed": 3, "succeeded": 5, "failedIndexes": "3", "completedIndexes": "0-2,4,5", "conditions": [condition("FailureTarget", "True", "FailedIndexes", "Job has failed indexes"), condition("Failed", "True", "FailedIndexes", "Job has failed indexes")]})  # fmt: skip
    return change(made, "Pod", "shards-k0", metadata={"annotations": {"batch.kubernetes.io/job-completion-index": "3"}})


@blind("Job shop/render", "podfailurepolicy|failure policy|exit code 42|42")
def a_pod_failure_policy_ends_the_job_at_the_first_bad_exit() -> Case:
    rules = [{"action": "FailJob", "onExitCodes": {"containerName": "main", "operator": "In", "values": [42]}}]
    text = "Container main for pod shop/render-k0 failed with exit code 42 matching FailJob rule at index 0"
    made = put(world(), "render", kind="Job", states="failed:42", spec=NEVER, outer={"podFailurePolicy": {"rules": rules}, "backoffLimit": 6}, status=job_failed("PodFailurePolicy", text), logs="licence seat count exceeded: 0 of 20 free\n")  # fmt: skip
    return made.event("Job", "render", "shop", "PodFailurePolicy", text, count=1)


@blind("Job shop/backfill", "suspend")
def a_job_stands_suspended_and_nobody_will_start_it() -> Case:
    template = {"metadata": {"labels": {"app": "backfill"}}, "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "registry.example/backfill:1"}]}}  # fmt: skip
    made = world().add("Job", "backfill", "shop", api=BATCH, age=180000, spec={"suspend": True, "parallelism": 4, "completions": 4, "backoffLimit": 6, "template": template}, status={"conditions": [condition("Suspended", "True", "JobSuspended", "Job suspended", 180000)]})  # fmt: skip
    assert isinstance(made, Case)
    return made.event("Job", "backfill", "shop", "Suspended", "Job suspended", type_="Normal", count=1)


@blind("Job shop/reindex", "deadline")
def a_job_is_killed_at_its_deadline_while_it_still_works() -> Case:
    made = put(world(), "reindex", kind="Job", states="ok", spec=NEVER, outer={"activeDeadlineSeconds": 600, "backoffLimit": 6}, status=job_failed("DeadlineExceeded", "Job was active longer than specified deadline"), logs="indexed 41000 of 120000 documents\nindexed 42000 of 120000 documents\n")  # fmt: skip
    made.bodies = [(b, d) for b, d in made.bodies if not (b["kind"] == "Pod" and b["metadata"]["name"].startswith("reindex"))]  # fmt: skip
    return made.event("Job", "reindex", "shop", "DeadlineExceeded", "Job was active longer than specified deadline", count=1)  # fmt: skip


def cron(made: Case, name: str, *, last: float | None = 300, age: float = 900000, active: bool = False, **spec: Any) -> Case:  # fmt: skip
    template = {"spec": {"template": {"metadata": {"labels": {"app": name}}, "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": f"registry.example/{name}:2"}]}}}}  # fmt: skip
    status: Body = {"lastScheduleTime": ago(last)} if last is not None else {}
    if active:
        status["active"] = [{"kind": "Job", "name": f"{name}-29538000", "namespace": "shop", "apiVersion": BATCH}]
    return made.add("CronJob", name, "shop", api=BATCH, age=age, spec={"schedule": "0 * * * *", "concurrencyPolicy": "Allow", "suspend": False, "jobTemplate": template, **spec}, status=status)  # fmt: skip


@blind("CronJob shop/close-books", "time zone|timezone|europe/kyiv")
def a_cronjobs_time_zone_is_unknown_to_the_controller() -> Case:
    made = cron(world(), "close-books", last=None, timeZone="Europe/Kyiv")
    return made.event("CronJob", "close-books", "shop", "UnknownTimeZone", 'invalid timeZone: "Europe/Kyiv": unknown time zone Europe/Kyiv', count=300)  # fmt: skip


@blind("CronJob shop/archive", "missed|startingdeadline|schedule")
def a_cronjob_missed_too_many_starts() -> Case:
    made = cron(world(), "archive", last=400000, schedule="*/5 * * * *")
    return made.event("CronJob", "archive", "shop", "TooManyMissedTimes", "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew", count=900)  # fmt: skip


@blind("CronJob shop/rotate", "suspend")
def a_suspended_cronjob_leaves_a_consumer_with_old_keys() -> Case:
    made = cron(world(), "rotate", last=860000, suspend=True)
    return app(made, "vault-sync", states="unready", logs="ERROR signing key is 9 days old, refusing to serve: expected rotation every 1h by cronjob shop/rotate\n" * 6)  # fmt: skip


@blind("CronJob shop/pulse", "startingdeadline|deadline")
def a_starting_deadline_shorter_than_the_controllers_period() -> Case:
    made = cron(world(), "pulse", last=500000, schedule="*/10 * * * *", startingDeadlineSeconds=5)
    return made.event("CronJob", "pulse", "shop", "MissSchedule", "Missed scheduled time to start a job: Sun, 01 Mar 2026 11:50:00 +0000", count=700)  # fmt: skip


@blind("CronJob shop/mirror", "replace|concurrency|overlap|longer|interval")
def each_run_is_replaced_before_it_can_finish() -> Case:
    made = cron(world(), "mirror", last=100, active=True, schedule="*/5 * * * *", concurrencyPolicy="Replace")
    for minute in range(6):
        made.event("CronJob", "mirror", "shop", "SuccessfulDelete", f"Deleted job mirror-2953800{minute}", type_="Normal", count=1, first=60 + 300 * minute, last=60 + 300 * minute)  # fmt: skip
        made.event("CronJob", "mirror", "shop", "SuccessfulCreate", f"Created job mirror-2953800{minute + 1}", type_="Normal", count=1, first=59 + 300 * minute, last=59 + 300 * minute)  # fmt: skip
    template = {"metadata": {"labels": {"app": "mirror"}}, "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "registry.example/mirror:2"}]}}  # fmt: skip
    made.add("Job", "mirror-29538006", "shop", api=BATCH, age=100, metadata=owned("CronJob", "mirror", "shop", api=BATCH), spec={"backoffLimit": 6, "template": template}, status={"active": 1, "ready": 1, "startTime": ago(100)})  # fmt: skip
    return made.pod("mirror-29538006-abcde", "shop", owner=("Job", "mirror-29538006"), node="n1", labels={"app": "mirror"}, age=100)  # fmt: skip


@calm
def a_rollout_half_done_a_minute_ago() -> Case:
    made = two_revisions(world(), "pricing", ports(8080), ports(8080), conditions=(condition("Progressing", "True", "ReplicaSetUpdated", "", 30),))  # fmt: skip
    for body, _ in made.bodies:
        if body["metadata"]["name"].startswith("pricing-abc"):
            body["metadata"]["creationTimestamp"] = ago(25)
    return made.event("Pod", "pricing-abc-x0", "shop", "Unhealthy", "Readiness probe failed: dial tcp 10.244.1.20:8080: connect: connection refused", count=2, first=15, last=5)  # fmt: skip


@calm
def jobs_and_cronjobs_as_they_should_be() -> Case:
    made = cron(world(), "hourly", last=1800)
    cron(made, "nightly", last=40000, schedule="0 1 * * *", concurrencyPolicy="Forbid")
    cron(made, "brand-new", last=None, age=120, schedule="0 1 * * *")
    put(made, "import", kind="Job", states="done", spec=NEVER, phase="Succeeded", status={"succeeded": 1, "failed": 1, "conditions": [condition("Complete", "True", "CompletionsReached")]})  # fmt: skip
    return made.pod("import-retry", "shop", owner=("Job", "import"), node="n2", phase="Failed")  # fmt: skip


@calm
def an_autoscaler_at_rest() -> Case:
    made = app(world(), "web", replicas=2, main={"env": env(MODE="prod"), "resources": {"requests": {"cpu": "100m"}}})
    return custom(made, "HorizontalPodAutoscaler", "web", "shop", "autoscaling/v2", condition("AbleToScale", "True", "ReadyForNewScale"), condition("ScalingActive", "True", "ValidMetricFound"), condition("ScalingLimited", "True", "TooFewReplicas", "the desired replica count is less than the minimum replica count"), spec={"minReplicas": 2, "maxReplicas": 6, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]}, currentReplicas=2, desiredReplicas=2)  # fmt: skip
