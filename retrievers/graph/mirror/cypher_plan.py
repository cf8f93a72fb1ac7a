"""Reads the plan that the server made of a query: only reading operators, and everything they start from is bound to one cluster.

The second lock, of another make than the first (`cypher_text`): it judges what the server understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from retrievers.graph.mirror.cypher_text import SCOPE
from retrievers.graph.mirror.cypher_words import LEAVES, OPERATORS
from retrievers.graph.mirror.errors import QueryRefusedError

_IN_BACKTICKS = re.compile(r"`[^`]*`")
_HIDDEN = re.compile(r"(?i)\b(?:match|load\s*csv|load|csv|call|nestedplan\w*)\b")
_NODE = re.compile(r"(?:(?:RANGE|TEXT|UNIQUE|POINT)(?: INDEX)? )?`?([A-Za-z_]\w*)`?(?:[:\s]|$)")
_RELATIONSHIP = re.compile(r"\(`?([A-Za-z_]\w*)`?\)<?-.*->?\(`?([A-Za-z_]\w*)`?\)$")
# Operators that let each row of their first input through as it is, or not at all: a filter above them holds below too.
_ROW_BY_ROW = frozenset({
    "AntiSemiApply", "Apply", "CacheProperties", "CartesianProduct", "Expand", "Filter", "NodeHashJoin", "OptionalExpand",
    "RollUpApply", "SelectOrAntiSemiApply", "SelectOrSemiApply", "SemiApply", "ValueHashJoin", "VarLengthExpand",
})  # fmt: skip
_BOTH_INPUTS = frozenset({"Apply", "CartesianProduct", "NodeHashJoin", "ValueHashJoin"})


def judge_plan(plan: Mapping[str, Any], query_type: str) -> None:
    """Check a whole plan.

    Raises:
        QueryRefusedError: it does more than read, hides a part, or is not bound to the cluster.
    """
    if query_type != "r":
        raise QueryRefusedError("The query would do more than read.", "Use MATCH, WHERE, WITH and RETURN.")
    for chain in _chains(plan, ()):
        _judge_operator(chain[-1])
        if not chain[-1].get("children"):
            _judge_leaf(chain)


def _chains(plan: Mapping[str, Any], above: tuple[Mapping[str, Any], ...]) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Every operator with those above it."""
    chain = (*above, plan)
    yield chain
    for child in plan.get("children", ()):
        yield from _chains(child, chain)


def _judge_operator(operator: Mapping[str, Any]) -> None:
    name = _name(operator)
    if name not in OPERATORS:
        raise QueryRefusedError(f"The query needs the operator {name}, which is not allowed.")
    if _HIDDEN.search(_IN_BACKTICKS.sub("", _details(operator))):
        raise QueryRefusedError(
            "A part of the query is hidden inside an expression, where it cannot be checked.",
            "Take patterns and subqueries out of CASE, reduce and lists: use MATCH, OPTIONAL MATCH or CALL { … }.",
        )


def _judge_leaf(chain: Sequence[Mapping[str, Any]]) -> None:
    leaf = chain[-1]
    if _name(leaf) not in LEAVES:
        return
    details = _details(leaf)
    node, relationship = _NODE.match(details), _RELATIONSHIP.fullmatch(details)
    ends = set(relationship.groups()) if relationship else {node[1]} if node else set()
    said = set(_conjuncts(details.partition(" WHERE ")[2].partition(", cache[")[0]))
    if f"{SCOPE} = ${SCOPE}" in said and ends:
        return
    for operator, below in zip(reversed(chain[:-1]), reversed(chain), strict=False):
        name = _name(operator)
        if name not in _ROW_BY_ROW or (operator["children"][0] is not below and name not in _BOTH_INPUTS):
            break
        for conjunct in _conjuncts(_details(operator)) if name == "Filter" else ():
            bound = re.fullmatch(rf"(?:cache\[)?`?(\w+)`?\.{SCOPE}\]? = \${SCOPE}", conjunct)
            if bound and bound[1] in ends:
                return
    raise QueryRefusedError(
        "It cannot be shown that the query stays inside this cluster.",
        "Write plain patterns: MATCH (p:Pod)-[:RUNS_ON]->(n).",
    )


def _conjuncts(condition: str) -> Iterator[str]:
    """The parts of a condition that all must hold."""
    condition = condition.strip()
    if condition.startswith("(") and _closing(condition) == len(condition) - 1:
        yield from _conjuncts(condition[1:-1])
        return
    depth, start, parts = 0, 0, []
    for place, letter in enumerate(condition):
        depth += (letter in "([{") - (letter in ")]}")
        if depth == 0 and condition.startswith(" AND ", place):
            parts.append(condition[start:place])
            start = place + 5
    if not parts:
        yield condition
        return
    for part in (*parts, condition[start:]):
        yield from _conjuncts(part)


def _closing(condition: str) -> int:
    depth = 0
    for place, letter in enumerate(condition):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return place
    return -1


def _name(operator: Mapping[str, Any]) -> str:
    return str(operator.get("operatorType", "")).partition("@")[0].partition("(")[0]


def _details(operator: Mapping[str, Any]) -> str:
    return str(operator.get("args", {}).get("Details", ""))
