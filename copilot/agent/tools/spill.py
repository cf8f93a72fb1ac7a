"""What does not fit into one result, kept in a file of the user's own until the conversation ends. Redacted before it is written."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from copilot.agent.tools.tool import Line

MAX_BYTES = 16 * 2**20  # of all spilled results of a conversation


class Spill:
    """Pages of results by handle. The folder is made at the first use and removed by `close`."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: dict[str, Path] = {}
        self._bytes = 0

    def keep(self, lines: tuple[Line, ...]) -> str:
        """Keep lines and return their handle; "" where the conversation has kept too much already."""
        raw = msgspec.json.encode(lines)
        if self._bytes + len(raw) > MAX_BYTES:
            return ""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="cluster-copilot-")  # mode 0700
        handle = f"more-{secrets.token_hex(4)}"
        path = Path(self._folder.name) / f"{handle}.json"
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(raw)
        self._files[handle] = path
        self._bytes += len(raw)
        return handle

    def read(self, handle: str) -> tuple[Line, ...] | None:
        """The kept lines; None where no such handle was given out."""
        path = self._files.get(handle)
        return None if path is None else msgspec.json.decode(path.read_bytes(), type=tuple[Line, ...])

    def close(self) -> None:
        """Remove everything."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
        self._files.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
