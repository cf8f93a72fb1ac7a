"""A part of the graph for reading: a tree, a machine document, Graphviz, Mermaid. Pure; cluster text is made safe here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from copilot.model import Ref
from copilot.model.moment import stamp
from retrievers.graph.condition import Condition, Mark, condition_of, one_line
from retrievers.graph.edge import Edge, NodeState
from retrievers.graph.graph import ResourceGraph
from retrievers.graph.phrases import phrase
from retrievers.graph.queries import Reached

SCHEMA = "cluster-copilot/graph/v1"
_MAX_NAME = 300  # characters of a name: longer than any the API accepts
_RANK = {Mark.ILL: 0, Mark.UNKNOWN: 1, Mark.WELL: 2}


class Branch(msgspec.Struct):
    """One object in a tree: how it is tied to its parent, how it stands, what hangs on it.

    `hidden` counts the objects that were left out below it.
    """

    ref: Ref
    label: str
    relation: str
    condition: Condition
    state: NodeState = NodeState.PRESENT
    field: str = ""
    branches: list[Branch] = []
    hidden: int = 0


def label(ref: Ref) -> str:
    """An object's name as it may be shown: `Deployment shop/web`."""
    return one_line(str(ref), _MAX_NAME)


def standing(graph: ResourceGraph, ref: Ref) -> Condition:
    """How an object stands; one that does not exist is ill, one that nobody could look at is unknown."""
    resource = graph.get(ref)
    if resource is not None:
        return condition_of(resource)
    match graph.state(ref):
        case NodeState.PRESENT:
            return Condition(Mark.UNKNOWN)
        case NodeState.DANGLING:
            return Condition(Mark.ILL, "does not exist")
        case NodeState.UNREADABLE:
            return Condition(Mark.UNKNOWN, "not read")


def tree(graph: ResourceGraph, root: Ref, reached: Iterable[Reached], *, depth: int, width: int) -> Branch:
    """Hang what a walk reached under its start, each object once, at its shortest distance.

    Objects deeper than `depth`, and all but `width` that hang on one parent in the same way, are counted, not shown.
    """
    top = Branch(root, label(root), "", standing(graph, root), graph.state(root), branches=[])
    places: dict[Ref, Branch] = {root: top}
    for found in reached:
        edge = found.path[-1]
        parent = places.get(edge.source if edge.target == found.ref else edge.target)
        if parent is None:
            continue
        if found.distance > depth:
            parent.hidden += 1
            continue
        words = phrase(edge.kind, from_source=edge.target == found.ref)
        state = graph.state(found.ref)
        branch = Branch(found.ref, label(found.ref), words, standing(graph, found.ref), state, _said(edge), [])
        places[found.ref] = branch
        parent.branches.append(branch)
    _trim(top, width)
    return top


def _said(edge: Edge) -> str:
    """The field, and what tempers it."""
    notes = [one_line(edge.field, _MAX_NAME)]
    if edge.optional:
        notes.append("optional")
    if not edge.certain:
        notes.append("inferred")
    return ", ".join(note for note in notes if note)


def _trim(branch: Branch, width: int) -> None:
    """Ill objects first, then by name; of many alike the first `width` stay."""
    pending = [branch]
    while pending:
        current = pending.pop()
        current.branches.sort(key=lambda found: (_RANK[found.condition.mark], found.relation, found.ref))
        shown: dict[tuple[str, str], int] = {}
        kept = []
        for found in current.branches:
            alike = (found.relation, found.ref.kind)
            shown[alike] = shown.get(alike, 0) + 1
            if shown[alike] <= width:
                kept.append(found)
            else:
                current.hidden += 1 + _size(found)
        current.branches = kept
        pending.extend(kept)


def _size(branch: Branch) -> int:
    """How many objects hang below."""
    total, pending = 0, [branch]
    while pending:
        current = pending.pop()
        total += len(current.branches) + current.hidden
        pending.extend(current.branches)
    return total


def edges_of_walks(*walks: Iterable[Reached]) -> list[Edge]:
    """Every edge that some walk used, once."""
    return list(dict.fromkeys(edge for walk in walks for found in walk for edge in found.path))


def document(graph: ResourceGraph, root: Ref | None, edges: Sequence[Edge], **more: Any) -> dict[str, Any]:
    """The part of the graph as a document for machines; `more` is added at its top."""
    refs = dict.fromkeys([*([root] if root else []), *(ref for edge in edges for ref in (edge.source, edge.target))])
    return {
        "schema": SCHEMA,
        "cluster": graph.snapshot.cluster,
        "observed_at": stamp(graph.snapshot.observed_at),
        "object": root.as_json() if root else None,
        **more,
        "nodes": [_node(graph, ref) for ref in refs],
        "edges": [edge_document(edge) for edge in edges],
    }


def _node(graph: ResourceGraph, ref: Ref) -> dict[str, Any]:
    condition = standing(graph, ref)
    return {
        **ref.as_json(),
        "group": ref.group,
        "state": graph.state(ref).value,
        "mark": condition.mark.value,
        "condition": condition.words,
    }


def edge_document(edge: Edge) -> dict[str, Any]:
    """One edge for machines."""
    return {
        "source": edge.source.as_json(),
        "kind": edge.kind.value,
        "target": edge.target.as_json(),
        "field": edge.field,
        "optional": edge.optional,
        "certain": edge.certain,
    }


def dot(graph: ResourceGraph, root: Ref | None, edges: Sequence[Edge]) -> str:
    """Graphviz: missing objects are red and dashed, objects nobody read are grey."""
    names, lines = _names(root, edges), ["digraph cluster {", "  rankdir=LR;", '  node [shape=box, fontname="sans"];']
    for ref, name in names.items():
        look = {
            NodeState.PRESENT: "",
            NodeState.DANGLING: ", color=red, style=dashed",
            NodeState.UNREADABLE: ", color=gray",
        }
        lines.append(f'  {name} [label="{_quoted(label(ref))}"{look[graph.state(ref)]}];')
    lines.extend(
        f'  {names[edge.source]} -> {names[edge.target]} [label="{_quoted(phrase(edge.kind, from_source=True))}"];'
        for edge in edges
    )
    return "\n".join([*lines, "}"])


def mermaid(graph: ResourceGraph, root: Ref | None, edges: Sequence[Edge]) -> str:
    """A Mermaid flow chart, as Markdown viewers draw it."""
    names, lines = _names(root, edges), ["graph LR"]
    for ref, name in names.items():
        state = graph.state(ref)
        note = "" if state is NodeState.PRESENT else f" ({standing(graph, ref).words})"
        lines.append(f'  {name}["{_entities(label(ref) + note)}"]')
        if state is NodeState.DANGLING:
            lines.append(f"  class {name} missing")
    lines.extend(
        f"  {names[edge.source]} -->|{phrase(edge.kind, from_source=True)}| {names[edge.target]}" for edge in edges
    )
    return "\n".join([*lines, "  classDef missing stroke:#c00,stroke-dasharray:4"])


def _names(root: Ref | None, edges: Sequence[Edge]) -> dict[Ref, str]:
    refs = dict.fromkeys([*([root] if root else []), *(ref for edge in edges for ref in (edge.source, edge.target))])
    return {ref: f"n{index}" for index, ref in enumerate(refs)}


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _entities(value: str) -> str:
    """Mermaid has no escape but its own entities; everything but plain name characters becomes one."""
    return "".join(char if char.isalnum() or char in " -_./:()" else f"#{ord(char)};" for char in value)
