"""Reads the plain YAML that kubectl writes, four times as fast as a whole YAML parser.

It reads block maps, block lists, quoted, folded and literal scalars, and answers NOT_PLAIN to everything else, which libyaml then reads.
What it does read has the same value as libyaml gives; a property test holds the two together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

MAX_DEPTH = 100  # levels; deeper texts are left to the whole parser, which counts them


class NotPlain(Exception):  # noqa: N818 - it is an answer, not a failure
    """The text uses more of YAML than is read here."""


# Tabs, other line ends than \n, and characters that YAML forbids or breaks lines at.
_STRANGE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_KEY = re.compile(r'([A-Za-z0-9_.][A-Za-z0-9_./\-]*|"[^"\\]*"|\'[^\']*\'):(?: +(\S.*)|)$')
_QUOTED = re.compile(r'"(?:[^"\\]|\\["\\/bfnrt]|\\u(?!d[89a-f])[0-9a-fA-F]{4})*"$', re.IGNORECASE)
_SINGLE = re.compile(r"'(?:[^']|'')*'$")
_SPECIAL: Final = frozenset("{}[]&*!|>%@`#,\"'")  # what may not start a plain scalar, or starts another kind
_UNSURE = re.compile(r"^[-?:](?:\s|$)|:(?:\s|$)|\s#|\s$|^(?:---|\.\.\.)")
_BLANK = re.compile(r"\n *\n|\n +$")
_LITERAL: Final = {"|": "\n", "|-": ""}
_EMPTY: Final[dict[str, Callable[[], Any]]] = {"{}": dict, "[]": list}


def load_plain(text: str, plain_scalar: Callable[[str], Any]) -> Any:
    """Read one block-style document or list item; `plain_scalar` gives unquoted scalars their type.

    Raises:
        NotPlain: the text uses more of YAML than is read here.
    """
    if _STRANGE.search(text):
        raise NotPlain
    return _Reader(text, plain_scalar).document()


class _Reader:
    """The lines of one document as (indent, content), and the place in them."""

    def __init__(self, text: str, plain_scalar: Callable[[str], Any]) -> None:
        self._lines: list[tuple[int, str]] = []
        self._blanks = _BLANK.search(text.strip("\n")) is not None
        for line in text.split("\n"):
            content = line.lstrip(" ")
            if content:
                self._lines.append((len(line) - len(content), content))
        self._at = 0
        self._plain = plain_scalar

    def document(self) -> Any:
        """Read all lines as one value."""
        if not self._lines:
            raise NotPlain
        value = self._block(self._lines[0][0], 0)
        if self._at < len(self._lines):
            raise NotPlain
        return value

    def _block(self, indent: int, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise NotPlain
        if _is_item(self._lines[self._at][1]):
            return self._list(indent, depth)
        return self._map(indent, depth)

    def _map(self, indent: int, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        lines = self._lines
        while self._at < len(lines):
            at, content = lines[self._at]
            if at < indent or _is_item(content):
                break
            match = _KEY.match(content) if at == indent else None
            if match is None:
                raise NotPlain
            name, value = match.groups()
            self._at += 1
            found[name if name[0] not in "\"'" else name[1:-1]] = (
                self._under(indent, depth) if value is None else self._scalar(value, indent)
            )
        return found

    def _under(self, indent: int, depth: int) -> Any:
        """The value of a key that stands alone on its line."""
        if self._at >= len(self._lines):
            return None
        at, content = self._lines[self._at]
        if at > indent or (at == indent and _is_item(content)):
            return self._block(at, depth + 1)
        return None

    def _list(self, indent: int, depth: int) -> list[Any]:
        found: list[Any] = []
        lines = self._lines
        while self._at < len(lines):
            at, content = lines[self._at]
            if at != indent or not _is_item(content):
                if at > indent:
                    raise NotPlain
                break
            inner = content[1:].lstrip(" ")
            inside = at + len(content) - len(inner)
            if not inner:
                raise NotPlain
            if _is_item(inner) or _KEY.match(inner):
                lines[self._at] = (inside, inner)
                found.append(self._block(inside, depth + 1))
            else:
                self._at += 1
                found.append(self._scalar(inner, indent))
        return found

    def _scalar(self, text: str, indent: int) -> Any:
        """The scalar that starts on the line before this one, under a key or dash at `indent`."""
        if text in _LITERAL:
            return self._literal(indent) + _LITERAL[text]
        if self._at < len(self._lines) and self._lines[self._at][0] > indent:
            text = self._folded(text, indent)
        first = text[0]
        if first not in _SPECIAL:
            if _UNSURE.search(text):
                raise NotPlain
            return self._plain(text)
        if first == '"' and _QUOTED.match(text):
            return json.loads(text) if "\\" in text else text[1:-1]
        if first == "'" and _SINGLE.match(text):
            return text[1:-1].replace("''", "'")
        if text in _EMPTY:
            return _EMPTY[text]()
        raise NotPlain

    def _folded(self, text: str, indent: int) -> str:
        """A scalar over several lines: each line end is one blank."""
        pieces = [text.rstrip(" ")]
        while self._at < len(self._lines) and self._lines[self._at][0] > indent:
            pieces.append(self._lines[self._at][1].rstrip(" "))
            self._at += 1
        if self._blanks:
            raise NotPlain
        return " ".join(pieces)

    def _literal(self, indent: int) -> str:
        """The lines of a literal block, as they stand."""
        start = self._at
        while self._at < len(self._lines) and self._lines[self._at][0] > indent:
            self._at += 1
        lines = self._lines[start : self._at]
        if not lines or self._blanks or any(at < lines[0][0] for at, _ in lines):
            raise NotPlain
        return "\n".join(" " * (at - lines[0][0]) + content for at, content in lines)


def _is_item(content: str) -> bool:
    return content.startswith("- ") or content == "-"
