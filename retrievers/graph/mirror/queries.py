"""The in-memory graph's questions, answered from Neo4j alone: owners, dependencies, blast radius, ways, dangling references.

Promise: the same objects at the same distances as `retrievers.graph.queries` gives; within a distance they come by address.
A walk fetches one ring of neighbours at a time, so that cycles end and hubs are expanded once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from copilot.model import CopilotError, Ref, UsageError
from retrievers.graph.edge import Edge, EdgeKind, Health, NodeState
from retrievers.graph.mirror.link import Link, Row, Transaction
from retrievers.graph.mirror.rows import shown, shown_ref
from retrievers.graph.queries import Reached

_FRONTIER = 1_000  # nodes expanded by one statement
_NEVER_A_WAY = frozenset({EdgeKind.ABOUT, EdgeKind.RUNS_IMAGE})


def _types(*healths: Health) -> str:
    """The relationship types whose edges carry health in one of these directions."""
    return "|".join(kind.value for kind in EdgeKind if kind.health in healths and kind is not EdgeKind.IN_NAMESPACE)


_FORWARD = _types(Health.FORWARD, Health.BOTH)
_BACKWARD = _types(Health.BACKWARD, Health.BOTH)
_WAYS = "|".join(kind.value for kind in EdgeKind if kind not in _NEVER_A_WAY and kind is not EdgeKind.IN_NAMESPACE)
_COUNTS = "((r.certain AND NOT r.optional) OR b.read)"  # an absent target hurts nobody when tolerated
_REF = "{uid: %s.uid, kind: %s.kind, namespace: %s.namespace, name: %s.name, group: %s.group}"
_EDGE = "type(r) AS type, r.field AS field, r.optional AS optional, r.certain AS certain"
_START = "UNWIND $uids AS uid MATCH (n:Resource {cluster: $cluster, uid: uid}) "


def _ref_map(name: str) -> str:
    return _REF.replace("%s", name)


def _step(outgoing: tuple[str, str], incoming: tuple[str, str]) -> str:
    """One ring: edges that leave the frontier (a = n), and edges that enter it (b = n). `next` is the far end."""
    told = f"RETURN {_ref_map('a')} AS a, {_ref_map('b')} AS b, {_EDGE}"
    return (
        f"{_START}CALL (n) {{ WITH n AS a MATCH (a)-[r:{outgoing[0]}]->(b) WHERE {outgoing[1]} {told}, b.uid AS next "
        f"UNION ALL WITH n AS b MATCH (a)-[r:{incoming[0]}]->(b) WHERE {incoming[1]} {told}, a.uid AS next }} "
        "RETURN uid, a, b, type, field, optional, certain, next"
    )


# A node owns its static pods, lease and CSINode as a matter of bookkeeping: it is not made of them.
_NOT_A_NODE = "NOT (type(r) = 'OWNED_BY' AND b.kind = 'Node')"
CAUSES = _step((_FORWARD, _COUNTS), (_BACKWARD, _NOT_A_NODE))
SUFFERERS = _step((_BACKWARD, _NOT_A_NODE), (_FORWARD, _COUNTS))
_OUT = f"{_START}MATCH (n)-[r]->(m) WITH n AS a, r, m AS b RETURN {_ref_map('a')} AS a, {_ref_map('b')} AS b, {_EDGE} ORDER BY r.order"
_INTO = f"{_START}MATCH (n)<-[r]-(m) WITH m AS a, r, n AS b RETURN {_ref_map('a')} AS a, {_ref_map('b')} AS b, {_EDGE} ORDER BY a.uid"
_OWNERS = f"{_START}MATCH (n)-[r:OWNED_BY]->(b) RETURN uid, {_ref_map('b')} AS b ORDER BY r.order"
_SHORTEST = (
    "MATCH (a:Resource {cluster: $cluster, uid: $start}), (b:Resource {cluster: $cluster, uid: $end}) "
    f"MATCH way = shortestPath((a)-[:{_WAYS}*]-(b)) UNWIND relationships(way) AS r "
    f"WITH r, startNode(r) AS a, endNode(r) AS b RETURN {_ref_map('a')} AS a, {_ref_map('b')} AS b, {_EDGE}"
)
_DANGLING = (
    "MATCH (b:Resource {cluster: $cluster}) WHERE b.uid > '' AND b.state = 'dangling' MATCH (a)-[r]->(b) "
    f"WHERE type(r) <> 'ABOUT' RETURN {_ref_map('a')} AS a, {_ref_map('b')} AS b, {_EDGE}"
)
_FIND = (
    "MATCH (n:Resource {cluster: $cluster, name: $name}) WHERE n.kind = $kind AND n.namespace = $namespace "
    "AND n.group = $group RETURN n.uid AS uid, n.state AS state ORDER BY n.uid"
)
_NAMED = (
    "MATCH (n:Resource {cluster: $cluster, name: $name}) WHERE toLower(n.kind) = $kind "
    "AND ($namespace IS NULL OR n.namespace IN ['', $namespace]) AND ($group IS NULL OR n.group = $group) "
    f"RETURN {_ref_map('n')} AS n ORDER BY n.namespace, n.group"
)
_COMPLETE = "MATCH (m:CopilotMirror {cluster: $cluster}) RETURN m.complete AS complete"


class IncompleteError(CopilotError):
    """The mirror was never finished, or a sync is under way."""


class MirroredGraph:
    """One cluster's graph as Neo4j holds it.

    Raises:
        IncompleteError: at the first question, when no sync of this cluster has come to its end.
    """

    def __init__(self, link: Link, cluster: str) -> None:
        self._link = link
        self._cluster = cluster

    def find(self, kind: str, name: str, namespace: str | None = None, group: str | None = None) -> Ref:
        """The object of these parts; what is not given may be anything.

        Raises:
            UsageError: there is none, or there are several.
        """
        with self._asking() as ask:
            rows = ask.rows(_NAMED, kind=kind.lower(), name=shown(name), namespace=namespace, group=group)
        found = [_ref(row["n"]) for row in rows]
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(f"The mirror holds no {kind} {name!r}.", "Look at its age: kubectl copilot mirror status")
        listed = ", ".join(f"{ref}{f' ({ref.group})' if ref.group else ''}" for ref in found[:6])
        raise UsageError(
            f"{kind}/{name} means several objects: {listed}.", "Name the namespace with -n, or KIND.GROUP/NAME."
        )

    def state(self, ref: Ref) -> NodeState | None:
        """Whether the object exists, is known not to, or could not be looked for; None when nothing names it."""
        with self._asking() as ask:
            found = ask.find(ref)
        return None if found is None else NodeState(found["state"])

    def owners(self, ref: Ref) -> list[Ref]:
        """The owners of an object, nearest first; among several, the controller comes first."""
        with self._asking() as ask:
            return ask.owners(ref)

    def out(self, ref: Ref) -> list[Edge]:
        """Edges that start at the object."""
        return self._edges(_OUT, ref)

    def into(self, ref: Ref) -> list[Edge]:
        """Edges that end at the object."""
        return self._edges(_INTO, ref)

    def depends_on(self, ref: Ref) -> list[Ref]:
        """Everything whose illness can make the object ill, nearest first."""
        return [found.ref for found in self.dependencies(ref)]

    def blast_radius(self, ref: Ref) -> list[Ref]:
        """Everything that suffers when the object is ill, nearest first."""
        return [found.ref for found in self.dependants(ref)]

    def dependencies(self, ref: Ref) -> list[Reached]:
        """`depends_on`, with a shortest way to each."""
        with self._asking() as ask:
            return ask.walk(ref, CAUSES)

    def dependants(self, ref: Ref) -> list[Reached]:
        """`blast_radius`, with a shortest way to each."""
        with self._asking() as ask:
            return ask.walk(ref, SUFFERERS)

    def path(self, start: Ref, end: Ref) -> list[Edge]:
        """A shortest way between two objects: along health when one depends on the other, else along any edge."""
        with self._asking() as ask:
            return ask.path(start, end)

    def dangling(self) -> list[Edge]:
        """Edges to objects that are known not to exist, by source."""
        with self._asking() as ask:
            edges = [_edge(row) for row in ask.rows(_DANGLING)]
        return sorted(edges, key=lambda edge: (edge.source, edge.kind, edge.target))

    def _edges(self, query: str, ref: Ref) -> list[Edge]:
        with self._asking() as ask:
            uid = ask.uid(ref)
            return [] if uid is None else [_edge(row) for row in ask.rows(query, uids=[uid])]

    @contextmanager
    def _asking(self) -> Iterator[_Asking]:
        with self._link.reading() as transaction:
            ask = _Asking(transaction, self._cluster)
            ask.require_complete()
            yield ask


class _Asking:
    """Questions inside one read transaction."""

    def __init__(self, transaction: Transaction, cluster: str) -> None:
        self._transaction = transaction
        self._cluster = cluster

    def rows(self, query: str, **parameters: Any) -> list[Row]:
        return self._transaction.rows(query, cluster=self._cluster, **parameters)

    def require_complete(self) -> None:
        held = self.rows(_COMPLETE)
        if not held:
            raise IncompleteError("This cluster is not mirrored.", "Run: kubectl copilot mirror sync")
        if held[0]["complete"] is not True:
            raise IncompleteError(
                "The mirror of this cluster is not complete: a sync runs, or one ended in the middle.",
                "Wait for it, or run: kubectl copilot mirror sync",
            )

    def find(self, ref: Ref) -> Row | None:
        told = shown_ref(ref)
        found = self.rows(_FIND, kind=told.kind, namespace=told.namespace, name=told.name, group=told.group)
        return found[0] if found else None

    def uid(self, ref: Ref) -> str | None:
        found = self.find(ref)
        return None if found is None else str(found["uid"])

    def owners(self, ref: Ref) -> list[Ref]:
        start = self.uid(ref)
        found: dict[str, Ref] = {}
        ring = [] if start is None else [start]
        while ring:
            next_ring: list[str] = []
            above: dict[str, list[Row]] = {}
            for row in self.rows(_OWNERS, uids=ring):
                above.setdefault(row["uid"], []).append(row["b"])
            for uid in ring:
                for owner in above.get(uid, ()):
                    if owner["uid"] != start and owner["uid"] not in found:
                        found[owner["uid"]] = _ref(owner)
                        next_ring.append(owner["uid"])
            ring = next_ring
        return list(found.values())

    def walk(self, ref: Ref, step: str) -> list[Reached]:
        start = self.uid(ref)
        return [] if start is None else [reached for _, reached in self._reach(start, step)]

    def path(self, start: Ref, end: Ref) -> list[Edge]:
        first, last = self.uid(start), self.uid(end)
        if first is None or last is None or first == last:
            return []
        for step in (CAUSES, SUFFERERS):
            for uid, reached in self._reach(first, step):
                if uid == last:
                    return list(reached.path)
        return [_edge(row) for row in self.rows(_SHORTEST, start=first, end=last)]

    def _reach(self, start: str, step: str) -> Iterator[tuple[str, Reached]]:
        """Ring by ring, each sorted by address; lazily, so that a way is found without walking further."""
        ways: dict[str, tuple[Edge, ...]] = {start: ()}
        ring = [start]
        while ring:
            reached: dict[str, Reached] = {}
            for place in range(0, len(ring), _FRONTIER):
                for row in self.rows(step, uids=ring[place : place + _FRONTIER]):
                    uid = row["next"]
                    if uid not in ways:
                        ways[uid] = (*ways[row["uid"]], _edge(row))
                        end = row["b"] if row["b"]["uid"] == uid else row["a"]
                        reached[uid] = Reached(_ref(end), ways[uid])
            ordered = sorted(reached.items(), key=lambda item: item[1].ref)
            yield from ordered
            ring = [uid for uid, _ in ordered]


def _ref(row: Row) -> Ref:
    return Ref(row["kind"], row["namespace"], row["name"], row["group"])


def _edge(row: Row) -> Edge:
    return Edge(_ref(row["a"]), EdgeKind(row["type"]), _ref(row["b"]), row["field"], row["optional"], row["certain"])
