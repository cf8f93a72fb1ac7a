"""The invariants of guarded changes (safety design, I1 to I14) over histories made up by hypothesis and point by point."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from copilot.changing.history import find_record
from tests.deep import DEEP
from tests.direct_api import Weather
from tests.small_api import deployment
from tests.unit.safety.histories import DoorHistory, Hand, play
from tests.unit.safety.points import POINT_WORDS, agreed_and_done, asked, carried_out, noted, points, struck
from tests.unit.safety.world import World, kubeconfig_folder

pytestmark = pytest.mark.proof

HAND, DOOR, POINTS = (7_000, 3_000, 10**6) if DEEP else (340, 100, 60)


def test_there_are_at_least_five_hundred_histories() -> None:
    histories = HAND + DOOR + POINTS
    assert histories >= (10_000 if DEEP else 500)


def test_no_history_of_people_forgers_and_faults_breaks_an_invariant_at_the_gate() -> None:
    assert play(Hand, HAND, 14) >= HAND
    assert Hand.effects >= HAND / 10


def test_no_history_from_words_to_outcome_breaks_an_invariant() -> None:
    assert play(DoorHistory, DOOR, 5) >= DOOR
    assert DoorHistory.effects >= DOOR / 10


def test_bad_weather_at_any_point_of_a_change_leaves_nothing_unrecorded_or_doubled() -> None:
    known = [(point, weather) for words in POINT_WORDS for point in points(words) for weather in Weather]
    chosen = known if len(known) <= POINTS else random.Random(5).sample(known, POINTS)
    told = {point: struck(point[0], weather, point[2], writes=point[1])[1] for point, weather in chosen}
    # Of a request that came twice the server tells only the second answer: it is not done twice, and on record as refused.
    wrong = {
        point: each for point, each in told.items() if [one for one in each if "had an effect, on record" not in one]
    }
    assert wrong == {}
    lied = [weather for (point, weather) in chosen if told[point] and weather is not Weather.TWICE]
    assert lied == []


@pytest.mark.parametrize("words", ["scale web to 3", "label deploy/web note=x", "set image deploy/web app=nginx:2",
                                   "pause web", "cordon n1", "set env deploy/web MODE=b"])  # fmt: skip
def test_undo_brings_back_what_was_there_before(words: str, tmp_path: Path) -> None:
    """I13."""
    body = deployment()
    body["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "MODE", "value": "a"}]
    world = World(tmp_path, kubeconfig_folder(), body)
    path = "/api/v1/nodes/n1" if words == "cordon n1" else "/apis/apps/v1/namespaces/shop/deployments/web"
    before = _normal(world, path)
    plan = carried_out(world, words)
    assert _normal(world, path) != before
    agreed_and_done(world, noted(world, world.desk.plan_undo(find_record(world.journal, plan.id))))
    assert _normal(world, path) == before
    assert world.problems() == []


def _normal(world: World, path: str) -> tuple[object, object]:
    """The object without what the server keeps count of; absent, empty and default values are the same."""
    body = msgspec.json.decode(msgspec.json.encode(world.api.objects[path]))
    spec = {key: value for key, value in body["spec"].items() if value not in (None, False, {}, [])}
    return spec, body["metadata"].get("labels") or {}


def test_the_witness_objects_to_a_write_without_a_plan(tmp_path: Path) -> None:
    world = World(tmp_path, kubeconfig_folder())
    plan = asked(world, "scale web to 3")
    for agent in ("curl/8", f"x/0 plan/{plan.id[:8]} step/1", "x/0 plan/ffffffff step/1"):
        world.executor._wire.send(plan.steps[0].request, agent)
    said = " ".join(world.broken)
    assert "names no plan" in said
    assert "0 intents" in said
    assert "0 approvals used up" in said
    assert "not on record" in said


def test_the_witness_objects_to_a_read_of_a_secret(tmp_path: Path) -> None:
    world = World(tmp_path, kubeconfig_folder())
    world.desk.reader.get("/api/v1/namespaces/shop/secrets/db")
    assert world.problems() == ["I10: GET /api/v1/namespaces/shop/secrets/db"]
