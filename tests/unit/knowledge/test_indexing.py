"""What indexing promises: idempotent, removals noticed, odd files noted, secrets gone before anything is stored."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from copilot.model import InputError
from guardrails.redaction import Redactor
from retrievers.knowledge import KnowledgeError, Library, Trust, Where, open_library
from retrievers.knowledge.fusion import fuse
from retrievers.knowledge.store import SCHEMA_VERSION

REDACTOR = Redactor(b"k" * 32)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A data folder in which the shipped pages are indexed already: doing it for every test would take most of the time."""
    folder = tmp_path_factory.mktemp("shipped")
    Library(folder, REDACTOR).close()
    return folder


@pytest.fixture
def library(tmp_path, shipped):
    shutil.copytree(shipped, tmp_path / "data")
    with Library(tmp_path / "data", REDACTOR) as opened:
        yield opened


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "notes"
    (folder / "sub").mkdir(parents=True)
    (folder / "pump.md").write_text("# Pump stops\n\n## Symptom\n\nThe zirconium pump stops at midnight.\n")
    (folder / "sub" / "valve.md").write_text("# Valve sticks\n\nTurn the quixotic valve.\n")
    return folder


def test_indexing_twice_changes_nothing(library, notes):
    first = library.index([notes])
    assert (first.added, first.changed, first.removed) == (2, 0, 0)
    again = library.index([notes])
    assert (again.added, again.changed, again.removed, again.unchanged) == (0, 0, 0, 2)


def test_changes_and_removals_are_noticed(library, notes):
    library.index([notes])
    (notes / "pump.md").write_text("# Pump stops\n\nThe vanadium pump stops.\n")
    (notes / "sub" / "valve.md").unlink()
    report = library.index([notes])
    assert (report.added, report.changed, report.removed, report.unchanged) == (0, 1, 1, 0)
    assert not library.search("zirconium", where=Where(trust=Trust.USER))
    assert not library.search("quixotic", where=Where(trust=Trust.USER))
    assert library.search("vanadium")[0].document == "Pump stops"


def test_a_folder_and_a_file_in_it_are_one_document(library, notes):
    library.index([notes / "pump.md"])
    report = library.index([notes])
    assert (report.added, report.unchanged) == (1, 1)
    (notes / "pump.md").unlink()
    assert library.index([notes]).removed == 1


def test_a_missing_path_is_an_error_unless_its_documents_are_to_be_forgotten(library, notes):
    library.index([notes])
    notes.rename(notes.with_name("moved"))
    with pytest.raises(InputError, match="There is no file or folder"):
        library.index([notes])
    assert library.search("zirconium", where=Where(trust=Trust.USER))
    assert library.index([notes], prune=True).removed == 2


def test_secrets_never_reach_the_file(library, notes, tmp_path):
    secret = "ghp_" + "a1B2" * 9
    (notes / "login.md").write_text(f"# Login\n\nexport DB_PASSWORD=hunter2hunter2\n\nUse {secret} here.\n")
    library.index([notes])
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert secret.encode() not in stored
    assert b"hunter2hunter2" not in stored
    assert "<secret:" in library.search("DB_PASSWORD", where=Where(trust=Trust.USER))[0].text


def test_files_that_cannot_be_read_are_noted_and_the_rest_is_indexed(library, notes):
    (notes / "binary.md").write_bytes(b"\x00\x01\x02" * 100)
    (notes / "latin.md").write_bytes("# Große Störung\n\nÜberhitzung".encode("latin-1"))
    (notes / "wide.md").write_bytes("# Wide\n\nplutonium".encode("utf-16"))
    (notes / "huge.md").write_bytes(b"x" * (3 << 20))
    (notes / "sub" / "loop").symlink_to(notes, target_is_directory=True)
    (notes / "dangling.md").symlink_to(notes / "nowhere.md")
    os.mkfifo(notes / "pipe.md")
    (notes / "image.png").write_bytes(b"no document")
    report = library.index([notes])
    reasons = {Path(note.path).name: note.reason for note in report.skipped}
    assert reasons == {
        "binary.md": "a binary file",
        "huge.md": "larger than 2 MiB",
        "loop": "a link back to a folder above it",
        "dangling.md": "No such file or directory",
        "pipe.md": "not a regular file",
    }
    assert {Path(note.path).name for note in report.notes} == {"latin.md", "wide.md"}
    assert report.added == 4
    assert library.search("plutonium")[0].document == "Wide"


def test_a_search_can_be_limited_by_trust_and_by_folder(library, notes):
    library.index([notes])
    user = library.search("stops pod memory", k=50, where=Where(trust=Trust.USER))
    assert user
    assert {hit.trust for hit in user} == {Trust.USER}
    below = library.search("valve pump", k=50, where=Where(under=str(notes / "sub")))
    assert {hit.document for hit in below} == {"Valve sticks"}


@pytest.mark.parametrize("words", ["", "  ", '"', "AND OR NOT", "a*b^c:d (", "NEAR(x y)", "\x00", "ü ß 漢字", "x" * 5_000, "'; DROP TABLE"])  # fmt: skip
def test_any_words_can_be_searched(library, words):
    assert len(library.search(words, 3)) <= 3


def test_a_typo_still_finds_the_page(library, notes):
    library.index([notes])
    assert library.search("zirconum pmup")[0].document == "Pump stops"


def test_a_knowledge_base_of_an_older_layout_is_built_anew(tmp_path, notes):
    folder = tmp_path / "data"
    with Library(folder, REDACTOR) as library:
        library.index([notes])
        library.store.db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with Library(folder, REDACTOR) as library:
        assert library.store.counts()[Trust.USER] == 0
        assert library.store.counts()[Trust.SHIPPED] > 40


def test_a_damaged_file_is_one_clear_error_for_indexing_and_no_obstacle_for_searching(tmp_path):
    file = tmp_path / "knowledge" / "knowledge.sqlite"
    file.parent.mkdir()
    file.write_bytes(b"this is no database" * 1_000)
    with pytest.raises(KnowledgeError, match="cannot be written"):
        open_library(tmp_path, dense=False, read_only=False)
    with open_library(tmp_path, dense=False) as library:
        assert library.search("out of memory")


def test_two_processes_share_one_file(tmp_path, notes):
    with Library(tmp_path / "data", REDACTOR) as first, Library(tmp_path / "data", REDACTOR) as second:
        first.index([notes])
        assert second.search("zirconium")[0].document == "Pump stops"
        assert second.index([notes]).unchanged == 2


def test_the_file_is_private(tmp_path, notes):
    with Library(tmp_path / "data", REDACTOR) as library:
        library.index([notes])
    assert (tmp_path / "data" / "knowledge.sqlite").stat().st_mode & 0o077 == 0


def test_an_interrupted_write_leaves_the_earlier_document(library, notes):
    library.index([notes])

    def write_half() -> None:
        with library.store.writing():
            library.store.remove(str(notes / "pump.md"))
            library.store.db.execute("INSERT INTO chunks VALUES (NULL, 10000000, 0, '', '', 0, '', '')")

    with pytest.raises(sqlite3.IntegrityError):
        write_half()
    assert library.search("zirconium")[0].document == "Pump stops"


def test_an_item_that_two_legs_rank_high_wins_over_one_that_a_single_leg_ranks_first():
    fused = fuse({"a": ["x", "y"], "b": ["z", "y"]})
    assert fused[0][0] == "y"
    assert fused[0][1] == pytest.approx(2 / 62)
    assert fused[0][2] == ("a", "b")
