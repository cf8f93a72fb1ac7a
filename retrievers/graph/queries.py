"""Questions asked of the graph, in one place: owners, dependencies, blast radius, ways, dangling references.

Every walk visits an object once, so cycles end; results come nearest first and in the same order every time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec

from copilot.model import Ref
from retrievers.graph.edge import Edge, EdgeKind, Health, NodeState
from retrievers.graph.store import BACKWARD, FORWARD, WEAK

if TYPE_CHECKING:
    from retrievers.graph.graph import ResourceGraph

_BREADTH_ONLY = frozenset({EdgeKind.ABOUT, EdgeKind.RUNS_IMAGE})


class Reached(msgspec.Struct, frozen=True):
    """An object that a walk reached, and the edges on the shortest way to it, first step first."""

    ref: Ref
    path: tuple[Edge, ...]

    @property
    def distance(self) -> int:
        """Steps from the start."""
        return len(self.path)


def owners(graph: ResourceGraph, ref: Ref) -> list[Ref]:
    """The owners of an object, nearest first; among several, the controller comes first."""
    found: dict[Ref, None] = {}
    queue = deque([ref])
    while queue:
        for edge in graph.out(queue.popleft(), EdgeKind.OWNED_BY):
            if edge.target != ref and edge.target not in found:
                found[edge.target] = None
                queue.append(edge.target)
    return list(found)


def top_owner(graph: ResourceGraph, ref: Ref) -> Ref:
    """The end of the chain of controllers. A static pod's owner is its node, which is not what a person would change."""
    seen = {ref}
    while True:
        edge = next(iter(graph.out(ref, EdgeKind.OWNED_BY)), None)
        if edge is None or edge.target in seen or edge.target.kind == "Node":
            return ref
        ref = edge.target
        seen.add(ref)


def owned(graph: ResourceGraph, ref: Ref) -> list[Ref]:
    """The objects that name it as owner."""
    return sorted({edge.source for edge in graph.into(ref, EdgeKind.OWNED_BY)})


def dependencies(graph: ResourceGraph, ref: Ref) -> list[Reached]:
    """Everything whose illness can make the object ill, with the way to each."""
    return _walk(graph, ref, _causes)


def dependants(graph: ResourceGraph, ref: Ref) -> list[Reached]:
    """Everything that suffers when the object is ill, with the way to each."""
    return _walk(graph, ref, _sufferers)


def depends_on(graph: ResourceGraph, ref: Ref) -> list[Ref]:
    """The objects of `dependencies`, without the ways; a rule asks this of every object in trouble, so the walk is a tight one."""
    start = graph.store.ids.get(ref)
    return [] if start is None else [graph.store.refs[number] for number in _below(graph, start)]


def blast_radius(graph: ResourceGraph, ref: Ref) -> list[Ref]:
    """The objects of `dependants`, without the ways."""
    return _reach(graph, ref, _sufferers)


def dangling(graph: ResourceGraph) -> list[Edge]:
    """Edges to objects that are known not to exist, by source. Events about deleted objects are not references."""
    found: list[Edge] = []
    for ref in graph.refs():
        if graph.get(ref) is None and graph.state(ref) is NodeState.DANGLING:
            found.extend(edge for edge in graph.into(ref) if edge.kind is not EdgeKind.ABOUT)
    return sorted(found, key=lambda edge: (edge.source, edge.kind, edge.target))


def path(graph: ResourceGraph, start: Ref, end: Ref) -> list[Edge]:
    """The shortest way between two objects: along health when one depends on the other, else along any edge."""
    for steps in (_causes, _sufferers, _neighbours):
        found = _search(graph, start, end, steps)
        if found is not None:
            return found
    return []


# number -> (neighbour, edge as (source, tie, target))
_Step = tuple[int, tuple[int, int, int]]
_Steps = Callable[["ResourceGraph", int], Iterator[_Step]]


def _causes(graph: ResourceGraph, number: int) -> Iterator[_Step]:
    store = graph.store
    for target, tie in store.leaving(number):
        if store.ties[tie].health in (Health.FORWARD, Health.BOTH) and _counts(graph, target, tie):
            yield target, (number, tie, target)
    for source, tie in store.entering(number):
        if store.ties[tie].health in (Health.BACKWARD, Health.BOTH) and not _on_node(graph, tie, number):
            yield source, (source, tie, number)


def _below(graph: ResourceGraph, start: int) -> list[int]:
    """What `_breadth_first` along `_causes` reaches, in the same order."""
    store, read, flags = graph.store, graph.index.resources, graph.store.flags
    seen, order = {start}, [start]
    for number in order:
        for pairs in (store.declared[number] or (), store.matched.get(number, ())):
            for i in range(0, len(pairs), 2):
                target, flag = pairs[i], flags[pairs[i + 1]]
                if flag & FORWARD and target not in seen and (not flag & WEAK or target in read):
                    seen.add(target)
                    order.append(target)
        into = store.into[number] or ()
        for i in range(0, len(into), 2):
            source, tie = into[i], into[i + 1]
            if flags[tie] & BACKWARD and source not in seen and not _on_node(graph, tie, number):
                seen.add(source)
                order.append(source)
    return order[1:]


def _sufferers(graph: ResourceGraph, number: int) -> Iterator[_Step]:
    store = graph.store
    for source, tie in store.entering(number):
        if store.ties[tie].health in (Health.FORWARD, Health.BOTH) and _counts(graph, number, tie):
            yield source, (source, tie, number)
    for target, tie in store.leaving(number):
        if store.ties[tie].health in (Health.BACKWARD, Health.BOTH) and not _on_node(graph, tie, target):
            yield target, (number, tie, target)


def _neighbours(graph: ResourceGraph, number: int) -> Iterator[_Step]:
    store = graph.store
    for target, tie in store.leaving(number):
        if store.ties[tie].kind not in _BREADTH_ONLY:
            yield target, (number, tie, target)
    for source, tie in store.entering(number):
        if store.ties[tie].kind not in _BREADTH_ONLY:
            yield source, (source, tie, number)


def _counts(graph: ResourceGraph, target: int, tie: int) -> bool:
    """An absent target hurts nobody when the reference is optional, or only inferred."""
    said = graph.store.ties[tie]
    return (said.certain and not said.optional) or graph.get(graph.store.refs[target]) is not None


def _on_node(graph: ResourceGraph, tie: int, owner: int) -> bool:
    """A node owns its static pods, lease and CSINode as a matter of bookkeeping: it is not made of them."""
    return graph.store.ties[tie].kind is EdgeKind.OWNED_BY and graph.store.refs[owner].kind == "Node"


def _reach(graph: ResourceGraph, ref: Ref, steps: _Steps) -> list[Ref]:
    start = graph.store.ids.get(ref)
    return [] if start is None else [graph.store.refs[number] for number, _ in _breadth_first(graph, start, steps)]


def _walk(graph: ResourceGraph, ref: Ref, steps: _Steps) -> list[Reached]:
    start = graph.store.ids.get(ref)
    if start is None:
        return []
    came: dict[int, tuple[int, int, int]] = {}
    order = []
    for number, edge in _breadth_first(graph, start, steps):
        came[number] = edge
        order.append(number)
    return [Reached(graph.store.refs[number], _way(graph, start, number, came)) for number in order]


def _search(graph: ResourceGraph, start: Ref, end: Ref, steps: _Steps) -> list[Edge] | None:
    first, last = graph.store.ids.get(start), graph.store.ids.get(end)
    if first is None or last is None:
        return None
    came: dict[int, tuple[int, int, int]] = {}
    for number, edge in _breadth_first(graph, first, steps):
        came[number] = edge
        if number == last:
            return list(_way(graph, first, last, came))
    return None


def _breadth_first(graph: ResourceGraph, start: int, steps: _Steps) -> Iterator[_Step]:
    seen = {start}
    queue = deque([start])
    while queue:
        for neighbour, edge in steps(graph, queue.popleft()):
            if neighbour not in seen:
                seen.add(neighbour)
                queue.append(neighbour)
                yield neighbour, edge


def _way(graph: ResourceGraph, start: int, end: int, came: dict[int, tuple[int, int, int]]) -> tuple[Edge, ...]:
    steps = []
    number = end
    while number != start:
        source, tie, target = came[number]
        steps.append(graph.store.edge(source, tie, target))
        number = source if number == target else target
    return tuple(reversed(steps))
