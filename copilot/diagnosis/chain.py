"""The chain a person reads: from what they see, link by link, to the cause."""

from __future__ import annotations

from collections.abc import Sequence

from copilot.model import ChainLink, Finding, Ref

MAX_LINKS = 6  # more than a screenful of links is not an explanation

# What people look at first stands at the head of the chain.
_FIRST = (
    "Ingress",
    "HTTPRoute",
    "Service",
    "CronJob",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "ReplicaSet",
    "Pod",
)


def chain_to(root: Finding, under: Sequence[Finding], symptoms: Sequence[Finding]) -> tuple[ChainLink, ...]:
    """The symptoms that lead to `root`, outermost first, then what was folded, then the cause itself."""
    leading = sorted(symptoms, key=lambda s: (_order(s.object), s.object))
    chosen: dict[Ref, str] = {}
    kinds: set[str] = set()
    for symptom in leading:
        if symptom.object.kind not in kinds and symptom.object != root.object:
            kinds.add(symptom.object.kind)
            chosen[symptom.object] = symptom.title
    for finding in sorted(under, key=lambda f: (-f.weight, f.object)):
        if finding.object not in chosen and finding.object != root.object and len(chosen) < MAX_LINKS:
            chosen[finding.object] = finding.title
    links = [ChainLink(object=ref, text=title) for ref, title in chosen.items()][:MAX_LINKS]
    return (*links, ChainLink(object=root.object, text=root.title))


def _order(ref: Ref) -> int:
    return _FIRST.index(ref.kind) if ref.kind in _FIRST else len(_FIRST)
