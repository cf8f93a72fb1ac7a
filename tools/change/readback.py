"""Finds out what became of a request whose answer was lost, by reading. It never sends the request again."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

from copilot.model import dig, instant, number, parse_time, text
from copilot.model.fields import children
from guardrails.diff import field_text
from guardrails.kinds import workload
from guardrails.plan import FIELD_MANAGER, RestartArgs, ScaleArgs, Step
from guardrails.requests import fields_written
from tools.change.objects import read_workload
from tools.cluster.transport import Transport


class Settled(Enum):
    """What reading showed."""

    APPLIED = "applied"
    NOT_APPLIED = "not applied"
    STILL_UNKNOWN = "still unknown"


class Reading(msgspec.Struct, frozen=True):
    """The verdict and why."""

    state: Settled
    text: str


def read_back(reader: Transport, step: Step, sent_at: str) -> Reading:
    """Read the object and judge whether the step was applied at or after `sent_at` (RFC 3339)."""
    ref = step.ref
    body = read_workload(reader, workload(ref.kind), ref.namespace, ref.name)
    if body is None or dig(body, "metadata", "uid") != ref.uid:
        return Reading(Settled.STILL_UNKNOWN, f"{ref.title} is gone or was made anew; what was sent no longer matters")
    if text(body, "metadata", "resourceVersion") == ref.resource_version:
        # The request's precondition still holds, so one that is still under way could yet be applied.
        return Reading(Settled.NOT_APPLIED, f"{ref.title} is unchanged since the plan was made")
    if _carries(body, step) and _ours(body, step, sent_at):
        return Reading(Settled.APPLIED, f"{ref.title} carries the change, written by {FIELD_MANAGER}")
    if _last_write(body, step) is None:
        # The version moved on without us: the precondition fails for good.
        return Reading(
            Settled.NOT_APPLIED, f"{ref.title} was changed by others only, so the request cannot apply any more"
        )
    return Reading(
        Settled.STILL_UNKNOWN, f"{ref.title} was changed again since; whether this change was in between is not visible"
    )


def _carries(body: dict[str, Any], step: Step) -> bool:
    match step.args:
        case ScaleArgs(after=after):
            return number(body, "spec", "replicas", default=1) == after
        case RestartArgs(restarted_at=moment):
            return all(field_text(body, pointer) == f'"{moment}"' for pointer in fields_written(step.args))


def _ours(body: dict[str, Any], step: Step, sent_at: str) -> bool:
    if isinstance(step.args, RestartArgs):
        return True  # the time was fixed in this plan
    written, sent = _last_write(body, step), parse_time(sent_at)
    return written is not None and sent is not None and written >= sent


def _last_write(body: dict[str, Any], step: Step) -> datetime | None:
    """When this program last wrote the object through the same subresource, by managedFields."""
    subresource = "scale" if isinstance(step.args, ScaleArgs) else ""
    times = [
        moment
        for entry in children(body, "metadata", "managedFields")
        if text(entry, "manager") == FIELD_MANAGER and text(entry, "subresource") == subresource
        if (moment := instant(entry.get("time"))) is not None
    ]
    return max(times, default=None)
