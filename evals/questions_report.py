"""Adds up judged questions for people or machines: the shares, each topic, and every miss with the facts it lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import msgspec

from evals.questions_task import Mark, Marked

SCHEMA = "cluster-copilot/eval-questions/v1"


def as_json(marked: Sequence[Marked]) -> dict[str, Any]:
    """The report for machines."""
    counts = Counter(one.mark for one in marked)
    return {
        "schema": SCHEMA,
        "questions": len(marked),
        **{mark.value: counts[mark] for mark in Mark},
        "wrong_facts": sum(len(one.wrong) for one in marked),
        "milliseconds": _times(marked),
        "topics": {
            topic: dict(sorted(Counter(one.mark.value for one in ones).items())) for topic, ones in _topics(marked)
        },
        "scores": [msgspec.to_builtins(one) for one in marked],
    }


def right_share(marked: Sequence[Marked]) -> float:
    """The share answered fully right."""
    return sum(one.mark is Mark.RIGHT for one in marked) / len(marked) if marked else 0.0


def _times(marked: Sequence[Marked]) -> dict[str, float]:
    values = [one.milliseconds for one in marked]
    return {"median": round(median(values), 1), "max": round(max(values), 1)} if values else {}


def _topics(marked: Sequence[Marked]) -> list[tuple[str, list[Marked]]]:
    found: dict[str, list[Marked]] = {}
    for one in marked:
        found.setdefault(one.asked.topic or "other", []).append(one)
    return sorted(found.items())


def as_text(marked: Sequence[Marked]) -> str:
    """The report for people."""
    return "\n".join([*_totals(marked), *_misses(marked)])


def _totals(marked: Sequence[Marked]) -> Iterator[str]:
    counts = Counter(one.mark for one in marked)
    yield f"{len(marked)} questions over {len({one.asked.cluster for one in marked})} clusters"
    yield f"  fully right        {counts[Mark.RIGHT]} ({right_share(marked):.1%})"
    yield f"  partly             {counts[Mark.PARTLY]}"
    yield f"  missed             {counts[Mark.MISSED]}"
    yield f"  wrong              {counts[Mark.WRONG]} ({sum(len(one.wrong) for one in marked)} wrong facts stated)"
    times = _times(marked)
    if times:
        yield f"  ms a question      {times['median']:g} (median; slowest {times['max']:g}, which read its cluster)"
    for topic, ones in _topics(marked):
        yield f"    {topic:<14} {sum(one.mark is Mark.RIGHT for one in ones)}/{len(ones)}"


def _misses(marked: Sequence[Marked]) -> Iterator[str]:
    for one in marked:
        if one.mark is Mark.RIGHT:
            continue
        yield ""
        yield f"- {one.mark.value}: {one.asked.question}  ({one.asked.cluster})"
        if one.missing:
            yield f"    lacks     {'; '.join(one.missing)}"
        if one.wrong:
            yield f"    wrong     {'; '.join(one.wrong)}"
        for line in one.text.split("\n")[:6]:
            yield f"    answered  {line}"
