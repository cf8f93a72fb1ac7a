"""Cuts one line of kubectl text into words as a shell would, and refuses everything a shell would do more with.

Promise: a line that is accepted means the same words to every POSIX shell, and holds no character with which one
could start, redirect, substitute or hide anything. Words that a shell has already cut are held to the same rules.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from guardrails.display import visible
from guardrails.kubectl.refusal import TextRefused

MAX_TEXT = 4096  # bytes: longer than any accepted command with every name at its longest is not one a person wrote

_ALWAYS = frozenset("$`;&|<>~#")
# Inside quotes only, where no shell looks at them; which values may hold them is for each flag's reader to say:
# jsonpath's line ends, tabs and escaped dots, and the brackets of set selectors and jsonpath filters.
_ESCAPES = re.compile(r"\\[nt.]")
_NOT = re.compile(r"!(?==)")  # as in `status.phase!=Running`; a shell's history reads "!" only before other characters
_SHELL = "no shell runs here, and what a shell would make of it is not guessed"


def cut(line: str) -> tuple[str, ...]:
    """The words of one line.

    Raises:
        TextRefused: the line is too long, holds a refused character or an open quote.
    """
    _bounded(len(line.encode("utf-8", "surrogatepass")))
    words: list[str] = []
    word: list[str] | None = None
    at = 0
    while at < len(line):
        char = line[at]
        if char == " ":
            if word is not None:
                words.append("".join(word))
            word = None
            at += 1
        elif char in "'\"":
            end = line.find(char, at + 1)
            if end < 0:
                raise TextRefused(f"a quote {char} is opened and not closed", _before(line, at))
            inner = line[at + 1 : end]
            try:
                _quoted(inner, line, at + 1)
            except TextRefused as refused:
                raise TextRefused(refused.reason, _before(line, at)) from None
            word = [*(word or []), inner]
            at = end + 1
        else:
            _bare(char, line, at)
            word = [*(word or []), char]
            at += 1
    if word is not None:
        words.append("".join(word))
    return tuple(words)


def checked(words: Sequence[str]) -> tuple[str, ...]:
    """Words that a shell has cut already, as they are.

    Raises:
        TextRefused: together they are too long, or one holds a refused character.
    """
    _bounded(sum(len(word.encode("utf-8", "surrogatepass")) + 1 for word in words))
    for index, word in enumerate(words):
        try:
            _quoted(word, word, 0)
        except TextRefused as refused:
            raise TextRefused(refused.reason, joined(words[:index])) from None
    return tuple(words)


def joined(words: Sequence[str]) -> str:
    """One line that `cut` reads back as the same words, where they can be written so at all."""
    return " ".join(_written(word) for word in words)


def _written(word: str) -> str:
    if word and not re.search(r"[^A-Za-z0-9_./:=,@%+!*-]", word) and not re.search(r"\*", word):
        return word
    return f"'{word}'" if "'" not in word else f'"{word}"'


def _bounded(size: int) -> None:
    if size > MAX_TEXT:
        raise TextRefused(f"it has {size} bytes; a command has at most {MAX_TEXT}")


def _refuse(char: str, line: str, at: int) -> TextRefused:
    name = "a line end" if char in "\n\r" else f"the character '{visible(char)}'"
    if not (char.isascii() and char.isprintable()):
        return TextRefused(f"it holds {name}; a command is written in plain ASCII on one line", _before(line, at))
    return TextRefused(f"it holds {name}: {_SHELL}", _before(line, at))


def _quoted(inner: str, line: str, start: int) -> None:
    for match in re.finditer(r"[^ !-~]|[$`;&|<>~#\\!]", inner):
        char, at = match[0], match.start()
        if char == "\\" and _ESCAPES.match(inner, at):
            continue
        if char == "!" and _NOT.match(inner, at):
            continue
        raise _refuse(char, line, start + at)


def _bare(char: str, line: str, at: int) -> None:
    if char == "!" and _NOT.match(line, at):
        return
    if char in _ALWAYS or char in "\\()!" or not (char.isascii() and char.isprintable()):
        raise _refuse(char, line, at)


def _before(line: str, at: int) -> str:
    """What stands before the refused place: where that is a command itself, it is the nearest one."""
    return line[:at].strip()
