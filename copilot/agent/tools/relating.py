"""How objects hang together: neighbours, who suffers, the way between two, whether one may reach the other."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from copilot.agent.tools.looking import Object, Space
from copilot.agent.tools.tool import Line, Result, Tool
from copilot.agent.tools.workplace import Workplace
from copilot.diagnosis.reach import reach
from guardrails.provenance import Source
from retrievers.graph import Edge, NodeState, dependants
from retrievers.graph.phrases import phrase

MOST_EDGES = 60


class OneObject(msgspec.Struct, frozen=True):
    """Arguments of a look at one object."""

    object: Object
    namespace: Space = ""


class TwoObjects(msgspec.Struct, frozen=True):
    """Arguments of a look at two objects."""

    start: Annotated[str, Meta(description="The first object as kind/name")]
    end: Annotated[str, Meta(description="The second object as kind/name")]
    namespace: Space = ""


class ReachArguments(msgspec.Struct, frozen=True):
    """Arguments of reach."""

    source: Annotated[str, Meta(description="Who connects, as kind/name")]
    destination: Annotated[str, Meta(description="Whom, as kind/name, with :PORT where it matters")]
    namespace: Space = ""


def _edge(place: Workplace, edge: Edge) -> Line:
    words = f"{edge.source} {phrase(edge.kind, from_source=True)} {edge.target}"
    if place.graph.state(edge.target) is NodeState.DANGLING:
        words += " (which does not exist)"
    return Line(words, edge.source, edge.field, "graph", Source.K8S_STRUCTURED)


def neighbours(place: Workplace, given: OneObject) -> Result:
    """What an object uses and who uses it, one step away."""
    ref = place.find(given.object, given.namespace)
    edges = [*place.graph.out(ref), *place.graph.into(ref)]
    lines = tuple(dict.fromkeys(_edge(place, edge) for edge in edges if edge.source.kind != "Event"))
    cut = f"{len(lines) - MOST_EDGES} more ties are not shown." if len(lines) > MOST_EDGES else ""
    return Result(f"what {ref} is tied to", f"{len(edges)} ties in the graph", lines[:MOST_EDGES], cut, "" if lines else f"Nothing is tied to {ref}.")  # fmt: skip


def blast_radius(place: Workplace, given: OneObject) -> Result:
    """Who suffers when an object is ill."""
    ref = place.find(given.object, given.namespace)
    reached = dependants(place.graph, ref)
    count = Line(f"{len(reached)} objects depend on {ref}", ref, "graph", "graph", Source.K8S_STRUCTURED)
    lines = [
        Line(f"{one.ref} depends on {ref}, {one.distance} {'step' if one.distance == 1 else 'steps'} away", one.ref, one.path[-1].field if one.path else "", "graph", Source.K8S_STRUCTURED)
        for one in reached
    ]  # fmt: skip
    cut = f"{len(lines) - MOST_EDGES} more are not shown." if len(lines) > MOST_EDGES else ""
    return Result(f"who depends on {ref}", "the whole graph, transitively", (count, *lines[:MOST_EDGES]), cut)


def path_between(place: Workplace, given: TwoObjects) -> Result:
    """The shortest chain of ties between two objects."""
    start, end = place.find(given.start, given.namespace), place.find(given.end, given.namespace)
    edges = place.graph.path(start, end)
    trouble = "" if edges else f"No chain of ties leads from {start} to {end}."
    return Result(f"the way from {start} to {end}", "the whole graph", tuple(_edge(place, edge) for edge in edges), trouble=trouble)  # fmt: skip


def may_reach(place: Workplace, given: ReachArguments) -> Result:
    """Whether network policies let one reach the other, and which decide."""
    found = reach(place.view, given.source, given.destination, place.scope(given.namespace))
    head = f"{found.source} to {found.target}: {found.verdict.value}"
    lines = [Line(head, None, "network policies", "graph", Source.K8S_STRUCTURED)]
    for group in found.groups:
        ends = f"{', '.join(group.sources[:4])} to {', '.join(group.targets[:4])}"
        policies = [decider.policy.ref for decider in group.deciders]
        why = "; ".join(group.why)
        lines.append(Line(f"{ends}: {group.state.value}. {why}", policies[0] if policies else None, "spec", "graph", Source.K8S_STRUCTURED, beside=tuple(str(one) for one in policies)))  # fmt: skip
    notes = [*found.notes, found.enforcement.words]
    lines += [Line(note, None, "network policies", "graph", Source.K8S_STRUCTURED) for note in notes if note]
    cut = f"Not evaluated: {'; '.join(found.not_evaluated)}" if found.not_evaluated else ""
    return Result(f"whether {found.source} reaches {found.target}", "network policies, Services, endpoints", tuple(lines), cut)  # fmt: skip


RELATING: tuple[Tool[Any], ...] = (
    Tool("neighbours", "What an object uses and who uses it, one step away.", OneObject, neighbours),
    Tool("blast_radius", "Everything that depends on an object.", OneObject, blast_radius),
    Tool("path_between", "The chain of ties between two objects.", TwoObjects, path_between),
    Tool("reach", "Whether one may connect to the other, and which network policy decides.", ReachArguments, may_reach),
)  # fmt: skip
