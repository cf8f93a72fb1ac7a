"""Failures of admission, scheduling and nodes, described before a rule was read: object and cause, and silence on health."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from copilot.model import Diagnosis, Verdict
from tests.unit.diagnosis import (
    blind_admission,
    blind_admission_more,
    blind_nodes,
    blind_nodes_gpu,
    blind_nodes_more,
    blind_scheduling,
    blind_scheduling_more,
    blind_scheduling_queues,
)
from tests.unit.diagnosis.blind_c1 import FAILURES, HEALTHY
from tests.unit.diagnosis.judging import FIRM, ask
from tests.unit.diagnosis.unseen import Case, Situation, fits

_ = (
    blind_admission,
    blind_admission_more,
    blind_nodes,
    blind_nodes_gpu,
    blind_nodes_more,
    blind_scheduling,
    blind_scheduling_more,
    blind_scheduling_queues,
)  # importing them declares their situations


def what_is_wrong(answer: Diagnosis, situation: Situation) -> str:
    """Empty when the first answer names an accepted object and the cause, firmly."""
    if not answer.root_causes:
        return f"silent; symptoms: {[symptom.text for symptom in answer.symptoms]}"
    first = answer.root_causes[0]
    told = f"{first.confidence} {first.cause} on {first.object}: {first.title}"
    if not fits(first.object, situation.objects):
        return f"wrong object: {told}"
    if not any(word in f"{first.title} {first.cause}".lower() for word in situation.words):
        return f"wrong cause: {told}"
    return "" if first.confidence >= FIRM else f"not firm: {told}"


@pytest.mark.parametrize("situation", FAILURES, ids=str)
def test_the_first_answer_to_a_blind_failure_is_its_cause(situation: Situation) -> None:
    assert what_is_wrong(ask(situation.build()), situation) == ""


@pytest.mark.parametrize(("name", "build"), HEALTHY, ids=[name for name, _ in HEALTHY])
def test_a_blind_healthy_cluster_blames_nobody(name: str, build: Callable[[], Case]) -> None:
    answer = ask(build())
    assert [(cause.cause, cause.title) for cause in answer.root_causes if cause.confidence >= FIRM] == []
    assert answer.verdict is not Verdict.FAULT
