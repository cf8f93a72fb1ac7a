"""Knows kubectl's own columns: which kind a header belongs to, and which header rows without one would have had."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tools.cluster.transcript.kinds import KindInfo, by_kind

# Columns that together head the table of one kind only; the first match wins.
_SIGNATURES: tuple[tuple[frozenset[str], str], ...] = tuple(
    (frozenset(columns.split("|")), kind)
    for columns, kind in (
        ("READY|STATUS|RESTARTS", "Pod"),
        ("DESIRED|CURRENT|UP-TO-DATE|AVAILABLE|NODE SELECTOR", "DaemonSet"),
        ("READY|UP-TO-DATE|AVAILABLE", "Deployment"),
        ("DESIRED|CURRENT|UP-TO-DATE|AVAILABLE", "Deployment"),
        ("DESIRED|CURRENT|READY", "ReplicaSet"),
        ("CLUSTER-IP|PORT(S)", "Service"),
        ("STATUS|ROLES|VERSION", "Node"),
        ("COMPLETIONS|DURATION", "Job"),
        ("SCHEDULE|SUSPEND", "CronJob"),
        ("ADDRESSTYPE|ENDPOINTS", "EndpointSlice"),
        ("NAME|ENDPOINTS|AGE", "Endpoints"),
        ("HOSTS|ADDRESS|PORTS", "Ingress"),
        ("POD-SELECTOR", "NetworkPolicy"),
        ("RECLAIM POLICY|CLAIM", "PersistentVolume"),
        ("STATUS|VOLUME|ACCESS MODES", "PersistentVolumeClaim"),
        ("PROVISIONER|RECLAIMPOLICY", "StorageClass"),
        ("REFERENCE|MINPODS|MAXPODS", "HorizontalPodAutoscaler"),
        ("MIN AVAILABLE|ALLOWED DISRUPTIONS", "PodDisruptionBudget"),
        ("TYPE|DATA|AGE", "Secret"),
        ("NAME|DATA|AGE", "ConfigMap"),
        ("HOLDER", "Lease"),
        ("VALUE|GLOBAL-DEFAULT", "PriorityClass"),
        ("ATTACHER|ATTACHED", "VolumeAttachment"),
        ("REQUEST|LIMIT", "ResourceQuota"),
        ("NAME|ROLE|AGE", "RoleBinding"),
        ("SIGNERNAME|REQUESTOR", "CertificateSigningRequest"),
        ("SERVICE|AVAILABLE|AGE", "APIService"),
        ("NAME|STATUS|AGE", "Namespace"),
        ("NAME|READY|AGE", "StatefulSet"),
    )
)


def kind_by_header(headers: Sequence[str]) -> KindInfo | None:
    """The kind whose table has these columns, or None."""
    names = set(headers)
    if {"LAST SEEN", "REASON", "OBJECT"} <= names:
        return None
    for columns, kind in _SIGNATURES:
        if columns <= names and (len(columns) > 2 or "NAME" in names):
            exact = kind in ("Namespace", "StatefulSet", "ConfigMap", "Endpoints", "RoleBinding")
            if not exact or len(names - {"NAMESPACE", "LABELS", "CONTAINERS", "IMAGES"}) == len(columns):
                return by_kind(kind)
    return None


# Columns of rows that came without their header (`--no-headers`, `| grep`), most columns first.
_COLUMNS: dict[str, tuple[str, ...]] = {
    "Pod": (
        "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED_NODE READINESS_GATES",
        "NAME READY STATUS RESTARTS AGE",
    ),
    "Node": (
        "NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME",
        "NAME STATUS ROLES AGE VERSION",
    ),
    "Deployment": (
        "NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR",
        "NAME READY UP-TO-DATE AVAILABLE AGE",
    ),
    "ReplicaSet": ("NAME DESIRED CURRENT READY AGE CONTAINERS IMAGES SELECTOR", "NAME DESIRED CURRENT READY AGE"),
    "StatefulSet": ("NAME READY AGE CONTAINERS IMAGES", "NAME READY AGE"),
    "DaemonSet": (
        "NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE_SELECTOR AGE CONTAINERS IMAGES SELECTOR",
        "NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE_SELECTOR AGE",
    ),
    "Job": ("NAME STATUS COMPLETIONS DURATION AGE",),
    "CronJob": ("NAME SCHEDULE TIMEZONE SUSPEND ACTIVE LAST_SCHEDULE AGE",),
    "Service": (
        "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE SELECTOR",
        "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE",
    ),
    "Endpoints": ("NAME ENDPOINTS AGE",),
    "ConfigMap": ("NAME DATA AGE",),
    "Secret": ("NAME TYPE DATA AGE",),
    "Namespace": ("NAME STATUS AGE",),
    "Event": ("LAST_SEEN TYPE REASON OBJECT MESSAGE",),
}
_CELL = re.compile(r"\S+(?: \S+)*")


def default_header(kind: KindInfo, lines: Sequence[str], *, all_namespaces: bool) -> tuple[tuple[str, int], ...]:
    """The columns of a headerless table of `kind` with their positions, empty when its rows fit none kubectl prints."""
    row = next((line for line in lines if line.strip()), "")
    starts = [match.start() for match in _CELL.finditer(row[:2000])]
    for columns in _COLUMNS.get(kind.kind, ()):
        names = [name.replace("_", " ") for name in (["NAMESPACE"] if all_namespaces else []) + columns.split()]
        if len(names) == len(starts):
            return tuple(zip(names, starts, strict=True))
    return ()
