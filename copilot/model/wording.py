"""Names and numbers inside sentences: short lists that count what they leave out, and plurals. English only."""

from __future__ import annotations

from collections.abc import Iterable

MAX_NAMES = 5  # names in one sentence; more are counted


def listed(names: Iterable[str], limit: int = MAX_NAMES) -> str:
    """The first few different names, and how many more there are."""
    unique = list(dict.fromkeys(names))
    rest = len(unique) - limit
    return ", ".join(unique[:limit]) + (f" and {rest} more" if rest > 0 else "")


def plural(count: int, noun: str) -> str:
    """`1 pod`, `3 pods`, `2 policies`, `2 Ingresses`."""
    return f"{count} {noun if count == 1 else plural_of(noun)}"


def plural_of(noun: str) -> str:
    """`pods`, `policies`, `ingresses`, `gateways`: the API builds the names of its resources by the same rule."""
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"
