"""Findings that say the same thing of the same object become one: one image or one node is one cause, not forty."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from copilot.model import Finding

MAX_EVIDENCE = 8  # pieces kept per cause: proof, not a dump


def merge(findings: Iterable[Finding]) -> list[Finding]:
    """Join findings with equal cause, object and title; the joined one explains what each explained."""
    merged: dict[tuple[str, object, str], Finding] = {}
    for finding in findings:
        key = (finding.cause, finding.object, finding.title)
        known = merged.get(key)
        merged[key] = finding if known is None else _join(known, finding)
    return list(merged.values())


def _join(first: Finding, second: Finding) -> Finding:
    evidence = list(first.evidence)
    for piece in second.evidence:
        if piece not in evidence and len(evidence) < MAX_EVIDENCE:
            evidence.append(piece)
    starts = [moment for moment in (first.since, second.since) if moment is not None]
    return msgspec.structs.replace(
        first,
        evidence=tuple(evidence),
        explains=tuple(dict.fromkeys(first.explains + second.explains)),
        points_to=tuple(dict.fromkeys(first.points_to + second.points_to)),
        steps=first.steps or second.steps,
        doubts=tuple(dict.fromkeys(first.doubts + second.doubts)),
        weight=max(first.weight, second.weight),
        since=min(starts) if starts else None,
    )
