"""A live model's conversation is recorded turn by turn, faults too, and replays to the same answer."""

from __future__ import annotations

import pytest

from copilot.cli.main import main
from copilot.llm.scripted import faithful, play
from copilot.llm.transcript import Fault, Turn, call, read_transcript
from evals.case import RECORDINGS
from tests.model_recorder import Recorder
from tests.model_server import ModelServer

QUESTION = ["ask", "why is checkout down?", "--from", str(RECORDINGS / "shop-down"), "--model", "live"]


def asked(server, monkeypatch, capsys, folder):
    monkeypatch.setenv("COPILOT_MODEL_URL", server.url)
    monkeypatch.setenv("COPILOT_DATA_DIR", str(folder))
    assert main(QUESTION) == 0
    return capsys.readouterr().out


@pytest.mark.proof
def test_what_was_recorded_replays_to_the_same_answer(monkeypatch, capsys, tmp_path):
    file = tmp_path / "out.jsonl"
    turns = iter([Turn(calls=(call("events"),), tokens_in=7, tokens_out=3)])
    with ModelServer(lambda request: next(turns, None) or faithful(request), key="k-123") as live:
        recorder = Recorder(live.url, file, "k-123")
        with ModelServer(recorder) as between:
            first = asked(between, monkeypatch, capsys, tmp_path / "a")
        recorder.close()
    written = read_transcript(file)
    assert written.model == "live"
    assert written.turns[0] == Turn(calls=(call("events"),), tokens_in=7, tokens_out=3)
    assert "scaled to zero" in written.turns[-1].say
    assert "k-123" not in file.read_text()
    with ModelServer(play(written.turns)) as replayed:
        assert asked(replayed, monkeypatch, capsys, tmp_path / "b") == first


@pytest.mark.parametrize("fault", [one for one in Fault if one not in (Fault.NONE, Fault.SILENCE, Fault.DISCONNECT)])
def test_a_fault_of_the_live_one_is_recorded_and_handed_on(tmp_path, fault):
    with ModelServer(lambda _: Turn(fault=fault)) as live:
        recorder = Recorder(live.url, tmp_path / "out.jsonl")
        assert (
            recorder({"model": "m", "messages": [{"role": "user", "content": "hello"}], "stream": True}).fault is fault
        )
        recorder.close()
    assert read_transcript(tmp_path / "out.jsonl").turns == (Turn(fault=fault),)


def test_an_endpoint_that_is_not_there_is_a_turn_that_breaks_off(tmp_path):
    recorder = Recorder("http://127.0.0.1:1/v1", tmp_path / "out.jsonl")
    assert recorder({"model": "m", "messages": []}).fault is Fault.DISCONNECT
    recorder.close()
