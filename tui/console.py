"""The terminal a command prints to: colours only on a terminal, plain lines in a pipe."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from rich.console import Console
from rich.text import Text

PIPE_WIDTH = 120  # characters: a pipe has no width of its own, and a log line should stay readable


class _Terminal(Console):
    """Rich's console, except that a reader who leaves early is no exit of ours: whoever runs the command decides."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def make_console(*, stderr: bool = False) -> Console:
    """A console for standard output (or standard error) that honours NO_COLOR and the terminal's width."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return _Terminal(file=stream, width=width, highlight=False, markup=False, emoji=False)


def command(console: Console, words: str, by: int, before: str = "") -> None:
    """Print a command to copy, `by` columns from the left: on one line, however long, so that it stays one command."""
    line = Text.assemble(" " * by, (before, "green"), (" ".join(words.split("\n")), "cyan"))
    console.print(line, soft_wrap=True)


def indent(console: Console, text: Text, by: int = 2) -> None:
    """Print a paragraph `by` columns from the left, its wrapped lines too."""
    for line in text.wrap(console, max(console.width - by, 1)):
        line.rstrip()
        console.print(Text.assemble(" " * by, line), soft_wrap=True)
