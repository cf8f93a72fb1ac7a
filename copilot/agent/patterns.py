"""Patterns of the word tables, compiled when they are first asked: a question needs a few of some three hundred."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=1024)
def compiled(words: str) -> re.Pattern[str]:
    """The pattern of one entry of a table."""
    return re.compile(words)
