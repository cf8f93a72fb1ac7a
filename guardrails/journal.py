"""The journal of changes: append-only, hash-chained, on disk before the request goes out. Nothing is sent without it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from copilot.model.moment import stamp
from guardrails.canonical import canonical_json, sha256_hex
from guardrails.errors import ApprovalError, JournalError

_BUSY_SECONDS = 20.0  # 50 processes that write at once wait for each other's fsync, a few milliseconds each
_START = "0" * 64
_SCHEMA = """
CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY, entry TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS claims (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS journal_keeps BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS journal_holds BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS claims_keep BEFORE DELETE ON claims BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS claims_hold BEFORE UPDATE ON claims BEGIN SELECT RAISE(ABORT, 'append only'); END;
"""


class Kind(Enum):
    """What an entry records."""

    PLANNED = "planned"  # a card was shown; detail.plan is the whole plan
    DECLINED = "declined"  # the person did not say yes
    APPROVED = "approved"  # detail.approval is the signed yes
    VOIDED = "voided"  # something changed in between; the plan is dead
    CONSUMED = "consumed"  # the approval is used up
    INTENT = "intent"  # the request is about to be sent
    RESULT = "result"  # what the server answered
    SETTLED = "settled"  # an unknown outcome was read back
    WATCHED = "watched"  # how the rollout ended


class Entry(msgspec.Struct, frozen=True):
    """One line of the journal. `hash` covers all the rest, `prev` is the hash before it."""

    seq: int
    at: str
    kind: Kind
    plan: str
    step: int
    detail: dict[str, Any]
    prev: str
    hash: str = ""

    def computed_hash(self) -> str:
        """What `hash` must be."""
        return sha256_hex(canonical_json(msgspec.structs.replace(self, hash="")))


class Verification(msgspec.Struct, frozen=True):
    """The result of walking the chain. No `problems` means that it is whole up to `head`."""

    count: int
    head: str
    problems: tuple[str, ...]


class AlreadyClaimed(ApprovalError):  # noqa: N818 - it is an answer, not a malfunction
    """Someone was first: an approval, or one of its steps, is used exactly once."""


class Journal:
    """One file. Every operation opens it anew, so threads and processes may share it.

    Args:
        path: the SQLite file; its folder is made private to the user.
        clock: the time now, aware.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self.path = path
        self._clock = clock

    def append(self, kind: Kind, plan: str, detail: dict[str, Any], *, step: int = -1, claim: str = "") -> Entry:
        """Write one entry and see it on disk. With `claim`, only the first to name it succeeds, in the same commit.

        Raises:
            AlreadyClaimed: the claim was made before; nothing was written.
            JournalError: it cannot be written.
        """
        with self._writing() as connection:
            row = connection.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
            seq, prev = (row[0] + 1, row[1]) if row else (1, _START)
            unsealed = Entry(seq, stamp(self._clock()), kind, plan, step, detail, prev)
            entry = msgspec.structs.replace(unsealed, hash=unsealed.computed_hash())
            if claim:
                try:
                    connection.execute("INSERT INTO claims (name, seq) VALUES (?, ?)", (claim, seq))
                except sqlite3.IntegrityError:
                    raise AlreadyClaimed(
                        f"The approval of plan {plan} is used up", "Ask for the change again to get a new plan."
                    ) from None
            text = canonical_json(msgspec.structs.replace(entry, hash="")).decode("ascii")
            connection.execute("INSERT INTO journal (seq, entry, hash) VALUES (?, ?, ?)", (seq, text, entry.hash))
        return entry

    def entries(self, plan: str | None = None) -> list[Entry]:
        """All entries in order, or those of one plan.

        Raises:
            JournalError: an entry is not readable; `verify` says which.
        """
        found = []
        for seq, text, _hash in self._rows():
            try:
                entry = msgspec.json.decode(text, type=Entry)
            except (msgspec.DecodeError, UnicodeError) as error:
                raise JournalError(
                    f"Entry {seq} of the journal is damaged", "Run: kubectl copilot audit verify"
                ) from error
            if plan in (None, entry.plan):
                found.append(msgspec.structs.replace(entry, hash=_hash))
        return found

    def verify(self, expected_head: str = "") -> Verification:
        """Walk the chain from its start.

        A chain alone cannot show that its end was cut off or that all of it was rewritten: for that, give the head
        that was noted earlier (every outcome prints it).
        """
        problems: list[str] = []
        prev, count, seen = _START, 0, set()
        for seq, text, written in self._rows():
            count += 1
            problems += _problems_of(seq, text, written, expected_seq=count, prev=prev)
            prev = written
            seen.add(written)
        if expected_head and expected_head not in seen:
            problems.append(f"no entry has the expected hash {expected_head}: the end was cut off or rewritten")
        problems += [
            f"claim {name!r} points to entry {seq}, which is missing" for name, seq in self._claims() if seq > count
        ]
        return Verification(count, prev if count else "", tuple(problems))

    def _rows(self) -> list[tuple[int, str, str]]:
        with self._reading() as connection:
            return (
                []
                if connection is None
                else connection.execute("SELECT seq, entry, hash FROM journal ORDER BY seq").fetchall()
            )

    def _claims(self) -> list[tuple[str, int]]:
        with self._reading() as connection:
            return (
                [] if connection is None else connection.execute("SELECT name, seq FROM claims ORDER BY seq").fetchall()
            )

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        if not self.path.exists():
            yield None
            return
        try:
            with closing(
                sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)
            ) as one:
                yield one
        except sqlite3.Error as error:
            raise JournalError(f"The journal {self.path} cannot be read: {error}", "Check the file.") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
            with closing(sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
                # EXTRA also syncs the folder, so that a committed entry is there after a power cut.
                connection.execute("PRAGMA synchronous = EXTRA")
                connection.executescript(_SCHEMA)
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise JournalError(
                f"The journal {self.path} cannot be written: {error}",
                "Nothing is changed without a journal. Free some space or make the folder writable.",
            ) from error


def _problems_of(seq: int, text: str, written: str, *, expected_seq: int, prev: str) -> list[str]:
    """What is wrong with one row, given where it stands."""
    problems = []
    if seq != expected_seq:
        problems.append(f"entry {expected_seq} is missing: {seq} stands in its place")
    try:
        entry = msgspec.json.decode(text, type=Entry)
    except (msgspec.DecodeError, UnicodeError):
        return [*problems, f"entry {seq} is not readable"]
    computed = sha256_hex(text.encode())  # of the text as it stands: an unknown field would be lost in decoding
    if computed != written:
        problems.append(f"entry {seq} was altered: its hash is {computed}, written is {written}")
    if entry.prev != prev:
        problems.append(f"entry {seq} does not follow the one before it")
    if entry.seq != seq:
        problems.append(f"entry {seq} says that it is number {entry.seq}")
    return problems
