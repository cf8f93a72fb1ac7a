"""Reads `kubectl describe` text back into API objects, kind by kind. A kind it does not know is read as the generic describer prints it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from copilot.model import Detail
from tools.cluster.transcript.describe import access, config, network, node, policy, storage, workloads
from tools.cluster.transcript.describe.common import labels_of, metadata_of
from tools.cluster.transcript.describe.generic import unstructured
from tools.cluster.transcript.describe.kind import is_top_key, kind_of
from tools.cluster.transcript.describe.lexer import Entry, Line, joined, tree
from tools.cluster.transcript.events import described_events
from tools.cluster.transcript.facts import Seen
from tools.cluster.transcript.kinds import KindInfo
from tools.cluster.transcript.values import without_nothing

_NAME = re.compile(r"Name:\s+\S")

_READERS: dict[str, Callable[[Entry], dict[str, Any]]] = {
    "Pod": workloads.pod,
    "Deployment": workloads.deployment,
    "ReplicaSet": workloads.replicaset,
    "ReplicationController": workloads.replication_controller,
    "StatefulSet": workloads.statefulset,
    "DaemonSet": workloads.daemonset,
    "Job": workloads.job,
    "CronJob": workloads.cronjob,
    "Service": network.service,
    "Endpoints": network.endpoints,
    "EndpointSlice": network.endpointslice,
    "Ingress": network.ingress,
    "IngressClass": network.ingress_class,
    "NetworkPolicy": network.network_policy,
    "PersistentVolumeClaim": storage.claim,
    "PersistentVolume": storage.volume,
    "StorageClass": storage.storage_class,
    "VolumeAttributesClass": storage.attributes_class,
    "CSINode": storage.csi_node,
    "Node": node.node,
    "Namespace": policy.namespace,
    "ResourceQuota": policy.quota,
    "LimitRange": policy.limit_range,
    "HorizontalPodAutoscaler": policy.autoscaler,
    "PodDisruptionBudget": policy.disruption_budget,
    "PriorityClass": policy.priority_class,
    "ServiceAccount": access.service_account,
    "Role": access.role,
    "ClusterRole": access.role,
    "RoleBinding": access.binding,
    "ClusterRoleBinding": access.binding,
}


class Described(msgspec.Struct, frozen=True):
    """What one described object gave: itself, its events, and other objects its text shows."""

    kind: KindInfo
    name: str
    namespace: str
    facts: tuple[Seen, ...]


def is_description(lines: Sequence[str]) -> bool:
    """Whether an output begins like `describe`."""
    first = next((line for line in lines[:50] if line.strip()), "")
    return _NAME.match(first) is not None and "  " in first


def described(lines: Sequence[Line], wanted: KindInfo | None, namespace: str) -> Iterator[Described]:
    """Every object of a `describe` output.

    Args:
        lines: The output.
        wanted: The kind asked for, None when it is not known.
        namespace: The namespace of objects whose text does not name theirs.
    """
    for part in _objects(lines, wanted):
        found = _one(part, wanted, namespace)
        if found is not None:
            yield found


def _objects(lines: Sequence[Line], wanted: KindInfo | None) -> Iterator[Sequence[Line]]:
    """Cut at every `Name:` that follows a blank line; a ConfigMap's values may hold such lines themselves."""
    start: int | None = None
    in_values = False
    for index, line in enumerate(lines):
        text = line.text
        following = lines[index + 1].text if index + 1 < len(lines) else ""
        if text == "Data" and following == "====":
            in_values = wanted is None or wanted.kind == "ConfigMap"
        elif text == "BinaryData" and following == "====":
            in_values = False
        if in_values or not _NAME.match(text) or (index and lines[index - 1].text.strip()):
            continue
        if start is not None:
            yield lines[start:index]
        start = index
    if start is not None:
        yield lines[start:]


def _one(lines: Sequence[Line], wanted: KindInfo | None, namespace: str) -> Described | None:
    split = config.data_start(lines)
    head = lines if split is None else lines[:split]
    custom = any(line.text.startswith("API Version:") for line in head[:500])
    root = tree(joined(head, _custom_top if custom else is_top_key))
    kind = kind_of(root, wanted, has_data=split is not None)
    if kind is None:
        return None
    metadata = metadata_of(root, kind, namespace)
    name = metadata.get("name", "")
    if not name or " " in name:
        return None
    parts = _parts(kind, root, head, lines[split:] if split is not None else ())
    metadata = metadata | without_nothing(parts.pop("metadata", {}))
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata} | {
        key: without_nothing(value) if key in ("spec", "status") and isinstance(value, dict) else value
        for key, value in parts.items()
    }
    where = metadata.get("namespace", "")
    # An empty list is what the text shows: no subsets, no rules. Anything else that is empty was not shown.
    body = {key: value for key, value in body.items() if value not in (None, "", {})}
    facts = [Seen(body=body, line=lines[0].number, detail=Detail.DESCRIBED)]
    facts += _beside(kind, root, name, where, lines[0].number)
    facts += [
        Seen(body=event, line=number, detail=Detail.DESCRIBED)
        for number, event in described_events(root, kind.kind, kind.group, name, where)
    ]
    return Described(kind=kind, name=name, namespace=where, facts=tuple(facts))


def _custom_top(text: str) -> bool:
    return re.match(r"[A-Z][\w ./-]{0,80}:(?:\s{2}|\s?$)", text) is not None


def _parts(kind: KindInfo, root: Entry, head: Sequence[Line], data: Sequence[Line]) -> dict[str, Any]:
    if kind.kind == "ConfigMap":
        return config.config_map(data)
    if kind.kind == "Secret":
        return config.secret(data, head)
    reader = _READERS.get(kind.kind)
    if reader is not None and root.get("API Version") is None:
        return reader(root)
    body = unstructured(root)
    body.pop("apiVersion", None)
    body.pop("kind", None)
    return body


def _beside(kind: KindInfo, root: Entry, name: str, namespace: str, line: int) -> list[Seen]:
    """Objects that one object's description shows besides: a node's lease and pods, a namespace's quotas, a Deployment's revisions."""
    found: list[Seen] = []
    if kind.kind == "Node":
        lease = node.lease_of(root, name)
        found += [Seen(lease, line, Detail.DESCRIBED)] if lease else []
        found += [Seen(body, number, Detail.ROW) for number, body in node.pods_of(root, name)]
    elif kind.kind == "Namespace":
        for number, quota, parts in policy.quotas_of(root):
            metadata = {"name": quota, "namespace": name}
            found.append(
                Seen(
                    {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata} | parts,
                    number,
                    Detail.DESCRIBED,
                )
            )
    elif kind.kind == "Deployment":
        found += [Seen(body, line, Detail.ROW) for body in workloads.revisions_of(root, name, namespace)]
    elif kind.kind == "Service" and labels_of(root.get("Selector")):
        found.append(Seen(network.endpoints_shown(root, name, namespace), line, Detail.ROW))
    return found
