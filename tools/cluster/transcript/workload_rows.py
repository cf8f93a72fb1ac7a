"""Reads rows of nodes and of everything that makes pods, as far as their columns show it. Absent cells stay absent."""

from __future__ import annotations

from typing import Any, TypeAlias

from tools.cluster.transcript.pod_rows import pod_metadata, pod_status
from tools.cluster.transcript.tables import Row
from tools.cluster.transcript.values import (
    ago,
    count,
    label_map,
    ratio,
    selector,
    truth,
    without_nothing,
    words,
)

Parts: TypeAlias = dict[str, Any]


def _images(row: Row) -> list[dict[str, Any]]:
    names, images = words(row.get("CONTAINERS")), words(row.get("IMAGES"))
    return [{"name": name, "image": image} for name, image in zip(names, images, strict=False)]


def _template(row: Row) -> dict[str, Any]:
    containers = _images(row)
    return {"spec": {"containers": containers}} if containers else {}


def pod_row(row: Row) -> Parts:
    """Pod: what `kubectl get` prints of one."""
    return {"metadata": pod_metadata(row), "spec": {"nodeName": row.get("NODE")}, "status": pod_status(row)}


def node_row(row: Row) -> Parts:
    """Node: what `kubectl get` prints of one."""
    status = words(row.get("STATUS"))
    ready = {"Ready": "True", "NotReady": "False", "Unknown": "Unknown"}.get(status[0]) if status else None
    labels = {f"node-role.kubernetes.io/{role}": "" for role in words(row.get("ROLES"))}
    info = {
        "kubeletVersion": row.get("VERSION"),
        "osImage": row.get("OS-IMAGE"),
        "kernelVersion": row.get("KERNEL-VERSION").partition(" ")[0],
        "containerRuntimeVersion": row.get("CONTAINER-RUNTIME"),
    }
    addresses = [
        {"type": kind, "address": row.get(header)}
        for kind, header in (("InternalIP", "INTERNAL-IP"), ("ExternalIP", "EXTERNAL-IP"))
        if row.get(header)
    ]
    return {
        "metadata": {"labels": labels | label_map(row.get("LABELS"))} if labels else {},
        "spec": {"unschedulable": True} if "SchedulingDisabled" in status else {},
        "status": {
            "conditions": [{"type": "Ready", "status": ready}] if ready else [],
            "nodeInfo": without_nothing(info),
            "addresses": addresses,
        },
    }


def deployment_row(row: Row) -> Parts:
    """Deployment: what `kubectl get` prints of one."""
    ready, wanted = ratio(row.get("READY")) or (count(row.get("CURRENT"), 0) or 0, count(row.get("DESIRED"), 0) or 0)
    available = count(row.get("AVAILABLE"), 0) or 0
    status = {
        "replicas": count(row.get("CURRENT")),
        "readyReplicas": ready,
        "updatedReplicas": count(row.get("UP-TO-DATE"), 0),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
    }
    return {
        "spec": {"replicas": wanted, "selector": selector(row.get("SELECTOR")), "template": _template(row)},
        "status": status,
    }


def replicaset_row(row: Row) -> Parts:
    """Replicaset: what `kubectl get` prints of one."""
    return {
        "spec": {
            "replicas": count(row.get("DESIRED"), 0),
            "selector": selector(row.get("SELECTOR")),
            "template": _template(row),
        },
        "status": {
            "replicas": count(row.get("CURRENT"), 0),
            "readyReplicas": count(row.get("READY"), 0),
            "availableReplicas": None,
        },
    }


def replication_controller_row(row: Row) -> Parts:
    """A ReplicationController: its selector is a plain mapping."""
    found = replicaset_row(row)
    found["spec"]["selector"] = label_map(row.get("SELECTOR"))
    return found


def statefulset_row(row: Row) -> Parts:
    """Statefulset: what `kubectl get` prints of one."""
    ready, wanted = ratio(row.get("READY")) or (0, 0)
    return {
        "spec": {"replicas": wanted, "template": _template(row)},
        "status": {"readyReplicas": ready, "replicas": None},
    }


def daemonset_row(row: Row) -> Parts:
    """Daemonset: what `kubectl get` prints of one."""
    wanted, available = count(row.get("DESIRED"), 0) or 0, count(row.get("AVAILABLE"), 0) or 0
    node_selector = label_map(row.get("NODE SELECTOR"))
    template = _template(row)
    if node_selector:
        template.setdefault("spec", {})["nodeSelector"] = node_selector
    return {
        "spec": {"template": template, "selector": selector(row.get("SELECTOR"))},
        "status": {
            "desiredNumberScheduled": wanted,
            "currentNumberScheduled": count(row.get("CURRENT"), 0),
            "numberReady": count(row.get("READY"), 0),
            "updatedNumberScheduled": count(row.get("UP-TO-DATE"), 0),
            "numberAvailable": available,
            "numberUnavailable": max(0, wanted - available),
        },
    }


_JOB_CONDITIONS = {
    "Complete": ("Complete",),
    "Failed": ("Failed",),
    "Suspended": ("Suspended",),
    "FailureTarget": ("FailureTarget",),
    "SuccessCriteriaMet": ("SuccessCriteriaMet",),
}


def job_row(row: Row) -> Parts:
    """Job: what `kubectl get` prints of one."""
    word = row.get("STATUS")
    done, wanted = ratio(row.get("COMPLETIONS").split(" of ")[0]) or (0, None)
    status: dict[str, Any] = {
        "succeeded": done or None,
        "conditions": [{"type": name, "status": "True"} for name in _JOB_CONDITIONS.get(word, ())],
    }
    started = ago(row.get("DURATION"))
    if started is not None and word in ("Running", ""):
        status["startTime"] = started
    spec = {"completions": wanted, "suspend": True if word == "Suspended" else None, "template": _template(row)}
    return {"spec": spec, "status": without_nothing(status)}


def cronjob_row(row: Row) -> Parts:
    """Cronjob: what `kubectl get` prints of one."""
    active = count(row.get("ACTIVE"), 0) or 0
    return {
        "spec": {
            "schedule": row.get("SCHEDULE"),
            "suspend": truth(row.get("SUSPEND")),
            "timeZone": row.get("TIMEZONE"),
            "jobTemplate": {"spec": {"template": _template(row)}} if _template(row) else {},
        },
        "status": {"lastScheduleTime": ago(row.get("LAST SCHEDULE")), "active": [{"kind": "Job"}] * min(active, 100)},
    }
