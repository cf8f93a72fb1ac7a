"""Details of approvals and of the gate that mutants of them would change unseen."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from copilot.model import parse_time
from copilot.model.moment import stamp
from guardrails.approval import (
    APPROVAL_TTL,
    WAITING_TTL,
    Method,
    _signature,
    approve,
    are_different_people,
    plan_code,
)
from guardrails.errors import ApprovalError
from guardrails.gate import RUN_TTL, SKEW, Gate
from guardrails.journal import Journal
from guardrails.plan import BreakGlass, Requester, Tier
from tests.unit.guardrails.plans import ALICE, COMPUTED, NOW, Clock, make_plan, scale_step
from tests.unit.safety.world import BOB, KEY


def _person(sub: str, user: str = "") -> Requester:
    return Requester("os", sub, user, "g")


@pytest.mark.parametrize(
    ("one", "other", "different"),
    [
        (_person("a"), _person("b"), True),
        (_person("a"), _person("a"), False),
        (_person("a", "x"), _person("b", "x"), False),
        (_person("a", "x"), _person("b", "y"), True),
        (_person("a", "x"), _person("a", "y"), False),
        (_person("a", "x"), _person("b"), True),
        (_person("a"), _person("b", "x"), True),
        (Requester("oidc", "a", "", "g"), _person("a"), True),
    ],
)
def test_people_are_told_apart_by_login_and_where_known_by_who_the_cluster_takes_them_for(
    one: Requester, other: Requester, different: bool
) -> None:
    assert are_different_people(one, other) is different


def test_the_code_of_a_plan_is_made_from_its_digest_and_stays_the_same_over_versions() -> None:
    codes = {plan_code(make_plan(id=f"{number:012x}")) for number in range(200)}
    assert len(codes) == 200
    assert {len(code) for code in codes} == {6}
    assert {letter for code in codes for letter in code} <= set("23456789abcdefghjkmnpqrstuvwxyz")


@pytest.mark.parametrize(
    ("tier", "ttl"),
    [
        (Tier.ONE_YES, timedelta(minutes=15)),
        (Tier.TYPED_NAME, timedelta(minutes=10)),
        (Tier.TWO_PEOPLE, timedelta(minutes=15)),
    ],
)
def test_a_yes_lasts_as_long_as_its_tier_lets_it(tier: Tier, ttl: timedelta) -> None:
    plan = make_plan(computed=msgspec.structs.replace(COMPUTED, tier=tier))
    approval = approve(plan, ALICE, Method.TERMINAL, KEY, NOW)
    assert parse_time(approval.expires) == NOW + ttl
    assert len(approval.nonce) == 32


def test_the_times_are_those_of_the_design() -> None:
    assert {tier: ttl.total_seconds() / 60 for tier, ttl in APPROVAL_TTL.items()} == {
        Tier.ONE_YES: 15,
        Tier.TYPED_NAME: 10,
        Tier.TWO_PEOPLE: 5,
    }
    assert (timedelta(minutes=15), timedelta(minutes=30), timedelta(seconds=60)) == (WAITING_TTL, RUN_TTL, SKEW)


def _two(gate: Gate, clock: Clock, wait: float = 0, **more: Any) -> tuple[Any, Any]:
    plan = make_plan(computed=msgspec.structs.replace(COMPUTED, tier=Tier.TWO_PEOPLE), **more)
    first = gate.approve(plan, ALICE, Method.TERMINAL)
    clock.forward(minutes=wait)
    return plan, (first, gate.approve(plan, BOB, Method.TERMINAL))


@pytest.fixture
def parts(tmp_path: Any) -> tuple[Gate, Clock]:
    clock = Clock()
    return Gate(KEY, Journal(tmp_path / "journal.sqlite3", clock), clock), clock


def test_two_yeses_are_good_for_five_minutes_from_the_second(parts: tuple[Gate, Clock]) -> None:
    gate, clock = parts
    plan, approvals = _two(gate, clock, wait=3, expires=stamp(NOW + timedelta(hours=1)))
    clock.forward(minutes=4, seconds=59)
    (step,) = gate.consume(plan, approvals, ALICE)
    assert parse_time(step.expires) == NOW + timedelta(minutes=8)


@pytest.mark.parametrize("order", [1, -1])
def test_two_yeses_end_five_minutes_after_the_second_in_whichever_order_they_come(
    parts: tuple[Gate, Clock], order: int
) -> None:
    gate, clock = parts
    plan, approvals = _two(gate, clock, wait=3, expires=stamp(NOW + timedelta(hours=1)))
    clock.forward(minutes=5)
    with pytest.raises(ApprovalError, match="expired"):
        gate.consume(plan, approvals[::order], ALICE)


def test_of_several_steps_each_is_good_for_half_an_hour_and_has_its_number(parts: tuple[Gate, Clock]) -> None:
    gate, _ = parts
    plan = make_plan(steps=(scale_step(2, 3), scale_step(3, 4)))
    steps = gate.consume(plan, (gate.approve(plan, ALICE, Method.TERMINAL),), ALICE)
    assert [(step.index, parse_time(step.expires)) for step in steps] == [
        (1, NOW + timedelta(minutes=30)),
        (2, NOW + timedelta(minutes=30)),
    ]


@pytest.mark.parametrize("seconds", [59, 60])
def test_a_clock_may_go_back_by_a_minute(parts: tuple[Gate, Clock], seconds: int) -> None:
    gate, clock = parts
    plan = make_plan()
    approval = gate.approve(plan, ALICE, Method.TERMINAL)
    clock.forward(seconds=-seconds)
    assert gate.consume(plan, (approval,), ALICE)


def test_a_clock_may_not_go_back_by_more_than_a_minute(parts: tuple[Gate, Clock]) -> None:
    gate, clock = parts
    plan = make_plan(not_before=stamp(NOW - timedelta(hours=1)))
    approval = gate.approve(plan, ALICE, Method.TERMINAL)
    clock.forward(seconds=-61)
    with pytest.raises(ApprovalError, match="set back"):
        gate.consume(plan, (approval,), ALICE)


def test_the_code_is_made_of_the_first_sixteen_bytes_of_the_digests_own_digest() -> None:
    plan = make_plan()
    number = int.from_bytes(hashlib.sha256(b"code\0" + plan.digest.encode()).digest()[:16], "big")
    letters = "23456789abcdefghjkmnpqrstuvwxyz"
    assert plan_code(plan) == "".join(letters[number // 31**place % 31] for place in range(6))


def _leave(until: str) -> BreakGlass:
    return BreakGlass("the shop is down", "INC-1", "alice", "people", until)


def test_what_nobody_may_approve_is_over_at_once_even_with_break_glass_leave() -> None:
    computed = msgspec.structs.replace(COMPUTED, tier=Tier.NEVER)
    plan = make_plan(computed=computed, break_glass=_leave(stamp(NOW + timedelta(hours=1))))
    approval = approve(plan, ALICE, Method.TERMINAL, KEY, NOW)
    assert approval.expires == approval.issued


@pytest.mark.parametrize(("seconds", "good"), [(59, True), (60, False), (61, False)])
def test_break_glass_leave_ends_when_it_says(parts: tuple[Gate, Clock], seconds: int, good: bool) -> None:
    gate, clock = parts
    computed = msgspec.structs.replace(COMPUTED, tier=Tier.TWO_PEOPLE)
    plan = make_plan(computed=computed, break_glass=_leave(stamp(NOW + timedelta(minutes=1))))
    approval = gate.approve(plan, ALICE, Method.TERMINAL)
    clock.forward(seconds=seconds)
    if good:
        assert gate.consume(plan, (approval,), ALICE)
    else:
        with pytest.raises(ApprovalError, match="leave has ended"):
            gate.consume(plan, (approval,), ALICE)


def test_a_plan_that_nobody_may_approve_is_not_used_even_with_two_genuine_yeses(parts: tuple[Gate, Clock]) -> None:
    gate, _ = parts
    plan = make_plan(computed=msgspec.structs.replace(COMPUTED, tier=Tier.NEVER))
    both = tuple(approve(plan, who, Method.TERMINAL, KEY, NOW) for who in (ALICE, BOB))
    with pytest.raises(ApprovalError, match="may not be approved"):
        gate.consume(plan, both, ALICE)


@pytest.mark.parametrize("seconds", [60, 59, 0])
def test_a_plan_may_begin_within_a_minute(parts: tuple[Gate, Clock], seconds: int) -> None:
    gate, _ = parts
    plan = make_plan(not_before=stamp(NOW + timedelta(seconds=seconds)))
    assert gate.consume(plan, (gate.approve(plan, ALICE, Method.TERMINAL),), ALICE)


def test_a_plan_may_not_begin_after_more_than_a_minute(parts: tuple[Gate, Clock]) -> None:
    gate, _ = parts
    plan = make_plan(not_before=stamp(NOW + timedelta(seconds=61)))
    with pytest.raises(ApprovalError, match="not good before"):
        gate.consume(plan, (gate.approve(plan, ALICE, Method.TERMINAL),), ALICE)


@pytest.mark.parametrize(("minutes", "good"), [(29.99, True), (30, False)])
def test_a_step_of_several_is_vouched_for_until_its_very_end(
    parts: tuple[Gate, Clock], minutes: float, good: bool
) -> None:
    gate, clock = parts
    plan = make_plan(steps=(scale_step(2, 3), scale_step(3, 4)))
    step = gate.consume(plan, (gate.approve(plan, ALICE, Method.TERMINAL),), ALICE)[1]
    clock.forward(minutes=minutes)
    if good:
        gate.vouch(step)
    else:
        with pytest.raises(ApprovalError, match="expired"):
            gate.vouch(step)


@pytest.mark.parametrize(
    ("forged", "said"),
    [({"plan_id": "ffffffffffff"}, "another plan"), ({"digest": "0" * 64}, "another plan"), ({"tier": Tier.TYPED_NAME}, "another tier")],
)  # fmt: skip
def test_a_genuine_yes_fits_in_every_part(parts: tuple[Gate, Clock], forged: dict[str, Any], said: str) -> None:
    """Even what the holder of the key signed is for one plan, of one digest, in one tier."""
    gate, _ = parts
    plan = make_plan()
    altered = msgspec.structs.replace(approve(plan, ALICE, Method.TERMINAL, KEY, NOW), **forged)
    signed = msgspec.structs.replace(altered, signature=_signature(altered, KEY))
    with pytest.raises(ApprovalError, match=said):
        gate.consume(plan, (signed,), ALICE)
