"""What one reader takes from one piece of text. Readers only yield facts; the collector alone decides what they add up to."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from copilot.model import ContainerLog, Detail, NodeService, Probe, Reading, Usage


class Ago(msgspec.Struct, frozen=True):
    """A time known only as an age, cut to whole `unit`s. It stands in a body until the collector knows what "now" was."""

    seconds: float
    unit: float = 1.0


class Seen(msgspec.Struct, frozen=True):
    """An object, or a part of one, that the text shows at `line` (1-based)."""

    body: dict[str, Any]
    line: int
    detail: Detail


class NotBefore(msgspec.Struct, frozen=True):
    """A moment the text proves to have passed."""

    at: datetime


class Note(msgspec.Struct, frozen=True):
    """A sentence for the coverage, about `line`."""

    text: str
    line: int


class Owned(msgspec.Struct, frozen=True):
    """Proof that one object controls another, found in an event's message."""

    kind: str
    name: str
    namespace: str
    owner_kind: str
    owner: str


Fact: TypeAlias = Seen | NotBefore | Note | Owned | Reading | ContainerLog | NodeService | Probe | Usage


class Context(msgspec.Struct, frozen=True):
    """Where a command ran: kubectl's namespace, and the node or pod whose shell it was typed in ("" for outside)."""

    source: str
    namespace: str = "default"
    origin: str = ""

    def at(self, line: int) -> str:
        """The citation of a line."""
        return f"{self.source}:{line}"
