"""The graph's memory: objects as small integers, edges as pairs of integers. It knows nothing of Kubernetes.

Adjacency lists are flat, `[neighbour, tie, neighbour, tie …]`: the integers are shared, so that an edge costs about 40
bytes, not the 300 of an object.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import msgspec

from copilot.model import Ref
from retrievers.graph.edge import Edge, EdgeKind, Health

FORWARD = 1  # the source suffers with the target
BACKWARD = 2  # the target suffers with the source
WEAK = 4  # an absent target is tolerated: optional, or only inferred
_NONE: AbstractSet[int] = frozenset()


class Tie(msgspec.Struct, frozen=True):
    """Everything an edge says besides its two ends; shared by all edges that say the same."""

    kind: EdgeKind
    field: str
    optional: bool
    certain: bool
    health: Health


class EdgeStore:
    """Interned refs and their edges. `declared` edges come from the source's own fields, `matched` from its selector."""

    __slots__ = ("_free", "_ties_of", "declared", "flags", "ids", "into", "matched", "refs", "ties", "touched")

    def __init__(self) -> None:
        self.ids: dict[Ref, int] = {}
        self.refs: list[Ref] = []
        self.declared: list[list[int] | None] = []
        self.into: list[list[int] | None] = []
        self.matched: dict[int, list[int]] = {}
        self.ties: list[Tie] = []
        self.flags: list[int] = []  # of each tie: FORWARD, BACKWARD and WEAK added up
        self._ties_of: dict[str, list[int]] = {}
        self._free: list[int] = []
        self.touched: set[Ref] | None = None  # when asked for: both ends of every edge that came or went

    def intern(self, ref: Ref) -> int:
        """The number of an object; a new one when it was never named."""
        found = self.ids.get(ref)
        if found is not None:
            return found
        if self._free:
            number = self._free.pop()
            self.refs[number] = ref
        else:
            number = len(self.refs)
            self.refs.append(ref)
            self.declared.append(None)
            self.into.append(None)
        self.ids[ref] = number
        return number

    def tie(self, kind: EdgeKind, field: str = "", optional: bool = False, certain: bool = True) -> int:
        """The number of what an edge says."""
        alike = self._ties_of.setdefault(field, [])
        for number in alike:  # nearly always one: the field tells the kind
            said = self.ties[number]
            if said.kind is kind and said.optional is optional and said.certain is certain:
                return number
        health = kind.health
        self.ties.append(Tie(kind, field, optional, certain, health))
        forward = FORWARD if health in (Health.FORWARD, Health.BOTH) else 0
        backward = BACKWARD if health in (Health.BACKWARD, Health.BOTH) else 0
        self.flags.append(forward + backward + (WEAK if optional or not certain else 0))
        alike.append(len(self.ties) - 1)
        return alike[-1]

    def declare(self, source: int, pairs: list[int]) -> AbstractSet[int]:
        """Replace the edges that an object declares; the pairs are (target, tie). Unchanged edges are not touched.

        Returns the objects that an edge no longer leads to.
        """
        old = self.declared[source]
        if old == pairs or (old is None and not pairs):
            return _NONE
        self.declared[source] = pairs or None
        if self.touched is not None:
            self.touched.add(self.refs[source])  # its edges may only have changed their order
        if old is None:
            for target, tie in pairs_of(pairs):
                self._enter(source, tie, target)
            return _NONE
        known = set(pairs_of(old))
        kept = set(pairs_of(pairs))
        for target, tie in pairs_of(pairs):
            if (target, tie) not in known:
                self._enter(source, tie, target)
        stale = known - kept
        for target, tie in stale:
            self._leave(source, tie, target)
        return {target for target, _ in stale} if stale else _NONE

    def match(self, source: int, tie: int, target: int) -> None:
        """Add an edge that a selector makes."""
        matched = self.matched.get(source)
        if matched is None:
            matched = self.matched[source] = []
        matched.append(target)
        matched.append(tie)
        self._enter(source, tie, target)

    def unmatch(self, source: int, tie: int, target: int) -> None:
        """Remove an edge that a selector made."""
        _drop(self.matched.get(source), target, tie)
        self._leave(source, tie, target)

    def unmatch_all(self, source: int) -> None:
        """Remove every edge the object's selector made."""
        for target, tie in pairs_of(self.matched.pop(source, None)):
            self._leave(source, tie, target)

    def release(self, number: int) -> None:
        """Forget an object that nothing names any more, so that churn does not grow the graph. Twice is once."""
        if self.ids.get(self.refs[number]) != number:
            return
        if not self.into[number] and not self.declared[number] and not self.matched.get(number):
            del self.ids[self.refs[number]]
            self.into[number] = None
            self._free.append(number)

    def leaving(self, number: int) -> Iterator[tuple[int, int]]:
        """(target, tie) of the edges that start here."""
        yield from pairs_of(self.declared[number])
        yield from pairs_of(self.matched.get(number))

    def entering(self, number: int) -> Iterator[tuple[int, int]]:
        """(source, tie) of the edges that end here."""
        yield from pairs_of(self.into[number])

    def edge(self, source: int, tie: int, target: int) -> Edge:
        """An edge in words."""
        said = self.ties[tie]
        return Edge(self.refs[source], said.kind, self.refs[target], said.field, said.optional, said.certain)

    def __len__(self) -> int:
        """The number of edges."""
        return sum(len(pairs) for pairs in self.into if pairs) // 2

    def _enter(self, source: int, tie: int, target: int) -> None:
        if self.touched is not None:
            self.touched.update((self.refs[source], self.refs[target]))
        into = self.into[target]
        if into is None:
            self.into[target] = [source, tie]
        else:
            into.append(source)
            into.append(tie)

    def _leave(self, source: int, tie: int, target: int) -> None:
        if self.touched is not None:
            self.touched.update((self.refs[source], self.refs[target]))
        _drop(self.into[target], source, tie)


def pairs_of(flat: list[int] | None) -> Iterator[tuple[int, int]]:
    """Walk a flat adjacency list."""
    items = iter(flat or ())
    return zip(items, items, strict=True)


def _drop(flat: list[int] | None, neighbour: int, tie: int) -> None:
    """Remove one pair; `list.index` scans at C speed, which matters for hubs with thousands of neighbours."""
    if flat is None:
        return
    place = -1
    while True:
        try:
            place = flat.index(neighbour, place + 1)
        except ValueError:
            return
        if place % 2 == 0 and flat[place + 1] == tie:
            del flat[place : place + 2]
            return
