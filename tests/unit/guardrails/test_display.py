"""Text that cannot be seen is written out."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.display import visible


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("web", "web"),
        ("web\u202edeploy", "web\\u202edeploy"),
        ("a\u200bb", "a\\u200bb"),
        ("a\x1b[31mb", "a\\u001b[31mb"),
        ("a\rb\nc\td", "a\\u000db\\u000ac\\u0009d"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("a\u00a0b", "a\\u00a0b"),
        ("a\u3164b", "a\\u3164b"),
        ("Größe 3 → 4", "Größe 3 → 4"),
        ("\\u202e", "\\\\u202e"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_prints_nothing_is_written_as_its_code_point(raw: str, shown: str) -> None:
    assert visible(raw) == shown


@given(st.text(st.characters(exclude_categories=[])))
def test_nothing_invisible_is_ever_left(raw: str) -> None:
    shown = visible(raw)
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert "\n" not in shown


@given(st.text(), st.text())
def test_two_different_texts_never_look_the_same(one: str, two: str) -> None:
    assert (visible(one) == visible(two)) is (one == two)
