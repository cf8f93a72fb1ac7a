"""A person's Cypher into what is sent: reading clauses, known functions, texts as parameters, all bound to one cluster.

Promise: the text that is sent is put together from the tokens that were judged; nothing else of the query reaches the server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from retrievers.graph.mirror.cypher_lexer import Sort, Token, tokens_of
from retrievers.graph.mirror.cypher_words import (
    AFTER_PATTERN,
    BEFORE_BRACKET,
    DENIED,
    FIRST,
    FUNCTIONS,
    PATTERN_FUNCTIONS,
    SUBQUERIES,
)
from retrievers.graph.mirror.errors import QueryRefusedError

SCOPE = "cluster"  # the parameter and the property that keep clusters apart
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_OWN = re.compile(rf"{SCOPE}|_s\d+")
_WHERE = frozenset({"where"})
_MATCH = frozenset({"match"})


class Prepared(msgspec.Struct, frozen=True):
    """A judged query and all its parameters but the cluster."""

    text: str
    parameters: dict[str, Any]


def prepare(query: str, parameters: Mapping[str, Any]) -> Prepared:
    """Judge and rewrite a query.

    Raises:
        QueryRefusedError: it is not one reading statement of the allowed parts; nothing was sent.
    """
    tokens = tokens_of(query)
    while tokens and tokens[-1].is_sign(";"):
        tokens.pop()
    closes = _brackets(tokens)
    _judge_words(tokens)
    _judge_functions(tokens)
    _judge_subqueries(tokens, closes)
    _judge_parameters(tokens, parameters)
    inserts = dict(_scope(tokens, start, closes[start]) for start in _node_patterns(tokens, closes))
    return _written(tokens, inserts, parameters)


def _brackets(tokens: list[Token]) -> dict[int, int]:
    """Where each opening bracket closes."""
    closes: dict[int, int] = {}
    waiting: list[int] = []
    for number, token in enumerate(tokens):
        if token.is_sign("(", "[", "{"):
            waiting.append(number)
        elif token.is_sign(")", "]", "}"):
            if not waiting or _PAIRS[tokens[waiting[-1]].value] != token.value:
                raise QueryRefusedError(f"The bracket {token.value} has no beginning.")
            closes[waiting.pop()] = number
    if waiting:
        raise QueryRefusedError(f"The bracket {tokens[waiting[-1]].value} is never closed.")
    return closes


def _judge_words(tokens: list[Token]) -> None:
    if not tokens:
        raise QueryRefusedError("The query is empty.", "For example: MATCH (p:Pod) RETURN p.name LIMIT 10")
    if not tokens[0].is_word(FIRST):
        raise QueryRefusedError(
            f"A query may not begin with {tokens[0].text[:40]}.",
            "It begins with MATCH, OPTIONAL, WITH, UNWIND, RETURN or CALL {.",
        )
    for token in tokens:
        if token.is_word(DENIED):
            raise QueryRefusedError(
                f"{token.value.upper()} is not allowed: queries only read.",
                f"A name of that spelling goes in backticks: `{token.text}`.",
            )
        if token.is_sign(";"):
            raise QueryRefusedError("Only one statement at a time is allowed.")


def _judge_functions(tokens: list[Token]) -> None:
    """Whatever stands before a round bracket is a keyword or a known function."""
    for number, token in enumerate(tokens):
        if not token.is_sign("(") or number == 0 or tokens[number - 1].sort not in (Sort.WORD, Sort.QUOTED):
            continue
        parts = [tokens[number - 1]]
        place = number - 2
        while place >= 1 and tokens[place].is_sign(".") and tokens[place - 1].sort in (Sort.WORD, Sort.QUOTED):
            parts.insert(0, tokens[place - 1])
            place -= 2
        quoted = any(part.sort is Sort.QUOTED for part in parts)
        name = ".".join(part.value for part in parts)
        keyword = len(parts) == 1 and name in BEFORE_BRACKET
        if quoted or not (keyword or name in FUNCTIONS):
            raise QueryRefusedError(
                f"The function {name[:80]} is not allowed.", "See docs/neo4j.md for those that are."
            )


def _judge_subqueries(tokens: list[Token], closes: dict[int, int]) -> None:
    for number, token in enumerate(tokens):
        if not token.is_word(SUBQUERIES):
            continue
        after = number + 1
        if token.value == "call" and after < len(tokens) and tokens[after].is_sign("("):
            after = closes[after] + 1
        opened = after < len(tokens) and tokens[after].is_sign("{")
        if token.value == "call" and not opened:
            raise QueryRefusedError(
                "Procedures may not be called.", "CALL is allowed before a subquery: CALL (p) { … }."
            )
        if opened and not (after + 1 < len(tokens) and tokens[after + 1].is_word(FIRST)):
            raise QueryRefusedError(
                f"A subquery of {token.value.upper()} begins with a clause.", "Write MATCH at its beginning."
            )


def _judge_parameters(tokens: list[Token], parameters: Mapping[str, Any]) -> None:
    for name in parameters:
        if _OWN.fullmatch(name) or not re.fullmatch(r"[A-Za-z_]\w{0,63}", name, re.ASCII):
            raise QueryRefusedError(f"The parameter name {name[:80]!r} is not allowed.", "Choose another name.")
    for number, token in enumerate(tokens):
        name = token.value[1:]
        if token.sort is Sort.PARAMETER and number and tokens[number - 1].is_sign("."):
            raise QueryRefusedError("A property may not be named by a parameter.", "Name the property itself.")
        if token.sort is Sort.PARAMETER and name != SCOPE and name not in parameters:
            raise QueryRefusedError(f"The parameter ${name[:80]} has no value.", f"Give one: --param {name[:80]}=…")


def _node_patterns(tokens: list[Token], closes: dict[int, int]) -> set[int]:
    """The opening brackets of all node patterns: what stands beside an arrow, and what a MATCH lists."""
    opens = {close: start for start, close in closes.items()}
    found: set[int] = set()
    for number, token in enumerate(tokens):
        if token.is_sign(")") and _arrow_begins(tokens, number + 1):
            found.add(opens[number])
        if token.is_sign("(") and _arrow_ends(tokens, number - 1):
            found.add(number)
        if token.is_word(_MATCH):
            found.update(_in_patterns(tokens, closes, number + 1, len(tokens)))
    return {number for number in found if not _is_group(tokens, number)}


def _in_patterns(tokens: list[Token], closes: dict[int, int], start: int, end: int) -> Iterator[int]:
    """The node patterns from `start` to the end of the clause; groups and shortestPath are looked into."""
    number = start
    while number < end and not tokens[number].is_word(AFTER_PATTERN) and not tokens[number].is_sign(")", "}", "]"):
        if tokens[number].is_sign("("):
            if _is_group(tokens, number) or tokens[number - 1].is_word(PATTERN_FUNCTIONS):
                yield from _in_patterns(tokens, closes, number + 1, closes[number])
            else:
                yield number
        number = closes[number] + 1 if number in closes else number + 1


def _is_group(tokens: list[Token], start: int) -> bool:
    """Whether a bracket holds whole paths: `((a)-->(b))`, `(p = (a)-->(b))`."""
    inner = tokens[start + 1 : start + 4]
    if inner[0].is_sign("("):
        return True
    named = inner[0].sort in (Sort.WORD, Sort.QUOTED) and len(inner) == 3
    return named and inner[1].is_sign("=") and (inner[2].is_sign("(") or inner[2].is_word(PATTERN_FUNCTIONS))


def _arrow_begins(tokens: list[Token], number: int) -> bool:
    if number < len(tokens) and tokens[number].is_sign("<"):
        number += 1
    following = tokens[number : number + 2]
    return len(following) == 2 and following[0].is_sign("-") and following[1].is_sign("-", "[")


def _arrow_ends(tokens: list[Token], number: int) -> bool:
    if number >= 0 and tokens[number].is_sign(">"):
        number -= 1
    return number >= 1 and tokens[number].is_sign("-") and tokens[number - 1].is_sign("-", "]")


def _scope(tokens: list[Token], start: int, close: int) -> tuple[int, str]:
    """What to insert before which token so that a node pattern asks for the cluster."""
    depth = 0
    for number in range(start + 1, close):
        token = tokens[number]
        if depth == 0 and token.is_sign("{"):
            return number + 1, f"{SCOPE}: ${SCOPE}" + ("" if tokens[number + 1].is_sign("}") else ",")
        if depth == 0 and token.is_word(_WHERE):
            return number, f"{{{SCOPE}: ${SCOPE}}}"
        depth += token.is_sign("(", "[", "{") - token.is_sign(")", "]", "}")
    return close, f"{{{SCOPE}: ${SCOPE}}}"


def _written(tokens: list[Token], inserts: dict[int, str], parameters: Mapping[str, Any]) -> Prepared:
    """The query put together again; each text becomes a parameter."""
    values = dict(parameters)
    parts: list[str] = []
    for number, token in enumerate(tokens):
        if number in inserts:
            parts.append(f" {inserts[number]} ")
        if token.sort is Sort.STRING:
            name = f"_s{len(values) - len(parameters)}"
            values[name] = token.value
            parts.append(f" ${name} ")
        else:
            parts.append(f" {token.text}" if token.spaced else token.text)
    return Prepared("".join(parts).strip(), values)
