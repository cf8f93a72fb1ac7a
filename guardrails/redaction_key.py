"""The key behind the placeholders: kept in this installation's data folder, so that equal secrets look equal in every run.

The key is read, or made, when the first secret is found: a run without one touches no file. Where no file may be made, a key
of this process stands in, and `note()` says so.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

_FILE = "redaction.key"
_LEAST_BYTES = 16


class ProcessKey:
    """A key that is looked for once, on first use."""

    def __init__(self, folder: Callable[[], Path] | None = None) -> None:
        self._folder = folder
        self._key = b""
        self.trouble = ""

    def __call__(self) -> bytes:
        """The key."""
        if not self._key:
            self._key = self._found()
        return self._key

    def _found(self) -> bytes:
        import secrets  # noqa: PLC0415 - a run that finds no secret needs none of it

        if self._folder is None:
            return secrets.token_bytes(32)
        folder = self._folder()
        try:
            return install_key(folder)
        except OSError as error:
            self.trouble = f"{folder / _FILE}: {error.strerror or error}"
            return secrets.token_bytes(32)


class _Home:
    """Where this process keeps its key; said once, at the edge."""

    key = ProcessKey()


def keep_key_in(folder: Callable[[], Path]) -> None:
    """Take the placeholders' key from this data folder from now on. Nothing is read or made yet."""
    _Home.key = ProcessKey(folder)


def process_key() -> ProcessKey:
    """The key of this process."""
    return _Home.key


def note() -> str:
    """What a user must know of the key: nothing, or that the placeholders of this run compare with no other run's."""
    trouble = _Home.key.trouble
    return f"the placeholders of secrets differ from those of other runs ({trouble})" if trouble else ""


def install_key(folder: Path) -> bytes:
    """Read this installation's redaction key from a data folder, making it on first use (mode 0600).

    Raises:
        OSError: the folder cannot be written, or the key cannot be read or is damaged.
    """
    from guardrails.keyfile import create_key  # noqa: PLC0415 - see above

    path = folder / _FILE
    try:
        return _whole(path)
    except FileNotFoundError:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    create_key(path)
    return _whole(path)


def _whole(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) < _LEAST_BYTES:
        raise OSError(0, "the key is damaged; remove the file", str(path))
    return key
