"""Objects of routing, rollouts and operators with fields of the wrong shape never stop a diagnosis."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.unit.diagnosis.blind_c3 import world
from tests.unit.diagnosis.judging import ask
from tests.unit.diagnosis.test_blind_c3 import BLIND
from tests.unit.diagnosis.unseen import Situation

pytestmark = pytest.mark.proof

GARBAGE: tuple[Any, ...] = (None, 0, -1, True, "", "\x00\x1b[2J", "x" * 5000, [], {}, [None, 1, "a", {"name": 3}], {"name": ["x"]}, 1e308)  # fmt: skip


def garble(value: Any, chance: random.Random, depth: int = 0) -> Any:
    """The same value with about one part in twelve replaced."""
    if depth and chance.random() < 0.08:
        return chance.choice(GARBAGE)
    if isinstance(value, dict):
        return {key: garble(part, chance, depth + 1) for key, part in value.items()}
    if isinstance(value, list):
        return [garble(part, chance, depth + 1) for part in value]
    return value


@pytest.mark.parametrize("situation", BLIND[::3], ids=str)
def test_garbled_objects_never_stop_a_diagnosis(situation: Situation) -> None:
    for seed in range(3):
        made, chance = situation.build(), random.Random(seed)
        for body, _ in made.bodies:
            for part in ("spec", "status", "data", "endpoints", "subsets", "ports"):
                if part in body:
                    body[part] = garble(body[part], chance)
        assert ask(made).verdict


def test_two_deployments_with_one_selector_are_told_as_a_notice() -> None:
    made = world()
    for name in ("blue", "green"):
        made.deployment(name, "shop", replicas=1, have=1, ready=1)
        made.bodies[-2][0]["spec"]["selector"] = {"matchLabels": {"app": "web"}}
    first = next(cause for cause in ask(made).root_causes if cause.cause == "deploy.selector_overlap")
    assert (str(first.object), first.confidence < 0.5) == ("Deployment shop/green", True)
