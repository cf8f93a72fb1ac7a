"""The condition of one object in a few words, as its own status tells it: enough for a tree, no diagnosis."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from copilot.model import Resource, children, number, text
from guardrails.redaction_text import clean_text

_MAX_WORDS = 60  # characters of a status text in a tree: the full text is `why`'s to quote
_GOOD = frozenset({"Ready", "Available", "Established", "Programmed", "Accepted", "Healthy", "Succeeded", "Reconciled"})
_WELL_PHASES = frozenset({"Running", "Succeeded", "Bound", "Active", "Available", "Ready", "Complete", "Released"})


class Mark(StrEnum):
    """How an object stands."""

    WELL = "well"
    ILL = "ill"
    UNKNOWN = "unknown"  # its status says nothing, or it has none


class Condition(msgspec.Struct, frozen=True):
    """A mark and the words for it."""

    mark: Mark
    words: str = ""


_NOTHING = Condition(Mark.UNKNOWN)


def one_line(value: str, limit: int = _MAX_WORDS) -> str:
    """Untrusted text on one line, without what a terminal would act on."""
    words = " ".join(clean_text(value[: limit * 4]).split())
    return words if len(words) <= limit else words[: limit - 1] + "…"


def condition_of(resource: Resource) -> Condition:
    """Read the status of an object of any kind."""
    if resource.deleted is not None:
        return Condition(Mark.ILL, "is being deleted")
    kind, group = resource.ref.kind, resource.ref.group
    if kind == "Pod" and not group:
        return _pod(resource)
    if group == "apps" and kind in ("Deployment", "StatefulSet", "ReplicaSet"):
        return _replicas(number(resource.spec, "replicas", default=1), number(resource.status, "readyReplicas"))
    if group == "apps" and kind == "DaemonSet":
        wanted = number(resource.status, "desiredNumberScheduled")
        return _replicas(wanted, number(resource.status, "numberReady"))
    if group == "batch" and kind == "Job":
        return _job(resource)
    return _by_conditions(resource)


def _replicas(wanted: int, ready: int) -> Condition:
    """Nobody asked for replicas: neither well nor ill, and whoever needs them must see it."""
    if wanted <= 0 and ready <= 0:
        return Condition(Mark.UNKNOWN, "no replicas wanted")
    return Condition(Mark.WELL if ready >= wanted else Mark.ILL, f"{ready}/{wanted} ready")


def _pod(resource: Resource) -> Condition:
    phase = text(resource.status, "phase")
    if phase == "Succeeded":
        return Condition(Mark.WELL, "completed")
    for place in ("initContainerStatuses", "containerStatuses"):
        for container in children(resource.status, place):
            reason = text(container, "state", "waiting", "reason")
            if reason and reason not in ("ContainerCreating", "PodInitializing"):
                return Condition(Mark.ILL, one_line(reason))
    statuses = list(children(resource.status, "containerStatuses"))
    ready = sum(status.get("ready") is True for status in statuses)
    if phase == "Running" and statuses:
        return Condition(Mark.WELL if ready == len(statuses) else Mark.ILL, f"{ready}/{len(statuses)} ready")
    words = one_line(text(resource.status, "reason") or phase)
    return Condition(Mark.ILL if phase in ("Failed", "Pending") else Mark.UNKNOWN, words)


def _job(resource: Resource) -> Condition:
    for condition in children(resource.status, "conditions"):
        if text(condition, "status") == "True" and text(condition, "type") in ("Failed", "Complete"):
            failed = text(condition, "type") == "Failed"
            words = f"failed: {text(condition, 'reason')}" if failed else "complete"
            return Condition(Mark.ILL if failed else Mark.WELL, one_line(words))
    return Condition(Mark.WELL, f"{number(resource.status, 'active')} active")


def _by_conditions(resource: Resource) -> Condition:
    """Nodes, volumes, namespaces and custom resources: the usual good conditions, then the phase."""
    well = False
    for condition in children(resource.status, "conditions"):
        if text(condition, "type") in _GOOD:
            if text(condition, "status") != "True":
                reason = text(condition, "reason")
                words = f"not {text(condition, 'type').lower()}" + (f": {reason}" if reason else "")
                return Condition(Mark.ILL, one_line(words))
            well = True
    phase = text(resource.status, "phase")
    if phase:
        return Condition(Mark.WELL if phase in _WELL_PHASES else Mark.ILL, one_line(phase))
    if well and resource.spec.get("unschedulable") is True:
        return Condition(Mark.WELL, "ready, cordoned")
    return Condition(Mark.WELL) if well else _NOTHING
