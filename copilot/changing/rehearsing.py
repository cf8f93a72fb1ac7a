"""Reads the server's answer to a rehearsal: what would be stored, what of it nobody asked for, and what is not as asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, assert_never

import msgspec

from copilot.model import dig, text
from guardrails.defaults import is_default
from guardrails.diff import body_sha, covers, field_changes, field_text
from guardrails.errors import IntentError
from guardrails.operations.args import (
    ApplyArgs,
    CreateJobArgs,
    DeleteArgs,
    EditArgs,
    EvictArgs,
    RestartArgs,
    ScaleArgs,
)
from guardrails.operations.edits import applied, pointer_of, value_at
from guardrails.plan import DryRun, DryRunState, FieldChange, Step
from guardrails.redaction import redact
from guardrails.requests import fields_written
from guardrails.steps import Outcome, SendState
from tools.cluster.prune import DATA_KEYS, prune


def rehearsal_of(purpose: str, step: Step, outcome: Outcome, before: Mapping[str, Any]) -> DryRun:
    """What a server-side dry run showed, against the object as it was. Values pass through redaction."""
    if outcome.state in (SendState.UNKNOWN, SendState.NOT_SENT):
        return DryRun(purpose, DryRunState.NOT_DONE, (), "", outcome.message)
    if outcome.state is not SendState.APPLIED:
        # A webhook with side effects makes the server answer 400; the change itself may be fine.
        unable = outcome.status == 400 and "dry run" in outcome.message.lower()
        state = DryRunState.NOT_DONE if unable else DryRunState.REFUSED
        return DryRun(purpose, state, (), "", redact(outcome.message))
    if isinstance(step.args, EvictArgs | DeleteArgs):
        return DryRun(purpose, DryRunState.DONE, (), "", "")  # the answer says yes and nothing about the object
    old, new = _comparable(step, shown_body(before), shown_body(outcome.body))
    other = not_as_asked(step, before, new)
    shown = tuple(
        redacted(change) for change in field_changes(old, new, asked_pointers(step)) if _worth_telling(change)
    )
    return DryRun(purpose, DryRunState.REFUSED if other else DryRunState.DONE, shown, _sha(outcome.body, new), other)


def planned_changes(step: Step, body: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """The field diff that the request alone makes, for when the server was not asked."""
    match step.args:
        case ScaleArgs() | RestartArgs():
            pointer = next(iter(fields_written(step.args)))
            value: Any = step.args.after if isinstance(step.args, ScaleArgs) else step.args.restarted_at
            return (FieldChange(pointer, field_text(body, pointer), json.dumps(value), asked=True),)
        case EditArgs(edits=edits):
            return tuple(redacted(FieldChange(edit.pointer, edit.before, edit.after, asked=True)) for edit in edits)
        case CreateJobArgs(document=document):
            return _all_asked({}, msgspec.json.decode(document))
        case ApplyArgs(document=document):
            return _all_asked(shown_body(body), shown_body(merged(body, msgspec.json.decode(document))))
        case EvictArgs() | DeleteArgs():
            return ()
        case _:
            assert_never(step.args)


def asked_pointers(step: Step) -> frozenset[str]:
    """The pointers that a step asks for, as a field diff names them."""
    match step.args:
        case CreateJobArgs(document=document) | ApplyArgs(document=document):
            return frozenset(_leaves("", msgspec.json.decode(document)))
        case EditArgs(edits=edits):
            inside = (
                pointer
                for edit in edits
                if edit.after
                for pointer in _leaves(edit.pointer, msgspec.json.decode(edit.after))
            )
            return frozenset((*fields_written(step.args), *inside, *_lists_of(edits)))
        case _:
            return fields_written(step.args)


def merged(body: Mapping[str, Any], document: Any) -> Any:
    """What applying a document makes of an object, as far as it can be told here: lists are taken whole."""
    if not isinstance(document, dict):
        return document
    result = dict(body) if isinstance(body, dict) else {}
    return result | {key: merged(result.get(key, {}), value) for key, value in document.items()}


def not_as_asked(step: Step, before: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Say so when the cluster would store something else than was asked for."""
    match step.args:
        case ScaleArgs(after=after):
            wanted: dict[str, Any] = {"/spec/replicas": after}
        case RestartArgs(restarted_at=moment):
            wanted = {pointer: moment for pointer in fields_written(step.args)}  # noqa: C420 - typed for any value
        case EditArgs(edits=edits):
            try:
                target = applied(before, edits)
            except IntentError as error:
                return error.title
            wanted = {pointer: value_at(target, pointer) for pointer in {_list_of(edit.pointer) for edit in edits}}
        case _:
            return ""
    for pointer, value in sorted(wanted.items()):
        got = value_at(new, pointer)
        if not covers(value, got):
            given = redact(field_text(new, pointer) or "nothing")
            return f"the cluster would store {given} in {pointer} instead of {redact(json.dumps(value))}"
    return ""


def redacted(change: FieldChange) -> FieldChange:
    """The same change with secrets taken out."""
    return msgspec.structs.replace(change, before=redact(change.before), after=redact(change.after))


def _comparable(
    step: Step, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Both sides in one shape: the scale subresource answers with a Scale, which has the number only."""
    if isinstance(step.args, ScaleArgs):
        return {"spec": {"replicas": dig(before, "spec", "replicas")}}, {
            "spec": {"replicas": dig(after, "spec", "replicas")}
        }
    if isinstance(step.args, CreateJobArgs):
        return {}, after
    return before, after


def shown_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without copies of the object in annotations and without field ownership; values of a ConfigMap stay."""
    copied = prune(json.loads(json.dumps(dict(body))), config_values=True)
    copied.pop(DATA_KEYS, None)
    return copied


def _sha(body: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The hash of a result; of a new object without its uid, which is another one in every rehearsal."""
    uid = text(body, "metadata", "uid")
    return body_sha(json.loads(json.dumps(dict(new)).replace(uid, "UID"))) if uid else body_sha(new)


def _worth_telling(change: FieldChange) -> bool:
    return change.asked or bool(change.before) or not is_default(change.path, change.after)


def _all_asked(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    return tuple(redacted(msgspec.structs.replace(change, asked=True)) for change in field_changes(before, after))


def _leaves(at: str, value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        return [leaf for key, below in value.items() for leaf in _leaves(at + pointer_of(key), below)]
    if isinstance(value, list) and value:
        return [at, *(leaf for index, below in enumerate(value) for leaf in _leaves(f"{at}/{index}", below))]
    return [at]


def _list_of(pointer: str) -> str:
    """The list that a position is in, or the pointer itself."""
    head, _, last = pointer.rpartition("/")
    return head if last.isdigit() else pointer


def _lists_of(edits: Any) -> list[str]:
    return [_list_of(edit.pointer) for edit in edits]
