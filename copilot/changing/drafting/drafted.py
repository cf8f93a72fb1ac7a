"""What drafting yields: the steps of a change, the steps that lead back, and what the draft itself found out."""

from __future__ import annotations

from typing import Any

import msgspec

from copilot.changing.lookup import Found
from guardrails.errors import ChangeRefused
from guardrails.facts import Eviction
from guardrails.operations.args import ApplyArgs, Edit, EditArgs, StepArgs
from guardrails.operations.edits import turned_round
from guardrails.operations.op import Op
from guardrails.plan import ObjectRef
from guardrails.redaction import redact


class Part(msgspec.Struct, frozen=True):
    """One step before it is compiled, with the object as it is now."""

    ref: ObjectRef
    args: StepArgs
    body: dict[str, Any]


class Drafted(msgspec.Struct, frozen=True):
    """A change before the server was asked anything.

    `back` leads back, in order. `way_back` says in words what undo would do when that cannot be compiled yet.
    `refusals`, `irreversible` and `unchecked` are lines for the card.
    """

    parts: tuple[Part, ...]
    back: tuple[Part, ...] = ()
    refusals: tuple[str, ...] = ()
    evictions: tuple[Eviction, ...] = ()
    irreversible: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    way_back: str = ""


_OPPOSITE = {
    Op.CORDON: Op.UNCORDON, Op.UNCORDON: Op.CORDON, Op.PAUSE: Op.RESUME, Op.RESUME: Op.PAUSE,
    Op.SUSPEND: Op.UNSUSPEND, Op.UNSUSPEND: Op.SUSPEND,
}  # fmt: skip


def edited(found: Found, operation: Op, edits: tuple[Edit, ...], subject: str = "") -> Drafted:
    """A change of fields of one object, with its way back."""
    require_no_secret(edits)
    args = EditArgs(operation, edits, subject)
    back = turned(args) if any(edit.before != edit.after for edit in edits) else None
    return Drafted(
        parts=(Part(found.ref, args, found.body),), back=(Part(found.ref, back, found.body),) if back else ()
    )


def turned(args: EditArgs) -> EditArgs:
    """The arguments that lead back."""
    subject = "the template before" if args.operation is Op.ROLLBACK else ""
    return EditArgs(_OPPOSITE.get(args.operation, args.operation), turned_round(args.edits), subject)


def restated(args: StepArgs) -> StepArgs:
    """The way back as it can be rehearsed now, while the object and its old values still stand: the server checks them."""
    match args:
        case EditArgs(operation=operation, edits=edits, subject=subject):
            same = tuple(msgspec.structs.replace(edit, before=edit.after) for edit in edits)
            return EditArgs(operation, same, subject)
        case ApplyArgs(document=document):
            return ApplyArgs(document, exists=True)
        case _:
            return args


def require_no_secret(edits: tuple[Edit, ...]) -> None:
    """Stop where a value looks like a secret: it would stand in the plan, on the card and in the journal.

    Raises:
        ChangeRefused: a new or an old value looks like one.
    """
    for edit in edits:
        for text, which in ((edit.after, "new"), (edit.before, "old")):
            name = edit.pointer.rpartition("/")[2].replace('"', "")
            if redact(text) != text or redact(f'{{"{name}":{text or 0}}}') != f'{{"{name}":{text or 0}}}':
                raise ChangeRefused(
                    f"The {which} value of {edit.pointer} looks like a secret, and a plan is kept in the journal",
                    "Keep the value in a Secret and refer to it; change this one with your own tools.",
                )
