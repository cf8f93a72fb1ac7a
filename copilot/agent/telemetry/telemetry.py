"""What is told about a turn while it runs. This one tells nobody: the base of `otel.py`, and what runs by default."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from copilot.agent.events import StreamEvent
from copilot.llm import ModelError, Usage


class Degraded(StrEnum):
    """Why a turn had less of the model than it might have had."""

    FAILED = "failed"  # the model could not be used; the reader answered
    UNGROUNDED = "ungrounded"  # nothing that it said was carried by a fact; the reader answered
    GUIDED = "guided"  # the endpoint takes no tools; the program looked things up
    STOPPED = "stopped"  # a budget ended its looking
    SHORTENED = "shortened"  # facts were left out to fit its context


class Span:
    """One call of a model or a tool."""

    def used(self, usage: Usage, written: str) -> None:
        """The model answered."""

    def failed(self, error: ModelError) -> None:
        """The model did not answer, and is asked again."""

    def found(self, facts: int, trouble: str) -> None:
        """The tool answered."""


class TurnSpan:
    """A whole turn, from a question to its answer."""

    def degraded(self, why: Degraded, error: ModelError | None = None) -> None:
        """The turn has less of the model than it might have had."""

    def left_out(self, gone: int, of: int) -> None:
        """So many of the model's statements were left out, since no fact carries them."""

    def cached(self) -> None:
        """The answer was given before from the same evidence."""

    def ended(self, last: StreamEvent) -> None:
        """The last word of the turn: an answer or a refusal."""


class Telemetry:
    """Tells nobody anything."""

    @contextmanager
    def turn(self, session: str, question: str) -> Iterator[TurnSpan]:
        """A whole turn."""
        del session, question
        yield TurnSpan()

    @contextmanager
    def chat(self, model: str, host: str, prompt: str) -> Iterator[Span]:
        """One request to a model."""
        del model, host, prompt
        yield Span()

    @contextmanager
    def tool(self, name: str, arguments: str) -> Iterator[Span]:
        """One look. `name` is one of the program's own, never what a model wrote."""
        del name, arguments
        yield Span()

    def close(self) -> str:
        """Send what is left; a sentence where it could not be delivered."""
        return ""
