"""Full disks, read-only files and crashes in the middle of a commit: no journal, no change, and nothing half-written."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
from pathlib import Path

from copilot.changing.opening import open_changing
from copilot.settings import Settings
from copilot.target import Target
from guardrails.approval import Method
from guardrails.errors import JournalError
from guardrails.journal import Journal, Kind
from tests.small_api import deployment, serve
from tests.unit.guardrails.plans import Clock
from tests.warm import started

_REFUSED = 42  # what a child ends with when the journal's error came
_NOBODY = 65534


def _journal(folder: Path) -> Journal:
    return Journal(folder / "data" / "changes.sqlite3", Clock())


def _change(kubeconfig: str, folder: Path, room: int) -> None:
    """Approve a change and carry it out, on a disk that is full from the yes on."""
    shop = open_changing(Target(kubeconfig=kubeconfig), Settings(data_dir=folder / "data"), lambda _: None)
    assert shop.door is not None
    assert shop.gate is not None
    plan = shop.desk.plan("scale web to 3")
    shop.door.note_planned(plan)
    approval = shop.gate.approve(plan, shop.desk.requester, Method.TERMINAL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    try:
        shop.door.carry_out(plan, approval)
    except JournalError as error:
        os._exit(_REFUSED if "cannot be written" in error.title and "Free some space" in error.hint else 1)
    os._exit(0)


def test_on_a_full_disk_nothing_is_sent_and_the_journal_stays_whole(tmp_path: Path) -> None:
    with serve(deployment()) as api:
        child = started(_change, str(api.kubeconfig(tmp_path)), tmp_path, 1)
        child.join()
        assert child.exitcode == _REFUSED
        assert api.writes() == []
    journal = _journal(tmp_path)
    assert journal.verify().problems == ()
    assert [entry.kind for entry in journal.entries()] == [Kind.PLANNED, Kind.APPROVED]


def _append_as_nobody(folder: Path) -> None:
    if os.getuid() == 0:
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    try:
        _journal(folder).append(Kind.INTENT, "p", {})
    except JournalError as error:
        os._exit(_REFUSED if "make the folder writable" in error.hint else 1)
    os._exit(0)


def test_a_journal_that_may_only_be_read_refuses_and_stays_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path
    journal = _journal(folder)
    journal.append(Kind.PLANNED, "p", {})
    journal.path.chmod(0o444)
    journal.path.parent.chmod(0o555)
    for above in folder.parents:  # so that another user gets as far as the file
        if above.stat().st_uid == os.getuid() and above != above.parent and "pytest" in above.name:
            above.chmod(0o755)
    folder.chmod(0o755)
    child = started(_append_as_nobody, folder)
    child.join()
    journal.path.parent.chmod(0o755)
    assert child.exitcode == _REFUSED
    assert journal.verify().count == 1


def _die_in_a_commit(folder: Path) -> None:
    """Write until pages have gone to the file itself, then die: what is left must first be rolled back."""
    connection = sqlite3.connect(_journal(folder).path, isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN IMMEDIATE")
    for number in range(2, 200):
        connection.execute("INSERT INTO journal VALUES (?, ?, ?)", (number, "half" * 500, "written"))
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_crash_in_the_middle_of_a_commit_leaves_a_journal_that_reads_as_before_it(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    journal.append(Kind.PLANNED, "p", {})
    child = started(_die_in_a_commit, tmp_path)
    child.join()
    assert child.exitcode == -signal.SIGKILL
    left = journal.path.with_name(f"{journal.path.name}-journal")
    assert left.stat().st_size > 0, "the crash left nothing to roll back, so this test shows nothing"
    assert [entry.plan for entry in journal.entries()] == ["p"]
    assert (journal.verify().count, journal.verify().problems) == (1, ())
    journal.append(Kind.DECLINED, "p", {})
    assert journal.verify().count == 2
