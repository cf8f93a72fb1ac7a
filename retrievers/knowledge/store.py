"""The knowledge base on disk: documents, their sections, and cached vectors, in one SQLite file. All text in it is redacted."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from copilot.model import CopilotError
from guardrails.provenance.labels import Source
from retrievers.knowledge.rights import NOBODY, Need, Rights
from retrievers.knowledge.words import gram_text, split_identifiers

SCHEMA_VERSION = 2
_BUSY_SECONDS = 30  # another `index` may hold the file while it writes one batch of documents


class Trust(Enum):
    """Who vouches for a document."""

    SHIPPED = "shipped"  # comes with the program
    USER = "user"  # indexed by the user
    OBJECTS = "objects"  # rendered from what a cluster's API server answered
    INCIDENTS = "incidents"  # remembered: what people wrote about past trouble


class Chunk(msgspec.Struct, frozen=True):
    """One section as it is stored; `sha` identifies what an embedding model reads of it."""

    heading: str
    text: str
    line: int
    sha: str
    label: Source = Source.EXTERNAL
    needs: tuple[Need, ...] = ()


class Document(msgspec.Struct, frozen=True):
    """One document ready to be stored."""

    path: str
    root: str
    title: str
    trust: Trust
    sha: str
    chunks: tuple[Chunk, ...]


class StoredChunk(msgspec.Struct, frozen=True):
    """A section read back, with the document it belongs to."""

    id: int
    document: int
    path: str
    title: str
    heading: str
    text: str
    line: int
    trust: Trust
    label: Source = Source.EXTERNAL


class Where(msgspec.Struct, frozen=True):
    """Restricts a search: documents of one trust, or whose path begins with `under`; and what the asker may see.

    Without `rights` nothing that was read from a cluster is found: who asks must be known first.
    """

    trust: Trust | None = None
    under: str = ""
    rights: Rights = NOBODY

    def clause(self) -> tuple[str, list[str]]:
        """SQL over `documents d` and `chunks c`, and its values."""
        terms, values = ["1"], []
        if self.trust:
            terms.append("d.trust = ?")
            values.append(self.trust.value)
        if self.under:
            terms.append("substr(d.path, 1, length(?)) = ?")
            values += [self.under, self.under]
        terms.append(
            "NOT EXISTS (SELECT 1 FROM needs n WHERE n.chunk = c.id AND NOT (n.cluster = ? AND EXISTS (SELECT 1 FROM "
            "json_each(?) g WHERE g.value = n.resource || '@' || n.namespace OR g.value = n.resource || '@*')))"
        )
        values += [self.rights.cluster, self.rights.as_json()]
        return " AND ".join(terms), values


class KnowledgeError(CopilotError):
    """The knowledge base cannot be opened or written."""


class Store:
    """The SQLite file. Use as a context manager; every write is one transaction."""

    def __init__(self, path: Path | None) -> None:
        """Open or create the file; None keeps everything in memory.

        Raises:
            KnowledgeError: the folder cannot be written or the file is no knowledge base.
        """
        self.path = path
        try:
            if path:
                path.parent.mkdir(parents=True, exist_ok=True)
            self.db = sqlite3.connect(path or ":memory:", timeout=_BUSY_SECONDS, isolation_level=None)
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise KnowledgeError(
                f"The knowledge base {path or 'in memory'} cannot be opened: {error}",
                "Choose a folder you may write to; if the file is damaged, delete it and index again.",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def _prepare(self) -> None:
        """Create the tables; an older layout is dropped, since everything can be read again from its sources."""
        self.db.execute("PRAGMA foreign_keys = ON")
        version = self.db.execute("PRAGMA user_version").fetchone()[0]
        if version == SCHEMA_VERSION:
            return
        if self.path:
            self.db.execute("PRAGMA journal_mode = WAL")
            self.path.chmod(0o600)
        with self.writing():
            for table in (
                ("chunks_fts", "chunks_grams", "needs", "chunks", "documents", "embeddings", "meta") if version else ()
            ):
                self.db.execute(f"DROP TABLE IF EXISTS {table}")
            sql = files("retrievers.knowledge").joinpath("schema.sql").read_text(encoding="utf-8")
            for statement in sql.split(";\n"):
                if statement.strip():
                    self.db.execute(statement)
            self.db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: all of it, or none."""
        self.db.execute("BEGIN IMMEDIATE")
        whole = False
        try:
            yield
            whole = True
        finally:
            self.db.execute("COMMIT" if whole else "ROLLBACK")

    def known(self, root: str) -> dict[str, str]:
        """Path → source hash of every document found under `root` (the root itself, or a folder above the paths)."""
        prefix = root.rstrip("/") + "/"
        rows = self.db.execute(
            "SELECT path, sha FROM documents WHERE root = ? OR path = ? OR substr(path, 1, length(?)) = ?",
            (root, root, prefix, prefix),
        )
        return dict(rows.fetchall())

    def sha_of(self, path: str) -> str:
        """The source hash of a document as it was stored; empty when there is none."""
        row = self.db.execute("SELECT sha FROM documents WHERE path = ?", (path,)).fetchone()
        return row[0] if row else ""

    def put(self, document: Document) -> None:
        """Store a document in place of an earlier one of the same path. Call inside `writing()`."""
        self.remove(document.path)
        number = self.db.execute(
            "INSERT INTO documents (path, root, title, trust, sha) VALUES (?, ?, ?, ?, ?)",
            (document.path, document.root, document.title, document.trust.value, document.sha),
        ).lastrowid
        for ordinal, chunk in enumerate(document.chunks):
            row = self.db.execute(
                "INSERT INTO chunks (document, ordinal, heading, text, line, sha, label) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (number, ordinal, chunk.heading, chunk.text, chunk.line, chunk.sha, chunk.label.value),
            ).lastrowid
            self.db.executemany(
                "INSERT INTO needs (chunk, cluster, resource, namespace) VALUES (?, ?, ?, ?)",
                [(row, need.cluster, need.resource, need.namespace) for need in chunk.needs],
            )
            title, heading = split_identifiers(document.title), split_identifiers(chunk.heading)
            self.db.execute(
                "INSERT INTO chunks_fts (rowid, title, heading, body) VALUES (?, ?, ?, ?)",
                (row, title, heading, split_identifiers(chunk.text)),
            )
            self.db.execute(
                "INSERT INTO chunks_grams (rowid, head, body) VALUES (?, ?, ?)",
                (row, gram_text(f"{document.title} {chunk.heading}"), gram_text(chunk.text)),
            )

    def remove(self, path: str) -> bool:
        """Forget a document. Call inside `writing()`."""
        row = self.db.execute("SELECT id FROM documents WHERE path = ?", (path,)).fetchone()
        if row is None:
            return False
        for table in ("chunks_fts", "chunks_grams"):
            self.db.execute(f"DELETE FROM {table} WHERE rowid IN (SELECT id FROM chunks WHERE document = ?)", row)  # noqa: S608 -- two literals
        self.db.execute("DELETE FROM needs WHERE chunk IN (SELECT id FROM chunks WHERE document = ?)", row)
        self.db.execute("DELETE FROM chunks WHERE document = ?", row)
        self.db.execute("DELETE FROM documents WHERE id = ?", row)
        return True

    def chunks(self, ids: Sequence[int]) -> dict[int, StoredChunk]:
        """Read sections back by id."""
        marks = ",".join("?" * len(ids))
        rows = self.db.execute(
            "SELECT c.id, d.id, d.path, d.title, c.heading, c.text, c.line, d.trust, c.label "  # noqa: S608 -- only question marks
            f"FROM chunks c JOIN documents d ON d.id = c.document WHERE c.id IN ({marks})",
            list(ids),
        )
        return {
            row[0]: StoredChunk(row[0], row[1], row[2], row[3], row[4], row[5], row[6], Trust(row[7]), Source(row[8]))
            for row in rows
        }

    def counts(self) -> dict[Trust, int]:
        """How many documents of each trust are held."""
        rows = self.db.execute("SELECT trust, count(*) FROM documents GROUP BY trust").fetchall()
        return {trust: dict(rows).get(trust.value, 0) for trust in Trust}

    def meta(self, key: str) -> str:
        """A note kept beside the documents; empty when absent."""
        row = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else ""

    def set_meta(self, key: str, value: str) -> None:
        """Keep a note."""
        self.db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))

    def identity(self) -> str:
        """What tells this knowledge base from another one on the same server; made at the first use."""
        known = self.meta("identity")
        if not known:
            known = secrets.token_hex(6)
            self.set_meta("identity", known)
        return known

    def missing_vectors(self, model: str) -> list[tuple[str, str]]:
        """(sha, text to embed) of every section without a cached vector of this model, shortest first."""
        rows = self.db.execute(
            "SELECT c.sha, d.title, c.heading, c.text FROM chunks c JOIN documents d ON d.id = c.document "
            "WHERE NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.sha = c.sha AND e.model = ?) GROUP BY c.sha "
            "ORDER BY length(c.text), c.sha",
            (model,),
        )
        return [(sha, embedded_text(title, heading, text)) for sha, title, heading, text in rows]

    def put_vectors(self, model: str, vectors: Iterable[tuple[str, bytes]]) -> None:
        """Cache vectors. Call inside `writing()`."""
        self.db.executemany(
            "INSERT OR REPLACE INTO embeddings (sha, model, vector) VALUES (?, ?, ?)",
            [(sha, model, vector) for sha, vector in vectors],
        )

    def live_vectors(self, model: str) -> Iterator[tuple[str, bytes]]:
        """(sha, vector) of every section that is stored now."""
        yield from self.db.execute(
            "SELECT sha, vector FROM embeddings WHERE model = ? AND sha IN (SELECT sha FROM chunks) ORDER BY sha",
            (model,),
        )

    def labels(self) -> dict[str, str]:
        """Section hash → label. One hash has one label: the label is part of what is hashed."""
        return dict(self.db.execute("SELECT DISTINCT sha, label FROM chunks").fetchall())

    def needs(self, cluster: str) -> list[Need]:
        """Everything that one would have to be able to get to be shown all that is stored of a cluster."""
        rows = self.db.execute(
            "SELECT DISTINCT cluster, resource, namespace FROM needs WHERE cluster = ? ORDER BY resource, namespace",
            (cluster,),
        )
        return [Need(*row) for row in rows]

    def chunk_ids(self, shas: Sequence[str], where: Where) -> list[tuple[str, int]]:
        """(sha, chunk id) of the sections with these hashes that `where` admits."""
        clause, values = where.clause()
        marks = ",".join("?" * len(shas))
        return self.db.execute(
            f"SELECT c.sha, c.id FROM chunks c JOIN documents d ON d.id = c.document WHERE c.sha IN ({marks}) AND {clause}",  # noqa: S608 -- marks and fixed clauses
            [*shas, *values],
        ).fetchall()


def section_sha(label: Source, title: str, heading: str, text: str) -> str:
    """Identifies a section by its label and by what an embedding model reads of it."""
    return hashlib.sha256(f"{label.value}\0{embedded_text(title, heading, text)}".encode()).hexdigest()[:32]


def embedded_text(title: str, heading: str, text: str) -> str:
    """What an embedding model reads of a section: a piece without its title is often about nothing in particular."""
    return f"{title}. {heading}\n{text}" if heading else f"{title}\n{text}"
