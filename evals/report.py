"""Adds up scores and writes them for people or machines. It shows what was missed and why, not only how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import msgspec

from evals.calibration import Calibration, calibrate
from evals.scorer import Outcome, Score

SCHEMA = "cluster-copilot/eval-diagnosis/v1"


class Report(msgspec.Struct, frozen=True):
    """The scores of one run."""

    name: str
    scores: tuple[Score, ...]

    @property
    def faults(self) -> tuple[Score, ...]:
        """The cases in which something is wrong."""
        return tuple(one for one in self.scores if not one.healthy)

    @property
    def healthy(self) -> tuple[Score, ...]:
        """The cases in which nothing is wrong."""
        return tuple(one for one in self.scores if one.healthy)

    @property
    def misses(self) -> tuple[Score, ...]:
        """The cases that were not answered right."""
        return tuple(one for one in self.scores if not one.right)

    @property
    def joint(self) -> float:
        """The share of all cases answered right: object and cause, or silence."""
        return sum(one.right for one in self.scores) / len(self.scores) if self.scores else 0.0

    @property
    def several(self) -> tuple[Score, ...]:
        """The cases with more than one fault."""
        return tuple(one for one in self.scores if one.together is not None)

    @property
    def together(self) -> float | None:
        """The mean set score of the cases with several faults; None without one."""
        scores = [one.together for one in self.several if one.together is not None]
        return round(sum(scores) / len(scores), 4) if scores else None

    def calibration(self) -> Calibration:
        """How far the confidence of the first answers can be believed."""
        return calibrate([(one.confidence, one.first_right) for one in self.scores if one.confidence is not None])


def as_json(report: Report) -> dict[str, Any]:
    """The report for machines."""
    calibration = report.calibration()
    return {
        "schema": SCHEMA,
        "name": report.name,
        "cases": len(report.scores),
        "right": sum(one.right for one in report.scores),
        "faults": {
            "cases": len(report.faults),
            "joint": sum(one.right for one in report.faults),
            "object": sum(one.object_right for one in report.faults),
            "abstained": sum(one.outcome is Outcome.ABSTAINED for one in report.faults),
        },
        "healthy": {"cases": len(report.healthy), "silent": sum(one.right for one in report.healthy)},
        "first": {"cases": len(report.faults), "joint": sum(one.first_right for one in report.faults)},
        "several": {"cases": len(report.several), "set_score": report.together},
        "innocent_blamed": sum(bool(one.blamed_innocent) for one in report.scores),
        "extra_answers": sum(one.extra for one in report.scores),
        "calibration": msgspec.to_builtins(calibration),
        "milliseconds": {part: _times(report.scores, part) for part in ("read", "graph", "rules", "total")},
        "scores": [msgspec.to_builtins(one) for one in report.scores],
    }


def _times(scores: Sequence[Score], part: str) -> dict[str, float]:
    values = [_ms(one, part) for one in scores if not one.error]
    return {"median": round(median(values), 1), "max": round(max(values), 1)} if values else {}


def _ms(one: Score, part: str) -> float:
    total = one.read_ms + one.graph_ms + one.rules_ms
    return {"read": one.read_ms, "graph": one.graph_ms, "rules": one.rules_ms, "total": total}[part]


def as_text(report: Report) -> str:
    """The report for people: the totals, then each miss with what was expected and what was said."""
    return "\n".join([*_totals(report), *_calibration(report.calibration()), *_misses(report)])


def _totals(report: Report) -> Iterator[str]:
    faults, healthy = report.faults, report.healthy
    outcomes = Counter(one.outcome for one in report.scores)
    yield f"{report.name}: {len(report.scores)} cases, {_share(sum(s.right for s in report.scores), len(report.scores))} right"
    if faults:
        yield f"  object and cause   {_share(sum(one.right for one in faults), len(faults))}"
        yield f"  first answer       {_share(sum(one.first_right for one in faults), len(faults))}"
        yield f"  object alone       {_share(sum(one.object_right for one in faults), len(faults))}"
        yield f"  abstained          {_share(sum(o.outcome is Outcome.ABSTAINED for o in faults), len(faults))}"
    if report.several:
        complete = sum(bool(one.together) for one in report.several)
        yield f"  several faults     set score {report.together:.3f} over {len(report.several)} cases, {complete} with every fault named"
    if healthy:
        yield f"  healthy, silent    {_share(sum(one.right for one in healthy), len(healthy))}"
    yield f"  innocent blamed    {sum(bool(one.blamed_innocent) for one in report.scores)} cases"
    yield f"  answers too many   {sum(one.extra for one in report.scores)}"
    yield "  outcomes           " + ", ".join(f"{outcomes[kind]} {kind.value}" for kind in Outcome if outcomes[kind])
    spent = {part: _times(report.scores, part) for part in ("read", "graph", "rules", "total")}
    if spent["total"]:
        parts = " + ".join(f"{part} {spent[part]['median']:g}" for part in ("read", "graph", "rules"))
        yield f"  ms a case          {spent['total']['median']:g} (median; {parts}; slowest {spent['total']['max']:g})"


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} ({part / whole:.0%})"


def _calibration(found: Calibration) -> Iterator[str]:
    if found.brier is None:
        return
    yield f"  confidence         Brier {found.brier:.3f}, calibration gap {found.gap:.3f} over {found.answers} answers"
    for one in found.bins:
        yield (
            f"    {one.low:.1f}-{one.high:.1f}  {one.count:>4} answers"
            f"  said {one.mean_confidence:.2f}  right {one.right:.2f}"
        )


def _misses(report: Report) -> Iterator[str]:
    if report.misses:
        yield ""
        yield f"Missed ({len(report.misses)}):"
    for one in report.misses:
        yield f"- {one.case}: {one.outcome.value}"
        yield f"    expected  {one.expected}"
        yield f"    answered  {one.error or one.answered}"
        if one.together is not None:
            yield f"    set score {one.together:.2f}"
        for piece in one.evidence:
            yield f"    because   {piece}"
        for name in one.blamed_innocent:
            yield f"    innocent  {name}"
