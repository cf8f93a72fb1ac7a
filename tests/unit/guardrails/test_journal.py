"""The journal: append-only, chained, and honest about what a chain cannot show."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import msgspec
import pytest

from guardrails.errors import JournalError
from guardrails.journal import AlreadyClaimed, Journal, Kind
from tests.between import look_between
from tests.unit.guardrails.plans import Clock


def _journal(folder: Path, entries: int = 0) -> Journal:
    journal = Journal(folder / "data" / "journal.sqlite3", Clock())
    for number in range(entries):
        journal.append(Kind.PLANNED, f"plan-{number}", {"number": number})
    return journal


def _tamper(journal: Journal, *statements: str) -> None:
    """Change the file as someone would who may write it: without the triggers."""
    with sqlite3.connect(journal.path) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for name in names:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_entries_come_back_in_order_and_the_chain_is_whole(tmp_path: Path) -> None:
    journal = _journal(tmp_path, 5)
    assert [entry.detail["number"] for entry in journal.entries()] == list(range(5))
    assert journal.verify().problems == ()
    assert journal.verify().head == journal.entries()[-1].hash
    assert [entry.seq for entry in journal.entries("plan-3")] == [4]


def test_a_journal_that_is_not_there_is_empty_and_is_not_made_by_reading(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    assert journal.entries() == []
    assert journal.verify().count == 0
    assert not journal.path.exists()


def test_who_reads_beside_the_first_writer_sees_all_of_its_entry_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, reader, seen = _journal(tmp_path), _journal(tmp_path), list[int]()

    def look() -> None:
        assert reader.verify().problems == ()
        seen.append(len(reader.entries()))

    look_between(monkeypatch, look)
    journal.append(Kind.PLANNED, "p", {}, claim="once")
    assert (seen[0], seen[-1]) == (0, 1)
    assert seen == sorted(seen)


def test_the_file_is_private(tmp_path: Path) -> None:
    journal = _journal(tmp_path, 1)
    assert (journal.path.stat().st_mode & 0o777, journal.path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM journal", "UPDATE journal SET entry = 'x'", "DELETE FROM claims", "UPDATE claims SET seq = 9"],
)
def test_the_database_itself_refuses_to_change_or_forget(tmp_path: Path, statement: str) -> None:
    journal = _journal(tmp_path, 1)
    journal.append(Kind.CONSUMED, "p", {}, claim="approval/1")
    with sqlite3.connect(journal.path) as connection, pytest.raises(sqlite3.IntegrityError, match="append only"):
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET entry = replace(entry, 'plan-3', 'plan-9') WHERE seq = 4",
        "UPDATE journal SET hash = replace(hash, 'a', 'b') WHERE seq = (SELECT max(seq) FROM journal)",
        "DELETE FROM journal WHERE seq = 4",
        "DELETE FROM journal WHERE seq = 1",
        "UPDATE journal SET seq = seq + 10 WHERE seq > 5",
        "UPDATE journal SET entry = (SELECT entry FROM journal WHERE seq = 2), hash = (SELECT hash FROM journal WHERE seq = 2) WHERE seq = 3",
        "UPDATE journal SET entry = 'nonsense' WHERE seq = 6",
        "UPDATE journal SET entry = replace(entry, '\"number\":4', '\"number\":4.5') WHERE seq = 5",
        "INSERT INTO journal SELECT seq + 1, entry, hash FROM journal WHERE seq = 8",
    ],
)
def test_tampering_is_found(tmp_path: Path, statement: str) -> None:
    journal = _journal(tmp_path, 8)
    _tamper(journal, statement)
    assert journal.verify().problems


def test_two_hundred_random_single_edits_are_all_found(tmp_path: Path) -> None:
    journal, choose = _journal(tmp_path, 12), random.Random(7)
    with sqlite3.connect(journal.path) as connection:
        rows = connection.execute("SELECT seq, entry, hash FROM journal").fetchall()
    connection.close()
    for _ in range(200):
        seq, entry, written = choose.choice(rows)
        column, text = choose.choice([("entry", entry), ("hash", written)])
        at = choose.randrange(len(text))
        edited = text[:at] + choose.choice([c for c in '0123456789abcdef{}:"' if c != text[at]]) + text[at + 1 :]
        _tamper(journal)
        with sqlite3.connect(journal.path) as connection:
            connection.execute(f"UPDATE journal SET {column} = ? WHERE seq = ?", (edited, seq))
        connection.close()
        assert journal.verify().problems, (seq, column, at)
        with sqlite3.connect(journal.path) as connection:
            connection.execute("UPDATE journal SET entry = ?, hash = ? WHERE seq = ?", (entry, written, seq))
        connection.close()
    assert journal.verify().problems == ()


def test_a_cut_tail_shows_against_a_noted_head_and_against_the_claims(tmp_path: Path) -> None:
    journal = _journal(tmp_path, 3)
    journal.append(Kind.CONSUMED, "p", {}, claim="approval/1")
    head = journal.verify().head
    _tamper(journal, "DELETE FROM journal WHERE seq = 4")
    assert any("claim 'approval/1'" in problem for problem in journal.verify().problems)
    _tamper(journal, "DELETE FROM claims")
    assert journal.verify().problems == ()
    assert any(head in problem for problem in journal.verify(head).problems)


def test_an_earlier_head_is_still_in_a_chain_that_grew(tmp_path: Path) -> None:
    journal = _journal(tmp_path, 2)
    head = journal.verify().head
    journal.append(Kind.DECLINED, "p", {})
    assert journal.verify(head).problems == ()


def test_a_claim_is_made_once_and_a_lost_claim_writes_nothing(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    journal.append(Kind.CONSUMED, "p", {}, claim="approval/1")
    with pytest.raises(AlreadyClaimed):
        journal.append(Kind.CONSUMED, "p", {}, claim="approval/1")
    assert len(journal.entries()) == 1


def test_a_journal_that_cannot_be_written_is_an_error_before_anything_else(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    journal.path.parent.mkdir()
    journal.path.write_text("this is no database, and long enough to be looked at as one" * 30)
    with pytest.raises(JournalError, match="cannot be written"):
        journal.append(Kind.PLANNED, "p", {})
    with pytest.raises(JournalError, match="cannot be read"):
        journal.entries()


def test_a_damaged_entry_is_named(tmp_path: Path) -> None:
    journal = _journal(tmp_path, 2)
    _tamper(journal, "UPDATE journal SET entry = 'nonsense' WHERE seq = 2")
    with pytest.raises(JournalError, match="Entry 2"):
        journal.entries()


def test_the_hash_of_a_known_entry_never_changes(tmp_path: Path) -> None:
    entry = _journal(tmp_path).append(Kind.INTENT, "p", {"a": "b"}, step=1)
    assert entry.hash == entry.computed_hash()
    assert msgspec.structs.replace(entry, at="x").computed_hash() != entry.hash
