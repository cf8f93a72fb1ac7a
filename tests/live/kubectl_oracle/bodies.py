"""Objects that look alive enough for every kubectl command to go to its end: healthy, complete, with one container `web`."""

from typing import Any

MOMENT = "2026-01-02T03:04:05Z"
IMAGE = "registry.example/web:1"
_OWNED = {
    "ControllerRevision": ("apps/v1", "StatefulSet", "web"),
    "Pod": ("apps/v1", "ReplicaSet", "web-1"),
    "ReplicaSet": ("apps/v1", "Deployment", "web"),
}
_CONDITIONS = ("Ready", "Available", "Complete", "Initialized", "Established", "Progressing", "Synced", "Healthy")
_WORKLOADS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController")


def body(kind: str, api_version: str, namespace: str | None, name: str) -> dict[str, Any]:
    """One object."""
    metadata: dict[str, Any] = {
        "name": name, "uid": f"uid-{name}", "resourceVersion": "7", "generation": 1, "creationTimestamp": MOMENT,
        "labels": {"app": "web", "old": "yes"}, "annotations": {"note": "kept", "deployment.kubernetes.io/revision": "2"},
    }  # fmt: skip
    if namespace is not None:
        metadata["namespace"] = namespace
    if kind in _OWNED:
        version, owner, owned_by = _OWNED[kind]
        metadata["ownerReferences"] = [
            {"apiVersion": version, "kind": owner, "name": owned_by, "uid": f"uid-{owned_by}", "controller": True}
        ]
    made = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **_content(kind, name)}
    return {key: value for key, value in made.items() if value is not None}


def _template() -> dict[str, Any]:
    resources = {"requests": {"cpu": "10m"}, "limits": {"memory": "64Mi"}}
    env = [{"name": "OLD", "value": "x"}]
    container = {"name": "web", "image": IMAGE, "resources": resources, "env": env}
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container], "restartPolicy": "Always"}}


def _content(kind: str, name: str) -> dict[str, Any]:
    conditions = [
        {"type": each, "status": "True", "reason": "Fine", "lastTransitionTime": MOMENT} for each in _CONDITIONS
    ]
    counts = dict.fromkeys(
        ("replicas", "readyReplicas", "updatedReplicas", "availableReplicas", "currentReplicas", "desiredNumberScheduled",
         "currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady", "fullyLabeledReplicas"), 2,
    )  # fmt: skip
    if kind in _WORKLOADS:
        selector = {"app": "web"} if kind == "ReplicationController" else {"matchLabels": {"app": "web"}}
        spec = {"replicas": 2, "selector": selector, "template": _template(), "serviceName": "web"}
        status = {
            "observedGeneration": 1,
            "currentRevision": "a",
            "updateRevision": "a",
            "conditions": conditions,
            **counts,
        }
        strategy = {"type": "RollingUpdate", "rollingUpdate": {}} if kind in ("StatefulSet", "DaemonSet") else None
        if strategy:
            spec["updateStrategy"] = strategy
        if kind == "DaemonSet":
            del spec["replicas"]
        if name.startswith("paused"):
            spec["paused"] = True
        return {"spec": spec, "status": status}
    if kind == "Pod":
        statuses = [
            {"name": "web", "ready": True, "restartCount": 0, "image": IMAGE, "imageID": "", "state": {"running": {}}}
        ]
        status = {"phase": "Running", "conditions": conditions, "containerStatuses": statuses, "podIP": "10.0.0.1"}
        return {"spec": {**_template()["spec"], "nodeName": "n1"}, "status": status}
    if kind == "Job":
        spec = {
            "template": _template(),
            "selector": {"matchLabels": {"app": "web"}},
            "completions": 1,
            "parallelism": 1,
        }
        return {"spec": spec, "status": {"succeeded": 1, "conditions": conditions, "startTime": MOMENT}}
    if kind == "CronJob":
        return {"spec": {"schedule": "* * * * *", "suspend": False, "jobTemplate": {"spec": {"template": _template()}}}}
    return _other(kind, name, conditions)


def _other(kind: str, name: str, conditions: list[dict[str, str]]) -> dict[str, Any]:
    if kind == "Service":
        return {
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}], "clusterIP": "10.0.0.2"}
        }
    if kind == "Node":
        taints = [{"key": "old", "value": "x", "effect": "NoSchedule"}]
        return {
            "spec": {"taints": taints},
            "status": {"conditions": conditions, "capacity": {"cpu": "4", "memory": "8Gi"}},
        }
    if kind == "ServiceAccount":
        return {"secrets": [{"name": "web-token"}], "imagePullSecrets": [{"name": "pull"}]}
    if kind == "Ingress":
        backend = {"service": {"name": "web", "port": {"number": 80}}}
        rule = {"host": "a.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
        return {
            "spec": {
                "rules": [rule],
                "ingressClassName": "nginx",
                "tls": [{"secretName": "tls", "hosts": ["a.example"]}],
            }
        }
    if kind == "ControllerRevision":
        return {
            "revision": int(name[-1]) if name[-1].isdigit() else 1,
            "data": {"spec": {"template": {"$patch": "replace", **_template()}}},
        }
    if kind == "HorizontalPodAutoscaler":
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        return {"spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 5, "metrics": []}, "status": {}}
    if kind in ("Role", "ClusterRole"):
        return {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}
    if kind in ("RoleBinding", "ClusterRoleBinding"):
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
        return {"roleRef": role, "subjects": [{"kind": "User", "name": "a", "apiGroup": "rbac.authorization.k8s.io"}]}
    if kind == "Event":
        involved = {"kind": "Pod", "name": "web", "namespace": "home"}
        return {"involvedObject": involved, "reason": "Started", "message": "started", "type": "Normal", "count": 1}
    if kind == "PersistentVolumeClaim":
        return {
            "spec": {"volumeName": "pv-1", "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": "Bound"},
        }
    if kind == "PodDisruptionBudget":
        return {"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}, "status": {}}
    if kind == "EndpointSlice":
        return {
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
            "ports": [{"name": "", "protocol": "TCP", "port": 8080}],
        }
    if kind == "ConfigMap":
        return {"data": {"key": "value"}}
    return {"spec": {}, "status": {"conditions": conditions}}
