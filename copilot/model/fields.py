"""Safe reading of JSON-shaped API objects. A wrong type reads as absent: hostile or truncated input never raises here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

_EMPTY: Mapping[str, Any] = {}


def dig(body: Any, *path: str | int) -> Any:
    """Return the value at `path`, or None where any step is missing or of another type."""
    for step in path:
        if isinstance(step, int):
            if not isinstance(body, list) or not -len(body) <= step < len(body):
                return None
            body = body[step]
        elif isinstance(body, dict):
            body = body.get(step)
        else:
            return None
    return body


def mapping(body: Any, *path: str | int) -> Mapping[str, Any]:
    """Return the mapping at `path`, or an empty one."""
    if len(path) == 1 and type(body) is dict:  # noqa: SIM108 - the short way stands apart: nine reads in ten take it
        found = body.get(path[0])
    else:
        found = dig(body, *path) if path else body
    return found if isinstance(found, dict) else _EMPTY


def child(body: Any, name: str) -> Mapping[str, Any]:
    """Return the mapping under one key, or an empty one."""
    return mapping(body, name)


def children(body: Any, *path: str | int) -> Iterator[Mapping[str, Any]]:
    """Yield the mappings of the list at `path`; anything else in it is skipped."""
    found = dig(body, *path) if path else body
    if isinstance(found, list):
        for item in found:
            if isinstance(item, dict):
                yield item


def text(body: Any, *path: str | int) -> str:
    """Return the string at `path`; numbers become text, anything else is empty."""
    if len(path) == 1 and type(body) is dict:  # noqa: SIM108 - nine reads in ten, and rules make millions
        found = body.get(path[0])
    else:
        found = dig(body, *path) if path else body
    if isinstance(found, str):
        return found
    if isinstance(found, (int, float)) and not isinstance(found, bool):
        return str(found)
    return ""


def texts(body: Any, *path: str | int) -> list[str]:
    """Return the strings of the list at `path`; anything else in it is skipped."""
    found = dig(body, *path) if path else body
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def number(body: Any, *path: str | int, default: int = 0) -> int:
    """Return the integer at `path`, or `default`."""
    found = dig(body, *path) if path else body
    if isinstance(found, bool):
        return default
    if isinstance(found, int):
        return found
    if isinstance(found, float):
        return int(found) if isfinite(found) else default
    if isinstance(found, str) and found.lstrip("-").isdigit() and len(found) < 20:
        return int(found)
    return default
