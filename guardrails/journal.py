"""The journal of changes: append-only, hash-chained, on disk before the request goes out. Nothing is sent without it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from copilot.model import text as words
from copilot.model.moment import stamp
from guardrails.anchor import Anchor, Anchoring, unmet
from guardrails.break_glass import NOTE, page_words
from guardrails.canonical import canonical_json, sha256_hex
from guardrails.errors import ApprovalError, JournalError

_BUSY_SECONDS = 20.0  # 50 processes that write at once wait for each other's fsync, a few milliseconds each
_START = "0" * 64
_ROLLBACK_FIRST = frozenset(
    {sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY, sqlite3.SQLITE_CANTOPEN}
)
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY, entry TEXT NOT NULL, hash TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS claims (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TRIGGER IF NOT EXISTS journal_keeps BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER IF NOT EXISTS journal_holds BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER IF NOT EXISTS claims_keep BEFORE DELETE ON claims BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER IF NOT EXISTS claims_hold BEFORE UPDATE ON claims BEGIN SELECT RAISE(ABORT, 'append only'); END",
)


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
    ANCHORED = "anchored"  # the head was noted out of band; detail.where
    UNANCHORED = "not anchored"  # it could not be noted; detail.why
    REVIEW_CLOSED = "review closed"  # another person looked at a break-glass change; detail.note
    LOOKED = "looked"  # a person looked at their failed changes, which lifts the brake; detail.note


BREAK_GLASS = "break-glass"  # the event of the anchor that pages
_CHANGED = frozenset({Kind.RESULT, Kind.SETTLED})  # after these the head is anchored at once
_OF_ANCHORS = frozenset({Kind.ANCHORED, Kind.UNANCHORED})


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
        anchoring: where its head is anchored; nowhere when None.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime], anchoring: Anchoring | None = None) -> None:
        self.path = path
        self._clock = clock
        self._anchoring = anchoring if anchoring and anchoring.channels else None

    def append(self, kind: Kind, plan: str, detail: dict[str, Any], *, step: int = -1, claim: str = "") -> Entry:
        """Write one entry and see it on disk. With `claim`, only the first to name it succeeds, in the same commit.

        The entry names its claim, so that one taken out of the table is missed.

        Raises:
            AlreadyClaimed: the claim was made before; nothing was written.
            JournalError: it cannot be written, or a head had to be anchored first and cannot be.
        """
        if kind is Kind.CONSUMED:
            self._require_anchor()
        entry = self._written(kind, plan, {**detail, "claim": claim} if claim else detail, step, claim)
        if self._anchoring and kind not in _OF_ANCHORS:
            if kind is Kind.CONSUMED and NOTE in detail:
                self._anchor(entry, BREAK_GLASS, page_words(entry.plan, entry.detail))
            elif kind in _CHANGED or entry.seq % self._anchoring.every == 0:
                self._anchor(entry, "change" if kind in _CHANGED else "count")
        return entry

    def head(self) -> str:
        """The hash of the newest entry, "" where there is none."""
        newest = self._newest()
        return newest[2] if newest else ""

    def _written(self, kind: Kind, plan: str, detail: dict[str, Any], step: int, claim: str) -> Entry:
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

    def _anchor(self, entry: Entry, event: str, words: str = "") -> list[str]:
        """Anchor one entry, put on record how that went, and return why it failed where it did."""
        assert self._anchoring is not None
        held, failed = self._anchoring.put(Anchor(entry.at, entry.hash, entry.seq, event, entry.plan, words))
        about = {"entry": entry.seq, "head": entry.hash, "event": event}
        if held:
            self._written(Kind.ANCHORED, entry.plan, {**about, "where": held}, -1, "")
        if failed:
            self._written(Kind.UNANCHORED, entry.plan, {**about, "why": failed}, -1, "")
        return failed

    def _require_anchor(self) -> None:
        """Where anchors are required, nothing more is approved for sending while the last one failed."""
        if self._anchoring is None or not self._anchoring.required:
            return
        last, newest = self.last_anchor(), self._newest()
        if newest is None or (last is not None and last.kind is Kind.ANCHORED):
            return
        failed = self._anchor(_entry_of(*newest), "retry")
        if failed:
            raise JournalError(
                f"The journal's head could not be anchored: {'; '.join(failed)}",
                "Nothing was sent: this installation requires anchors (COPILOT_ANCHOR_REQUIRED).",
            )

    def known_anchors(self) -> tuple[Anchor, ...]:
        """The anchors that can be read back from where they are noted.

        Raises:
            AnchorError: they cannot be read.
        """
        return self._anchoring.known() if self._anchoring else ()

    def last_anchor(self) -> Entry | None:
        """How anchoring went the last time; None when it was never tried."""
        return next((entry for entry in reversed(self.entries()) if entry.kind in _OF_ANCHORS), None)

    def entries(self, plan: str | None = None) -> list[Entry]:
        """All entries in order, or those of one plan.

        Raises:
            JournalError: an entry is not readable; `verify` says which.
        """
        found = [_entry_of(*row) for row in self._rows()]
        return [entry for entry in found if plan in (None, entry.plan)]

    def verify(self, expected_head: str = "", anchors: Iterable[Anchor] = ()) -> Verification:
        """Walk the chain from its start, and hold it against its claims and every anchor that is known.

        A chain alone cannot show that its end was cut off or that all of it was rewritten: for that, there are anchors,
        or a head that was noted earlier (every outcome prints it).

        Raises:
            AnchorError: the known anchors cannot be read.
        """
        try:
            rows, claims, damage = (
                self._rows(),
                self._select("SELECT name, seq FROM claims ORDER BY seq"),
                self._damage(),
            )
        except JournalError as error:
            return Verification(0, "", (error.title,))
        problems, prev, hashes, claimed = list(damage), _START, dict[int, str](), dict[str, int]()
        for expected_seq, (seq, text, written) in enumerate(rows, start=1):
            problems += _problems_of(seq, text, written, expected_seq=expected_seq, prev=prev)
            prev = hashes[seq] = str(written)
            if name := _claim_in(text):
                claimed[name] = seq
        if expected_head:
            anchors = (*anchors, Anchor("an earlier time", expected_head))
        problems += _claim_problems(claims, claimed)
        problems += unmet((*self.known_anchors(), *anchors), hashes)
        return Verification(len(rows), prev if rows else "", tuple(problems))

    def _rows(self) -> list[tuple[int, str, str]]:
        return self._select("SELECT seq, entry, hash FROM journal ORDER BY seq")

    def _newest(self) -> tuple[int, str, str] | None:
        rows = self._select("SELECT seq, entry, hash FROM journal ORDER BY seq DESC LIMIT 1")
        return rows[0] if rows else None

    def _damage(self) -> list[str]:
        """What SQLite itself finds wrong with its file: an index that is off would let a claim be made twice."""
        said = [row[0] for row in self._select("PRAGMA integrity_check(5)")]
        return [f"the file is damaged: {each}" for each in said if each != "ok"]

    def _select(self, query: str) -> list[Any]:
        with self._reading() as connection:
            return [] if connection is None else connection.execute(query).fetchall()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        if not self.path.exists():
            yield None
            return
        try:
            with closing(self._opened("ro")) as one:
                yield one if one.execute("SELECT 1 FROM sqlite_master").fetchone() else None
        except sqlite3.Error as error:
            raise JournalError(f"The journal {self.path} cannot be read: {error}", "Check the file.") from error

    def _opened(self, mode: str) -> sqlite3.Connection:
        """Open it for reading. After a crash in the middle of a commit SQLite must first be let to roll that back."""
        address = f"{self.path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)
        # What somebody made of the text is to be told as tampering, not to end the reading.
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        try:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError as error:
            connection.close()
            if mode == "ro" and error.sqlite_errorcode in _ROLLBACK_FIRST:
                return self._opened("rw")
            raise
        return connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
            with closing(sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
                # EXTRA also syncs the folder, so that a committed entry is there after a power cut.
                connection.execute("PRAGMA synchronous = EXTRA")
                connection.execute("BEGIN IMMEDIATE")
                # In one commit with the first entry: who reads meanwhile sees all of it or nothing.
                for statement in _SCHEMA:
                    connection.execute(statement)
                yield connection
                connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise JournalError(
                f"The journal {self.path} cannot be written: {error}",
                "Nothing is changed without a journal. Free some space or make the folder writable.",
            ) from error


def _entry_of(seq: int, text: Any, written: Any) -> Entry:
    try:
        return msgspec.structs.replace(msgspec.json.decode(text, type=Entry), hash=str(written))
    except (msgspec.DecodeError, UnicodeError, TypeError) as error:
        raise JournalError(f"Entry {seq} of the journal is damaged", "Run: kubectl copilot audit verify") from error


def _claim_in(text: Any) -> str:
    """The claim that an entry says it made."""
    try:
        return words(msgspec.json.decode(text), "detail", "claim")
    except (msgspec.DecodeError, UnicodeError, TypeError):
        return ""


def _claim_problems(claims: list[tuple[Any, Any]], claimed: dict[str, int]) -> Iterator[str]:
    """Where the table of claims is not what the entries say: a claim that is gone lets an approval be used again."""
    there = dict(claims)
    for name, seq in there.items():
        if name not in claimed:
            yield f"claim {name!r} points to entry {seq}, which is missing or did not make it"
        elif claimed[name] != seq:
            yield f"claim {name!r} points to entry {seq}; entry {claimed[name]} made it"
    for name, seq in claimed.items():
        if name not in there:
            yield f"claim {name!r} of entry {seq} is gone: what it used up could be used again"


def _problems_of(seq: int, text: Any, written: Any, *, expected_seq: int, prev: str) -> list[str]:
    """What is wrong with one row, given where it stands."""
    problems = []
    if seq != expected_seq:
        problems.append(f"entry {expected_seq} is missing: {seq} stands in its place")
    try:
        entry = msgspec.json.decode(text, type=Entry)
    except (msgspec.DecodeError, UnicodeError, TypeError):
        return [*problems, f"entry {seq} is not readable"]
    computed = sha256_hex(
        text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text)
    )  # of the text as it stands: an unknown field would be lost in decoding
    if computed != written:
        problems.append(f"entry {seq} was altered: its hash is {computed}, written is {written}")
    if entry.prev != prev:
        problems.append(f"entry {seq} does not follow the one before it")
    if entry.seq != seq:
        problems.append(f"entry {seq} says that it is number {entry.seq}")
    return problems
