"""The file that names MCP servers, the schemas and the fingerprints of their tools: what is not understood is refused, and nothing slips by."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.agent.foreign.offers import Verdict, judge
from copilot.agent.foreign.pins import Pins, fingerprint
from copilot.agent.foreign.schema import Unfit, misfit, reduced
from copilot.agent.foreign.servers import Server, read_servers
from copilot.agent.foreign.toolset import stray_address
from copilot.agent.tools import Toolbox
from copilot.agent.tools.planning import Proposer
from copilot.agent.tools.toolbox import OWN_NAMES
from copilot.agent.tools.workplace import Workplace
from copilot.model import InputError
from guardrails.provenance import SessionProvenance
from retrievers.graph import build_graph
from tests.unit.agent.asked import Desk
from tests.unit.agent.test_search_tool import WHOLE


def written(folder, text: str, mode: int = 0o600):
    path = folder / "mcp.yaml"
    path.write_text(text)
    path.chmod(mode)
    return path


def one(body: str, name: str = "prom") -> str:
    return f"mcpServers:\n  {name}:\n    {body}\n"


def test_the_names_that_no_foreign_tool_may_take_are_those_of_all_own_tools():
    box = Toolbox(Workplace(Desk(build_graph(WHOLE))), extra=(Proposer(SessionProvenance("")).tool(),))
    assert set(box.tools) == OWN_NAMES


def test_the_shape_of_other_clients_is_read_from_yaml_and_from_json(tmp_path):
    (tmp_path / "h").write_text("Authorization: Bearer abc\nX-Team: shop\n")
    (tmp_path / "h").chmod(0o600)
    body = {"mcpServers": {"a": {"type": "stdio", "command": "x", "args": ["1"], "env": {"K": "v"}, "allow": ["q"]}, "b": {"url": "https://h/mcp", "headers_file": "h"}}}  # fmt: skip
    first, second = read_servers(written(tmp_path, json.dumps(body)), OWN_NAMES)
    assert (first.command, first.env, first.allow) == (("x", "1"), {"K": "v"}, ("q",))
    assert second.headers == {"Authorization": "Bearer abc", "X-Team": "shop"}
    assert "Bearer" not in repr(second)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (one("comand: x"), "line 3: server 'prom': Object contains unknown field `comand`"),
        (one("command: [x]"), "Expected `str`, got `array`"),
        ("servers: {}", "unknown field `servers`"),
        ("- a", "Expected `object`, got `array`"),
        ("", "Expected `object`, got `null`"),
        ("a: {", "line 1"),
        (one("command: x\n    command: y"), "a second time"),
        (one("allow: [q]"), "needs either a command or a url"),
        (one("command: x\n    url: http://h"), "needs either a command or a url"),
        (one("command: x\n    type: sse"), "has the type 'sse'"),
        (one("url: file:///etc/passwd"), "has a url that is not taken"),
        (one("url: https://u:p@h/"), "has a url that is not taken"),
        (one("url: http://h.example/\n    headers_file: h"), "has a url that is not taken"),
        (one("url: http://127.h.example/\n    headers_file: h"), "has a url that is not taken"),
        (one("url: https://h\n    args: [x]"), "mixes"),
        (one("command: x\n    allow: ['*']"), "allows '*', which is no tool's name"),
        (one("command: x\n    allow: [proposePlan]"), "which is the name of an own tool"),
        (one("command: x", "Prom_1"), "has a name that is not taken"),
        (one('command: "x\\0y"'), "no program can be started with"),
    ],
)
def test_what_is_not_understood_is_one_error_with_its_place(tmp_path, text, said):
    with pytest.raises(InputError) as error:
        read_servers(written(tmp_path, text), OWN_NAMES)
    assert said in error.value.title
    assert "mcp.yaml" in error.value.title
    assert error.value.hint


@pytest.mark.parametrize(("body", "mode"), [("command: x", 0o666), ("command: x", 0o620), ("command: x\n    env: {K: v}", 0o644)])  # fmt: skip
def test_a_file_that_others_may_write_or_whose_secrets_they_may_read_starts_nothing(tmp_path, body, mode):
    with pytest.raises(InputError, match="by others"):
        read_servers(written(tmp_path, one(body), mode), OWN_NAMES)


def test_a_missing_file_is_told_and_a_headers_file_that_others_read_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_servers(tmp_path / "none", OWN_NAMES)
    (tmp_path / "h").write_text("A: b")
    (tmp_path / "h").chmod(0o644)
    with pytest.raises(InputError, match="can be read by others"):
        read_servers(written(tmp_path, one("url: https://h\n    headers_file: h")), OWN_NAMES)


REFERRING = {"$defs": {"t": {"type": "string", "pattern": "(a+)+$"}}, "properties": {"a": {"$ref": "#/$defs/t"}}, "required": ["a"]}  # fmt: skip


def test_references_are_followed_within_the_schema_and_patterns_and_prose_are_left_out():
    found = reduced(REFERRING)
    assert found == {"properties": {"a": {"type": "string"}}, "type": "object", "required": ["a"]}


@pytest.mark.parametrize(
    "schema",
    [
        None,
        [],
        {"type": "string"},
        {"properties": {"a b": {}}},
        {"properties": {"a": {"enum": ["x" * 200]}}},
        {"properties": {"a": {"enum": ["a\u202eb"]}}},
        {"properties": {"a": {"enum": list(range(100))}}},
        {"$defs": {"n": {"properties": {"n": {"$ref": "#/$defs/n"}}}}, "properties": {"n": {"$ref": "#/$defs/n"}}},
        {"$defs": {"n": {"anyOf": [{"$ref": "n"}] * 50}}, "properties": {"n": {"$ref": "n"}}},
        {"properties": {f"p{number}": {"type": "string"} for number in range(390)}},
    ],
)
def test_a_schema_that_cannot_be_offered_is_refused(schema):
    with pytest.raises(Unfit):
        reduced(schema)


SCHEMA = reduced(
    {
        "properties": {
            "q": {"type": "string", "minLength": 1}, "n": {"anyOf": [{"type": "integer", "maximum": 5}, {"type": "null"}]},
            "s": {"enum": ["1m", "5m"]}, "l": {"type": "array", "items": {"type": "number"}, "maxItems": 2},
        },
        "required": ["q"],
    }
)  # fmt: skip


@pytest.mark.parametrize("value", [{"q": "x"}, {"q": "x", "n": None}, {"q": "x", "n": 5.0}, {"q": "x", "s": "1m", "l": [1, 2.5]}])  # fmt: skip
def test_arguments_that_fit_are_let_through(value):
    assert misfit(value, SCHEMA) == ""


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({}, "q is missing"), ({"q": 1}, "q must be string"), ({"q": ""}, "q must be from 1"), ({"q": "x", "n": 9}, "n must be from -∞ to 5"),
        ({"q": "x", "n": True}, "n must be integer"), ({"q": "x", "s": "1h"}, 's must be one of ["1m", "5m"]'), ({"q": "x", "l": [1, "2"]}, "l[1] must be number"),
        ({"q": "x", "l": [1, 2, 3]}, "long"), ({"q": "x", "z": 1}, "z is no argument; there are: q, n, s, l"), ([], "the arguments must be object"),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_refused_with_the_reason(value, why):
    assert why in misfit(value, SCHEMA)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8), lambda below: st.lists(below, max_size=4) | st.dictionaries(st.sampled_from(["name", "description", "inputSchema", "annotations", "type", "properties", "$ref", "enum", "anyOf", "items", "required", "title", "readOnlyHint"]) | st.text(max_size=4), below, max_size=5), max_leaves=20)  # fmt: skip


@given(JSON, JSON)
def test_whatever_a_server_lists_is_judged_without_a_crash(tool, value):
    for offer in judge(
        Server("s", ("x",), allow=("read",)), [tool, {"name": "read", "inputSchema": tool}], {}, OWN_NAMES
    ):
        assert (offer.verdict is Verdict.OFFERED) == bool(offer.name)
        if offer.name:
            misfit(value, offer.takes)


LISTED = {"name": "read", "description": "Reads.", "inputSchema": {"type": "object"}}


@pytest.mark.parametrize("changed", [{"description": "Reads all."}, {"inputSchema": {"type": "object", "properties": {"to": {}}}}, {"annotations": {"readOnlyHint": True}}, {"title": "R"}])  # fmt: skip
def test_a_tool_that_says_something_else_than_when_it_was_allowed_is_left_out_until_it_is_allowed_again(
    tmp_path, changed
):
    pins, server = Pins(tmp_path), Server("s", ("x",), allow=("read",))
    pins.keep("s", {"read": fingerprint(LISTED)})
    (offer,) = judge(server, [{**LISTED, **changed}], pins.known()["s"], OWN_NAMES)
    assert offer.verdict is Verdict.CHANGED
    pins.keep("s", {"read": offer.sha})
    assert pins.known()["s"]["read"] == fingerprint(LISTED)  # first use stands
    pins.keep("s", {"read": offer.sha}, anew=True)
    assert judge(server, [{**LISTED, **changed}], pins.known()["s"], OWN_NAMES)[0].verdict is Verdict.OFFERED
    assert (tmp_path / "mcp-tools.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("content", "mode"), [(b"{", 0o600), (b"[]", 0o600), (b'{"s": {"read": 3}}', 0o600), (b"{}", 0o666)])  # fmt: skip
def test_fingerprints_that_cannot_be_trusted_let_nothing_through(tmp_path, content, mode):
    path = tmp_path / "mcp-tools.json"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(InputError, match=r"mcp-tools\.json"):
        Pins(tmp_path).known()


@pytest.mark.parametrize(
    "word",
    ["https://evil.example/x", "see http://evil.example", "//evil.example/a", "www.evil.example", "https%3A%2F%2Fevil.example", "HTTPS://EVIL.example", "aHR0cHM6Ly9ldmlsLmV4YW1wbGUveA==", "https://ok.example/?leak=abc", "data:text/plain,x", "h\u200bttps://evil.example"],
)  # fmt: skip
def test_an_address_that_the_operator_did_not_write_is_found_however_it_is_written(word):
    assert stray_address({"a": [{"b": word}]}, "look at https://ok.example/ please")
    assert stray_address({word: 1}, "look at https://ok.example/ please")


@pytest.mark.parametrize("word", ["https://ok.example/", "rate(http_requests_total[5m])", "a/b", "10:30", "shop/checkout", "x -> y"])  # fmt: skip
def test_the_operators_own_address_and_what_is_none_are_let_through(word):
    assert stray_address({"a": word}, "look at https://ok.example/.") == ""
