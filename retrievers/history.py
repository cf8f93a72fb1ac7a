"""Incident memory: symptom signature, cause, fix and how often it worked. Entries are data: quoted, capped, never acted on.

An entry is offered only where kind, cause and field are the very same; words that sound alike bring nothing.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from copilot.model import CopilotError, Ref, RootCause, UsageError
from copilot.model.moment import stamp
from guardrails.redaction import redact
from guardrails.redaction_text import clean_text

if TYPE_CHECKING:
    from guardrails.plan import ClusterId

FILE = "incidents.sqlite3"
CLUSTERS = "clusters.json"
MAX_CLUSTERS = 1_000  # addresses: the oldest go first
MAX_WORDS = 400  # characters of a cause or a fix: a sentence to weigh, not a script to follow
MAX_ENTRIES = 5_000  # the oldest go first
MOST_OFFERED = 3  # of one cause: more is a list, not advice
_INDEX = re.compile(r"\[[^\]]*\]|(?<=\bcontainer )\S+")
_SCHEMA = """CREATE TABLE IF NOT EXISTS incidents (
  id INTEGER PRIMARY KEY, cluster TEXT NOT NULL, kind TEXT NOT NULL, cause TEXT NOT NULL, field TEXT NOT NULL,
  grp TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, why TEXT NOT NULL, fix TEXT NOT NULL,
  author TEXT NOT NULL, at TEXT NOT NULL, plan TEXT NOT NULL, tried INTEGER NOT NULL, worked INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS incidents_signature ON incidents(cluster, kind, cause, field);
CREATE TABLE IF NOT EXISTS counted (plan TEXT PRIMARY KEY) WITHOUT ROWID"""
_FIELDS = "id, cluster, kind, cause, field, grp, namespace, name, why, fix, author, at, plan, tried, worked"


class HistoryError(CopilotError):
    """The incident memory cannot be opened or written."""


class Author(Enum):
    """Who speaks where no person does."""

    PROGRAM = "the program, after a plan"


class Signature(msgspec.Struct, frozen=True):
    """What makes two troubles the same: the kind of the object at fault, the cause's id, the field that proves it."""

    kind: str
    cause: str
    field: str


class Incident(msgspec.Struct, frozen=True):
    """One entry. `tried` and `worked` are the fix's track record; both 0 where nobody measured it."""

    id: int
    cluster: str
    kind: str
    cause: str
    field: str
    group: str
    namespace: str
    name: str
    why: str
    fix: str
    author: str
    at: str
    plan: str = ""
    tried: int = 0
    worked: int = 0

    @property
    def ref(self) -> Ref:
        """The object that it was about."""
        return Ref(self.kind, self.namespace, self.name, self.group)

    @property
    def record(self) -> str:
        """The track record in words."""
        return f"worked {self.worked} of {self.tried} times" if self.tried else "outcome not measured"

    @property
    def quote(self) -> str:
        """The entry as it may be shown: what somebody wrote, between quotation marks, with who, when and how it went."""
        return f"{self.at[:10]}, {self.author} wrote: cause “{self.why}”, fix “{self.fix}” ({self.record})"


def signature_of(cause: RootCause) -> Signature:
    """The structural signature of a root cause; names and numbers in brackets are left out of the field."""
    field = next((piece.path for piece in cause.evidence if piece.path), "")
    return Signature(cause.object.kind, cause.cause, _INDEX.sub("[]", field)[:200])


def capped(words: str) -> str:
    """Somebody's words as they are kept: one line, redacted, without control characters and quotation marks, cut."""
    line = " ".join(redact(clean_text(words[: MAX_WORDS * 8])).split()).replace("“", "'").replace("”", "'")
    return line if len(line) <= MAX_WORDS else line[: MAX_WORDS - 1] + "…"


def _known(path: Path) -> dict[str, str]:
    """The uid of each address that was seen with one; none where the file is missing or not ours."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError):
        return {}


def _keep(path: Path, known: dict[str, str]) -> None:
    """Write them where anything is kept at all; a folder that cannot be written only costs what others may find."""
    fresh = path.with_suffix(f".{os.getpid()}")
    try:
        with open(fresh, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(msgspec.json.encode(dict(list(known.items())[-MAX_CLUSTERS:])))
        fresh.replace(path)
    except OSError:
        return


def recorded_key(identity: str) -> str:
    """How recorded material is filed: apart from every live cluster, whatever it says of itself."""
    return f"recorded/{identity}"


def _read_back(entry: Incident) -> Incident:
    """An entry as it may be shown: whoever wrote the file by hand gets no further than `remember` lets anybody."""
    return msgspec.structs.replace(
        entry, why=capped(entry.why), fix=capped(entry.fix), author=capped(entry.author)[:80], at=capped(entry.at)[:20]
    )


class History:
    """The incidents of this user, in one SQLite file below the data folder. It is made at the first entry."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE

    def key_of(self, cluster: ClusterId) -> str:
        """How a live cluster is filed: by its uid, which who may not read it takes from who could at the same address.

        Without a private CA an address proves no cluster, a tunnel's least of all: then it stands for itself alone.
        """
        known = _known(self._path.with_name(CLUSTERS))
        if cluster.uid and cluster.server_ca_sha256 and known.get(cluster.address_key) != cluster.uid:
            _keep(self._path.with_name(CLUSTERS), {**known, cluster.address_key: cluster.uid})
        return f"live/{cluster.uid or known.get(cluster.address_key) or cluster.address_key}"

    @property
    def kept(self) -> bool:
        """Whether anything was ever remembered."""
        return self._path.exists()

    def remember(self, cluster: str, cause: RootCause, why: str, fix: str, author: str, at: datetime) -> Incident:
        """Keep what a person says.

        Raises:
            UsageError: the cause or the fix is empty.
            HistoryError: it cannot be written.
        """
        why, fix = capped(why), capped(fix)
        if not why or not fix:
            raise UsageError("An incident needs a cause and a fix.", "Give --cause … and --fix …")
        return self._add(cluster, cause, why, fix, author, at, plan="", tried=0, worked=0)

    def count(self, cluster: str, cause: RootCause, fix: str, plan: str, at: datetime, *, worked: bool) -> None:
        """Keep the outcome of a plan, once: a further trial of a fix that is known, else an entry of its own.

        Raises:
            HistoryError: it cannot be written.
        """
        fix = capped(fix)
        found = signature_of(cause)
        with self._writing() as db:
            if db.execute("INSERT OR IGNORE INTO counted (plan) VALUES (?)", (plan,)).rowcount == 0:
                return
            row = db.execute(
                "SELECT id FROM incidents WHERE cluster = ? AND kind = ? AND cause = ? AND field = ? AND fix = ? AND author = ? ORDER BY id LIMIT 1",
                (cluster, found.kind, found.cause, found.field, fix, Author.PROGRAM.value),
            ).fetchone()
            if row:
                db.execute(
                    "UPDATE incidents SET tried = tried + 1, worked = worked + ?, at = ?, plan = ? WHERE id = ?",
                    (int(worked), stamp(at), plan, row[0]),
                )
                return
        self._add(cluster, cause, capped(cause.title), fix, Author.PROGRAM.value, at, plan=plan, tried=1, worked=int(worked))  # fmt: skip

    def _add(
        self, cluster: str, cause: RootCause, why: str, fix: str, author: str, at: datetime, *, plan: str, tried: int, worked: int
    ) -> Incident:  # fmt: skip
        found, ref = signature_of(cause), cause.object
        values = (cluster, found.kind, found.cause, found.field, ref.group, ref.namespace, ref.name, why, fix)
        rest = (capped(author)[:80], stamp(at), plan, tried, worked)
        with self._writing() as db:
            number = db.execute(
                f"INSERT INTO incidents ({_FIELDS}) VALUES (NULL{', ?' * 14})",  # noqa: S608 -- names of columns
                (*values, *rest),
            ).lastrowid
            db.execute(
                "DELETE FROM incidents WHERE id <= (SELECT id FROM incidents ORDER BY id DESC LIMIT 1 OFFSET ?)", (MAX_ENTRIES,)
            )  # fmt: skip
        return Incident(number or 0, *values, *rest)

    def entries(self, cluster: str | None = None) -> list[Incident]:
        """Every entry, or those of one cluster, newest first.

        Raises:
            HistoryError: the file is no incident memory.
        """
        return self._read("WHERE cluster = ?" if cluster is not None else "", (cluster,) if cluster is not None else ())

    def like(self, cluster: str, cause: RootCause) -> list[Incident]:
        """Entries with the very same kind, cause and field in the same cluster: what worked most often, then the newest."""
        found = signature_of(cause)
        known = self._read(
            "WHERE cluster = ? AND kind = ? AND cause = ? AND field = ?",
            (cluster, found.kind, found.cause, found.field),
        )
        return sorted(known, key=lambda one: -(one.worked + 1) / (one.tried + 2))

    def forget(self, number: int) -> bool:
        """Remove an entry; whether there was one.

        Raises:
            HistoryError: it cannot be written.
        """
        if not self._path.exists():
            return False
        with self._writing() as db:
            return db.execute("DELETE FROM incidents WHERE id = ?", (number,)).rowcount > 0

    def _read(self, clause: str, values: tuple[str, ...]) -> list[Incident]:
        if not self._path.exists():
            return []
        try:
            with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=10)) as db:
                if db.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
                    return []  # somebody is about to write the first one
                rows = db.execute(f"SELECT {_FIELDS} FROM incidents {clause} ORDER BY at DESC, id DESC", values)  # noqa: S608 -- fixed clauses
                return [_read_back(Incident(*row)) for row in rows]
        except sqlite3.Error as error:
            raise self._broken(error) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
            with closing(sqlite3.connect(self._path, timeout=10)) as db, db:
                db.execute("BEGIN IMMEDIATE")
                for statement in _SCHEMA.split(";\n"):
                    db.execute(statement)
                yield db
        except (OSError, sqlite3.Error) as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> HistoryError:
        return HistoryError(
            f"The incident memory {self._path} cannot be used: {error}",
            "Free space, or move the file away to start anew.",
        )
