"""Anchors: a cut, rewritten or otherwise altered journal does not go with what was noted elsewhere."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import msgspec
import pytest

from copilot.changing.anchoring import anchoring_of
from copilot.model import UsageError
from copilot.settings import Settings, load_settings
from guardrails.anchor import Anchor, AnchorError, AnchorFile, Anchoring, read_anchors, unmet
from guardrails.canonical import canonical_json, sha256_hex
from guardrails.errors import JournalError
from guardrails.journal import Entry, Journal, Kind
from tests.deep import DEEP
from tests.loopback import LoopbackServer
from tests.unit.guardrails.plans import Clock
from tools.anchoring import WebhookChannel

_START = "0" * 64


def _anchored(folder: Path, every: int = 3, *more: Any, required: bool = False) -> Journal:
    """A journal with a file of anchors in another folder."""
    (folder / "elsewhere").mkdir(exist_ok=True)
    file = AnchorFile(folder / "elsewhere" / "heads")
    return Journal(folder / "data" / "j.sqlite3", Clock(), Anchoring((file, *more), every, required, file.read))


def _busy(journal: Journal, changes: int = 3) -> Journal:
    """A journal of some changes, the last entry of each anchored."""
    for number in range(changes):
        plan = f"plan{number}"
        journal.append(Kind.PLANNED, plan, {"plan": {"n": number}})
        journal.append(Kind.CONSUMED, plan, {"nonce": str(number)}, claim=f"approval/{number}")
        journal.append(Kind.INTENT, plan, {}, step=1, claim=f"step/{number}/1")
        journal.append(Kind.RESULT, plan, {"state": "applied"}, step=1)
    return journal


def _lines(journal: Journal) -> list[Anchor]:
    return list(read_anchors(journal.path.parent.parent / "elsewhere" / "heads"))


# Every n-th entry and every change


def test_each_change_and_every_so_many_entries_are_anchored_and_the_anchoring_is_on_record(tmp_path: Path) -> None:
    journal = _busy(_anchored(tmp_path, every=1000))
    assert [(each.event, each.plan) for each in _lines(journal)] == [("change", f"plan{n}") for n in range(3)]
    by_hash = {entry.hash: entry for entry in journal.entries()}
    assert {by_hash[each.head].kind for each in _lines(journal)} == {Kind.RESULT}
    last = journal.last_anchor()
    assert last is not None
    assert (last.kind, last.detail["head"]) == (Kind.ANCHORED, _lines(journal)[-1].head)


def test_entries_without_any_change_are_anchored_after_a_number_of_them(tmp_path: Path) -> None:
    journal = _anchored(tmp_path, every=4)
    for number in range(20):
        journal.append(Kind.PLANNED, f"p{number}", {})
    gaps = [b.seq - a.seq for a, b in zip(_lines(journal), _lines(journal)[1:], strict=False)]
    assert _lines(journal)[0].seq == 4
    assert gaps
    assert max(gaps) <= 4
    assert journal.verify().problems == ()


# What tampering shows


def test_a_tail_cut_off_after_an_anchor_is_found_with_and_without_the_file_at_hand(tmp_path: Path) -> None:
    journal = _busy(_anchored(tmp_path))
    anchors = _lines(journal)
    for name in ("j.sqlite3",):
        (journal.path.parent / name).unlink()
    _busy(Journal(journal.path, Clock()), 1)  # a younger journal in its place
    assert any("is gone: the journal ends with entry 4" in each for each in journal.verify().problems)
    assert Journal(journal.path, Clock()).verify().problems == ()
    assert Journal(journal.path, Clock()).verify(anchors=anchors).problems
    journal.path.unlink()
    assert any("ends with entry 0" in each for each in journal.verify().problems)


def _flip(rows: list[list[Any]], claims: list[list[Any]], dice: random.Random) -> None:
    row = dice.choice(rows)
    column = dice.choice((1, 2))
    at = dice.randrange(len(row[column]))
    new = dice.choice([c for c in '0123456789abcdef{}:" x' if c != row[column][at]])
    row[column] = row[column][:at] + new + row[column][at + 1 :]


def _delete(rows: list[list[Any]], claims: list[list[Any]], dice: random.Random) -> None:
    at = dice.randrange(len(rows) - 1)
    del rows[at]
    if dice.random() < 0.5:  # and close the gap
        for number, row in enumerate(rows, start=1):
            row[0] = number


def _swap(rows: list[list[Any]], claims: list[list[Any]], dice: random.Random) -> None:
    one, other = dice.sample(range(len(rows)), 2)
    rows[one][1:], rows[other][1:] = rows[other][1:], rows[one][1:]


def _duplicate(rows: list[list[Any]], claims: list[list[Any]], dice: random.Random) -> None:
    rows.append([len(rows) + 1, *dice.choice(rows)[1:]])


def _cut(rows: list[list[Any]], claims: list[list[Any]], dice: random.Random) -> None:
    """The end goes, and with it its claims, so that only the anchors can tell."""
    keep = dice.randrange(len(rows) - 2)  # the last two are the newest anchored entry and the note of that
    del rows[keep:]
    claims[:] = [claim for claim in claims if claim[1] <= keep]


def _rechain(rows: list[list[Any]], claims: list[list[Any]], dice: random.Random) -> None:
    """One entry is altered and every hash after it made anew: the chain is whole and another one."""
    at = dice.randrange(len(rows) - 1)
    prev = rows[at - 1][2] if at else _START
    for number, row in enumerate(rows[at:]):
        entry = msgspec.json.decode(row[1], type=Entry)
        if number == 0:
            entry = msgspec.structs.replace(entry, plan=f"{entry.plan}-{dice.random()}")
        text = canonical_json(msgspec.structs.replace(entry, prev=prev, hash="")).decode()
        row[1], row[2] = text, sha256_hex(text.encode())
        prev = row[2]


def _claim_gone(rows: list[list[Any]], claims: list[list[Any]], dice: random.Random) -> None:
    claims.pop(dice.randrange(len(claims)))


def _claim_moved(rows: list[list[Any]], claims: list[list[Any]], dice: random.Random) -> None:
    claim = dice.choice(claims)
    claim[1] = dice.choice([n for n in range(1, 40) if n != claim[1]])


def _claim_renamed(rows: list[list[Any]], claims: list[list[Any]], dice: random.Random) -> None:
    claim = dice.choice(claims)
    claim[0] = f"{claim[0]}{dice.randrange(10)}"


def _claim_added(rows: list[list[Any]], claims: list[list[Any]], dice: random.Random) -> None:
    claims.append([f"approval/{dice.random()}", dice.randrange(1, len(rows))])


_TAMPERINGS: tuple[tuple[Callable[..., None], str], ...] = (
    (_flip, "altered|readable|not the one|does not follow|is gone|number|missing"),
    (_delete, "missing|does not follow|is gone|points to"),
    (_swap, "does not follow|says that it is number"),
    (_duplicate, "does not follow|says that it is number"),
    (_cut, "its end was cut off"),
    (_rechain, "rewritten"),
    (_claim_gone, "could be used again"),
    (_claim_moved, "points to entry"),
    (_claim_renamed, "points to entry|could be used again"),
    (_claim_added, "points to entry"),
)


def test_every_random_tampering_is_found_and_named(tmp_path: Path) -> None:
    """200 of them, or 2,000 in a deep run, spread over ten ways, from one seed."""
    import re

    journal, dice, found = _busy(_anchored(tmp_path, every=5), 5), random.Random(20), Counter[str]()
    whole = journal.verify()
    assert whole.problems == ()
    with closing(sqlite3.connect(journal.path, isolation_level=None)) as file:
        file.execute("PRAGMA synchronous = OFF")
        rows, claims = ([list(row) for row in file.execute(query)] for query in _BOTH)
        for name in [row[0] for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]:
            file.execute(f"DROP TRIGGER {name}")
        for number in range(2000 if DEEP else 200):
            tamper, named = _TAMPERINGS[number % len(_TAMPERINGS)]
            bad_rows, bad_claims = ([list(row) for row in each] for each in (rows, claims))
            tamper(bad_rows, bad_claims, dice)
            _write(file, bad_rows, bad_claims)
            problems = journal.verify().problems
            assert any(re.search(named, each) for each in problems), (tamper.__name__, problems)
            found[tamper.__name__] += 1
        _write(file, rows, claims)
    assert journal.verify() == whole
    assert len(found) == len(_TAMPERINGS)


_BOTH = ("SELECT seq, entry, hash FROM journal ORDER BY seq", "SELECT name, seq FROM claims ORDER BY seq, name")


def _write(file: sqlite3.Connection, rows: list[list[Any]], claims: list[list[Any]]) -> None:
    file.execute("BEGIN")
    file.execute("DELETE FROM journal")
    file.execute("DELETE FROM claims")
    file.executemany("INSERT INTO journal VALUES (?, ?, ?)", rows)
    file.executemany("INSERT INTO claims VALUES (?, ?)", claims)
    file.execute("COMMIT")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET entry = x'ff00fe' WHERE seq = 2",
        "UPDATE journal SET entry = CAST(x'7bff7d' AS TEXT) WHERE seq = 2",
        "UPDATE journal SET entry = CAST(entry AS BLOB) || x'20' WHERE seq = 2",
        "UPDATE journal SET entry = 7 WHERE seq = 2",
        "UPDATE journal SET hash = x'00' WHERE seq = 2",
        'UPDATE journal SET entry = \'{"detail": {"claim": 5}}\' WHERE seq = 2',
        "UPDATE claims SET name = x'00ff' WHERE seq = 2",
        "UPDATE claims SET seq = 'many' WHERE seq = 2",
    ],
)
def test_values_of_odd_types_are_tampering_and_no_crash(tmp_path: Path, statement: str) -> None:
    journal = _busy(_anchored(tmp_path), 1)
    with closing(sqlite3.connect(journal.path)) as file:
        for name in ("journal_holds", "claims_hold"):
            file.execute(f"DROP TRIGGER {name}")
        file.execute(statement)
        file.commit()
    assert journal.verify().problems


def test_a_damaged_file_is_a_problem_with_a_name(tmp_path: Path) -> None:
    journal = _busy(_anchored(tmp_path), 3)
    content = bytearray(journal.path.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 12] = b"\xff" * 12
    journal.path.write_bytes(bytes(content))
    (problem, *_) = journal.verify().problems
    assert "cannot be read" in problem or "damaged" in problem


# The API server's audit log


def _event(agent: str) -> str:
    return json.dumps({"auditID": "1", "userAgent": agent, "requestReceivedTimestamp": "2026-03-01T12:00:00.1Z"})


def test_the_servers_audit_log_is_an_anchor_too(tmp_path: Path) -> None:
    journal = _busy(_anchored(tmp_path))
    head = next(entry.hash for entry in journal.entries() if entry.kind is Kind.INTENT)
    log = tmp_path / "audit.log"
    good = [_event("kubectl/v1.33"), _event(f"cluster-copilot/1 plan/plan0 step/1 journal/{head[:12]}")]
    log.write_text("\n".join([*good, '{"auditID": "2"}']))
    assert len(read_anchors(log)) == 1
    assert journal.verify(anchors=read_anchors(log)).problems == ()
    log.write_text("\n".join([*good, _event("cluster-copilot/1 plan/cafe step/1 journal/0123456789ab dry-run")]))
    (problem,) = journal.verify(anchors=read_anchors(log)).problems
    assert "no entry has the hash 0123456789ab" in problem


@pytest.mark.parametrize("content", ["what", "{}", "[1]", '{"head": 3, "at": "x"}', "\x00", '{"at":"x"}'])
def test_a_file_that_holds_no_anchors_is_named_with_its_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "f").write_text(content)
    with pytest.raises(AnchorError, match="Line 1 of"):
        read_anchors(tmp_path / "f")
    with pytest.raises(AnchorError, match="cannot be read"):
        read_anchors(tmp_path)


@pytest.mark.parametrize("head", ["", "a", "aaaaaaaaaaa"])
def test_a_head_too_short_to_mean_one_entry_is_no_proof(head: str) -> None:
    assert unmet([Anchor("t", head)], {1: "a" * 64})
    assert unmet([Anchor("t", "")], {1: "a" * 64})
    assert unmet([Anchor("t", "", seq=1)], {1: "a" * 64})
    assert unmet([Anchor("t", "a" * 20)], {1: "a" * 64}) == []


def test_a_line_that_a_full_disk_cut_is_passed_over_and_the_next_one_stands_alone(tmp_path: Path) -> None:
    file = AnchorFile(tmp_path / "heads")
    file.put(msgspec.json.encode(Anchor("t", "a" * 64, 1)))
    with (tmp_path / "heads").open("ab") as raw:
        raw.write(b'{"at":"t","he')
    file.put(msgspec.json.encode(Anchor("t", "b" * 64, 2)))
    assert [each.seq for each in file.read()] == [1, 2]


# When it fails


class _Deaf:
    """A place that cannot be reached until a test lets it."""

    place = "deaf"
    deaf = True

    def put(self, line: bytes) -> None:
        if self.deaf:
            raise AnchorError("nobody is there")


def test_a_failed_anchor_is_on_record_and_by_default_stops_nothing(tmp_path: Path) -> None:
    journal = _busy(_anchored(tmp_path, 3, _Deaf()), 2)
    last = journal.last_anchor()
    assert last is not None
    assert (last.kind, last.detail["why"]) == (Kind.UNANCHORED, ["deaf: nobody is there"])
    assert journal.verify().problems == ()


def test_where_anchors_are_required_nothing_more_is_approved_for_sending_until_one_holds(tmp_path: Path) -> None:
    deaf = _Deaf()
    journal = _anchored(tmp_path, 100, deaf, required=True)
    journal.append(Kind.PLANNED, "p", {})
    with pytest.raises(JournalError, match="could not be anchored: deaf: nobody is there"):
        journal.append(Kind.CONSUMED, "p", {}, claim="approval/1")
    assert Kind.CONSUMED not in {entry.kind for entry in journal.entries()}
    deaf.deaf = False
    journal.append(Kind.CONSUMED, "p", {}, claim="approval/1")
    assert journal.verify().problems == ()


def test_an_anchor_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    channel = AnchorFile(tmp_path / "missing" / "heads")
    journal = Journal(tmp_path / "data" / "j", Clock(), Anchoring((channel,), required=True))
    journal.append(Kind.PLANNED, "p", {})
    with pytest.raises(JournalError, match="No such file"):
        journal.append(Kind.CONSUMED, "p", {})


# The webhook


class _Receiver(LoopbackServer):
    """A webhook on loopback."""

    def __init__(self, status: int = 204, *, silent: bool = False) -> None:
        self.status, self.silent = status, silent
        self.let_go = threading.Event()
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: _Receiver

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
        if self.server.silent:
            self.server.let_go.wait()
            return
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()


@contextmanager
def _receiver(status: int = 204, *, silent: bool = False) -> Iterator[_Receiver]:
    server = _Receiver(status, silent=silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_webhook_gets_one_object_for_each_anchor_and_what_it_kept_verifies_the_journal(tmp_path: Path) -> None:
    with _receiver() as server:
        channel = WebhookChannel(f"{server.url.replace('//', '//me:se%20cret@')}/hook?key=abc")
        journal = _busy(Journal(tmp_path / "data" / "j", Clock(), Anchoring((channel,), 1000)), 2)
    assert [path for path, _, _ in server.got] == ["/hook?key=abc"] * 2
    assert server.got[0][1]["authorization"] == "Basic bWU6c2UgY3JldA=="
    assert "key" not in channel.place
    assert "secret" not in str(journal.entries())
    kept = tmp_path / "kept"
    kept.write_bytes(b"\n".join(body for _, _, body in server.got))
    assert journal.verify(anchors=read_anchors(kept)).problems == ()
    journal.path.unlink()
    assert journal.verify(anchors=read_anchors(kept)).problems


@pytest.mark.parametrize(("status", "said"), [(500, "HTTP 500"), (403, "HTTP 403"), (302, "HTTP 302")])
def test_a_webhook_that_says_no_or_leads_elsewhere_has_not_anchored(status: int, said: str) -> None:
    with _receiver(status) as server:
        with pytest.raises(AnchorError, match=said):
            WebhookChannel(server.url).put(b"{}")
        assert len(server.got) == 1


def test_a_webhook_that_never_answers_or_is_not_there_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.anchoring.SECONDS", 0.05)
    with _receiver(silent=True) as server, pytest.raises(AnchorError, match="no answer in time"):
        WebhookChannel(f"{server.url}/secret").put(b"{}")
    with pytest.raises(AnchorError, match="no connection") as refused:
        WebhookChannel(f"{server.url}/secret").put(b"{}")
    assert "secret" not in refused.value.title


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://", "x", "http://h:99999/", "http://a b/", "http://[::1", "gopher://h"]
)
def test_only_an_http_address_is_a_webhook(url: str) -> None:
    with pytest.raises(UsageError, match="webhook"):
        WebhookChannel(url)


# The settings


def test_the_settings_name_the_places(tmp_path: Path) -> None:
    given = {
        "COPILOT_DATA_DIR": str(tmp_path / "data"),
        "COPILOT_ANCHOR_FILE": str(tmp_path / "a"),
        "COPILOT_ANCHOR_URL": "http://h/x",
    }
    found = anchoring_of(load_settings({**given, "COPILOT_ANCHOR_EVERY": "7", "COPILOT_ANCHOR_REQUIRED": "1"}))
    assert found is not None
    assert ([each.place for each in found.channels], found.every, found.required) == (
        [str(tmp_path / "a"), "h"],
        7,
        True,
    )
    assert anchoring_of(Settings(data_dir=tmp_path)) is None


def test_an_anchor_beside_the_journal_or_required_and_nowhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="beside the journal"):
        anchoring_of(Settings(data_dir=tmp_path, anchor_file=tmp_path / "heads"))
    with pytest.raises(UsageError, match="no place"):
        anchoring_of(Settings(data_dir=tmp_path, anchor_required=True))
    for given in ("0", "-1", "many", "1.5"):
        with pytest.raises(UsageError, match="COPILOT_ANCHOR_EVERY"):
            load_settings({"COPILOT_DATA_DIR": "/x", "COPILOT_ANCHOR_EVERY": given})
