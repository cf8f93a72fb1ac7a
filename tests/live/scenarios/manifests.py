"""Short builders for the manifests of scenarios.

Promise: each returns one plain API object; a workload's pods carry the label app=NAME, and ask for 100m CPU and 64Mi
unless told otherwise.
"""

from typing import Any

from tests.live.testbed import population
from tests.live.testbed.stages import as_annotations

from .ageing import EXTRA
from .scenario import Object

REGISTRY = "registry.corp.internal"


def fails(failure: str, **parameters: str) -> dict[str, str]:
    """Annotations that make a pod play a failure."""
    return as_annotations(failure, **parameters)


def shows_log(name: str) -> dict[str, str]:
    """Annotations of a pod that is well and has this log."""
    return {"testbed/logs": name}


def env(**values: str) -> list[Object]:
    """Environment variables with plain values."""
    return [{"name": name, "value": value} for name, value in values.items()]


def from_secret(variable: str, secret: str, key: str) -> Object:
    """An environment variable from a Secret's key."""
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def http_probe(path: str, port: int | str, **settings: Any) -> Object:
    """A probe over HTTP."""
    return {"httpGet": {"path": path, "port": port}, "periodSeconds": 5, **settings}


def container(
    name: str, image: str = "", *, port: int = 8080, cpu: str = "100m", memory: str = "64Mi", **more: Any
) -> Object:
    """One container; a port of 0 opens none."""
    ports = {"ports": [{"name": "http", "containerPort": port}]} if port else {}
    needs = {"requests": {**({"cpu": cpu} if cpu else {}), "memory": memory}, "limits": {"memory": memory}}
    return {"name": name, "image": image or f"{REGISTRY}/apps/{name}:2.4.1", **ports, "resources": needs, **more}


def template(name: str, plays: dict[str, str] | None = None, pod: Object | None = None, **settings: Any) -> Object:
    """A pod template with one container; `pod` adds to the pod's spec."""
    metadata = {"labels": {"app": name}, "annotations": plays or {}}
    spec = {"containers": [container(name, **settings)], "terminationGracePeriodSeconds": 1, **(pod or {})}
    return {"metadata": metadata, "spec": spec}


def meta(namespace: str, name: str, **more: Any) -> Object:
    """Metadata."""
    return {"name": name, **({"namespace": namespace} if namespace else {}), **more}


def deployment(
    namespace: str, name: str, replicas: int = 1, plays: dict[str, str] | None = None, *,
    spec: Object | None = None, **settings: Any,
) -> Object:  # fmt: skip
    """A Deployment of one container."""
    body = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": template(name, plays, **settings),
    }
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta(namespace, name, labels={"app": name}),
        "spec": body | (spec or {}),
    }  # fmt: skip


def statefulset(
    namespace: str, name: str, replicas: int = 1, plays: dict[str, str] | None = None, *,
    service: str = "", spec: Object | None = None, **settings: Any,
) -> Object:  # fmt: skip
    """A StatefulSet of one container."""
    made = deployment(
        namespace, name, replicas, plays, spec={"serviceName": service or name, **(spec or {})}, **settings
    )
    return {**made, "kind": "StatefulSet"}


def daemonset(namespace: str, name: str, plays: dict[str, str] | None = None, **settings: Any) -> Object:
    """A DaemonSet of one container."""
    body = {"selector": {"matchLabels": {"app": name}}, "template": template(name, plays, **settings)}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": meta(namespace, name), "spec": body}


def job(
    namespace: str, name: str, plays: dict[str, str] | None = None, *, spec: Object | None = None,
    pod: Object | None = None, **settings: Any,
) -> Object:  # fmt: skip
    """A Job of one container that is not restarted in place."""
    one = template(
        name, {"testbed/runs-for": "1s", **(plays or {})}, {"restartPolicy": "Never", **(pod or {})}, port=0, **settings
    )
    return {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": meta(namespace, name),
        "spec": {"backoffLimit": 2, "template": one, **(spec or {})},
    }  # fmt: skip


def cronjob(
    namespace: str,
    name: str,
    schedule: str,
    plays: dict[str, str] | None = None,
    *,
    spec: Object | None = None,
    **settings: Any,
) -> Object:
    """A CronJob."""
    made = job(namespace, name, plays, **settings)
    return {
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta(namespace, name),
        "spec": {"schedule": schedule, "jobTemplate": {"spec": made["spec"]}, **(spec or {})},
    }  # fmt: skip


def service(namespace: str, name: str, app: str = "", port: int = 80, target: int | str = 8080, **spec: Any) -> Object:
    """A Service in front of the pods of `app` (default: its own name)."""
    ports = [{"name": "http", "port": port, "targetPort": target}]
    return {
        "apiVersion": "v1", "kind": "Service", "metadata": meta(namespace, name),
        "spec": {"selector": {"app": app or name}, "ports": ports, **spec},
    }  # fmt: skip


def ingress(namespace: str, name: str, host: str, *backends: tuple[str, str], port: int = 80) -> Object:
    """An Ingress; backends are (path, Service)."""
    paths = [
        {"path": path, "pathType": "Prefix", "backend": {"service": {"name": target, "port": {"number": port}}}}
        for path, target in backends
    ]
    return {
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta(namespace, name),
        "spec": {"ingressClassName": "nginx", "rules": [{"host": host, "http": {"paths": paths}}]},
    }  # fmt: skip


def config_map(namespace: str, name: str, **data: str) -> Object:
    """A ConfigMap; `_` in a key's name stands for a dot."""
    return {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(namespace, name),
        "data": {key.replace("_", "."): value for key, value in data.items()},
    }  # fmt: skip


def secret(namespace: str, name: str, **data: str) -> Object:
    """A Secret."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta(namespace, name), "stringData": data}


def claim(namespace: str, name: str, size: str = "5Gi", storage_class: str | None = None, **spec: Any) -> Object:
    """A PersistentVolumeClaim."""
    chosen = {} if storage_class is None else {"storageClassName": storage_class}
    return {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta(namespace, name),
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **chosen, **spec},
    }  # fmt: skip


def volume(name: str, size: str = "5Gi", storage_class: str = "", **spec: Any) -> Object:
    """A PersistentVolume on NFS."""
    return {
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta("", name),
        "spec": {
            "capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": storage_class, "nfs": {"server": "nfs.corp.internal", "path": f"/exports/{name}"}, **spec,
        },
    }  # fmt: skip


def storage_class(name: str, *, waits: bool = False) -> Object:
    """A StorageClass whose volumes an administrator makes by hand."""
    return {
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": meta("", name),
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer" if waits else "Immediate",
    }  # fmt: skip


def quota(namespace: str, name: str, **hard: str) -> Object:
    """A ResourceQuota; `_` in a resource's name stands for a dot."""
    limits = {key.replace("_", "."): value for key, value in hard.items()}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta(namespace, name), "spec": {"hard": limits}}


def node(name: str, pool: str = "", *, taint: str = "", **capacity: str) -> Object:
    """A further worker node; `__` in a resource's name stands for a slash, `_` for a dot. It leaves with its scenario."""
    made = population.node(name, 0)
    made["metadata"]["annotations"][EXTRA] = "true"
    if pool:
        made["metadata"]["labels"]["corp.io/pool"] = pool
    more = {key.replace("__", "/").replace("_", "."): value for key, value in capacity.items()}
    whole = population.CAPACITY | more
    taints = [{"key": "corp.io/dedicated", "value": taint, "effect": "NoSchedule"}] if taint else []
    return {**made, "spec": {"taints": taints}, "status": {"capacity": whole, "allocatable": whole}}


def ingress_controller() -> tuple[Object, ...]:
    """An ingress controller that runs, and its class."""
    kind = {
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": meta("", "nginx"),
        "spec": {"controller": "k8s.io/ingress-nginx"},
    }  # fmt: skip
    name, namespace = "ingress-nginx-controller", "ingress-nginx"
    return (kind, deployment(namespace, name, 2), service(namespace, name, type="NodePort"))


def mounted(name: str, path: str, **source: Any) -> tuple[Object, Object]:
    """A pod's volume and its mount, to be put into `pod` and the container."""
    return {"name": name, **source}, {"name": name, "mountPath": path}


def backdrop(namespace: str, web: str, *, replicas: int = 2, work: str = "") -> tuple[Object, ...]:
    """A namespace that is well: a Deployment behind a Service, and a Job that has completed."""
    things = (
        deployment(namespace, web, replicas, readinessProbe=http_probe("/readyz", "http")),
        service(namespace, web),
    )
    return (*things, job(namespace, work)) if work else things
