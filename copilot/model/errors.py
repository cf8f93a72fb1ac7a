"""The program's own exceptions. Each says what happened, to which object, and what to try."""

from __future__ import annotations

EXIT_USAGE = 64  # sysexits.h EX_USAGE: the command line is wrong
EXIT_DATA = 65  # EX_DATAERR: the input cannot be read as what it claims to be
EXIT_UNAVAILABLE = 69  # EX_UNAVAILABLE: a server or an optional part is not there
EXIT_DEFECT = 70  # EX_SOFTWARE: the program itself is wrong
EXIT_DENIED = 77  # EX_NOPERM: refused by the cluster or by a guardrail


class CopilotError(Exception):
    """An error a person can act on.

    Args:
        title: One sentence: what happened, to which object.
        hint: One sentence: what to try. May be empty.
    """

    exit_code = EXIT_UNAVAILABLE

    def __init__(self, title: str, hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.hint = hint


class UsageError(CopilotError):
    """The command line asks for something that cannot be."""

    exit_code = EXIT_USAGE


class InputError(CopilotError):
    """A file or a text cannot be read; the title names file and line."""

    exit_code = EXIT_DATA


class DeniedError(CopilotError):
    """The cluster or a guardrail refused."""

    exit_code = EXIT_DENIED
