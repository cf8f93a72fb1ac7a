"""The commands `index`, `search` and `doctor`, as a user runs them."""

import json

import pytest
from click.testing import CliRunner

from copilot.cli.main import main


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(
        "retrievers.knowledge.opening._dense", lambda folder, meaning: None
    )  # its own tests load the model
    return tmp_path / "data"


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "pump.md").write_text("# Pump stops\n\n## Symptom\n\nThe zirconium pump stops at midnight.\n")
    (folder / "bad.md").write_bytes(b"\x00\x01")
    return folder


def run(capsys, *words):
    code = main(list(words))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_search_answers_from_the_shipped_pages_without_any_set_up(capsys):
    code, out, _ = run(capsys, "search", "pod", "killed", "out", "of", "memory")
    assert code == 0
    assert "runbooks/out-of-memory.md:" in out
    assert out.startswith("1. ")


def test_search_prints_its_documented_json(capsys):
    code, out, _ = run(capsys, "search", "service has no endpoints", "-k", "3", "-o", "json")
    document = json.loads(out)
    assert code == 0
    assert document["schema"] == "cluster-copilot/search/v1"
    assert len(document["hits"]) == 3
    first = document["hits"][0]
    assert set(first) == {"title", "section", "path", "line", "snippet", "score", "legs", "trust", "signed", "label"}
    assert first["path"] == "runbooks/service-no-endpoints.md"


def test_search_says_when_nothing_was_found(capsys):
    code, out, err = run(capsys, "search", "qqqqxxxx")
    assert (code, out) == (1, "")
    assert "Nothing found" in err


def test_index_counts_what_it_did_and_says_what_it_skipped(capsys, notes):
    code, out, err = run(capsys, "index", str(notes))
    assert code == 0
    assert out.splitlines()[0] == "1 added, 0 changed, 0 removed, 0 unchanged, 1 skipped."
    assert "bad.md: a binary file" in err
    assert "1 user documents" in out
    _, out, _ = run(capsys, "search", "zirconium")
    assert "Pump stops — Symptom" in out


def test_index_without_a_path_refreshes_what_was_indexed_before(capsys, notes):
    run(capsys, "index", str(notes))
    (notes / "pump.md").write_text("# Pump\n\nvanadium\n")
    code, out, _ = run(capsys, "index", "-o", "json")
    document = json.loads(out)
    assert code == 0
    assert document["schema"] == "cluster-copilot/index/v1"
    assert (document["changed"], document["gone"], document["paths"]) == (1, [], [str(notes)])


def test_documents_of_a_folder_that_is_gone_stay_until_prune_is_given(capsys, notes):
    run(capsys, "index", str(notes))
    notes.rename(notes.with_name("elsewhere"))
    code, out, err = run(capsys, "index")
    assert code == 0
    assert "its documents are kept" in err
    assert "0 removed" in out
    code, out, _ = run(capsys, "index", "--prune", str(notes))
    assert "1 removed" in out
    assert run(capsys, "search", "zirconium")[0] == 1


def test_a_path_that_does_not_exist_is_an_input_error(capsys, tmp_path):
    code, _, err = run(capsys, "index", str(tmp_path / "nowhere"))
    assert code == 65
    assert "There is no file or folder" in err


def test_doctor_is_content_without_a_cluster_and_says_what_is_missing(capsys):
    code, out, _ = run(capsys, "doctor", "-o", "json")
    document = json.loads(out)
    checks = {check["name"]: check for check in document["checks"]}
    assert code == 0
    assert document["schema"] == "cluster-copilot/doctor/v1"
    assert document["usable"]
    assert not checks["cluster"]["ok"]
    assert "No kubeconfig found" in checks["cluster"]["detail"]
    assert checks["runbooks"]["ok"]
    assert checks["full-text search"]["ok"]
    assert all(check["ok"] or check["fix"] for check in checks.values())


def test_doctor_says_when_the_data_folder_cannot_be_written(capsys, data_folder):
    data_folder.write_text("a file where the folder should be")
    code, out, _ = run(capsys, "doctor")
    assert code == 0
    assert "missing  data folder:" in out
    assert "COPILOT_DATA_DIR" in out
    assert "ok       runbooks:" in out


@pytest.mark.parametrize("command", ["index", "search", "doctor"])
def test_each_command_explains_itself(command):
    from copilot.cli.main import cli

    shown = CliRunner().invoke(cli, [command, "--help"])
    assert shown.exit_code == 0
    assert "Usage:" in shown.output
