"""Approvals: bound to one plan and one person, for some minutes, used once."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from copilot.model.moment import stamp
from guardrails.approval import Approval, Method, approve
from guardrails.errors import ApprovalError, JournalError
from guardrails.gate import Gate
from guardrails.journal import AlreadyClaimed, Journal, Kind
from guardrails.keyfile import load_or_create_key
from guardrails.plan import Tier
from tests.unit.guardrails.plans import ALICE, COMPUTED, NOW, Clock, make_plan, scale_step

KEY = b"k" * 32


class _Desk:
    """A gate with its journal and clock."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.journal = Journal(folder / "journal.sqlite3", self.clock)
        self.gate = Gate(KEY, self.journal, self.clock)

    def yes(self, plan: Any = None) -> Approval:
        return self.gate.approve(plan or make_plan(), ALICE, Method.TERMINAL)


@pytest.fixture
def desk(tmp_path: Path) -> _Desk:
    return _Desk(tmp_path)


def test_a_good_approval_becomes_the_steps_of_its_plan(desk: _Desk) -> None:
    plan = make_plan()
    (step,) = desk.gate.consume(plan, desk.yes(), ALICE)
    assert (step.step, step.digest, step.plan_id) == (plan.steps[0], plan.digest, plan.id)
    desk.gate.vouch(step)
    assert [entry.kind for entry in desk.journal.entries()] == [Kind.APPROVED, Kind.CONSUMED]


def test_an_approval_is_used_once(desk: _Desk) -> None:
    approval = desk.yes()
    desk.gate.consume(make_plan(), approval, ALICE)
    with pytest.raises(AlreadyClaimed):
        desk.gate.consume(make_plan(), approval, ALICE)


def test_of_fifty_consumers_at_once_exactly_one_gets_the_steps(desk: _Desk) -> None:
    approval, plan, won, lost = desk.yes(), make_plan(), [], []
    start = threading.Barrier(50)

    def consume() -> None:
        start.wait()
        try:
            won.append(desk.gate.consume(plan, approval, ALICE))
        except AlreadyClaimed:
            lost.append(1)

    threads = [threading.Thread(target=consume) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 49)
    assert desk.journal.verify().problems == ()


@pytest.mark.parametrize(
    "forged",
    [
        {"digest": "0" * 64}, {"approver": msgspec.structs.replace(ALICE, sub="mallory")}, {"nonce": "0"},
        {"expires": stamp(NOW + timedelta(days=9))}, {"tier": Tier.TYPED_NAME}, {"signature": ""}, {"signature": "é\ud800"},
    ],
)  # fmt: skip
def test_an_approval_that_was_altered_is_void(desk: _Desk, forged: dict[str, Any]) -> None:
    with pytest.raises(ApprovalError, match="not signed here"):
        desk.gate.consume(make_plan(), msgspec.structs.replace(desk.yes(), **forged), ALICE)


def test_an_approval_signed_with_another_key_is_void(desk: _Desk) -> None:
    with pytest.raises(ApprovalError, match="not signed here"):
        desk.gate.consume(make_plan(), approve(make_plan(), ALICE, Method.TERMINAL, b"x" * 32, NOW), ALICE)


@pytest.mark.parametrize(
    "other", [make_plan(id="ffffffffffff"), make_plan(steps=(scale_step(2, 9),)), make_plan(rollback=())]
)
def test_a_yes_to_one_plan_is_no_yes_to_another(desk: _Desk, other: Any) -> None:
    with pytest.raises(ApprovalError, match="another plan"):
        desk.gate.consume(other, desk.yes(), ALICE)


def test_a_yes_is_bound_to_the_person(desk: _Desk) -> None:
    with pytest.raises(ApprovalError, match="somebody else"):
        desk.gate.consume(make_plan(), desk.yes(), msgspec.structs.replace(ALICE, k8s_user="root"))


@pytest.mark.parametrize(("minutes", "tier"), [(15, Tier.ONE_YES), (10, Tier.TYPED_NAME)])
def test_a_yes_ends_after_its_time(desk: _Desk, minutes: int, tier: Tier) -> None:
    plan = make_plan(computed=msgspec.structs.replace(COMPUTED, tier=tier), expires=stamp(NOW + timedelta(hours=1)))
    approval = desk.yes(plan)
    desk.clock.forward(minutes=minutes)
    with pytest.raises(ApprovalError, match="expired"):
        desk.gate.consume(plan, approval, ALICE)


def test_a_plan_ends_after_its_time_however_fresh_the_yes(desk: _Desk) -> None:
    desk.clock.forward(minutes=14, seconds=59)
    approval = desk.yes()
    desk.clock.forward(seconds=1)
    with pytest.raises(ApprovalError, match="plan expired"):
        desk.gate.consume(make_plan(), approval, ALICE)


def test_a_clock_set_back_voids_the_yes(desk: _Desk) -> None:
    approval = desk.yes()
    desk.clock.forward(minutes=-10)
    with pytest.raises(ApprovalError, match="set back"):
        desk.gate.consume(make_plan(), approval, ALICE)


@pytest.mark.parametrize("changes", [{"refusals": ("no",)}, {"tier": Tier.TWO_PEOPLE}, {"tier": Tier.NEVER}])
def test_what_may_not_be_approved_cannot_be_even_with_a_true_signature(desk: _Desk, changes: dict[str, Any]) -> None:
    plan = make_plan(computed=msgspec.structs.replace(COMPUTED, **changes))
    with pytest.raises(ApprovalError):
        desk.yes(plan)
    with pytest.raises(ApprovalError):
        desk.gate.consume(plan, approve(plan, ALICE, Method.TERMINAL, KEY, NOW), ALICE)


def test_an_unreadable_time_is_a_no(desk: _Desk) -> None:
    plan = make_plan(expires="soon")
    with pytest.raises(ApprovalError, match="unreadable time"):
        desk.gate.consume(plan, desk.yes(plan), ALICE)


def test_a_plan_is_not_good_before_its_time(desk: _Desk) -> None:
    plan = make_plan(not_before=stamp(NOW + timedelta(minutes=5)))
    with pytest.raises(ApprovalError, match="not good before"):
        desk.gate.consume(plan, desk.yes(plan), ALICE)


def test_a_step_that_did_not_come_through_the_gate_is_not_vouched_for(desk: _Desk) -> None:
    (step,) = desk.gate.consume(make_plan(), desk.yes(), ALICE)
    for forged in (msgspec.structs.replace(step, seal=""), msgspec.structs.replace(step, step=scale_step(2, 9))):
        with pytest.raises(ApprovalError, match="did not come through the gate"):
            desk.gate.vouch(forged)


def test_a_step_ends_with_its_approval(desk: _Desk) -> None:
    (step,) = desk.gate.consume(make_plan(), desk.yes(), ALICE)
    desk.clock.forward(minutes=16)
    with pytest.raises(ApprovalError, match="expired"):
        desk.gate.vouch(step)


def test_without_a_journal_no_approval_is_used(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    gate = Gate(KEY, Journal(blocked / "journal.sqlite3", Clock()), Clock())
    with pytest.raises(JournalError):
        gate.consume(make_plan(), approve(make_plan(), ALICE, Method.TERMINAL, KEY, NOW), ALICE)


def test_the_key_is_private_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "data" / "approval.key"
    key = load_or_create_key(path)
    assert load_or_create_key(path) == key
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert list(path.parent.iterdir()) == [path]


def test_twenty_starters_at_once_agree_on_one_key(tmp_path: Path) -> None:
    path, keys, start = tmp_path / "approval.key", [], threading.Barrier(20)

    def load() -> None:
        start.wait()
        keys.append(load_or_create_key(path))

    threads = [threading.Thread(target=load) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(keys)) == 1


@pytest.mark.parametrize(
    ("content", "mode"), [(b"k" * 32, 0o644), (b"k" * 32, 0o660), (b"k" * 31, 0o600), (b"k" * 33, 0o600), (b"", 0o600)]
)
def test_a_key_that_others_may_read_or_that_is_damaged_is_refused(tmp_path: Path, content: bytes, mode: int) -> None:
    path = tmp_path / "approval.key"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(ApprovalError):
        load_or_create_key(path)
