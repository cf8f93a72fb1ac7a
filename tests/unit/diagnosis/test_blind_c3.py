"""Described failures of routing, rollouts and custom resources: the first answer names an accepted object and the cause."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from copilot.model import Verdict
from tests.unit.diagnosis import (
    blind_custom,
    blind_custom_ai,
    blind_custom_next,
    blind_rollouts,
    blind_rollouts_limits,
    blind_rollouts_next,
    blind_routing,
    blind_routing_mesh,
    blind_routing_next,
)
from tests.unit.diagnosis.blind_c3 import BLIND, CALM
from tests.unit.diagnosis.judging import FIRM, answer_to, ask, first_answer_is_right
from tests.unit.diagnosis.unseen import Case, Situation

_ = (
    blind_custom,
    blind_custom_ai,
    blind_custom_next,
    blind_rollouts,
    blind_rollouts_limits,
    blind_rollouts_next,
    blind_routing,
    blind_routing_mesh,
    blind_routing_next,
)  # importing them declares their situations


@pytest.mark.parametrize("situation", BLIND, ids=str)
def test_the_first_answer_is_the_cause_of_a_blind_failure(situation: Situation) -> None:
    assert first_answer_is_right(answer_to(situation), situation) == ""


@pytest.mark.parametrize(("name", "build"), CALM, ids=[name for name, _ in CALM])
def test_nothing_is_blamed_where_all_is_calm(name: str, build: Callable[[], Case]) -> None:
    answer = ask(build())
    assert [(cause.cause, cause.title) for cause in answer.root_causes if cause.confidence >= FIRM] == []
    assert answer.verdict is not Verdict.FAULT
