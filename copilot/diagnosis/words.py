"""Names and numbers in sentences: short lists, plurals, and steps that only read.

Pure text: nothing here looks at the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable

from copilot.model import NextStep

MAX_NAMES = 5  # names in one sentence; more are counted


def read(sentence: str, command: str) -> NextStep:
    """A step that only looks."""
    return NextStep(text=sentence, command=command)


def listed(names: Iterable[str], limit: int = MAX_NAMES) -> str:
    """Names in a sentence: the first few, and how many more there are."""
    unique = list(dict.fromkeys(names))
    rest = len(unique) - limit
    return ", ".join(unique[:limit]) + (f" and {rest} more" if rest > 0 else "")


def plural(count: int, noun: str) -> str:
    """`1 pod`, `3 pods`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
