"""Failure situations as small clusters: what happened is described first, and the expected answer beside it.

A situation is written from the failure's description alone, never from what a rule says of it. `twin` is the same
cluster without the fault, or while it is only passing: nothing may be blamed there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from copilot.model import Alert, ContainerLog, Probe, Ref, Series, Snapshot, Usage
from tests.unit.diagnosis.cluster import Cluster, ago, condition, owned, ref

Body = dict[str, Any]
_API = {"Job": "batch/v1", "CronJob": "batch/v1"}


class Situation(msgspec.Struct, frozen=True):
    """One described failure: the objects that may be named, words one of which the title holds, the cause's family."""

    name: str
    build: Callable[[], Case]
    objects: tuple[str, ...]
    words: tuple[str, ...]
    family: str = ""
    twin: Callable[[], Case] | None = None

    def __str__(self) -> str:
        return self.name


class Case(Cluster):
    """A cluster with everything else a snapshot may hold."""

    def __init__(self, unread: Sequence[str] = ()) -> None:
        super().__init__(unread)
        self.alerts: list[Alert] = []
        self.series: list[Series] = []
        self.usage: list[Usage] = []
        self.probes: list[Probe] = []

    def snapshot(self) -> Snapshot:
        return msgspec.structs.replace(
            super().snapshot(), alerts=tuple(self.alerts), series=tuple(self.series), usage=tuple(self.usage),
            probes=tuple(self.probes),
        )  # fmt: skip


SITUATIONS: list[Situation] = []
_BUILDERS: dict[str, Callable[[], Case]] = {}


def situation(
    objects: str, words: str, family: str = "", twin: Callable[[], Case] | None = None
) -> Callable[[Callable[[], Case]], Callable[[], Case]]:
    """Declare a failure. `objects` and `words` are alternatives parted by `|`."""

    def declare(build: Callable[[], Case]) -> Callable[[], Case]:
        accepted, named = tuple(objects.split("|")), tuple(words.lower().split("|"))
        SITUATIONS.append(Situation(build.__name__, build, accepted, named, family, twin))
        return build

    return declare


QUIET: list[tuple[str, Callable[[], Case]]] = []


def quiet(build: Callable[[], Case]) -> Callable[[], Case]:
    """Declare a cluster in which nothing may be blamed."""
    QUIET.append((build.__name__, build))
    return build


def fits(found: Ref, accepted: Sequence[str]) -> bool:
    """Whether an object is one of those written `Kind namespace/name`; a name may end in `*`."""
    for entry in accepted:
        kind, _, path = entry.partition(" ")
        if found.kind == kind and (found.path == path or (path.endswith("*") and found.path.startswith(path[:-1]))):
            return True
    return False


def base(*nodes: str) -> Case:
    """A cluster with ready nodes and working DNS."""
    made = Case()
    for name in nodes or ("n1", "n2"):
        made.node(name)
    made.add("Namespace", "shop").add("Namespace", "kube-system").add("Namespace", "default")
    put(made, "coredns", ns="kube-system", labels={"k8s-app": "kube-dns"}, replicas=2)
    made.add(
        "Service", "kube-dns", "kube-system", labels={"k8s-app": "kube-dns"},
        spec={"clusterIP": "10.96.0.10", "selector": {"k8s-app": "kube-dns"},
              "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]},
    )  # fmt: skip
    return made


def _state(code: str) -> tuple[Body, bool]:
    """A container's status from a short word: `ok`, `unready`, `crash:1`, `error:1`, `wait:Reason`, `done`, `restarted:1`."""
    word, _, rest = code.partition(":")
    value, _, message = rest.partition(":")
    running = {"running": {"startedAt": ago(3000)}}
    match word:
        case "ok":
            return {"ready": True, "restartCount": 0, "started": True, "state": running}, True
        case "unready":
            return {"ready": False, "restartCount": 0, "started": True, "state": running}, False
        case "crash" | "error":
            reason, _, code_text = value.rpartition("/")
            ended = {"exitCode": int(code_text), "reason": reason or "Error", "startedAt": ago(62), "finishedAt": ago(60), "message": message}  # fmt: skip
            if word == "error":
                return {"ready": False, "restartCount": 6, "state": {"terminated": ended}}, False
            wait = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}}
            return {"ready": False, "restartCount": 6, "state": wait, "lastState": {"terminated": ended}}, False
        case "failed":
            ended = {"exitCode": int(value), "reason": "Error", "startedAt": ago(100), "finishedAt": ago(60)}
            return {"ready": False, "restartCount": 0, "state": {"terminated": ended}}, False
        case "wait":
            return {"ready": False, "restartCount": 0, "state": {"waiting": {"reason": value, "message": message}}}, False  # fmt: skip
        case "done":
            ended = {"exitCode": 0, "reason": "Completed", "startedAt": ago(3500), "finishedAt": ago(3400)}
            return {"ready": False, "restartCount": 0, "state": {"terminated": ended}}, True
        case "restarted":
            ended = {"exitCode": int(value), "reason": "Error", "startedAt": ago(300), "finishedAt": ago(200)}
            return {"ready": True, "restartCount": 3, "state": {"running": {"startedAt": ago(190)}}, "lastState": {"terminated": ended}}, True  # fmt: skip
    raise AssertionError(code)


def put(
    made: Case, name: str, *, ns: str = "shop", kind: str = "Deployment", replicas: int = 1,
    containers: Mapping[str, Body] | None = None, init: Mapping[str, Body] | None = None,
    states: Mapping[str, str] | str = "ok", logs: Mapping[str, str] | str = "", previous: bool = False,
    labels: Mapping[str, str] | None = None, spec: Body | None = None, outer: Body | None = None,
    status: Body | None = None, nodes: Sequence[str] = ("n1",), phase: str = "", age: float = 3600,
    pod_status: Body | None = None,
) -> Case:  # fmt: skip
    """A workload with its pods. Containers get an image; `states` is for all pods, by container or for all containers."""
    mains = {"main": {}, **(containers or {})} if not containers else dict(containers)
    full: Body = {
        "containers": [{"name": key, "image": f"registry.example/{name}:1.4.2", **body} for key, body in mains.items()],
        **({"initContainers": [{"name": key, "image": f"registry.example/{name}-init:1", **body} for key, body in init.items()]} if init else {}),
        **({"restartPolicy": "Never"} if kind in ("Job", "CronJob") else {}),
        **(spec or {}),
    }  # fmt: skip
    marks = {"app": name, **(labels or {})}
    template = {"metadata": {"labels": marks}, "spec": full}
    selector = {"matchLabels": marks}
    states_of = {key: (states if isinstance(states, str) else states.get(key, "ok")) for key in mains}
    inits_of = {key: (states.get(key, "done") if isinstance(states, dict) else "done") for key in (init or {})}
    count = replicas if kind not in ("DaemonSet", "Pod") else (len(nodes) if kind == "DaemonSet" else 1)
    good = all(_state(code)[1] for code in (*states_of.values(), *inits_of.values()))
    ready = count if good else 0
    owner: tuple[str, str] | None = _controllers(made, name, ns, kind, count, ready, template, selector, outer, status)
    for index in range(count):
        pod = _pod_name(kind, name, index)
        body: Body = {"phase": phase or _phase(kind, states_of, inits_of)}
        if inits_of:
            body["initContainerStatuses"] = [
                {"name": key, "image": "i", **_state(code)[0]} for key, code in inits_of.items()
            ]
            if not all(_state(code)[1] for code in inits_of.values()):
                states_of = dict.fromkeys(states_of, "wait:PodInitializing")
        body["containerStatuses"] = [{"name": key, "image": "i", **_state(code)[0]} for key, code in states_of.items()]
        reason = "" if good else "ContainersNotReady"
        body["conditions"] = [
            condition("PodScheduled", "True"),
            condition("Ready", "True" if good else "False", reason),
        ]
        body["podIP"] = f"10.244.1.{20 + index}"
        made.add(
            "Pod", pod, ns, labels={**marks, **({"pod-template-hash": "abc"} if kind == "Deployment" else {})}, age=age,
            metadata=owned(owner[0], owner[1], ns) if owner else {},
            spec={**full, "nodeName": nodes[index % len(nodes)], "restartPolicy": "Never" if kind in ("Job", "CronJob") else "Always", **(spec or {})},
            status={**body, **(pod_status or {})},
        )  # fmt: skip
        said = {next(iter(mains)): logs} if isinstance(logs, str) else logs
        for container, words in said.items():
            if words:
                made.logs.append(
                    ContainerLog(namespace=ns, pod=pod, container=container, text=words, previous=previous)
                )
    return made


def _phase(kind: str, states: Mapping[str, str], inits: Mapping[str, str]) -> str:
    if any(not _state(code)[1] for code in inits.values()) or all(code.startswith("wait") for code in states.values()):
        return "Pending"
    if kind in ("Job", "CronJob") and any(code.startswith("failed") for code in states.values()):
        return "Failed"
    return "Running"


def _pod_name(kind: str, name: str, index: int) -> str:
    match kind:
        case "Deployment":
            return f"{name}-abc-{'xyzvw'[index % 5]}{index}"
        case "StatefulSet":
            return f"{name}-{index}"
        case "Pod":
            return name
        case "CronJob":
            return f"{name}-29000000-{'klmno'[index % 5]}"
    return f"{name}-{'klmno'[index % 5]}{index}"


def _controllers(
    made: Case, name: str, ns: str, kind: str, count: int, ready: int, template: Body, selector: Body,
    outer: Body | None, status: Body | None,
) -> tuple[str, str] | None:  # fmt: skip
    seen = {"replicas": count, "readyReplicas": ready, "availableReplicas": ready}
    counts = {**seen, "updatedReplicas": count}
    short = {"unavailableReplicas": count - ready} if ready < count else {}
    plain = {"replicas": count, "selector": selector, "template": template, **(outer or {})}
    match kind:
        case "Deployment":
            available = condition("Available", "True" if ready == count else "False")
            made.add(
                "Deployment",
                name,
                ns,
                api="apps/v1",
                spec=plain,
                status={**counts, **short, "conditions": [available], **(status or {})},
            )
            made.add("ReplicaSet", f"{name}-abc", ns, api="apps/v1", metadata=owned("Deployment", name, ns), labels={"app": name},
                     spec={"replicas": count, "selector": selector, "template": template}, status=seen)  # fmt: skip
            return "ReplicaSet", f"{name}-abc"
        case "StatefulSet":
            made.add("StatefulSet", name, ns, api="apps/v1", spec=plain, status={**counts, **(status or {})})
            return "StatefulSet", name
        case "DaemonSet":
            numbers = {"desiredNumberScheduled": count, "currentNumberScheduled": count, "numberReady": ready}
            made.add(
                "DaemonSet",
                name,
                ns,
                api="apps/v1",
                spec={key: value for key, value in plain.items() if key != "replicas"},
                status={**numbers, **(status or {})},
            )
            return "DaemonSet", name
        case "Job" | "CronJob":
            job = name if kind == "Job" else f"{name}-29000000"
            if kind == "CronJob":
                made.add("CronJob", name, ns, api="batch/v1", status={"lastScheduleTime": ago(300)},
                         spec={"schedule": "*/30 * * * *", "jobTemplate": {"spec": {"template": template}}, **(outer or {})})  # fmt: skip
            meta = owned("CronJob", name, ns, api="batch/v1") if kind == "CronJob" else {}
            made.add("Job", job, ns, api="batch/v1", metadata=meta, spec={"backoffLimit": 3, "template": template, **((outer or {}) if kind == "Job" else {})},
                     status=status or {"failed": 1, "active": 0})  # fmt: skip
            return "Job", job
    return None


def svc(
    made: Case, name: str, port: Any = 80, target: Any = None, *, ns: str = "shop",
    selector: Mapping[str, str] | None = None, ip: str = "", **spec: Any,
) -> Case:  # fmt: skip
    """A Service of one port; it selects `app=<name>` unless told otherwise. The first has the address 10.96.7.7."""
    ip = ip or f"10.96.7.{6 + sum(body['kind'] == 'Service' for body, _ in made.bodies)}"
    entry = {"port": port, "protocol": "TCP", "targetPort": target if target is not None else port}
    return made.add(
        "Service", name, ns, spec={"selector": dict(selector or {"app": name}), "ports": [entry], "clusterIP": ip, **spec}
    )  # fmt: skip


def db(made: Case, name: str = "orders-db", port: int = 5432, **more: Any) -> Case:
    """A database with its Service."""
    return svc(
        put(made, name, kind="StatefulSet", containers={"db": {"ports": [{"containerPort": port}]}}, **more), name, port
    )


def env(**values: str) -> list[Body]:
    """Literal variables."""
    return [{"name": key, "value": value} for key, value in values.items()]


def job_failed(
    reason: str = "BackoffLimitExceeded", message: str = "Job has reached the specified backoff limit"
) -> Body:
    """The status of a Job that was given up."""
    return {"failed": 4, "conditions": [condition("Failed", "True", reason, message)]}


__all__ = [
    "QUIET", "SITUATIONS", "Case", "Situation", "ago", "base", "condition", "db", "env", "fits", "job_failed", "owned", "put",
    "quiet", "ref", "situation", "svc",
]  # fmt: skip
