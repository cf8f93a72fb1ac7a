"""Walks a folder, an archive, a single file or standard input as named members, without ever writing to disk.

What would leave the root, is no plain file, or grows past a limit comes out as Skipped or as one InputError.
"""

from __future__ import annotations

import io
import lzma
import mmap
import os
import stat
import sys
import tarfile
import zipfile
import zlib
from bz2 import BZ2File
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from gzip import BadGzipFile, GzipFile
from pathlib import Path, PurePosixPath
from typing import IO

from copilot.model import InputError
from tools.cluster.sniff import Buffer

MAX_MEMBERS = 250_000  # files: a must-gather of 10,000 pods has about 100,000
MAX_UNPACKED = 8 * 2**30  # bytes: eight times the largest dump that is promised to work
MAX_RATIO = 400  # unpacked : packed; object dumps reach 60, deflate's ceiling of 1,032 is only reached by bombs
RATIO_GRACE = 128 * 2**20  # bytes: below this even a ratio of 1,000 harms nobody (one repeated log line)
MAP_ABOVE = 16 * 2**20  # bytes: below this a copy in memory is cheaper than a mapping
_BLOCK = 4 * 2**20  # bytes read at a time

_UNPACK_ERRORS = (EOFError, BadGzipFile, zlib.error, lzma.LZMAError, OSError)


class LimitError(InputError):
    """The input is larger than any dump: all of it is refused, not only the member that passed the limit."""


@dataclass(frozen=True)
class Member:
    """One file: its path below the root in `/` form, its packed or plain size, and how to open it.

    `path` is set for a plain file on disk. A member of an archive must be read before the next one is asked for.
    """

    name: str
    size: int
    open: Callable[[], IO[bytes]] = field(repr=False)
    path: Path | None = None


@dataclass(frozen=True)
class Skipped:
    """A member that was not read, and why, in words."""

    name: str
    reason: str


class Bounded(io.RawIOBase):
    """A decompressing stream that stops a bomb: it counts what comes out against what went in."""

    def __init__(self, inner: IO[bytes], packed: IO[bytes], name: str, *, owned: bool = False) -> None:
        super().__init__()
        self._owned = owned
        self._inner = inner
        self._packed = packed
        self._name = name
        self._total = 0

    def close(self) -> None:
        """Close the packed stream too, where this view is all that is left of it."""
        if self._owned:
            self._packed.close()
        super().close()

    def readable(self) -> bool:
        """It can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read like a file; raise InputError where the limits are passed or the stream is damaged."""
        try:
            block = self._inner.read(size)
        except _UNPACK_ERRORS as error:
            raise damaged(self._name, error) from error
        self._total += len(block)
        if self._total > MAX_UNPACKED:
            raise LimitError(
                f"{self._name}: unpacks to more than {MAX_UNPACKED >> 30} GiB", "Unpack it and give the folder."
            )
        if self._total > RATIO_GRACE and self._total > MAX_RATIO * max(self._packed.tell(), 1):
            raise LimitError(
                f"{self._name}: unpacks to more than {MAX_RATIO} times its size, which no dump does",
                "If you trust it, unpack it and give the folder.",
            )
        return block

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read into a buffer, for buffered wrappers."""
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


def damaged(name: str, error: Exception) -> InputError:
    """One error for a stream that cannot be unpacked to its end."""
    cut = isinstance(error, EOFError)
    what = "ends in the middle (the file is cut short)" if cut else f"cannot be unpacked: {error}"
    return InputError(f"{name}: {what}", "Copy or download it again.")


def members(path: str) -> Iterator[Member | Skipped]:
    """Yield what stands under `path` in a stable order; "-" is standard input.

    Raises:
        InputError: nothing is there, it may not be read, or an archive is damaged or a bomb.
    """
    if path == "-":
        yield from _stream_members(io.BytesIO(sys.stdin.buffer.read(MAX_UNPACKED)), "stdin")
        return
    root = Path(path)
    try:
        mode = root.stat().st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: {reason}", "Give a file or folder that exists, or - for standard input.") from error
    if stat.S_ISDIR(mode):
        yield from _folder_members(root)
    elif stat.S_ISREG(mode):
        with _opened(root) as stream:
            yield from _stream_members(stream, root.name, root)
    else:  # a pipe, as from `--from <(kubectl get pods -o yaml)`
        with _opened(root) as stream:
            yield from _stream_members(io.BytesIO(stream.read(MAX_UNPACKED)), root.name)


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "Check the file's permissions.") from error


def _folder_members(root: Path) -> Iterator[Member | Skipped]:
    """Yield the plain files below a folder, hidden ones left out, links followed only inside it."""
    inside = root.resolve()
    seen = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.startswith("."):
                continue
            seen += 1
            if seen > MAX_MEMBERS:
                raise LimitError(f"{root}: more than {MAX_MEMBERS:,} files", "Give a smaller folder.")
            yield _folder_member(root, inside, Path(folder, name))


def _folder_member(root: Path, inside: Path, path: Path) -> Member | Skipped:
    name = path.relative_to(root).as_posix()
    try:
        if path.is_symlink() and not path.resolve().is_relative_to(inside):
            return Skipped(name, "a link that leads out of the folder")
        status = path.stat()
    except (OSError, RuntimeError) as error:
        return Skipped(name, getattr(error, "strerror", None) or "a link that leads nowhere")
    if not stat.S_ISREG(status.st_mode):
        return Skipped(name, "not a plain file")
    return Member(name, status.st_size, lambda: unpacked(_opened(path), name, owned=True), path)


def _stream_members(stream: IO[bytes], name: str, path: Path | None = None) -> Iterator[Member | Skipped]:
    """Yield the members of a tar or zip; anything else is one member, unpacked when it is compressed."""
    head = stream.read(4)
    stream.seek(0)
    if head == b"PK\x03\x04":
        yield from _zip_members(stream, name)
        return
    plain = unpacked(stream, name)
    start = plain.read(512)
    stream.seek(0)
    if start[257:262] == b"ustar":
        yield from _tar_members(unpacked(stream, name), name)
        return
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    yield Member(name, size, lambda: unpacked(stream, name), path)


def unpacked(stream: IO[bytes], name: str, *, owned: bool = False) -> IO[bytes]:
    """Return the stream itself, or a bounded decompressing view of it, judged by its first bytes.

    `owned` makes closing the view close the stream.
    """
    magic = stream.read(6)
    stream.seek(0)
    inner: IO[bytes]
    if magic[:2] == b"\x1f\x8b":
        inner = GzipFile(fileobj=stream)  # type: ignore[assignment]
    elif magic[:3] == b"BZh":
        inner = BZ2File(stream)
    elif magic == b"\xfd7zXZ\x00":
        inner = lzma.LZMAFile(stream)  # noqa: SIM115 - whoever opened the member closes it
    elif magic[:4] == b"\x28\xb5\x2f\xfd":
        if owned:
            stream.close()
        raise InputError(f"{name}: zstd is not unpacked here", f"Unpack it first: zstd -d {name}")
    else:
        return stream
    return Bounded(inner, stream, name, owned=owned)  # type: ignore[return-value]


def _unsafe(name: str) -> str:
    """Why an archive member's name is refused, or nothing."""
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or name[1:2] == ":":
        return "an absolute path"
    if ".." in parts.parts:
        return "a path that leads out of the archive"
    return ""


def _tar_members(stream: IO[bytes], name: str) -> Iterator[Member | Skipped]:
    """Yield a tar's plain files as they come, each readable only until the next."""
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for count, info in enumerate(archive):
                if count >= MAX_MEMBERS:
                    raise LimitError(f"{name}: more than {MAX_MEMBERS:,} members", "Unpack it and give a part of it.")
                if not info.isdir():
                    yield _tar_member(archive, info)
    except (tarfile.TarError, *_UNPACK_ERRORS) as error:
        raise damaged(name, error) from error


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Member | Skipped:
    name = str(PurePosixPath(info.name))
    if reason := _unsafe(info.name):
        return Skipped(info.name, reason)
    body = archive.extractfile(info) if info.isreg() else None
    if body is None:
        return Skipped(name, "a link" if info.issym() or info.islnk() else "not a plain file")
    return Member(name, info.size, lambda: _member_stream(body, name))


def _member_stream(body: IO[bytes], name: str) -> IO[bytes]:
    """Unpack a compressed member of an archive (`objects.json.gz` in a tar); the archive's stream cannot seek back."""
    buffered = io.BufferedReader(body)  # type: ignore[type-var]
    magic = buffered.peek(6)[:6]
    if magic[:2] == b"\x1f\x8b":
        return Bounded(GzipFile(fileobj=buffered), _Counted(buffered), name)  # type: ignore[arg-type,return-value]
    return buffered


class _Counted:
    """How much of a packed member was taken, where the archive cannot tell."""

    def __init__(self, inner: io.BufferedReader) -> None:
        self._inner = inner

    def tell(self) -> int:
        """Bytes taken so far."""
        return self._inner.tell()


def _zip_members(stream: IO[bytes], name: str) -> Iterator[Member | Skipped]:
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            total = sum(entry.file_size for entry in entries)
            packed = max(sum(entry.compress_size for entry in entries), 1)
            if len(entries) > MAX_MEMBERS or total > MAX_UNPACKED or total > max(RATIO_GRACE, MAX_RATIO * packed):
                raise LimitError(
                    f"{name}: {len(entries):,} members that unpack to {total:,} bytes are more than a dump has",
                    "If you trust it, unpack it and give the folder.",
                )
            for entry in entries:
                if not entry.is_dir():
                    yield _zip_member(archive, entry)
    except (zipfile.BadZipFile, NotImplementedError, *_UNPACK_ERRORS) as error:
        raise damaged(name, error) from error


def _zip_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Member | Skipped:
    if reason := _unsafe(entry.filename):
        return Skipped(entry.filename, reason)
    if entry.flag_bits & 0x1:
        return Skipped(entry.filename, "encrypted")
    if stat.S_ISLNK(entry.external_attr >> 16):
        return Skipped(entry.filename, "a link")
    return Member(
        str(PurePosixPath(entry.filename)),
        entry.file_size,
        lambda: _member_stream(archive.open(entry), entry.filename),
    )


def read_all(member: Member) -> Buffer:
    """Read a member whole; a large one into mapped memory, so that its pages can be handed back while it is decoded.

    Raises:
        InputError: the member is damaged or grows past the limits.
    """
    try:
        with member.open() as stream:
            if isinstance(stream, io.BufferedReader) and isinstance(stream.raw, io.FileIO) and member.size > MAP_ABOVE:
                return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            pieces = bytearray()
            while block := stream.read(_BLOCK):
                pieces += block
                if len(pieces) > MAP_ABOVE:
                    return _mapped(pieces, stream, member)
            return bytes(pieces)
    except (tarfile.TarError, zipfile.BadZipFile, *_UNPACK_ERRORS) as error:
        raise damaged(member.name, error) from error


def _mapped(start: bytearray, stream: IO[bytes], member: Member) -> Buffer:
    """Read the rest of a large stream behind its start; what was reserved and not used costs nothing."""
    size, filled = max(member.size, 4 * len(start)), len(start)
    memory = mmap.mmap(-1, size)
    memory[:filled] = bytes(start)
    while block := stream.read(_BLOCK):
        if filled + len(block) > MAX_UNPACKED:
            raise InputError(f"{member.name}: larger than {MAX_UNPACKED >> 30} GiB", "Split it.")
        if filled + len(block) > size:
            size *= 2
            memory = _resized(memory, filled, size)
        memory[filled : filled + len(block)] = block
        filled += len(block)
    return _resized(memory, filled, filled)


def _resized(memory: mmap.mmap, filled: int, size: int) -> mmap.mmap:
    """Grow or cut mapped memory, by a copy where the system cannot."""
    try:
        memory.resize(size)
    except (SystemError, ValueError, OSError):
        other = mmap.mmap(-1, size)
        other[:filled] = memory[:filled]
        return other
    return memory


def read_tail(member: Member, limit: int) -> tuple[bytes, bool]:
    """Read the last `limit` bytes of a member, and tell whether something before them was left out."""
    tail = bytearray()
    dropped = False
    try:
        with member.open() as stream:
            if member.path is not None and stream.seekable() and member.size > limit:
                stream.seek(-limit, os.SEEK_END)
                return stream.read(limit), True
            while block := stream.read(_BLOCK):
                tail += block
                if len(tail) > limit:
                    dropped = True
                    del tail[:-limit]
    except (tarfile.TarError, zipfile.BadZipFile, *_UNPACK_ERRORS) as error:
        raise damaged(member.name, error) from error
    return bytes(tail), dropped
