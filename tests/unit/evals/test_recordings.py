"""Every recording of the test bed is explained right, whatever it is read from; the healthy ones stay silent."""

import gzip
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from copilot.model import RootCause
from evals.case import RECORDINGS, Case, Material, load_cases
from evals.scorer import score
from evals.solver import Answer, DiagnosisSolver
from tests.unit.evals.as_dumps import cluster_info_dump, must_gather

FIRM = 0.5  # below it nothing counts as an answer
CASES = load_cases(RECORDINGS)
FAULTY = [case for case in CASES if case.truth.faults]
HEALTHY = [case for case in CASES if not case.truth.faults]

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


def by_name(case: Case) -> str:
    return case.name


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


def test_there_are_enough_recordings() -> None:
    assert len(FAULTY) >= 25
    assert len(HEALTHY) >= 7


@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_a_recording_is_explained_right(case: Case) -> None:
    assert judged(case, DiagnosisSolver(Material.OBJECTS).solve(case)) == ""


@pytest.mark.parametrize("case", FAULTY, ids=by_name)
def test_what_a_person_pasted_leads_to_the_same_first_answer(case: Case) -> None:
    assert judged(case, DiagnosisSolver(Material.TRANSCRIPT).solve(case)) == ""


@pytest.mark.parametrize("case", FAULTY, ids=by_name)
def test_a_must_gather_leads_to_the_same_first_answer(case: Case, tmp_path: Path) -> None:
    assert judged(case, as_dump(case, must_gather, tmp_path)) == ""


@pytest.mark.parametrize("case", FAULTY, ids=by_name)
def test_a_cluster_info_dump_leads_to_the_same_first_answer(case: Case, tmp_path: Path) -> None:
    answer = as_dump(case, cluster_info_dump, tmp_path)
    if case.name in BEYOND_CLUSTER_INFO:
        assert firm_causes(answer) == ()
    else:
        assert judged(case, answer) == ""


@pytest.mark.parametrize("case", HEALTHY, ids=by_name)
@pytest.mark.parametrize("material", [Material.OBJECTS, Material.TRANSCRIPT], ids=lambda one: one.value)
def test_what_is_healthy_stays_silent(case: Case, material: Material) -> None:
    assert firm_causes(DiagnosisSolver(material).solve(case)) == ()


@pytest.mark.parametrize("case", HEALTHY, ids=by_name)
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
