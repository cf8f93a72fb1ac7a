"""Commands as a person runs them: in one process, with nothing set up, away from every real cluster."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from copilot.cli.main import main

INCIDENT = Path(__file__).parent / "fixtures" / "incident"


class Ran(msgspec.Struct, frozen=True):
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    for name in ("KUBERNETES_SERVICE_HOST", "COPILOT_ALLOW_CHANGES", "COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs one command; `stdin` is what is piped into it."""

    def command(*words: str, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main(list(words))
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return command


@pytest.fixture
def ask_incident(run: Run) -> Run:
    """Runs one command on the recorded incident."""
    return lambda *words: run(*words, "--from", str(INCIDENT))


@pytest.fixture(scope="session")
def objects() -> bytes:
    """The incident's objects as `kubectl get -o json` prints them."""
    return gzip.decompress((INCIDENT / "objects.json.gz").read_bytes())


@pytest.fixture(scope="session")
def pasted() -> bytes:
    """The incident as a person pastes it."""
    return (INCIDENT / "transcript.txt").read_bytes()
