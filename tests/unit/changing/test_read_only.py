"""Read-only is the default: nothing but GET leaves the program, and the writer is not even imported."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from copilot.cli.main import main
from tests.small_api import deployment, serve

ROOT = Path(__file__).resolve().parents[3]
_WORDS = ("scale web to 3", "restart deploy/web")
_READING = (["why"], ["graph", "deploy/web"], ["ask", "why is web down?"], ["record"])


def test_without_leave_to_change_only_get_is_sent_and_the_writer_is_not_imported(tmp_path: Path) -> None:
    with serve(deployment()) as api:
        commands = [["do", words, "--kubeconfig", str(api.kubeconfig(tmp_path))] for words in _WORDS]
        code = (
            "import sys, json\nfrom copilot.cli.main import main\n"
            f"codes = [main(command) for command in {commands!r}]\n"
            "writer = [name for name in sys.modules if name.startswith('tools.executor')]\n"
            "sys.stderr.write(json.dumps([codes, writer]))\n"
        )
        env = {**os.environ, "COPILOT_DATA_DIR": str(tmp_path / "data"), "COPILOT_ALLOW_CHANGES": "0"}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=env
        )
    assert json.loads(done.stderr) == [[77, 77], []]
    assert {one.method for one in api.seen} == {"GET"}
    for said in (
        "Changes are off",
        "server-side dry-run): changes are off",
        "access review): changes are off",
    ):
        assert done.stdout.count(said) == len(_WORDS)
    assert not (tmp_path / "data").exists()


def test_every_reading_command_sends_only_get_and_reviews(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(deployment()) as api:
        kubeconfig = str(api.kubeconfig(tmp_path))
        for command in _READING:
            if find_spec(f"copilot.cli.{command[0]}"):
                main(
                    [
                        *command,
                        *(["-o", str(tmp_path / "rec")] if command[0] == "record" else []),
                        "--kubeconfig",
                        kubeconfig,
                    ]
                )
    capsys.readouterr()
    assert api.writes() == []
    assert {one.method for one in api.seen} <= {"GET", "POST"}
    assert not [one for one in api.seen if one.method == "POST" and "selfsubject" not in one.path]


def test_leave_to_change_can_be_set_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COPILOT_ALLOW_CHANGES", "1")
    with serve(deployment()) as api:
        assert main(["do", "scale web to 3", "--kubeconfig", str(api.kubeconfig(tmp_path))]) == 77
    assert "server-side dry-run of the change: done" in capsys.readouterr().out


def test_input_that_is_no_terminal_is_never_a_yes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\nyes\nweb\n"))
    with serve(deployment()) as api:
        assert main(["do", "scale web to 3", "--allow-changes", "--kubeconfig", str(api.kubeconfig(tmp_path))]) == 77
    assert "Nobody is at a terminal" in capsys.readouterr().err
    assert api.writes() == []


def test_there_is_no_option_that_says_yes(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--yes", "-y", "--force", "--auto-approve"):
        assert main(["do", "scale web to 3", option]) == 64
    main(["do", "--help"])
    assert "--yes" not in capsys.readouterr().out


def test_words_that_are_no_change_are_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(deployment()) as api:
        assert main(["do", "drop the database", "--kubeconfig", str(api.kubeconfig(tmp_path))]) == 64
    assert api.seen == []
    assert "Try: " in capsys.readouterr().err


def test_a_recording_shows_the_card_and_can_send_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = tmp_path / "web.json"
    manifest.write_text(json.dumps(deployment()))
    assert main(["do", "scale web to 3", "--from", str(manifest)]) == 77
    printed = capsys.readouterr().out
    assert "Scale Deployment shop/web from 2 to 3 replicas" in printed
    assert "This is a recording" in printed


def test_a_plan_for_machines_has_its_schema_and_digest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = tmp_path / "web.json"
    manifest.write_text(json.dumps(deployment()))
    assert main(["do", "restart deploy/web in shop", "--from", str(manifest), "-o", "json"]) == 77
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "cluster-copilot/plan/v1"
    assert len(document["digest"]) == 64
    assert document["plan"]["steps"][0]["args"]["op"] == "restart"
