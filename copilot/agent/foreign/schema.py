"""What a foreign tool takes, as far as it can be said safely: a small part of JSON Schema, without patterns, references and prose.

The rest of the schema is left to the server, which checks its arguments itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from copilot.redacting import plain

MAX_SCHEMA = 6_000  # characters of what is kept: about 1,700 tokens of the model's context
MAX_DEPTH = 8
MOST_PARTS = 400  # of one schema, with its references followed: they may multiply
MOST_CHOICES = 60  # values of an enum
MAX_CHOICE = 80  # characters of one of them: a word, never an order
MAX_PROSE = 200  # characters that are told of one argument
_NAME = re.compile(r"[A-Za-z0-9_.$@-]{1,64}")
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "array": (list,), "object": (dict,), "null": (type(None),),
}  # fmt: skip
_BOUNDS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")


class Unfit(Exception):  # noqa: N818 - it says why a tool is left out; nothing broke
    """The schema says what cannot be offered to a model."""


def reduced(schema: Any) -> dict[str, Any]:
    """The part of a tool's schema that is offered and checked.

    Raises:
        Unfit: it is no object's schema, is too large or deep, or has names that are none.
    """
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        raise Unfit("its arguments are no object")
    defs = schema.get("$defs", schema.get("definitions"))
    found = _Reduction(defs if isinstance(defs, dict) else {}).part({**schema, "type": "object"})
    found = {"properties": {}, **found, "type": "object"}
    if len(json.dumps(found)) > MAX_SCHEMA:
        raise Unfit("its arguments take too much of a model's context")
    return found


class _Reduction:
    """One schema on its way: its definitions, and how many parts may still come."""

    def __init__(self, defs: Mapping[str, Any]) -> None:
        self._defs = defs
        self._left = MOST_PARTS

    def part(self, part: Any, depth: int = 0) -> dict[str, Any]:
        """One part, with what it refers to in its place."""
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            raise Unfit("its arguments are nested too deeply")
        if not isinstance(part, dict):
            return {}
        pointed = part.get("$ref")
        if isinstance(pointed, str):
            return self.part(self._defs.get(pointed.rpartition("/")[2]), depth + 1)
        found: dict[str, Any] = {}
        kinds = part.get("type")
        named = [kind for kind in (kinds if isinstance(kinds, list) else [kinds]) if isinstance(kind, str) and kind in _TYPES]  # fmt: skip
        if named:
            found["type"] = named if len(named) > 1 else named[0]
        choices = part.get("enum", [part["const"]] if "const" in part else None)
        if isinstance(choices, list):
            found["enum"] = [_choice(one) for one in choices[: MOST_CHOICES + 1]]
            if len(choices) > MOST_CHOICES:
                raise Unfit(f"one argument has more than {MOST_CHOICES} choices")
        found |= {key: part[key] for key in _BOUNDS if isinstance(part.get(key), (int, float)) and not isinstance(part[key], bool)}  # fmt: skip
        found |= self._inner(part, depth)
        return found

    def _inner(self, part: dict[str, Any], depth: int) -> dict[str, Any]:
        """What stands below: properties, items, alternatives."""
        found: dict[str, Any] = {}
        properties = part.get("properties")
        if isinstance(properties, dict):
            if any(not isinstance(name, str) or _NAME.fullmatch(name) is None for name in properties):
                raise Unfit("an argument has a name that is none")
            found["properties"] = {name: self.part(below, depth + 1) for name, below in properties.items()}
            required = part.get("required")
            if isinstance(required, list):
                found["required"] = [name for name in required if isinstance(name, str) and name in properties]
        if part.get("additionalProperties") is False:
            found["additionalProperties"] = False
        if "items" in part:
            found["items"] = self.part(part["items"], depth + 1)
        for key in ("anyOf", "oneOf"):
            if isinstance(part.get(key), list) and 0 < len(part[key]) <= MOST_CHOICES:
                found["anyOf"] = [self.part(one, depth + 1) for one in part[key]]
        return found


def _choice(value: Any) -> Any:
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    if not isinstance(value, str) or len(value) > MAX_CHOICE or plain(value) != value:
        raise Unfit("an argument has a choice that is no plain word")
    return value


def prose(schema: Any) -> Iterator[str]:
    """What the server says of each argument, in its own words."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    for name, below in properties.items() if isinstance(properties, dict) else ():
        said = below.get("description") if isinstance(below, dict) else None
        if isinstance(said, str) and said.strip():
            yield f"{name}: {' '.join(said[: MAX_PROSE * 4].split())[:MAX_PROSE]}"


def misfit(value: Any, schema: Mapping[str, Any], at: str = "the arguments") -> str:
    """Why a value does not fit a reduced schema, in a sentence; "" where it does."""
    kinds = schema.get("type", ())
    allowed = (kinds,) if isinstance(kinds, str) else kinds
    if allowed and not any(_is(value, kind) for kind in allowed):
        return f"{at} must be {' or '.join(allowed)}"
    if "enum" in schema and not any(type(value) is type(one) and value == one for one in schema["enum"]):
        return f"{at} must be one of {json.dumps(schema['enum'])[:300]}"
    if "anyOf" in schema:
        whys = [misfit(value, one, at) for one in schema["anyOf"]]
        if all(whys):
            return whys[0]
    size = len(value) if isinstance(value, (str, list)) else value if _is(value, "number") else None
    least, most = (schema.get(key) for key in _bounds(value))
    if size is not None and ((least is not None and size < least) or (most is not None and size > most)):
        return f"{at} must be from {least if least is not None else '-∞'} to {most if most is not None else '∞'}" + ("" if _is(value, "number") else " long")  # fmt: skip
    return _misfit_below(value, schema, at)


def _misfit_below(value: Any, schema: Mapping[str, Any], at: str) -> str:
    found: Iterator[str] = iter(())
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        missing = [name for name in schema.get("required", ()) if name not in value]
        unknown = [str(name)[:64] for name in value if name not in known]
        if missing:
            return f"{missing[0]} is missing"
        if unknown and (schema.get("additionalProperties") is False or known):
            return f"{unknown[0]} is no argument; there are: {', '.join(known) or 'none'}"
        found = (misfit(value[name], below, name) for name, below in known.items() if name in value)
    elif isinstance(value, list) and "items" in schema:
        found = (misfit(one, schema["items"], f"{at}[{place}]") for place, one in enumerate(value))
    return next((why for why in found if why), "")


def _bounds(value: Any) -> tuple[str, str]:
    if isinstance(value, str):
        return "minLength", "maxLength"
    return ("minItems", "maxItems") if isinstance(value, list) else ("minimum", "maximum")


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, float) and kind == "integer":
        return value.is_integer()
    return isinstance(value, _TYPES[kind])
