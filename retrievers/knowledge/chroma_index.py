"""Ranking by meaning through Chroma. Chroma holds nothing that SQLite does not: when in doubt it is thrown away and rebuilt."""

from __future__ import annotations

import fcntl
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from retrievers.knowledge.store import KnowledgeError, Store, Where

GENERATION = 1  # part of the collection's name: raised when what is embedded changes
_SERVER_SECONDS = 10.0  # a call to a server: a person waits for the search
_BATCH = 2_000  # vectors a call: Chroma's own limit is about 5,000
_EMBED_WHILE_SEARCHING = 32  # sections: about a second; more than that is the work of `index`
_MOST = 20_000  # neighbours: SQLite takes 32,766 values in one statement
_WIDER = 4  # a filter may discard most neighbours, so more are fetched than wanted


class Embedder(Protocol):
    """Whatever turns text into vectors of length 1."""

    @property
    def name(self) -> str:
        """Identifies model and precision: vectors of different names never mix."""

    @property
    def prepared(self) -> bool:
        """Whether it can embed at once, without being built first."""

    def embed(self, texts: Sequence[str]) -> list[bytes]:
        """Little-endian float32 vectors, in order."""


class ChromaIndex:
    """The dense leg of the library.

    Args:
        folder: Chroma's own folder; two processes never write it at once, a lock file sees to that.
        embedder: The model; vectors are cached in the store by what was embedded and by the model's name.
        server: URL of a Chroma server, where several processes write; "" for files of our own under a lock.
    """

    def __init__(self, folder: Path, embedder: Embedder, server: str = "") -> None:
        self._folder = folder
        self._embedder = embedder
        self._server = server
        self._name = f"knowledge-{embedder.name}-g{GENERATION}"
        self._opened: Any = None

    def ready(self, store: Store) -> bool:
        """Whether a search can use this leg now: the model is built and at most a few sections are not embedded yet."""
        return self._embedder.prepared and len(store.missing_vectors(self._embedder.name)) <= _EMBED_WHILE_SEARCHING

    def sync(self, store: Store) -> None:
        """Embed what is new, and make the collection hold exactly the stored sections. Writes nothing when nothing changed."""
        while missing := store.missing_vectors(self._embedder.name)[:256]:
            vectors = self._embedder.embed([text for _, text in missing])
            with store.writing():
                store.put_vectors(self._embedder.name, zip((sha for sha, _ in missing), vectors, strict=True))
        wanted = dict(store.live_vectors(self._embedder.name))
        if self._server:
            self._name = f"knowledge-{self._embedder.name}-g{GENERATION}-{store.identity()}"[:512]
        if self._probe(wanted) == wanted.keys():
            return
        try:
            self._write(wanted, store.labels())
        except _failures() as error:
            raise KnowledgeError(
                f"The vector index {self._server or f'in {self._folder}'} cannot be written: {error}",
                "Searching by words works without it. "
                + (
                    "Check COPILOT_CHROMA_URL."
                    if self._server
                    else "Free disk space, or delete that folder; it is rebuilt."
                ),
            ) from error

    def _write(self, wanted: dict[str, bytes], labels: dict[str, str]) -> None:
        """Make the collection hold exactly these vectors."""
        with self._writer():
            held = self._probe(wanted)
            if held is None:
                self._start_again()
                held = set()
            collection = self._collection()
            for gone in _batched(sorted(held - wanted.keys())):
                collection.delete(ids=gone)
            for new in _batched(sorted(wanted.keys() - held)):
                collection.add(
                    ids=new,
                    embeddings=[_floats(wanted[sha]) for sha in new],
                    metadatas=[{"label": labels.get(sha, "")} for sha in new],
                )

    def nearest(self, store: Store, words: str, limit: int, where: Where) -> list[int]:
        """Chunk ids, nearest first, among what `where` admits."""
        vector = _floats(self._embedder.embed([words])[0]) if words.strip() else []
        try:
            return self._nearest(store, vector, limit, where) if vector else []
        except _failures() as error:
            raise KnowledgeError(
                f"The vector index does not answer: {error}", "Searching by words works without it."
            ) from error

    def _nearest(self, store: Store, vector: list[float], limit: int, where: Where) -> list[int]:
        """Ask for more and more neighbours until enough of them are admitted, or there are no more."""
        collection = self._collection()
        count = collection.count()
        wider = limit if where == Where() else limit * _WIDER
        while count:
            found = collection.query(query_embeddings=[vector], n_results=min(wider, count), include=["distances"])
            order = {sha: rank for rank, sha in enumerate(found["ids"][0])}
            chunks = sorted(store.chunk_ids(list(order), where), key=lambda pair: order[pair[0]])
            if len(chunks) >= limit or wider >= min(count, _MOST):
                return [chunk for _, chunk in chunks][:limit]
            wider *= _WIDER
        return []

    def _probe(self, wanted: dict[str, bytes]) -> set[str] | None:
        """The ids the collection holds, or None when it cannot be trusted: unreadable, or it does not find its own."""
        try:
            collection = self._collection()
            held = set(collection.get(include=[])["ids"])
            known = next((sha for sha in sorted(held) if sha in wanted), None)
            if known is None:
                return held
            found = collection.query(query_embeddings=[_floats(wanted[known])], n_results=1, include=["distances"])
            near = found["ids"][0] and (found["ids"][0][0] == known or found["distances"][0][0] < 1e-3)
        except _failures() as error:
            if self._server:
                raise KnowledgeError(
                    f"The Chroma server {self._server} does not answer as it should: {type(error).__name__}",
                    "Searching by words works without it. Check COPILOT_CHROMA_URL.",
                ) from error
            return None
        return held if near else None

    def _collection(self) -> Any:
        """Open the collection: cosine distance, no embedding function of Chroma's own, no telemetry."""
        if self._opened is None:
            from chromadb import PersistentClient  # noqa: PLC0415 - costs 1.6 s
            from chromadb.config import Settings  # noqa: PLC0415 - likewise

            settings = Settings(anonymized_telemetry=False, is_persistent=True)
            client = self._connected() if self._server else PersistentClient(path=str(self._folder), settings=settings)
            self._opened = client.get_or_create_collection(
                self._name, configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
            )
        return self._opened

    def _connected(self) -> Any:
        """A client of the server. Chroma's own waits without end, so its answers get a limit."""
        from chromadb import HttpClient  # noqa: PLC0415 - costs 1.6 s
        from chromadb.config import Settings  # noqa: PLC0415 - likewise

        parts = urlsplit(self._server)
        tls = parts.scheme == "https"
        client: Any = HttpClient(
            host=parts.hostname or "",
            port=parts.port or (443 if tls else 80),
            ssl=tls,
            settings=Settings(anonymized_telemetry=False),
        )
        client._server._session.timeout = _SERVER_SECONDS  # noqa: SLF001 - the public constructor has no such argument
        return client

    def _start_again(self) -> None:
        """Forget Chroma's files; everything in them can be written again from the store."""
        from chromadb.api.shared_system_client import SharedSystemClient  # noqa: PLC0415 - costs 1.6 s

        self._opened = None
        if self._server:
            raise KnowledgeError(
                f"The vectors at {self._server} cannot be trusted.",
                f"Searching by words works without them. Delete the collection {self._name} there; it is rebuilt.",
            )
        SharedSystemClient.clear_system_cache()
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def _writer(self) -> Iterator[None]:
        """Be the only writer: two processes in one folder lose vectors silently (measured with 1.5.9). A server sees to it itself."""
        if self._server:
            yield
            return
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        with self._folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _failures() -> tuple[type[Exception], ...]:
    """What Chroma raises when its files are damaged or cannot be written; AttributeError comes from a failed open."""
    from chromadb.errors import ChromaError  # noqa: PLC0415 - costs 1.6 s
    from httpx import HTTPError  # noqa: PLC0415 - Chroma's own dependency

    return (
        ChromaError,
        HTTPError,
        sqlite3.Error,
        OSError,
        KeyError,
        ValueError,
        RuntimeError,
        TypeError,
        AttributeError,
    )


def _floats(vector: bytes) -> list[float]:
    """A stored vector as Chroma takes it."""
    import numpy as np  # noqa: PLC0415 - an optional dependency

    floats: list[float] = np.frombuffer(vector, "<f4").tolist()
    return floats


def _batched(ids: Sequence[str]) -> Iterator[list[str]]:
    """Cut ids into calls that Chroma accepts."""
    rest = iter(ids)
    while batch := list(islice(rest, _BATCH)):
        yield batch
