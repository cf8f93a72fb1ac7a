"""One value, one byte string."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.canonical import canonical_json, digest
from guardrails.plan import Plan, plan_of
from tests.unit.guardrails.plans import COMPUTED, make_plan, scale_step

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def _shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shuffled(value[key]) for key in reversed(list(value))}
    return [_shuffled(each) for each in value] if isinstance(value, list) else value


@given(_JSON)
def test_the_order_of_keys_does_not_change_the_bytes(value: Any) -> None:
    assert canonical_json(value) == canonical_json(_shuffled(value))


@given(_JSON, _JSON)
def test_different_values_have_different_bytes(one: Any, two: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)
    assert (canonical_json(one) == canonical_json(two)) is same


@given(_JSON)
def test_the_bytes_are_ascii_and_read_back_as_the_value(value: Any) -> None:
    assert json.loads(canonical_json(value).decode("ascii")) == value


@pytest.mark.parametrize("value", [1.5, {"a": [0.1]}, float("nan")])
def test_a_float_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="float"):
        canonical_json(value)


def test_a_key_that_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="key"):
        canonical_json({1: "a"})


def test_a_plan_read_back_from_its_json_has_the_same_digest() -> None:
    plan = make_plan()
    assert plan_of(canonical_json(plan)).digest == plan.digest
    assert plan_of(msgspec.to_builtins(plan)) == plan


def test_the_digest_of_a_known_plan_never_changes() -> None:
    # A new digest for an old plan would void every approval in the field: change SCHEMA with it.
    assert make_plan().digest == "94131cd09980a971d25094448e7af90490f27dffbd561f514fb0e5b8f4f79009"


@pytest.mark.parametrize(
    "other",
    [
        make_plan(id="0123456789ac"),
        make_plan(steps=(scale_step(2, 4),)),
        make_plan(rollback=()),
        make_plan(expires="2026-03-01T12:16:00Z"),
        make_plan(computed=msgspec.structs.replace(COMPUTED, not_checked=("x",))),
    ],
)
def test_every_part_of_a_plan_is_in_its_digest(other: Plan) -> None:
    assert digest(other) != make_plan().digest
