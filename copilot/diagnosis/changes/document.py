"""Changes as the document machines read: schema `cluster-copilot/changes/v1`. Stable field names and order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from copilot.diagnosis.changes.change import Change
from copilot.model import Ref, Snapshot
from copilot.model.moment import stamp

SCHEMA = "cluster-copilot/changes/v1"


def changes_document(
    snapshot: Snapshot, changes: Sequence[Change], since: datetime, ref: Ref | None, namespace: str | None
) -> dict[str, Any]:
    """The JSON value of a list of changes about an object, a namespace, or (both None) everything."""
    return {
        "schema": SCHEMA,
        "cluster": snapshot.cluster,
        "observed_at": stamp(snapshot.observed_at),
        "since": stamp(since),
        "object": ref.as_json() if ref else None,
        "namespace": namespace,
        "changes": [change_json(change) for change in changes],
    }


def change_json(change: Change) -> dict[str, Any]:
    """One change."""
    return {
        "at": stamp(change.at),
        "object": change.object.as_json(),
        "aspect": change.aspect.value,
        "what": change.what,
        "before": change.before,
        "after": change.after,
        "by": change.by or None,
        "path": change.path,
        "source": change.source,
    }
