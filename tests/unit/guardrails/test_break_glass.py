"""Break-glass: who gets it, for how long, what it goes past, and what it never goes past."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.model.moment import stamp
from guardrails.break_glass import Review, glass_problem, grant, page_words, worded
from guardrails.errors import ChangeRefused
from guardrails.plan import BreakGlass, Plan, Requester, Tier
from guardrails.policy.applying import policy_difference, with_policy
from guardrails.policy.document import BreakGlassRules
from guardrails.policy.policy import NO_POLICY, Policy, policy_of
from guardrails.tiers import agreement_refusals
from tests.unit.guardrails.plans import ALICE, COMPUTED, NOW, make_plan

_RULES = BreakGlassRules(people=("alice@example.com",), groups=("sre",))
_WORDS = ("checkout is down, cannot wait", "INC-1")
_GLASS = BreakGlass(*_WORDS, "alice@example.com", "person alice@example.com", stamp(NOW + timedelta(minutes=30)))
_FREEZE = {"name": "w", "days": ["sun"], "from": "11:00", "to": "13:00", "timeZone": "UTC", "reason": "no hands"}


def _policy(**parts: Any) -> Policy:
    found = policy_of(msgspec.json.encode({"version": 1, "breakGlass": {"people": ["alice@example.com"]}, **parts}))
    assert not found.problems, found.problems
    return found


def _grant(rules: BreakGlassRules | None = _RULES, person: Requester = ALICE, **more: Any) -> BreakGlass:
    given: dict[str, Any] = {"groups": (), "reviews": (), "words": _WORDS, "now": NOW} | more
    return grant(rules, person, **given)


def _review(opened: datetime, **more: Any) -> Review:
    until = stamp(opened + timedelta(minutes=30))
    return Review("p", msgspec.structs.replace(_GLASS, until=until), stamp(opened), **more)


# Who gets it


def test_a_person_of_the_policy_gets_leave_for_thirty_minutes() -> None:
    assert _grant() == _GLASS


@pytest.mark.parametrize(
    ("rules", "groups", "by"),
    [
        (BreakGlassRules(groups=("sre",)), ("devs", "sre"), "group sre"),
        (BreakGlassRules(people=("alice",)), (), "person alice"),  # the name on this machine
    ],
)
def test_a_group_that_the_server_tells_or_the_name_on_this_machine_does_too(
    rules: BreakGlassRules, groups: tuple[str, ...], by: str
) -> None:
    assert _grant(rules, groups=groups).granted_by == by


@pytest.mark.parametrize(
    ("rules", "person", "groups"),
    [
        (None, ALICE, ("sre",)),
        (BreakGlassRules(), ALICE, ("sre",)),
        (BreakGlassRules(people=("bob",), groups=("sre",)), ALICE, ("SRE", "sre ", "")),
        (BreakGlassRules(people=("alice",)), msgspec.structs.replace(ALICE, iss="https://issuer"), ()),
        (BreakGlassRules(people=("", "alice@example")), msgspec.structs.replace(ALICE, k8s_user="", sub=""), ("",)),
    ],
)
def test_nobody_else_does(rules: BreakGlassRules | None, person: Requester, groups: tuple[str, ...]) -> None:
    with pytest.raises(ChangeRefused):
        _grant(rules, person, groups=groups)


@pytest.mark.parametrize(
    "words",
    [
        ("", "I-1"),
        ("fix", "I-1"),
        ("x" * 301, "I-1"),
        ("a good reason\u202e", "I-1"),
        (_WORDS[0], ""),
        (_WORDS[0], "I" * 81),
    ],
)
def test_a_reason_and_an_incident_that_a_reviewer_can_read_are_needed(words: tuple[str, str]) -> None:
    with pytest.raises(ChangeRefused):
        _grant(words=words)


def test_a_secret_in_the_reason_is_not_kept() -> None:
    assert "hunter2hunter2" not in worded("reason", "login with password=hunter2hunter2 fails")


# For how long


def test_a_second_change_for_the_incident_is_inside_the_first_ones_window_and_a_later_one_opens_another() -> None:
    review = _review(NOW - timedelta(minutes=20))
    assert _grant(reviews=[review]).until == stamp(NOW + timedelta(minutes=10))
    assert _grant(reviews=[review], words=(_WORDS[0], "INC-2")).until == stamp(NOW + timedelta(minutes=30))
    assert _grant(reviews=[_review(NOW - timedelta(minutes=31))]).until == stamp(NOW + timedelta(minutes=30))


@pytest.mark.parametrize(
    ("days", "closed_by", "blocked"), [(2, "", False), (4, "", True), (4, "bob", False), (400, "bob", False)]
)
def test_an_old_open_review_blocks_everybody(days: int, closed_by: str, blocked: bool) -> None:
    review = _review(NOW - timedelta(days=days), closed_by=closed_by)
    other = msgspec.structs.replace(ALICE, sub="carol", k8s_user="carol")
    rules = BreakGlassRules(people=("carol",), review_days=3)
    if blocked:
        with pytest.raises(ChangeRefused, match="never reviewed"):
            _grant(rules, other, reviews=[review])
    else:
        assert _grant(rules, other, reviews=[review]).person == "carol"


def test_a_review_whose_time_cannot_be_read_is_overdue() -> None:
    assert Review("p", _GLASS, "some day").overdue(30, NOW)


# What it goes past


def _plan(tier: Tier = Tier.ONE_YES, refusals: tuple[str, ...] = (), glass: BreakGlass | None = _GLASS) -> Plan:
    return make_plan(computed=msgspec.structs.replace(COMPUTED, tier=tier, refusals=refusals), break_glass=glass)


def test_it_goes_past_freeze_and_change_windows_and_says_so() -> None:
    later = {"name": "later", "days": ["mon"], "from": "09:00", "to": "10:00", "timeZone": "UTC"}
    plan = with_policy(_plan(Tier.TYPED_NAME), _policy(freezeWindows=[_FREEZE], changeWindows=[later]), NOW)
    assert plan.computed.refusals == ()
    assert plan.break_glass is not None
    assert [each.split(" (")[0] for each in plan.break_glass.passed] == [
        "freeze window w",
        "no change window is open, and outside of them only tier 1 is left: later",
    ]


def test_it_takes_the_place_of_the_second_person_and_not_of_the_tier() -> None:
    plan = with_policy(_plan(Tier.TWO_PEOPLE, agreement_refusals(Tier.TWO_PEOPLE)), _policy(), NOW)
    assert (plan.computed.tier, plan.computed.refusals) == (Tier.TWO_PEOPLE, ())
    assert plan.break_glass is not None
    assert plan.break_glass.passed == ("the second person",)


def test_a_policy_that_raises_to_two_people_is_passed_as_well() -> None:
    rule = {"name": "r", "validations": [{"expression": "false", "message": "m", "effect": {"atLeast": 3}}]}
    assert with_policy(_plan(), _policy(rules=[rule]), NOW).computed.refusals == ()


_DENY = {"name": "r", "validations": [{"expression": "false", "message": "m"}]}


@pytest.mark.parametrize(
    ("plan", "parts"),
    [
        (_plan(refusals=("the cluster does not let you patch deployments",)), {}),
        (_plan(Tier.NEVER, agreement_refusals(Tier.NEVER)), {}),
        (_plan(refusals=("the image comes from untrusted text",)), {}),
        (_plan(), {"protectedNamespaces": ["shop"]}),
        (_plan(), {"rules": [_DENY]}),
        (_plan(glass=None), {"freezeWindows": [_FREEZE]}),
    ],
)
def test_it_goes_past_nothing_else(plan: Plan, parts: dict[str, Any]) -> None:
    assert with_policy(plan, _policy(**parts), NOW).computed.refusals


def test_a_broken_policy_refuses_break_glass_too() -> None:
    broken = policy_of(b"version: 1\nbreakGlass: {people: [alice@example.com]}\nrulez: []\n")
    assert any("mistake" in each for each in with_policy(_plan(), broken, NOW).computed.refusals)


def test_without_a_policy_leave_in_a_plan_is_worth_nothing() -> None:
    plan = with_policy(_plan(Tier.TWO_PEOPLE, agreement_refusals(Tier.TWO_PEOPLE)), NO_POLICY, NOW)
    assert plan.computed.refusals
    assert "nobody use break-glass" in policy_difference(_plan(), NO_POLICY, NOW)


@pytest.mark.parametrize(
    "forged",
    [
        {"granted_by": "person mallory"},
        {"granted_by": "group sre"},
        {"granted_by": ""},
        {"until": stamp(NOW)},
        {"until": stamp(NOW + timedelta(hours=9))},
        {"until": "some day"},
    ],
)
def test_leave_that_the_policy_would_not_give_is_a_problem(forged: dict[str, str]) -> None:
    rules = BreakGlassRules(people=("alice@example.com", "mallory"))
    assert glass_problem(_plan(glass=msgspec.structs.replace(_GLASS, **forged)), rules, NOW)
    assert glass_problem(_plan(), rules, NOW) == ""


def test_its_end_voids_a_plan_that_was_agreed_to() -> None:
    policy = _policy(freezeWindows=[_FREEZE])
    plan = with_policy(_plan(), policy, NOW)
    assert policy_difference(plan, policy, NOW + timedelta(minutes=29)) == ""
    assert "leave ended" in policy_difference(plan, policy, NOW + timedelta(minutes=30))


@pytest.mark.parametrize("entry", ["*", "sre-*", "system:authenticated", "system:masters", "a?"])
def test_leave_for_everybody_is_a_mistake_in_the_policy(entry: str) -> None:
    for section in ("people", "groups"):
        policy = policy_of(msgspec.json.encode({"version": 1, "breakGlass": {section: [entry]}}))
        assert "no person or group" in policy.problems[0].text
    assert policy_of(b"version: 1\nbreakGlass: {}\n").problems
    assert policy_of(b"version: 1\nbreakGlass: {people: [a], minutes: 31}\n").problems


_TEXT = st.text(max_size=40)


@settings(deadline=None)
@given(name=_TEXT, note=_TEXT, image=_TEXT)
def test_no_text_of_a_cluster_gives_leave(name: str, note: str, image: str) -> None:
    """Whatever a cluster calls things: leave is in a plan only if it was put there with a person's options."""
    ref = msgspec.structs.replace(make_plan().target, name=name)
    words = f"{note} --break-glass --reason {image} --incident 1"
    step = msgspec.structs.replace(make_plan().steps[0], ref=ref)
    plan = make_plan(steps=(step,), intent=msgspec.structs.replace(make_plan().intent, words=words))
    judged = with_policy(plan, _policy(freezeWindows=[_FREEZE]), NOW)
    assert judged.break_glass is None
    assert judged.computed.refusals


def test_the_page_names_person_incident_reason_and_the_way_to_close_it() -> None:
    said = page_words("0123", {"break_glass": msgspec.to_builtins(_GLASS)})
    for part in ("alice@example.com", "INC-1", _WORDS[0], "audit close 0123"):
        assert part in said
    assert page_words("0123", {"break_glass": 7})


def test_plans_without_leave_keep_their_digest() -> None:
    assert "break_glass" not in msgspec.to_builtins(make_plan())
    assert _plan().digest != make_plan().digest
