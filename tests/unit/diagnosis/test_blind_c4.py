"""Failures of speed, logs, programs and configuration, described before the rules were read: the first answer is right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from copilot.diagnosis import diagnose
from copilot.model import Diagnosis, Verdict
from retrievers.graph import build_graph
from tests.unit.diagnosis import (
    blind_apps1,
    blind_apps2,
    blind_apps_models,
    blind_chaos,
    blind_chaos2,
    blind_performance,
)
from tests.unit.diagnosis.blind_shop import QUIET, SITUATIONS
from tests.unit.diagnosis.unseen import Case, Situation, fits

_ = (blind_apps1, blind_apps2, blind_apps_models, blind_chaos, blind_chaos2, blind_performance)  # importing declares
FIRM = 0.5
TWINS = [(situation.name, situation.twin) for situation in SITUATIONS if situation.twin]


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
def test_the_first_answer_is_the_cause_of_a_fault_in_a_shop(situation: Situation) -> None:
    assert first_answer_is_right(ask(situation.build()), situation) == ""


@pytest.mark.parametrize(("name", "build"), [*QUIET, *TWINS], ids=lambda value: value if isinstance(value, str) else "")
def test_nothing_is_blamed_in_a_shop_that_works(name: str, build: Callable[[], Case]) -> None:
    answer = ask(build())
    assert [(cause.cause, cause.title) for cause in answer.root_causes if cause.confidence >= FIRM] == []
    assert answer.verdict is not Verdict.FAULT
