"""Keeps one cluster's graph in Neo4j: first the whole of it, then each change. What is written twice is written once.

Promise: what was reported as `Written` was committed; a sync that ends in the middle leaves a mirror marked incomplete,
and the next one completes it; rows of other clusters are never touched; of two syncs of one cluster the later one wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from copilot.model import Ref
from retrievers.graph.graph import ResourceGraph
from retrievers.graph.mirror import statements
from retrievers.graph.mirror.errors import MirrorError, SupersededError, TamperedError, VersionError
from retrievers.graph.mirror.link import Link, Transaction
from retrievers.graph.mirror.rows import (
    EdgeRow,
    Keys,
    NodeRow,
    assign_all,
    by_kind,
    by_label,
    edge_rows,
    edges_print,
    node_row,
)

BATCH = 1_000  # rows a transaction: measured best; larger ones take memory and gain nothing
FORMAT = 1  # of the rows; a newer program may write what this one would spoil
_NO_EDGES = edges_print(())
_One = TypeVar("_One")


class Part(StrEnum):
    """What a batch wrote."""

    NODES = "nodes"
    EDGES = "edges"
    REMOVED = "removed"


class Written(msgspec.Struct, frozen=True):
    """A batch that the server has acknowledged."""

    part: Part
    count: int
    generation: int


class Totals(msgspec.Struct, frozen=True):
    """The end of a sync: how large the mirror is."""

    nodes: int
    edges: int
    generation: int


class Changed(msgspec.Struct, frozen=True):
    """What a small change wrote."""

    nodes: int = 0
    edges: int = 0
    removed: int = 0


class Mirrored(msgspec.Struct, frozen=True):
    """A cluster that the database holds. `synced` and `observed` are times; "" as long as no sync has come to its end."""

    cluster: str
    name: str
    complete: bool
    generation: int
    nodes: int
    edges: int
    synced: str
    observed: str


class _Known(msgspec.Struct, frozen=True):
    """What the database holds of one node."""

    print: str
    edges: str
    label: str
    degree: int


class _Source(msgspec.Struct, frozen=True):
    """An object whose edges are to be written anew. `fresh`: the database holds none of them yet."""

    uid: str
    rows: list[EdgeRow]
    fresh: bool


class Mirror:
    """One cluster's part of the database. `cluster` is its key, `name` what people call it."""

    def __init__(self, link: Link, cluster: str, name: str = "") -> None:
        self.cluster = cluster
        self.name = name or cluster
        self.generation = 0
        self._link = link
        self._sound = False  # what is remembered here is what the database holds
        self._keys = Keys()
        self._prints: dict[str, str] = {}
        self._edges: dict[str, frozenset[str]] = {}

    def sync(self, graph: ResourceGraph, *, verify: bool = False) -> Iterator[Written | Totals]:
        """Make the database equal to the graph, in batches; each is reported once it is committed.

        With `verify`, every row is written anew, whatever the database says it holds.

        Raises:
            CopilotError: the server failed, or another sync of this cluster began.
        """
        self._sound = False
        self._begin()
        known = self._known()
        self._keys = Keys()
        assign_all(graph, self._keys)
        self._prints, self._edges = {}, {}
        yield from self._write_nodes(graph, known, verify=verify)
        yield from self._write_edges(graph, known, verify=verify)
        yield from self._remove([uid for uid in known if uid not in self._prints])
        edges = sum(len(ids) for ids in self._edges.values())
        self._finish(graph, edges)
        self._sound = True
        yield Totals(len(self._prints), edges, self.generation)

    def update(self, graph: ResourceGraph, touched: Iterable[Ref]) -> Changed:
        """Bring the database up to date with what changed since the last `sync` or `update`, in one transaction.

        Raises:
            CopilotError: the server failed, another sync began, or someone else wrote to the mirror. Sync again.
        """
        self._require_sound()
        nodes, sources, gone = self._differences(graph, set(touched))
        if not nodes and not sources and not gone:
            return Changed()
        rows = [row for source in sources for row in source.rows if row.id not in self._edges.get(source.uid, ())]
        marks = {source.uid: edges_print(row.id for row in source.rows) for source in sources}
        self._sound = False  # until the server has acknowledged
        with self._link.writing() as transaction:
            self._hold(transaction)
            self._upsert(transaction, nodes, marks)
            self._delete(transaction, gone)
            self._drop_edges(transaction, sources)
            self._write(transaction, rows, fresh=False)
            self._mark(transaction, marks)
        self._sound = True
        self._remember(nodes, sources, gone)
        return Changed(len(nodes), len(rows), len(gone))

    def _require_sound(self) -> None:
        if not self._sound:
            raise MirrorError("This mirror has to be synced first.", "Run: kubectl copilot mirror sync")

    # The whole

    def _begin(self) -> None:
        for statement in statements.SCHEMA:
            self._link.rows(statement)
        self._link.rows(statements.AWAIT_INDEXES)
        with self._link.writing() as transaction:
            begun = transaction.one(statements.BEGIN, cluster=self.cluster, name=self.name, format=FORMAT)
            if begun["format"] != FORMAT:
                raise VersionError(
                    f"The mirror of {self.name!r} has format {begun['format']}; this program writes {FORMAT}.",
                    "Use the newer program, or `kubectl copilot mirror forget` and sync again.",
                )
        self.generation = int(begun["generation"])

    def _known(self) -> dict[str, _Known]:
        with self._link.reading() as transaction:
            found = transaction.rows(statements.KNOWN, cluster=self.cluster)
        return {
            row["uid"]: _Known(row["print"] or "", row["edges"] or _NO_EDGES, ":".join(row["labels"]), row["degree"])
            for row in found
        }

    def _write_nodes(self, graph: ResourceGraph, known: dict[str, _Known], *, verify: bool) -> Iterator[Written]:
        pending: dict[str, list[NodeRow]] = {}
        for ref, uid in self._keys.of.items():
            row = node_row(graph, ref, uid)
            self._prints[uid] = row.print
            held = known.get(uid)
            if held is not None and held.label != row.label:  # a label is never taken off a node: another node it is
                yield from self._remove([uid])
                known.pop(uid)
                held = None
            if verify or held is None or held.print != row.print:
                batch = pending.setdefault(row.label, [])
                batch.append(row)
                if len(batch) == BATCH:
                    yield self._commit_nodes(pending.pop(row.label), known)
        for batch in pending.values():
            yield self._commit_nodes(batch, known)

    def _commit_nodes(self, batch: list[NodeRow], known: dict[str, _Known]) -> Written:
        kept = {row.uid: known[row.uid].edges for row in batch if row.uid in known}
        with self._link.writing() as transaction:
            self._hold(transaction)
            self._upsert(transaction, batch, kept)
        return Written(Part.NODES, len(batch), self.generation)

    def _write_edges(self, graph: ResourceGraph, known: dict[str, _Known], *, verify: bool) -> Iterator[Written]:
        batch: list[_Source] = []
        size = 0
        for ref, uid in self._keys.of.items():
            rows = edge_rows(graph, ref, self._keys)
            self._edges[uid] = frozenset(row.id for row in rows)
            held = known.get(uid)
            there = held is not None and held.edges == edges_print(self._edges[uid]) and held.degree == len(rows)
            if (there and not verify) or (held is None and not rows):
                continue
            if batch and (size + len(rows) > BATCH or batch[-1].fresh is not (held is None)):
                yield from self._commit_edges(batch)
                batch, size = [], 0
            batch.append(_Source(uid, rows, held is None))
            size += len(rows)
        yield from self._commit_edges(batch)

    def _commit_edges(self, sources: list[_Source]) -> Iterator[Written]:
        """Write the edges of these sources; only the last transaction marks them as done."""
        rows = [row for source in sources for row in source.rows]
        old = [{"uid": source.uid, "keep": [row.id for row in source.rows]} for source in sources if not source.fresh]
        marks = {source.uid: edges_print(row.id for row in source.rows) for source in sources}
        chunks = list(_chunks(rows)) or [[]]
        for number, chunk in enumerate(chunks):
            with self._link.writing() as transaction:
                self._hold(transaction)
                if old and number == 0:
                    transaction.rows(statements.DELETE_OTHER_EDGES, cluster=self.cluster, sources=old)
                self._write(transaction, chunk, fresh=not old)
                if number == len(chunks) - 1:
                    self._mark(transaction, marks)
            if chunk:
                yield Written(Part.EDGES, len(chunk), self.generation)

    def _remove(self, uids: list[str]) -> Iterator[Written]:
        for chunk in _chunks(uids):
            with self._link.writing() as transaction:
                self._hold(transaction)
                self._delete(transaction, chunk)
            yield Written(Part.REMOVED, len(chunk), self.generation)

    def _finish(self, graph: ResourceGraph, edges: int) -> None:
        with self._link.writing() as transaction:
            self._hold(transaction)
            transaction.rows(
                statements.FINISH,
                cluster=self.cluster,
                observed=graph.snapshot.observed_at.isoformat(),
                nodes=len(self._prints),
                edges=edges,
            )

    # A change

    def _differences(self, graph: ResourceGraph, touched: set[Ref]) -> tuple[list[NodeRow], list[_Source], list[str]]:
        """Nodes to write, sources whose edges differ, and nodes that are gone."""
        ids = graph.store.ids
        gone: list[str] = []
        sources = {ref for ref in touched if ref in ids}
        for ref in sorted(touched):
            before = self._keys.of.get(ref)
            after = self._keys.assign(ref, graph.get(ref)) if ref in ids else self._keys.forget(ref) and None
            if before is not None and before != after:
                gone.append(before)
            if after is not None and before != after:  # what leads here leads to another node now
                sources.update(edge.source for edge in graph.into(ref))
        rows = [node_row(graph, ref, self._keys.of[ref]) for ref in sorted(touched) if ref in ids]
        nodes = [row for row in rows if self._prints.get(row.uid) != row.print]
        edges = [_Source(self._keys.of[ref], edge_rows(graph, ref, self._keys), fresh=False) for ref in sorted(sources)]
        changed = [one for one in edges if self._edges.get(one.uid, frozenset()) != {row.id for row in one.rows}]
        taken = set(self._keys.of.values()) if gone else set()
        return nodes, changed, [uid for uid in gone if uid not in taken]

    def _remember(self, nodes: list[NodeRow], sources: list[_Source], gone: list[str]) -> None:
        for uid in gone:
            self._prints.pop(uid, None)
            self._edges.pop(uid, None)
        for row in nodes:
            self._prints[row.uid] = row.print
            self._edges.setdefault(row.uid, frozenset())
        for source in sources:
            self._edges[source.uid] = frozenset(row.id for row in source.rows)

    # Statements

    def _hold(self, transaction: Transaction) -> None:
        held = transaction.rows(statements.HOLD, cluster=self.cluster)
        if not held or held[0]["generation"] != self.generation:
            raise SupersededError(self.name)

    def _upsert(self, transaction: Transaction, nodes: list[NodeRow], marks: dict[str, str]) -> None:
        for label, rows in by_label(nodes):
            sent = [
                {
                    "uid": row.uid,
                    "properties": row.properties,
                    "print": row.print,
                    "edges": marks.get(row.uid, self._mark_of(row.uid)),
                }
                for row in rows
            ]
            self._expect(transaction, statements.upsert_nodes(label), len(sent), rows=sent)

    def _mark_of(self, uid: str) -> str | None:
        ids = self._edges.get(uid)
        return None if ids is None else edges_print(ids)

    def _write(self, transaction: Transaction, rows: Sequence[EdgeRow], *, fresh: bool) -> None:
        for kind, alike in by_kind(rows):
            places: dict[str, int] = {}  # many edges say the same of themselves: it is sent once
            said: list[dict[str, Any]] = []
            sent = []
            for row in alike:
                place = places.setdefault(str(row.properties), len(said))
                if place == len(said):
                    said.append(row.properties)
                sent.append([row.id, row.source, row.target, place])
            self._expect(transaction, statements.write_edges(kind, fresh=fresh), len(sent), rows=sent, said=said)

    def _drop_edges(self, transaction: Transaction, sources: list[_Source]) -> None:
        dropped = []
        for source in sources:
            gone = self._edges.get(source.uid, frozenset()) - {row.id for row in source.rows}
            if gone:
                dropped.append({"uid": source.uid, "gone": sorted(gone)})
        if dropped:
            transaction.rows(statements.DELETE_EDGES, cluster=self.cluster, sources=dropped)

    def _mark(self, transaction: Transaction, marks: dict[str, str]) -> None:
        sent = [{"uid": uid, "print": mark} for uid, mark in marks.items()]
        if sent:
            self._expect(transaction, statements.MARK_EDGES, len(sent), sources=sent)

    def _delete(self, transaction: Transaction, uids: Sequence[str]) -> None:
        if uids:
            transaction.rows(statements.DELETE_NODES, cluster=self.cluster, uids=list(uids), generation=self.generation)

    def _expect(self, transaction: Transaction, statement: str, count: int, **parameters: Any) -> None:
        answer = transaction.one(statement, cluster=self.cluster, generation=self.generation, **parameters)
        if answer["changed"] != count:
            raise TamperedError(
                f"Nodes of the mirror of {self.name!r} vanished while it was written.",
                "Someone else changes them; run `kubectl copilot mirror sync` again.",
            )


def clusters(link: Link) -> list[Mirrored]:
    """Every cluster that the database holds, by name."""
    with link.reading() as transaction:
        rows = transaction.rows(statements.CLUSTERS)
    return [
        Mirrored(
            cluster=row["cluster"],
            name=row["name"] or row["cluster"],
            complete=row["complete"] is True,
            generation=row["generation"] or 0,
            nodes=row["nodes"] or 0,
            edges=row["edges"] or 0,
            synced=row["synced"] or "",
            observed=row["observed"] or "",
        )
        for row in rows
    ]


def forget(link: Link, cluster: str) -> int:
    """Remove every row of one cluster; returns how many objects were held."""
    removed = 0
    while True:
        with link.writing() as transaction:
            count = int(transaction.one(statements.FORGET, cluster=cluster, batch=BATCH)["changed"])
        removed += count
        if count == 0:
            break
    with link.writing() as transaction:
        transaction.rows(statements.FORGET_MIRROR, cluster=cluster)
    return removed


def _chunks(items: Sequence[_One]) -> Iterator[list[_One]]:
    for start in range(0, len(items), BATCH):
        yield list(items[start : start + BATCH])
