"""What each allowed foreign tool said of itself when it was first used, as a hash: a tool that changes afterwards is left out.

One small file of the data folder, of mode 0600. One that cannot be read lets nothing through.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from copilot.model import InputError

FILE = "mcp-tools.json"
SHOWN = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
Known = dict[str, dict[str, str]]  # server -> tool -> fingerprint


def fingerprint(tool: Mapping[str, Any]) -> str:
    """A hash of all that a tool says of itself."""
    said = {key: tool.get(key) for key in SHOWN}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode("utf-8", "surrogatepass")).hexdigest()


class Pins:
    """The fingerprints of one data folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def known(self) -> Known:
        """All fingerprints.

        Raises:
            InputError: the file may be written by others, or is damaged.
        """
        try:
            if self._path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise InputError(f"{self._path} may be written by others.", f"Run: chmod 600 {self._path}")
            return msgspec.json.decode(self._path.read_bytes(), type=Known)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{self._path} cannot be read.", "Remove it; then look at: kubectl copilot tools") from error  # fmt: skip

    def keep(self, server: str, found: Mapping[str, str], *, anew: bool = False) -> None:
        """Keep the fingerprints of a server's tools; those that are kept already stand unless `anew`.

        Raises:
            InputError: the file cannot be read or written.
        """
        if not found:
            return
        with self._locked():
            known = self.known()
            held = known.get(server, {})
            after = {**held, **found} if anew else {**found, **held}
            if after == held:
                return
            written = self._path.with_name(f"{FILE}.{os.getpid()}")
            try:
                with os.fdopen(os.open(written, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
                    file.write(msgspec.json.encode({**known, server: after}, order="sorted"))
                written.replace(self._path)
            except OSError as error:
                raise _unwritable(self._path, error) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One writer at a time: a fingerprint that is lost would be taken anew from whatever the server says next."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be written: {error.strerror}.", "Foreign tools are used only where what they say is kept.")  # fmt: skip
