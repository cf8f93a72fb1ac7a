"""Says in one line what a step does. The card, the journal and the questions use the same words."""

from __future__ import annotations

from typing import Any, assert_never

from guardrails.operations.args import (
    ApplyArgs,
    CreateJobArgs,
    DeleteArgs,
    Edit,
    EditArgs,
    EvictArgs,
    RestartArgs,
    ScaleArgs,
)
from guardrails.operations.edits import value_of
from guardrails.operations.intents import Cascade
from guardrails.operations.op import Op
from guardrails.plan import Step

_BELOW = {
    Cascade.BACKGROUND: "what it owns is deleted after it",
    Cascade.FOREGROUND: "what it owns is deleted first",
    Cascade.ORPHAN: "what it owns stays, without an owner",
}
_SWITCHED = {
    Op.CORDON: "Cordon {}: no new pods on it",
    Op.UNCORDON: "Uncordon {}: new pods may land on it again",
    Op.PAUSE: "Pause the rollouts of {}",
    Op.RESUME: "Resume the rollouts of {}",
    Op.SUSPEND: "Suspend {}: it starts no more pods",
    Op.UNSUSPEND: "Let {} run again",
}


def effect(step: Step) -> str:
    """One line: what the step does."""
    title = step.ref.title
    match step.args:
        case ScaleArgs(before=before, after=after):
            return f"Scale {title} from {before} to {after} replicas"
        case RestartArgs():
            return f"Restart {title}: replace every pod by a new one of the same template"
        case EditArgs():
            return _edited(title, step.args)
        case EvictArgs(grace_seconds=grace):
            return f"Evict {title}{_grace(grace)}"
        case DeleteArgs(cascade=cascade, grace_seconds=grace):
            return f"Delete {title}{_grace(grace)}: {_BELOW[cascade]}"
        case CreateJobArgs(job=job):
            return f"Create Job {step.ref.namespace}/{job} from {title}"
        case ApplyArgs(exists=exists):
            return f"Apply the document to {title}" if exists else f"Create {title} from the document"
        case _:
            assert_never(step.args)


def _edited(title: str, args: EditArgs) -> str:
    match args.operation:
        case Op.ROLLBACK:
            return f"Roll back {title} to {args.subject}"
        case Op.SET_IMAGE:
            images = [
                f"{edit.where or 'container'} {value_of(edit.before)} -> {value_of(edit.after)}" for edit in args.edits
            ]
            return f"Set the image of {title}: {', '.join(images)}"
        case Op.SET_RESOURCES:
            return f"Set resources of {title}: {_containers(args)}"
        case Op.SET_ENV:
            return f"Set the environment of {title}: {_containers(args)}: {', '.join(_variables(args))}"
        case Op.LABEL | Op.ANNOTATE:
            marks = ", ".join(_mark(edit) for edit in args.edits)
            return f"{'Label' if args.operation is Op.LABEL else 'Annotate'} {title}: {marks or 'nothing'}"
        case Op.TAINT:
            before, after = (value_of(side) or [] for side in (args.edits[0].before, args.edits[0].after))
            return f"Taint {title}: {_taints(before)} -> {_taints(after)}"
        case Op.PATCH:
            return f"Patch {title}: {', '.join(edit.pointer for edit in args.edits) or 'nothing'}"
        case Op.RESTORE:
            return f"Restore {title} {args.subject}: {len(args.edits)} field{'s'[: len(args.edits) != 1]}"
        case _:
            return _SWITCHED[args.operation].format(title)


def _grace(seconds: int | None) -> str:
    return "" if seconds is None else f" with {seconds} s of grace"


def _containers(args: EditArgs) -> str:
    names = dict.fromkeys(edit.where for edit in args.edits)
    return f"container{'s'[: len(names) != 1]} {', '.join(names)}" if names else "nothing"


def _variables(args: EditArgs) -> list[str]:
    """The variables that an environment gets and loses, container by container."""
    said = []
    for edit in args.edits:
        before, after = (_entries(value_of(side)) for side in (edit.before, edit.after))
        said += [f"{name}={value}" for name, value in after.items() if before.get(name) != value]
        said += [f"{name} away" for name in before.keys() - after.keys()]
    return said


def _entries(value: Any) -> dict[str, str]:
    listed = value if isinstance(value, list) else [value]
    return {each.get("name", ""): each.get("value", "(a reference)") for each in listed if isinstance(each, dict)}


def _mark(edit: Edit) -> str:
    parts = edit.pointer.split("/", 3)
    if len(parts) < 4:
        whole: Any = value_of(edit.after) or value_of(edit.before) or {}
        return ", ".join(f"{key}={value}" if edit.after else f"{key} away" for key, value in whole.items())
    key = parts[3].replace("~1", "/").replace("~0", "~")
    return f"{key}={value_of(edit.after)}" if edit.after else f"{key} away"


def _taints(taints: Any) -> str:
    named = [
        f"{each.get('key')}={each.get('value', '')}:{each.get('effect')}" for each in taints if isinstance(each, dict)
    ]
    return ", ".join(named) or "none"
