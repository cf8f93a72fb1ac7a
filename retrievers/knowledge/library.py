"""The knowledge base as the rest of the program sees it: index files, search sections. Needs no model and no network."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import msgspec

if TYPE_CHECKING:
    from retrievers.graph import ResourceGraph
    from retrievers.history import Incident

from copilot.model.moment import stamp
from guardrails.provenance.labels import Source
from guardrails.provenance.signing import SignedPages
from guardrails.redaction import Redactor
from retrievers.knowledge.fusion import fuse
from retrievers.knowledge.indexing import SPLITTER_VERSION, IndexReport, Progress, index_path, sync, sync_documents
from retrievers.knowledge.lexical import by_grams, by_words
from retrievers.knowledge.runbooks import ROOT, shipped
from retrievers.knowledge.store import KnowledgeError, Store, StoredChunk, Trust, Where

FILE = "knowledge.sqlite"
_CANDIDATES = 60  # sections a leg contributes: fusion needs depth, and no one reads past it
_EVERYTHING = Where()


class DenseLeg(Protocol):
    """Ranking by meaning; the library works without one."""

    def ready(self, store: Store) -> bool:
        """Whether a search can use this leg without waiting for it to be built."""

    def sync(self, store: Store) -> None:
        """Bring the vectors in line with the stored sections."""

    def nearest(self, store: Store, words: str, limit: int, where: Where) -> list[int]:
        """Chunk ids, nearest first."""


class Hit(msgspec.Struct, frozen=True):
    """One found section. `score` orders hits of one search and means nothing beyond; `legs` found it.

    `signed`: the page ships with the program, or somebody of this install signed it as it stands here.
    """

    document: str
    section: str
    text: str
    score: float
    legs: tuple[str, ...]
    source_path: str
    line: int
    trust: Trust
    signed: bool = False
    label: Source = Source.EXTERNAL


class Library:
    """Runbooks and the user's documents.

    Args:
        folder: The data folder, or None to keep everything in memory.
        redactor: Applied to all text before it is stored.
        dense: Ranking by meaning, where an embedding model is present.
        signed: Which pages were signed.
    """

    def __init__(
        self, folder: Path | None, redactor: Redactor, dense: DenseLeg | None = None, signed: SignedPages | None = None
    ) -> None:
        self.store = Store(folder / FILE if folder else None)
        self._redactor = redactor
        self._dense = dense
        self._signed = signed or SignedPages()
        self._synced = False
        self.gaps: list[str] = []  # sentences for people: what a search had to do without
        self._sync_shipped()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        self.store.close()

    def _sync_shipped(self) -> None:
        """Index the shipped runbooks when their content differs from what the store holds."""
        pages = list(shipped())
        digest = hashlib.sha256(SPLITTER_VERSION)
        for page in pages:
            digest.update(page.path.encode() + b"\0" + hashlib.sha256(page.content).digest())
        if self.store.meta("shipped") == digest.hexdigest():
            return
        sync(self.store, self._redactor, pages, root=ROOT, known=self.store.known(ROOT), trust=Trust.SHIPPED)
        self.store.set_meta("shipped", digest.hexdigest())

    def roots(self) -> list[str]:
        """The paths that were indexed before."""
        rows = self.store.db.execute("SELECT DISTINCT root FROM documents WHERE trust = ?", (Trust.USER.value,))
        return sorted(row[0] for row in rows)

    def index(
        self, paths: Sequence[str | Path], *, prune: bool = False, progress: Progress | None = None
    ) -> IndexReport:
        """Index the documents at and under the paths. Idempotent; see `index_path` for what it raises."""
        report = IndexReport()
        for path in paths:
            report += index_path(self.store, self._redactor, Path(path), prune=prune, progress=progress)
        self._prepare_dense()
        return report

    def index_objects(self, graph: ResourceGraph, cluster: str) -> IndexReport:
        """Store the rendered state of a cluster in place of what was stored of it before; equal state writes nothing."""
        from retrievers.knowledge.objects import render_objects, root_of  # noqa: PLC0415 - needs the graph, which a search does not

        report = sync_documents(self.store, root_of(cluster), render_objects(graph, cluster, self._redactor))
        self.store.set_meta(f"read {root_of(cluster)}", stamp(graph.snapshot.observed_at))
        self._prepare_dense()
        return report

    def read_at(self, cluster: str) -> str:
        """When the state that is stored of a cluster was read; empty where that is not known."""
        from retrievers.knowledge.objects import root_of  # noqa: PLC0415 - likewise

        return self.store.meta(f"read {root_of(cluster)}")

    def index_incidents(self, entries: Sequence[Incident], cluster: str) -> IndexReport:
        """Store the remembered incidents of a cluster; they are found by who may get the objects they are about."""
        from retrievers.knowledge.incidents import render_incidents, root_of  # noqa: PLC0415 - likewise

        report = sync_documents(self.store, root_of(cluster), render_incidents(entries, cluster, self._redactor))
        self._synced = False
        return report

    def refresh_incidents(self, entries: Sequence[Incident], cluster: str) -> None:
        """Store what was remembered since; where nothing can be written, what is stored is found all the same."""
        try:
            self.index_incidents(entries, cluster)
        except sqlite3.Error as error:
            self.gaps.append(f"Incidents that were remembered lately are not found: {error}.")

    def _prepare_dense(self) -> None:
        """Bring vectors up to date after indexing; where that fails, what was indexed is found by words all the same."""
        self._synced = False
        try:
            self._sync_dense()
        except KnowledgeError as error:
            self.gaps.append(f"Not ranked by meaning: {error.title} {error.hint}".strip())

    def _sync_dense(self) -> None:
        """Bring the dense leg up to date, once."""
        if self._dense and not self._synced:
            self._dense.sync(self.store)
            self._synced = True

    def search(self, words: str, k: int = 5, *, where: Where = _EVERYTHING) -> list[Hit]:
        """The best section of each of the `k` best documents, best first."""
        ranked = fuse(self.rankings(words, where))
        chunks = self.store.chunks([item for item, _, _ in ranked])
        hits: dict[int, Hit] = {}
        for item, score, legs in ranked:
            chunk = chunks.get(item)
            if chunk and chunk.document not in hits:
                hits[chunk.document] = _hit(chunk, score, legs, signed=self._is_signed(chunk))
                if len(hits) == k:
                    break
        return list(hits.values())

    def _is_signed(self, chunk: StoredChunk) -> bool:
        return chunk.trust is Trust.SHIPPED or self._signed.vouches_for(chunk.path, self.store.sha_of(chunk.path))

    def rankings(self, words: str, where: Where = _EVERYTHING) -> dict[str, list[int]]:
        """What each leg finds on its own: chunk ids, best first."""
        legs = {
            "words": by_words(self.store, words, _CANDIDATES, where),
            "grams": by_grams(self.store, words, _CANDIDATES, where),
        }
        if self._dense and (self._synced or self._dense.ready(self.store)):
            try:
                self._sync_dense()
                legs["dense"] = self._dense.nearest(self.store, self._redactor.text(words), _CANDIDATES, where)
            except KnowledgeError as error:
                self._dense = None  # words alone still answer
                self.gaps.append(f"Not ranked by meaning: {error.title}")
        elif self._dense:
            self.gaps.append("Not ranked by meaning: sections wait for their vectors; run kubectl copilot index.")
        return legs


def _hit(chunk: StoredChunk, score: float, legs: tuple[str, ...], *, signed: bool) -> Hit:
    """A stored section as a search result."""
    return Hit(
        document=chunk.title,
        section=chunk.heading,
        text=chunk.text,
        score=round(score, 6),
        legs=legs,
        source_path=chunk.path,
        line=chunk.line,
        trust=chunk.trust,
        signed=signed,
        label=Source.RUNBOOK if signed else chunk.label,
    )
