"""The bench judges as its documentation says, and shows what was missed."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.cli.main import main
from copilot.model import Diagnosis, Evidence, InputError, Ref, RootCause, Verdict
from copilot.model.moment import EPOCH
from evals.calibration import calibrate
from evals.case import Case, Material, load_cases
from evals.report import as_json, as_text
from evals.scorer import Outcome, Score, score
from evals.solver import Answer, ScriptedSolver
from evals.task import Task
from evals.truth import load_truth
from tests.shared import shared

WEB = {"kind": "Deployment", "namespace": "shop", "name": "web"}
DB = {"kind": "StatefulSet", "namespace": "shop", "name": "db"}
FAULT: dict[str, Any] = {
    "verdict": "fault",
    "object": WEB,
    "cause": "DB_PASSWORD is not set",
    "keywords": ["Password"],
    "also_accept": [{"kind": "Secret", "namespace": "shop", "name": "web-*"}],
    "same_chain": [{"kind": "Pod", "namespace": "shop", "name": "web-1"}],
    "must_not": [DB],
    "recorded": "a field that is ignored",
}


def case(tmp_path: Path, truth: dict[str, Any], name: str = "one") -> Case:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "truth.json").write_text(json.dumps(truth))
    return load_cases(folder)[0]


def cause(kind: str, name: str, title: str = "the password is missing", confidence: float = 0.9) -> RootCause:
    ref = Ref(kind, "shop", name)
    return RootCause(1, "pod.crash", title, ref, confidence, (Evidence(ref, "status", "it says so"),))


def fault(*causes: RootCause) -> Diagnosis:
    return Diagnosis(Verdict.FAULT, "c", EPOCH, root_causes=causes)


def judged(tmp_path: Path, truth: dict[str, Any], diagnosis: Diagnosis) -> Score:
    return score(case(tmp_path, truth), Answer(diagnosis))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (fault(cause("Deployment", "web")), Outcome.RIGHT),
        (fault(cause("Pod", "web-1")), Outcome.RIGHT),
        (fault(cause("Secret", "web-env")), Outcome.RIGHT),
        (fault(cause("Deployment", "web", "the image is missing")), Outcome.OBJECT_ONLY),
        (fault(cause("Deployment", "api")), Outcome.WRONG),
        (fault(cause("Deployment", "api"), cause("Deployment", "web")), Outcome.WRONG),
        (Diagnosis(Verdict.UNKNOWN, "c", EPOCH, (cause("Deployment", "web"),)), Outcome.ABSTAINED),
        (Diagnosis(Verdict.HEALTHY, "c", EPOCH), Outcome.MISSED),
    ],
)
def test_an_answer_counts_only_when_object_and_cause_are_first_and_firm(
    tmp_path: Path, answer: Diagnosis, outcome: Outcome
) -> None:
    assert judged(tmp_path, FAULT, answer).outcome is outcome


def test_blaming_the_innocent_is_counted_even_behind_a_right_answer(tmp_path: Path) -> None:
    found = judged(tmp_path, FAULT, fault(cause("Deployment", "web"), cause("StatefulSet", "db")))
    assert (found.right, found.blamed_innocent, found.extra) == (True, ("StatefulSet shop/db",), 1)


def test_two_faults_are_right_in_any_order_and_half_right_is_not_right(tmp_path: Path) -> None:
    truth = {**FAULT, "must_not": [], "second": {"object": DB, "keywords": ["disk"]}}
    web, db = cause("Deployment", "web"), cause("StatefulSet", "db", "the disk is full")
    one = case(tmp_path, truth)
    assert score(one, Answer(fault(db, web))).outcome is Outcome.RIGHT
    assert score(one, Answer(fault(db))).outcome is Outcome.PARTLY
    assert score(one, Answer(fault(db, cause("Deployment", "x"), web))).outcome is Outcome.PARTLY


def test_silence_is_the_only_right_answer_where_nothing_is_wrong(tmp_path: Path) -> None:
    healthy = case(tmp_path, {"verdict": "healthy"})
    assert score(healthy, Answer(Diagnosis(Verdict.HEALTHY, "c", EPOCH))).right
    assert score(healthy, Answer(fault(cause("Pod", "x")))).outcome is Outcome.FALSE_ALARM
    assert score(healthy, Answer(Diagnosis(Verdict.UNKNOWN, "c", EPOCH))).outcome is Outcome.ABSTAINED


def test_the_report_adds_up_and_shows_each_miss_with_both_sides(tmp_path: Path) -> None:
    case(tmp_path, FAULT, "a")
    case(tmp_path, {**FAULT, "keywords": []}, "b")
    case(tmp_path, {"verdict": "healthy"}, "c")
    answers = {
        "a": fault(cause("Deployment", "api", confidence=0.6)),
        "b": fault(cause("Deployment", "web", "anything")),
    }
    report = Task("mine", load_cases(tmp_path), ScriptedSolver(answers)).run()
    found = as_json(report)
    assert (found["cases"], found["right"], found["faults"]["joint"], found["healthy"]) == (
        3,
        1,
        1,
        {"cases": 1, "silent": 0},
    )
    assert found["schema"] == "cluster-copilot/eval-diagnosis/v1"
    text = as_text(report)
    assert "- a: wrong" in text
    assert "expected  Deployment shop/web: DB_PASSWORD is not set" in text
    assert "answered  Deployment shop/api: the password is missing [pod.crash, 0.60]" in text
    assert "because   it says so" in text
    assert "no scripted answer" in text


def test_calibration_of_known_answers_is_what_the_formula_says() -> None:
    found = calibrate([(0.9, True), (0.9, False), (1.0, True)])
    assert found.brier == pytest.approx((0.01 + 0.81 + 0.0) / 3, abs=1e-4)
    assert [(one.low, one.count) for one in found.bins] == [(0.9, 3)]
    assert calibrate([]).brier is None


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_calibration_stays_within_its_bounds(pairs: list[tuple[float, bool]]) -> None:
    found = calibrate(pairs)
    assert found.brier is not None
    assert found.gap is not None
    assert 0 <= found.brier <= 1
    assert -1e-9 <= found.gap <= 1.0001
    assert sum(one.count for one in found.bins) == len(pairs)


@pytest.mark.parametrize(
    "truth",
    [
        "{",
        "[]",
        '{"verdict": "broken"}',
        '{"verdict": "fault"}',
        '{"verdict": "fault", "object": {"kind": "Pod"}}',
        '{"verdict": "fault", "object": 3}',
    ],
)
def test_a_truth_that_cannot_be_read_is_named(tmp_path: Path, truth: str) -> None:
    path = tmp_path / "truth.json"
    path.write_text(truth)
    with pytest.raises(InputError, match=r"truth\.json"):
        load_truth(path)


def test_a_folder_without_cases_says_what_a_case_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no case in it"):
        load_cases(tmp_path)
    with pytest.raises(InputError, match="not a folder"):
        load_cases(tmp_path / "nowhere")


def test_the_truth_and_the_other_material_are_kept_from_the_solver(tmp_path: Path) -> None:
    one = case(tmp_path, FAULT)
    (one.path / "transcript.txt").write_text("$ kubectl get pods\n")
    assert all(one.left_out(kind, "truth.json") for kind in Material)
    assert one.left_out(Material.OBJECTS, "transcript.txt")
    assert one.left_out(Material.TRANSCRIPT, "objects.json.gz")
    assert one.left_out(Material.TRANSCRIPT, "logs/a/b/c.txt")
    assert not one.left_out(Material.OBJECTS, "logs/a/b/logs.txt")
    assert one.has(Material.TRANSCRIPT)
    assert not one.has(Material.OBJECTS)


def write_case(root: Path) -> None:
    folder = root / "missing-env"
    folder.mkdir()
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "1"},
        "spec": {},
        "status": {"phase": "Running"},
    }
    (folder / "objects.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [pod]}))
    (folder / "truth.json").write_text(json.dumps(FAULT))


def test_the_command_scores_a_folder_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_case(tmp_path)
    assert main(["eval", "diagnosis", "--path", str(tmp_path), "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["cases"], found["scores"][0]["case"]) == (1, "missing-env")
    assert found["milliseconds"]["total"]["median"] > 0


def test_the_command_fails_a_build_that_is_worse_than_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_case(tmp_path)
    assert main(["eval", "diagnosis", "--path", str(tmp_path), "--fail-under", "50"]) == 1
    assert "Missed (1):" in capsys.readouterr().out


def test_the_command_says_what_it_cannot_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_case(tmp_path)
    assert main(["eval", "diagnosis", "--path", str(tmp_path), "--as", "transcript"]) == 64
    assert main(["eval", "diagnosis", "--path", str(tmp_path), "--set", "recordings"]) == 64
    assert main(["eval", "diagnosis", "--path", str(tmp_path / "nowhere")]) == 65
    assert "no case is left" in capsys.readouterr().err


def test_every_shared_incident_is_a_case() -> None:
    cases = load_cases(shared("datasets", "incidents"))
    assert len(cases) == 46
    assert sum(one.truth.verdict is Verdict.HEALTHY for one in cases) == 4
    assert all(one.truth.faults for one in cases if one.truth.verdict is Verdict.FAULT)
    assert [one.name for one in cases if len(one.truth.faults) > 1] == ["simulated-44"]
