"""Compares what was read back from text with what the API holds: every value read must be the API's value."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from copilot.model import Ref, Resource, Snapshot, instant, parse_quantity
from copilot.model.resource import ref_of
from retrievers.graph.placement import requests_of

# Lists that kubectl prints in an order of its own: compared as sets of their entries.
_UNORDERED = {
    "tolerations",
    "taints",
    "volumeMounts",
    "containerStatuses",
    "values",
    "conditions",
    "addresses",
    "matchExpressions",
}
_KEYS = ("name", "type", "key", "mountPath")


def objects_of(path: Path) -> dict[Ref, dict[str, Any]]:
    """The API's objects of a recording."""
    with gzip.open(path) as file:
        return {ref_of(item): item for item in json.load(file)["items"]}


def differences(read: Any, real: Any, path: str = "") -> Iterator[str]:
    """Every value that was read and is not the API's. What was not read is no difference."""
    if isinstance(read, dict) and isinstance(real, dict):
        for key, value in read.items():
            if key in real:
                yield from differences(value, real[key], f"{path}.{key}")
            elif path == ".spec" and key == "resources":
                # A node's table of pods sums what the containers request; the API keeps it with each of them.
                yield from _sums(value["requests"], real, f"{path}.{key}")
            elif value not in (0, False, "", [], {}, {"ingress": []}):
                yield f"{path}.{key}: read {value!r}, the API has none"
    elif isinstance(read, list) and isinstance(real, list):
        yield from _lists(read, real, path)
    elif not _same(read, real):
        yield f"{path}: read {read!r}, the API has {real!r}"


def _sums(read: dict[str, str], pod_spec: dict[str, Any], path: str) -> Iterator[str]:
    wanted = requests_of(pod_spec)
    for name, amount in read.items():
        if parse_quantity(amount) != wanted.get(name):
            yield f"{path}: read {name} {amount}, the containers request {wanted.get(name)}"


def _lists(read: list[Any], real: list[Any], path: str) -> Iterator[str]:
    if path.rpartition(".")[2] not in _UNORDERED:
        if len(read) != len(real):
            yield f"{path}: read {len(read)} entries, the API has {len(real)}: {read!r} {real!r}"
            return
        for index, (one, other) in enumerate(zip(read, real, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
        return
    for one in read:
        candidates = [list(differences(one, other, f"{path}[]")) for other in real if _alike(one, other)]
        best = min(candidates, key=len, default=[f"{path}: {one!r} is not in the API's list"])
        yield from best


def _alike(one: Any, other: Any) -> bool:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return one == other
    return all(one[key] == other.get(key) for key in _KEYS if key in one)


def _same(read: Any, real: Any) -> bool:
    if (
        read == real
        or (read == [] and real is None)
        or (isinstance(read, str) and read.endswith("...") and str(real).startswith(read[:-3]))
    ):
        return True
    if type(read) is int and str(read) == real:
        return True  # the generic describer prints 8 and "8" alike
    one, other = instant(read), instant(real)
    if one is not None and other is not None:
        return abs((one - other).total_seconds()) <= 2  # describe cuts to seconds; ages do too
    return False


def wrong(snapshot: Snapshot, objects: dict[Ref, dict[str, Any]], ignored: set[str]) -> list[str]:
    """Every difference of every object, without the paths in `ignored` (by their end)."""
    found = []
    for item in snapshot.resources:
        if item.ref.kind == "Event" or item.ref.namespace == "kube-node-lease":  # renewed while kubectl ran
            continue
        real = objects.get(item.ref)
        if real is None:
            found.append(f"{item.ref} ({item.source}) is not in the API")
            continue
        found += [f"{item.ref}{text}" for text in differences(_shown(item), real) if text.split(":")[0] not in ignored]
    return found


def _shown(item: Resource) -> dict[str, Any]:
    """The body without what is no field of the API."""
    return {key: value for key, value in item.body.items() if key not in ("dataKeys", "columns", "binaryData")}
