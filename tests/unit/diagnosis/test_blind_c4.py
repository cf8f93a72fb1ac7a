"""Failures of speed, logs, programs and configuration, described before the rules were read: the first answer is right."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from copilot.diagnosis import diagnose
from copilot.model import Diagnosis, Ref, Resource, Verdict
from retrievers.graph import build_graph
from tests.unit.diagnosis import (
    blind_apps1,
    blind_apps2,
    blind_apps3,
    blind_apps_models,
    blind_chaos,
    blind_chaos2,
    blind_performance,
    blind_performance2,
)
from tests.unit.diagnosis.blind_shop import QUIET, SITUATIONS
from tests.unit.diagnosis.judging import FIRM, answer_to, ask, first_answer_is_right, one_of
from tests.unit.diagnosis.unseen import Case, Situation

_ = (
    blind_apps1,
    blind_apps2,
    blind_apps3,
    blind_apps_models,
    blind_chaos,
    blind_chaos2,
    blind_performance,
    blind_performance2,
)  # importing declares
TWINS = [(situation.name, situation.twin) for situation in SITUATIONS if situation.twin]


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_the_first_answer_is_the_cause_of_a_fault_in_a_shop(situation: Situation) -> None:
    assert first_answer_is_right(answer_to(situation), situation) == ""


@pytest.mark.parametrize(("name", "build"), [*QUIET, *TWINS], ids=lambda value: value if isinstance(value, str) else "")
def test_nothing_is_blamed_in_a_shop_that_works(name: str, build: Callable[[], Case]) -> None:
    answer = ask(build())
    assert [(cause.cause, cause.title) for cause in answer.root_causes if cause.confidence >= FIRM] == []
    assert answer.verdict is not Verdict.FAULT


def first(answer: Diagnosis) -> tuple[str, Ref] | None:
    return (answer.root_causes[0].cause, answer.root_causes[0].object) if answer.root_causes else None


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_one_fault_is_one_firm_answer(situation: Situation) -> None:
    firm = [cause for cause in answer_to(situation).root_causes if cause.confidence >= FIRM]
    assert [(cause.cause, cause.title) for cause in firm[1:]] == []


@pytest.mark.parametrize("situation", one_of(4, SITUATIONS, "order"), ids=str)
def test_the_order_of_what_was_read_does_not_matter(situation: Situation) -> None:
    made = situation.build()
    plain = first(answer_to(situation))
    for mixed in (made.bodies, made.series, made.alerts, made.usage):
        random.Random(5).shuffle(mixed)
    assert first(ask(made)) == plain


@pytest.mark.parametrize("situation", one_of(4, SITUATIONS, "damaged"), ids=str)
def test_damaged_objects_and_measurements_never_crash_a_rule(situation: Situation) -> None:
    snapshot = situation.build().snapshot()
    for seed in range(3):
        rng = random.Random(seed)
        broken = tuple(
            Resource(ref=r.ref, body={**_damaged(r.body, rng), "metadata": r.body["metadata"]}, source=r.source)
            for r in snapshot.resources
        )
        cut = tuple(
            msgspec.structs.replace(one, points=one.points[: rng.choice([0, 1, 2, 3])], labels={k: rng.choice([v, "", "x\x00"]) for k, v in one.labels.items()})
            for one in snapshot.series
        )  # fmt: skip
        diagnose(build_graph(msgspec.structs.replace(snapshot, resources=broken, series=cut)))


def _damaged(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict):
        return {
            key: rng.choice([None, 7, "x", [], {}, [[1]], {"a": [None]}]) if rng.random() < 0.08 and key != "kind" else _damaged(item, rng)
            for key, item in value.items()
        }  # fmt: skip
    return [_damaged(item, rng) for item in value] if isinstance(value, list) else value
