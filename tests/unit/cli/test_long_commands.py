"""A suggested command stays one command: in a pipe it is never broken over lines, however long its names are."""

from __future__ import annotations

import pytest

from copilot.agent.events import Answer, Step
from copilot.model import Diagnosis, Evidence, NextStep, Ref, RootCause, Verdict
from copilot.model.moment import EPOCH
from tui.answer import render_answer
from tui.console import make_console
from tui.diagnosis import render_diagnosis

LONG = f"kubectl logs {'a-very-long-name-' * 14}x -c main --previous --tail=60 -n {'n' * 60}"


@pytest.fixture(autouse=True)
def pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


def test_in_a_diagnosis(capsys: pytest.CaptureFixture[str]) -> None:
    ref = Ref("Pod", "shop", "web")
    cause = RootCause(
        1, "pod.x", "t", ref, 0.9, (Evidence(ref, "p", "x"),), next_steps=(NextStep("Read", command=LONG),)
    )
    render_diagnosis(Diagnosis(Verdict.FAULT, "c", EPOCH, (cause,)), make_console(), "all")
    assert LONG in capsys.readouterr().out
    render_diagnosis(
        Diagnosis(Verdict.UNKNOWN, "c", EPOCH, collect=(NextStep("Read", command=LONG),)), make_console(), "all"
    )
    assert LONG in capsys.readouterr().out


def test_in_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    render_answer(Answer("q", "all", "text", steps=(Step(text="Read", command=LONG),)), make_console())
    assert f"Read: {LONG}" in capsys.readouterr().out


def test_a_line_break_in_a_name_does_not_make_two_commands(capsys: pytest.CaptureFixture[str]) -> None:
    answer = Answer("q", "all", "text", steps=(Step(text="Read", command="kubectl get pod a\nrm -rf b"),))
    render_answer(answer, make_console())
    assert "kubectl get pod a rm -rf b" in capsys.readouterr().out
