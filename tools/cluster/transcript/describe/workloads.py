"""Reads described pods and everything that makes pods: Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tools.cluster.transcript.describe.common import (
    annotations_of,
    conditions_of,
    labels_of,
    quantities_of,
    tolerations_of,
)
from tools.cluster.transcript.describe.containers import container_of, status_of
from tools.cluster.transcript.describe.lexer import Entry, table_of
from tools.cluster.transcript.describe.volumes import volumes_of
from tools.cluster.transcript.values import (
    access_modes,
    count,
    int_or_text,
    label_map,
    present,
    selector,
    truth,
    when,
    without_nothing,
    words,
)

_CONTAINER_LISTS = (
    ("Init Containers", "initContainers", "initContainerStatuses"),
    ("Containers", "containers", "containerStatuses"),
    ("Ephemeral Containers", "ephemeralContainers", "ephemeralContainerStatuses"),
)


def pod(root: Entry) -> dict[str, Any]:
    """A Pod's spec and status."""
    spec = pod_spec(root)
    node, _, host_ip = root.word("Node").partition("/")
    spec |= {
        "nodeName": node,
        "priority": count(root.word("Priority")),
        "runtimeClassName": root.word("Runtime Class Name"),
        "terminationGracePeriodSeconds": count(root.word("Termination Grace Period").removesuffix("s")),
    }
    gates = root.get("Readiness Gates")
    if gates is not None:
        spec["readinessGates"] = [{"conditionType": row["Type"]} for row in table_of(gates) if row.get("Type")]
    profile = root.word("SeccompProfile")
    if profile:
        spec["securityContext"] = {"seccompProfile": {"type": profile}}
    status: dict[str, Any] = {
        "hostIP": host_ip,
        "startTime": when(root.word("Start Time")),
        "reason": root.word("Reason"),
        "message": root.word("Message"),
        "podIP": root.word("IP"),
        "nominatedNodeName": root.word("NominatedNodeName"),
        "qosClass": root.word("QoS Class"),
        "conditions": conditions_of(root.get("Conditions")),
    }
    ips = root.get("IPs")
    status["podIPs"] = [{"ip": child.value} for child in (ips.children if ips is not None else ()) if child.value]
    for title, _, field in _CONTAINER_LISTS:
        listed = root.get(title)
        found = [status_of(child) for child in listed.children] if listed is not None else []
        status[field] = [entry for entry in found if entry]
    word = root.word("Status")
    status["phase"] = _phase_of(status) if word.startswith("Terminating") else word
    metadata: dict[str, Any] = {}
    if word.startswith("Terminating"):
        metadata["deletionGracePeriodSeconds"] = spec["terminationGracePeriodSeconds"]
    return {"metadata": metadata, "spec": without_nothing(spec), "status": without_nothing(status)}


def _phase_of(status: dict[str, Any]) -> str:
    """A terminating pod's phase is not printed: it ran when a container of it did."""
    started = any(entry.get("state", {}).keys() & {"running", "terminated"} for entry in status["containerStatuses"])
    return "Running" if started else "Pending"


def pod_spec(root: Entry) -> dict[str, Any]:
    """What pods and pod templates print alike."""
    spec: dict[str, Any] = {
        "serviceAccountName": root.word("Service Account"),
        "priorityClassName": root.word("Priority Class Name"),
        "nodeSelector": labels_of(root.get("Node-Selectors")),
        "tolerations": tolerations_of(root.get("Tolerations")),
        "volumes": volumes_of(root.get("Volumes")),
        "topologySpreadConstraints": _spread(root.get("Topology Spread Constraints")),
    }
    for title, field, _ in _CONTAINER_LISTS:
        listed = root.get(title)
        spec[field] = [container_of(child) for child in (listed.children if listed is not None else ()) if child.key]
    resources = root.get("Resources")
    if resources is not None:
        spec["resources"] = without_nothing(
            {"limits": quantities_of(resources.get("Limits")), "requests": quantities_of(resources.get("Requests"))}
        )
    return without_nothing(spec)


_SPREAD = re.compile(r"(\S+):(\w+) when max skew (\d{1,9}) is exceeded(?: for selector (.+))?$")


def _spread(entry: Entry | None) -> list[dict[str, Any]]:
    found = []
    for line in entry.lines() if entry is not None else ():
        match = _SPREAD.match(line)
        if match:
            item: dict[str, Any] = {"topologyKey": match[1], "whenUnsatisfiable": match[2], "maxSkew": int(match[3])}
            if match[4]:
                item["labelSelector"] = selector(match[4])
            found.append(item)
    return found


def template_of(root: Entry) -> dict[str, Any]:
    """`Pod Template:` as `spec.template`."""
    entry = root.get("Pod Template")
    if entry is None:
        return {}
    metadata = without_nothing(
        {"labels": labels_of(entry.get("Labels")), "annotations": annotations_of(entry.get("Annotations"))}
    )
    return without_nothing({"metadata": metadata, "spec": pod_spec(entry)})


def _numbers(text: str) -> dict[str, int]:
    """`3 desired | 1 updated | 2 total` or `1 Running / 0 Waiting` as word to number."""
    return {match[2].lower(): int(match[1]) for match in re.finditer(r"(\d{1,9}) ([A-Za-z]+)", text)}


_ROLLING = re.compile(r"(\S+) max unavailable, (\S+) max surge")


def deployment(root: Entry) -> dict[str, Any]:
    """A Deployment's spec and status."""
    replicas = _numbers(root.word("Replicas"))
    strategy: dict[str, Any] = {"type": root.word("StrategyType")}
    rolling = _ROLLING.match(root.word("RollingUpdateStrategy"))
    if rolling:
        strategy["rollingUpdate"] = {"maxUnavailable": int_or_text(rolling[1]), "maxSurge": int_or_text(rolling[2])}
    return {
        "spec": {
            "replicas": replicas.get("desired"),
            "selector": selector(root.word("Selector")),
            "strategy": without_nothing(strategy),
            "minReadySeconds": count(root.word("MinReadySeconds")),
            "template": template_of(root),
        },
        "status": {
            "replicas": replicas.get("total"),
            "updatedReplicas": replicas.get("updated"),
            "availableReplicas": replicas.get("available"),
            "unavailableReplicas": replicas.get("unavailable"),
            "conditions": conditions_of(root.get("Conditions")),
        },
    }


_REVISION = re.compile(r"([a-z0-9][a-z0-9.-]{0,252}) \((\d{1,9})/(\d{1,9}) replicas created\)")


def revisions_of(root: Entry, name: str, namespace: str) -> Iterator[dict[str, Any]]:
    """The ReplicaSets that a Deployment's description names. The new one has the Deployment's own template."""
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "controller": True}
    present = {"template": template_of(root)}
    for key, more in (("OldReplicaSets", {}), ("NewReplicaSet", present)):
        for match in _REVISION.finditer(root.word(key)):
            yield {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {"name": match[1], "namespace": namespace, "ownerReferences": [owner]},
                "spec": {"replicas": int(match[3]), **more},
                "status": {"replicas": int(match[2])},
            }


def replicaset(root: Entry) -> dict[str, Any]:
    """A ReplicaSet's or ReplicationController's spec and status."""
    replicas = _numbers(root.word("Replicas"))
    return {
        "spec": {
            "replicas": replicas.get("desired"),
            "selector": selector(root.word("Selector")),
            "template": template_of(root),
        },
        "status": {"replicas": replicas.get("current"), "conditions": conditions_of(root.get("Conditions"))},
    }


def replication_controller(root: Entry) -> dict[str, Any]:
    """A ReplicationController: its selector is a plain mapping."""
    found = replicaset(root)
    found["spec"]["selector"] = label_map(root.word("Selector"))
    return found


def statefulset(root: Entry) -> dict[str, Any]:
    """A StatefulSet's spec and status."""
    replicas = _numbers(root.word("Replicas"))
    strategy_entry = root.get("Update Strategy")
    strategy: dict[str, Any] = {"type": root.word("Update Strategy")}
    if strategy_entry is not None and strategy_entry.children:
        strategy["rollingUpdate"] = without_nothing(
            {
                "partition": count(strategy_entry.word("Partition")),
                "maxUnavailable": int_or_text(strategy_entry.word("MaxUnavailable")),
            }
        )
    retention = root.get("Persistent Volume Claim Retention Policy")
    return {
        "spec": {
            "replicas": replicas.get("desired"),
            "selector": selector(root.word("Selector")),
            "serviceName": root.word("Service Name"),
            "podManagementPolicy": root.word("Pod Management Policy"),
            "updateStrategy": without_nothing(strategy),
            "persistentVolumeClaimRetentionPolicy": without_nothing(
                {"whenDeleted": retention.word("WhenDeleted"), "whenScaled": retention.word("WhenScaled")}
            )
            if retention is not None
            else {},
            "template": template_of(root),
            "volumeClaimTemplates": _claims(root.get("Volume Claims")),
        },
        "status": {"replicas": replicas.get("total")},
    }


def _claims(entry: Entry | None) -> list[dict[str, Any]]:
    """Volume claim templates stand one after the other, each beginning with `Name:`."""
    groups: list[Entry] = []
    for child in entry.children if entry is not None else ():
        if child.key == "Name":
            groups.append(Entry(key="", value="", text="", indent=0, number=child.number, children=[], raw=[]))
        if groups:
            groups[-1].children.append(child)
    found = []
    for group in groups:
        capacity = group.word("Capacity")
        spec: dict[str, Any] = {
            "storageClassName": group.word("StorageClass"),
            "accessModes": access_modes(group.word("Access Modes")),
        }
        if capacity not in ("", "<default>"):
            spec["resources"] = {"requests": {"storage": capacity}}
        metadata = {
            "name": group.word("Name"),
            "labels": labels_of(group.get("Labels")),
            "annotations": annotations_of(group.get("Annotations")),
        }
        found.append({"metadata": without_nothing(metadata), "spec": without_nothing(spec)})
    return found


def daemonset(root: Entry) -> dict[str, Any]:
    """A DaemonSet's spec and status."""
    template = template_of(root)
    node_selector = label_map(root.word("Node-Selector"))
    if node_selector:
        template.setdefault("spec", {})["nodeSelector"] = node_selector
    desired = count(root.word("Desired Number of Nodes Scheduled"), 0) or 0
    available = count(root.word("Number of Nodes Scheduled with Available Pods"), 0) or 0
    return {
        "spec": {"selector": selector(root.word("Selector")), "template": template},
        "status": {
            "desiredNumberScheduled": desired,
            "currentNumberScheduled": count(root.word("Current Number of Nodes Scheduled")),
            "updatedNumberScheduled": count(root.word("Number of Nodes Scheduled with Up-to-date Pods")),
            "numberAvailable": available,
            "numberUnavailable": max(0, desired - available),
            "numberMisscheduled": count(root.word("Number of Nodes Misscheduled")),
        },
    }


_JOB_PODS = re.compile(r"(\d{1,9}) Active(?: \((\d{1,9}) Ready\))? / (\d{1,9}) Succeeded / (\d{1,9}) Failed")


def job_spec(root: Entry) -> dict[str, Any]:
    """What jobs and job templates print alike."""
    return without_nothing(
        {
            "parallelism": count(root.word("Parallelism")),
            "completions": count(root.word("Completions")),
            "activeDeadlineSeconds": count(root.word("Active Deadline Seconds").removesuffix("s")),
            "template": template_of(root),
        }
    )


def job(root: Entry) -> dict[str, Any]:
    """A Job's spec and status. Its conditions are not printed; a completion time proves the one that says so."""
    status: dict[str, Any] = {
        "startTime": when(root.word("Start Time")),
        "completionTime": when(root.word("Completed At")),
        "completedIndexes": root.word("Completed Indexes"),
    }
    match = _JOB_PODS.match(root.word("Pods Statuses"))
    if match:
        active, ready, succeeded, failed = (int(part or 0) for part in match.groups())
        status |= {"active": active, "ready": ready, "succeeded": succeeded, "failed": failed}
    if status["completionTime"]:
        status["conditions"] = [{"type": "Complete", "status": "True"}]
    spec = job_spec(root) | {
        "selector": selector(root.word("Selector")),
        "completionMode": root.word("Completion Mode"),
        "suspend": truth(root.word("Suspend")),
        "backoffLimit": count(root.word("Backoff Limit")),
        "ttlSecondsAfterFinished": count(root.word("TTL Seconds After Finished")),
    }
    return {"spec": without_nothing(spec), "status": without_nothing(status)}


def cronjob(root: Entry) -> dict[str, Any]:
    """A CronJob's spec and status."""
    active = words(root.word("Active Jobs"))
    return {
        "spec": {
            "schedule": root.word("Schedule"),
            "concurrencyPolicy": root.word("Concurrency Policy"),
            "suspend": truth(root.word("Suspend")),
            "timeZone": present(root.word("Time Zone")),
            "successfulJobsHistoryLimit": count(root.word("Successful Job History Limit")),
            "failedJobsHistoryLimit": count(root.word("Failed Job History Limit")),
            "startingDeadlineSeconds": count(root.word("Starting Deadline Seconds").removesuffix("s")),
            "jobTemplate": {"spec": job_spec(root)},
        },
        "status": {
            "lastScheduleTime": when(root.word("Last Schedule Time")),
            "active": [{"apiVersion": "batch/v1", "kind": "Job", "name": name} for name in active],
        },
    }
