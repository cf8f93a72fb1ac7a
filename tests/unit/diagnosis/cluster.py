"""Builds small clusters of API-valid objects for tests of rules: say what is there, then ask for a view of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from copilot.diagnosis.cause import Rule
from copilot.diagnosis.view import View
from copilot.model import (
    Command,
    ContainerLog,
    Coverage,
    Detail,
    Finding,
    NodeService,
    Reading,
    Ref,
    Resource,
    Snapshot,
)
from copilot.model.kinds import BUILT_IN
from copilot.model.moment import stamp
from copilot.model.resource import ref_of
from retrievers.graph import build_graph

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTAINER: Mapping[str, Any] = {"name": "main", "image": "registry.example/app:1"}

Body = dict[str, Any]


def ago(seconds: float) -> str:
    """A time of the API, so long before the observation."""
    return stamp(NOW - timedelta(seconds=seconds))


def condition(kind: str, status: str, reason: str = "", message: str = "", since: float = 600) -> Body:
    """A condition of any object."""
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": ago(since)}


class Cluster:
    """A cluster in the making. Everything is an hour old unless said otherwise, and every list was read."""

    def __init__(self, unread: Iterable[str] = ()) -> None:
        self.bodies: list[tuple[Body, Detail]] = []
        self.logs: list[ContainerLog] = []
        self.services: list[NodeService] = []
        self.commands: list[Command] = []
        self.unread = set(unread)
        self.now: datetime = NOW
        self._events = 0

    def add(
        self,
        kind: str,
        name: str,
        namespace: str = "",
        *,
        api: str = "v1",
        age: float = 3600,
        detail: Detail = Detail.FULL,
        labels: Mapping[str, str] | None = None,
        metadata: Body | None = None,
        **parts: Any,
    ) -> Cluster:
        meta: Body = {"name": name, "uid": f"uid-{kind}-{namespace}-{name}", "creationTimestamp": ago(age)}
        if namespace:
            meta["namespace"] = namespace
        if labels:
            meta["labels"] = dict(labels)
        body = {"apiVersion": api, "kind": kind, "metadata": {**meta, **(metadata or {})}, **parts}
        self.bodies.append((body, detail))
        return self

    def node(
        self,
        name: str = "n1",
        *,
        cpu: str = "4",
        memory: str = "8Gi",
        pods: str = "110",
        labels: Mapping[str, str] | None = None,
        taints: Sequence[Body] = (),
        cordoned: bool = False,
        conditions: Sequence[Body] | None = None,
        capacity: Mapping[str, str] | None = None,
        allocatable: Mapping[str, str] | None = None,
        **parts: Any,
    ) -> Cluster:
        size = {"cpu": cpu, "memory": memory, "pods": pods, **(capacity or {})}
        spec: Body = {"taints": list(taints), **parts.pop("spec", {})}
        if cordoned:
            spec |= {"unschedulable": True}
            spec["taints"].append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
        return self.add(
            "Node",
            name,
            labels={"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", **(labels or {})},
            spec=spec,
            status={
                "capacity": size,
                "allocatable": {**size, **(allocatable or {})},
                "conditions": list(
                    conditions if conditions is not None else [condition("Ready", "True", "KubeletReady")]
                ),
            },
            **parts,
        )

    def control_plane(self, name: str = "cp") -> Cluster:
        key = "node-role.kubernetes.io/control-plane"
        return self.node(name, labels={key: ""}, taints=[{"key": key, "effect": "NoSchedule"}])

    def deployment(
        self,
        name: str,
        namespace: str = "shop",
        *,
        replicas: int = 1,
        have: int = 0,
        ready: int = 0,
        spec: Body | None = None,
        **parts: Any,
    ) -> Cluster:
        """A Deployment with its ReplicaSet `<name>-abc` (`have` pods made)."""
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [dict(CONTAINER)], **(spec or {})}}
        selector = {"matchLabels": {"app": name}}
        counts = {"replicas": have, "updatedReplicas": have, "readyReplicas": ready, "availableReplicas": ready}
        outer = {"replicas": replicas, "selector": selector, "template": template, **parts.pop("deployment", {})}
        self.add("Deployment", name, namespace, api="apps/v1", spec=outer, status=counts, **parts)
        return self.add(
            "ReplicaSet",
            f"{name}-abc",
            namespace,
            api="apps/v1",
            metadata=owned("Deployment", name, namespace),
            spec={"replicas": replicas, "selector": selector, "template": template},
            status={"replicas": have, "readyReplicas": ready},
        )

    def statefulset(
        self,
        name: str,
        namespace: str = "shop",
        *,
        replicas: int = 1,
        have: int = 0,
        spec: Body | None = None,
        **more: Any,
    ) -> Cluster:
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [dict(CONTAINER)], **(spec or {})}}
        body = {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template,
            "serviceName": name,
            **more,
        }
        return self.add(
            "StatefulSet", name, namespace, api="apps/v1", spec=body, status={"replicas": have, "readyReplicas": 0}
        )

    def daemonset(self, name: str, namespace: str = "kube-system", *, spec: Body | None = None) -> Cluster:
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [dict(CONTAINER)], **(spec or {})}}
        return self.add(
            "DaemonSet",
            name,
            namespace,
            api="apps/v1",
            spec={"selector": {"matchLabels": {"app": name}}, "template": template},
            status={},
        )

    def pod(
        self,
        name: str,
        namespace: str = "shop",
        *,
        owner: tuple[str, str] | None = None,
        node: str = "",
        phase: str = "Running",
        spec: Body | None = None,
        status: Body | None = None,
        labels: Mapping[str, str] | None = None,
        waiting: str = "",
        **parts: Any,
    ) -> Cluster:
        """A pod: healthy when Running; `waiting` gives its container a waiting reason."""
        full: Body = {"containers": [dict(CONTAINER)], "schedulerName": "default-scheduler", **(spec or {})}
        if node:
            full["nodeName"] = node
        ready = phase == "Running" and not waiting
        state: Body = {"waiting": {"reason": waiting}} if waiting else {"running": {"startedAt": ago(3000)}}
        body: Body = {"phase": phase}
        if node and phase in ("Running", "Pending"):
            body["containerStatuses"] = [
                {"name": c.get("name"), "ready": ready, "restartCount": 0, "state": state} for c in full["containers"]
            ]
            body["conditions"] = [condition("Ready", "True" if ready else "False")]
        app = {"app": owner[1].rpartition("-")[0] or owner[1]} if owner else {}
        meta = owned(owner[0], owner[1], namespace) if owner else {}
        extra = parts.pop("metadata", {})
        return self.add(
            "Pod",
            name,
            namespace,
            labels={**app, **(labels or {})},
            metadata={**meta, **extra},
            spec=full,
            status={**body, **(status or {})},
            **parts,
        )

    def running(
        self, app: str, node: str, namespace: str = "shop", *, name: str = "", spec: Body | None = None
    ) -> Cluster:
        """A healthy pod of a Deployment."""
        return self.pod(
            name or f"{app}-abc-{node}", namespace, owner=("ReplicaSet", f"{app}-abc"), node=node, spec=spec
        )

    def pending(
        self,
        app: str,
        message: str = "",
        namespace: str = "shop",
        *,
        spec: Body | None = None,
        age: float = 600,
        replicas: int = 1,
        **parts: Any,
    ) -> Cluster:
        """A Deployment whose one pod is Pending, with what the scheduler says of it."""
        self.deployment(app, namespace, replicas=replicas, have=1, spec=spec)
        status: Body = {"conditions": [condition("PodScheduled", "False", "Unschedulable", message)]} if message else {}
        return self.pod(
            f"{app}-abc-x",
            namespace,
            owner=("ReplicaSet", f"{app}-abc"),
            phase="Pending",
            spec=spec,
            status=status,
            age=age,
            **parts,
        )

    def event(
        self,
        kind: str,
        name: str,
        namespace: str,
        reason: str,
        message: str,
        *,
        type_: str = "Warning",
        count: int = 3,
        last: float = 60,
        first: float = 600,
    ) -> Cluster:
        self._events += 1
        group = next((k.group for k in BUILT_IN if k.kind == kind), "")
        about = {"kind": kind, "name": name, "namespace": namespace, "apiVersion": f"{group}/v1" if group else "v1"}
        return self.add(
            "Event",
            f"{name}.{self._events}",
            namespace or "default",
            involvedObject=about,
            reason=reason,
            message=message,
            type=type_,
            count=count,
            firstTimestamp=ago(first),
            lastTimestamp=ago(last),
        )

    def lease(
        self, name: str, namespace: str = "kube-node-lease", *, renewed: float = 5, duration: int = 40
    ) -> Cluster:
        return self.add(
            "Lease",
            name,
            namespace,
            api="coordination.k8s.io/v1",
            spec={"holderIdentity": name, "leaseDurationSeconds": duration, "renewTime": ago(renewed)},
        )

    def log(self, pod: str, text: str, namespace: str = "shop", container: str = "main") -> Cluster:
        self.logs.append(ContainerLog(namespace=namespace, pod=pod, container=container, text=text, source="logs"))
        return self

    def snapshot(self) -> Snapshot:
        kinds = {(body["kind"], ref_of(body).group) for body, _ in self.bodies} | {(k.kind, k.group) for k in BUILT_IN}
        readings = [Reading(kind=kind, group=group) for kind, group in sorted(kinds) if kind not in self.unread]
        return Snapshot(
            cluster="test",
            observed_at=self.now,
            resources=tuple(
                Resource(ref=ref_of(body), body=body, uid=body["metadata"].get("uid", ""), source="test", detail=detail)
                for body, detail in self.bodies
            ),
            coverage=Coverage(readings=tuple(readings)),
            logs=tuple(self.logs),
            services=tuple(self.services),
            commands=tuple(self.commands),
        )

    def view(self) -> View:
        return View(build_graph(self.snapshot()))

    def find(self, rules: Sequence[Rule]) -> list[Finding]:
        """What these rules say, surest first."""
        view = self.view()
        found = [finding for rule in rules for finding in rule.find(view)]
        declared = {cause.id for rule in rules for cause in rule.causes}
        assert {finding.cause for finding in found} <= declared, "a finding of an undeclared cause"
        assert all(finding.evidence and finding.title for finding in found), "a finding without proof"
        return sorted(found, key=lambda finding: -finding.weight)

    def only(self, rules: Sequence[Rule]) -> Finding:
        """The one thing these rules say."""
        found = self.find(rules)
        assert len(found) == 1, [f"{finding.cause}: {finding.title}" for finding in found]
        return found[0]


def owned(kind: str, name: str, namespace: str, api: str = "apps/v1") -> Body:
    """Metadata that names a controller."""
    version = {"Job": "batch/v1", "Pod": "v1"}.get(kind, api)
    return {
        "ownerReferences": [
            {
                "apiVersion": version,
                "kind": kind,
                "name": name,
                "uid": f"uid-{kind}-{namespace}-{name}",
                "controller": True,
            }
        ]
    }


def ref(kind: str, path: str, group: str = "") -> Ref:
    """`ref("Deployment", "shop/web", "apps")`."""
    namespace, _, name = path.rpartition("/")
    known = next((k.group for k in BUILT_IN if k.kind == kind), "")
    return Ref(kind, namespace, name, group or known)
