"""No object, however malformed, makes an answer fail: fields of any type, anywhere, are read as absent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.agent import Answered, Refused, answer_question
from copilot.model import Coverage, Reading, Resource, Snapshot
from copilot.model.resource import ref_of
from evals.questions_task import QUESTIONS, load_questions
from retrievers.graph import build_graph
from tests.unit.agent.asked import Desk
from tests.unit.agent.test_conditions import world
from tests.unit.agent.test_network_answers import shop
from tests.unit.agent.test_rights import rights

pytestmark = pytest.mark.proof

BODIES = [json.loads(json.dumps(body)) for make in (world, shop, rights) for body, _ in make().bodies]
PHRASES = sorted({one.question for one in load_questions(QUESTIONS)})
JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=12), st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2), st.just([{}]), st.just({"": {}}), st.just("\x00\x1b[31m"),
)  # fmt: skip


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at and at[0] not in ("apiVersion", "kind") and at != ("metadata",) else []
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*found, *(path for key, below in entries for path in paths(below, (*at, key)))]


def spoilt(body: dict[str, Any], path: tuple[Any, ...], junk: Any) -> dict[str, Any]:
    copy = json.loads(json.dumps(body))
    place: Any = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = junk
    return copy


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_every_question_ends_in_an_answer_whatever_the_objects_hold(data: st.DataObject) -> None:
    bodies = list(BODIES)
    for _ in range(data.draw(st.integers(1, 12))):
        i = data.draw(st.integers(0, len(bodies) - 1))
        choices = paths(bodies[i])
        if choices:
            bodies[i] = spoilt(bodies[i], data.draw(st.sampled_from(choices)), data.draw(JUNK))
    resources = tuple(Resource(ref=ref_of(body), body=body, source="test") for body in bodies)
    kinds = {resource.ref.kind for resource in resources}
    coverage = Coverage(readings=tuple(Reading(kind=kind) for kind in sorted(kinds)))
    desk = Desk(build_graph(Snapshot(cluster="odd", resources=resources, coverage=coverage)))
    for question in data.draw(st.lists(st.sampled_from(PHRASES), min_size=3, max_size=6)):
        *_, last = answer_question(desk, question)
        assert isinstance(last, (Answered, Refused))
