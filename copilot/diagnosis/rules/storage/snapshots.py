"""Snapshots that are not made, and volumes that are not given back: what the controllers wrote on the objects themselves.

A snapshot in the making is no fault; one that carries an error is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.rules.storage.provisioning import SNAPSHOTS
from copilot.diagnosis.steps import change, describe, listing
from copilot.diagnosis.view import View, said, told
from copilot.model import Evidence, Finding, Ref, Resource, instant, text
from copilot.model.likeness import nearest

_SIDE = "kubernetes-csi/external-snapshotter"


def _cause(identity: str, title: str, kind: str, step: str, citation: str = _SIDE) -> Cause:
    return Cause(
        id=identity, title=title, kind=kind, fields=("status.error", "status.phase", "events"), severity=Severity.DEGRADED,
        steps=(step,), citation=citation,
    )  # fmt: skip


FAILED = _cause("snapshot.failed", "A snapshot cannot be taken", "VolumeSnapshot", "Read the error on the snapshot and its content")  # fmt: skip
NO_CLASS = _cause("snapshot.class_missing", "A snapshot names a class that does not exist", "VolumeSnapshot", "Name an existing VolumeSnapshotClass")  # fmt: skip
NO_SOURCE = _cause("snapshot.source_missing", "What a snapshot is to be taken of does not exist", "VolumeSnapshot", "Name an existing claim")  # fmt: skip
RECLAIM = _cause("pv.reclaim_failed", "A released volume cannot be deleted or recycled", "PersistentVolume", "Look at what still holds the disk", "pkg/controller/volume/persistentvolume/pv_controller.go")  # fmt: skip
_PATIENCE = timedelta(minutes=1)
_MISSING = re.compile(r"not found|does not exist", re.IGNORECASE)


def find_failed_snapshots(view: View) -> Iterator[Finding]:
    """One finding for each snapshot that carries an error."""
    for snapshot in view.graph.of_kind("VolumeSnapshot", group=SNAPSHOTS):
        error = text(snapshot.status, "error", "message")
        at = instant(snapshot.status.get("error", {}).get("time")) if isinstance(snapshot.status.get("error"), dict) else None  # fmt: skip
        ready = snapshot.status.get("readyToUse") is True
        if error and not ready and snapshot.deleted is None and (at is None or view.now - at > _PATIENCE):
            yield _snapshot(view, snapshot, error)


def _snapshot(view: View, snapshot: Resource, error: str) -> Finding:
    wanted = text(snapshot.spec, "volumeSnapshotClassName")
    source = Ref("PersistentVolumeClaim", snapshot.ref.namespace, text(snapshot.spec, "source", "persistentVolumeClaimName"))  # fmt: skip
    classes = [item.ref.name for item in view.graph.of_kind("VolumeSnapshotClass", group=SNAPSHOTS)]
    cause, words, weight = FAILED, f"cannot be taken: {error[:260]}", 0.85
    if wanted and wanted not in classes and _MISSING.search(error) and "class" in error.lower():
        near = nearest(wanted, classes)
        have = f"there is {near}" if near else f"there are {', '.join(sorted(classes)[:3])}" if classes else "there is none"  # fmt: skip
        cause, words, weight = NO_CLASS, f"names VolumeSnapshotClass {wanted}, which does not exist ({have})", 0.93
    elif source.name and view.graph.get(source) is None and view.was_read("PersistentVolumeClaim", source.namespace):
        cause, words, weight = NO_SOURCE, f"is to be taken of {source}, which does not exist", 0.9
    proof: list[Evidence] = [said(snapshot, "status.error.message", f"{snapshot.ref}: {error[:400]}")]
    return Finding(
        cause=cause.id,
        object=snapshot.ref,
        title=f"VolumeSnapshot {snapshot.ref.path} {words}",
        evidence=tuple(proof),
        explains=(),
        weight=weight,
        since=snapshot.created,
        steps=(
            describe(snapshot.ref),
            listing("volumesnapshotclasses"),
            change("Correct the snapshot: delete it and create it again", snapshot.ref),
        ),
    )


def find_unreclaimed(view: View) -> Iterator[Finding]:
    """One finding for each released volume that cannot be given back."""
    for volume in view.graph.of_kind("PersistentVolume", group=""):
        if text(volume.status, "phase") != "Failed":
            continue
        events = view.events(volume.ref, "VolumeFailedDelete", "VolumeFailedRecycle")
        why = text(volume.status, "message") or (events[-1].message if events else "")
        policy = text(volume.spec, "persistentVolumeReclaimPolicy") or "Retain"
        yield Finding(
            cause=RECLAIM.id,
            object=volume.ref,
            title=f"{volume.ref} was released and cannot be given back (reclaim policy {policy}): deleting it fails: {why[:220]}",
            evidence=(said(volume, "status.phase", f"{volume.ref} is Failed: {why[:300]}"), *(told(e) for e in events[-1:])),
            explains=(),
            weight=0.82,
            since=volume.created,
            steps=(describe(volume.ref), listing("volumeattachments"), change("Free the disk, or set the policy to Retain", volume.ref)),
        )  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(find=find_failed_snapshots, causes=(FAILED, NO_CLASS, NO_SOURCE)),
    Rule(find=find_unreclaimed, causes=(RECLAIM,)),
)
