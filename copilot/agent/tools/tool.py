"""What a tool is and what it gives back. Arguments are a typed Struct; a result is lines, each with its address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from copilot.model import Ref
from copilot.redacting import plain
from guardrails.provenance import Source

if TYPE_CHECKING:
    from copilot.agent.tools.workplace import Workplace

A = TypeVar("A", bound=msgspec.Struct)
MAX_LINE = 600  # characters of one line: a stack frame or a long message whole, a blob not
MOST_LINES = 2000  # of one result before it is cut: beyond that a narrower question is the better one


class Line(msgspec.Struct, frozen=True):
    """One fact. `object` and `path` are its address; `cause` marks a finding of the diagnosis; `beside` is what it stands on.

    `advice`: the program itself tells the person to do this.
    """

    text: str
    object: Ref | None = None
    path: str = ""
    source: str = ""
    origin: Source = Source.K8S_FREETEXT
    cause: bool = False
    beside: tuple[str, ...] = ()
    advice: bool = False


class Result(msgspec.Struct, frozen=True):
    """What a tool found. `asked` and `searched` are sentences for the reader; `cut` says what is missing, with the handle to more.

    `trouble` is why nothing was found: a wrong name, a right that is missing.
    """

    asked: str
    searched: str
    lines: tuple[Line, ...] = ()
    cut: str = ""
    trouble: str = ""


class Tool(Generic[A]):
    """One look: its name, a summary for the model, the Struct of its arguments, and the function."""

    def __init__(self, name: str, summary: str, arguments: type[A], look: Callable[[Workplace, A], Result]) -> None:
        self.name = name
        self.summary = summary
        self.arguments = arguments
        self.look = look

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the arguments, self-contained and plain enough for small models."""
        _, parts = msgspec.json.schema_components([self.arguments], ref_template="{name}")
        found: dict[str, Any] = _inlined(parts[self.arguments.__name__], parts)
        found.pop("title", None)
        found.pop("description", None)
        return found

    def run(self, place: Workplace, given: Any) -> Result:
        """Look, with arguments as a model wrote them.

        Raises:
            msgspec.ValidationError: the arguments do not fit the schema.
        """
        return self.look(place, msgspec.convert(given, self.arguments, strict=False))


def _inlined(part: Any, parts: Mapping[str, Any]) -> Any:
    """A schema without references: adapters and small servers follow none."""
    if isinstance(part, dict):
        if "$ref" in part:
            return _inlined({key: value for key, value in parts[part["$ref"]].items() if key != "title"}, parts)
        return {key: _inlined(value, parts) for key, value in part.items()}
    return [_inlined(one, parts) for one in part] if isinstance(part, list) else part


def redacted(result: Result) -> Result:
    """The same result, fit to leave the program: no secrets, no control characters, no line without end."""
    return Result(
        asked=plain(result.asked),
        searched=plain(result.searched),
        lines=tuple(_line(line) for line in result.lines[:MOST_LINES]),
        cut=plain(result.cut)
        + (f" {len(result.lines) - MOST_LINES} further lines were left out." if len(result.lines) > MOST_LINES else ""),
        trouble=plain(result.trouble),
    )


def _line(line: Line) -> Line:
    return msgspec.structs.replace(
        line, text=_shown(line.text), path=plain(line.path), beside=tuple(_shown(one) for one in line.beside)
    )


def _shown(words: str) -> str:
    line = " ".join(plain(words).split())
    return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}… ({len(line)} characters)"
