"""What the layout promises: arrows point down, --help is light, our package names are ours alone."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
OURS = ("copilot", "retrievers", "tools", "guardrails", "tui", "evals")
HEAVY = {
    "kubernetes",
    "chromadb",
    "langchain",
    "langchain_core",
    "torch",
    "textual",
    "onnxruntime",
    "neo4j",
    "rich",
    "re2",
    "yaml",
}


def _modules_after(*arguments: str) -> set[str]:
    code = (
        "import sys, json, io, contextlib\n"
        "from copilot.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        f"    code = main({list(arguments)!r})\n"
        "print(json.dumps([code, sorted(sys.modules)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    code_and_modules: tuple[int, list[str]] = json.loads(done.stdout)
    assert code_and_modules[0] == 0
    return set(code_and_modules[1])


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--config", ".importlinter", "--no-cache"],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_help_loads_no_heavy_library() -> None:
    loaded = {module.split(".")[0] for module in _modules_after("--help")}
    assert not loaded & HEAVY


def test_help_loads_few_modules() -> None:
    # An empty interpreter with click has about 150; a command's own imports would add hundreds.
    assert len(_modules_after("--help")) < 250


def test_why_from_a_file_loads_no_cluster_client(tmp_path: Path) -> None:
    manifest = tmp_path / "pod.json"
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": []}))
    code = (
        "import sys, json\nfrom copilot.cli.main import main\n"
        f"code = main(['why', '--from', {str(manifest)!r}, '-o', 'json'])\n"
        "sys.stderr.write(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {module.split(".")[0] for module in json.loads(done.stderr)}
    assert not loaded & {"kubernetes", "chromadb", "neo4j", "urllib3", "onnxruntime"}


def test_no_other_distribution_provides_our_package_names() -> None:
    providers = packages_distributions()
    assert {name: set(providers.get(name, ["cluster-copilot"])) for name in OURS} == {
        name: {"cluster-copilot"} for name in OURS
    }
