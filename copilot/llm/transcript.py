"""A conversation of a model as a file: one JSON object per line, what it said or called, and what went wrong. Replayed in tests.

The first line is `{"schema": "cluster-copilot/transcript/v1", "model": "NAME"}`; each further line is one turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from copilot.model import InputError

SCHEMA = "cluster-copilot/transcript/v1"
MAX_BYTES = 32 * 2**20  # a day of conversation is far below


class Fault(StrEnum):
    """How a turn goes wrong on the wire."""

    NONE = ""
    DISCONNECT = "disconnect"  # the connection ends in the middle of the stream
    SILENCE = "silence"  # nothing more comes
    WRONG_KEY = "401"
    NO_MODEL = "404"
    RATE_LIMITED = "429"
    REFUSED = "400"  # the request is malformed, as far as the endpoint can tell
    ERROR = "500"
    OVERFLOW = "overflow"  # 400 with the code context_length_exceeded
    GARBAGE = "garbage"  # 200 with a body that is no completion


class Called(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool call as the model wrote it. `arguments` is raw text: a model may write anything there."""

    name: str
    arguments: str = "{}"


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer of the model."""

    say: str = ""
    calls: tuple[Called, ...] = ()
    fault: Fault = Fault.NONE
    tokens_in: int = 0
    tokens_out: int = 0


class _Head(msgspec.Struct, frozen=True):
    schema: str
    model: str = ""


class Transcript(msgspec.Struct, frozen=True):
    """A whole conversation of a model."""

    model: str
    turns: tuple[Turn, ...]


def read_transcript(path: Path) -> Transcript:
    """Read a transcript.

    Raises:
        InputError: the file cannot be read, or a line is none of a transcript; the title names the line.
    """
    try:
        with path.open("rb") as file:
            lines = file.read(MAX_BYTES).splitlines()
    except OSError as error:
        raise InputError(f"The transcript {path} cannot be read: {error.strerror}.") from error
    number = 1
    try:
        head = msgspec.json.decode(lines[0] if lines else b"{}", type=_Head)
        if head.schema != SCHEMA:
            raise InputError(f"{path}:1 is not the head of a transcript.", f'It begins with {{"schema": "{SCHEMA}"}}')
        turns = []
        for number, line in enumerate(lines[1:], 2):  # noqa: B007 - the number is told where a line is wrong
            if line.strip():
                turns.append(msgspec.json.decode(line, type=Turn))
    except msgspec.MsgspecError as error:
        raise InputError(f"{path}:{number} is no turn of a transcript: {error}.") from error
    return Transcript(head.model, tuple(turns))


def transcript_text(model: str, turns: Sequence[Turn]) -> str:
    """A conversation as the text of a transcript."""
    encode = msgspec.json.encode
    return "".join(f"{encode(one).decode()}\n" for one in (_Head(SCHEMA, model), *turns))


def call(name: str, **arguments: Any) -> Called:
    """A well-formed tool call."""
    return Called(name, msgspec.json.encode(arguments).decode())


def last_words(request: Mapping[str, Any]) -> str:
    """The content of the last message of a request."""
    messages = request.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) else ""
    return content if isinstance(content, str) else ""
