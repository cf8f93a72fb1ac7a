"""Every recording is explained right, whatever it is read from; the healthy ones stay silent.

The unit tier takes a part of them, always the same; COPILOT_DEEP=1 takes all.
"""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from copilot.model import RootCause
from evals.case import RECORDINGS, Case, Material, load_cases
from evals.scorer import score
from evals.solver import Answer, DiagnosisSolver
from evals.truth import FILE
from tests.live.built.chosen import CLASSES
from tests.live.built.chosen import HEALTHY as NOTHING_WRONG
from tests.unit.evals import unanswered
from tests.unit.evals.as_dumps import cluster_info_dump, must_gather
from tests.unit.evals.part import by_name, part
from tools.cluster.record_format import OBSERVATIONS

pytestmark = pytest.mark.proof

FIRM = 0.5  # below it nothing counts as an answer
CASES = load_cases(RECORDINGS)
FAULTY = [case for case in CASES if case.truth.faults]
HEALTHY = [case for case in CASES if not case.truth.faults]
PLAYED = [case for case in FAULTY if "/" not in case.name]  # on the test bed; the others are built
OBJECTS_TELL = [case for case in FAULTY if not (case.path / OBSERVATIONS).exists()]  # no gather holds metrics or probes
SOME, FEW, FEWER = 2, 5, 15  # one recording of so many in the unit tier, all of them under COPILOT_DEEP=1

# `kubectl cluster-info dump` lists nodes, and of each namespace events, Services, pods with their logs, Deployments,
# ReplicaSets, DaemonSets. What it lacks for a cause is named here: the program may then be unsure, but never wrong.
BEYOND_CLUSTER_INFO = {
    "autoscaler-without-requests": "HorizontalPodAutoscalers",
    "cronjob-forbid-previous-runs": "CronJobs and Jobs",
    "drain-blocked-by-budget": "PodDisruptionBudgets",
    "ingress-backend-scaled-to-zero": "Ingresses: whether anybody calls the Service",
    "ingress-service-missing": "Ingresses",
    "namespace-stuck-by-finalizer": "Namespaces and ConfigMaps",
    "statefulset-ordinal-without-volume": "PersistentVolumeClaims",
    "volume-bound-to-another-claim": "PersistentVolumeClaims",
    "volume-storage-class-missing": "PersistentVolumeClaims",
}

# That there is no ReferenceGrant stands in no must-gather, which lists custom resources only where there are some.
BEYOND_MUST_GATHER = frozenset(["built/route-across-namespaces-without-grant"])


def firm_causes(answer: Answer) -> tuple[RootCause, ...]:
    return tuple(cause for cause in answer.diagnosis.root_causes if cause.confidence >= FIRM)


def judged(case: Case, answer: Answer) -> str:
    """Nothing when the answer is right, else what was answered."""
    found = score(case, answer)
    blamed = f"; blamed innocent {', '.join(found.blamed_innocent)}" if found.blamed_innocent else ""
    return "" if found.right and not blamed else f"{found.outcome.value}: {found.answered or found.error}{blamed}"


def as_dump(case: Case, make: Callable[[Path, Path], Path], folder: Path) -> Answer:
    whole = msgspec.structs.replace(case, path=make(case.path, folder / case.name))
    return DiagnosisSolver(Material.BOTH).solve(whole)


def facts(case: Case) -> dict[str, Any]:
    """What stands in the case's truth.json, beyond what the judge needs."""
    found: dict[str, Any] = json.loads((case.path / FILE).read_bytes())
    return found


def expected(cases: Sequence[Case], unanswered: frozenset[str]) -> list[Any]:
    """The cases as parameters; those that are known not to be answered yet may fail."""
    not_yet = pytest.mark.xfail(reason="not answered yet", strict=False)
    return [pytest.param(case, id=case.name, marks=[not_yet] if case.name in unanswered else []) for case in cases]


def test_there_are_enough_recordings() -> None:
    assert len(FAULTY) >= 150
    assert len(HEALTHY) >= 40


def test_every_class_of_failure_has_a_recording_and_no_recording_is_without_a_class() -> None:
    found = {facts(case)["class"] for case in CASES}
    assert set(CLASSES) - found == set()
    assert found - set(CLASSES) == {NOTHING_WRONG}


def test_a_third_of_the_failures_was_written_before_their_rule() -> None:
    assert sum(facts(case)["written_before_rule"] for case in FAULTY) * 3 >= len(FAULTY)


def test_few_recordings_are_not_answered_yet() -> None:
    assert len(unanswered.OBJECTS) <= len(FAULTY) * 0.15
    assert len(unanswered.TRANSCRIPT) <= len(FAULTY) * 0.3


@pytest.mark.parametrize("case", expected(part(FAULTY, "objects", FEW), unanswered.OBJECTS))
def test_a_recording_is_explained_right(case: Case) -> None:
    assert judged(case, DiagnosisSolver(Material.OBJECTS).solve(case)) == ""


@pytest.mark.parametrize("case", expected(part(FAULTY, "transcript", FEW), unanswered.TRANSCRIPT))
def test_what_a_person_pasted_leads_to_the_same_first_answer(case: Case) -> None:
    assert judged(case, DiagnosisSolver(Material.TRANSCRIPT).solve(case)) == ""


@pytest.mark.parametrize(
    "case", expected(part(OBJECTS_TELL, "must-gather", FEWER), unanswered.OBJECTS | BEYOND_MUST_GATHER)
)
def test_a_must_gather_leads_to_the_same_first_answer(case: Case, tmp_path: Path) -> None:
    assert judged(case, as_dump(case, must_gather, tmp_path)) == ""


@pytest.mark.parametrize("case", part(PLAYED, "cluster-info", SOME), ids=by_name)
def test_a_cluster_info_dump_leads_to_the_same_first_answer(case: Case, tmp_path: Path) -> None:
    answer = as_dump(case, cluster_info_dump, tmp_path)
    if case.name in BEYOND_CLUSTER_INFO:
        assert firm_causes(answer) == ()
    else:
        assert judged(case, answer) == ""


@pytest.mark.parametrize("case", part(HEALTHY, "healthy", SOME), ids=by_name)
@pytest.mark.parametrize("material", [Material.OBJECTS, Material.TRANSCRIPT], ids=lambda one: one.value)
def test_what_is_healthy_stays_silent(case: Case, material: Material) -> None:
    assert firm_causes(DiagnosisSolver(material).solve(case)) == ()


@pytest.mark.parametrize("case", part(HEALTHY, "healthy dump", FEWER), ids=by_name)
@pytest.mark.parametrize("make", [must_gather, cluster_info_dump])
def test_what_is_healthy_stays_silent_as_a_dump(case: Case, make: Callable[[Path, Path], Path], tmp_path: Path) -> None:
    assert firm_causes(as_dump(case, make, tmp_path)) == ()


def test_a_recording_tells_nothing_of_how_it_was_made() -> None:
    for case in CASES:
        for path in case.path.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            content = gzip.decompress(content) if path.suffix == ".gz" else content
            assert b"testbed/" not in content, path
            assert b"kwok" not in content, path
