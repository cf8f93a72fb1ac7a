"""`kubectl copilot graph`: what an object depends on, who depends on it, and the way between two objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from copilot.cli.naming import object_words
from copilot.cli.options import Target, cluster_options, output_option
from copilot.cli.printing import print_json
from copilot.model import Ref, UsageError

if TYPE_CHECKING:
    from retrievers.graph import Edge, Reached, ResourceGraph

_ONE = "Name one object; --path-to names the other end of a way."
NO_WAY = 1  # exit code when two objects are not connected


@click.command(name="graph")
@click.argument("objects", metavar="[KIND/NAME | KIND NAME]", nargs=-1)
@click.option("--path-to", metavar="KIND/NAME", help="Show the shortest way to this object.")
@click.option("--blast-radius", is_flag=True, help="Show only who suffers when the object is ill.")
@click.option("--depth", type=click.IntRange(1, 50), default=4, show_default=True, help="Steps away from the object.")
@click.option(
    "--width", type=click.IntRange(1, 10_000), default=8, show_default=True, help="Like objects shown on one branch."
)
@cluster_options
@output_option("tree", "json", "dot", "mermaid")
def COMMAND(  # noqa: N802 - the name every command module exports
    objects: tuple[str, ...],
    path_to: str | None,
    target: Target,
    output: str,
    depth: int,
    width: int,
    *,
    blast_radius: bool,
) -> int:
    """Show what an object depends on and who depends on it.

    Without an object: every reference to something that does not exist.

    Exit code: 0; 1 when --path-to finds no way; 64 and above: the question could not be asked.

    \b
    Examples:
      kubectl copilot graph deploy/web -n shop
      kubectl copilot graph node/worker-1 --blast-radius
      kubectl copilot graph ing/shop --path-to cm/web-config -n shop
      kubectl copilot graph -A --from dump/ -o json
    """
    from copilot.app import open_copilot
    from retrievers.graph.resolve import resolve_object

    copilot = open_copilot(target)
    graph, namespace = copilot.graph, copilot.namespace
    if not objects:
        _refuse_without_object(path_to, blast_radius=blast_radius)
        return _dangling(graph, namespace, output)
    root = resolve_object(graph, object_words(objects, "graph", _ONE), namespace, named=True)
    if path_to is not None:
        return _way(graph, root, resolve_object(graph, path_to, namespace, named=True), output)
    _neighbourhood(graph, root, output, depth, width, blast_radius=blast_radius)
    return 0


def _refuse_without_object(path_to: str | None, *, blast_radius: bool) -> None:
    if path_to is not None or blast_radius:
        flag = "--path-to" if path_to is not None else "--blast-radius"
        raise UsageError(f"{flag} needs an object to start from.", f"kubectl copilot graph KIND/NAME {flag} …")


def _neighbourhood(graph: ResourceGraph, root: Ref, output: str, depth: int, width: int, *, blast_radius: bool) -> None:
    from retrievers.graph import dependants, dependencies
    from retrievers.graph.drawing import edges_of_walks, tree

    needed_by = dependants(graph, root)
    needs = [] if blast_radius else dependencies(graph, root)
    if output != "tree":
        near = [[found for found in walk if found.distance <= depth] for walk in (needs, needed_by)]
        more = {} if blast_radius else {"depends_on": _reached(needs)}
        _print_edges(graph, root, edges_of_walks(*near), output, **more, blast_radius=_reached(needed_by))
        return
    from tui.console import make_console
    from tui.graph import render_head, render_tree

    console = make_console()
    render_head(graph, root, console)
    if not blast_radius:
        render_tree(tree(graph, root, needs, depth=depth, width=width), "depends on", console)
    title = f"suffers when it is ill ({len(needed_by)})" if blast_radius else "needed by"
    render_tree(tree(graph, root, needed_by, depth=depth, width=width), title, console)


def _reached(walk: Sequence[Reached]) -> list[dict[str, object]]:
    return [{"object": found.ref.as_json(), "distance": found.distance} for found in walk]


def _way(graph: ResourceGraph, start: Ref, end: Ref, output: str) -> int:
    edges = graph.path(start, end)
    found = bool(edges) or start == end
    if output != "tree":
        _print_edges(graph, start, edges, output, path_to=end.as_json(), connected=found)
    elif found:
        from tui.console import make_console
        from tui.graph import render_way

        render_way(graph, start, edges, make_console())
    else:
        click.echo(f"Nothing that was read connects {start} with {end}.")
    return 0 if found else NO_WAY


def _dangling(graph: ResourceGraph, namespace: str | None, output: str) -> int:
    edges = [edge for edge in graph.dangling() if namespace in (None, edge.source.namespace, edge.target.namespace)]
    if output != "tree":
        _print_edges(graph, None, edges, output)
        return 0
    from tui.console import make_console
    from tui.graph import render_dangling

    render_dangling(graph, edges, make_console())
    return 0


def _print_edges(graph: ResourceGraph, root: Ref | None, edges: Sequence[Edge], output: str, **more: object) -> None:
    from retrievers.graph.drawing import document, dot, mermaid

    if output == "json":
        print_json(document(graph, root, edges, **more))
    else:
        click.echo(dot(graph, root, edges) if output == "dot" else mermaid(graph, root, edges))
