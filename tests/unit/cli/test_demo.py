"""The demo as a person sees it, the same on every machine, from the packaged recording and nothing else."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from copilot.cli import demo
from copilot.cli.main import main
from evals.case import RECORDINGS

# What differs from one machine, or one recording, to the next.
_OWN = (
    (re.compile(r"--from \S+"), "--from RECORDING"),
    (re.compile(r"asked by .+ \(os\)"), "asked by SOMEBODY (os)"),
    (re.compile(r"\b(plan|undo) [0-9a-f]{12}"), r"\1 PLAN"),
    (re.compile(r"digest [0-9a-f]{64}"), "digest DIGEST"),
)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> str:
    """What the demo prints on a terminal of 110 columns."""
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path / "data"))
    assert main(["demo"]) == 0
    text = capsys.readouterr().out
    for pattern, word in _OWN:
        text = pattern.sub(word, text)
    return text


def test_the_demo_reads_as_recorded(shown: str, snapshot: SnapshotAssertion) -> None:
    assert shown == snapshot


def test_the_demo_names_the_cause_its_proof_and_who_suffers(shown: str) -> None:
    for fact in (
        "Deployment shop/payments is scaled to zero replicas",
        "spec.replicas = 0",
        "replicas: 2 → 0 by kubectl-patch",
        "connect: connection refused",
        "Ingress shop/front",
        "kubectl scale deployment/payments --replicas=2 -n shop",
        "Scale Deployment shop/payments from 0 to 2 replicas",
        "whether the cluster still looks like this: it was read from a recording",
        "kubectl copilot record -o incident",
    ):
        assert fact in shown.replace("\n    ", " "), fact
    confidence = re.search(r"change Deployment shop/payments · confidence (\d\.\d\d)", shown)
    assert confidence is not None
    assert float(confidence[1]) >= 0.85


def test_the_demo_does_not_blame_what_only_suffers_or_stands_by(shown: str) -> None:
    for innocent in ("change Deployment shop/checkout", "change Deployment shop/storefront", "nightly-export"):
        assert innocent not in shown


def test_the_demo_keeps_nothing_opens_no_connection_and_loads_no_model_or_database(tmp_path: Path) -> None:
    script = (
        "import json, socket, sys\n"
        "def refuse(*_): raise AssertionError('a connection')\n"
        "socket.socket.connect = refuse\n"
        "from copilot.cli.main import main\n"
        "code = main(['demo'])\n"
        "print(json.dumps([code, sorted({name.partition('.')[0] for name in sys.modules})]), file=sys.stderr)\n"
    )
    environment = {**os.environ, "COPILOT_DATA_DIR": str(tmp_path / "data"), "KUBECONFIG": str(tmp_path / "none")}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    assert not {"chromadb", "torch", "langchain", "neo4j", "onnxruntime"} & set(modules)
    assert list(tmp_path.iterdir()) == []


def test_the_recording_of_the_demo_is_one_of_the_scored_cases() -> None:
    truth = json.loads((RECORDINGS / demo.RECORDING / "truth.json").read_text())
    assert truth["object"] == {"kind": "Deployment", "namespace": "shop", "name": "payments"}
