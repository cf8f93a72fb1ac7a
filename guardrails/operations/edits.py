"""Fields before and after: found by comparing, applied to a copy, turned round. Pure; what it yields undoes exactly."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from copilot.model import dig
from guardrails.errors import IntentError
from guardrails.operations.args import Edit


def json_text(value: Any) -> str:
    """A value as JSON text in one spelling; "" for what is absent (None)."""
    return "" if value is None else json.dumps(value, sort_keys=True, separators=(",", ":"))


def value_of(text: str) -> Any:
    """The value of JSON text; None for "" (absent)."""
    return json.loads(text) if text else None


def pointer_of(*steps: str | int) -> str:
    """The JSON pointer of some keys and positions."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def steps_of(pointer: str) -> tuple[str, ...]:
    """The keys and positions of a JSON pointer.

    Raises:
        IntentError: it is not one.
    """
    if not pointer.startswith("/"):
        raise IntentError(f"{pointer!r} is not a JSON pointer", "Write it like /spec/minReadySeconds.")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def value_at(body: Any, pointer: str) -> Any:
    """What stands at a pointer; None where there is nothing."""
    return dig(body, *_typed(body, steps_of(pointer)))


def edit_at(body: Mapping[str, Any], pointer: str, after: str, where: str = "") -> Edit:
    """The edit that gives one field its new value. Where a parent is missing, the parent is what is added.

    Raises:
        IntentError: the path leads through something that has no fields, or to a position that the list does not have.
    """
    steps = steps_of(pointer)
    here: Any = body
    for depth, step in enumerate(steps):
        key = _key(here, step)
        below = dig(here, key)
        last = depth == len(steps) - 1
        if not isinstance(here, (dict, list)) or (isinstance(here, list) and below is None):
            raise IntentError(f"There is no {pointer} in the object", "Read it with kubectl get -o yaml.")
        if last or below is None:
            missing = steps[depth + 1 :]
            if any(name.isdigit() for name in missing[:-1]):  # a list that is not there has no positions
                break
            value = value_of(after)
            for name in reversed(missing):
                value = None if value is None else {name: value}
            return Edit(pointer_of(*steps[: depth + 1]), json_text(below), json_text(value), where)
        here = below
    raise IntentError(f"There is no {pointer} in the object", "Read it with kubectl get -o yaml.")


def edits_between(before: Any, after: Any, at: str) -> tuple[Edit, ...]:
    """The smallest edits that lead from one value to another; lists of different lengths are taken whole."""
    found: list[Edit] = []
    waiting = [(at, before, after)]
    while waiting:
        pointer, old, new = waiting.pop()
        if json_text(old) == json_text(new):
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            keys = sorted(old.keys() | new.keys(), reverse=True)
            waiting += [(pointer + pointer_of(key), old.get(key), new.get(key)) for key in keys]
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            pairs = list(enumerate(zip(old, new, strict=True)))
            waiting += [(f"{pointer}/{index}", *pair) for index, pair in reversed(pairs)]
        else:
            found.append(Edit(pointer, json_text(old), json_text(new)))
    return tuple(found)


def turned_round(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """The edits that lead back, in the order in which they do."""
    back = [msgspec.structs.replace(edit, before=edit.after, after=edit.before) for edit in edits]
    return tuple(reversed(back))


def operations(edits: Iterable[Edit]) -> list[dict[str, Any]]:
    """The JSON Patch operations (RFC 6902) that make the edits."""
    made: list[dict[str, Any]] = []
    for edit in edits:
        if edit.before == edit.after:
            continue
        if not edit.after:
            made.append({"op": "remove", "path": edit.pointer})
        else:
            verb = "replace" if edit.before else "add"
            made.append({"op": verb, "path": edit.pointer, "value": value_of(edit.after)})
    return made


def old_values_tested(edits: Iterable[Edit]) -> list[dict[str, Any]]:
    """The JSON Patch operations that hold only while every old value is still there.

    An insertion into a list has no old value; what is absent from an object tests as null (evanphx/json-patch, which
    the API server uses).
    """
    seen: set[str] = set()
    made = []
    for edit in edits:
        position = edit.pointer.rpartition("/")[2].isdigit()
        if edit.pointer in seen or (position and not edit.before):
            continue
        seen.add(edit.pointer)
        made.append({"op": "test", "path": edit.pointer, "value": value_of(edit.before)})
    return made


def applied(body: Mapping[str, Any], edits: Iterable[Edit]) -> dict[str, Any]:
    """A copy of an object with the edits made, as the server makes them.

    Raises:
        IntentError: the object has no such place.
    """
    result: dict[str, Any] = copy.deepcopy(dict(body))
    for operation in operations(edits):
        *parents, last = steps_of(operation["path"])
        parent = dig(result, *_typed(result, tuple(parents)))
        if isinstance(parent, list) and last.isdigit() and int(last) <= len(parent):
            _change_list(parent, int(last), operation)
        elif isinstance(parent, dict):
            if operation["op"] == "remove":
                parent.pop(last, None)
            else:
                parent[last] = operation["value"]
        else:
            raise IntentError(f"There is no {operation['path']} in the object", "Make a new plan.")
    return result


def _change_list(parent: list[Any], index: int, operation: dict[str, Any]) -> None:
    if operation["op"] == "add":
        parent.insert(index, operation["value"])
    elif operation["op"] == "remove":
        del parent[index : index + 1]
    else:
        parent[index : index + 1] = [operation["value"]]


def _typed(body: Any, steps: tuple[str, ...]) -> list[str | int]:
    """The steps with positions as numbers, wherever the body has a list."""
    typed: list[str | int] = []
    for step in steps:
        typed.append(_key(body, step))
        body = dig(body, typed[-1])
    return typed


def _key(here: Any, step: str) -> str | int:
    return int(step) if isinstance(here, list) and step.isdigit() and len(step) < 6 else step
