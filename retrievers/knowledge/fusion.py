"""Reciprocal rank fusion: one ranking from several, without comparing their scores."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)

RANK_CONSTANT = 60  # Cormack, Clarke, Buettcher, "Reciprocal rank fusion outperforms Condorcet", SIGIR 2009


def fuse(legs: Mapping[str, Sequence[Item]]) -> list[tuple[Item, float, tuple[str, ...]]]:
    """Fuse rankings (best first) into (item, score, names of the legs that found it), best first.

    An item's score is the sum over legs of 1 / (60 + rank); ties keep the order of the first leg that saw them.
    """
    scores: dict[Item, float] = {}
    found_by: dict[Item, list[str]] = {}
    for name, ranking in legs.items():
        for rank, item in enumerate(dict.fromkeys(ranking), start=1):
            scores[item] = scores.get(item, 0.0) + 1.0 / (RANK_CONSTANT + rank)
            found_by.setdefault(item, []).append(name)
    order = sorted(scores, key=lambda item: -scores[item])
    return [(item, scores[item], tuple(found_by[item])) for item in order]
