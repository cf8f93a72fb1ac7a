"""Makes pasted bytes plain lines. What is no text at all is refused with its line; everything else is kept."""

from __future__ import annotations

import re

from copilot.model import InputError

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]{0,4096}(?:\x07|\x1b\\)?|[PX^_][^\x1b\n]{0,4096}(?:\x1b\\)?|[@-Z\\-_=>78cM])"
)
_BARE_COLOUR = re.compile(r"\[(?:\d{1,3};){0,4}\d{1,3}m")  # colour codes whose escape byte the terminal's copy dropped
_CONTROL = dict.fromkeys((*range(9), *range(11, 13), *range(14, 32), 127, 65279, 8203))
_CONTROL_SEEN = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\u200b]")
_FENCE = re.compile(r"(?:```|~~~)[\w+-]{0,20}\s*$")


def clean_lines(text: str, source: str) -> list[str]:
    """Split text into lines without escapes, control characters, carriage returns and Markdown fences.

    Line numbers are kept: a fence becomes an empty line.

    Raises:
        InputError: The text holds a NUL byte, so it is a binary file.
    """
    nul = text.find("\0")
    if nul >= 0:
        line = text.count("\n", 0, nul) + 1
        raise InputError(
            f"{source}:{line} holds a NUL byte: this is a binary file, not a transcript",
            "Give the text of a terminal session, a dump folder or an archive (.tar, .tar.gz).",
        )
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n") if "\n" not in text else _overwritten(text)
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    if _CONTROL_SEEN.search(text):
        text = text.translate(_CONTROL)
    if "\u00a0" in text:
        text = text.replace("\u00a0", " ")
    lines = text.split("\n")
    if any(line.startswith(("```", "~~~")) for line in lines):
        lines = ["" if _FENCE.match(line) else line for line in lines]
    return [_spaces(line) for line in lines]


def _overwritten(text: str) -> str:
    """Resolve carriage returns as a terminal would: CRLF ends a line, a lone CR starts the line again."""
    text = text.replace("\r\n", "\n")
    if "\r" not in text:
        return text
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def _spaces(line: str) -> str:
    if "\t" in line:
        line = line.expandtabs(8)
    if "[" in line and "m" in line and _BARE_COLOUR.search(line):
        line = _BARE_COLOUR.sub("", line)
    return line
