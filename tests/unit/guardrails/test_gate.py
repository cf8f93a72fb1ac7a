"""Approvals: bound to one plan and one person, for some minutes, used once."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from copilot.model.moment import stamp
from guardrails.approval import Approval, Method, approve, people_needed, plan_code, wanted_word
from guardrails.errors import ApprovalError, JournalError
from guardrails.gate import Gate
from guardrails.journal import AlreadyClaimed, Journal, Kind
from guardrails.keyfile import load_or_create_key
from guardrails.plan import BreakGlass, Requester, Tier
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
    (step,) = desk.gate.consume(plan, (desk.yes(),), ALICE)
    assert (step.step, step.digest, step.plan_id) == (plan.steps[0], plan.digest, plan.id)
    desk.gate.vouch(step)
    assert [entry.kind for entry in desk.journal.entries()] == [Kind.APPROVED, Kind.CONSUMED]


def test_an_approval_is_used_once(desk: _Desk) -> None:
    approval = desk.yes()
    desk.gate.consume(make_plan(), (approval,), ALICE)
    with pytest.raises(AlreadyClaimed):
        desk.gate.consume(make_plan(), (approval,), ALICE)


def test_of_fifty_consumers_at_once_exactly_one_gets_the_steps(desk: _Desk) -> None:
    approval, plan, won, lost = desk.yes(), make_plan(), [], []
    start = threading.Barrier(50)

    def consume() -> None:
        start.wait()
        try:
            won.append(desk.gate.consume(plan, (approval,), ALICE))
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
        desk.gate.consume(make_plan(), (msgspec.structs.replace(desk.yes(), **forged),), ALICE)


def test_an_approval_signed_with_another_key_is_void(desk: _Desk) -> None:
    with pytest.raises(ApprovalError, match="not signed here"):
        desk.gate.consume(make_plan(), (approve(make_plan(), ALICE, Method.TERMINAL, b"x" * 32, NOW),), ALICE)


@pytest.mark.parametrize(
    "other", [make_plan(id="ffffffffffff"), make_plan(steps=(scale_step(2, 9),)), make_plan(rollback=())]
)
def test_a_yes_to_one_plan_is_no_yes_to_another(desk: _Desk, other: Any) -> None:
    with pytest.raises(ApprovalError, match="another plan"):
        desk.gate.consume(other, (desk.yes(),), ALICE)


def test_a_yes_is_bound_to_the_person(desk: _Desk) -> None:
    with pytest.raises(ApprovalError, match="somebody else"):
        desk.gate.consume(make_plan(), (desk.yes(),), msgspec.structs.replace(ALICE, k8s_user="root"))


@pytest.mark.parametrize(("minutes", "tier"), [(15, Tier.ONE_YES), (10, Tier.TYPED_NAME)])
def test_a_yes_ends_after_its_time(desk: _Desk, minutes: int, tier: Tier) -> None:
    plan = make_plan(computed=msgspec.structs.replace(COMPUTED, tier=tier), expires=stamp(NOW + timedelta(hours=1)))
    approval = desk.yes(plan)
    desk.clock.forward(minutes=minutes)
    with pytest.raises(ApprovalError, match="expired"):
        desk.gate.consume(plan, (approval,), ALICE)


def test_a_plan_ends_after_its_time_however_fresh_the_yes(desk: _Desk) -> None:
    desk.clock.forward(minutes=14, seconds=59)
    approval = desk.yes()
    desk.clock.forward(seconds=1)
    with pytest.raises(ApprovalError, match="plan expired"):
        desk.gate.consume(make_plan(), (approval,), ALICE)


def test_a_clock_set_back_voids_the_yes(desk: _Desk) -> None:
    approval = desk.yes()
    desk.clock.forward(minutes=-10)
    with pytest.raises(ApprovalError, match="set back"):
        desk.gate.consume(make_plan(), (approval,), ALICE)


@pytest.mark.parametrize("changes", [{"refusals": ("no",)}, {"tier": Tier.NEVER}])
def test_what_may_not_be_approved_cannot_be_even_with_a_true_signature(desk: _Desk, changes: dict[str, Any]) -> None:
    plan = make_plan(computed=msgspec.structs.replace(COMPUTED, **changes))
    with pytest.raises(ApprovalError):
        desk.yes(plan)
    with pytest.raises(ApprovalError):
        desk.gate.consume(plan, (approve(plan, ALICE, Method.TERMINAL, KEY, NOW),), ALICE)


def test_an_unreadable_time_is_a_no(desk: _Desk) -> None:
    plan = make_plan(expires="soon")
    with pytest.raises(ApprovalError, match="unreadable time"):
        desk.gate.consume(plan, (desk.yes(plan),), ALICE)


def test_a_plan_is_not_good_before_its_time(desk: _Desk) -> None:
    plan = make_plan(not_before=stamp(NOW + timedelta(minutes=5)))
    with pytest.raises(ApprovalError, match="not good before"):
        desk.gate.consume(plan, (desk.yes(plan),), ALICE)


def test_a_step_that_did_not_come_through_the_gate_is_not_vouched_for(desk: _Desk) -> None:
    (step,) = desk.gate.consume(make_plan(), (desk.yes(),), ALICE)
    for forged in (msgspec.structs.replace(step, seal=""), msgspec.structs.replace(step, step=scale_step(2, 9))):
        with pytest.raises(ApprovalError, match="did not come through the gate"):
            desk.gate.vouch(forged)


def test_a_step_ends_with_its_approval(desk: _Desk) -> None:
    (step,) = desk.gate.consume(make_plan(), (desk.yes(),), ALICE)
    desk.clock.forward(minutes=16)
    with pytest.raises(ApprovalError, match="expired"):
        desk.gate.vouch(step)


def test_without_a_journal_no_approval_is_used(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    gate = Gate(KEY, Journal(blocked / "journal.sqlite3", Clock()), Clock())
    with pytest.raises(JournalError):
        gate.consume(make_plan(), (approve(make_plan(), ALICE, Method.TERMINAL, KEY, NOW),), ALICE)


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


BOB = Requester("os", "bob", "bob@example.com", "g")
CAROL = Requester("os", "carol", "carol@example.com", "g")
RISKY = make_plan(computed=msgspec.structs.replace(COMPUTED, tier=Tier.TWO_PEOPLE))


def _by(desk: _Desk, *people: Requester, plan: Any = RISKY) -> tuple[Approval, ...]:
    return tuple(desk.gate.approve(plan, each, Method.TERMINAL) for each in people)


@pytest.mark.parametrize("people", [(ALICE, BOB), (BOB, ALICE), (BOB, CAROL)])
def test_two_different_people_make_a_tier_three_plan_good(desk: _Desk, people: tuple[Requester, ...]) -> None:
    (step,) = desk.gate.consume(RISKY, _by(desk, *people), ALICE)
    desk.gate.vouch(step)


@pytest.mark.parametrize(
    ("people", "why"),
    [
        ((), "Nobody has agreed"),
        ((ALICE,), "not enough"),
        ((BOB,), "not enough"),
        ((ALICE, ALICE), "the same person's"),
        ((BOB, BOB), "the same person's"),
        ((BOB, ALICE, CAROL), "at a time"),
        ((ALICE, msgspec.structs.replace(ALICE, k8s_user="root")), "the same person's"),
        ((ALICE, msgspec.structs.replace(BOB, k8s_user=ALICE.k8s_user)), "the same person's"),
        ((msgspec.structs.replace(BOB, k8s_user=ALICE.k8s_user), msgspec.structs.replace(ALICE, k8s_user="")), "but who asked"),
    ],
)  # fmt: skip
def test_fewer_than_two_different_people_are_not_enough(desk: _Desk, people: tuple[Requester, ...], why: str) -> None:
    with pytest.raises(ApprovalError, match=why):
        desk.gate.consume(RISKY, _by(desk, *people), ALICE)


def test_a_plan_that_two_agreed_to_is_carried_out_once_whichever_yeses_are_used(desk: _Desk) -> None:
    alice, bob, carol = _by(desk, ALICE, BOB, CAROL)
    desk.gate.consume(RISKY, (alice, bob), ALICE)
    for others in ((alice, carol), (bob, carol), (alice, bob)):
        with pytest.raises(AlreadyClaimed):
            desk.gate.consume(RISKY, others, ALICE)


def test_only_who_asked_carries_it_out_whoever_agreed(desk: _Desk) -> None:
    with pytest.raises(ApprovalError, match="somebody else's"):
        desk.gate.consume(RISKY, _by(desk, ALICE, BOB), BOB)


def test_a_first_yes_waits_for_the_second_and_both_end_five_minutes_after_it(desk: _Desk) -> None:
    plan = msgspec.structs.replace(RISKY, expires=stamp(NOW + timedelta(hours=1)))
    (first,) = _by(desk, ALICE, plan=plan)
    desk.clock.forward(minutes=9)
    (second,) = _by(desk, BOB, plan=plan)
    desk.clock.forward(minutes=5)
    with pytest.raises(ApprovalError, match="expired"):
        desk.gate.consume(plan, (first, second), ALICE)
    desk.clock.forward(seconds=-1)
    desk.gate.consume(plan, (first, second), ALICE)


def test_a_first_yes_does_not_wait_for_ever(desk: _Desk) -> None:
    plan = msgspec.structs.replace(RISKY, expires=stamp(NOW + timedelta(hours=1)))
    (first,) = _by(desk, ALICE, plan=plan)
    desk.clock.forward(minutes=15)
    with pytest.raises(ApprovalError, match="expired"):
        desk.gate.consume(plan, (first, *_by(desk, BOB, plan=plan)), ALICE)


def test_where_one_yes_is_enough_it_is_the_requesters_own(desk: _Desk) -> None:
    with pytest.raises(ApprovalError, match="who asked"):
        desk.gate.approve(make_plan(), BOB, Method.TERMINAL)
    others = approve(make_plan(), BOB, Method.TERMINAL, KEY, NOW)
    with pytest.raises(ApprovalError, match="somebody else"):
        desk.gate.consume(make_plan(), (others,), ALICE)
    with pytest.raises(ApprovalError, match="at a time"):
        desk.gate.consume(make_plan(), (desk.yes(), desk.yes()), ALICE)


def test_break_glass_leave_takes_the_place_of_the_second_person_and_of_nothing_else(desk: _Desk) -> None:
    leave = BreakGlass("the shop is down", "INC-1", "alice", "on call", stamp(NOW + timedelta(minutes=30)))
    plan = msgspec.structs.replace(RISKY, break_glass=leave)
    assert (people_needed(plan), people_needed(RISKY), people_needed(make_plan())) == (1, 2, 1)
    approval = desk.yes(plan)
    desk.clock.forward(minutes=5)
    with pytest.raises(ApprovalError, match="expired"):
        desk.gate.consume(plan, (approval,), ALICE)
    desk.gate.consume(plan, (desk.yes(plan),), ALICE)


def test_what_has_to_be_typed_grows_with_the_tier() -> None:
    typed = msgspec.structs.replace(COMPUTED, tier=Tier.TYPED_NAME)
    assert (wanted_word(make_plan()), wanted_word(make_plan(computed=typed))) == ("yes", "web")
    assert re.fullmatch("[2-9a-z]{6}", wanted_word(RISKY))


def test_the_code_of_a_plan_is_that_of_no_other() -> None:
    codes = {plan_code(make_plan(id=f"{number:012x}")) for number in range(500)}
    assert len(codes) == 500
    assert plan_code(RISKY) == plan_code(RISKY) != plan_code(msgspec.structs.replace(RISKY, rollback=()))
