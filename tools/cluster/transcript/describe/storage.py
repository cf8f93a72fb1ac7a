"""Reads described PersistentVolumeClaims, PersistentVolumes, StorageClasses and CSINodes."""

from __future__ import annotations

import re
from typing import Any

from tools.cluster.transcript.describe.common import conditions_of
from tools.cluster.transcript.describe.lexer import Entry
from tools.cluster.transcript.describe.volumes import source_of
from tools.cluster.transcript.values import (
    access_modes,
    bracketed,
    count,
    label_map,
    truth,
    without_nothing,
)


def claim(root: Entry) -> dict[str, Any]:
    """A PersistentVolumeClaim. The size it asks for is not printed; `Capacity` is what it got."""
    word = root.word("Status")
    capacity = root.word("Capacity")
    source = root.get("DataSource")
    spec: dict[str, Any] = {
        "storageClassName": root.word("StorageClass"),
        "volumeName": root.word("Volume"),
        "volumeMode": root.word("VolumeMode"),
    }
    if source is not None:
        spec["dataSource"] = without_nothing(
            {"apiGroup": source.word("APIGroup"), "kind": source.word("Kind"), "name": source.word("Name")}
        )
    return {
        "spec": spec,
        "status": {
            "phase": "" if word.startswith("Terminating") else word,
            "capacity": {"storage": capacity} if capacity not in ("", "0") else {},
            "accessModes": access_modes(root.word("Access Modes")),
            "conditions": conditions_of(root.get("Conditions")),
        },
    }


def volume(root: Entry) -> dict[str, Any]:
    """A PersistentVolume."""
    namespace, _, name = root.word("Claim").partition("/")
    source = root.get("Source")
    word = root.word("Status")
    spec: dict[str, Any] = {
        "storageClassName": root.word("StorageClass"),
        "claimRef": {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": name} if name else {},
        "persistentVolumeReclaimPolicy": root.word("Reclaim Policy"),
        "accessModes": access_modes(root.word("Access Modes")),
        "volumeMode": root.word("VolumeMode"),
        "capacity": {"storage": root.word("Capacity")} if root.word("Capacity") else {},
        "nodeAffinity": _affinity(root.get("Node Affinity")),
    }
    if source is not None:
        spec |= source_of(source)
    phase = "" if word.startswith("Terminating") else word
    return {"spec": spec, "status": {"phase": phase, "message": root.word("Message")}}


_EXPRESSION = re.compile(r"(\S+) (in|notin|exists|doesnotexist|gt|lt)(?: \[(.*)\])?$")
_OPERATORS = {"in": "In", "notin": "NotIn", "exists": "Exists", "doesnotexist": "DoesNotExist", "gt": "Gt", "lt": "Lt"}


def _affinity(entry: Entry | None) -> dict[str, Any]:
    required = entry.get("Required Terms") if entry is not None else None
    terms = []
    for term in required.children if required is not None else ():
        expressions = []
        for line in term.lines():
            match = _EXPRESSION.match(line)
            if match:
                values = [value.strip() for value in (match[3] or "").split(",") if value.strip()]
                expressions.append(
                    without_nothing({"key": match[1], "operator": _OPERATORS[match[2]], "values": values})
                )
        if expressions:
            terms.append({"matchExpressions": expressions})
    return {"required": {"nodeSelectorTerms": terms}} if terms else {}


def storage_class(root: Entry) -> dict[str, Any]:
    """A StorageClass: its annotations and parameters stand on one line each."""
    options = root.get("MountOptions")
    metadata: dict[str, Any] = {"annotations": label_map(root.word("Annotations"))}
    if root.word("IsDefaultClass") == "Yes":
        metadata["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"} | metadata["annotations"]
    return {
        "metadata": without_nothing(metadata),
        "provisioner": root.word("Provisioner"),
        "parameters": label_map(root.word("Parameters")),
        "allowVolumeExpansion": truth(root.word("AllowVolumeExpansion")),
        "mountOptions": options.lines() if options is not None else [],
        "reclaimPolicy": root.word("ReclaimPolicy"),
        "volumeBindingMode": root.word("VolumeBindingMode"),
    }


def attributes_class(root: Entry) -> dict[str, Any]:
    """A VolumeAttributesClass."""
    return {"driverName": root.word("DriverName"), "parameters": label_map(root.word("Parameters"))}


def csi_node(root: Entry) -> dict[str, Any]:
    """A CSINode's drivers."""
    spec = root.get("Spec")
    listed = spec.get("Drivers") if spec is not None else None
    drivers = []
    for child in listed.children if listed is not None else ():
        allocatable = child.get("Allocatables")
        drivers.append(
            without_nothing(
                {
                    "name": child.key,
                    "nodeID": child.word("Node ID"),
                    "allocatable": without_nothing({"count": count(allocatable.word("Count"))})
                    if allocatable is not None
                    else {},
                    "topologyKeys": bracketed(child.word("Topology Keys")),
                }
            )
        )
    return {"spec": {"drivers": drivers}}
