"""Several faults at once: the set score punishes what is missing and what is too much, and the joined cases are scored by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from copilot.model import Diagnosis, Verdict
from copilot.model.moment import EPOCH
from evals.case import Case
from evals.report import as_json, as_text
from evals.scorer import score
from evals.several import COMBINATIONS, several
from evals.solver import Answer, JoinedSolver
from evals.task import Task
from tests.unit.evals.test_eval_bench import DB, FAULT, case, cause, fault

TWO = {**FAULT, "must_not": [], "second": {"object": DB, "keywords": ["disk"]}}
WEB, FULL, OTHER = cause("Deployment", "web"), cause("StatefulSet", "db", "the disk is full"), cause("Deployment", "x")


@pytest.mark.parametrize(
    ("answer", "together"),
    [
        (fault(WEB, FULL), 1.0),
        (fault(FULL, WEB), 1.0),
        (fault(WEB), 0.0),
        (fault(WEB, OTHER, FULL), 2 / 3),
        (fault(WEB, FULL, OTHER, OTHER), 0.5),
        (Diagnosis(Verdict.HEALTHY, "c", EPOCH), 0.0),
        (Diagnosis(Verdict.UNKNOWN, "c", EPOCH, (WEB, FULL)), 0.0),
    ],
)
def test_the_set_score_is_nothing_without_every_fault_and_less_for_each_false_one(
    tmp_path: Path, answer: Diagnosis, together: float
) -> None:
    assert score(case(tmp_path, TWO), Answer(answer)).together == pytest.approx(together)


def test_one_fault_has_no_set_score(tmp_path: Path) -> None:
    assert score(case(tmp_path, FAULT), Answer(fault(WEB))).together is None


def test_the_first_answer_counts_for_any_of_the_faults(tmp_path: Path) -> None:
    one = case(tmp_path, TWO)
    assert score(one, Answer(fault(FULL))).first_right
    assert not score(one, Answer(fault(OTHER, FULL, WEB))).first_right


def test_joined_recordings_keep_their_faults_and_share_one_moment() -> None:
    made = next(iter(several(COMBINATIONS[:1])))
    assert len(made.truth.faults) == 2
    newest = max(one.created for one in made.snapshot.resources if one.created)
    assert newest <= made.snapshot.observed_at
    namespaces = {one.ref.namespace for one in made.snapshot.resources}
    assert {"greenhouse", "observatory"} <= namespaces


def test_the_faults_of_joined_recordings_are_found_together() -> None:
    made = list(several())
    cases = [Case(one.name, Path(), one.truth) for one in made]
    report = Task("several", cases, JoinedSolver({one.name: one.snapshot for one in made})).run()
    assert len(report.several) >= 10
    assert report.together is not None
    assert report.together >= 0.9, as_text(report)
    assert as_json(report)["several"] == {"cases": len(cases), "set_score": report.together}
