"""Failures described before any rule was looked at: the first answer names an accepted object and the cause."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from copilot.diagnosis import diagnose
from copilot.model import Diagnosis, Verdict
from retrievers.graph import build_graph
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
from tests.unit.diagnosis.unseen import QUIET, SITUATIONS, Case, Situation, fits

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
FIRM = 0.5


def ask(cluster: Case) -> Diagnosis:
    return diagnose(build_graph(cluster.snapshot()))


def first_answer_is_right(answer: Diagnosis, situation: Situation) -> str:
    """Empty when right, else what is wrong."""
    if not answer.root_causes:
        return f"no answer; symptoms: {[symptom.text for symptom in answer.symptoms]}"
    first = answer.root_causes[0]
    said = f"{first.title} {first.cause}".lower()
    told = f"{first.confidence} {first.cause} on {first.object}: {first.title}"
    if not fits(first.object, situation.objects):
        return f"wrong object: {told}"
    if not any(word in said for word in situation.words):
        return f"wrong cause: {told}"
    if not any(first.cause.startswith(family) for family in situation.family.split("|")):
        return f"wrong family: {told}"
    return "" if first.confidence >= FIRM else f"not sure enough: {told}"


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_the_first_answer_is_the_cause_of_an_unseen_failure(situation: Situation) -> None:
    assert first_answer_is_right(ask(situation.build()), situation) == ""


@pytest.mark.parametrize(("name", "build"), QUIET, ids=[name for name, _ in QUIET])
def test_nothing_is_blamed_where_nothing_is_wrong(name: str, build: Callable[[], Case]) -> None:
    answer = ask(build())
    assert [(cause.cause, cause.title) for cause in answer.root_causes if cause.confidence >= FIRM] == []
    assert answer.verdict is not Verdict.FAULT
