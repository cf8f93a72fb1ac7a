"""A part of the resource graph in a terminal: trees, ways, dangling references. Rendered from data and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from copilot.model import Ref
from retrievers.graph.condition import Condition, Mark
from retrievers.graph.drawing import Branch, label, standing
from retrievers.graph.edge import Edge, NodeState
from retrievers.graph.graph import ResourceGraph
from retrievers.graph.phrases import phrase

_SIGNS = {Mark.WELL: ("✓", "green"), Mark.ILL: ("✗", "bold red"), Mark.UNKNOWN: ("·", "dim")}


def render_tree(top: Branch, title: str, console: Console) -> None:
    """Print one tree under a title; a tree without branches says so."""
    trunk = Tree(Text(title, style="bold cyan"), guide_style="dim")
    _grow(trunk, top)
    if not top.branches and not top.hidden:
        trunk.add(Text("nothing", style="dim"))
    console.print(trunk, soft_wrap=True)


def _grow(trunk: Tree, top: Branch) -> None:
    pending = [(trunk, top)]
    while pending:
        place, branch = pending.pop()
        for below in branch.branches:
            pending.append((place.add(_line(below)), below))
        if branch.hidden:
            place.add(Text(f"… and {branch.hidden} more (--depth, --width, -o json)", style="dim"))


def _line(branch: Branch) -> Text:
    line = Text.assemble((f"{branch.relation} ", "dim"), branch.label)
    _append_condition(line, branch.condition)
    if branch.state is not NodeState.PRESENT and branch.field:
        line.append(f"  ({branch.field})", style="dim")
    return line


def _append_condition(line: Text, condition: Condition) -> None:
    sign, style = _SIGNS[condition.mark]
    if condition.mark is not Mark.UNKNOWN or condition.words:
        line.append(f"  {sign} {condition.words}".rstrip(), style=style)


def render_head(graph: ResourceGraph, ref: Ref, console: Console) -> None:
    """Print the object a tree is about."""
    line = Text(label(ref), style="bold")
    _append_condition(line, standing(graph, ref))
    console.print(line, soft_wrap=True)


def render_way(graph: ResourceGraph, start: Ref, edges: Sequence[Edge], console: Console) -> None:
    """Print a way between two objects, one step a line."""
    render_head(graph, start, console)
    here = start
    for edge in edges:
        forward = edge.source == here
        here = edge.target if forward else edge.source
        line = Text.assemble(("  ↳ ", "dim"), (f"{phrase(edge.kind, from_source=forward)} ", "dim"), label(here))
        _append_condition(line, standing(graph, here))
        line.append(f"  ({edge.field})", style="dim")
        console.print(line, soft_wrap=True)


def render_dangling(graph: ResourceGraph, edges: Sequence[Edge], console: Console) -> None:
    """Print references to objects that do not exist: wanted, by whom, where it says so."""
    if not edges:
        console.print("Every reference that could be checked leads to an object that exists.", soft_wrap=True)
        return
    for target in dict.fromkeys(edge.target for edge in edges):
        line = Text(label(target), style="bold")
        _append_condition(line, standing(graph, target))
        console.print(line, soft_wrap=True)
        for edge in edges:
            if edge.target == target:
                tempered = "".join([", optional" if edge.optional else "", "" if edge.certain else ", inferred"])
                console.print(Text(f"  {phrase(edge.kind, from_source=False)} {label(edge.source)}  ({edge.field}{tempered})"),
                              soft_wrap=True)  # fmt: skip
