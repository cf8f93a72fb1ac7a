"""The changes that were proposed in a conversation, by number: what, on whose words, and which plans were made of it.

What became of a plan is not kept here: the journal says so. A plan stands in this list before anybody can agree to it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from copilot.agent.session.said import Said
from copilot.model import InputError
from copilot.model.moment import stamp
from copilot.redacting import plain
from guardrails.plan import Plan

PROPOSAL_TABLES = """
CREATE TABLE IF NOT EXISTS proposals (
    session TEXT NOT NULL REFERENCES sessions(id) ON DELETE CASCADE, number INTEGER NOT NULL, at TEXT NOT NULL,
    own INTEGER NOT NULL, whole INTEGER NOT NULL, text TEXT NOT NULL, summary TEXT NOT NULL, said TEXT NOT NULL,
    PRIMARY KEY (session, number));
CREATE TABLE IF NOT EXISTS offers (
    session TEXT NOT NULL, number INTEGER NOT NULL, place INTEGER NOT NULL, at TEXT NOT NULL,
    plan TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (session, number, place),
    FOREIGN KEY (session, number) REFERENCES proposals(session, number) ON DELETE CASCADE);
"""


class Offer(msgspec.Struct, frozen=True):
    """A plan that was made of a proposal, to be shown to a person."""

    plan: str
    digest: str
    at: str


class Proposed(msgspec.Struct, frozen=True):
    """One proposed change. `text` is redacted, and `whole` where that took nothing of it away.

    `own`: the person asked for it in these words themselves, and no model had a part in it. `said` is what vouches for it.
    """

    number: int
    at: str
    own: bool
    whole: bool
    text: str
    summary: str
    said: Said
    offers: tuple[Offer, ...] = ()


class Proposals(Protocol):
    """The proposals of one conversation."""

    def add(self, text: str, summary: str, said: Said, *, own: bool) -> Proposed:
        """Number a proposal."""
        ...

    def listed(self) -> tuple[Proposed, ...]:
        """All of them, oldest first."""
        ...

    def offer(self, number: int, plan: Plan) -> None:
        """Note a plan of a proposal, after those before it. When this returns it is on disk, where it is kept at all."""
        ...


class ProposalsInMemory:
    """Those of a conversation that is not stored: they end with the process."""

    def __init__(self) -> None:
        self._all: list[Proposed] = []

    def add(self, text: str, summary: str, said: Said, *, own: bool) -> Proposed:
        """Number a proposal."""
        one = _proposed(len(self._all) + 1, text, summary, said, own=own)
        self._all.append(one)
        return one

    def listed(self) -> tuple[Proposed, ...]:
        """All of them, oldest first."""
        return tuple(self._all)

    def offer(self, number: int, plan: Plan) -> None:
        """Note a plan of a proposal."""
        one = self._all[number - 1]
        self._all[number - 1] = msgspec.structs.replace(one, offers=(*one.offers, _offer(plan)))


class KeptProposals:
    """Those of a stored conversation: every terminal that has resumed it sees and numbers the same ones."""

    def __init__(self, database: sqlite3.Connection, session: str) -> None:
        self._database = database
        self._session = session

    def add(self, text: str, summary: str, said: Said, *, own: bool) -> Proposed:
        """Number a proposal.

        Raises:
            InputError: it cannot be written.
        """
        one = _proposed(0, text, summary, said, own=own)
        row = (one.at, one.own, one.whole, one.text, one.summary, msgspec.json.encode(one.said).decode())
        with self._writing():
            (number,) = self._database.execute(
                "INSERT INTO proposals SELECT ?, COALESCE(MAX(number), 0) + 1, ?, ?, ?, ?, ?, ? FROM proposals WHERE session = ?"
                " RETURNING number",
                (self._session, *row, self._session),
            ).fetchone()
        return msgspec.structs.replace(one, number=number)

    def listed(self) -> tuple[Proposed, ...]:
        """All of them, oldest first."""
        rows = self._database.execute(
            "SELECT number, at, own, whole, text, summary, said FROM proposals WHERE session = ? ORDER BY number", (self._session,)
        ).fetchall()  # fmt: skip
        return tuple(
            Proposed(number, at, bool(own), bool(whole), text, summary, msgspec.json.decode(said, type=Said), self._offers(number))
            for number, at, own, whole, text, summary, said in rows
        )  # fmt: skip

    def offer(self, number: int, plan: Plan) -> None:
        """Note a plan of a proposal.

        Raises:
            InputError: it cannot be written, so nobody may be asked to agree to it.
        """
        one = _offer(plan)
        with self._writing():
            self._database.execute(
                "INSERT INTO offers SELECT ?, ?, COALESCE(MAX(place), 0) + 1, ?, ?, ? FROM offers WHERE session = ? AND number = ?",
                (self._session, number, one.at, one.plan, one.digest, self._session, number),
            )

    def _offers(self, number: int) -> tuple[Offer, ...]:
        rows = self._database.execute(
            "SELECT plan, digest, at FROM offers WHERE session = ? AND number = ? ORDER BY place", (self._session, number)
        )  # fmt: skip
        return tuple(Offer(*row) for row in rows)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._database:
                yield
        except sqlite3.IntegrityError as error:
            raise InputError(f"Conversation {self._session} was deleted.", "Start a new one.") from error
        except sqlite3.Error as error:
            raise InputError(f"Conversation {self._session} cannot be written: {error}.", "Free some space, or make the data folder writable.") from error  # fmt: skip


def _proposed(number: int, text: str, summary: str, said: Said, *, own: bool) -> Proposed:
    kept = plain(text)
    return Proposed(number, stamp(datetime.now(UTC)), own, kept == text and said.whole, kept, plain(summary), said)


def _offer(plan: Plan) -> Offer:
    return Offer(plan.id, plan.digest, stamp(datetime.now(UTC)))
