"""A sample of the proof of redaction: secrets planted in a made-up cluster, real commands, everything that came out searched."""

import base64
import contextlib
import io
from pathlib import Path
from urllib.parse import quote

import pytest

from copilot.cli.main import main
from evals.safety.secrets import measure
from evals.safety.secrets_cluster import Place, Planted
from evals.safety.secrets_found import leaked
from tests.small_api import deployment, serve
from tests.terminal import at_a_terminal

pytestmark = pytest.mark.proof


@pytest.fixture
def in_this_process(monkeypatch):
    def run(arguments: list[str], data: Path) -> str:
        monkeypatch.setenv("COPILOT_DATA_DIR", str(data))
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            main(arguments)
        return said.getvalue()

    return run


def test_no_secret_with_context_is_read_in_anything_that_the_program_shows_or_stores(in_this_process):
    found = measure(rounds=1, kinds=15, run=in_this_process, quick=True)
    assert found["planted"] >= 200
    assert found["found_in_dump"] >= found["planted"] * 0.9, "the search must find what is there"
    assert found["placeholders"] >= found["planted"] * 0.5, "the commands must show what would leak"
    assert found["leaked_with_context"] == 0, found["missed"]


def test_the_search_finds_a_secret_in_every_form():
    value = "Zq8!xK2mQ9xT4vB7nR1w"
    one = Planted("k", Place.LOG, value)
    for form in (value, base64.b64encode(b"x" + value.encode()).decode(), quote(value), value[3:16]):
        assert leaked(f"a line\nwith {form} in it", [one]) == [one], form
    assert leaked("a line\nwithout", [one]) == []


def test_a_change_that_is_carried_out_leaves_no_secret_of_its_object_on_the_screen_or_in_the_journal(tmp_path):
    values = {"DB_PASSWORD": "Zq8xK2mQ9xT4vB7nR1w", "API_TOKEN": "ghp_" + "a1B2" * 9}
    body = deployment()
    container = body["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": name, "value": value} for name, value in values.items()]
    container["args"] = ["--password", "Berlin4711x"]
    with serve(body) as api:
        words = ["do", "restart web", "--allow-changes", "--soak", "0", "--kubeconfig", str(api.kubeconfig(tmp_path))]
        code, said = at_a_terminal(words, tmp_path / "data", ["yes", "web"])
        files = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
        assert api.writes(), (code, said)
    assert b"restart" in files
    for value in (*values.values(), "Berlin4711x"):
        planted = [Planted("k", Place.ENV, value)]
        assert not leaked(said, planted)
        assert not leaked(files.decode("latin-1"), planted)
