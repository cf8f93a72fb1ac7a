"""What `ask` on recorded material loads without a model: no client of a cluster, of a model or of a database."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
INCIDENT = Path(__file__).parent / "fixtures" / "incident"
HEAVY = {
    "aiohttp", "anthropic", "chromadb", "httpx", "huggingface_hub", "kubernetes", "langchain", "langchain_core", "langchain_openai",
    "langgraph", "mcp", "mcp_types", "neo4j", "numpy", "onnxruntime", "openai", "opentelemetry", "pandas", "pydantic", "requests", "textual",
    "tiktoken", "tokenizers", "torch", "transformers", "urllib3",
}  # fmt: skip
QUESTIONS = (
    "how many pods are not ready?",
    "why is checkout down?",
    "is everything all right?",
    "what depends on service/checkout?",
    "what changed?",
    "which image does checkout run?",
    "would one more replica of checkout fit?",
    "who can delete pods?",
)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The modules of one process after each question."""
    code = (
        "import sys, json, io, contextlib\nfrom copilot.cli.main import main\nfound = {}\n"
        f"for question in {QUESTIONS!r}:\n"
        "    with contextlib.redirect_stdout(io.StringIO()):\n"
        f"        assert main(['ask', question, '--from', {str(INCIDENT)!r}]) in (0, 2)\n"
        "    found[question] = sorted(sys.modules)\n"
        "print(json.dumps(found))\n"
    )
    clean = {"COPILOT_DATA_DIR": str(tmp_path_factory.mktemp("data")), "PATH": "", "HOME": str(tmp_path_factory.mktemp("home"))}  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=clean)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_about_a_recording_loads_no_heavy_library(question: str, loaded: dict[str, list[str]]) -> None:
    assert not {name.partition(".")[0] for name in loaded[question]} & HEAVY


def test_a_question_loads_neither_the_conversation_nor_anything_that_writes(loaded: dict[str, list[str]]) -> None:
    assert not {"copilot.agent.conversation", "copilot.llm", "tools.executor", "copilot.changing"} & set(
        loaded[QUESTIONS[0]]
    )
