"""What is asked in Cypher is judged without a server: refused, or rewritten so that every pattern asks for the cluster."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers.graph.mirror import QueryRefusedError, prepare
from retrievers.graph.mirror.cypher_plan import judge_plan
from retrievers.graph.mirror.cypher_words import BEFORE_BRACKET, DENIED, FUNCTIONS, OPERATORS

C = "{cluster: $cluster}"


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("MATCH (p:Pod) RETURN p", f"MATCH (p:Pod {C} ) RETURN p"),
        ("MATCH (p {a: 1}) RETURN p", "MATCH (p { cluster: $cluster, a: 1}) RETURN p"),
        ("MATCH (p {}) RETURN p", "MATCH (p { cluster: $cluster }) RETURN p"),
        ("MATCH (p WHERE p.a = 1) RETURN p", f"MATCH (p {C}  WHERE p.a = 1) RETURN p"),
        ("MATCH ()-->() RETURN 1", f"MATCH ( {C} )-->( {C} ) RETURN 1"),
        ("MATCH (a)<-[r:X*1..3]-(b), (c) RETURN a", f"MATCH (a {C} )<-[r:X*1..3]-(b {C} ), (c {C} ) RETURN a"),
        ("MATCH ((a)-->(b))+ (c) RETURN c", f"MATCH ((a {C} )-->(b {C} ))+ (c {C} ) RETURN c"),
        ("MATCH (p) WHERE NOT (p)-->() RETURN p", f"MATCH (p {C} ) WHERE NOT (p {C} )-->( {C} ) RETURN p"),
        ("MATCH (p) WHERE (p.a + 1) > 2 RETURN p", f"MATCH (p {C} ) WHERE (p.a + 1) > 2 RETURN p"),
        ("RETURN [(a)-->(b) | b] AS l", f"RETURN [(a {C} )-->(b {C} ) | b] AS l"),
        ("MATCH p=shortestPath((a)-[*]-(b)) RETURN p", f"MATCH p=shortestPath((a {C} )-[*]-(b {C} )) RETURN p"),
        ("RETURN 1 /* gone */ + 2;", "RETURN 1 + 2"),
    ],
)  # fmt: skip
def test_every_node_pattern_asks_for_the_cluster(query: str, sent: str) -> None:
    assert prepare(query, {}).text == sent


def test_texts_become_parameters_and_keep_what_they_say() -> None:
    found = prepare("MATCH (p {name: 'a\\'b\\n'}) WHERE p.x = \"LOAD CSV; é\" RETURN p", {"mine": 1})
    assert found.parameters == {"mine": 1, "_s0": "a'b\n", "_s1": "LOAD CSV; é"}
    assert "LOAD" not in found.text


@pytest.mark.parametrize("name", ["cluster", "_s0", "a-b", "", "é", "a b", "x" * 70])
def test_a_parameter_of_ours_or_of_an_odd_name_is_refused(name: str) -> None:
    with pytest.raises(QueryRefusedError):
        prepare("RETURN 1", {name: 1})


@pytest.mark.parametrize("word", sorted(DENIED))
def test_a_denied_word_is_refused_wherever_it_stands_and_allowed_in_backticks(word: str) -> None:
    for query in (f"MATCH (n) {word.upper()} n RETURN n", f"MATCH (n) RETURN n.{word}", f"RETURN 1 AS {word}"):
        with pytest.raises(QueryRefusedError):
            prepare(query, {})
    assert f"`{word}`" in prepare(f"MATCH (n) RETURN n.`{word}`", {}).text


@given(st.text(max_size=60))
def test_no_text_makes_it_fail_otherwise_than_by_refusing(text: str) -> None:
    for query in (text, f"MATCH (n) {text} RETURN n", f"RETURN '{text}"):
        try:
            sent = prepare(query, {}).text
        except QueryRefusedError:
            continue
        assert sent.isascii()
        assert "\\" not in sent
        assert "'" not in sent


WORDS = ["MATCH", "(", ")", "(n)", "-->", "<--", "-[r]-", "RETURN", "n", "{", "}", "WHERE", "=", "1", "[", "]", "|", ",", "*",
         "LOAD", "CSV", "CALL", "SET", "+", "'a'", "/*", "*/", "//", "`q`", "$p", "EXISTS", "COLLECT", ";", "shortestPath"]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=14))
def test_what_is_let_through_holds_no_denied_word_and_binds_every_arrow(words: list[str]) -> None:
    try:
        sent = prepare(" ".join(["MATCH (n)", *words, "RETURN n"]), {"p": 1}).text
    except QueryRefusedError:
        return
    assert not set(sent.lower().replace("(", " ").replace(")", " ").split()) & DENIED
    assert sent.count("$cluster") >= sent.count("(n ")


def test_no_allowed_function_reaches_beyond_its_arguments() -> None:
    words = FUNCTIONS | BEFORE_BRACKET
    assert not {
        name for name in words if name.split(".")[0] in ("apoc", "dbms", "db", "genai", "graph", "vector", "file")
    }
    assert not {
        name for name in OPERATORS if any(part in name for part in ("Load", "Procedure", "Create", "Delete", "Set"))
    }


def plan(name: str, details: str, *children: dict[str, object]) -> dict[str, object]:
    return {"operatorType": f"{name}@neo4j", "args": {"Details": details}, "children": list(children)}


SCAN = plan("NodeByLabelScan", "p:Pod")
SOUND = plan("ProduceResults", "p", plan("Filter", "p.name = $n AND (cache[p.cluster] = $cluster AND p.x = 1)", SCAN))


def test_a_plan_that_starts_inside_the_cluster_is_let_through() -> None:
    judge_plan(SOUND, "r")
    seek = "RANGE INDEX p:Resource(cluster, name) WHERE cluster = $cluster AND name = $n, cache[p.name]"
    judge_plan(plan("ProduceResults", "p", plan("NodeIndexSeek", seek)), "r")
    judge_plan(plan("Apply", "", SOUND["children"][0], plan("Argument", "p")), "r")


@pytest.mark.parametrize(
    "bad",
    [
        plan("ProduceResults", "p", SCAN),
        plan("Filter", "p.cluster = $cluster OR p.x = 1", SCAN),
        plan("Filter", "q.cluster = $cluster", SCAN),
        plan("Filter", "p.cluster = $other", SCAN),
        plan("Filter", "NOT p.cluster = $cluster", SCAN),
        plan("Filter", "(p.cluster = $cluster OR true) AND p.x = 1", SCAN),
        plan("Filter", "p.cluster = $cluster", plan("EagerAggregation", "p", SCAN)),
        plan("Filter", "p.cluster = $cluster", plan("SemiApply", "", plan("Argument", "p"), SCAN)),
        plan("Filter", "p.cluster = $cluster", plan("Limit", "1", SCAN)),
        plan("NodeIndexSeek", "RANGE INDEX p:Resource(name) WHERE name = $n"),
        plan("ProcedureCall", "db.labels()"),
        plan("LoadCSV", "l"),
        plan("NodeCountFromCountStore", "count( (:Pod) ) AS c"),
        plan("Projection", "CASE WHEN true THEN COLLECT { MATCH (x) RETURN x } END AS l", plan("Argument", "")),
        plan("Projection", "[x IN COLLECT { LOAD CSV FROM $u AS l RETURN l } | x] AS l", plan("Argument", "")),
        plan("SomethingNew", ""),
        {},
    ],
)
def test_a_plan_that_hides_or_leaves_something_open_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(QueryRefusedError):
        judge_plan(bad, "r")


@pytest.mark.parametrize("kind", ["rw", "w", "s", ""])
def test_a_sound_plan_of_a_writing_query_is_refused(kind: str) -> None:
    with pytest.raises(QueryRefusedError, match="more than read"):
        judge_plan(SOUND, kind)
