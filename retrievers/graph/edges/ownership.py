"""Edges that any object has: its owners, and what an event is about. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from copilot.model import Ref, Resource, text
from copilot.model.kinds import group_of, is_namespaced
from retrievers.graph.edge import Edge, EdgeKind


def edges_of_owners(resource: Resource) -> Iterator[Edge]:
    """`metadata.ownerReferences`: the controller first, then the others as written."""
    owners = resource.metadata.get("ownerReferences")
    if not isinstance(owners, list):
        return
    found = [owner for owner in owners if isinstance(owner, dict)]
    if len(found) > 1:
        found.sort(key=lambda owner: owner.get("controller") is not True)
    for owner in found:
        target = object_ref(owner, resource.ref.namespace)
        if target is not None and target != resource.ref:
            yield Edge(resource.ref, EdgeKind.OWNED_BY, target, f"metadata.ownerReferences[{target.kind}]")


def edges_of_event(resource: Resource) -> Iterator[Edge]:
    """The object an event is about (`involvedObject`, or `regarding` in events.k8s.io)."""
    for field in ("involvedObject", "regarding"):
        about = resource.body.get(field)
        if isinstance(about, dict):
            target = object_ref(about, text(about.get("namespace")) or resource.ref.namespace)
            if target is not None:
                yield Edge(resource.ref, EdgeKind.ABOUT, target, field)
                return


def object_ref(reference: Mapping[str, Any], namespace: str) -> Ref | None:
    """Read an ObjectReference-shaped mapping; `namespace` is where it points when its kind lives in namespaces.

    Without an apiVersion the group of the built-in kind of that name is taken.
    """
    kind, name = reference.get("kind"), reference.get("name")
    if not isinstance(kind, str) or not isinstance(name, str) or not kind or not name:
        return None
    version = reference.get("apiVersion")
    if isinstance(version, str) and version:
        group = version.rpartition("/")[0]
    else:
        written = reference.get("apiGroup", reference.get("group"))
        group = written if isinstance(written, str) else group_of(kind) or ""
    if kind == "Event":
        group = ""
    return Ref(kind, "" if is_namespaced(kind, group) is False else namespace, name, group)
