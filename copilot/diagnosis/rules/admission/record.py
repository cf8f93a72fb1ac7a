"""Refused writes as rules see them: what was refused, to whom, by what text, and whether the victim still lacks it.

A refusal whose victim has recovered, is gone or is too old to judge is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from copilot.diagnosis.pods import condition
from copilot.diagnosis.rules.admission.message import Refusal, parse_refusal
from copilot.diagnosis.view import View, said, told
from copilot.model import Detail, Evidence, Ref, Resource, children, instant, number, text

RECENT = timedelta(hours=1)  # the API server keeps events for an hour; an older refusal says nothing about now
_MARKERS = (
    "forbidden", "denied", "failed calling webhook", "exceeded quota", "failed quota", "usage per", "max limit to request",
    "PodSecurity", "PriorityClass", "RuntimeClass", "is invalid", "conversion webhook", "no matches for kind",
    "being terminated", "insufficient quota to match", "security context constraint", " cannot ",
)  # fmt: skip
_BUILT_IN = frozenset(
    {"", "apps", "batch", "autoscaling", "policy", "events.k8s.io", "coordination.k8s.io", "discovery.k8s.io"}
)


_BAD_TYPE = re.compile(r"Fail|Error|NotReady|Degraded|Stalled|Unhealthy|Warning|Blocked|Denied|Invalid")


class Denied(msgspec.Struct, frozen=True, eq=False):
    """One victim of a refusal. `owner` is the top of its owner chain; `firm` says that it was seen to lack something."""

    refusal: Refusal
    victim: Ref
    owner: Ref
    evidence: Evidence
    firm: bool = False
    since: datetime | None = None

    @property
    def namespace(self) -> str:
        """Where the refused object would have been."""
        return self.refusal.namespace or self.victim.namespace


def current_denials(view: View) -> list[Denied]:
    """Every refusal that still holds, one for each victim and kind of refusal, events before conditions."""
    found: dict[tuple[Ref, object, str, str], Denied] = {}
    for denied in (*_from_events(view), *_from_conditions(view), *_from_custom(view)):
        key = (denied.owner, denied.refusal.denial, denied.refusal.name, denied.refusal.resource)
        found.setdefault(key, denied)
    return list(found.values())


def explained(group: Iterable[Denied]) -> tuple[Ref, ...]:
    """Victims and their owners, nearest first, each once."""
    return tuple(dict.fromkeys(ref for denied in group for ref in (denied.victim, denied.owner)))


def evidence_of(group: Iterable[Denied], limit: int = 3) -> tuple[Evidence, ...]:
    """The refusals themselves, the first few."""
    return tuple(denied.evidence for denied in group)[:limit]


def since_of(group: Iterable[Denied]) -> datetime | None:
    """When the first of them began."""
    return min((denied.since for denied in group if denied.since is not None), default=None)


def _suspicious(message: str) -> bool:
    return any(marker in message for marker in _MARKERS)


def _denied(
    view: View, refusal: Refusal, ref: Ref, evidence: Evidence, *, since: datetime | None, firm: bool
) -> Denied:
    return Denied(refusal, ref, view.graph.top_owner(ref), evidence, firm, since)


def _from_events(view: View) -> Iterator[Denied]:
    newest = sorted(view.all_events, key=lambda event: (event.last or view.now, event.ref), reverse=True)
    for event in newest:
        if not _suspicious(event.message):
            continue
        refusal = parse_refusal(event.message)
        if refusal is None:
            continue
        lacking = lacks(view, event.ref)
        recent = event.last is None or view.now - event.last < RECENT
        if lacking or (lacking is None and recent):
            yield _denied(view, refusal, event.ref, told(event), since=event.first or event.last, firm=lacking is True)


def _from_conditions(view: View) -> Iterator[Denied]:
    for resource in view.workloads("Deployment", "ReplicaSet"):
        failure = condition(resource, "ReplicaFailure")
        refusal = parse_refusal(text(failure, "message")) if text(failure, "status") == "True" else None
        if refusal is not None and lacks(view, resource.ref) is not False:
            path = "status.conditions[ReplicaFailure].message"
            proof = said(resource, path, f"ReplicaFailure: {text(failure, 'message')[:400]}")
            yield _denied(
                view, refusal, resource.ref, proof, since=instant(failure.get("lastTransitionTime")), firm=True
            )


def _from_custom(view: View) -> Iterator[Denied]:
    """Operators copy the refusal into their resource's conditions or status."""
    for resource in view.snapshot.resources:
        if resource.ref.group in _BUILT_IN or (resource.ref.group.endswith(".k8s.io") and not resource.status):
            continue
        status = resource.status
        texts = [(f"status.{key}", text(status, key)) for key in ("reason", "message", "error", "failureReason")]
        for entry in children(status, "conditions"):
            if text(entry, "status") != "True" or _BAD_TYPE.search(text(entry, "type")):
                texts.append((f"status.conditions[{text(entry, 'type')}].message", text(entry, "message")))
        for path, message in texts:
            refusal = parse_refusal(message) if _suspicious(message) else None
            if refusal is not None:
                yield _denied(
                    view, refusal, resource.ref, said(resource, path, message[:400]), since=resource.created, firm=True
                )


def lacks(view: View, ref: Ref) -> bool | None:
    """Whether the object still has less than it wants; None when that cannot be seen."""
    resource = view.graph.get(ref)
    if resource is None:
        return False if view.was_read(ref.kind, ref.namespace) else None
    if resource.deleted is not None:
        return False
    if resource.detail is Detail.ROW and not (ref.kind == "ReplicaSet" and "replicas" in resource.status):
        return None  # a ReplicaSet's row says what is wanted and what is there
    return _short(resource)


def _short(resource: Resource) -> bool | None:
    spec, status = resource.spec, resource.status
    match resource.ref.kind:
        case "ReplicaSet" | "StatefulSet" | "ReplicationController":
            if not status:
                return None
            return number(status, "replicas") < number(spec, "replicas", default=1)
        case "Deployment":
            if not status:
                return None
            return number(status, "updatedReplicas") < number(spec, "replicas", default=1)
        case "DaemonSet":
            return (
                number(status, "currentNumberScheduled") < number(status, "desiredNumberScheduled") if status else None
            )
        case "Job":
            return _job_short(resource)
        case _:
            for entry in children(status, "conditions"):
                if text(entry, "type") in ("Ready", "Available", "Complete", "Succeeded"):
                    return text(entry, "status") != "True"
            return None


def _job_short(job: Resource) -> bool | None:
    if any(text(condition(job, kind), "status") == "True" for kind in ("Complete", "Failed", "Suspended")):
        return False
    status = job.status
    if not status:
        return None
    parallel = number(job.spec, "parallelism", default=1)
    left = number(job.spec, "completions", default=parallel) - number(status, "succeeded")
    return number(status, "active") < min(parallel, left)
