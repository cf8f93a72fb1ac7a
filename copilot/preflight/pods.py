"""The pods that manifests would bring about, as the API server would store them: from templates, with a LimitRange's defaults.

A pod here is a foretelling: it exists nowhere. Its name ends in a number, and it belongs to its workload directly.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from copilot.diagnosis.view import WORKLOADS
from copilot.model import Ref, Resource, children, mapping, number, text
from copilot.preflight.case import FORETOLD, pod_template
from tools.cluster.manifest_files import Manifest

MAX_REPLICAS = 200  # pods of one workload that are thought through; the first that fails speaks for the rest


def foretold_pods(manifest: Manifest, limits: Sequence[Resource], nodes: int) -> list[Resource]:
    """The pods of one workload at its full size; a DaemonSet has one for each node."""
    resource = manifest.resource
    template = pod_template(resource)
    if not mapping(template, "spec"):
        return []
    count = _count(resource, nodes)
    spec = with_defaults(mapping(template, "spec"), limits)
    return [_pod(resource, template, spec, index) for index in range(min(count, MAX_REPLICAS))]


def _count(resource: Resource, nodes: int) -> int:
    match resource.ref.kind:
        case "Pod":
            return 1
        case "DaemonSet":
            return nodes or 1
        case "Job":
            return (
                0 if resource.spec.get("suspend") is True else max(number(resource.spec, "parallelism", default=1), 0)
            )
        case "CronJob":
            return 1
        case _:
            return max(number(resource.spec, "replicas", default=1), 0)


def _pod(owner: Resource, template: Mapping[str, Any], spec: dict[str, Any], index: int) -> Resource:
    own = owner.ref.kind == "Pod"
    ref = Ref("Pod", owner.ref.namespace, owner.ref.name if own else f"{owner.ref.name}-{index}")
    metadata: dict[str, Any] = {
        "name": ref.name,
        "namespace": ref.namespace,
        "labels": dict(mapping(template, "metadata", "labels")),
        "annotations": dict(mapping(template, "metadata", "annotations")),
    }
    if not own:
        version, kind = text(owner.body, "apiVersion"), owner.ref.kind
        metadata["ownerReferences"] = [
            {"apiVersion": version, "kind": kind, "name": owner.ref.name, "uid": owner.uid, "controller": True}
        ]
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": {}}
    return Resource(ref=ref, body=body, source=FORETOLD)


def with_defaults(spec: Mapping[str, Any], limits: Sequence[Resource]) -> dict[str, Any]:
    """The pod spec after the LimitRanger admission plugin: default limits and requests where none are set."""
    found: dict[str, Any] = copy.deepcopy(dict(spec))
    for limit in limits:
        for entry in children(limit.spec, "limits"):
            if text(entry, "type") != "Container":
                continue
            for section in ("containers", "initContainers"):
                for container in children(found, section):
                    _default(container, entry)
    return found


def _default(container: Any, entry: Mapping[str, Any]) -> None:
    resources = dict(mapping(container, "resources"))
    own = dict(mapping(resources, "limits"))
    limits = {**mapping(entry, "default"), **own}
    # A limit of the container's own is its request too; only where neither is set the LimitRange's request counts.
    requests = {**mapping(entry, "defaultRequest"), **own, **mapping(resources, "requests")}
    container["resources"] = {
        **resources,
        **({"limits": limits} if limits else {}),
        **({"requests": requests} if requests else {}),
    }


def is_workload(resource: Resource) -> bool:
    """Whether the object makes pods, or is one."""
    return resource.ref.kind in (*WORKLOADS, "Pod")


def pinned(pod: Resource, node: str) -> Resource:
    """The pod as a DaemonSet makes it for one node (ReplaceDaemonSetPodNodeNameNodeAffinity)."""
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]
    affinity = {
        **mapping(pod.spec, "affinity"),
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}},
    }
    return msgspec.structs.replace(pod, body={**pod.body, "spec": {**pod.spec, "affinity": affinity}})
