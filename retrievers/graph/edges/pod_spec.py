"""Edges that a pod spec declares, in a Pod or in any template. Pure: what the spec says, never whether it exists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from copilot.model import Ref, Resource, children, mapping, text
from retrievers.graph.edge import Edge, EdgeKind

_TEMPLATE_PATH: dict[tuple[str, str], tuple[str, ...]] = {
    ("Deployment", "apps"): ("spec", "template"),
    ("ReplicaSet", "apps"): ("spec", "template"),
    ("StatefulSet", "apps"): ("spec", "template"),
    ("DaemonSet", "apps"): ("spec", "template"),
    ("ReplicationController", ""): ("spec", "template"),
    ("Job", "batch"): ("spec", "template"),
    ("CronJob", "batch"): ("spec", "jobTemplate", "spec", "template"),
    ("PodTemplate", ""): ("template",),
}
_DEFAULT_SCHEDULER = "default-scheduler"

# Read once: these stand in the innermost loop, and a lookup in the enum costs as much as making the edge.
_MOUNTS = EdgeKind.MOUNTS
_REFERENCES = EdgeKind.REFERENCES
_RUNS_ON = EdgeKind.RUNS_ON
_USES_SA = EdgeKind.USES_SA


class PodSpec(msgspec.Struct, frozen=True):
    """A pod spec with the object that carries it. `field` is the spec's own path, `pod_name` is "" in a template."""

    source: Ref
    spec: Mapping[str, Any]
    field: str = "spec"
    pod_name: str = ""

    def in_namespace(self, kind: str, name: str, group: str = "") -> Ref:
        """An object beside the pod."""
        return Ref(kind, self.source.namespace, name, group)


def template_of(resource: Resource) -> Mapping[str, Any]:
    """The pod template of a built-in workload (its `metadata` and `spec`), or an empty mapping."""
    path = _TEMPLATE_PATH.get((resource.ref.kind, resource.ref.group))
    return mapping(resource.body, *path) if path else {}


def pod_spec_of(resource: Resource) -> PodSpec | None:
    """The pod spec of a Pod or of a built-in workload's template.

    A ReplicaSet that was scaled to zero for a newer revision is skipped: what its template names is history.
    """
    ref = resource.ref
    if ref.kind == "Pod" and not ref.group:
        return PodSpec(ref, resource.spec, "spec", ref.name)
    path = _TEMPLATE_PATH.get((ref.kind, ref.group))
    if path is None:
        return None
    if ref.kind == "ReplicaSet" and resource.spec.get("replicas") == 0 and resource.metadata.get("ownerReferences"):
        return None
    return PodSpec(ref, mapping(resource.body, *path, "spec"), ".".join((*path, "spec")))


def edges_of_pod_spec(pod: PodSpec) -> Iterator[Edge]:
    """Every edge a pod spec declares."""
    if pod.spec:
        yield from edges_of_pod_volumes(pod)
        yield from edges_of_pod_environment(pod)
        yield from edges_of_pod_identity(pod)
        yield from edges_of_pod_scheduling(pod)
        yield from edges_of_pod_claims(pod)


def containers_of(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every container with the list it stands in: init containers, containers, ephemeral containers."""
    for place in ("initContainers", "containers", "ephemeralContainers"):
        found = spec.get(place)
        if isinstance(found, list):
            for container in found:
                if isinstance(container, dict):
                    yield place, container


def edges_of_pod_volumes(pod: PodSpec) -> Iterator[Edge]:
    """Claims, ConfigMaps and Secrets the volumes name."""
    volumes = pod.spec.get("volumes")
    for index, volume in enumerate(volumes if isinstance(volumes, list) else ()):
        if not isinstance(volume, dict):
            continue
        for source, body in volume.items():
            if not isinstance(body, dict):
                continue
            if source == "projected":
                # By number: the API server gives its own token volume another random name in every pod.
                yield from _projected(pod, body, f"{pod.field}.volumes[{index}].projected.sources")
            else:
                yield from _volume_source(pod, source, body, text(volume.get("name")))


def _volume_source(pod: PodSpec, source: str, body: Mapping[str, Any], volume: str) -> Iterator[Edge]:
    where = f"{pod.field}.volumes[{volume}].{source}"
    if source in _FILE_SOURCES:
        if edge := _file_source(pod, source, body, where):
            yield edge
    elif source == "persistentVolumeClaim":
        if claim := text(body, "claimName"):
            target = pod.in_namespace("PersistentVolumeClaim", claim)
            yield Edge(pod.source, _MOUNTS, target, f"{where}.claimName")
    elif source == "ephemeral" and pod.pod_name:
        target = pod.in_namespace("PersistentVolumeClaim", f"{pod.pod_name}-{volume}")
        yield Edge(pod.source, _MOUNTS, target, where)
    else:
        for field in ("secretRef", "nodePublishSecretRef"):
            if name := text(body.get(field), "name"):
                yield Edge(pod.source, _REFERENCES, pod.in_namespace("Secret", name), f"{where}.{field}.name")


_FILE_SOURCES = {"configMap": "ConfigMap", "secret": "Secret"}


def _projected(pod: PodSpec, body: Mapping[str, Any], where: str) -> Iterator[Edge]:
    parts = body.get("sources")
    for index, part in enumerate(parts if isinstance(parts, list) else ()):
        if not isinstance(part, dict):
            continue
        for source, inner in part.items():
            if not isinstance(inner, dict):
                continue
            if source in _FILE_SOURCES:
                if edge := _file_source(pod, source, inner, f"{where}[{index}].{source}"):
                    yield edge
            elif source == "clusterTrustBundle" and (name := text(inner, "name")):
                target = Ref("ClusterTrustBundle", "", name, "certificates.k8s.io")
                yield Edge(pod.source, _REFERENCES, target, f"{where}[{index}].{source}.name",
                           inner.get("optional") is True)  # fmt: skip


def _file_source(pod: PodSpec, source: str, body: Mapping[str, Any], where: str) -> Edge | None:
    """A ConfigMap or Secret as files; a secret volume says `secretName`, a projected one `name`."""
    field = "secretName" if "secretName" in body else "name"
    name = body.get(field)
    if not isinstance(name, str) or not name:
        return None
    target = Ref(_FILE_SOURCES[source], pod.source.namespace, name)
    return Edge(pod.source, _REFERENCES, target, f"{where}.{field}", body.get("optional") is True)


_ENV_SOURCES = (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret"))
_ENV_FROM_SOURCES = (("configMapRef", "ConfigMap"), ("secretRef", "Secret"))


def edges_of_pod_environment(pod: PodSpec) -> Iterator[Edge]:
    """ConfigMaps and Secrets that `env[].valueFrom` and `envFrom[]` name."""
    for place, container in containers_of(pod.spec):
        where = f"{pod.field}.{place}[{text(container.get('name'))}]"
        variables = container.get("env")
        for variable in variables if isinstance(variables, list) else ():
            source = variable.get("valueFrom") if isinstance(variable, dict) else None
            if isinstance(source, dict):
                for field, kind in _ENV_SOURCES:
                    if field in source:
                        field_path = f"{where}.env[{text(variable.get('name'))}].valueFrom.{field}.name"
                        yield from _named_source(pod, kind, source[field], field_path)
        sources = container.get("envFrom")
        for index, source in enumerate(sources if isinstance(sources, list) else ()):
            for field, kind in _ENV_FROM_SOURCES:
                if isinstance(source, dict) and field in source:
                    yield from _named_source(pod, kind, source[field], f"{where}.envFrom[{index}].{field}.name")


def _named_source(pod: PodSpec, kind: str, body: Any, where: str) -> Iterator[Edge]:
    name = body.get("name") if isinstance(body, dict) else None
    if isinstance(name, str) and name:
        target = Ref(kind, pod.source.namespace, name)
        yield Edge(pod.source, _REFERENCES, target, where, body.get("optional") is True)


def edges_of_pod_identity(pod: PodSpec) -> Iterator[Edge]:
    """The service account, and the Secrets its images are pulled with.

    A pull secret that is missing is tolerated by the kubelet, which then pulls without it.
    """
    account = text(pod.spec.get("serviceAccountName") or pod.spec.get("serviceAccount"))
    if not account and not pod.pod_name:
        account = "default"  # admission writes it into every pod made from the template
    if account:
        yield Edge(pod.source, _USES_SA, pod.in_namespace("ServiceAccount", account),
                   f"{pod.field}.serviceAccountName")  # fmt: skip
    for index, secret in enumerate(children(pod.spec.get("imagePullSecrets"))):
        if name := text(secret, "name"):
            yield Edge(pod.source, _REFERENCES, pod.in_namespace("Secret", name),
                       f"{pod.field}.imagePullSecrets[{index}].name", optional=True)  # fmt: skip


def edges_of_pod_scheduling(pod: PodSpec) -> Iterator[Edge]:
    """Node, priority class, runtime class, a scheduler other than the default one, and the gang."""
    spec = pod.spec
    if node := text(spec.get("nodeName")):
        yield Edge(pod.source, _RUNS_ON, Ref("Node", "", node), f"{pod.field}.nodeName")
    if priority := text(spec.get("priorityClassName")):
        yield Edge(pod.source, EdgeKind.USES, Ref("PriorityClass", "", priority, "scheduling.k8s.io"),
                   f"{pod.field}.priorityClassName")  # fmt: skip
    if runtime := text(spec.get("runtimeClassName")):
        yield Edge(pod.source, EdgeKind.USES, Ref("RuntimeClass", "", runtime, "node.k8s.io"),
                   f"{pod.field}.runtimeClassName")  # fmt: skip
    scheduler = text(spec.get("schedulerName"))
    if scheduler and scheduler != _DEFAULT_SCHEDULER:
        yield Edge(pod.source, EdgeKind.USES, Ref("Scheduler", "", scheduler), f"{pod.field}.schedulerName")
    if "schedulingGroup" in spec or "workloadRef" in spec:
        yield from _gang(pod)


def _gang(pod: PodSpec) -> Iterator[Edge]:
    if group := text(pod.spec.get("schedulingGroup"), "podGroupName"):
        yield Edge(pod.source, EdgeKind.IN_GANG, pod.in_namespace("PodGroup", group, "scheduling.k8s.io"),
                   f"{pod.field}.schedulingGroup.podGroupName")  # fmt: skip
    if workload := text(pod.spec.get("workloadRef"), "name"):
        yield Edge(pod.source, EdgeKind.IN_GANG, pod.in_namespace("Workload", workload, "scheduling.k8s.io"),
                   f"{pod.field}.workloadRef.name")  # fmt: skip


def edges_of_pod_claims(pod: PodSpec) -> Iterator[Edge]:
    """Device claims: by name, or by the template the controller makes them from."""
    for claim in children(pod.spec.get("resourceClaims")):
        where = f"{pod.field}.resourceClaims[{text(claim, 'name')}]"
        for field, kind in (
            ("resourceClaimName", "ResourceClaim"),
            ("resourceClaimTemplateName", "ResourceClaimTemplate"),
        ):
            if name := text(claim, field):
                yield Edge(pod.source, EdgeKind.CLAIMS, pod.in_namespace(kind, name, "resource.k8s.io"),
                           f"{where}.{field}")  # fmt: skip
