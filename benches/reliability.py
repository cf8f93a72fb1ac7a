"""How far confidence can be believed: draws said against right, from answers that were given before anybody could mend them.

`python -m benches.reliability` scores the recordings, adds the first answers kept in evals/first_run.json, prints the figures and
writes docs/reliability.svg. `--collect FILE MODULE…` asks the situations of test modules and writes their answers: once, before a
rule is changed for them. A scale for the confidence is fitted on one half of the newest batch and tried on the other.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benches.svg import Mark, Picture
from copilot.diagnosis import diagnose
from copilot.diagnosis.confidence import FAULT_THRESHOLD
from evals.calibration import calibrate
from evals.case import RECORDINGS, Material, load_cases
from evals.solver import DiagnosisSolver
from evals.task import Task
from retrievers.graph import build_graph

FIRST_RUN = RECORDINGS.parent / "first_run.json"
SVG = Path(__file__).parents[1] / "docs" / "reliability.svg"
SIDE = 320  # pixels of the diagram
Pairs = list[tuple[float, bool]]


class First(msgspec.Struct, frozen=True):
    """The first answer to one described failure: how sure it was, and whether object and cause were right."""

    name: str
    confidence: float
    right: bool


class Run(msgspec.Struct, frozen=True):
    """The first answers of a batch. Of the `asked` situations those with an answer are listed; the calm ones only when blamed."""

    batch: str
    revision: str
    asked: int
    answers: tuple[First, ...]


class Kept(msgspec.Struct, frozen=True):
    """`evals/first_run.json`, the newest batch last."""

    schema: str
    runs: tuple[Run, ...]


def halves(answers: Sequence[First]) -> tuple[list[First], list[First]]:
    """Two halves, by the situations' names: one to fit a scale on, one to try it on."""
    even = [one for one in answers if zlib.crc32(one.name.encode()) % 2 == 0]
    return even, [one for one in answers if one not in even]


def scaled(answers: Sequence[First], scale: float = 1.0) -> Pairs:
    """Confidence and outcome, with the distance from even odds stretched by `scale`."""
    return [
        (one.confidence if one.confidence < FAULT_THRESHOLD else FAULT_THRESHOLD + (one.confidence - FAULT_THRESHOLD) * scale, one.right)
        for one in answers
    ]  # fmt: skip


def brier(answers: Sequence[First], scale: float = 1.0) -> float:
    """The Brier score of the answers."""
    return calibrate(scaled(answers, scale)).brier or 0.0


def fitted(answers: Sequence[First]) -> float:
    """The scale, in hundredths, with the lowest Brier score; none may carry an answer past certainty."""
    return min((step / 100 for step in range(60, 105)), key=lambda scale: brier(answers, scale))


def recorded(material: Material, folder: Path = RECORDINGS) -> Pairs:
    """The first answers to the shipped recordings."""
    cases = [case for case in load_cases(folder) if case.has(material)]
    scores = Task("", cases, DiagnosisSolver(material)).run().scores
    return [(one.confidence, one.first_right) for one in scores if one.confidence is not None]


def collect(modules: Sequence[str]) -> Iterator[First]:
    """Ask every situation that the modules declare."""
    from tests.unit.diagnosis.unseen import QUIET, SITUATIONS, fits

    loaded = [importlib.import_module(name) for name in modules]
    lists = [
        getattr(module, name)
        for module in loaded
        for name in ("SITUATIONS", "FAILURES", "BLIND")
        if hasattr(module, name)
    ]
    for one in {
        id(one): one for found in (*lists, SITUATIONS) for one in found if _declared(one.build, found, lists, modules)
    }.values():
        answers = diagnose(build_graph(one.build().snapshot())).root_causes
        if answers:
            said = f"{answers[0].title} {answers[0].cause}".lower()
            right = fits(answers[0].object, one.objects) and any(word in said for word in one.words)
            yield First(one.name, answers[0].confidence, right)
    calm = [
        getattr(module, name) for module in loaded for name in ("QUIET", "HEALTHY", "CALM") if hasattr(module, name)
    ]
    for name, build in {
        id(one): one for found in (*calm, QUIET) for one in found if _declared(one[1], found, calm, modules)
    }.values():
        answers = diagnose(build_graph(build().snapshot())).root_causes
        if answers and answers[0].confidence >= FAULT_THRESHOLD:
            yield First(f"calm: {name}", answers[0].confidence, right=False)


def _declared(build: Callable[..., Any], found: object, lists: Sequence[object], modules: Sequence[str]) -> bool:
    """Whether a situation stands in a list of the modules' own, or was declared by one of them in the shared list."""
    return any(found is one for one in lists) or build.__module__ in modules


COLOURS = ("#b0b0b0", "#c0392b", "#2471a3", "#1e8449")


def draw(series: Sequence[tuple[str, str, Pairs]]) -> str:
    """The reliability diagram: a point for each tenth of confidence, its area the number of answers."""
    picture = Picture(SIDE + 110, SIDE + 70 + 18 * len(series), "Confidence said against share right")
    picture.axes(SIDE, [(tick / 10, f"{tick / 10:.1f}") for tick in range(0, 11, 2)], [(tick / 10, f"{tick / 10:.1f}") for tick in range(0, 11, 2)], "confidence said", "share right")  # fmt: skip
    picture.line([(0, 0), (1, 1)], "#999999", dashed=True)
    for name, colour, found in series:
        bins = calibrate(found).bins
        picture.line([(one.mean_confidence, one.right) for one in bins], colour)
        picture.marks([Mark(one.mean_confidence, one.right, 2 + one.count**0.5 / 2) for one in bins], colour)
        score = calibrate(found).brier
        picture.legend(f"{name}: {len(found)} answers, Brier {score:.3f}" if score is not None else name, colour)
    return picture.text()


def main(words: Sequence[str] | None = None) -> None:
    """Print the figures and write the diagram, or collect first answers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--collect", metavar="FILE", type=Path, help="ask the situations of MODULE… and keep the answers"
    )
    parser.add_argument("--batch", default="", help="with --collect: the batch's name")
    parser.add_argument("--revision", default="", help="with --collect: what the answers came from")
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    given = parser.parse_args(words)
    if given.collect:
        found = tuple(sorted(collect(given.modules), key=lambda one: one.name))
        kept = Run(given.batch, given.revision, len(found), found)
        given.collect.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1))
        return
    runs = msgspec.json.decode(FIRST_RUN.read_bytes(), type=Kept).runs
    mine, held = halves(runs[-1].answers)
    scale = fitted(mine)
    sys.stdout.write(f"scale fitted on {len(mine)} first answers: {scale:.2f}; the other {len(held)}: Brier {brier(held, scale)} with it, {brier(held)} without\n\n")  # fmt: skip
    named = [(f"{run.batch} batches, first answers", scaled(run.answers)) for run in runs]
    named += [
        ("recordings, objects", recorded(Material.OBJECTS)),
        ("recordings, transcript", recorded(Material.TRANSCRIPT)),
    ]
    series = [(name, colour, one) for (name, one), colour in zip(named, COLOURS, strict=False)]
    for name, _, one in series:
        told = calibrate(one)
        sys.stdout.write(f"{name:<30}{told.answers:>5} answers  Brier {told.brier}  gap {told.gap}\n")
        for tenth in told.bins:
            sys.stdout.write(f"    {tenth.low:.1f}-{tenth.high:.1f}{tenth.count:>5}  said {tenth.mean_confidence:.2f}  right {tenth.right:.2f}\n")  # fmt: skip
    SVG.write_text(draw(series), encoding="utf-8")
    sys.stdout.write(f"written: docs/{SVG.name}\n")


if __name__ == "__main__":
    main()
