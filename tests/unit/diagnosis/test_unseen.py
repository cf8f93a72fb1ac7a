"""Failures described before any rule was looked at: the first answer names an accepted object and the cause."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from copilot.model import Verdict
from tests.unit.diagnosis import (
    unseen_ai,
    unseen_apps,
    unseen_batch,
    unseen_certificates,
    unseen_languages,
    unseen_more,
    unseen_network,
    unseen_objects,
    unseen_routes,
    unseen_start,
    unseen_stores,
)
from tests.unit.diagnosis.judging import FIRM, answer_to, ask, first_answer_is_right
from tests.unit.diagnosis.unseen import QUIET, SITUATIONS, Case, Situation

_ = (
    unseen_ai,
    unseen_apps,
    unseen_batch,
    unseen_certificates,
    unseen_languages,
    unseen_more,
    unseen_network,
    unseen_objects,
    unseen_routes,
    unseen_start,
    unseen_stores,
)  # importing them declares their situations


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_the_first_answer_is_the_cause_of_an_unseen_failure(situation: Situation) -> None:
    assert first_answer_is_right(answer_to(situation), situation) == ""


@pytest.mark.parametrize(("name", "build"), QUIET, ids=[name for name, _ in QUIET])
def test_nothing_is_blamed_where_nothing_is_wrong(name: str, build: Callable[[], Case]) -> None:
    answer = ask(build())
    assert [(cause.cause, cause.title) for cause in answer.root_causes if cause.confidence >= FIRM] == []
    assert answer.verdict is not Verdict.FAULT
