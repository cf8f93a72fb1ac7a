"""Reads rows of volumes, claims and storage classes, as far as their columns show it. Absent cells stay absent."""

from __future__ import annotations

from typing import Any, TypeAlias

from tools.cluster.transcript.facts import Ago
from tools.cluster.transcript.tables import Row
from tools.cluster.transcript.values import (
    access_modes,
    truth,
)

Parts: TypeAlias = dict[str, Any]


def pvc_row(row: Row) -> Parts:
    """Pvc: what `kubectl get` prints of one."""
    phase = row.get("STATUS")
    status: dict[str, Any] = {"accessModes": access_modes(row.get("ACCESS MODES"))}
    if row.get("CAPACITY") not in ("", "0"):
        status["capacity"] = {"storage": row.get("CAPACITY")}
    metadata: dict[str, Any] = {}
    if phase == "Terminating":
        metadata = {"deletionTimestamp": Ago(0.0)}
    else:
        status["phase"] = phase
    spec = {
        "storageClassName": row.get("STORAGECLASS"),
        "volumeName": row.get("VOLUME"),
        "volumeMode": row.get("VOLUMEMODE"),
        "volumeAttributesClassName": row.get("VOLUMEATTRIBUTESCLASS"),
    }
    return {"metadata": metadata, "spec": spec, "status": status}


def pv_row(row: Row) -> Parts:
    """Pv: what `kubectl get` prints of one."""
    namespace, _, claim = row.get("CLAIM").partition("/")
    phase = row.get("STATUS")
    return {
        "metadata": {"deletionTimestamp": Ago(0.0)} if phase == "Terminating" else {},
        "spec": {
            "capacity": {"storage": row.get("CAPACITY")} if row.get("CAPACITY") else {},
            "accessModes": access_modes(row.get("ACCESS MODES")),
            "persistentVolumeReclaimPolicy": row.get("RECLAIM POLICY"),
            "storageClassName": row.get("STORAGECLASS"),
            "volumeMode": row.get("VOLUMEMODE"),
            "claimRef": {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": claim} if claim else {},
        },
        "status": {"phase": phase if phase != "Terminating" else "", "reason": row.get("REASON")},
    }


def storageclass_row(row: Row) -> Parts:
    """Storageclass: what `kubectl get` prints of one."""
    return {
        "provisioner": row.get("PROVISIONER"),
        "reclaimPolicy": row.get("RECLAIMPOLICY"),
        "volumeBindingMode": row.get("VOLUMEBINDINGMODE"),
        "allowVolumeExpansion": truth(row.get("ALLOWVOLUMEEXPANSION")),
    }


def attachment_row(row: Row) -> Parts:
    """Attachment: what `kubectl get` prints of one."""
    return {
        "spec": {
            "attacher": row.get("ATTACHER"),
            "nodeName": row.get("NODE"),
            "source": {"persistentVolumeName": row.get("PV")} if row.get("PV") else {},
        },
        "status": {"attached": truth(row.get("ATTACHED"))},
    }
