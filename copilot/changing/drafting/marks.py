"""Drafts labels, annotations and taints: keys that are added, changed and taken away, never a whole map."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from copilot.changing.drafting.drafted import Drafted, edited
from copilot.changing.lookup import Found
from copilot.model import children, dig, mapping, text
from guardrails.errors import IntentError
from guardrails.operations import Annotate, Label, Mark, Op, Taint
from guardrails.operations.args import Edit
from guardrails.operations.edits import json_text, pointer_of

_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_MAX_ANNOTATION = 4096  # characters: the API takes 256 KiB, and nobody reads that on a card


def mark(found: Found, intent: Label | Annotate) -> Drafted:
    """Add, change and take away labels or annotations.

    Raises:
        IntentError: a key or value is not one, or a key has another value already and may not be overwritten.
    """
    labels = isinstance(intent, Label)
    field = "labels" if labels else "annotations"
    for each in intent.marks:
        _require_mark(each, labels=labels)
    if len({each.key for each in intent.marks}) < len(intent.marks):
        raise IntentError("A key is named twice", "Name each key once.")
    present = mapping(found.body, "metadata", field)
    taken = [
        each.key for each in intent.marks if each.value is not None and present.get(each.key) not in (None, each.value)
    ]
    if taken and not intent.overwrite:
        raise IntentError(
            f"{found.ref.title} has another value for {', '.join(taken)}", "Say overwriting at the end to replace it."
        )
    operation = Op.LABEL if labels else Op.ANNOTATE
    return edited(found, operation, _mark_edits(found.body, field, present, intent.marks))


def taint(found: Found, intent: Taint) -> Drafted:
    """Add taints to a node and take some away.

    Raises:
        IntentError: a taint is there already, is not there, or is not one.
    """
    present = [dict(each) for each in children(found.body, "spec", "taints")]
    kept = list(present)
    for old in intent.remove:
        left = [each for each in kept if not _same(each, old.key, old.effect.value if old.effect else None)]
        if len(left) == len(kept):
            raise IntentError(f"{found.ref.title} has no taint {old.key}", f"It has: {_taints(present)}.")
        kept = left
    for new in intent.add:
        if not _KEY.fullmatch(new.key) or not _LABEL_VALUE.fullmatch(new.value):
            raise IntentError(f"{new.key}={new.value} is not a taint", "Write it as KEY=VALUE:EFFECT.")
        same = [each for each in kept if _same(each, new.key, new.effect.value)]
        if same and not intent.overwrite and text(same[0], "value") != new.value:
            raise IntentError(
                f"{found.ref.title} has the taint {_taints(same)}", "Say overwriting at the end to replace it."
            )
        added = {"key": new.key, "effect": new.effect.value} | ({"value": new.value} if new.value else {})
        if not same or text(same[0], "value") != new.value:
            kept = [each for each in kept if each not in same] + [added]
    before, after = json_text(dig(found.body, "spec", "taints")), json_text(kept or None)
    return edited(found, Op.TAINT, (Edit("/spec/taints", before, after),))


def _require_mark(each: Mark, *, labels: bool) -> None:
    if not _KEY.fullmatch(each.key):
        raise IntentError(
            f"{each.key!r} is not a key", "A key is [DOMAIN/]NAME, at most 63 characters after the slash."
        )
    if each.value is None:
        return
    if labels and not _LABEL_VALUE.fullmatch(each.value):
        raise IntentError(f"{each.value!r} is not a label's value", "At most 63 letters, digits, '-', '_' and '.'.")
    if len(each.value) > _MAX_ANNOTATION:
        raise IntentError(f"The value of {each.key} is too long to be shown", f"At most {_MAX_ANNOTATION} characters.")


def _mark_edits(body: dict[str, Any], field: str, present: Any, marks: Sequence[Mark]) -> tuple[Edit, ...]:
    if not isinstance(dig(body, "metadata", field), dict):
        new = {each.key: each.value for each in marks if each.value is not None}
        return (Edit(f"/metadata/{field}", "", json_text(new)),) if new else ()
    return tuple(
        Edit(f"/metadata/{field}{pointer_of(each.key)}", json_text(present.get(each.key)), json_text(each.value))
        for each in marks
        if present.get(each.key) != each.value
    )


def _same(taint_of_node: dict[str, Any], key: str, effect: str | None) -> bool:
    return text(taint_of_node, "key") == key and effect in (None, text(taint_of_node, "effect"))


def _taints(taints: list[dict[str, Any]]) -> str:
    named = [f"{text(each, 'key')}={text(each, 'value')}:{text(each, 'effect')}" for each in taints]
    return ", ".join(named) or "none"
