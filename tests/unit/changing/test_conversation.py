"""What happens at the terminal: the card, the question, the typed answer, and the report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from copilot.cli.main import main
from tests.small_api import SmallApi, deployment, serve
from tests.terminal import at_a_terminal

_WEB = "/apis/apps/v1/namespaces/shop/deployments/web"


@pytest.fixture
def api() -> Iterator[SmallApi]:
    with serve(deployment()) as api:
        yield api


def _do(api: SmallApi, folder: Path, answers: list[str], *more: str, interrupt_at: bytes = b"") -> tuple[int, str]:
    arguments = [
        *(more or ("do", "scale web to 3")),
        "--allow-changes",
        "--soak",
        "0",
        "--kubeconfig",
        str(api.kubeconfig(folder)),
    ]
    return at_a_terminal(arguments, folder / "data", answers, interrupt_at)


def test_a_typed_yes_carries_the_plan_out_and_the_report_names_the_way_back(
    api: SmallApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = _do(api, tmp_path, ["yes"])
    assert (code, api.objects[_WEB]["spec"]["replicas"]) == (0, 3), said
    assert "Rollout done: 3 of 3 replicas available" in said
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path / "data"))
    assert main(["audit", "-o", "json"]) == 0
    (plan,) = json.loads(capsys.readouterr().out)["plans"]
    assert (plan["state"], plan["by"]) == ("applied", "alice")
    assert f"kubectl copilot undo {plan['plan']} --allow-changes" in said
    assert main(["audit", plan["plan"]]) == 0
    assert "watched" in capsys.readouterr().out
    assert main(["audit", "verify"]) == 0
    head = capsys.readouterr().out.split()[-1]
    assert f"Journal: {head}" in said
    assert main(["audit", "verify", "--head", head]) == 0
    assert main(["audit", "verify", "--head", "0" * 64]) == 1


def test_a_no_changes_nothing(api: SmallApi, tmp_path: Path) -> None:
    code, said = _do(api, tmp_path, ["y"])
    assert code == 77
    assert "Not agreed: nothing was changed." in said
    assert api.writes() == []


def test_a_plan_overtaken_by_another_change_is_offered_anew_and_asked_about_anew(api: SmallApi, tmp_path: Path) -> None:
    def overtake() -> None:
        api.before_send = None
        api.touch(replicas=4)

    api.before_send = overtake
    code, said = _do(api, tmp_path, ["yes", "web"])
    assert (code, api.objects[_WEB]["spec"]["replicas"]) == (0, 3), said
    assert "409" in said
    assert "from 4 to 3 replicas" in said
    assert len(api.writes()) == 2


def test_ctrl_c_while_watching_leaves_the_change_and_says_so(api: SmallApi, tmp_path: Path) -> None:
    api.rollouts = False
    code, said = _do(api, tmp_path, ["yes"], interrupt_at=b"waiting for the controller")
    assert (code, api.objects[_WEB]["spec"]["replicas"]) == (130, 3), said
    assert "The change is made and stays" in said


def test_a_refused_plan_asks_nobody(api: SmallApi, tmp_path: Path) -> None:
    code, said = _do(api, tmp_path, ["yes"], "do", "scale web to 0")
    assert code == 77
    assert "Refused: it needs the agreement of two people" in said
    assert "leave it:" not in said


def test_audit_without_a_journal_says_so_and_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path / "data"))
    assert main(["audit"]) == 0
    assert "No change was planned" in capsys.readouterr().out
    assert main(["audit", "verify", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["entries"] == 0
    assert main(["audit", "ffff"]) == 64
    assert main(["audit", "--head", "x"]) == 64
    assert not (tmp_path / "data").exists()
