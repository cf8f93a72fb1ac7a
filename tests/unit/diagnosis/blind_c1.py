"""Builders of described failures of admission, scheduling and nodes, and the list of them.

They were written from how such clusters look, before a rule was read; each file of the batch says what its first run gave.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from copilot.model import ContainerLog, NodeService
from tests.unit.diagnosis.cluster import ago, condition, owned
from tests.unit.diagnosis.unseen import Case, Situation, base, put, svc

Body = dict[str, Any]
FAILURES: list[Situation] = []
HEALTHY: list[tuple[str, Callable[[], Case]]] = []
_API = {"Job": "batch/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "ReplicaSet": "apps/v1"}


def failure(objects: str, words: str) -> Callable[[Callable[[], Case]], Callable[[], Case]]:
    """Declare a failure: the objects that may be named and words of which the title or the cause holds one."""

    def declare(build: Callable[[], Case]) -> Callable[[], Case]:
        FAILURES.append(Situation(build.__name__, build, tuple(objects.split("|")), tuple(words.lower().split("|"))))
        return build

    return declare


def healthy(build: Callable[[], Case]) -> Callable[[], Case]:
    """Declare a cluster in which nothing may be blamed."""
    HEALTHY.append((build.__name__, build))
    return build


def requests(limits: bool = True, **amounts: str) -> Body:
    """Resources by short names: cpu, memory, gpu and others with `__` for `/` and `_` for `.`."""
    names = {key.replace("__", "/").replace("_", "."): value for key, value in amounts.items()}
    named = {"nvidia.com/gpu" if key == "gpu" else key: value for key, value in names.items()}
    return {"requests": named, **({"limits": named} if limits else {})}


def town(*nodes: str) -> Case:
    """A cluster with two healthy applications, and events that mean nothing."""
    made = base(*nodes)
    for name in ("catalog", "frontend"):
        svc(put(made, name, replicas=2, nodes=nodes or ("n1", "n2"), containers={"main": {"resources": requests(False, cpu="100m", memory="128Mi")}}), name, 80, 8080)  # fmt: skip
    made.event("Pod", "catalog-abc-x0", "shop", "Unhealthy", 'Readiness probe failed: Get "http://10.244.1.20:8080/healthz": context deadline exceeded', count=1, last=2900, first=2900)  # fmt: skip
    made.event("Pod", "frontend-abc-x0", "shop", "Pulled", 'Container image "registry.example/frontend:1.4.2" already present on machine', type_="Normal")  # fmt: skip
    return made


def template_of(name: str, container: Body | None = None, spec: Body | None = None) -> Body:
    main = {"name": name, "image": f"registry.example/{name}:2.3.1", **(container or {})}
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": [main], **(spec or {})}}


def owner_of(
    made: Case, name: str, ns: str, kind: str, want: int, have: int, template: Body, outer: Body, conditions: Sequence[Body]
) -> tuple[str, str]:  # fmt: skip
    """The controllers of a workload of which `have` of `want` pods exist."""
    selector = {"matchLabels": {"app": name}}
    counts: Body = {"observedGeneration": 1, "replicas": have, "readyReplicas": 0, "updatedReplicas": have}
    made.add("Namespace", ns) if not any(b["kind"] == "Namespace" and b["metadata"]["name"] == ns for b, _ in made.bodies) else None  # fmt: skip
    if kind == "Job":
        made.add("Job", name, ns, api="batch/v1", spec={"backoffLimit": 6, "completions": want, "parallelism": want, "template": template, **outer}, status={"active": have, "startTime": ago(900)})  # fmt: skip
        return "Job", name
    if kind == "DaemonSet":
        made.add("DaemonSet", name, ns, api="apps/v1", spec={"selector": selector, "template": template, **outer}, status={"desiredNumberScheduled": want, "currentNumberScheduled": have, "numberReady": 0, "numberUnavailable": want})  # fmt: skip
        return "DaemonSet", name
    spec = {"replicas": want, "selector": selector, "template": template, **outer}
    if kind == "StatefulSet":
        made.add("StatefulSet", name, ns, api="apps/v1", spec={"serviceName": name, **spec}, status=counts)
        made.add("Service", name, ns, spec={"clusterIP": "None", "selector": {"app": name}, "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]})  # fmt: skip
        return "StatefulSet", name
    told = [condition("Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."), *conditions]  # fmt: skip
    made.add("Deployment", name, ns, api="apps/v1", spec=spec, status={**counts, "unavailableReplicas": want, "conditions": told})  # fmt: skip
    made.add("ReplicaSet", f"{name}-7d9f", ns, api="apps/v1", labels={"app": name}, metadata=owned("Deployment", name, ns), spec=spec, status={"replicas": have, "observedGeneration": 1, "conditions": list(conditions)})  # fmt: skip
    return "ReplicaSet", f"{name}-7d9f"


def refused(
    made: Case, name: str, message: str, *, ns: str = "shop", kind: str = "Deployment", want: int = 2, container: Body | None = None,
    spec: Body | None = None, outer: Body | None = None, reason: str = "FailedCreate",
) -> Case:  # fmt: skip
    """A workload none of whose pods the API server accepts."""
    failed = [condition("ReplicaFailure", "True", reason, message)] if kind == "Deployment" else []
    owner = owner_of(made, name, ns, kind, want, 0, template_of(name, container, spec), outer or {}, failed)
    made.event(*owner, ns, reason, f"Error creating: {message}" if kind != "StatefulSet" else message, count=17)
    return made


def stuck(
    made: Case, name: str, message: str, *, ns: str = "shop", kind: str = "Deployment", want: int = 1, container: Body | None = None,
    spec: Body | None = None, outer: Body | None = None, age: float = 1500, labels: Mapping[str, str] | None = None, told: bool = True,
    reason: str = "Unschedulable",
) -> Case:  # fmt: skip
    """A workload whose pods all wait for a node, with what the scheduler says."""
    template = template_of(name, container, spec)
    template["metadata"]["labels"] |= dict(labels or {})
    owner = owner_of(made, name, ns, kind, want, want, template, outer or {}, [])
    for index in range(want):
        pod = f"{name}-{index}" if kind == "StatefulSet" else f"{owner[1]}-{'bcdfghjk'[index % 8]}{index}z"
        waits = [condition("PodScheduled", "False", reason, message, since=age)] if message else []
        made.add(
            "Pod", pod, ns, labels=template["metadata"]["labels"], age=age, metadata=owned(*owner, ns),
            spec={"schedulerName": "default-scheduler", "priority": 0, **template["spec"]}, status={"phase": "Pending", "qosClass": "Burstable", "conditions": waits},
        )  # fmt: skip
        if message and told:
            made.event("Pod", pod, ns, "FailedScheduling" if reason == "Unschedulable" else reason, message, count=12, last=40, first=age)  # fmt: skip
    return made


def says(made: Case, ns: str, pod: str, text: str, container: str = "main", previous: bool = False) -> Case:
    made.logs.append(ContainerLog(namespace=ns, pod=pod, container=container, text=text, previous=previous))
    return made


def unit(made: Case, node: str, name: str, active: str, text: str) -> Case:
    made.services.append(NodeService(node, name, active, text, "systemctl"))
    return made


def without(made: Case, kind: str, name: str) -> Case:
    """The cluster without one of its objects."""
    made.bodies = [b for b in made.bodies if not (b[0]["kind"] == kind and b[0]["metadata"]["name"] == name)]
    return made


def pods_of(made: Case, app: str) -> list[Body]:
    return [b for b, _ in made.bodies if b["kind"] == "Pod" and b["metadata"].get("labels", {}).get("app") == app]


def one(made: Case, kind: str, name: str) -> Body:
    return next(b for b, _ in made.bodies if b["kind"] == kind and b["metadata"]["name"] == name)


def silent(made: Case, node: str, seconds: float = 900) -> Case:
    """A node whose kubelet says nothing any more."""
    body = one(made, "Node", node)
    body["status"]["conditions"] = [condition(kind, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.", since=seconds) for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")]  # fmt: skip
    body["spec"]["taints"] = [{"key": "node.kubernetes.io/unreachable", "effect": e, "timeAdded": ago(seconds)} for e in ("NoSchedule", "NoExecute")]  # fmt: skip
    made.lease(node, renewed=seconds + 40)
    return made


def not_ready(made: Case, node: str, message: str, seconds: float = 900) -> Case:
    body = one(made, "Node", node)
    body["status"]["conditions"] = [*(condition(kind, "False", f"KubeletHas{word}") for kind, word in (("MemoryPressure", "SufficientMemory"), ("DiskPressure", "NoDiskPressure"), ("PIDPressure", "SufficientPID"))), condition("Ready", "False", "KubeletNotReady", message, since=seconds)]  # fmt: skip
    body["spec"]["taints"] = [{"key": "node.kubernetes.io/not-ready", "effect": e} for e in ("NoSchedule", "NoExecute")]
    made.lease(node)
    return made


def pressed(made: Case, node: str, kind: str, reason: str, message: str) -> Case:
    body = one(made, "Node", node)
    body["status"]["conditions"] = [condition(kind, "True", reason, message), condition("Ready", "True", "KubeletReady", "kubelet is posting ready status")]  # fmt: skip
    key = {"DiskPressure": "disk-pressure", "MemoryPressure": "memory-pressure", "PIDPressure": "pid-pressure"}[kind]
    body["spec"]["taints"] = [{"key": f"node.kubernetes.io/{key}", "effect": "NoSchedule"}]
    made.event("Node", node, "", f"NodeHas{kind.removesuffix('Pressure')}Pressure", f"Node {node} status is now: NodeHas{kind.removesuffix('Pressure')}Pressure", type_="Normal")  # fmt: skip
    return made


def gpu_node(made: Case, name: str, count: int = 8, have: int | None = None, **labels: str) -> Case:
    marks = {"nvidia.com/gpu.present": "true", "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB", **labels}
    made.node(name, cpu="96", memory="1000Gi", capacity={"nvidia.com/gpu": str(count)}, allocatable={"nvidia.com/gpu": str(count if have is None else have)}, labels=marks)  # fmt: skip
    return made


def broken(made: Case, pod: str, reason: str, message: str = "") -> Case:
    """One pod whose container waits."""
    body = one(made, "Pod", pod)
    waits = {"waiting": {"reason": reason, "message": message}}
    body["status"] |= {"phase": "Pending", "conditions": [condition("PodScheduled", "True"), condition("Ready", "False", "ContainersNotReady")],
                       "containerStatuses": [{"name": c["name"], "image": c["image"], "ready": False, "started": False, "restartCount": 0, "state": waits} for c in body["spec"]["containers"]]}  # fmt: skip
    return made


def crashing(made: Case, pod: str, code: int = 1, reason: str = "Error", restarts: int = 9) -> Case:
    """One pod whose container ends again and again."""
    body = one(made, "Pod", pod)
    ended = {"exitCode": code, "reason": reason, "startedAt": ago(130), "finishedAt": ago(110)}
    body["status"] |= {"phase": "Running", "conditions": [condition("PodScheduled", "True"), condition("Ready", "False", "ContainersNotReady")],
                       "containerStatuses": [{"name": c["name"], "image": c["image"], "ready": False, "started": False, "restartCount": restarts,
                                              "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}}, "lastState": {"terminated": ended}} for c in body["spec"]["containers"]]}  # fmt: skip
    made.event("Pod", pod, body["metadata"]["namespace"], "BackOff", f"Back-off restarting failed container {body['spec']['containers'][0]['name']} in pod {pod}", count=40)  # fmt: skip
    return made


def nope(total: int, reasons: str) -> str:
    """The scheduler's refusal on a full cluster."""
    return f"0/{total} nodes are available: {reasons}. preemption: 0/{total} nodes are available: {total} No preemption victims found for incoming pod."
