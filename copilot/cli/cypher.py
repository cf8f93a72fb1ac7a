"""`kubectl copilot cypher`: ask the mirrored graph in Cypher. It only reads, only this cluster, and only so much."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from copilot.cli.mirror_options import cluster_option, neo4j_option
from copilot.cli.options import Target, cluster_options, output_option
from copilot.cli.printing import print_json
from copilot.model import UsageError

if TYPE_CHECKING:
    from retrievers.graph.mirror import Table

SCHEMA = "cluster-copilot/cypher/v1"
_WIDEST = 200  # characters of one cell on a terminal


@click.command(name="cypher")
@click.argument("text", metavar="QUERY")
@click.option(
    "--param", "params", metavar="NAME=VALUE", multiple=True, help="A value for $NAME: JSON, else text. Repeatable."
)
@click.option("--rows", type=click.IntRange(1, 10_000), default=1_000, show_default=True, help="Rows shown at most.")
@neo4j_option
@cluster_option
@cluster_options
@output_option("text", "json")
def COMMAND(  # noqa: N802 - the name every command module exports
    text: str, params: tuple[str, ...], rows: int, url: str | None, given: str | None, target: Target, output: str
) -> int:
    """Ask the mirrored graph in Cypher. QUERY is one reading statement; - reads it from standard input.

    It sees only the rows of the connected cluster (or of --cluster): every pattern is bound to it before it is sent, and
    the server's plan is checked before it is run. Ten seconds, 1,000 rows and 1 MB at most.

    Nodes are :Resource and their kind (:Pod, :Service …) with kind, group, namespace, name, state (present, dangling,
    unreadable), condition (well, ill, unknown), status, created, labels ('key=value'). Relationships are named as
    `kubectl copilot graph` names them: RUNS_ON, OWNED_BY, SELECTS, MOUNTS, REFERENCES …

    \b
    Examples:
      kubectl copilot cypher "MATCH (p:Pod)-[:RUNS_ON]->(n:Node) RETURN n.name, count(*) AS pods ORDER BY pods DESC"
      kubectl copilot cypher "MATCH (x)-[r]->(s:Secret {state: 'dangling'}) RETURN x.kind, x.name, s.name"
      kubectl copilot cypher 'MATCH (p:Pod {name: $name})-->(x) RETURN x' --param name=web-0
    """
    from copilot.cli.mirror_options import link_to, mirrored_cluster
    from retrievers.graph.mirror import prepare, query

    statement = sys.stdin.read() if text == "-" else text
    values = dict(_param(one) for one in params)
    prepare(statement, values)  # a query that is not allowed is told so without a server
    with link_to(url) as link:
        table = query(link, mirrored_cluster(link, given, target), statement, values, rows=rows)
    if output == "json":
        print_json({"schema": SCHEMA, "columns": table.columns, "rows": table.rows, "cut": table.cut})
    else:
        _print(table)
    return 0


def _param(given: str) -> tuple[str, Any]:
    name, equals, value = given.partition("=")
    if not equals or not name:
        raise UsageError(f"--param {given!r} is not NAME=VALUE.", "For example: --param name=web-0")
    try:
        return name, json.loads(value)
    except (ValueError, RecursionError):
        return name, value


def _print(table: Table) -> None:
    from rich.table import Table as Grid
    from rich.text import Text

    from tui.console import make_console

    console = make_console()
    grid = Grid(box=None, pad_edge=False)
    for name in table.columns:
        grid.add_column(Text(name))
    for row in table.rows:
        grid.add_row(*(Text(_cell(value)) for value in row))
    console.print(grid)
    if table.cut:
        click.echo(table.cut, err=True)


def _cell(value: Any) -> str:
    from retrievers.graph.condition import one_line

    if isinstance(value, dict) and {"kind", "name"} <= value.keys():
        place = f"{value['namespace']}/" if value.get("namespace") else ""
        return one_line(f"{value['kind']} {place}{value['name']}", _WIDEST)
    told = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    return one_line(told, _WIDEST)
