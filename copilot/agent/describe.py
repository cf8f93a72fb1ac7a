"""An object in a few words, kind by kind: what the API's own tables show, and nothing that was not read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from copilot.agent.facts import job_times, replicas, storage_of
from copilot.diagnosis.pods import condition
from copilot.diagnosis.rules.pods.symptoms import pod_status
from copilot.diagnosis.view import View
from copilot.model import Resource, age_text, children, mapping, number, text, texts
from copilot.model.quantity import format_bytes

_MAX_KEYS = 10
_MAX_PORTS = 4


def describe_state(view: View, resource: Resource) -> str:
    """The state of an object in a few words."""
    if resource.ref.kind == "Pod":
        return pod_status(view.pod(resource))
    words = _BY_KIND.get(resource.ref.kind, _any)(resource)
    return f"{words}, being deleted" if resource.deleted is not None else words


def _replicated(resource: Resource) -> str:
    wanted = replicas(resource)
    ready = number(resource.status, "numberReady" if resource.ref.kind == "DaemonSet" else "readyReplicas")
    if resource.ref.kind == "DaemonSet":
        return f"{ready} of {wanted} ready"
    notes = [f"{ready} of {wanted} replicas ready"]
    progress = condition(resource, "Progressing")
    if resource.spec.get("paused") is True:
        notes.append("rollout paused")
    elif text(progress, "status") == "False":
        notes.append(f"rollout stuck ({text(progress, 'reason') or 'not progressing'})")
    return ", ".join(notes)


def _node(node: Resource) -> str:
    ready = text(condition(node, "Ready"), "status")
    notes = ["Ready" if ready == "True" else f"NotReady ({ready or 'unknown'})"]
    if node.spec.get("unschedulable") is True:
        notes.append("cordoned")
    for entry in children(node.status, "conditions"):
        if text(entry, "type") != "Ready" and text(entry, "status") == "True":
            notes.append(text(entry, "type"))
    return ", ".join(notes)


def _job(job: Resource) -> str:
    start, end = job_times(job)
    took = f" after {age_text((end - start).total_seconds())}" if start and end else ""
    done = next(
        (
            text(entry, "type")
            for entry in children(job.status, "conditions")
            if text(entry, "type") in ("Complete", "Failed") and text(entry, "status") == "True"
        ),
        "",
    )
    if done:
        return f"{done}{took}"
    if job.spec.get("suspend") is True:
        return "suspended"
    return f"{number(job.status, 'active')} active"


def _cron(cron: Resource) -> str:
    zone = text(cron.spec, "timeZone")
    words = f"schedule {text(cron.spec, 'schedule')}" + (f" ({zone})" if zone else "")
    return f"suspended, {words}" if cron.spec.get("suspend") is True else words


def _claim(claim: Resource) -> str:
    storage_class = text(claim.spec, "storageClassName")
    volume = text(claim.spec, "volumeName")
    parts = [text(claim.status, "phase") or "no phase", format_bytes(storage_of(claim))]
    if claim.ref.kind == "PersistentVolumeClaim":
        parts.append(f"class {storage_class}" if storage_class else "no class")
        parts += [f"volume {volume}"] if volume else []
    else:
        owner = mapping(claim.spec, "claimRef")
        parts.append(f"reclaim policy {text(claim.spec, 'persistentVolumeReclaimPolicy') or 'Retain'}")
        parts += [f"claim {text(owner, 'namespace')}/{text(owner, 'name')}"] if owner else []
    return ", ".join(parts)


def ports_text(entries: list[Mapping[str, Any]]) -> str:
    """`80 → 8080, 443`."""
    shown = []
    for entry in entries[:_MAX_PORTS]:
        port, target = text(entry, "port"), text(entry, "targetPort")
        node = f" (node port {text(entry, 'nodePort')})" if text(entry, "nodePort") else ""
        shown.append((f"{port} → {target}" if target and target != port else port) + node)
    more = len(entries) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _service(service: Resource) -> str:
    kind = text(service.spec, "type") or "ClusterIP"
    address = text(service.spec, "clusterIP")
    words = "headless" if address == "None" else f"{kind} {address}".strip()
    ports = ports_text(list(children(service.spec, "ports")))
    return words + (f", port {ports}" if ports else "")


def _ingress(ingress: Resource) -> str:
    hosts = [text(rule, "host") or "*" for rule in children(ingress.spec, "rules")]
    backends = {
        f"{text(path, 'backend', 'service', 'name')}:{text(path, 'backend', 'service', 'port', 'number') or text(path, 'backend', 'service', 'port', 'name')}"
        for rule in children(ingress.spec, "rules")
        for path in children(rule, "http", "paths")
    }
    return f"{', '.join(dict.fromkeys(hosts)) or 'no host'} → {', '.join(sorted(backends)) or 'no backend'}"


def _autoscaler(scaler: Resource) -> str:
    target = mapping(scaler.spec, "scaleTargetRef")
    words = (
        f"{number(scaler.status, 'currentReplicas')} replicas of {text(target, 'kind')} {text(target, 'name')}, "
        f"minimum {number(scaler.spec, 'minReplicas', default=1)}, maximum {number(scaler.spec, 'maxReplicas')}"
    )
    shown = metrics_text(scaler)
    inactive = condition(scaler, "ScalingActive")
    stuck = f"; not active: {text(inactive, 'reason')}" if text(inactive, "status") == "False" else ""
    return words + (f", {shown}" if shown else "") + stuck


def metrics_text(scaler: Resource) -> str:
    """`cpu 41% of 60%`, for each metric."""
    current = {_metric(entry)[0]: _metric(entry)[1] for entry in children(scaler.status, "currentMetrics")}
    shown = []
    for entry in children(scaler.spec, "metrics"):
        name, wanted = _metric(entry)
        shown.append(f"{name} {current.get(name) or 'unknown'} of {wanted}")
    return ", ".join(shown)


def _metric(entry: Mapping[str, Any]) -> tuple[str, str]:
    body = mapping(entry, {"Resource": "resource", "ContainerResource": "containerResource", "Pods": "pods", "Object": "object", "External": "external"}.get(text(entry, "type"), ""))  # fmt: skip
    name = text(body, "name") or text(body, "metric", "name")
    amount = mapping(body, "target") or mapping(body, "current")
    percent = text(amount, "averageUtilization")
    return name, f"{percent}%" if percent else text(amount, "averageValue") or text(amount, "value")


def _budget(budget: Resource) -> str:
    field = "minAvailable" if "minAvailable" in budget.spec else "maxUnavailable"
    return (
        f"{field} {text(budget.spec, field)}, {number(budget.status, 'currentHealthy')} of "
        f"{number(budget.status, 'expectedPods')} pods healthy, allows {number(budget.status, 'disruptionsAllowed')} disruptions"
    )


def _quota(quota: Resource) -> str:
    hard, used = mapping(quota.status, "hard") or mapping(quota.spec, "hard"), mapping(quota.status, "used")
    return ", ".join(f"{name} {text(used, name) or '0'} of {text(hard, name)}" for name in sorted(hard))


def _keys(resource: Resource) -> str:
    keys = texts(resource.body, "dataKeys") or sorted(mapping(resource.body, "data"))
    more = f" and {len(keys) - _MAX_KEYS} more" if len(keys) > _MAX_KEYS else ""
    return f"keys {', '.join(keys[:_MAX_KEYS])}{more}" if keys else "no keys"


def _class(resource: Resource) -> str:
    default = any(key.endswith("is-default-class") and value == "true" for key, value in resource.annotations.items())
    parts = [text(resource.body, "provisioner") or text(resource.spec, "controller") or "exists"]
    if text(resource.body, "reclaimPolicy"):
        parts.append(f"reclaim policy {text(resource.body, 'reclaimPolicy')}")
    return ", ".join([*parts, *(["default"] if default else [])])


def _policy(policy: Resource) -> str:
    selector = mapping(policy.spec, "podSelector")
    labels = ", ".join(f"{key}={value}" for key, value in mapping(selector, "matchLabels").items())
    selects = f"pods with {labels}" if labels else "every pod of the namespace"
    if mapping(selector, "matchLabels") == {} and list(children(selector, "matchExpressions")):
        selects = "pods by expression"
    return f"restricts {selects} ({', '.join(texts(policy.spec, 'policyTypes')) or 'Ingress'})"


def _device_claim(claim: Resource) -> str:
    results = [
        f"{text(one, 'device')} of {text(one, 'pool')}"
        for one in children(claim.status, "allocation", "devices", "results")
    ]
    return f"allocated: {', '.join(results[:4])}" if results else "not allocated"


def _queue(queue: Resource) -> str:
    cluster = text(queue.spec, "clusterQueue")
    return (
        f"of ClusterQueue {cluster}, " if cluster else ""
    ) + f"{number(queue.status, 'pendingWorkloads')} pending, {number(queue.status, 'admittedWorkloads')} admitted"


def _any(resource: Resource) -> str:
    phase = text(resource.status, "phase")
    if phase:
        return phase
    for kind in ("Ready", "Available", "Admitted", "Accepted", "Programmed", "Synced", "Active"):
        status = text(condition(resource, kind), "status")
        if status:
            return f"{kind}={status}"
    return "exists"


_BY_KIND: Mapping[str, Callable[[Resource], str]] = {
    "Deployment": _replicated,
    "StatefulSet": _replicated,
    "ReplicaSet": _replicated,
    "DaemonSet": _replicated,
    "Node": _node,
    "Job": _job,
    "CronJob": _cron,
    "PersistentVolumeClaim": _claim,
    "PersistentVolume": _claim,
    "Service": _service,
    "Ingress": _ingress,
    "HorizontalPodAutoscaler": _autoscaler,
    "PodDisruptionBudget": _budget,
    "ResourceQuota": _quota,
    "ConfigMap": _keys,
    "Secret": _keys,
    "StorageClass": _class,
    "IngressClass": _class,
    "NetworkPolicy": _policy,
    "ResourceClaim": _device_claim,
    "ClusterQueue": _queue,
    "LocalQueue": _queue,
}
