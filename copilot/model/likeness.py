"""Which existing names are like the one that was written: the source of every "Did you mean".

Only a name that exists is ever offered, and never the one that was asked for.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

SIMILAR = 0.6  # difflib's ratio; below it an offer is more often wrong than helpful
LOOSE = 0.5  # for a handful of names a person chose, such as contexts: several are offered


def alike(wanted: str, names: Iterable[str], most: int = 3, cutoff: float = LOOSE) -> list[str]:
    """At most `most` names, the most similar first."""
    return difflib.get_close_matches(wanted, {name for name in names if name != wanted}, most, cutoff)


def nearest(wanted: str, names: Iterable[str], cutoff: float = SIMILAR) -> str:
    """The name most like `wanted`, or nothing when none is similar."""
    return next(iter(alike(wanted, names, 1, cutoff)), "")
