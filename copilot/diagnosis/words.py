"""Names and numbers in sentences: the nearest existing name, short lists, plurals, and steps that only read.

Pure text: nothing here looks at the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from copilot.model import NextStep

SIMILAR = 0.6  # difflib ratio; below it a suggestion is more often wrong than helpful
MAX_NAMES = 5  # names in one sentence; more are counted


def read(sentence: str, command: str) -> NextStep:
    """A step that only looks."""
    return NextStep(text=sentence, command=command)


def nearest(wanted: str, names: Iterable[str]) -> str:
    """The existing name most like `wanted`, or nothing when none is similar."""
    candidates = sorted({name for name in names if name != wanted})
    found = get_close_matches(wanted, candidates, n=1, cutoff=SIMILAR)
    return found[0] if found else ""


def listed(names: Iterable[str], limit: int = MAX_NAMES) -> str:
    """Names in a sentence: the first few, and how many more there are."""
    unique = list(dict.fromkeys(names))
    rest = len(unique) - limit
    return ", ".join(unique[:limit]) + (f" and {rest} more" if rest > 0 else "")


def plural(count: int, noun: str) -> str:
    """`1 pod`, `3 pods`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
