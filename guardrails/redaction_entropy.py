"""Finds values that only their randomness gives away, and only in lines that tell of an error. Nothing else is judged by its looks.

Hashes, uids, names and digests have no capital letters beside small ones, so none of them is random enough.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise

_ERRORS = (
    "error", "panic", "fatal", "exception", "invalid", "denied", "unauthori", "forbidden", "unexpected", "fail", "incorrect",
    "rejected", "mismatch",
)  # fmt: skip
_TOKEN = re.compile(r"(?<![\w/.+\-=:~@])[A-Za-z0-9+/_\-~]{20,128}={0,2}(?![\w/.+\-:~@(])")
_LEAST_BITS = 3.5  # per character: 20 random letters and digits have 4.0 on average, words joined together 3.3
_LEAST_CHANGES = 0.42  # share of neighbours of different class: 0.62 in random text, below 0.4 in CamelCase
_LEAST_DIGITS = 2


def random_spans(text: str) -> list[tuple[int, int]]:
    """Where random values stand in the error lines of a text."""
    if not _tells_of_error(text):
        return []
    spans, at = [], 0
    for line in text.split("\n"):
        if len(line) >= 20 and _tells_of_error(line):
            spans += [
                (at + found.start(), at + found.end()) for found in _TOKEN.finditer(line) if is_random(found.group())
            ]
        at += len(line) + 1
    return spans


def _tells_of_error(text: str) -> bool:
    folded = text.casefold()
    return any(word in folded for word in _ERRORS)


def is_random(value: str) -> bool:
    """Whether a run of characters was drawn by a machine from letters of both cases and digits."""
    core = value.rstrip("=")
    classes = [_class(character) for character in core]
    kinds = Counter(classes)
    if not (kinds["a"] and kinds["A"] and kinds["0"] >= _LEAST_DIGITS) or kinds["-"] * 6 > len(core):
        return False
    changes = sum(one != other for one, other in pairwise(classes)) / (len(core) - 1)
    counts = Counter(core).values()
    bits = -sum(count / len(core) * math.log2(count / len(core)) for count in counts)
    return changes >= _LEAST_CHANGES and bits >= _LEAST_BITS


def _class(character: str) -> str:
    if character.isdigit():
        return "0"
    if character.isalpha():
        return "a" if character.islower() else "A"
    return "-"
