"""What is told about a turn while it runs. This one tells nobody: the base of `otel.py`, and what runs by default."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from copilot.llm import Usage


class Span:
    """One call of a model or a tool."""

    def used(self, usage: Usage, written: str) -> None:
        """The model answered."""

    def found(self, facts: int, trouble: str) -> None:
        """The tool answered."""


class Telemetry:
    """Tells nobody anything."""

    @contextmanager
    def turn(self, session: str, question: str) -> Iterator[Span]:
        """A whole turn."""
        del session, question
        yield Span()

    @contextmanager
    def chat(self, model: str, host: str, prompt: str) -> Iterator[Span]:
        """One request to a model."""
        del model, host, prompt
        yield Span()

    @contextmanager
    def tool(self, name: str, arguments: str) -> Iterator[Span]:
        """One look."""
        del name, arguments
        yield Span()

    def close(self) -> None:
        """Send what is left."""
