"""What real kubectls of ten minors sent for 4,000 commands is what the grammar foretold. Recorded by the long run."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from guardrails.kubectl.commands import ChangeCommand, ReadCommand
from guardrails.kubectl.grammar import grammar
from tests.live.kubectl_oracle.runs import accepted, unforetold
from tests.unit.kubectl.effects import says_the_same

pytestmark = pytest.mark.proof

VECTORS = Path(__file__).with_name("vectors.jsonl.gz")


@lru_cache(maxsize=1)
def _vectors() -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(VECTORS.read_bytes()).decode().splitlines()]


def _requests(vector: dict[str, Any]) -> list[tuple[str, str]]:
    return [(request[0], request[1]) for request in vector["r"]]


def test_there_are_enough_vectors_of_every_minor_of_the_grammar() -> None:
    minors = Counter(vector["k"] for vector in _vectors())
    assert len(_vectors()) >= 3000
    assert set(minors) == set(grammar().minors)
    assert min(minors.values()) >= 200


def test_every_recorded_command_is_still_accepted() -> None:
    assert [vector["a"] for vector in _vectors() if accepted(vector["a"]) is None] == []


def test_no_kubectl_sent_a_request_that_was_not_foretold() -> None:
    missed = []
    for vector in _vectors():
        command = accepted(vector["a"])
        assert command is not None
        if wrong := unforetold(command, _requests(vector)):
            missed.append((vector["k"], vector["a"], wrong))
    assert missed == []


def test_no_read_made_any_kubectl_write_or_touch_a_secret() -> None:
    for vector in _vectors():
        for method, path in _requests(vector):
            assert "secrets" not in path.split("/")
            if isinstance(accepted(vector["a"]), ReadCommand):
                assert method == "GET" or path.endswith(("reviews", "selfsubjectreviews")), vector


def test_what_kubectl_wrote_is_what_the_typed_change_says() -> None:
    compared, wrong = 0, []
    for vector in _vectors():
        command = accepted(vector["a"])
        if not isinstance(command, ChangeCommand) or command.verb == "patch":
            continue  # a patch is its own body; how it is read is tested by itself
        for method, path, *bodies in vector["r"]:
            if method != "GET" and bodies and bodies[0].startswith("{"):  # newer kubectls create in protobuf
                compared += 1
                if not says_the_same(command.intent, path, json.loads(bodies[0])):
                    wrong.append((vector["k"], vector["a"], method, path, bodies[0]))
    assert compared > 500
    assert wrong == []
