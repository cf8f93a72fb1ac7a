"""The kept first answers are judged as they were given, and the diagram is made of nothing but them."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import msgspec
import pytest

from benches.reliability import FIRST_RUN, First, Kept, brier, draw, fitted, halves, scaled
from copilot.diagnosis.confidence import CERTAIN, LEAST, confidence_of

KEPT = msgspec.json.decode(FIRST_RUN.read_bytes(), type=Kept)


def test_the_newest_first_answers_are_believable() -> None:
    newest = KEPT.runs[-1]
    assert len(newest.answers) >= 100
    assert brier(newest.answers) <= 0.12


def test_no_scale_would_make_the_held_out_half_clearly_better() -> None:
    mine, held = halves(KEPT.runs[-1].answers)
    assert set(mine).isdisjoint(held)
    assert brier(held) - brier(held, fitted(mine)) < 0.005


def test_a_scale_leaves_what_is_below_even_odds() -> None:
    answers = [First("a", 0.4, right=False), First("b", 0.9, right=True)]
    assert scaled(answers, 0.5) == [(0.4, False), (0.7, True)]


@pytest.mark.parametrize(
    ("weight", "doubts", "printed"), [(0.9, 0, 0.9), (0.9, 2, 0.76), (1.5, 0, CERTAIN), (0.1, 5, LEAST)]
)
def test_each_doubt_costs_and_nothing_is_certain(weight: float, doubts: int, printed: float) -> None:
    assert confidence_of(weight, doubts) == printed


def test_the_diagram_is_well_formed_and_names_each_series() -> None:
    text = draw([("a < b", "#000000", [(0.9, True), (0.95, False)]), ("none", "#111111", [])])
    assert ET.fromstring(text).tag.endswith("svg")
    assert "a &lt; b: 2 answers" in text
