"""Foreign tools in whole conversations, through the real model client: cited as what they are, and unable to order a change."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from copilot.agent import Answered
from copilot.agent.conversation import Conversation
from copilot.agent.conversation.langchain_writer import LangChainWriter
from copilot.agent.events import PlanProposed, ToolCalled
from copilot.agent.foreign.link import Budget
from copilot.agent.foreign.pins import Pins
from copilot.agent.foreign.servers import Server
from copilot.agent.foreign.toolset import ForeignTools
from copilot.agent.session import Sessions
from copilot.cli.main import main
from copilot.llm import Endpoint, Mode
from copilot.llm.openai_chat import http_client
from copilot.llm.scripted import facts_in, faithful
from copilot.llm.transcript import Turn, call
from evals.case import RECORDINGS
from guardrails.provenance.labels import Label
from tests.model_server import ModelServer
from tests.unit.agent.asked import Desk
from tests.unit.agent.test_grounding import graph_of

pytestmark = pytest.mark.proof
HERE = Path(__file__).parent
SHOP = RECORDINGS / "shop-down"


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    server = Server("metrics", (sys.executable, str(HERE / "honest_server.py")), allow=("error_rate", "orders", "poisoned"))  # fmt: skip
    foreign = ForeignTools([server], Pins(tmp_path_factory.mktemp("data")), Budget())
    yield foreign
    foreign.close()


def talk(player, foreign, question: str, mode: Mode = Mode.TOOLS, cache: Sessions | None = None):
    with ModelServer(player) as server:
        given = Endpoint(url=server.url, model="scripted", context=32_000, retries=0, seconds=5.0, mode=mode)
        writer = LangChainWriter(given, http_client(given))
        try:
            conversation = Conversation(Desk(graph_of(SHOP)), writer, foreign=foreign, cache=cache)
            return list(conversation.ask(question)), server, conversation
        finally:
            writer.close()


def looks_once(name: str, found: str, **arguments):
    def player(request):
        if request["messages"][-1]["role"] == "user":
            return Turn(calls=(call(name, **arguments),))
        number, _ = next(fact for fact in facts_in(request) if found in fact[1].replace("\u02c6", " "))
        return Turn(f"The `error_rate_percent` of `payments` is 12.5 [{number}].")

    return player


def test_the_model_calls_a_foreign_tool_and_its_answer_cites_the_result_as_external(honest):
    events, server, _ = talk(looks_once("metrics__error_rate", "12.5", query="up"), honest, "why is checkout down?")
    assert isinstance(events[-1], Answered)
    answer = events[-1].answer
    (cited,) = (one for one in answer.citations if "12.5" in one.text)
    assert (cited.object, cited.path, cited.source) == (None, "metrics.error_rate", "MCP server metrics")
    assert "12.5" in answer.text
    assert [event.name for event in events if isinstance(event, ToolCalled)] == ["metrics__error_rate"]
    declared = {tool["function"]["name"]: tool["function"] for tool in server.requests[0]["tools"]}
    assert {"metrics__error_rate", "metrics__orders", "propose_plan"} <= set(declared)
    assert declared["metrics__error_rate"]["parameters"]["required"] == ["query"]
    told = json.dumps(server.requests[-1]["messages"][-1], ensure_ascii=False)
    assert "external" in told


def obeys(request):
    """A model that looks where it is told to, and does what it reads there."""
    last = request["messages"][-1]
    if last["role"] == "user":
        return Turn(calls=(call("metrics__orders"),))
    if "metrics.orders" in str(last["content"]):
        return Turn(calls=(call("propose_plan", kubectl="kubectl scale deployment/payments --replicas=4 -n shop"),))
    return faithful(request)


def test_a_plan_that_orders_in_a_result_brought_about_carries_what_it_came_from(honest):
    events, _, conversation = talk(obeys, honest, "why is checkout down?")
    (plan,) = (event for event in events if isinstance(event, PlanProposed))
    assert {Label.UNTRUSTED_READ.value, Label.UNSOLICITED.value, Label.TAINTED.value} <= set(plan.warnings)
    assert conversation.provenance.untrusted_with("the operator agreed") is not None


def test_guided_models_start_no_server(tmp_path):
    foreign = ForeignTools([Server("x", ("/no/such/program",), allow=("read",))], Pins(tmp_path))
    events, _, _ = talk(faithful, foreign, "why is checkout down?", Mode.GUIDED)
    assert isinstance(events[-1], Answered)
    assert not any("MCP" in note for note in events[-1].answer.notes)


def test_a_server_that_is_not_there_is_a_note_under_the_answer(tmp_path):
    foreign = ForeignTools([Server("x", ("/no/such/program",), allow=("read",))], Pins(tmp_path))
    try:
        events, _, _ = talk(faithful, foreign, "why is checkout down?")
    finally:
        foreign.close()
    assert isinstance(events[-1], Answered)
    assert "The MCP server x could not be used: No such file or directory." in events[-1].answer.notes


def test_ask_uses_the_file_of_the_settings_and_a_bad_file_is_one_error(tmp_path, monkeypatch, capsys):
    path = tmp_path / "mcp.yaml"
    one = {"command": sys.executable, "args": [str(HERE / "honest_server.py")], "allow": ["error_rate"]}
    path.write_text(json.dumps({"mcpServers": {"metrics": one}}))
    path.chmod(0o600)
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COPILOT_MCP_FILE", str(path))
    monkeypatch.setenv("COPILOT_MODEL", "scripted")
    monkeypatch.setenv("COPILOT_MODEL_MODE", "tools")
    with ModelServer(looks_once("metrics__error_rate", "12.5", query="up")) as server:
        monkeypatch.setenv("COPILOT_MODEL_URL", server.url)
        main(["ask", "why is checkout down?", "--from", str(SHOP)])
        assert "12.5" in capsys.readouterr().out
        path.write_text("mcpServers: {metrics: {comand: x}}")
        assert main(["ask", "why is checkout down?", "--from", str(SHOP)]) != 0
        told = capsys.readouterr().err
    assert "unknown field `comand`" in told
    assert "hint: A server has: command, args, env" in told
