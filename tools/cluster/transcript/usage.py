"""Reads `kubectl top` tables: cores and bytes of pods, containers and nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from copilot.model import Ref, Usage, parse_quantity
from tools.cluster.transcript.facts import Context, Fact
from tools.cluster.transcript.replies import replies
from tools.cluster.transcript.tables import Row, Table, header_cells, sections

_CPU = ("CPU(cores)", "CPU(CORES)")
_MEMORY = ("MEMORY(bytes)", "MEMORY(BYTES)")


def is_usage_header(line: str) -> bool:
    """Whether a line heads a table of `kubectl top`."""
    names = {name for name, _ in header_cells(line)}
    return bool(names & set(_CPU)) and bool(names & set(_MEMORY))


def read_top(lines: Sequence[str], first: int, context: Context, namespace: str) -> Iterator[Fact]:
    """`kubectl top pods [--containers]` or `kubectl top nodes`: the columns tell which."""
    yield from replies(lines, first, namespace)
    for table in sections(lines, first):
        yield from usage_rows(table, context, namespace)


def usage_rows(table: Table, context: Context, namespace: str) -> Iterator[Usage]:
    """The rows of one table."""
    nodes = any(header.startswith("CPU%") or header == "CPU(%)" for header in table.headers)
    for row in table.rows:
        name = row.get("POD", "NAME")
        cpu, memory = _amount(row, _CPU), _amount(row, _MEMORY)
        if not name or (cpu is None and memory is None):
            continue
        ref = Ref("Node", "", name) if nodes else Ref("Pod", row.get("NAMESPACE") or namespace, name)
        container = row.get("NAME") if "POD" in table.headers else ""
        yield Usage(ref=ref, container=container, cpu=cpu, memory=memory, source=context.at(row.line))


def _amount(row: Row, names: tuple[str, ...]) -> float | None:
    quantity = parse_quantity(row.get(*names))
    return None if quantity is None else float(quantity)
