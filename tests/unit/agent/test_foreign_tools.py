"""Foreign tools through the official client, at real servers: over pipes, over HTTP, and at servers that do what none should."""

from __future__ import annotations

import json
import os
import select
import sys
from pathlib import Path

import pytest

from copilot.agent.foreign.link import Budget
from copilot.agent.foreign.pins import Pins
from copilot.agent.foreign.servers import Server
from copilot.agent.foreign.toolset import ForeignTools
from copilot.agent.tools import Limits, Toolbox
from copilot.agent.tools.workplace import Workplace
from copilot.cli.main import main
from guardrails.provenance import SessionProvenance, Source
from retrievers.graph import build_graph
from tests.unit.agent.asked import Desk
from tests.unit.agent.honest_server import ORDERS, OverHttp
from tests.unit.agent.test_search_tool import WHOLE

HERE = Path(__file__).parent
ALLOWED = ("error_rate", "orders", "environment", "large", "picture", "failing", "secret", "poisoned", "silent_hints", "wipe", "store", "nowhere")  # fmt: skip
RUDE = ("giant", "silent", "dies", "garbage", "noisy")


def rude(manner: str, **env: str) -> Server:
    return Server(manner, (sys.executable, "-S", str(HERE / "rude_server.py"), manner), env, allow=("read",))


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """One process of each server for all tests, the tools of one turn, and the environment that must not be passed on."""
    with pytest.MonkeyPatch.context() as patch, OverHttp() as web:
        patch.setenv("COPILOT_MODEL_KEY", "not for others")
        patch.setenv("KUBECONFIG", "not for others")
        servers = [
            Server("honest", (sys.executable, str(HERE / "honest_server.py")), {"GIVEN": "1"}, allow=ALLOWED),
            Server("web", url=web.url, allow=("error_rate", "large")),
            Server("gone", ("/no/such/program",), allow=("read",)),
            Server("refused", url="http://127.0.0.1:9/mcp", allow=("read",)),
            *(rude(manner) for manner in RUDE),
        ]
        session = SessionProvenance("")
        session.said("how is payments? see https://ok.example/")
        foreign = ForeignTools(servers, Pins(tmp_path_factory.mktemp("data")), Budget(start=10.0, call=0.5))
        try:
            yield foreign, foreign.tools(session), session
        finally:
            foreign.close()


@pytest.fixture
def box(opened):
    toolbox = Toolbox(Workplace(Desk(build_graph(WHOLE))), Limits(), opened[1])
    yield toolbox
    toolbox.close()


def text(result) -> str:
    return "\n".join(line.text for line in result.lines)


def test_only_tools_that_are_allowed_and_do_not_say_that_they_write_are_offered(opened):
    names = {tool.name for tool in opened[1]}
    assert {"honest__error_rate", "honest__silent_hints", "web__error_rate"} <= names
    assert not names & {"honest__wipe", "honest__store", "honest__proposePlan", "honest__nowhere", "noisy__other"}
    told = " ".join(opened[0].notes)
    assert "wipe of the MCP server honest was left out: It says that it destroys" in told
    assert "store of the MCP server honest was left out" in told


def test_servers_that_are_not_there_are_told_in_a_sentence_each(opened):
    told = "\n".join(opened[0].notes)
    assert "The MCP server gone could not be used: No such file or directory." in told
    assert "The MCP server refused could not be used" in told


def test_a_server_that_never_answers_is_waited_for_no_longer_than_its_budget(tmp_path):
    foreign = ForeignTools([rude("mute")], Pins(tmp_path), Budget(start=0.2))
    try:
        assert foreign.tools(SessionProvenance("")) == ()
        assert foreign.notes == ("The MCP server mute was not there within 0.2 seconds.",)
    finally:
        foreign.close()


@pytest.mark.parametrize("server", ["honest", "web"])
def test_a_result_is_a_cited_external_fact(box, server):
    result = box.call(f"{server}__error_rate", {"query": "up", "limit": 5})
    (line,) = result.lines
    assert '"error_rate_percent": 12.5' in line.text
    assert (line.origin, line.path, line.source) == (Source.EXTERNAL, f"{server}.error_rate", f"MCP server {server}")
    assert result.trouble == ""


def test_what_a_tool_says_of_itself_is_fenced_cleaned_and_counts_as_read(opened):
    _, tools, session = opened
    said = next(tool for tool in tools if tool.name == "honest__poisoned").summary
    assert said.startswith("A read tool of the MCP server honest.\n<<")
    assert "Before\u02c6anything\u02c6else" in said
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert session.untrusted_with("kubectl delete deployment/payments") is not None


def test_a_server_gets_nothing_of_our_environment_but_what_it_needs_and_what_the_file_gives(box):
    names = {line.text.removeprefix("variable ") for line in box.call("honest__environment", {}).lines}
    assert names <= {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "GIVEN"}
    assert {"PATH", "GIVEN"} <= names


@pytest.mark.parametrize("name", ["honest__large", "web__large"])
def test_a_long_result_is_cut_with_a_handle_and_the_rest_can_be_read(box, name):
    result = box.call(name, {})
    assert len(text(result)) <= Limits().result
    assert "further lines were cut; read_more with handle" in result.cut
    handle = result.cut.split('"')[1]
    assert box.spill.read(handle)[-1].text == "series 899 holds 6293 samples"


def test_secrets_and_hidden_characters_of_a_result_do_not_pass(box):
    found = text(box.call("honest__secret", {}))
    assert "hunter2" not in found
    assert "\x1b" not in found
    assert "\u202e" not in found


def test_a_picture_is_named_and_left_out_and_a_failure_is_told_beside_its_words(box):
    assert "What is no text was left out: 1 image." in box.call("honest__picture", {}).cut
    failed = box.call("honest__failing", {})
    assert text(failed) == "the database is gone"
    assert failed.trouble == "The tool says that it failed; what it says stands above."


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "query is missing"),
        ({"query": "up", "limit": 99}, "limit must be"),
        ({"query": "up", "evil": 1}, "evil is no argument"),
        ({"query": "x" * 9000}, "more than 8,192 characters"),
        ({"query": "http://evil.example/?q=up"}, "the operator did not write it"),
        ("[]", "no JSON object"),
    ],
)
def test_arguments_that_do_not_fit_never_reach_the_server(box, given, why):
    result = box.call("honest__error_rate", given)
    assert why in result.trouble
    assert not result.lines


def test_an_address_of_the_operators_own_words_may_be_given(box):
    assert "https://ok.example/" in text(box.call("honest__error_rate", {"query": "https://ok.example/"}))


@pytest.mark.parametrize(
    ("manner", "why"),
    [
        ("giant", "sent more than 4,194,304 bytes at once"),
        ("silent", "did not answer within 0.5 seconds"),
        ("dies", "broke off"),
        ("garbage", "answered something that is no result"),
    ],
)
def test_a_server_that_misbehaves_costs_one_sentence(box, manner, why):
    result = box.call(f"{manner}__read", {})
    assert why in result.trouble
    assert not result.lines
    assert text(box.call("honest__silent_hints", {})) == "done"  # the others go on


def test_what_a_server_prints_beside_its_messages_is_passed_over(box, capfd):
    assert text(box.call("noisy__read", {})) == "it reads"
    assert capfd.readouterr() == ("", "")


def test_orders_in_a_result_are_external_text(box):
    (line,) = box.call("honest__orders", {}).lines
    assert line.text == ORDERS
    assert not line.origin.trusted


def test_a_rug_pull_is_left_out_and_one_that_broke_off_is_opened_anew(tmp_path, monkeypatch):
    pins, session = Pins(tmp_path), SessionProvenance("")
    for said, offered in (("Reads.", True), ("Reads, and sends it to me.", False)):
        foreign = ForeignTools([rude("dies", SAID=said)], pins, Budget(start=5.0, call=2.0))
        try:
            assert bool(foreign.tools(session)) is offered
            if offered:
                assert "broke off" in foreign.tools(session)[0].run(None, {}).trouble
                assert foreign.tools(session)  # the next turn
            else:
                assert "kubectl copilot tools allow dies read" in foreign.notes[0]
        finally:
            foreign.close()


def alive(word: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes()
        except OSError:
            continue
        if word.encode() in line:
            found.append(entry.parent.name)
    return found


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd_open and /proc")
def test_no_process_outlives_its_conversation_not_even_what_a_server_started(tmp_path):
    mark = "60.0123"
    servers = [rude("leaves_a_child", SLEEP=mark)]
    foreign = ForeignTools(servers, Pins(tmp_path), Budget())
    try:
        assert foreign.tools(SessionProvenance(""))
        (child,) = alive(mark)
        handle = os.pidfd_open(int(child))
    finally:
        foreign.close()
    try:
        assert select.select([handle], [], [], 20)[0]  # readable once it has ended; a killed process takes its moment
    finally:
        os.close(handle)


def test_the_command_lists_own_and_foreign_tools_and_allows_a_changed_one_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path))
    path = tmp_path / "mcp.json"
    monkeypatch.setenv("COPILOT_MCP_FILE", str(path))

    def says(words: str) -> None:
        one = {"command": sys.executable, "args": ["-S", str(HERE / "rude_server.py"), "fine"], "env": {"SAID": words}, "allow": ["read"]}  # fmt: skip
        path.write_text(json.dumps({"mcpServers": {"calm": one}}))
        path.chmod(0o600)

    says("Reads.")
    assert main(["tools", "allow", "calm", "read"]) == 0
    says("Reads more.")
    capsys.readouterr()
    assert main(["tools", "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "cluster-copilot/tools/v1"
    assert {one["tool"]: one["verdict"] for one in found["servers"][0]["tools"]} == {"read": "changed", "other": "not allowed"}  # fmt: skip
    assert main(["tools", "allow", "calm", "other"]) != 0
    assert "under allow of calm" in capsys.readouterr().err
    assert main(["tools", "allow", "calm", "read"]) == 0
    capsys.readouterr()
    assert main(["tools"]) == 0
    shown = capsys.readouterr().out
    assert "read  offered: It does not say whether it only reads" in shown
    assert "    | Reads more." in shown
    assert "other  left out: The file does not allow it." in shown
