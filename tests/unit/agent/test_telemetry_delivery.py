"""Telemetry off by default and delivered over OTLP when asked for; a collector that is dead or silent costs an answer nothing."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from copilot.agent.telemetry import Telemetry
from copilot.agent.telemetry.opening import open_telemetry
from copilot.cli.main import main
from copilot.llm.scripted import faithful
from copilot.model import CopilotError
from copilot.settings import load_settings
from evals.case import RECORDINGS
from tests.loopback import LoopbackServer
from tests.model_server import ModelServer
from tests.unit.architecture.test_imports import ROOT

pytestmark = pytest.mark.proof

QUESTION = ["ask", "why is checkout down?", "--from", str(RECORDINGS / "shop-down")]


class Collector:
    """An OTLP/HTTP collector on loopback: what it was sent, by path."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[bytes]] = {}
        kept = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                kept.setdefault(self.path, []).append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = LoopbackServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def collector(monkeypatch) -> Iterator[Collector]:
    opened = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", opened.url)
    yield opened
    opened.server.shutdown()
    opened.server.server_close()


@pytest.fixture
def model(monkeypatch, tmp_path) -> Iterator[ModelServer]:
    with ModelServer(faithful) as server:
        monkeypatch.setenv("COPILOT_MODEL_URL", server.url)
        monkeypatch.setenv("COPILOT_MODEL", "scripted")
        monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path))
        yield server


def loaded(*more: str) -> set[str]:
    """The modules of a process that asked."""
    code = (
        "import sys, json\nfrom copilot.cli.main import main\n"
        f"code = main({[*QUESTION, *more]!r})\n"
        "sys.stderr.write('\\n' + json.dumps([code, sorted(sys.modules)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    found = json.loads(done.stderr.splitlines()[-1])
    assert found[0] == 0
    return set(found[1])


def test_by_default_no_part_of_opentelemetry_is_loaded_for_an_answer_of_the_reader(collector, model):
    assert not [name for name in loaded("--no-model") if name.startswith("opentelemetry")]


def test_by_default_nothing_is_told_of_an_answer_of_a_model_and_no_exporter_is_loaded(collector, model):
    names = loaded()
    assert "langchain" in names  # which loads parts of the API itself, of its own accord
    assert not [name for name in names if name.startswith(("opentelemetry.exporter", "opentelemetry.sdk._logs", "copilot.agent.telemetry.otel", "copilot.agent.telemetry.delivery"))]  # fmt: skip
    assert model.requests
    assert not collector.bodies


def test_the_default_telemetry_tells_nobody():
    assert type(open_telemetry(load_settings({}))) is Telemetry


def test_all_three_signals_reach_the_collector_before_the_command_ends(collector, model, monkeypatch, capsys):
    monkeypatch.setenv("COPILOT_OTEL", "1")
    assert main(QUESTION) == 0
    assert set(collector.bodies) == {"/v1/traces", "/v1/metrics", "/v1/logs"}
    sent = b"".join(body for bodies in collector.bodies.values() for body in bodies)
    assert b"gen_ai.client.token.usage" in sent
    assert b"copilot.turn.answered" in sent
    assert b"checkout" not in sent
    assert "telemetry" not in capsys.readouterr().err.lower()


def test_an_answer_of_the_reader_is_told_too(collector, monkeypatch, tmp_path):
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COPILOT_OTEL", "1")
    assert main([*QUESTION, "--no-model"]) == 0
    assert b"reader" in b"".join(collector.bodies["/v1/logs"])


def test_an_answer_that_was_given_before_asks_no_model_and_is_told_as_such(collector, model, monkeypatch, capsys):
    monkeypatch.setenv("COPILOT_OTEL", "1")
    assert main(QUESTION) == 0
    asked = len(model.requests)
    assert main(QUESTION) == 0
    assert len(model.requests) == asked
    assert "Answered before from the same evidence." in capsys.readouterr().out
    assert b"cache" in collector.bodies["/v1/logs"][-1]


def test_a_dead_collector_changes_no_answer_and_is_one_sentence(model, monkeypatch, capsys):
    assert main(QUESTION) == 0
    plain = capsys.readouterr()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
        monkeypatch.setenv("COPILOT_OTEL", "1")
        assert main([*QUESTION, "--no-model"]) == 0
        told = capsys.readouterr()
        assert main(QUESTION) == 0
    assert "Deployment shop/checkout" in plain.out
    assert told.err == "note: Telemetry could not be delivered; check OTEL_EXPORTER_OTLP_ENDPOINT. The answers are not affected.\n"  # fmt: skip
    again = capsys.readouterr()
    assert again.out.split("scripted:")[0] == plain.out.split("scripted:")[0]


def test_nothing_waits_for_a_collector_that_never_answers(model, monkeypatch, capsys):
    """Its own patience is set to an hour, so that this would not end if anything waited for it."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3600")
        monkeypatch.setenv("OTEL_METRIC_EXPORT_TIMEOUT", "3600000")
        monkeypatch.setenv("COPILOT_OTEL", "1")
        assert "langchain" in loaded()  # a process of its own: its end waits for nobody either
        assert main(QUESTION) == 0
    assert "could not be delivered" in capsys.readouterr().err


def test_the_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CopilotError) as caught:
        open_telemetry(load_settings({"COPILOT_OTEL": "1"}))
    assert "cluster-copilot[otel]" in caught.value.hint


def test_the_users_name_for_the_service_is_kept_and_the_command_line_is_not_told(monkeypatch):
    from copilot.agent.telemetry.delivery import _resource

    assert _resource(content=False).attributes["service.name"] == "cluster-copilot"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "ops-copilot")
    monkeypatch.setenv("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "process")
    attributes = _resource(content=False).attributes
    assert attributes["service.name"] == "ops-copilot"
    assert not [key for key in attributes if key.startswith("process.command")]
