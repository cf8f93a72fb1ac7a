"""One SQLite file per cluster, mode 0600: sessions, their turns, the answer cache, and LangGraph's checkpoints beside them.

What is written has been redacted before. Without a model LangGraph is not imported; its tables are then absent.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from copilot.agent.events import Answer, Answered, Refused
from copilot.agent.session.proposals import PROPOSAL_TABLES, KeptProposals, Proposed
from copilot.llm import Usage
from copilot.model import InputError, Ref, UsageError
from copilot.model.moment import stamp
from copilot.redacting import plain

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

MOST_ANSWERS = 2000  # of the cache: some 10 MiB
_TABLES = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, user TEXT NOT NULL, cluster TEXT NOT NULL, started TEXT NOT NULL, updated TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS turns (
    session TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE, number INTEGER NOT NULL, at TEXT NOT NULL,
    scope TEXT NOT NULL, question TEXT NOT NULL, said TEXT NOT NULL, focus TEXT NOT NULL, usage TEXT NOT NULL,
    PRIMARY KEY (session, number));
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, at TEXT NOT NULL, answer BLOB NOT NULL);
"""


class Turn(msgspec.Struct, frozen=True):
    """One question with what was said. `scope` is the cluster and namespace it was asked in, `focus` what it was about."""

    number: int
    at: str
    scope: str
    question: str
    said: Answered | Refused
    focus: Ref | None = None
    usage: Usage = Usage()


class Session(msgspec.Struct, frozen=True):
    """One conversation."""

    id: str
    user: str
    cluster: str
    started: str
    updated: str
    turns: tuple[Turn, ...] = ()
    proposals: tuple[Proposed, ...] = ()

    @property
    def spent(self) -> Usage:
        """What its model cost."""
        total = Usage()
        for turn in self.turns:
            total = total.plus(turn.usage)
        return total


class Sessions:
    """The conversations of one cluster. Use as a context manager."""

    def __init__(self, path: Path, cluster: str) -> None:
        self.cluster = plain(cluster) or "unnamed"
        self._path = path
        self._database = _open(path)
        self._others: list[sqlite3.Connection] = []

    @classmethod
    def of_cluster(cls, folder: Path, cluster: str, key: str) -> Sessions:
        """Those of one cluster; `key` tells apart clusters of one name."""
        name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return cls(folder / "sessions" / f"{name}.sqlite", cluster)

    def start(self) -> Session:
        """A new conversation."""
        now = stamp(datetime.now(UTC))
        session = Session(secrets.token_hex(4), user_name(), self.cluster, now, now)
        with self._database:
            self._database.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?)",
                (session.id, session.user, session.cluster, session.started, session.updated),
            )
        return session

    def add(self, session: str, scope: str, said: Answered | Refused, question: str, focus: Ref | None, usage: Usage) -> None:  # fmt: skip
        """Keep one turn."""
        now = stamp(datetime.now(UTC))
        encode = msgspec.json.encode
        with self._database:
            # One statement counts and writes: two terminals may have resumed the same conversation.
            self._database.execute(
                "INSERT INTO turns SELECT ?, COALESCE(MAX(number), 0) + 1, ?, ?, ?, ?, ?, ? FROM turns WHERE session = ?",
                (session, now, plain(scope), plain(question), encode(said), encode(focus), encode(usage), session),
            )
            self._database.execute("UPDATE sessions SET updated = ? WHERE id = ?", (now, session))

    def resume(self, words: str) -> Session:
        """The session whose id begins so; `last` is the newest.

        Raises:
            UsageError: there is none, or there are several.
        """
        mine = [one for one in self.listed() if words == "last" or one.id.startswith(words)]
        if words == "last":
            mine = mine[:1]
        if len(mine) != 1:
            about = f"about cluster {self.cluster}"
            what = f"{len(mine)} conversations {about} begin with {words!r}" if mine else f"No conversation {about} begins with {words!r}"  # fmt: skip
            raise UsageError(f"No conversation {about} is stored." if words == "last" else f"{what}.", "See: kubectl copilot sessions list")  # fmt: skip
        return mine[0]

    def listed(self) -> list[Session]:
        """This user's conversations, newest first."""
        rows = self._database.execute(
            "SELECT id, user, cluster, started, updated FROM sessions WHERE user = ? ORDER BY updated DESC, rowid DESC", (user_name(),)
        ).fetchall()  # fmt: skip
        return [
            Session(one, user, cluster, began, updated, tuple(self._turns(one)), self.proposals(one).listed())
            for one, user, cluster, began, updated in rows
        ]

    def proposals(self, session: str) -> KeptProposals:
        """The changes that were proposed in a conversation."""
        return KeptProposals(self._database, session)

    def _turns(self, session: str) -> Iterator[Turn]:
        rows = self._database.execute(
            "SELECT number, at, scope, question, said, focus, usage FROM turns WHERE session = ? ORDER BY number", (session,)
        )  # fmt: skip
        decode = msgspec.json.decode
        for number, at, scope, question, said, focus, usage in rows:
            yield Turn(number, at, scope, question, decode(said, type=Answered | Refused), decode(focus, type=Ref | None), decode(usage, type=Usage))  # fmt: skip

    def delete(self, session: str) -> None:
        """Remove a conversation with everything of it, checkpoints too."""
        with self._database:
            self._database.execute("DELETE FROM sessions WHERE id = ?", (session,))
            for table in ("checkpoints", "writes"):
                known = self._database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
                if known:
                    self._database.execute(f"DELETE FROM {table} WHERE thread_id LIKE ?", (f"{session}/%",))  # noqa: S608 - two fixed names
        self._database.execute("VACUUM")

    def checkpointer(self) -> BaseCheckpointSaver[Any]:
        """LangGraph's checkpoints, in the same file."""
        from langgraph.checkpoint.sqlite import SqliteSaver  # noqa: PLC0415 - of the extra `agent`

        connection = sqlite3.connect(self._path, check_same_thread=False)
        self._others.append(connection)
        return SqliteSaver(connection)

    def find(self, key: str) -> Answer | None:
        """An answer of the cache (`AnswerCache`)."""
        row = self._database.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
        return msgspec.json.decode(row[0], type=Answer) if row else None

    def keep(self, key: str, answer: Answer) -> None:
        """Keep an answer (`AnswerCache`)."""
        with self._database:
            self._database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", (key, stamp(datetime.now(UTC)), msgspec.json.encode(answer)))  # fmt: skip
            self._database.execute("DELETE FROM answers WHERE rowid NOT IN (SELECT rowid FROM answers ORDER BY at DESC LIMIT ?)", (MOST_ANSWERS,))  # fmt: skip

    def close(self) -> None:
        """Close the file."""
        for connection in (*self._others, self._database):
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def every_session(folder: Path) -> Iterator[tuple[Sessions, Session]]:
    """All conversations of this user, of every cluster."""
    for path in sorted((folder / "sessions").glob("*.sqlite")):
        with closing(_open(path)) as database:
            row = database.execute("SELECT cluster FROM sessions LIMIT 1").fetchone()
        if row is None:
            continue
        with Sessions(path, row[0]) as sessions:
            for session in sessions.listed():
                yield sessions, session


def user_name() -> str:
    """Who runs this process, as the system knows them."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _open(path: Path) -> sqlite3.Connection:
    """The file, made with mode 0600 where it is missing.

    Raises:
        InputError: it cannot be made or is no database of ours.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        database = sqlite3.connect(path, check_same_thread=False)
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA secure_delete = ON")
        database.executescript(_TABLES + PROPOSAL_TABLES)
    except (OSError, sqlite3.DatabaseError) as error:
        raise InputError(f"Conversations cannot be kept in {path}: {error}.", "Check COPILOT_DATA_DIR, or move the file away.") from error  # fmt: skip
    return database
