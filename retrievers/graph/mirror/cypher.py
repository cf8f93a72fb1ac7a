"""Runs a person's Cypher so that it can only read one cluster's rows, for a fixed time, and gives back a bounded answer.

Promise: the text is judged before anything is sent, the server's plan before anything is run; nothing is run twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from guardrails.redaction_text import clean_text
from retrievers.graph.mirror.cypher_plan import judge_plan
from retrievers.graph.mirror.cypher_text import SCOPE, prepare
from retrievers.graph.mirror.errors import QueryRefusedError
from retrievers.graph.mirror.link import Link

QUERY_SECONDS = 10.0  # a person waits no longer for a look; the server's own limit does not hold against a client's
MAX_ROWS = 1_000
MAX_BYTES = 1_000_000  # of the answer as JSON
FETCH = 100  # rows asked for at a time: what is cut was hardly sent
_HIDDEN = frozenset({"print", "edges", "generation", "id"})  # bookkeeping of the sync
_DEPTH = 20  # nested lists and maps of one value


class Table(msgspec.Struct, frozen=True):
    """An answer. `cut` says why rows are missing; "" when none are."""

    columns: list[str]
    rows: list[list[Any]]
    cut: str = ""


def query(
    link: Link, cluster: str, text: str, parameters: Mapping[str, Any] | None = None, *, rows: int = MAX_ROWS
) -> Table:
    """Ask the mirror of one cluster.

    Raises:
        QueryRefusedError: the query is not allowed; nothing was run.
        CopilotError: the server does not understand it, took too long, or is not there.
    """
    prepared = prepare(text, parameters or {})
    values = {**prepared.parameters, SCOPE: cluster}
    with link.reading(QUERY_SECONDS, fetch=FETCH) as transaction:
        summary = transaction.run(f"EXPLAIN {prepared.text}", values).consume()
        judge_plan(summary.plan or {}, summary.query_type or "")
        result = transaction.run(prepared.text, values)
        columns = [clean_text(key) for key in result.keys()]  # noqa: SIM118 - iterating a result fetches its records
        found: list[list[Any]] = []
        size = 0
        for record in result:
            row = [_plain(value, cluster, 0) for value in record.values()]
            size += len(json.dumps(row))
            if len(found) == rows or size > MAX_BYTES:
                why = f"after {len(found)} rows" if len(found) == rows else f"after {MAX_BYTES // 1000} kB"
                return Table(columns, found, f"The answer was cut {why}; ask for less, or count.")
            found.append(row)
    return Table(columns, found)


def _plain(value: Any, cluster: str, depth: int) -> Any:
    """A value of the driver as JSON knows it.

    Raises:
        QueryRefusedError: it is a node of another cluster: neither lock may let this happen, and this is the third.
    """
    from neo4j.graph import Node, Path, Relationship  # noqa: PLC0415 - an optional and slow import

    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return clean_text(value)
    if depth > _DEPTH:
        return "…"
    if isinstance(value, Node):
        if value.get(SCOPE) != cluster:
            raise QueryRefusedError("The query reached a node of another cluster; its answer was thrown away.")
        return {key: _plain(value[key], cluster, depth + 1) for key in sorted(value.keys()) if key not in _HIDDEN}
    if isinstance(value, Relationship):
        told = {key: _plain(value[key], cluster, depth + 1) for key in sorted(value.keys()) if key not in _HIDDEN}
        return {"type": value.type, **told}
    if isinstance(value, Path):
        return [_plain(part, cluster, depth + 1) for part in (*value.nodes, *value.relationships)]
    if isinstance(value, Mapping):
        return {clean_text(str(key)): _plain(one, cluster, depth + 1) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one, cluster, depth + 1) for one in value]
    return clean_text(str(value))
