"""Turns a row of `kubectl get` into the part of the API object that its columns show, kind by kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from tools.cluster.transcript.facts import Ago
from tools.cluster.transcript.kinds import KindInfo
from tools.cluster.transcript.network_rows import (
    endpoints_row,
    endpointslice_row,
    ingress_row,
    ingressclass_row,
    networkpolicy_row,
    service_row,
)
from tools.cluster.transcript.storage_rows import attachment_row, pv_row, pvc_row, storageclass_row
from tools.cluster.transcript.tables import Row
from tools.cluster.transcript.values import (
    count,
    int_or_text,
    label_map,
    truth,
    when,
    without_nothing,
    words,
)
from tools.cluster.transcript.workload_rows import (
    cronjob_row,
    daemonset_row,
    deployment_row,
    job_row,
    node_row,
    pod_row,
    replicaset_row,
    replication_controller_row,
    statefulset_row,
)

Parts: TypeAlias = dict[str, Any]


def row_body(kind: KindInfo, name: str, namespace: str, row: Row, label_columns: dict[str, str]) -> dict[str, Any]:
    """The object as its row shows it.

    Args:
        kind: What the row is.
        name: Its name, without the `kind/` that kubectl prints before it.
        namespace: Its namespace, "" for cluster-scoped kinds.
        row: The cells.
        label_columns: Header to label key, for `-L`.
    """
    reader = _READERS.get((kind.kind, kind.group)) or (_plain if _built_in(kind.group) else _custom)
    parts = reader(row)
    labels = label_map(row.get("LABELS")) | {
        key: row.get(header) for header, key in label_columns.items() if row.get(header)
    }
    metadata = without_nothing(
        {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": when(row.get("AGE", "CREATED AT")),
            "labels": labels,
        }
    ) | parts.pop("metadata", {})
    body: dict[str, Any] = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}
    return body | without_nothing({key: without_nothing(v) if isinstance(v, dict) else v for key, v in parts.items()})


_TARGET = re.compile(r"(?:(\w[\w.-]*):? )?(\S+?)/(\S+?)(?: \(avg\))?$")


def _hpa(row: Row) -> Parts:
    kind, _, name = row.get("REFERENCE").partition("/")
    metrics, current = [], []
    for part in words(row.get("TARGETS")):
        match = _TARGET.match(part)
        if match is None:
            continue
        resource = match[1] or "cpu"
        if match[3].endswith("%"):
            target: dict[str, Any] = {"type": "Utilization", "averageUtilization": count(match[3][:-1])}
            measured: dict[str, Any] = {"averageUtilization": count(match[2].rstrip("%"))}
        else:
            target, measured = {"type": "AverageValue", "averageValue": match[3]}, {"averageValue": match[2]}
        metrics.append({"type": "Resource", "resource": {"name": resource, "target": target}})
        if match[2] != "<unknown>":
            current.append({"type": "Resource", "resource": {"name": resource, "current": measured}})
    return {
        "spec": {
            "scaleTargetRef": {"kind": kind, "name": name},
            "minReplicas": count(row.get("MINPODS")),
            "maxReplicas": count(row.get("MAXPODS")),
            "metrics": metrics,
        },
        "status": {"currentReplicas": count(row.get("REPLICAS")), "currentMetrics": current},
    }


def _built_in(group: str) -> bool:
    """Whether Kubernetes itself defines the group: a column then says nothing that no field says."""
    return "." not in group or (
        group.endswith(".k8s.io") and not group.endswith((".x-k8s.io", "gateway.networking.k8s.io"))
    )


def _plain(_row: Row) -> Parts:
    return {}


def _definition(row: Row) -> Parts:
    """A CustomResourceDefinition: its name alone tells plural and group."""
    plural, _, group = row.get("NAME").rpartition("/")[2].partition(".")
    names = without_nothing({"plural": plural, "kind": row.get("KIND"), "shortNames": words(row.get("SHORTNAMES"))})
    return {"spec": {"group": group, "names": names, "scope": row.get("SCOPE")}}


def _pdb(row: Row) -> Parts:
    def bound(header: str) -> int | str | None:
        return int_or_text(row.get(header)) if row.get(header) not in ("", "N/A") else None

    return {
        "spec": {"minAvailable": bound("MIN AVAILABLE"), "maxUnavailable": bound("MAX UNAVAILABLE")},
        "status": {"disruptionsAllowed": count(row.get("ALLOWED DISRUPTIONS"), 0)},
    }


_QUOTA = re.compile(r"([\w./-]+): ([^/,\s]+)/([^,\s]+)")


def _quota(row: Row) -> Parts:
    used, hard = {}, {}
    for column in ("REQUEST", "LIMIT"):
        for match in _QUOTA.finditer(row.get(column)):
            used[match[1]], hard[match[1]] = match[2], match[3]
    return {"spec": {"hard": hard}, "status": {"hard": hard, "used": used}}


def _phase(row: Row) -> Parts:
    phase = row.get("STATUS")
    metadata = {"deletionTimestamp": Ago(0.0)} if phase == "Terminating" else {}
    return {"metadata": metadata, "status": {"phase": phase}}


def _binding(row: Row) -> Parts:
    kind, _, name = row.get("ROLE").partition("/")
    return {"roleRef": {"kind": kind, "name": name} if name else {}}


def _secret(row: Row) -> Parts:
    return {"type": row.get("TYPE")}


def _lease(row: Row) -> Parts:
    return {"spec": {"holderIdentity": row.get("HOLDER")}}


def _priorityclass(row: Row) -> Parts:
    return {
        "value": count(row.get("VALUE")),
        "globalDefault": truth(row.get("GLOBAL-DEFAULT")),
        "preemptionPolicy": row.get("PREEMPTIONPOLICY"),
    }


def _runtimeclass(row: Row) -> Parts:
    return {"handler": row.get("HANDLER")}


def _apiservice(row: Row) -> Parts:
    available = row.get("AVAILABLE")
    state, _, reason = available.partition(" (")
    namespace, _, name = row.get("SERVICE").partition("/")
    condition = without_nothing({"type": "Available", "status": state, "reason": reason.rstrip(")")})
    return {
        "spec": {"service": {"namespace": namespace, "name": name} if name else {}},
        "status": {"conditions": [condition] if state else []},
    }


def _csr(row: Row) -> Parts:
    conditions = [
        {"type": word, "status": "True"} for word in words(row.get("CONDITION")) if word not in ("Pending", "Issued")
    ]
    return {
        "spec": {"signerName": row.get("SIGNERNAME"), "username": row.get("REQUESTOR")},
        "status": {"conditions": conditions},
    }


_CONDITION_COLUMNS = {
    "READY": "Ready",
    "AVAILABLE": "Available",
    "SYNCED": "Synced",
    "ADMITTED": "Admitted",
    "FINISHED": "Finished",
}


def _custom(row: Row) -> Parts:
    """Any other kind: conditions and phase where a column says so, and every cell as text under `columns`."""
    status: dict[str, Any] = {}
    phase = row.get("PHASE", "STATUS", "STATE")
    if phase and phase not in ("True", "False", "Unknown"):
        status["phase"] = phase
    conditions = [
        without_nothing(
            {"type": kind, "status": row.get(header), "reason": row.get("REASON") if header == "READY" else ""}
        )
        for header, kind in _CONDITION_COLUMNS.items()
        if row.get(header) in ("True", "False", "Unknown")
    ]
    if conditions:
        status["conditions"] = conditions
    cells = {key: value for key, value in row.cells.items() if key not in ("NAME", "NAMESPACE", "AGE") and value}
    return {"status": status, "columns": cells}


_RBAC = "rbac.authorization.k8s.io"
_READERS: dict[tuple[str, str], Callable[[Row], Parts]] = {
    ("Pod", ""): pod_row,
    ("Node", ""): node_row,
    ("Deployment", "apps"): deployment_row,
    ("ReplicaSet", "apps"): replicaset_row,
    ("ReplicationController", ""): replication_controller_row,
    ("StatefulSet", "apps"): statefulset_row,
    ("DaemonSet", "apps"): daemonset_row,
    ("Job", "batch"): job_row,
    ("CronJob", "batch"): cronjob_row,
    ("Service", ""): service_row,
    ("Endpoints", ""): endpoints_row,
    ("EndpointSlice", "discovery.k8s.io"): endpointslice_row,
    ("Ingress", "networking.k8s.io"): ingress_row,
    ("IngressClass", "networking.k8s.io"): ingressclass_row,
    ("NetworkPolicy", "networking.k8s.io"): networkpolicy_row,
    ("PersistentVolumeClaim", ""): pvc_row,
    ("PersistentVolume", ""): pv_row,
    ("StorageClass", "storage.k8s.io"): storageclass_row,
    ("VolumeAttachment", "storage.k8s.io"): attachment_row,
    ("HorizontalPodAutoscaler", "autoscaling"): _hpa,
    ("PodDisruptionBudget", "policy"): _pdb,
    ("ResourceQuota", ""): _quota,
    ("Namespace", ""): _phase,
    ("Secret", ""): _secret,
    ("RoleBinding", _RBAC): _binding,
    ("ClusterRoleBinding", _RBAC): _binding,
    ("Lease", "coordination.k8s.io"): _lease,
    ("PriorityClass", "scheduling.k8s.io"): _priorityclass,
    ("RuntimeClass", "node.k8s.io"): _runtimeclass,
    ("APIService", "apiregistration.k8s.io"): _apiservice,
    ("CertificateSigningRequest", "certificates.k8s.io"): _csr,
    ("CustomResourceDefinition", "apiextensions.k8s.io"): _definition,
}
