"""A measurement: these cases, this solver, this scorer. Running it yields a Report; nothing is printed here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from evals.case import Case
from evals.report import Report
from evals.scorer import Score, score
from evals.solver import Answer, Solver

Scorer = Callable[[Case, Answer], Score]


@dataclass(frozen=True)
class Task:
    """`Task("diagnosis", load_cases(folder), DiagnosisSolver()).run()`."""

    name: str
    dataset: Sequence[Case]
    solver: Solver
    scorer: Scorer = score

    def run(self) -> Report:
        """Answer and judge every case."""
        return Report(self.name, tuple(self.scores()))

    def scores(self) -> Iterator[Score]:
        """Answer and judge the cases one by one, for whoever shows progress."""
        for case in self.dataset:
            yield self.scorer(case, self.solver.solve(case))
