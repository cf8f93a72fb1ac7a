"""The words findings are made of: short lists, plurals, and steps that only read.

Pure text: nothing here looks at the cluster.
"""

from __future__ import annotations

from copilot.model import NextStep
from copilot.model.wording import listed, plural


def read(sentence: str, command: str) -> NextStep:
    """A step that only looks."""
    return NextStep(text=sentence, command=command)


__all__ = ["listed", "plural", "read"]
