"""A made-up cluster in which a share of the workloads is broken in several ways: what a bad day looks like at any size."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec

from benches.bench_graph import PODS_PER_WORKLOAD, made_up_cluster, resource
from copilot.model import ContainerLog, Resource, Snapshot

Body = dict[str, Any]
EVERY = 25  # of so many workloads one is broken
_STAMP = "2026-03-01T10:50:00Z"


def faulty_cluster(pods: int) -> Snapshot:
    """The made-up cluster with every 25th workload broken, a kind of failure each in turn, and one node that is silent."""
    made = made_up_cluster(pods)
    logs: list[ContainerLog] = []
    events: list[Resource] = []
    resources = [_broken(one, logs, events) for one in made.resources]
    kept = [one for one in resources if one is not None]
    return msgspec.structs.replace(made, resources=(*kept, *events), logs=tuple(logs))


def _number(resource: Resource) -> int | None:
    name = resource.ref.name.split("-")
    return int(name[1]) if len(name) > 1 and name[0] == "app" and name[1].isdigit() else None


def _broken(one: Resource, logs: list[ContainerLog], events: list[Resource]) -> Resource | None:
    if one.ref.kind == "Node" and one.ref.name == "node-7":
        dead = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "lastTransitionTime": _STAMP}
        return _with(one, lambda body: body.setdefault("status", {}).update(conditions=[dead]))
    number = _number(one)
    if number is None or number % EVERY:
        return one
    kind = number // EVERY % len(_FAULTS)
    if one.ref.kind == "Deployment":
        short = {"replicas": PODS_PER_WORKLOAD, "readyReplicas": 0, "unavailableReplicas": PODS_PER_WORKLOAD}
        return _with(one, lambda body: body.update(status=short))
    if one.ref.kind == "ConfigMap" and kind == 1:
        return None
    if one.ref.kind != "Pod":
        return one
    return _FAULTS[kind](one, logs, events)


def _with(one: Resource, change: Callable[[Body], Any]) -> Resource:
    body = copy.deepcopy(one.body)
    change(body)
    return resource(body)


def _status(
    one: Resource, state: Body, restarts: int = 0, last: Body | None = None, phase: str = "Running"
) -> Resource:
    container = {"name": "app", "ready": False, "restartCount": restarts, "state": state, "lastState": last or {}}
    unready = {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": _STAMP}
    status = {"phase": phase, "containerStatuses": [container], "conditions": [unready]}
    return _with(one, lambda body: body.update(status=status))


def _event(one: Resource, reason: str, message: str) -> Resource:
    name, namespace = f"{one.ref.name}.bad", one.ref.namespace
    meta = {"name": name, "namespace": namespace, "uid": f"e-{namespace}-{name}", "creationTimestamp": _STAMP}
    about = {"kind": "Pod", "namespace": namespace, "name": one.ref.name, "apiVersion": "v1"}
    return resource({"apiVersion": "v1", "kind": "Event", "metadata": meta, "involvedObject": about, "reason": reason, "type": "Warning",
                     "message": message, "count": 9, "firstTimestamp": _STAMP, "lastTimestamp": "2026-03-01T10:59:00Z"})  # fmt: skip


def _image(one: Resource, logs: list[ContainerLog], events: list[Resource]) -> Resource:
    del logs
    image = one.body["spec"]["containers"][0]["image"]
    events.append(_event(one, "Failed", f'Failed to pull image "{image}": rpc error: code = NotFound desc = failed to pull and unpack image "{image}": not found'))  # fmt: skip
    return _status(one, {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}}, phase="Pending")  # fmt: skip


def _config(one: Resource, logs: list[ContainerLog], events: list[Resource]) -> Resource:
    del logs, events
    name = one.ref.name.rsplit("-", 2)[0]
    return _status(one, {"waiting": {"reason": "CreateContainerConfigError", "message": f'configmap "{name}-config" not found'}}, phase="Pending")  # fmt: skip


def _crash(one: Resource, logs: list[ContainerLog], events: list[Resource]) -> Resource:
    del events
    target = one.body["spec"]["containers"][0]["env"][1]["value"]
    line = f"2026-03-01T10:58:59Z FATAL cannot start: Get {target!r}: dial tcp 10.96.1.1:8080: connect: connection refused\n"
    logs.append(ContainerLog(one.ref.namespace, one.ref.name, "app", "starting\n" * 50 + line, source="bench"))
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-03-01T10:59:00Z"}}
    return _status(one, {"waiting": {"reason": "CrashLoopBackOff"}}, 8, ended)


def _memory(one: Resource, logs: list[ContainerLog], events: list[Resource]) -> Resource:
    del logs, events
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-03-01T10:59:00Z"}}
    return _status(one, {"waiting": {"reason": "CrashLoopBackOff"}}, 5, ended)


def _pending(one: Resource, logs: list[ContainerLog], events: list[Resource]) -> Resource:
    del logs
    said = "0/500 nodes are available: 500 Insufficient cpu."
    events.append(_event(one, "FailedScheduling", said))
    waits = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": said,
        "lastTransitionTime": _STAMP,
    }

    def change(body: Body) -> None:
        body["spec"].pop("nodeName", None)
        body["status"] = {"phase": "Pending", "conditions": [waits]}

    return _with(one, change)


def _probe(one: Resource, logs: list[ContainerLog], events: list[Resource]) -> Resource:
    del logs
    events.append(_event(one, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"))
    return _status(one, {"running": {"startedAt": "2026-03-01T10:00:00Z"}})


_FAULTS = (_image, _config, _crash, _memory, _pending, _probe)
