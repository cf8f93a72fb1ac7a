"""What a turn needs of a model, whoever stands behind it: words for a prompt, with or without tools. Declared by the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec

from copilot.agent.grounding import Evidence
from copilot.agent.tools import Limits, Result, Toolbox
from copilot.llm import Mode, Usage


class Looked(msgspec.Struct, frozen=True):
    """A tool was called, with what came of it."""

    name: str
    result: Result


class Wrote(msgspec.Struct, frozen=True):
    """The model's whole text."""

    text: str


class Spent(msgspec.Struct, frozen=True):
    """What a call of the model cost."""

    usage: Usage


class Stopped(msgspec.Struct, frozen=True):
    """A budget ended the looking; the model was told to write from what it has."""

    why: str


Piece = Looked | Wrote | Spent | Stopped


class Writer(Protocol):
    """A model that writes."""

    name: str
    mode: Mode
    context: int

    def complete(self, system: str, user: str, limits: Limits) -> Iterator[Piece]:
        """Write once, without tools.

        Raises:
            ModelError: the model could not be used.
        """
        ...

    def work(self, system: str, user: str, toolbox: Toolbox, evidence: Evidence, thread: str) -> Iterator[Piece]:
        """Look further with tools, then write.

        Raises:
            ModelError: the model could not be used.
        """
        ...


Clock = Callable[[], float]
