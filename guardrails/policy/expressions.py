"""Evaluates CEL. Its one promise: whatever is not a plain true or false is an error, and never counts as true."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import Any

from copilot.model import CopilotError

_PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)")


class EngineMissing(CopilotError):  # noqa: N818 - it names what is missing
    """The optional part that reads CEL is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "the part that reads its rules (CEL) is not installed", "Install it: pip install 'cluster-copilot[policy]'."
        )


class BadExpression(Exception):  # noqa: N818 - it is the answer to one expression
    """The expression cannot be read, or gave no plain true or false. `line` counts from 0 inside the expression."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.line = line


class Expression:
    """One compiled expression.

    Raises:
        EngineMissing: CEL is not installed.
        BadExpression: it is no CEL.
    """

    def __init__(self, source: str) -> None:
        try:
            engine = importlib.import_module("cel")
        except ImportError as error:
            raise EngineMissing from error
        try:
            self._program = engine.compile(source)
        except Exception as error:  # foreign code: whatever it raises means that the expression is bad
            raise BadExpression(*_told(error)) from error

    def holds(self, variables: Mapping[str, Any]) -> bool:
        """Evaluate it.

        Raises:
            BadExpression: a name or a key is missing, types do not fit, or the result is no plain true or false.
        """
        try:
            result = self._program.execute(dict(variables))
        except Exception as error:  # foreign code: whatever it raises must deny
            raise BadExpression(_told_run(error)) from error
        if result is True or result is False:
            return bool(result)
        raise BadExpression(f"it gives {type(result).__name__}, not true or false")


def _told(error: Exception) -> tuple[str, int]:
    found = _PLACE.search(str(error))
    if found is None:
        return str(error).split("\n", 1)[0], 0
    said = found[3].split(" expecting ", 1)[0]
    return f"{said} (column {found[2]})", int(found[1]) - 1


def _told_run(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no {error.args[0]}" if error.args else "a key is missing"
    return str(error).split("\n", 1)[0].split(". Check that", 1)[0] or type(error).__name__
