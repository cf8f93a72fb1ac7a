"""A sample of the proof of redaction: secrets planted in a made-up cluster, real commands, everything that came out searched."""

import contextlib
import io
from pathlib import Path

import pytest

from copilot.cli.main import main
from evals.safety.secrets import measure
from evals.safety.secrets_cluster import Place, Planted
from evals.safety.secrets_found import leaked


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


@pytest.mark.parametrize(
    "way", [str, lambda v: __import__("base64").b64encode(b"x" + v.encode()).decode(), lambda v: v[3:16]]
)
def test_the_search_finds_a_secret_in_every_form(way):
    one = Planted("k", Place.LOG, "Zq8!xK2mQ9xT4vB7nR1w")
    assert leaked(f"a line\nwith {way(one.value)} in it", [one]) == [one]
    assert leaked("a line\nwithout", [one]) == []
