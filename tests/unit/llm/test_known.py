"""What a probe found is kept and used: the mode that works, said in one sentence, without asking again and without a refusal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from copilot.cli.main import main
from copilot.llm import Endpoint, Mode, Secret
from copilot.llm.known import FILE, KEPT, LEAST_CONTEXT, MOST, Known, KnownModels, adapted
from copilot.llm.scripted import faithful
from copilot.llm.transcript import Fault, Turn
from evals.case import RECORDINGS
from tests.model_server import ModelServer

NOW = datetime(2026, 1, 8, tzinfo=UTC)
HERE = Endpoint("http://127.0.0.1:1/v1", "m")
QUESTION = ["ask", "why is checkout down?", "--from", str(RECORDINGS / "shop-down")]


def test_a_finding_is_of_one_model_at_one_endpoint(tmp_path):
    known = KnownModels(tmp_path)
    known.keep(HERE, Known(NOW, tools=False))
    assert known.find(HERE, NOW) == Known(NOW, tools=False)
    assert known.find(Endpoint(HERE.url, "other"), NOW) is None
    assert known.find(Endpoint("http://127.0.0.1:2/v1", "m"), NOW) is None


def test_a_finding_is_forgotten_after_a_week_and_one_of_the_future_is_not_believed(tmp_path):
    known = KnownModels(tmp_path)
    known.keep(HERE, Known(NOW))
    assert known.find(HERE, NOW + KEPT) is None
    assert known.find(HERE, NOW - timedelta(seconds=1)) is None


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"x": 3}', b'{"x": {"at": "2026-01-01T00:00:00"}}', b"\xff" * 99, b"[" * 99_999])  # fmt: skip
def test_a_damaged_file_is_no_finding_and_is_written_anew(tmp_path, raw):
    (tmp_path / FILE).write_bytes(raw)
    known = KnownModels(tmp_path)
    assert known.find(HERE, NOW) is None
    known.keep(HERE, Known(NOW))
    assert known.find(HERE, NOW) is not None


def test_the_file_is_its_owners_holds_no_key_and_stays_small(tmp_path):
    known = KnownModels(tmp_path)
    for number in range(MOST + 3):
        known.keep(Endpoint(HERE.url, f"m{number}", Secret("k-123")), Known(NOW + timedelta(seconds=number)))
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    raw = (tmp_path / FILE).read_text()
    assert "k-123" not in raw
    assert len(json.loads(raw)) == MOST
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_folder_that_cannot_be_written_costs_a_finding_and_nothing_else(tmp_path):
    (tmp_path / "file").write_text("")
    KnownModels(tmp_path / "file").keep(HERE, Known(NOW))
    assert KnownModels(tmp_path / "file").find(HERE, NOW) is None


@pytest.mark.parametrize(
    ("given", "known", "mode", "words"),
    [
        ({}, None, Mode.AUTO, ""),
        ({}, Known(NOW, tools=True, context=32_000), Mode.AUTO, ""),
        ({}, Known(NOW, tools=None), Mode.AUTO, ""),
        ({}, Known(NOW, tools=False), Mode.GUIDED, "m takes no tool calls at 127.0.0.1:1"),
        ({}, Known(NOW, tools=True, context=4096), Mode.GUIDED, "m reads only 4,096 tokens"),
        ({"context": 4096}, None, Mode.GUIDED, "m reads only 4,096 tokens"),
        ({"context": 16_000}, Known(NOW, tools=True, context=4096), Mode.AUTO, ""),
        ({"mode": Mode.TOOLS}, Known(NOW, tools=False, context=900), Mode.TOOLS, ""),
        ({"mode": Mode.GUIDED}, Known(NOW, tools=False), Mode.GUIDED, ""),
        ({}, Known(NOW, tools=True, context=LEAST_CONTEXT - 1), None, "the program answers by itself"),
        ({"mode": Mode.GUIDED}, Known(NOW, context=900), None, "the program answers by itself"),
    ],
)
def test_the_mode_that_works_is_used_and_what_the_user_set_stands(given, known, mode, words):
    endpoint, sentence = adapted(Endpoint(HERE.url, "m", **given), known)
    assert (endpoint.mode if endpoint is not None else None) is mode
    assert words in sentence
    assert bool(words) is bool(sentence)


def test_a_known_context_is_the_room_that_a_prompt_has():
    endpoint, _ = adapted(HERE, Known(NOW, tools=True, context=32_000))
    assert endpoint is not None
    assert endpoint.context == 32_000


@pytest.fixture
def setup(monkeypatch, tmp_path):
    def point_at(server: ModelServer) -> None:
        monkeypatch.setenv("COPILOT_MODEL_URL", server.url)
        monkeypatch.setenv("COPILOT_MODEL", "scripted")
        monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path))

    return point_at


@pytest.mark.proof
def test_a_probed_model_without_tools_is_asked_guided_at_once_and_it_is_said_in_one_sentence(setup, capsys):
    with ModelServer(faithful, tools=False) as server:
        setup(server)
        assert main(["models"]) == 0
        server.requests.clear()
        capsys.readouterr()
        assert main(QUESTION) == 0
        asked = list(server.requests)
    told = capsys.readouterr()
    assert asked
    assert not [one for one in asked if "tools" in one]
    assert told.err.startswith("note: scripted takes no tool calls at 127.0.0.1:")
    assert told.err.count("\n") == 1
    assert "scaled to zero" in told.out


def test_a_probed_model_with_too_short_a_context_is_not_asked_at_all(setup, capsys):
    with ModelServer(faithful, context=1024) as server:
        setup(server)
        assert main(["models"]) == 0
        server.requests.clear()
        capsys.readouterr()
        assert main(QUESTION) == 0
        told = capsys.readouterr()
        assert main([*QUESTION, "--show-prompt"]) == 0
        assert not server.requests
    assert told.err == "note: scripted reads only 1,024 tokens, too few for evidence: the program answers by itself.\n"
    assert "Deployment shop/checkout" in told.out


def test_an_endpoint_that_refuses_tools_is_asked_with_them_once_and_remembered(setup, capsys):
    def no_tools(request):
        return Turn(fault=Fault.REFUSED) if "tools" in request else faithful(request)

    with ModelServer(no_tools) as server:
        setup(server)
        assert main(QUESTION) == 0
        assert sum("tools" in one for one in server.requests) == 1
        assert "takes no tools" in capsys.readouterr().out
        assert main([*QUESTION[:1], "why is payments down?", *QUESTION[2:]]) == 0
        assert sum("tools" in one for one in server.requests) == 1
    assert "takes no tool calls" in capsys.readouterr().err


def test_a_model_that_could_not_be_probed_leaves_no_finding(setup, tmp_path):
    with ModelServer(faithful, key="right") as server:
        setup(server)
        assert main(["models"]) == 69
    assert not (tmp_path / FILE).exists()
