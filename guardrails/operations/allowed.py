"""Says whether a step's fields are those of its operation. The writer asks again, so a mislabelled step is never sent."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from guardrails.errors import ChangeRefused
from guardrails.kinds import Changeable, changeable
from guardrails.operations.args import ApplyArgs, CreateJobArgs, DeleteArgs, Edit, EditArgs, StepArgs, operation_of
from guardrails.operations.edits import pointer_of, value_of
from guardrails.operations.op import Op
from guardrails.operations.patchable import may_patch

_CONTAINER = r"/(containers|initContainers)/[0-9]{1,3}"
_KEY = r"/[^/]+"
# Fields that say what the object is, or that only the server and controllers may write.
_NEVER = ("/apiVersion", "/kind", "/status", "/metadata/name", "/metadata/namespace", "/metadata/uid",
          "/metadata/resourceVersion", "/metadata/finalizers", "/metadata/ownerReferences", "/metadata/managedFields",
          "/metadata/generation", "/metadata/creationTimestamp", "/metadata/deletionTimestamp")  # fmt: skip
SWITCHES = {
    Op.CORDON: ("/spec/unschedulable", "true"),
    Op.UNCORDON: ("/spec/unschedulable", ""),
    Op.PAUSE: ("/spec/paused", "true"),
    Op.RESUME: ("/spec/paused", ""),
    Op.SUSPEND: ("/spec/suspend", "true"),
    Op.UNSUSPEND: ("/spec/suspend", "false"),
}


def require_allowed(kind_name: str, args: StepArgs, ref_group: str, ref_resource: str) -> None:
    """Check that a step does to its kind what its operation may do.

    Raises:
        ChangeRefused: the kind cannot be changed so, or a field is not one of the operation's.
    """
    operation = operation_of(args)
    try:
        kind = changeable(kind_name)
    except KeyError:
        raise _refused(f"A {kind_name} cannot be changed") from None
    if operation not in kind.ops or (kind.group, kind.resource) != (ref_group, ref_resource):
        raise _refused(f"{operation.value} is not for a {kind_name}")
    match args:
        case EditArgs(edits=edits):
            for edit in edits:
                if not _fits(kind, operation, edit):
                    raise _refused(f"{operation.value} may not write {edit.pointer} of a {kind_name}")
        case DeleteArgs(grace_seconds=0):
            raise _refused("A grace period of 0 kills without warning")
        case ApplyArgs(document=document):
            _require_document(document, kind.kind, kind.api_version)
        case CreateJobArgs(document=document):
            _require_document(document, "Job", changeable("Job").api_version)
        case _:
            if getattr(args, "grace_seconds", None) == 0:
                raise _refused("A grace period of 0 kills without warning")


def _fits(kind: Changeable, operation: Op, edit: Edit) -> bool:
    template = pointer_of(*kind.template)
    pointer = edit.pointer
    match operation:
        case Op.LABEL | Op.ANNOTATE:
            marks = "/metadata/labels" if operation is Op.LABEL else "/metadata/annotations"
            return bool(re.fullmatch(f"{marks}({_KEY})?", pointer))
        case Op.SET_IMAGE:
            return bool(kind.template) and bool(re.fullmatch(f"{re.escape(template)}/spec{_CONTAINER}/image", pointer))
        case Op.SET_RESOURCES:
            return bool(kind.template) and bool(
                re.fullmatch(f"{re.escape(template)}/spec{_CONTAINER}/resources", pointer)
            )
        case Op.SET_ENV:
            return bool(kind.template) and bool(
                re.fullmatch(f"{re.escape(template)}/spec{_CONTAINER}/env(/[0-9]{{1,4}})?", pointer)
            )
        case Op.ROLLBACK:
            return bool(kind.template) and (pointer == template or pointer.startswith(f"{template}/"))
        case Op.PATCH:
            return _inside(kind.kind, edit)
        case Op.TAINT:
            return pointer == "/spec/taints"
        case Op.RESTORE:
            return not any(pointer == never or pointer.startswith(f"{never}/") for never in _NEVER) and pointer != ""
        case _:
            return operation in SWITCHES and pointer == SWITCHES[operation][0]


def _inside(kind: str, edit: Edit) -> bool:
    """Tell whether an edit, and every field of a parent that it adds or takes away, may be patched."""
    if may_patch(kind, edit.pointer):
        return True
    values = [value for text in (edit.before, edit.after) if (value := value_of(text)) is not None]
    return all(isinstance(value, dict) and value for value in values) and all(
        may_patch(kind, leaf) for value in values for leaf in _leaves(edit.pointer, value)
    )


def _leaves(pointer: str, value: Any) -> list[str]:
    if not isinstance(value, dict):
        return [pointer]
    return [leaf for key, below in value.items() for leaf in _leaves(pointer + pointer_of(key), below)]


def _require_document(document: str, kind: str, api_version: str) -> None:
    try:
        body = msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError):
        raise _refused("The document is not JSON") from None
    if not isinstance(body, dict) or (body.get("kind"), body.get("apiVersion")) != (kind, api_version):
        raise _refused(f"The document is not a {kind} of {api_version}")


def _refused(title: str) -> ChangeRefused:
    return ChangeRefused(title, "Nothing was sent.")
