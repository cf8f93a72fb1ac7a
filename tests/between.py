"""Somebody else's look between any two statements of SQLite, in the same thread: every order of two processes, one after another."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest


def look_between(monkeypatch: pytest.MonkeyPatch, look: Callable[[], None]) -> None:
    """From here on `look` is called before and after every statement; what it opens itself is left alone."""
    real_connect = sqlite3.connect

    class Watched(sqlite3.Connection):
        """A connection beside which somebody looks."""

        def execute(self, *parts: Any) -> sqlite3.Cursor:
            _look()
            done = super().execute(*parts)
            _look()
            return done

    def connect(*parts: Any, **named: Any) -> sqlite3.Connection:
        return real_connect(*parts, **named, factory=Watched)

    def _look() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(sqlite3, "connect", real_connect)
            look()

    monkeypatch.setattr(sqlite3, "connect", connect)
