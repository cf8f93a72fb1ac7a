"""The packaged questions stay answered, the scorer tells right from wrong, and bad files are named with their line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from copilot.cli.eval import COMMAND
from copilot.model import InputError
from evals.questions_report import as_json, as_text, right_share
from evals.questions_task import QUESTIONS, Asked, Mark, Said, cluster_folders, judge, load_questions, run_questions

RIGHT = 0.97  # of the packaged questions; each was written before it was asked


@pytest.fixture(scope="module")
def marked() -> tuple:
    return run_questions(load_questions(QUESTIONS), cluster_folders(QUESTIONS, None))


def test_the_packaged_questions_are_answered(marked: tuple) -> None:
    assert right_share(marked) >= RIGHT, as_text(marked)


def test_no_wrong_fact_is_stated(marked: tuple) -> None:
    assert [one.asked.question for one in marked if one.wrong] == []


def test_there_are_enough_questions_over_enough_clusters(marked: tuple) -> None:
    assert len(marked) >= 500
    assert len({one.asked.cluster for one in marked}) >= 15


def test_the_report_for_machines_counts_every_question(marked: tuple) -> None:
    found = as_json(marked)
    assert found["schema"] == "cluster-copilot/eval-questions/v1"
    assert found["right"] + found["partly"] + found["missed"] + found["wrong"] == found["questions"] == len(marked)


ASKED = Asked("c", "q?", facts=("three", "web|site"), never=("db",), known=True)


@pytest.mark.parametrize(
    ("said", "mark"),
    [
        (Said("Three pods of SITE"), Mark.RIGHT),
        (Said("three pods"), Mark.PARTLY),
        (Said("three pods of web", known=False), Mark.PARTLY),
        (Said("no idea"), Mark.MISSED),
        (Said("three pods of web and db"), Mark.WRONG),
        (Said("no", refused=True), Mark.MISSED),
    ],
)
def test_an_answer_is_judged_by_what_it_states(said: Said, mark: Mark) -> None:
    assert judge(ASKED, said).mark is mark


def test_doing_what_must_be_refused_is_wrong() -> None:
    assert judge(Asked("c", "delete it", refused=True), Said("done")).mark is Mark.WRONG
    assert judge(Asked("c", "delete it", refused=True), Said("I only read", refused=True)).mark is Mark.RIGHT


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"cluster": "c", "question": "q"}\n{"cluster": 1}\n')
    with pytest.raises(InputError, match=r"a\.jsonl:2"):
        load_questions(tmp_path)
    with pytest.raises(InputError, match="no "):
        load_questions(tmp_path / "nowhere")


def test_a_user_scores_questions_of_their_own(tmp_path: Path) -> None:
    cluster = tmp_path / "clusters" / "mine"
    cluster.mkdir(parents=True)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-0", "namespace": "shop"},
        "status": {"phase": "Running"},
    }
    (cluster / "pods.json").write_text(json.dumps({"apiVersion": "v1", "kind": "PodList", "items": [pod]}))
    lines = [
        {"cluster": "mine", "question": "how many pods are there?", "facts": ["1 Pod"], "topic": "count"},
        {"cluster": "gone", "question": "how many pods are there?", "facts": ["1 Pod"]},
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    result = CliRunner().invoke(COMMAND, ["questions", "--path", str(tmp_path), "-o", "json"], standalone_mode=False)
    found = json.loads(result.output)
    assert (found["right"], found["missed"]) == (1, 1)
    assert "No recorded cluster 'gone'" in found["scores"][1]["text"]
    narrowed = CliRunner().invoke(
        COMMAND,
        ["questions", "--path", str(tmp_path), "--topic", "count", "--fail-under", "100"],
        standalone_mode=False,
    )
    assert narrowed.return_value == 0
