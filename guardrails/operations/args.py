"""What one step does, typed. A request is compiled from these and from the object's reference, and from nothing else."""

from __future__ import annotations

from typing import assert_never

import msgspec

from guardrails.operations.intents import Cascade
from guardrails.operations.op import Op


class Edit(msgspec.Struct, frozen=True):
    """One field before and after, as JSON text; "" means absent. `where` names the container that the field is in.

    A pointer whose last part is a position in a list inserts where `before` is "" and closes the gap where `after` is "".
    """

    pointer: str
    before: str
    after: str
    where: str = ""


class ScaleArgs(msgspec.Struct, frozen=True, tag="scale", tag_field="op"):
    """Replicas wanted before and after."""

    before: int
    after: int


class RestartArgs(msgspec.Struct, frozen=True, tag="restart", tag_field="op"):
    """The time written into the pod template (RFC 3339); it was fixed when the plan was made."""

    restarted_at: str


class EditArgs(msgspec.Struct, frozen=True, tag="edit", tag_field="op"):
    """Fields of one object, each from its old value to its new one. `operation` says which fields are allowed.

    `subject` is what the operation is about where the fields do not tell: "revision 3" of a rollback.
    """

    operation: Op
    edits: tuple[Edit, ...]
    subject: str = ""


class EvictArgs(msgspec.Struct, frozen=True, tag="evict", tag_field="op"):
    """One pod, through the eviction API. `grace_seconds` None means the pod's own."""

    grace_seconds: int | None = None


class DeleteArgs(msgspec.Struct, frozen=True, tag="delete", tag_field="op"):
    """One object, and what becomes of those below it."""

    cascade: Cascade
    grace_seconds: int | None = None


class CreateJobArgs(msgspec.Struct, frozen=True, tag="create_job", tag_field="op"):
    """A new Job. The step's object is the CronJob; `document` is the whole Job as JSON text."""

    job: str
    document: str


class ApplyArgs(msgspec.Struct, frozen=True, tag="apply", tag_field="op", omit_defaults=True):
    """One object as JSON text, without uid and version. `exists` False: the plan found none, so it is created.

    `again`: it was deleted through here, and is made again only where its name is still free.
    """

    document: str
    exists: bool
    again: bool = False


StepArgs = ScaleArgs | RestartArgs | EditArgs | EvictArgs | DeleteArgs | CreateJobArgs | ApplyArgs


def operation_of(args: StepArgs) -> Op:
    """The operation that some arguments are for."""
    match args:
        case ScaleArgs():
            return Op.SCALE
        case RestartArgs():
            return Op.RESTART
        case EditArgs(operation=operation):
            return operation
        case EvictArgs():
            return Op.EVICT
        case DeleteArgs():
            return Op.DELETE
        case CreateJobArgs():
            return Op.CREATE_JOB
        case ApplyArgs():
            return Op.APPLY
        case _:
            assert_never(args)
