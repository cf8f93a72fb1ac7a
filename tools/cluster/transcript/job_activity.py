"""Counts a job's active pods where its row only says `Running`. Pods that were not shown are not counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from copilot.model import Detail, children, dig, text
from tools.cluster.transcript.facts import Seen


def with_active_pods(seen: Sequence[Seen]) -> list[Seen]:
    """The sightings, with `status.active` on jobs known by a row, when unfinished pods of theirs were seen."""
    active: Counter[tuple[str, str]] = Counter()
    for fact in seen:
        if fact.body.get("kind") == "Pod" and text(fact.body, "status", "phase") in ("Pending", "Running"):
            for owner in children(fact.body, "metadata", "ownerReferences"):
                if owner.get("kind") == "Job":
                    active[text(fact.body, "metadata", "namespace"), text(owner, "name")] += 1
    return [_with_active(fact, active) for fact in seen]


def _with_active(fact: Seen, active: Counter[tuple[str, str]]) -> Seen:
    count = active[text(fact.body, "metadata", "namespace"), text(fact.body, "metadata", "name")]
    if fact.body.get("kind") != "Job" or fact.detail is not Detail.ROW or not count:
        return fact
    if dig(fact.body, "status", "conditions"):
        return fact  # finished or suspended
    return Seen({**fact.body, "status": {**(fact.body.get("status") or {}), "active": count}}, fact.line, fact.detail)
