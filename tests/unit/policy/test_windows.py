"""Freeze and change windows: a freeze beats them all, and outside of change windows only tier 1 is left."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.operations.op import Op
from guardrails.plan import Tier
from guardrails.policy.opinions import Ruling, foreseeable, opinions, ruling
from guardrails.policy.policy import Policy, policy_of
from guardrails.policy.subject import Subject
from tests.unit.guardrails.plans import ALICE, NOW  # a Sunday, noon

_SUBJECT = Subject(operation=Op.SCALE, kind="Deployment", name="web", namespace="shop")


def _policy(**parts: Any) -> Policy:
    return policy_of(msgspec.json.encode({"version": 1, **parts}))


def _window(begin: str = "11:00", end: str = "13:00", **more: Any) -> dict[str, Any]:
    return {"name": f"w{begin}", "days": ["sun"], "from": begin, "to": end, "timeZone": "UTC", **more}


def _freeze(begin: str = "11:00", end: str = "13:00", **more: Any) -> dict[str, Any]:
    return _window(begin, end, reason="no hands", **more)


def _ruled(policy: Policy, tier: int = 2, *, glass: bool = False) -> Ruling:
    assert not policy.problems, policy.problems
    subject = msgspec.structs.replace(_SUBJECT, tier=tier)
    return ruling(Tier(tier), opinions(policy, subject, ALICE, NOW), break_glass=glass)


@pytest.mark.parametrize(
    ("tier", "windows", "refused"),
    [
        (1, [_window("14:00", "15:00")], False),
        (2, [_window("14:00", "15:00")], True),
        (3, [_window("14:00", "15:00")], True),
        (2, [_window()], False),
        (2, [_window("14:00", "15:00"), _window()], False),
        (2, [_window("14:00", "15:00", environments=["dev"])], False),  # none is asked for here
        (2, [_window("14:00", "15:00", environments=["prod"])], True),  # unknown counts as prod
        (2, [], False),
    ],
)
def test_where_change_windows_are_named_only_tier_1_is_left_outside_of_them(
    tier: int, windows: list[dict[str, Any]], refused: bool
) -> None:
    assert bool(_ruled(_policy(changeWindows=windows), tier).own) is refused


def test_what_the_policy_raises_above_tier_1_needs_a_window_too() -> None:
    rule = {"name": "r", "validations": [{"expression": "false", "message": "m", "effect": "raise"}]}
    assert _ruled(_policy(changeWindows=[_window("14:00", "15:00")], rules=[rule]), 1).own


def test_a_freeze_beats_an_open_change_window() -> None:
    ruled = _ruled(_policy(changeWindows=[_window()], freezeWindows=[_freeze()]), 1)
    assert [each.split(" (")[0] for each in ruled.own] == ["freeze window w11:00"]


def test_break_glass_goes_past_both_and_names_them() -> None:
    policy = _policy(changeWindows=[_window("14:00", "15:00")], freezeWindows=[_freeze()])
    assert len(_ruled(policy).own) == 2
    ruled = _ruled(policy, glass=True)
    assert (ruled.refusals, len(ruled.passed)) == ((), 2)


@pytest.mark.parametrize("section", ["changeWindows", "freezeWindows"])
@pytest.mark.parametrize(
    ("parts", "said"),
    [({"timeZone": "Mars/One"}, "time zone"), ({"from": "24:00"}, "no length"), ({"to": "11:00"}, "no length")],
)
def test_a_window_that_never_opens_is_a_mistake(section: str, parts: dict[str, str], said: str) -> None:
    window = (_freeze() if section == "freezeWindows" else _window()) | parts
    (problem,) = _policy(**{section: [window]}).problems
    assert said in problem.text


def test_without_a_cluster_a_change_window_for_everything_is_foreseen_and_one_for_prod_is_not() -> None:
    everywhere = _policy(changeWindows=[_window("14:00", "15:00")])
    prod = _policy(changeWindows=[_window("14:00", "15:00", environments=["prod"])])
    found = [ruling(Tier.TYPED_NAME, foreseeable(each, _SUBJECT, NOW)).own for each in (everywhere, prod)]
    assert [bool(each) for each in found] == [True, False]


_HOURS = st.sampled_from(["09:00", "11:00", "12:30", "14:00"])
_ENVIRONMENTS = st.sampled_from([None, ["prod"], ["dev"]])
_FREEZES = st.builds(
    lambda begin, env: _freeze(begin, "16:00") | ({"environments": env} if env else {}), _HOURS, _ENVIRONMENTS
)
_WINDOWS = st.builds(
    lambda begin, env: _window(begin, "16:00") | ({"environments": env} if env else {}), _HOURS, _ENVIRONMENTS
)
_EXPRESSIONS = st.sampled_from(["true", "false", "plan.tier < 2", "missing"])
_EFFECTS = st.sampled_from(["deny", "raise", {"atLeast": 3}])


def _rule(expression: str, effect: Any) -> dict[str, Any]:
    return {"name": "more", "validations": [{"expression": expression, "message": "m", "effect": effect}]}


@settings(deadline=None)
@given(
    freezes=st.lists(_FREEZES, max_size=2),
    windows=st.lists(_WINDOWS, max_size=2),
    more=st.one_of(
        st.builds(lambda each: {"freezeWindows": [each]}, _FREEZES),
        st.builds(lambda a, b: {"rules": [_rule(a, b)]}, _EXPRESSIONS, _EFFECTS),
        st.just({"protectedNamespaces": ["shop"]}),
        st.just({"breakGlass": {"people": ["alice"]}}),
    ),
    tier=st.integers(1, 4),
)
def test_whatever_is_added_never_lowers_a_tier_and_never_takes_a_refusal_away(
    freezes: list[Any], windows: list[Any], more: dict[str, Any], tier: int
) -> None:
    """I7. Naming people for break-glass takes nothing away either: only a person's own options do."""
    base = {"freezeWindows": freezes, "changeWindows": windows}
    grown = base | {
        key: [*base.get(key, []), *value] if isinstance(value, list) else value for key, value in more.items()
    }
    before, after = _ruled(_policy(**base), tier), _ruled(_policy(**grown), tier)
    assert tier <= before.tier <= after.tier
    assert set(before.own) <= set(after.own)


@settings(deadline=None)
@given(freezes=st.lists(_FREEZES, max_size=2), windows=st.lists(_WINDOWS, max_size=2), tier=st.integers(1, 4))
def test_windows_of_either_kind_never_leave_more_than_no_policy_would(
    freezes: list[Any], windows: list[Any], tier: int
) -> None:
    assert _ruled(_policy(freezeWindows=freezes, changeWindows=windows), tier).tier >= tier
    assert _ruled(_policy(), tier).own == ()
