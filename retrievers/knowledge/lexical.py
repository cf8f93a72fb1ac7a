"""The two lexical legs: stemmed words (FTS5, bm25) and character trigrams, which forgive typos and joined words."""

from __future__ import annotations

from retrievers.knowledge.store import Store, Where
from retrievers.knowledge.words import grams, query_words

# bm25 weights. A title names the failure, a heading names the part, the body mentions much else.
_WORD_WEIGHTS = "6.0, 2.0, 1.0"
_GRAM_WEIGHTS = "4.0, 1.0"
_TELLING_LETTERS = 4  # shorter words have too few pieces to be told from chance
_TELLING_SHARE = 0.6  # one wrong letter in a word of eight spoils three of its ten pieces


def by_words(store: Store, words: str, limit: int, where: Where) -> list[int]:
    """Chunk ids, best first, by stemmed words; any word may match, rare ones count more."""
    query = " OR ".join(f'"{word}"' for word in query_words(words))
    return _ranked(store, "chunks_fts", _WORD_WEIGHTS, query, limit, where)


def by_grams(store: Store, words: str, limit: int, where: Where) -> list[int]:
    """Chunk ids, best first, by three-character pieces of the words; some word must be there for the most part."""
    wanted = query_words(words)
    query = " OR ".join(f'"{gram}"' for gram in grams(wanted))
    ranked = _ranked(store, "chunks_grams", _GRAM_WEIGHTS, query, limit, where)
    long_words = [grams([word]) for word in wanted if len(word) >= _TELLING_LETTERS]
    if not long_words or not ranked:
        return ranked
    marks = ",".join("?" * len(ranked))
    rows = store.db.execute(f"SELECT rowid, head, body FROM chunks_grams WHERE rowid IN ({marks})", ranked)  # noqa: S608 -- only question marks
    texts = {row[0]: f"{row[1]} {row[2]}" for row in rows}
    return [item for item in ranked if any(_mostly_in(pieces, texts[item]) for pieces in long_words)]


def _mostly_in(pieces: list[str], text: str) -> bool:
    """Whether enough of a word's pieces occur: a shared ending alone is chance."""
    return sum(piece in text for piece in pieces) >= _TELLING_SHARE * len(pieces)


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
