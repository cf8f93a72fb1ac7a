"""Measure the resource graph on a made-up cluster: build time, memory an edge, one incremental update. Prints one table."""

from __future__ import annotations

import gc
import itertools
import statistics
import sys
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from copilot.model import Coverage, Reading, Ref, Resource, Snapshot
from copilot.model.resource import ref_of
from retrievers.graph import ResourceGraph, build_graph

PODS = 10_000
PODS_PER_WORKLOAD = 4
WORKLOADS_PER_NAMESPACE = 50
NODES = 500
ROUNDS = 5
UPDATES = 2_000
_STAMP = "2026-03-01T10:00:00Z"


def resource(body: dict[str, Any]) -> Resource:
    """Wrap a body as the sources do."""
    return Resource(ref_of(body), body, body["metadata"].get("uid", ""), "bench")


def made_up_cluster(pods: int = PODS) -> Snapshot:
    """A cluster of `pods` pods, and for each workload its ReplicaSets, Service, slice, ConfigMap, Secret names, events."""
    objects = list(_cluster(pods))
    resources = tuple(resource(body) for body in objects)
    kinds = {(found.ref.kind, found.ref.group) for found in resources}
    readings = tuple(Reading(kind, group) for kind, group in sorted(kinds))
    observed = datetime(2026, 3, 1, 11, tzinfo=UTC)
    return Snapshot(cluster="bench", observed_at=observed, resources=resources, coverage=Coverage(readings))


def _cluster(pods: int) -> Iterator[dict[str, Any]]:
    for number in range(NODES):
        yield _object("v1", "Node", "", f"node-{number}", labels={"kubernetes.io/hostname": f"node-{number}"})
    workloads = pods // PODS_PER_WORKLOAD
    for number in range(workloads):
        namespace = f"team-{number // WORKLOADS_PER_NAMESPACE}"
        if number % WORKLOADS_PER_NAMESPACE == 0:
            yield _object("v1", "Namespace", "", namespace)
            yield _object("v1", "ServiceAccount", namespace, "default")
            yield _object("v1", "ConfigMap", namespace, "kube-root-ca.crt")
        yield from _workload(namespace, f"app-{number}", number)


def _workload(namespace: str, name: str, number: int) -> Iterator[dict[str, Any]]:
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": namespace, "tier": "web"}
    neighbour = f"app-{number ^ 1}"
    spec = _pod_spec(name, neighbour)
    template = {"metadata": {"labels": labels}, "spec": spec}
    yield _object("apps/v1", "Deployment", namespace, name, spec={"replicas": 4, "template": template})
    for revision, replicas in (("7d9f8c6b5", PODS_PER_WORKLOAD), ("5c4b9f7d8", 0)):
        yield _object("apps/v1", "ReplicaSet", namespace, f"{name}-{revision}", owner=("apps/v1", "Deployment", name),
                      spec={"replicas": replicas, "template": template})  # fmt: skip
    yield _object("v1", "ConfigMap", namespace, f"{name}-config")
    yield _object("v1", "Service", namespace, name, spec={"selector": {"app.kubernetes.io/name": name}})
    names = [f"{name}-7d9f8c6b5-{index:05x}" for index in range(PODS_PER_WORKLOAD)]
    targets = [{"targetRef": {"kind": "Pod", "namespace": namespace, "name": pod}} for pod in names]
    slice_body = _object("discovery.k8s.io/v1", "EndpointSlice", namespace, f"{name}-x7k2p",
                         labels={"kubernetes.io/service-name": name}, owner=("v1", "Service", name))  # fmt: skip
    yield {**slice_body, "endpoints": targets}
    for index, pod in enumerate(names):
        yield _pod(
            namespace, pod, f"{name}-7d9f8c6b5", labels, {**spec, "nodeName": f"node-{(number + index) % NODES}"}
        )
        about = {"kind": "Pod", "namespace": namespace, "name": pod, "apiVersion": "v1"}
        event = _object("v1", "Event", namespace, f"{pod}.17f3a")
        yield {**event, "involvedObject": about, "reason": "Started", "message": "Started container", "type": "Normal",
               "count": 1, "firstTimestamp": _STAMP, "lastTimestamp": _STAMP}  # fmt: skip


def _pod_spec(name: str, neighbour: str, token: str = "") -> dict[str, Any]:
    secret = {"name": f"{name}-secret", "key": "password"}
    return {
        "serviceAccountName": "default",
        "containers": [
            {
                "name": "app",
                "image": f"registry.example/{name}:1.4.2",
                "env": [
                    {"name": "LOG_LEVEL", "value": "info"},
                    {"name": "BACKEND_URL", "value": f"http://{neighbour}:8080/api"},
                    {"name": "PASSWORD", "valueFrom": {"secretKeyRef": secret}},
                ],
                "envFrom": [{"configMapRef": {"name": f"{name}-config"}}],
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
            }
        ],
        "volumes": [
            {
                "name": f"kube-api-access{token}",
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"path": "token"}},
                        {"configMap": {"name": "kube-root-ca.crt"}},
                        {"downwardAPI": {"items": []}},
                    ]
                },
            },
        ],
    }


def _pod(namespace: str, name: str, owner: str, labels: dict[str, str], spec: dict[str, Any]) -> dict[str, Any]:
    body = _object("v1", "Pod", namespace, name, labels={**labels, "pod-template-hash": "7d9f8c6b5"},
                   owner=("apps/v1", "ReplicaSet", owner), spec=spec)  # fmt: skip
    image = f"{spec['containers'][0]['image']}@sha256:{owner}"
    status = {"name": "app", "ready": True, "imageID": image, "state": {"running": {"startedAt": _STAMP}}}
    return {**body, "status": {"phase": "Running", "containerStatuses": [status]}}


def _object(
    version: str,
    kind: str,
    namespace: str,
    name: str,
    *,
    labels: dict[str, str] | None = None,
    owner: tuple[str, str, str] | None = None,
    spec: dict[str, Any] | None = None,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "uid": f"{kind}-{namespace}-{name}", "creationTimestamp": _STAMP}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = labels
    if owner:
        reference = {"apiVersion": owner[0], "kind": owner[1], "name": owner[2], "controller": True}
        metadata["ownerReferences"] = [reference]
    body: dict[str, Any] = {"apiVersion": version, "kind": kind, "metadata": metadata}
    if spec is not None:
        body["spec"] = spec
    return body


def build_seconds(snapshot: Snapshot) -> tuple[float, float]:
    """Median (wall, CPU) time of a whole build; they differ where other programs share the machine."""
    wall, cpu = [], []
    for _ in range(ROUNDS):
        gc.collect()
        start, start_cpu = time.perf_counter(), time.process_time()
        build_graph(snapshot)
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
    return statistics.median(wall), statistics.median(cpu)


def bytes_an_edge(snapshot: Snapshot) -> tuple[int, int, float]:
    """(nodes, edges, bytes an edge): everything Python holds more after the build than before, nodes included."""
    build_graph(snapshot)  # so that caches that outlive a graph are not counted
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    graph = build_graph(snapshot)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    edges = len(graph.store)
    return len(graph.store.ids), edges, (after - before) / edges


def put_microseconds(graph: ResourceGraph) -> dict[str, float]:
    """Median time of one update: a status that changed, a pod that moved, a pod that is new, a pod that went."""
    pods = graph.of_kind("Pod")[:UPDATES]
    unready = {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": _STAMP}
    changed = [
        resource(
            msgspec.json.decode(msgspec.json.encode({**pod.body, "status": {**pod.status, "conditions": [unready]}}))
        )
        for pod in pods
    ]
    nodes = itertools.cycle(range(NODES))
    moved = [
        Resource(pod.ref, {**pod.body, "spec": {**pod.spec, "nodeName": f"node-{next(nodes)}"}}, pod.uid)
        for pod in pods
    ]
    new = [Resource(Ref("Pod", pod.ref.namespace, f"{pod.ref.name}-new"), pod.body, f"{pod.uid}-new") for pod in pods]
    return {
        "put, status changed": _median_of(graph.put, changed),
        "put, pod moved": _median_of(graph.put, moved),
        "put, new pod": _median_of(graph.put, new),
        "remove": _median_of(graph.remove, [pod.ref for pod in new]),
    }


def _median_of(change: Any, arguments: list[Any]) -> float:
    taken = []
    for argument in arguments:
        start = time.perf_counter()
        change(argument)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e6


def main() -> None:
    """Measure and print."""
    snapshot = made_up_cluster()
    wall, cpu = build_seconds(snapshot)
    nodes, edges, size = bytes_an_edge(snapshot)
    rows = [
        ("objects", f"{len(snapshot.resources):,}"),
        ("nodes", f"{nodes:,}"),
        ("edges", f"{edges:,}"),
        ("build, wall (s)", f"{wall:.3f}"),
        ("build, CPU (s)", f"{cpu:.3f}"),
        ("bytes an edge", f"{size:.0f}"),
        *((f"{name} (µs)", f"{taken:.1f}") for name, taken in put_microseconds(build_graph(snapshot)).items()),
    ]
    for name, value in rows:
        sys.stdout.write(f"{name:24} {value:>12}\n")


if __name__ == "__main__":
    main()
