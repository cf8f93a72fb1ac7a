"""Compares an object before and after, field by field. What the server always changes by itself is left out."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from copilot.model import dig, parse_quantity
from guardrails.canonical import sha256_hex
from guardrails.plan import FieldChange

# Written by the server on every change, so never part of what a person approves.
_SERVERS_OWN = ("managedFields", "resourceVersion", "generation", "selfLink", "creationTimestamp", "uid")


def normalised(body: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without status and without the metadata that the server counts up by itself."""
    kept = {key: value for key, value in body.items() if key != "status"}
    metadata = kept.get("metadata")
    if isinstance(metadata, dict):
        kept["metadata"] = {key: value for key, value in metadata.items() if key not in _SERVERS_OWN}
    return kept


def body_sha(body: Mapping[str, Any]) -> str:
    """The SHA-256 of a normalised object."""
    return sha256_hex(_json(normalised(body)).encode())


def field_changes(
    before: Mapping[str, Any], after: Mapping[str, Any], asked: Collection[str] = ()
) -> tuple[FieldChange, ...]:
    """The fields that differ, as JSON pointers in order; `asked` are the pointers the request writes."""
    found: list[FieldChange] = []
    waiting: list[tuple[str, Any, Any]] = [("", normalised(before), normalised(after))]
    while waiting:
        path, old, new = waiting.pop()
        if _json(old) == _json(new):  # not ==, which takes 1 for True
            continue
        one, two = _fields(old), _fields(new)
        if one is not None and two is not None:
            waiting.extend((f"{path}/{_pointer(key)}", one.get(key), two.get(key)) for key in one.keys() | two.keys())
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            waiting.extend((f"{path}/{index}", *pair) for index, pair in enumerate(zip(old, new, strict=True)))
        else:
            found.append(FieldChange(path, _json_or_absent(old), _json_or_absent(new), path in asked))
    return tuple(sorted(found, key=lambda change: change.path))


def field_text(body: Mapping[str, Any], pointer: str) -> str:
    """The value at a JSON pointer as JSON text; "" when it is absent."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    return _json_or_absent(dig(body, *steps))


def covers(wanted: Any, got: Any) -> bool:
    """Tell whether a value is what was asked for; more fields beside the asked ones are the cluster's doing.

    The server leaves empty values out of its answers, and writes quantities in their shortest spelling: 1000m as 1.
    """
    if isinstance(wanted, dict) and isinstance(got, dict):
        return all(covers(value, got.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(covers(one, two) for one, two in zip(wanted, got, strict=True))
    if wanted in (None, False, 0, {}, []) and got in (None, False, 0, {}, []):
        return True
    if wanted == got and isinstance(wanted, bool) == isinstance(got, bool):
        return True
    quantities = (
        (parse_quantity(wanted), parse_quantity(got)) if isinstance(wanted, str) and isinstance(got, str) else None
    )
    return quantities is not None and quantities[0] is not None and quantities[0] == quantities[1]


def _fields(value: Any) -> dict[str, Any] | None:
    """An object's fields; none for what is absent, so that fields inside are listed singly. None for any other value."""
    return {} if value is None else value if isinstance(value, dict) else None


def _pointer(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _json_or_absent(value: Any) -> str:
    return "" if value is None else _json(value)
