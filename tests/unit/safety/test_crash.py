"""kill -9 anywhere, and everybody at once: what was done is on record, and nothing is done twice."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
import pytest

from copilot.model import CopilotError
from guardrails.approval import Approval, Method
from guardrails.gate import Gate
from guardrails.journal import Journal, Kind
from guardrails.plan import Plan, plan_of
from tests.deep import DEEP
from tests.unit.guardrails.plans import ALICE, Clock, make_plan
from tests.unit.safety.crash import Point, Verdict, boundaries, die, site
from tests.unit.safety.world import KEY
from tests.warm import started

pytestmark = pytest.mark.proof


def _chosen(points: list[Point]) -> list[Point]:
    """Each point fifty times in a deep run; else each of the small change and every fourth of the large one."""
    return points * 50 if DEEP else points[:40] + points[40::4]


def test_death_at_any_boundary_leaves_no_effect_unrecorded_and_none_doubled() -> None:
    verdict = Verdict()
    with site() as place:
        points = [point for words in ("scale web to 3", "drain n1") for point in boundaries(words, place)]
        for point in _chosen(points):
            die(point, place, verdict)
    assert verdict.runs >= 60
    assert verdict.effects >= verdict.runs / 4
    assert (verdict.unrecorded, verdict.doubled, verdict.other) == ([], [], [])


def use_up(folder: str, plan_text: bytes, approval_text: bytes, number: int) -> None:
    """In a process of its own: six threads try to use one approval up; a file for each that did."""
    plan, approval = plan_of(plan_text), msgspec.json.decode(approval_text, type=Approval)
    gate = Gate(KEY, Journal(Path(folder) / "journal.sqlite3", Clock()), Clock())
    start = threading.Barrier(6)

    def consume(thread: int) -> None:
        start.wait()
        try:
            gate.consume(plan, (approval,), ALICE)
        except CopilotError:
            return
        (Path(folder) / f"won-{number}-{thread}").touch()

    threads = [threading.Thread(target=consume, args=(each,)) for each in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_eight_processes_with_six_threads_each_one_gets_the_steps(tmp_path: Path) -> None:
    plan, journal = make_plan(), Journal(tmp_path / "journal.sqlite3", Clock())
    approval = Gate(KEY, journal, Clock()).approve(plan, ALICE, Method.TERMINAL)
    given = (str(tmp_path), msgspec.json.encode(plan), msgspec.json.encode(approval))
    processes = [started(use_up, *given, number) for number in range(8)]
    for process in processes:
        process.join()
    assert len(list(tmp_path.glob("won-*"))) == 1
    assert journal.verify().problems == ()


def test_of_fifty_pairs_of_approvals_of_one_plan_one_is_used(tmp_path: Path) -> None:
    """Two yeses that are both genuine are still one change."""
    plan, journal = make_plan(), Journal(tmp_path / "journal.sqlite3", Clock())
    gate = Gate(KEY, journal, Clock())
    approvals = [gate.approve(plan, ALICE, Method.TERMINAL) for _ in range(50)]
    won, start = list[Plan](), threading.Barrier(50)

    def consume(approval: Approval) -> None:
        start.wait()
        try:
            gate.consume(plan, (approval,), ALICE)
        except CopilotError:
            return
        won.append(plan)

    threads = [threading.Thread(target=consume, args=(each,)) for each in approvals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert [entry.kind for entry in journal.entries()].count(Kind.CONSUMED) == 1
