"""What cannot be done is said on stderr in two lines, with the exit code that the documentation promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

INPUTS = {
    "missing": (None, "No such file"),
    "empty": (b"", "empty"),
    "blank": (b" \n\n", "empty"),
    "binary": (bytes(range(256)) * 8, "binary"),
    "cut.json": (b'{"apiVersion": "v1", "kind": "List", "items": [', "cut.json:1:"),
    "other.json": (b'{"temperature": 21}', "nothing in it could be read"),
    "odd.yaml": (b"kind: Pod\n  name: [unclosed\n", "odd.yaml"),
    "no.tar.gz": (b"\x1f\x8b\x08\x00garbage", "no.tar.gz"),
}


@pytest.mark.parametrize(("name", "content", "said"), [(name, *rest) for name, rest in INPUTS.items()], ids=INPUTS)
def test_input_that_cannot_be_read_is_named_and_exits_65(
    run: Run, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    ran = run("why", "--from", str(path))
    assert (ran.code, ran.out) == (65, "")
    assert ran.err.startswith("error: ")
    assert name in ran.err
    assert said in ran.err


@pytest.mark.parametrize(
    "command",
    [["ask", "what is broken?"], ["graph"], ["changes"], ["timeline", "deploy/web"], ["record", "-o", "x"]],
    ids=lambda words: words[0],
)
def test_every_command_names_a_file_that_is_not_there(run: Run, tmp_path: Path, command: list[str]) -> None:
    ran = run(*command, "--from", str(tmp_path / "missing"))
    assert (ran.code, ran.out) == (65, "")
    assert "No such file" in ran.err


@pytest.mark.parametrize("content", [b"", bytes(range(256)) * 8, b'{"kind": "List", "items": ['])
def test_a_pipe_that_cannot_be_read_is_named_too(run: Run, content: bytes) -> None:
    ran = run("why", "--from", "-", stdin=content)
    assert ran.code == 65
    assert "stdin" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["wyh"], "Did you mean why?"),
        (["blubb"], "--help"),
        (["why", "--frm", "x"], "--from"),
        (["why", "-o", "xml"], "'json'"),
        (["ask"], "QUESTION"),
        (["search"], "WORDS"),
        (["causes", "nosuchcause"], "causes lists them all"),
        (["eval", "diagnosis", "--set", "nosuch"], "recordings"),
        (["audit", "--head", "abc"], "--head and --anchor go with verify"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_a_wrong_command_line_exits_64_with_what_to_write_instead(run: Run, words: list[str], said: str) -> None:
    ran = run(*words)
    assert (ran.code, ran.out) == (64, "")
    assert said in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["why", "-n", "concert"], "Did you mean concerts?"),
        (["why", "deploy/herron"], "Did you mean deployment/heron -n concerts?"),
        (["why", "deplyment/heron"], "Did you mean deployment/heron?"),
        (["why", "a", "b", "c"], "not 3: a b c"),
        (["graph", "a", "b", "c"], "--path-to"),
        (["graph", "--blast-radius"], "KIND/NAME"),
        (["ask", " "], "kubectl copilot ask"),
        (["do", "destroy everything"], "scale, restart"),
        (["do", "scale deploy/herron to 3", "-n", "concerts"], "heron"),
        (["do", "restart deploy/heron", "-A"], "-n"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_a_name_that_does_not_fit_exits_64_with_the_nearest(ask_incident: Run, words: list[str], said: str) -> None:
    ran = ask_incident(*words)
    assert (ran.code, ran.out) == (64, "")
    assert ran.err.startswith("error: ")
    assert said in ran.err


@pytest.mark.parametrize(
    "words", [["why"], ["graph"], ["record", "-o", "x"], ["do", "restart deploy/web"]], ids=lambda words: words[0]
)
def test_without_a_kubeconfig_the_way_to_recorded_material_is_named(run: Run, words: list[str]) -> None:
    ran = run(*words)
    assert (ran.code, ran.out) == (69, "")
    assert "--from" in ran.err


def test_a_wish_to_change_is_refused_by_the_one_who_only_reads(ask_incident: Run) -> None:
    ran = ask_incident("ask", "delete deployment heron")
    assert (ran.code, ran.out) == (77, "")
    assert "kubectl copilot do" in ran.err


def test_help_and_version_are_no_errors(run: Run) -> None:
    assert run("--help").code == 0
    assert run("--version").out.startswith("kubectl-copilot")
    assert run("why", "-h").out.startswith("Usage: kubectl copilot why")


def test_a_defect_is_told_apart_from_a_verdict(ask_incident: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("copilot.app.open_copilot", lambda target: 1 // 0)
    ran = ask_incident("why")
    assert (ran.code, ran.out) == (70, "")
    assert "error: a defect in this program: ZeroDivisionError" in ran.err
