"""What an endpoint can do is found out over HTTP; what it cannot, and why it does not answer, is said in one sentence."""

from __future__ import annotations

import json
import socket

import pytest

from copilot.llm import Endpoint, Mode, Secret
from copilot.llm.probe import probe
from copilot.llm.scripted import faithful, play
from copilot.llm.transcript import Fault, Turn
from tests.model_server import ModelServer


def endpoint(server: ModelServer, **more) -> Endpoint:
    return Endpoint(**{"url": server.url, "model": "scripted", "seconds": 5.0, **more})


def test_an_endpoint_that_can_do_all_is_used_with_tools():
    with ModelServer(faithful, context=40_000) as server:
        found = probe(endpoint(server))
    assert (found.answers, found.tools, found.json_schema, found.context) == (True, True, True, 40_000)
    assert found.mode is Mode.TOOLS
    assert not found.degradations


def test_what_an_endpoint_cannot_do_is_told_as_what_is_done_instead():
    with ModelServer(faithful, tools=False, json_schema=False, context=2048) as server:
        found = probe(endpoint(server))
    assert found.mode is Mode.GUIDED
    assert len(found.degradations) == 3


def test_a_wrong_key_is_told_as_such_and_never_repeated():
    with ModelServer(faithful, key="right") as server:
        found = probe(endpoint(server, key=Secret("wrong-key")))
    assert "refused the key" in found.trouble
    assert "wrong-key" not in repr(found)


def test_a_dead_endpoint_is_told():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found = probe(Endpoint(f"http://127.0.0.1:{free.getsockname()[1]}/v1", "m", seconds=2))
    assert "cannot be reached" in found.trouble


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.RATE_LIMITED, "no more requests"),
        (Fault.ERROR, "error of its own"),
        (Fault.GARBAGE, "OpenAI-compatible"),
        (Fault.NO_MODEL, "does not serve"),
    ],
)
def test_each_failure_has_its_sentence(fault, words):
    with ModelServer(play([Turn(fault=fault)])) as server:
        server.turn = lambda _: Turn(fault=fault)  # the probe's own questions fail too
        found = probe(endpoint(server))
    assert not found.answers
    assert words in found.trouble


def test_a_probe_sends_nothing_of_a_cluster():
    with ModelServer(faithful) as server:
        probe(endpoint(server))
        sent = json.dumps(server.requests)
    assert len(server.requests) == 3
    assert all(word in sent for word in ("17 + 25", "ready"))
