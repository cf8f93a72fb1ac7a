"""Fields before and after: what leads there leads back, and nothing else is touched."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.errors import IntentError
from guardrails.operations.args import Edit
from guardrails.operations.edits import (
    applied,
    edit_at,
    edits_between,
    json_text,
    old_values_tested,
    operations,
    pointer_of,
    steps_of,
    turned_round,
    value_at,
)

_KEYS = st.text("ab/~0", min_size=1, max_size=3)
_LEAVES = st.integers(-9, 9) | st.booleans() | st.text(max_size=3)
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=12,
)
_BODIES = st.dictionaries(_KEYS, _VALUES, max_size=4)


@given(_BODIES, _BODIES)
def test_the_edits_between_two_bodies_make_the_one_of_the_other_and_turned_round_lead_back(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    edits = edits_between(before, after, "")
    assert json_text(applied(before, edits)) == json_text(after)
    assert json_text(applied(after, turned_round(edits))) == json_text(before)


@given(_BODIES, _BODIES)
def test_every_test_of_an_old_value_holds_on_the_body_that_the_edits_were_made_from(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    for each in old_values_tested(edits_between(before, after, "")):
        assert json_text(value_at(before, each["path"])) == json_text(each["value"])


@given(st.lists(_KEYS, min_size=1, max_size=4))
def test_a_pointer_reads_back_as_its_keys(keys: list[str]) -> None:
    assert list(steps_of(pointer_of(*keys))) == keys


@given(_BODIES, st.lists(_KEYS, min_size=1, max_size=3), _LEAVES)
def test_a_field_whose_parents_are_missing_is_added_with_them_and_taken_away_with_them(
    body: dict[str, Any], keys: list[str], value: Any
) -> None:
    pointer = pointer_of(*keys)
    try:
        edit = edit_at(body, pointer, json_text(value))
    except IntentError:
        return
    changed = applied(body, (edit,))
    assert json_text(value_at(changed, pointer)) == json_text(value)
    assert json_text(applied(changed, turned_round((edit,)))) == json_text(body)


def test_a_copy_is_changed_and_never_the_body_itself() -> None:
    body = {"spec": {"list": [1, 2]}}
    before = copy.deepcopy(body)
    applied(body, (Edit("/spec/list/0", "1", "5"), Edit("/spec/new", "", "true")))
    assert body == before


def test_positions_in_a_list_are_inserted_and_closed() -> None:
    body = {"env": ["a", "b", "c"]}
    edits = (Edit("/env/1", '"b"', '"B"'), Edit("/env/3", "", '"d"'), Edit("/env/0", '"a"', ""))
    changed = applied(body, edits)
    assert changed == {"env": ["B", "c", "d"]}
    assert applied(changed, turned_round(edits)) == body


def test_an_edit_that_changes_nothing_sends_nothing() -> None:
    assert operations((Edit("/spec/paused", "", ""), Edit("/a", "1", "1"))) == []


@pytest.mark.parametrize("pointer", ["", "spec", "/spec/list/7/x", "/spec/number/x"])
def test_a_place_that_is_not_there_is_named(pointer: str) -> None:
    with pytest.raises(IntentError):
        edit_at({"spec": {"list": [1], "number": 3}}, pointer, "1")
