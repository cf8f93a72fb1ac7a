"""Measures retrieval: hit@1, hit@5 and mean reciprocal rank of each leg and of their fusions, and the time of a search.

Questions stand in retrieval_queries.tsv (question, names of the pages that would answer it, separated by `|`). They were
written before any ranking was seen. Run: `python -m benches.bench_retrieval [--add FOLDER] [--missed]`.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

from guardrails.redaction import Redactor
from retrievers.knowledge.chroma_index import ChromaIndex
from retrievers.knowledge.embedder import MiniLm, Precision, presence
from retrievers.knowledge.fusion import fuse
from retrievers.knowledge.library import Library

_HERE = Path(__file__).parent
_DEPTH = 20  # ranks beyond it count as not found


def questions() -> list[tuple[str, frozenset[str]]]:
    """The questions with the names of the pages that answer them."""
    with (_HERE / "retrieval_queries.tsv").open(encoding="utf-8") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["query"], frozenset(row["expected"].split("|"))) for row in rows]


def pages(library: Library, ranking: Iterable[int]) -> list[str]:
    """Chunk ids → page names, each once, best first."""
    ids = list(ranking)
    chunks = library.store.chunks(ids)
    return list(dict.fromkeys(Path(chunks[item].path).stem for item in ids if item in chunks))


def rank_of(found: Sequence[str], expected: frozenset[str]) -> int | None:
    """The rank of the first right page, from 1."""
    return next((rank for rank, name in enumerate(found[:_DEPTH], start=1) if name in expected), None)


def report(name: str, ranks: Sequence[int | None]) -> None:
    """One line of the table."""
    hit1 = sum(rank == 1 for rank in ranks) / len(ranks)
    hit5 = sum(rank is not None and rank <= 5 for rank in ranks) / len(ranks)
    mrr = sum(1 / rank for rank in ranks if rank) / len(ranks)
    _say(f"{name:24} {hit1:6.3f} {hit5:6.3f} {mrr:6.3f}")


def main(argv: Sequence[str] = ()) -> None:
    """Index, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--add", action="append", default=[], metavar="FOLDER", help="index these pages as well")
    parser.add_argument("--missed", action="store_true", help="print the questions that the full fusion misses")
    parser.add_argument("--precision", choices=[item.value for item in Precision], default=Precision.INT8.value)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        dense = (
            ChromaIndex(folder / "chroma", MiniLm(folder, Precision(options.precision))) if presence().ready else None
        )
        started = time.perf_counter()
        library = Library(folder, Redactor(b"bench" * 8))
        _say(f"cold start, {sum(library.store.counts().values())} shipped pages: {time.perf_counter() - started:.2f} s")
        started = time.perf_counter()
        with Library(folder, Redactor(b"bench" * 8), dense) as library:
            library.index(options.add)
            _say(f"indexed {sum(library.store.counts().values())} pages: {time.perf_counter() - started:.1f} s")
            _measure(library, options.missed)


def _say(line: str) -> None:
    """Print one line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _measure(library: Library, missed: bool) -> None:
    """Ask everything and print the table."""
    held = {Path(row[0]).stem for row in library.store.db.execute("SELECT path FROM documents")}
    asked = [(words, expected) for words, expected in questions() if expected & held]
    started = time.perf_counter()
    rankings = [library.rankings(words) for words, _ in asked]
    spent = (time.perf_counter() - started) / len(asked)
    legs = list(rankings[0])
    _say(f"{len(asked)} questions, {len(held)} pages, {spent * 1000:.1f} ms a search with {', '.join(legs)}\n")
    _say(f"{'legs':24} {'hit@1':>6} {'hit@5':>6} {'MRR':>6}")
    for size in range(1, len(legs) + 1):
        for chosen in combinations(legs, size):
            fused = [fuse({leg: found[leg] for leg in chosen}) for found in rankings]
            named = [pages(library, [item for item, _, _ in ranking]) for ranking in fused]
            ranks = [rank_of(names, expected) for names, (_, expected) in zip(named, asked, strict=True)]
            report(" + ".join(chosen), ranks)
            if missed and size == len(legs):
                for (words, expected), names, rank in zip(asked, named, ranks, strict=True):
                    if rank is None or rank > 5:
                        _say(f"  missed (rank {rank}): {words} -> wanted {sorted(expected)}, got {names[:5]}")


if __name__ == "__main__":
    main(sys.argv[1:])
