"""Finds out what became of a request whose answer was lost, by reading. It never sends the request again."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

from copilot.model import children, dig, instant, number, parse_time, text
from guardrails.diff import covers, field_text
from guardrails.kinds import changeable
from guardrails.operations.args import (
    ApplyArgs,
    CreateJobArgs,
    DeleteArgs,
    EditArgs,
    EvictArgs,
    RestartArgs,
    ScaleArgs,
)
from guardrails.operations.edits import value_at, value_of
from guardrails.plan import FIELD_MANAGER, Step
from guardrails.requests import fields_written
from tools.change.objects import read_object
from tools.cluster.transport import Transport


class Settled(Enum):
    """What reading showed."""

    APPLIED = "applied"
    NOT_APPLIED = "not applied"
    STILL_UNKNOWN = "still unknown"


class Reading(msgspec.Struct, frozen=True):
    """The verdict and why. `uid` is that of an object that the step made."""

    state: Settled
    text: str
    uid: str = ""


def read_back(reader: Transport, step: Step, sent_at: str) -> Reading:
    """Read the object and judge whether the step was applied at or after `sent_at` (RFC 3339)."""
    match step.args:
        case CreateJobArgs(job=job):
            return _created(reader, "Job", step.ref.namespace, job, f"Job {step.ref.namespace}/{job}")
        case ApplyArgs(exists=False):
            return _created(reader, step.ref.kind, step.ref.namespace, step.ref.name, step.ref.title)
        case EvictArgs() | DeleteArgs():
            return _removed(reader, step)
        case _:
            return _changed(reader, step, sent_at)


def _changed(reader: Transport, step: Step, sent_at: str) -> Reading:
    ref = step.ref
    body = read_object(reader, changeable(ref.kind), ref.namespace, ref.name)
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


def _created(reader: Transport, kind: str, namespace: str, name: str, title: str) -> Reading:
    body = read_object(reader, changeable(kind), namespace, name)
    if body is None:
        return Reading(Settled.NOT_APPLIED, f"{title} is not there")
    if any(text(entry, "manager") == FIELD_MANAGER for entry in children(body, "metadata", "managedFields")):
        return Reading(Settled.APPLIED, f"{title} is there, written by {FIELD_MANAGER}", text(body, "metadata", "uid"))
    return Reading(Settled.STILL_UNKNOWN, f"{title} is there, but {FIELD_MANAGER} is not seen to have written it")


def _removed(reader: Transport, step: Step) -> Reading:
    ref = step.ref
    body = read_object(reader, changeable(ref.kind), ref.namespace, ref.name)
    if body is None or dig(body, "metadata", "uid") != ref.uid or text(body, "metadata", "deletionTimestamp"):
        return Reading(Settled.APPLIED, f"{ref.title} is gone or on its way out")
    return Reading(Settled.NOT_APPLIED, f"{ref.title} is still there")


def _carries(body: dict[str, Any], step: Step) -> bool:
    match step.args:
        case ScaleArgs(after=after):
            return number(body, "spec", "replicas", default=1) == after
        case RestartArgs(restarted_at=moment):
            return all(field_text(body, pointer) == f'"{moment}"' for pointer in fields_written(step.args))
        case EditArgs(edits=edits):
            return all(not edit.after or covers(value_of(edit.after), value_at(body, edit.pointer)) for edit in edits)
        case _:
            return True


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
