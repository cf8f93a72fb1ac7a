"""Edges of custom resources by convention: `*Ref`, `*Refs`, `*Name`, and pod templates wherever they stand. Pure.

A reference that names its kind is certain; one whose kind is read from the field's own name is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from copilot.model import Ref, Resource, text
from copilot.model.kinds import group_of, is_namespaced
from retrievers.graph.edge import Edge, EdgeKind
from retrievers.graph.edges.ownership import object_ref
from retrievers.graph.edges.pod_spec import PodSpec, edges_of_pod_spec

_MAX_DEPTH = 12  # below this no known custom resource keeps a reference; it ends hostile nesting
_MAX_VALUES = 4000  # mappings and lists looked at in one object, for the same reason
_SUFFIXES = ("KeySelectors", "KeySelector", "KeyRefs", "KeyRef", "References", "Reference", "Refs", "Ref")
_WORDS = {
    "secret": "Secret",
    "configmap": "ConfigMap",
    "serviceaccount": "ServiceAccount",
    "service": "Service",
    "persistentvolumeclaim": "PersistentVolumeClaim",
    "claim": "PersistentVolumeClaim",
    "storageclass": "StorageClass",
    "priorityclass": "PriorityClass",
    "runtimeclass": "RuntimeClass",
    "ingressclass": "IngressClass",
    "node": "Node",
}


def edges_of_custom(resource: Resource) -> Iterator[Edge]:
    """Everything the object's spec refers to by convention."""
    pending: list[tuple[str, Any, int]] = [("spec", resource.body.get("spec"), 0)]
    looked = 0
    while pending and looked < _MAX_VALUES:
        field, value, depth = pending.pop()
        looked += 1
        if isinstance(value, dict):
            if _is_pod_spec(value):
                yield from edges_of_pod_spec(PodSpec(resource.ref, value, field))
                continue
            for key, inner in value.items():
                yield from _entry(resource, field, str(key), inner)
                if depth < _MAX_DEPTH and isinstance(inner, (dict, list)):
                    pending.append((f"{field}.{key}", inner, depth + 1))
        elif isinstance(value, list):
            pending.extend(
                (f"{field}[{index}]", item, depth + 1)
                for index, item in enumerate(value)
                if depth < _MAX_DEPTH and isinstance(item, (dict, list))
            )


def _is_pod_spec(value: Mapping[str, Any]) -> bool:
    containers = value.get("containers")
    return isinstance(containers, list) and any(isinstance(item, dict) and "image" in item for item in containers)


def _entry(resource: Resource, field: str, key: str, value: Any) -> Iterator[Edge]:
    where = f"{field}.{key}"
    if isinstance(value, dict):
        yield from _reference(resource, where, key, value)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict):
                yield from _reference(resource, f"{where}[{index}]", key, item)
    elif isinstance(value, str) and value and key.endswith("Name"):
        kind = _WORDS.get(key.removesuffix("Name").lower())
        if kind is not None:
            yield from _edge(resource, where, Ref(kind, resource.ref.namespace, value, group_of(kind) or ""), False)


def _reference(resource: Resource, where: str, key: str, value: Mapping[str, Any]) -> Iterator[Edge]:
    name = text(value.get("name"))
    if not name:
        return
    namespace = text(value.get("namespace")) or resource.ref.namespace
    suffix = next((suffix for suffix in _SUFFIXES if key.endswith(suffix)), "")
    stem = key.removesuffix(suffix)
    if isinstance(value.get("kind"), str):
        if suffix or value.keys() <= {"kind", "name", "namespace", "apiVersion", "apiGroup", "group", "uid"}:
            filled = value if _says_group(value) else {**value, "group": _likely_group(resource, text(value, "kind"))}
            target = object_ref(filled, namespace)
            if target is not None:
                yield from _edge(resource, where, target, bool(suffix))
    elif suffix and stem:
        kind = next((kind for word, kind in _WORDS.items() if stem.lower().endswith(word)), "")
        kind = kind or stem[0].upper() + stem[1:]
        certain = stem.lower() in _WORDS
        yield from _edge(resource, where, Ref(kind, namespace, name, _likely_group(resource, kind)), certain)


def _says_group(value: Mapping[str, Any]) -> bool:
    return any(isinstance(value.get(field), str) for field in ("apiVersion", "apiGroup", "group"))


def _likely_group(resource: Resource, kind: str) -> str:
    """A kind that is not built in most often comes from the same project as the object that names it."""
    known = group_of(kind)
    return resource.ref.group if known is None else known


def _edge(resource: Resource, where: str, target: Ref, certain: bool) -> Iterator[Edge]:
    namespaced = is_namespaced(target.kind, target.group)
    if namespaced is False:
        target = Ref(target.kind, "", target.name, target.group)
    elif namespaced and not target.namespace:
        return
    if target != resource.ref:
        yield Edge(resource.ref, EdgeKind.REFERENCES, target, where, certain=certain)
