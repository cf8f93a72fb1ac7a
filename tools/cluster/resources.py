"""Turns a decoded API object into a Resource. What comes out is pruned: it holds no Secret value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from copilot.model import Detail, Resource
from copilot.model.fields import children, text
from copilot.model.resource import ref_of
from tools.cluster.prune import prune


def resource(
    body: dict[str, Any], source: str, detail: Detail = Detail.FULL, *, config_values: bool = False
) -> Resource:
    """Prune `body` in place and give it an address. `source` is what an answer may cite."""
    prune(body, config_values=config_values)
    return Resource(ref=ref_of(body), body=body, uid=text(body, "metadata", "uid"), source=source, detail=detail)


def is_object(body: Any) -> bool:
    """Tell whether decoded JSON or YAML looks like one API object: it has apiVersion, kind and a name."""
    return bool(text(body, "apiVersion") and text(body, "kind") and text(body, "metadata", "name"))


def items_of(body: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects of a decoded document: of a `List` (or `PodList` …), or the object itself.

    Items of a typed list carry no kind of their own: the list's is written into them. What is no object is skipped.
    """
    kind, version = text(body, "kind"), text(body, "apiVersion")
    if isinstance(body, dict) and isinstance(body.get("items"), list) and kind.endswith("List"):
        for item in children(body, "items"):
            found = dict(item)
            if kind != "List":
                found.setdefault("kind", kind.removesuffix("List"))
                found.setdefault("apiVersion", version)
            yield from items_of(found)
    elif is_object(body):
        yield body
