"""Turns a row of `kubectl get` into the part of the API object that its columns show, kind by kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from tools.cluster.transcript.facts import Ago
from tools.cluster.transcript.kinds import KindInfo
from tools.cluster.transcript.pod_rows import pod_metadata, pod_status
from tools.cluster.transcript.tables import Row
from tools.cluster.transcript.values import (
    access_modes,
    ago,
    count,
    int_or_text,
    label_map,
    ratio,
    selector,
    truth,
    without_nothing,
    words,
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
    reader = _READERS.get((kind.kind, kind.group)) or _custom
    parts = reader(row)
    labels = label_map(row.get("LABELS")) | {
        key: row.get(header) for header, key in label_columns.items() if row.get(header)
    }
    metadata = without_nothing(
        {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": ago(row.get("AGE")) or ago(row.get("CREATED AT")),
            "labels": labels,
        }
    ) | parts.pop("metadata", {})
    body: dict[str, Any] = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}
    return body | without_nothing({key: without_nothing(v) if isinstance(v, dict) else v for key, v in parts.items()})


def _images(row: Row) -> list[dict[str, Any]]:
    names, images = words(row.get("CONTAINERS")), words(row.get("IMAGES"))
    return [{"name": name, "image": image} for name, image in zip(names, images, strict=False)]


def _template(row: Row) -> dict[str, Any]:
    containers = _images(row)
    return {"spec": {"containers": containers}} if containers else {}


def _pod(row: Row) -> Parts:
    return {"metadata": pod_metadata(row), "spec": {"nodeName": row.get("NODE")}, "status": pod_status(row)}


def _node(row: Row) -> Parts:
    status = words(row.get("STATUS"))
    ready = {"Ready": "True", "NotReady": "False", "Unknown": "Unknown"}.get(status[0]) if status else None
    labels = {f"node-role.kubernetes.io/{role}": "" for role in words(row.get("ROLES"))}
    info = {
        "kubeletVersion": row.get("VERSION"),
        "osImage": row.get("OS-IMAGE"),
        "kernelVersion": row.get("KERNEL-VERSION"),
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


def _deployment(row: Row) -> Parts:
    ready, wanted = ratio(row.get("READY")) or (count(row.get("CURRENT"), 0) or 0, count(row.get("DESIRED"), 0) or 0)
    available = count(row.get("AVAILABLE"), 0) or 0
    status = {
        "replicas": max(ready, count(row.get("CURRENT"), 0) or 0),
        "readyReplicas": ready,
        "updatedReplicas": count(row.get("UP-TO-DATE"), 0),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
    }
    return {
        "spec": {"replicas": wanted, "selector": selector(row.get("SELECTOR")), "template": _template(row)},
        "status": status,
    }


def _replicaset(row: Row) -> Parts:
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


def _statefulset(row: Row) -> Parts:
    ready, wanted = ratio(row.get("READY")) or (0, 0)
    return {
        "spec": {"replicas": wanted, "template": _template(row)},
        "status": {"readyReplicas": ready, "replicas": None},
    }


def _daemonset(row: Row) -> Parts:
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


def _job(row: Row) -> Parts:
    word = row.get("STATUS")
    done, wanted = ratio(row.get("COMPLETIONS").split(" of ")[0]) or (0, None)
    status: dict[str, Any] = {
        "succeeded": done or None,
        "conditions": [{"type": name, "status": "True"} for name in _JOB_CONDITIONS.get(word, ())],
    }
    started = ago(row.get("DURATION"))
    if started is not None and word in ("Running", ""):
        status["startTime"] = started
        status["active"] = 1 if word == "Running" else None
    spec = {"completions": wanted, "suspend": True if word == "Suspended" else None, "template": _template(row)}
    return {"spec": spec, "status": without_nothing(status)}


def _cronjob(row: Row) -> Parts:
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


_PORT = re.compile(r"(\d{1,5})(?::(\d{1,5}))?/(\w+)$")


def _service(row: Row) -> Parts:
    ports = []
    for part in words(row.get("PORT(S)")):
        match = _PORT.match(part)
        if match:
            ports.append(
                without_nothing({"port": int(match[1]), "nodePort": int(match[2] or 0) or None, "protocol": match[3]})
            )
    external = row.get("EXTERNAL-IP")
    kind = row.get("TYPE")
    status: dict[str, Any] = {}
    if kind == "LoadBalancer":
        found = [] if external in ("", "<pending>") else words(external)
        status = {"loadBalancer": {"ingress": [{"ip" if item[0].isdigit() else "hostname": item} for item in found]}}
    cluster_ip = (
        "None"
        if row.cells.get("CLUSTER-IP", "") in ("None", "<none>") and kind != "ExternalName"
        else row.get("CLUSTER-IP")
    )
    return {
        "spec": {
            "type": kind,
            "clusterIP": cluster_ip,
            "ports": ports,
            "selector": label_map(row.get("SELECTOR")),
            "externalName": external if kind == "ExternalName" else None,
        },
        "status": status,
    }


def _endpoints(row: Row) -> Parts:
    text, _, _more = row.get("ENDPOINTS").partition(" + ")
    by_port: dict[str, list[str]] = {}
    for part in words(text):
        ip, _, port = part.rpartition(":")
        if ip:
            by_port.setdefault(port, []).append(ip.strip("[]"))
    subsets = [
        {"addresses": [{"ip": ip} for ip in ips], "ports": [{"port": count(port), "protocol": "TCP"}]}
        for port, ips in by_port.items()
    ]
    return {"subsets": subsets}


def _endpointslice(row: Row) -> Parts:
    text, _, _more = row.get("ENDPOINTS").partition(" + ")
    endpoints = [{"addresses": [address]} for address in words(text)]
    ports = [{"port": count(port)} for port in words(row.get("PORTS").partition(" + ")[0]) if count(port) is not None]
    return {"addressType": row.get("ADDRESSTYPE"), "ports": ports, "endpoints": endpoints}


def _ingress(row: Row) -> Parts:
    hosts = [] if row.get("HOSTS") == "*" else words(row.get("HOSTS").partition(" + ")[0])
    addresses = [{"ip" if item[:1].isdigit() else "hostname": item} for item in words(row.get("ADDRESS"))]
    return {
        "spec": {"ingressClassName": row.get("CLASS"), "rules": [{"host": host} for host in hosts]},
        "status": {"loadBalancer": {"ingress": addresses}},
    }


def _pvc(row: Row) -> Parts:
    phase = row.get("STATUS")
    status: dict[str, Any] = {"accessModes": access_modes(row.get("ACCESS MODES"))}
    if row.get("CAPACITY") not in ("", "0"):
        status["capacity"] = {"storage": row.get("CAPACITY")}
    metadata: dict[str, Any] = {}
    if phase == "Terminating":
        metadata = {"deletionTimestamp": Ago(0.0)}
    else:
        status["phase"] = phase
    spec = {
        "storageClassName": row.get("STORAGECLASS"),
        "volumeName": row.get("VOLUME"),
        "volumeMode": row.get("VOLUMEMODE"),
        "volumeAttributesClassName": row.get("VOLUMEATTRIBUTESCLASS"),
    }
    return {"metadata": metadata, "spec": spec, "status": status}


def _pv(row: Row) -> Parts:
    namespace, _, claim = row.get("CLAIM").partition("/")
    phase = row.get("STATUS")
    return {
        "metadata": {"deletionTimestamp": Ago(0.0)} if phase == "Terminating" else {},
        "spec": {
            "capacity": {"storage": row.get("CAPACITY")} if row.get("CAPACITY") else {},
            "accessModes": access_modes(row.get("ACCESS MODES")),
            "persistentVolumeReclaimPolicy": row.get("RECLAIM POLICY"),
            "storageClassName": row.get("STORAGECLASS"),
            "volumeMode": row.get("VOLUMEMODE"),
            "claimRef": {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": claim} if claim else {},
        },
        "status": {"phase": phase if phase != "Terminating" else "", "reason": row.get("REASON")},
    }


def _storageclass(row: Row) -> Parts:
    return {
        "provisioner": row.get("PROVISIONER"),
        "reclaimPolicy": row.get("RECLAIMPOLICY"),
        "volumeBindingMode": row.get("VOLUMEBINDINGMODE"),
        "allowVolumeExpansion": truth(row.get("ALLOWVOLUMEEXPANSION")),
    }


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


def _networkpolicy(row: Row) -> Parts:
    return {"spec": {"podSelector": selector(row.get("POD-SELECTOR"))}}


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


def _ingressclass(row: Row) -> Parts:
    return {"spec": {"controller": row.get("CONTROLLER")}}


def _runtimeclass(row: Row) -> Parts:
    return {"handler": row.get("HANDLER")}


def _attachment(row: Row) -> Parts:
    return {
        "spec": {
            "attacher": row.get("ATTACHER"),
            "nodeName": row.get("NODE"),
            "source": {"persistentVolumeName": row.get("PV")} if row.get("PV") else {},
        },
        "status": {"attached": truth(row.get("ATTACHED"))},
    }


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
    ("Pod", ""): _pod,
    ("Node", ""): _node,
    ("Deployment", "apps"): _deployment,
    ("ReplicaSet", "apps"): _replicaset,
    ("ReplicationController", ""): _replicaset,
    ("StatefulSet", "apps"): _statefulset,
    ("DaemonSet", "apps"): _daemonset,
    ("Job", "batch"): _job,
    ("CronJob", "batch"): _cronjob,
    ("Service", ""): _service,
    ("Endpoints", ""): _endpoints,
    ("EndpointSlice", "discovery.k8s.io"): _endpointslice,
    ("Ingress", "networking.k8s.io"): _ingress,
    ("IngressClass", "networking.k8s.io"): _ingressclass,
    ("NetworkPolicy", "networking.k8s.io"): _networkpolicy,
    ("PersistentVolumeClaim", ""): _pvc,
    ("PersistentVolume", ""): _pv,
    ("StorageClass", "storage.k8s.io"): _storageclass,
    ("VolumeAttachment", "storage.k8s.io"): _attachment,
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
}
