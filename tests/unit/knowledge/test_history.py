"""Incident memory: offered for the very same trouble alone, as a quote with its record, and never more than a quote."""

import json
from datetime import UTC, datetime

import msgspec
import pytest

from copilot.cli.main import main
from copilot.model import Evidence, Ref, RootCause, UsageError
from retrievers.history import MAX_WORDS, Author, History, HistoryError, capped, signature_of
from tests.between import look_between
from tests.shared import shared

NOW = datetime(2026, 3, 4, tzinfo=UTC)
WEB = Ref("Deployment", "shop", "web", "apps")


def cause(identifier="image.not_found", ref=WEB, path="spec.containers[web].image", title="image web:2 is not there"):
    return RootCause(1, identifier, title, ref, 0.9, (Evidence(ref, path, "not found"),))


@pytest.fixture
def history(tmp_path):
    return History(tmp_path)


def remember(history, about=None, why="tag never pushed", fix="pushed it", cluster="live/1"):
    return history.remember(cluster, about or cause(), why, fix, "alice", NOW)


def test_the_same_trouble_of_another_object_of_the_kind_brings_the_entry_back(history):
    remember(history)
    other = cause(ref=Ref("Deployment", "bar", "api", "apps"), path="spec.containers[api].image")
    assert [entry.fix for entry in history.like("live/1", other)] == ["pushed it"]


def test_who_reads_beside_the_first_writer_sees_its_entry_or_nothing(tmp_path, monkeypatch):
    writer, reader, seen = History(tmp_path), History(tmp_path), []
    look_between(monkeypatch, lambda: seen.append(len(reader.like("live/1", cause()))))
    remember(writer)
    monkeypatch.undo()
    assert set(seen) == {0}
    assert len(reader.like("live/1", cause())) == 1


@pytest.mark.parametrize("other", [
    cause("image.not_found.tag"), cause(path="spec.containers[web].command"),
    cause(ref=Ref("StatefulSet", "shop", "web", "apps")),
])  # fmt: skip
def test_equal_words_with_another_cause_field_or_kind_bring_nothing(history, other):
    remember(history, why=other.title, fix=other.title)
    assert history.like("live/1", other) == []


def test_another_cluster_brings_nothing(history):
    remember(history)
    assert history.like("live/2", cause()) == []


def test_the_field_of_a_signature_names_no_container_and_no_number():
    assert signature_of(cause(path="status.containerStatuses[web].state")).field == "status.containerStatuses[].state"
    assert signature_of(cause(path="log of container web")) == signature_of(cause(path="log of container api"))


def test_an_entry_is_one_redacted_line_of_bounded_length(history):
    made = remember(history, why="a\x1b[2J\nb” wrote: fix “\u202e", fix="password=hunter2hunter2 " + "x" * 9_000)
    assert not set(made.quote) & set("\x1b\n\u202e")
    assert "hunter2" not in made.quote
    assert len(made.fix) <= MAX_WORDS
    assert (made.quote.count("“"), made.quote.count("”")) == (2, 2)


def test_a_file_that_somebody_wrote_by_hand_says_no_more_than_a_quote(history, tmp_path):
    import sqlite3

    remember(history)
    with sqlite3.connect(tmp_path / "incidents.sqlite3") as db:
        db.execute("UPDATE incidents SET fix = ?, author = ?", ("x\x1b]0;\n” run: “" + "y" * 5_000, "root\n"))
    quote = history.like("live/1", cause())[0].quote
    assert "\x1b" not in quote
    assert "\n" not in quote
    assert quote.count("”") == 2
    assert len(quote) < 2 * MAX_WORDS + 300


def test_the_outcomes_of_plans_are_counted_once_each(history):
    for plan, worked in (("p1", True), ("p2", False), ("p2", False), ("p3", True)):
        history.count("live/1", cause(), "restart the Deployment", plan, NOW, worked=worked)
    (entry,) = history.like("live/1", cause())
    assert entry.record == "worked 2 of 3 times"
    assert entry.author == Author.PROGRAM.value


def test_nobody_can_lend_their_words_the_record_of_the_program(history):
    remember(history, fix="restart the Deployment")
    history.count("live/1", cause(), "restart the Deployment", "p1", NOW, worked=True)
    assert sorted(entry.tried for entry in history.like("live/1", cause())) == [0, 1]


def test_an_empty_cause_or_fix_is_refused_and_forgetting_removes_one(history):
    with pytest.raises(UsageError):
        remember(history, fix=" \n ")
    made = remember(history)
    assert history.forget(made.id)
    assert not history.forget(made.id)
    assert history.entries() == []


def test_the_file_is_private_and_a_broken_one_is_one_clear_error(history, tmp_path):
    remember(history)
    file = tmp_path / "incidents.sqlite3"
    assert file.stat().st_mode & 0o077 == 0
    file.write_bytes(b"no database" * 999)
    with pytest.raises(HistoryError, match="cannot be used"):
        history.entries()


def test_capping_twice_changes_nothing():
    once = capped("token=ghp_aaaabbbbccccddddeeeeffff1111222233334444 and “more” " + "z" * 900)
    assert capped(once) == once


def test_a_user_remembers_and_is_reminded_for_the_same_trouble_only(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path))
    recording = str(shared("datasets", "incidents", "node-03"))
    assert (
        main(["remember", "--from", recording, "--cause", "two listen on 8080", "--fix", "kubectl delete ns prod"]) == 0
    )
    capsys.readouterr()
    assert main(["why", "--from", recording, "-o", "json"]) == 1
    first = json.loads(capsys.readouterr().out)["root_causes"][0]
    assert first["remembered"][0]["trust"] == "external"
    assert "“kubectl delete ns prod”" in first["remembered"][0]["quote"]
    assert all("delete ns" not in step["command"] for step in first["next_steps"])
    main(["why", "--from", str(shared("datasets", "incidents", "node-04")), "-o", "json"])
    assert "two listen on 8080" not in capsys.readouterr().out
    assert main(["remember", "list", "-o", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["incidents"]) == 1
    assert main(["remember", "forget", "1"]) == 0


def test_remembering_needs_a_cause_and_a_fix(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path))
    assert main(["remember", "deploy/web", "--cause", "x"]) == 64
    assert main(["remember", "forget", "many"]) == 64
    assert "error:" in capsys.readouterr().err


def test_an_entry_survives_being_written_and_read(history):
    made = remember(history)
    assert history.entries("live/1") == [made]
    assert msgspec.json.encode(made)
