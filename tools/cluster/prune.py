"""Takes out of an API object what no answer needs. After it no Secret value and no copy of one is left in the body."""

from __future__ import annotations

from typing import Any

from copilot.model.fields import children, texts

DATA_KEYS = "dataKeys"  # where the keys of a Secret or ConfigMap stay when their values are dropped

_MANAGER_FIELDS = ("manager", "operation", "time", "subresource")
_VALUE_FIELDS = ("data", "stringData", "binaryData")
# Annotations in which tools keep a whole copy of the object, values included.
_COPY_ANNOTATIONS = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "banzaicloud.com/last-applied",
    "kapp.k14s.io/original",
    "objectset.rio.cattle.io/applied",
)
_COPY_SUFFIXES = ("/last-applied-configuration", "/last-applied", "/last-applied-config")


def prune(body: dict[str, Any], *, config_values: bool = False) -> dict[str, Any]:
    """Drop field ownership trees, copies of the object in annotations, and Secret and ConfigMap values, in place.

    `metadata.managedFields` keeps who wrote when (manager, operation, time, subresource). The keys of Secret and
    ConfigMap data stay as the list `dataKeys`. Pruning twice changes nothing more.

    Returns:
        The same body.
    """
    metadata = body.get("metadata")
    if isinstance(metadata, dict):
        if "managedFields" in metadata:
            metadata["managedFields"] = _managers(metadata)
        drop_copies(metadata)
    kind = body.get("kind")
    if kind == "Secret":
        _keep_keys(body, drop=True)
    elif kind == "ConfigMap":
        _keep_keys(body, drop=not config_values)
    return body


def _managers(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {name: entry[name] for name in _MANAGER_FIELDS if isinstance(entry.get(name), str)}
        for entry in children(metadata, "managedFields")
    ]


def drop_copies(metadata: dict[str, Any]) -> None:
    """Drop the annotations that hold a whole copy of the object, in place."""
    annotations = metadata.get("annotations")
    if not isinstance(annotations, dict):
        return
    copies = [key for key in annotations if key in _COPY_ANNOTATIONS or str(key).endswith(_COPY_SUFFIXES)]
    for key in copies:
        del annotations[key]
    if copies and not annotations:
        del metadata["annotations"]


def _keep_keys(body: dict[str, Any], *, drop: bool) -> None:
    keys = set(texts(body, DATA_KEYS))
    for name in _VALUE_FIELDS:
        values = body.get(name)
        if isinstance(values, dict):
            keys.update(str(key) for key in values)
        if drop:
            body.pop(name, None)
    body[DATA_KEYS] = sorted(keys)
