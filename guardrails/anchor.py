"""Anchors: the journal's head, noted where its writer cannot take it back. A chain alone cannot show that its end was cut off.

Promise: what an anchor names is in the journal, at its place, or the journal is called broken.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from guardrails.errors import JournalError

MAX_FILE = 64 * 2**20  # bytes: at about 250 a line a quarter of a million changes
_AGENT = re.compile(r"^cluster-copilot/\S+ plan/(\S{1,64}) .*\bjournal/([0-9a-f]{12,64})\b")


class AnchorError(JournalError):
    """A place for anchors cannot be written or read."""


class Anchor(msgspec.Struct, frozen=True, omit_defaults=True):
    """One noted head. `seq` is 0 where only the head is known; `head` may be its first characters.

    `event` says why it was noted, and `text` says it in words, for channels that people read.
    """

    at: str
    head: str
    seq: int = 0
    event: str = ""
    plan: str = ""
    text: str = ""


class Channel(Protocol):
    """A place for anchors."""

    @property
    def place(self) -> str:
        """Where it is, without any password."""
        ...

    def put(self, line: bytes) -> None:
        """Note one line.

        Raises:
            AnchorError: it was not noted.
        """
        ...


class Anchoring(msgspec.Struct, frozen=True, eq=False):
    """Where and how often a journal's head is anchored.

    `required`: nothing more is changed while a head could not be anchored. `known` reads the anchors back where that
    can be done.
    """

    channels: tuple[Channel, ...]
    every: int = 50
    required: bool = False
    known: Callable[[], tuple[Anchor, ...]] = tuple

    def put(self, anchor: Anchor) -> tuple[list[str], list[str]]:
        """Note it everywhere. Return the places that have it now, and for the others why not."""
        line = msgspec.json.encode(anchor)
        held, failed = [], []
        for channel in self.channels:
            try:
                channel.put(line)
                held.append(channel.place)
            except AnchorError as error:
                failed.append(f"{channel.place}: {error.title}")
        return held, failed


class AnchorFile:
    """A file, best on another disk or with the append-only attribute: one line for each anchor, only ever added to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def place(self) -> str:
        """The file's path."""
        return str(self.path)

    def put(self, line: bytes) -> None:
        """Add one line and see it on disk.

        Raises:
            AnchorError: the file cannot be written.
        """
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                size = os.fstat(descriptor).st_size
                torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # by a disk that was full
                whole = b"\n" * torn + line + b"\n"
                if os.write(descriptor, whole) != len(whole):
                    raise AnchorError("the disk is full: the line is there in part")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise AnchorError(error.strerror or type(error).__name__) from error

    def read(self) -> tuple[Anchor, ...]:
        """All anchors of the file; none where there is no file yet.

        Raises:
            AnchorError: the file, or a line of it, cannot be read.
        """
        return read_anchors(self.path) if self.path.exists() else ()


def read_anchors(path: Path) -> tuple[Anchor, ...]:
    """Read a file of anchors: lines of an anchor file, bodies that a webhook received, or the API server's audit log.

    Lines of an audit log that are not about a request of this program are left out.

    Raises:
        AnchorError: the file, or a line of it, cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "no usable file name"
        raise AnchorError(f"The anchors in {path} cannot be read: {said}", "Name the file that holds them.") from error
    if len(content) > MAX_FILE:
        raise AnchorError(
            f"The anchors in {path} are more than {MAX_FILE // 2**20} MiB", "Give the newest part of them."
        )
    found = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip() or _is_torn(line):
            continue
        try:
            anchor = _anchor_of(line)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise AnchorError(
                f"Line {number} of {path} is no anchor", "Each line is one anchor, or one event of an audit log."
            ) from error
        if anchor is not None:
            found.append(anchor)
    return tuple(found)


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of an event of the API server's audit log."""

    audit_id: str = msgspec.field(name="auditID")
    user_agent: str = ""
    request_received_timestamp: str = ""


def _is_torn(line: bytes) -> bool:
    """Tell a line that a full disk let in only in part: it says nothing, and what it was to say was told as not anchored."""
    return line.startswith(b"{") and not line.rstrip().endswith(b"}")


def _anchor_of(line: bytes) -> Anchor | None:
    try:
        event = msgspec.json.decode(line, type=_Event)
    except msgspec.ValidationError:
        return msgspec.json.decode(line, type=Anchor)
    said = _AGENT.match(event.user_agent)
    return Anchor(event.request_received_timestamp, said[2], plan=said[1]) if said else None


def unmet(anchors: Iterable[Anchor], hashes: Mapping[int, str]) -> list[str]:
    """What the anchors say and the journal, given as its hashes by number, does not."""
    prefixes = {length: {each[:length] for each in hashes.values()} for length in (12, 64)}
    last = max(hashes, default=0)
    problems: dict[str, None] = {}
    for anchor in anchors:
        if anchor.seq > last:
            problems[_cut(anchor, last)] = None
        elif anchor.seq and not (anchor.head and hashes.get(anchor.seq, "").startswith(anchor.head)):
            problems[
                f"entry {anchor.seq} is not the one that was anchored at {anchor.at}: the journal was rewritten"
            ] = None
        elif not anchor.seq and not _is_known(anchor.head, prefixes, hashes):
            problems[
                f"no entry has the hash {anchor.head} that was anchored at {anchor.at}: the end was cut off or rewritten"
            ] = None
    return list(problems)


def _is_known(head: str, prefixes: Mapping[int, set[str]], hashes: Mapping[int, str]) -> bool:
    if len(head) in prefixes:
        return head in prefixes[len(head)]
    return len(head) >= min(prefixes) and any(each.startswith(head) for each in hashes.values())


def _cut(anchor: Anchor, last: int) -> str:
    return (
        f"entry {anchor.seq}, anchored at {anchor.at}, is gone: the journal ends with entry {last}, its end was cut off"
    )
