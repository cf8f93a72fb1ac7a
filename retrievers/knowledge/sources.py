"""Finds and reads the documents under a path. What cannot be read is noted with its reason, never fatal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG

import msgspec

SUFFIXES = frozenset({".md", ".markdown", ".mdx", ".txt"})
MAX_BYTES = 2 << 20  # bytes: the longest hand-written page is far below; larger text is a log or an export
MAX_FILES = 20_000  # files under one PATH: a wrong folder (a home directory) should be noticed, not swallowed
_IGNORED = frozenset({"node_modules", "__pycache__", "vendor"})
_SNIFFED = 8_192  # bytes


class Found(msgspec.Struct, frozen=True):
    """A file's content, or the reason why it was skipped. `note` says what was odd about a file that was read."""

    path: str
    content: bytes = b""
    skipped: str = ""
    note: str = ""

    @property
    def text(self) -> str:
        """The content as text; bytes that are not UTF-8 show as replacement characters."""
        if self.content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return self.content.decode("utf-16", "replace")
        return self.content.decode("utf-8-sig", "replace")


def find(root: Path) -> Iterator[Found]:
    """Read every document at or under `root`, in name order. A file named itself is read whatever its suffix."""
    if not root.is_dir():
        yield _read(root)
        return
    count = 0
    for path in _walk(root, set()):
        if isinstance(path, Found):
            yield path
            continue
        count += 1
        if count > MAX_FILES:
            yield Found(path=str(root), skipped=f"more than {MAX_FILES} documents; the rest was left out")
            return
        yield _read(path)


def _walk(folder: Path, open_folders: set[tuple[int, int]]) -> Iterator[Path | Found]:
    """Yield documents below a folder; a link back to a folder that is being walked is noted and not followed."""
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Found(path=str(folder), skipped=error.strerror or "cannot be listed")
        return
    identity = (status.st_dev, status.st_ino)
    if identity in open_folders:
        yield Found(path=str(folder), skipped="a link back to a folder above it")
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in _IGNORED:
            continue
        if _is_folder(entry):
            yield from _walk(Path(entry.path), open_folders | {identity})
        elif Path(entry.name).suffix.lower() in SUFFIXES:
            yield Path(entry.path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry leads to a folder; a link that leads nowhere does not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _read(path: Path) -> Found:
    """Read one file within the limits."""
    name = str(path)
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):
            return Found(path=name, skipped="not a regular file")
        if status.st_size > MAX_BYTES:
            return Found(path=name, skipped=f"larger than {MAX_BYTES >> 20} MiB")
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        return Found(path=name, skipped=error.strerror or "cannot be read")
    return _judge(name, content[:MAX_BYTES])


def _judge(name: str, content: bytes) -> Found:
    """Tell text from binary, and say when text is not UTF-8."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Found(path=name, content=content, note="read as UTF-16")
    if b"\x00" in content[:_SNIFFED]:
        return Found(path=name, skipped="a binary file")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return Found(path=name, content=content, note="not UTF-8: unreadable bytes show as \ufffd")
    return Found(path=name, content=content)
