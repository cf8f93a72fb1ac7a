"""Small API objects and graphs for the graph's tests. Written as an operator would write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from copilot.model import Coverage, Detail, Reading, Ref, Resource, Snapshot
from copilot.model.resource import ref_of
from retrievers.graph import Edge, ResourceGraph, build_graph

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CORE = ("Pod", "Service", "ConfigMap", "Secret", "ServiceAccount", "PersistentVolumeClaim")


def made(kind: str, name: str, namespace: str = "shop", *, api: str = "v1", **body: Any) -> Resource:
    """An object; `labels`, `annotations` and `owners` go to its metadata, everything else to its top level."""
    metadata: dict[str, Any] = {"name": name, **({"namespace": namespace} if namespace else {})}
    for field in ("labels", "annotations"):
        if field in body:
            metadata[field] = body.pop(field)
    if "owners" in body:
        metadata["ownerReferences"] = body.pop("owners")
    return wrap({"apiVersion": api, "kind": kind, "metadata": metadata, **body})


def wrap(body: dict[str, Any], detail: Detail = Detail.FULL) -> Resource:
    return Resource(ref_of(body), body, "", "test", detail)


def owner(kind: str, name: str, api: str = "apps/v1", **more: Any) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "name": name, "uid": f"uid-{name}", "controller": True, **more}


def pod(name: str = "web-0", namespace: str = "shop", **body: Any) -> Resource:
    spec = {"containers": [{"name": "web", "image": "web:1"}], **body.pop("spec", {})}
    return made("Pod", name, namespace, spec=spec, **body)


def workload(kind: str, name: str, spec: dict[str, Any] | None = None, **body: Any) -> Resource:
    labels = body.pop("template_labels", {"app": name})
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web"}], **(spec or {})}}
    api = "batch/v1" if kind in ("Job", "CronJob") else "apps/v1"
    inner: dict[str, Any] = {"template": template, **body.pop("more", {})}
    if kind == "CronJob":
        inner = {"jobTemplate": {"spec": inner}}
    return made(kind, name, api=api, spec=inner, **body)


def graph_of(*resources: Resource, read: tuple[str | tuple[str, str], ...] | None = None) -> ResourceGraph:
    """A graph of these objects. `read` names the kinds whose whole list was seen; by default, those of the objects."""
    kinds = {(resource.ref.kind, resource.ref.group) for resource in resources}
    if read is not None:
        kinds = {(kind, "") if isinstance(kind, str) else kind for kind in read}
    readings = tuple(Reading(kind, group) for kind, group in sorted(kinds))
    return build_graph(Snapshot("test", NOW, tuple(resources), Coverage(readings)))


def said(edges: list[Edge]) -> set[tuple[str, str, str]]:
    """(kind, target, field) of edges, for comparing."""
    return {(edge.kind.value, str(edge.target), edge.field) for edge in edges}


def ref(words: str, group: str = "") -> Ref:
    """`Pod shop/web-0` or `Node n1` as a Ref."""
    kind, _, path = words.partition(" ")
    namespace, slash, name = path.partition("/")
    return Ref(kind, namespace, name, group) if slash else Ref(kind, "", namespace, group)
