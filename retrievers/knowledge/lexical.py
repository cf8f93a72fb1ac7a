"""The two lexical legs: stemmed words (FTS5, bm25) and character trigrams, which forgive typos and joined words."""

from __future__ import annotations

from retrievers.knowledge.store import Store, Where
from retrievers.knowledge.words import grams, query_words

# bm25 weights. A title names the failure, a heading names the part, the body mentions much else.
_WORD_WEIGHTS = "6.0, 2.0, 1.0"
_GRAM_WEIGHTS = "4.0, 1.0"


def by_words(store: Store, words: str, limit: int, where: Where) -> list[int]:
    """Chunk ids, best first, by stemmed words; any word may match, rare ones count more."""
    query = " OR ".join(f'"{word}"' for word in query_words(words))
    return _ranked(store, "chunks_fts", _WORD_WEIGHTS, query, limit, where)


def by_grams(store: Store, words: str, limit: int, where: Where) -> list[int]:
    """Chunk ids, best first, by three-character pieces of the words."""
    query = " OR ".join(f'"{gram}"' for gram in grams(query_words(words)))
    return _ranked(store, "chunks_grams", _GRAM_WEIGHTS, query, limit, where)


def _ranked(store: Store, table: str, weights: str, query: str, limit: int, where: Where) -> list[int]:
    """Run one FTS5 query."""
    if not query:
        return []
    clause, values = where.clause()
    rows = store.db.execute(
        f"SELECT f.rowid FROM {table} f JOIN chunks c ON c.id = f.rowid JOIN documents d ON d.id = c.document "  # noqa: S608 -- literals of this module; the query is bound
        f"WHERE {table} MATCH ? AND {clause} ORDER BY bm25({table}, {weights}), f.rowid LIMIT ?",
        [query, *values, limit],
    )
    return [row[0] for row in rows]
