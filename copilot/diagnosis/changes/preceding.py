"""Whether a change explains when a cause began: the same object, the same kind of field, shortly before the onset.

It adds what changed to the answer's proof and a little weight; it never makes a cause, nor decides which comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from copilot.diagnosis.changes.change import Aspect, Change
from copilot.diagnosis.changes.collect import changes_in
from copilot.diagnosis.merge import MAX_EVIDENCE
from copilot.model import Evidence, Ref, RootCause, age_text
from retrievers.graph import EdgeKind, ResourceGraph

WINDOW = timedelta(hours=1)  # before the onset; what was changed earlier had time to fail earlier
UNDATED = timedelta(hours=2)  # before the observation, for causes that do not say since when
GAIN = 0.03  # of confidence: the coincidence of time and field speaks for the cause, it does not prove it
_CLOCKS = timedelta(seconds=60)  # controllers react within it, and their clocks differ by less
_MAX_OBJECTS = 30  # objects of one cause whose changes are looked at
_IMAGE = "pod.image"

_CRASH = (
    Aspect.COMMAND,
    Aspect.ENVIRONMENT,
    Aspect.CONFIG,
    Aspect.IMAGE,
    Aspect.SECURITY,
    Aspect.PORTS,
    Aspect.TEMPLATE,
)
_PLACE = (Aspect.SCHEDULING, Aspect.NODE, Aspect.RESOURCES, Aspect.SCALE, Aspect.TEMPLATE)
_ADMISSION = (Aspect.POLICY, Aspect.SCALE, Aspect.RESOURCES, Aspect.SECURITY, Aspect.TEMPLATE)
# Causes by the beginning of their id, the longest first match decides; a cause in no row has no matching change.
_FAMILIES: Mapping[str, tuple[Aspect, ...]] = {
    "quota": (Aspect.POLICY, Aspect.SCALE, Aspect.RESOURCES),
    "limitrange": (Aspect.POLICY, Aspect.RESOURCES),
    "webhook": (Aspect.POLICY, Aspect.ROUTING, Aspect.SCALE),
    "psa": _ADMISSION,
    "vap": _ADMISSION,
    "sa": (Aspect.SECURITY, Aspect.POLICY),
    "priorityclass": (Aspect.SCHEDULING,),
    "rbac": (Aspect.POLICY, Aspect.SECURITY),
    "api": (Aspect.TEMPLATE, Aspect.EDIT),
    "hpa": (Aspect.SCALE, Aspect.RESOURCES, Aspect.TEMPLATE),
    "sched": _PLACE,
    "sched.volume": (Aspect.STORAGE, *_PLACE),
    "sandbox": (Aspect.SCHEDULING, Aspect.NODE),
    "pod.oomkilled": (Aspect.RESOURCES, Aspect.IMAGE, Aspect.COMMAND, Aspect.ENVIRONMENT, Aspect.CONFIG),
    "pod.evicted": (Aspect.RESOURCES, Aspect.IMAGE),
    "pod.crashloop": _CRASH,
    "pod.exec": (Aspect.IMAGE, Aspect.COMMAND),
    "pod.exit": _CRASH,
    "pod.exit0": (Aspect.COMMAND, Aspect.IMAGE),
    "pod.hook": (Aspect.COMMAND, Aspect.IMAGE),
    "pod.create": (Aspect.ENVIRONMENT, Aspect.CONFIG, Aspect.SECURITY, Aspect.IMAGE, Aspect.COMMAND),
    "pod.mount": (Aspect.CONFIG, Aspect.STORAGE),
    "pod.probe": (Aspect.PROBE, Aspect.PORTS, Aspect.IMAGE, Aspect.COMMAND, Aspect.ENVIRONMENT, Aspect.CONFIG),
    "pod.terminating": (Aspect.COMMAND, Aspect.TEMPLATE),
    "pod.admission": (Aspect.NODE, Aspect.SCHEDULING),
    "pod.sysctl": (Aspect.SECURITY,),
    _IMAGE: (Aspect.IMAGE,),
    "app": _CRASH,
    "cuda": _CRASH,
    "nccl": _CRASH,
    "svc": (Aspect.ROUTING, Aspect.LABELS, Aspect.PORTS),
    "ingress": (Aspect.ROUTING,),
    "gateway": (Aspect.ROUTING,),
    "netpol": (Aspect.POLICY, Aspect.LABELS),
    "dns": (Aspect.CONFIG, Aspect.POLICY, Aspect.TEMPLATE),
    "deploy.scaled_to_zero": (Aspect.SCALE, Aspect.EDIT),
    "deploy.paused": (Aspect.EDIT,),
    "pdb": (Aspect.POLICY, Aspect.SCALE, Aspect.NODE),
    "volume": (Aspect.STORAGE, Aspect.CONFIG, Aspect.NODE),
    "pvc": (Aspect.STORAGE,),
    "node": (Aspect.NODE, Aspect.CONFIG),
    "controlplane": (Aspect.CONFIG, Aspect.IMAGE, Aspect.COMMAND),
    "cronjob": (Aspect.EDIT,),
    "custom": (Aspect.EDIT,),
    "performance": (Aspect.RESOURCES, Aspect.IMAGE, Aspect.ENVIRONMENT, Aspect.CONFIG, Aspect.SCALE),
    "queue": (Aspect.SCALE, Aspect.IMAGE, Aspect.ENVIRONMENT, Aspect.CONFIG, Aspect.RESOURCES),
    "flag": (Aspect.CONFIG, Aspect.ENVIRONMENT, Aspect.EDIT),
    "mesh": (Aspect.ROUTING, Aspect.EDIT, Aspect.POLICY),
    "chaos": (Aspect.EDIT,),
    "vllm": _CRASH,
}  # fmt: skip
_POLICIES = frozenset({"ResourceQuota", "LimitRange", "NetworkPolicy", "PodDisruptionBudget", "ValidatingWebhookConfiguration",
                       "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"})  # fmt: skip


class Dated(Protocol):
    """What a change is matched with: a finding or a root cause."""

    @property
    def cause(self) -> str:
        """The id of the cause."""
        ...

    @property
    def object(self) -> Ref:
        """The object to change."""
        ...

    @property
    def title(self) -> str:
        """The sentence."""
        ...

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The proof."""
        ...

    @property
    def since(self) -> datetime | None:
        """When it began, where that is known."""
        ...


def preceded_by(changes: Iterable[Change], found: Dated, now: datetime) -> Change | None:
    """The change that most likely brought the cause about: its own object first, then the newest; None without one."""
    family = _family(found.cause)
    begin = (found.since - WINDOW) if found.since is not None else now - UNDATED
    end = (found.since if found.since is not None else now) + _CLOCKS
    fitting = [
        change for change in changes if begin <= change.at <= end and _aspect(change) in family and _fits(change, found)
    ]
    return min(
        fitting,
        key=lambda c: (c.object != found.object, -c.at.timestamp(), family.index(_aspect(c)), c.path, c.text),
        default=None,
    )


def _family(cause: str) -> tuple[Aspect, ...]:
    if cause.startswith("pod.exit") and not cause.startswith("pod.exit0"):
        return _FAMILIES["pod.exit"]
    while cause:
        if cause in _FAMILIES:
            return _FAMILIES[cause]
        cause = cause.rpartition(".")[0]
    return ()


def _aspect(change: Change) -> Aspect:
    """A policy that comes into being is a change of policy to everything it governs."""
    made = change.aspect is Aspect.CREATED and change.object.kind in _POLICIES
    return Aspect.POLICY if made else change.aspect


def _fits(change: Change, found: Dated) -> bool:
    """An image that cannot be pulled was brought by a change only if that very image is new."""
    if not found.cause.startswith(_IMAGE) or not change.after:
        return True
    return change.after in found.title or any(change.after in piece.text for piece in found.evidence)


def with_change(graph: ResourceGraph, cause: RootCause, most: float) -> RootCause:
    """The same root cause with the change that preceded it, if there is one, as evidence and as a little weight.

    `most` is how far the confidence may rise by it.
    """
    if not _family(cause.cause):
        return cause
    now = graph.snapshot.observed_at
    refs = list(dict.fromkeys(_near(graph, cause)))[:_MAX_OBJECTS]
    change = preceded_by(_news(graph, refs, changes_in(graph, refs)), cause, now)
    if change is None or len(cause.evidence) > MAX_EVIDENCE:
        return cause
    moment, where = (cause.since, "before") if cause.since is not None else (now, "before this was read")
    seconds = (moment - change.at).total_seconds()
    when = f"{age_text(seconds)} {where}" if seconds >= 2 else "just before"
    object_ = "" if change.object == cause.object else f"{change.object} "
    piece = Evidence(
        change.object,
        change.path,
        f"changed {when} ({change.at:%Y-%m-%d %H:%M:%S} UTC): {object_}{change.text}",
        change.source,
    )
    confidence = max(cause.confidence, round(min(most, cause.confidence + GAIN), 2))
    return msgspec.structs.replace(cause, evidence=(*cause.evidence, piece), confidence=confidence)


def _near(graph: ResourceGraph, cause: RootCause) -> Iterator[Ref]:
    """The object to change, those the proof speaks of with their owners, and the configuration they read."""
    yield cause.object
    mentioned = [piece.object for piece in cause.evidence]
    for ref in mentioned:
        yield ref
        yield from graph.owners(ref)
    for ref in (cause.object, *mentioned):
        yield from (
            edge.target for edge in graph.out(ref, EdgeKind.REFERENCES) if edge.target.kind in ("ConfigMap", "Secret")
        )


def _news(graph: ResourceGraph, refs: Sequence[Ref], changes: Iterable[Change]) -> list[Change]:
    """The changes, without policies that are as old as everything they govern: those came with it."""
    born = [
        found.created
        for ref in refs
        if ref.kind not in _POLICIES and (found := graph.get(ref)) is not None and found.created
    ]
    oldest = min(born, default=None)
    return [
        change
        for change in changes
        if change.aspect is not Aspect.CREATED or (oldest is not None and change.at > oldest + _CLOCKS)
    ]
