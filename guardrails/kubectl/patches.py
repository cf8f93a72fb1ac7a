"""Reads the text of a patch into a typed change. A patch may do one thing, and only to fields that have an operation.

Promise: nothing of the text reaches a request but values of fields that an allow-list names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from guardrails.kinds import changeable
from guardrails.kubectl import values
from guardrails.kubectl.refusal import KubectlRefused
from guardrails.operations import (
    Annotate,
    ChangeIntent,
    ContainerImage,
    Cordon,
    FieldValue,
    Label,
    Mark,
    Op,
    PatchFields,
    Pause,
    Resume,
    Scale,
    SetImage,
    Suspend,
    Target,
    Uncordon,
    Unsuspend,
)
from guardrails.operations.patchable import may_patch, patchable

_DEPTH = 12  # levels: deeper than any field that may be patched
_MARKS = ("labels", "annotations")
_SWITCHES: Mapping[str, tuple[Op, type[Any], type[Any]]] = {
    "/spec/suspend": (Op.SUSPEND, Suspend, Unsuspend),
    "/spec/paused": (Op.PAUSE, Pause, Resume),
    "/spec/unschedulable": (Op.CORDON, Cordon, Uncordon),
}
_GONE = object()

Leaf = tuple[tuple[str, ...], Any]  # where, and the new value; `_GONE` takes it away


def patched(target: Target, text: str, style: str) -> ChangeIntent:
    """The change that a patch asks for.

    Raises:
        KubectlRefused: it is no patch, does several things, or names a field that has no operation.
    """
    try:
        document = msgspec.json.decode(text.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        raise KubectlRefused(
            "the patch is not JSON", """kubectl patch KIND/NAME -p '{"spec":{"FIELD":VALUE}}'"""
        ) from None
    leaves = list(_operations(document) if style == "json" else _leaves(document, ()))
    if not leaves:
        raise KubectlRefused("the patch names no field")
    intent = (
        _single(target, leaves) or _marks(target, leaves) or (_images(target, leaves) if style == "strategic" else None)
    )
    return intent or _fields(target, leaves)


def _leaves(document: Any, where: tuple[str, ...]) -> Iterator[Leaf]:
    if len(where) > _DEPTH:
        raise KubectlRefused("the patch is nested too deeply")
    if isinstance(document, dict) and (document or not where):
        for key, value in document.items():
            yield from _leaves(value, (*where, key))
    elif not where:
        raise KubectlRefused("the patch is not a JSON object")
    else:
        yield where, _GONE if document is None else document


def _operations(document: Any) -> Iterator[Leaf]:
    if not isinstance(document, list):
        raise KubectlRefused("a JSON patch is a list of operations")
    for entry in document:
        path = entry.get("path") if isinstance(entry, dict) else None
        if not isinstance(path, str) or not path.startswith("/") or entry.get("op") not in ("add", "replace", "remove"):
            raise KubectlRefused("a JSON patch holds add, replace and remove operations with a path")
        where = tuple(step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/"))
        yield where, _GONE if entry["op"] == "remove" else entry.get("value")


def _pointer(where: tuple[str, ...]) -> str:
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in where)


def _single(target: Target, leaves: list[Leaf]) -> ChangeIntent | None:
    """The fields that have an operation of their own."""
    if len(leaves) != 1:
        return None
    where, value = leaves[0]
    pointer = _pointer(where)
    if pointer == "/spec/replicas" and _can(target, Op.SCALE):
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
            raise KubectlRefused("the replicas are a whole number")
        return Scale(target, value)
    if pointer not in _SWITCHES:
        return None
    op, switch_on, switch_off = _SWITCHES[pointer]
    if not _can(target, op) or not isinstance(value, bool):
        return None
    made: ChangeIntent = (switch_on if value else switch_off)(target)
    return made


def _marks(target: Target, leaves: list[Leaf]) -> ChangeIntent | None:
    places = {where[:2] for where, _ in leaves}
    if len(places) != 1 or any(len(where) != 3 for where, _ in leaves):
        return None
    (place,) = places
    if place[0] != "metadata" or place[1] not in _MARKS or not _can(target, Op.LABEL):
        return None
    marks = []
    for (_, _, key), value in leaves:
        text = None if value is _GONE else value
        shape = values.LABEL_VALUE if place[1] == "labels" else None
        fits = text is None or (
            isinstance(text, str) and len(text) <= 1024 and (shape is None or shape.fullmatch(text))
        )
        if not values.LABEL_KEY.fullmatch(key) or not fits:
            raise KubectlRefused(f"{place[1]} are text by key")
        marks.append(Mark(key, text))
    return (Label if place[1] == "labels" else Annotate)(target, tuple(marks), overwrite=True)


def _images(target: Target, leaves: list[Leaf]) -> ChangeIntent | None:
    """A strategic patch that names containers with new images."""
    (where, entries), *more = leaves
    if (
        more
        or where[-1] != "containers"
        or not _can(target, Op.SET_IMAGE)
        or where[:-2] != changeable(target.kind or "").template
    ):
        return None
    if not isinstance(entries, list) or not entries or not all(map(_is_image, entries)):
        raise KubectlRefused(
            "of its containers a patch may set the image only", "kubectl set image KIND/NAME CONTAINER=IMAGE"
        )
    images = tuple(ContainerImage(str(entry["name"]), str(entry["image"])) for entry in entries)
    return SetImage(target, images)


def _is_image(entry: Any) -> bool:
    if (
        not isinstance(entry, dict)
        or set(entry) != {"name", "image"}
        or not all(isinstance(one, str) for one in entry.values())
    ):
        return False
    return bool(values.CONTAINER.fullmatch(entry["name"]) and values.IMAGE.fullmatch(entry["image"]))


def _fields(target: Target, leaves: list[Leaf]) -> ChangeIntent:
    kind = target.kind or ""
    fields = []
    for where, value in leaves:
        pointer = _pointer(where)
        if not may_patch(kind, pointer):
            able = patchable(kind)
            offer = f"it may be one of {', '.join(able[:3])}, …" if able else "nothing of this kind is patched"
            raise KubectlRefused(f"a patch may not name {pointer[:120]} of a {kind}: {offer}")
        if isinstance(value, dict | list):
            raise KubectlRefused(f"{pointer[:120]} takes one value")
        text = "" if value is _GONE else msgspec.json.encode(value).decode("utf-8")
        fields.append(FieldValue(pointer, text))
    if len({field.pointer for field in fields}) < len(fields):
        raise KubectlRefused("a field is named twice")
    return PatchFields(target, tuple(fields))


def _can(target: Target, op: Op) -> bool:
    try:
        return op in changeable(target.kind or "").ops
    except KeyError:
        return False
