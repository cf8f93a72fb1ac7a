"""No other module owns a way to write: not in its source, and not when it runs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("copilot", "guardrails", "tools", "retrievers", "tui", "evals")
WRITER = "tools/executor/"
# The reading transport: it has GET, and POST to the three reviews that store nothing (tested below).
READER = "tools/cluster/transport.py"
# It posts the journal's head to an address from the operator's settings; it has no cluster's address or credentials.
ANCHORS = "tools/anchoring.py"
# It asks the model endpoint from the operator's settings; it has no cluster's address or credentials.
PROBE = "copilot/llm/probe.py"
# It asks the embeddings endpoint from the operator's settings; it has no cluster's address or credentials either.
EMBEDDINGS = "retrievers/knowledge/endpoint_embedder.py"
METHODS = {"POST", "PUT", "PATCH", "DELETE"}
HTTP_LIBRARIES = {
    "urllib3",
    "requests",
    "httpx",
    "httpx2",
    "mcp",
    "aiohttp",
    "http.client",
    "urllib.request",
    "socket",
    "kubernetes",
    "websocket",
}
# Who may import an HTTP library at all, and why.
IMPORTERS = {
    "tools/executor/wire.py": "the writing transport",
    "tools/cluster/transport.py": "the reading transport",
    "tools/cluster/transport_errors.py": "words for the library's errors",
    "tools/cluster/watch.py": "the library's errors in the middle of a watch",
    "tools/cluster/kubeconfig.py": "authentication through the official client",
    "tools/cluster/prometheus_api.py": "GET requests to the address that the operator gave",
    "copilot/llm/openai_chat.py": "the model endpoint that the operator gave; redacted prompts only",
    "copilot/llm/probe.py": "what the model endpoint that the operator gave can do; sends nothing of a cluster",
    "copilot/agent/foreign/web.py": "the MCP servers that the operator's file names; only reading tools, arguments checked",
    "copilot/agent/foreign/link.py": "the same, through the official client",
    "copilot/agent/foreign/pipes.py": "MCP servers as processes of their own, over pipes",
    "tools/executor/server.py": "listens on a Unix socket",
    "tools/executor/people.py": "asks the kernel who connected to it",
    "tools/change/remote.py": "speaks to that socket",
    "retrievers/knowledge/endpoint_embedder.py": "the embeddings endpoint that the operator gave; redacted text only",
    "retrievers/knowledge/fetching.py": "GET of the embedding model from the address that the operator gave",
    "retrievers/knowledge/chroma_index.py": "the errors of Chroma's client",
    "tools/anchoring.py": "one POST of the journal's head to the webhook that the operator gave",
}


def _sources() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text())))


def _imports(path: Path) -> set[str]:
    found = set()
    for node in _nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_only_the_named_files_import_an_http_library() -> None:
    found = {
        _name(path)
        for path in _sources()
        if any(f"{name}.".startswith(tuple(f"{library}." for library in HTTP_LIBRARIES)) for name in _imports(path))
    }
    assert found - set(IMPORTERS) == set(), (
        "a new way out of the program: name it here with its reason, or use the transport"
    )


def test_no_writing_method_stands_in_any_other_source() -> None:
    found = []
    for path in _sources():
        for node in _nodes(path):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.upper() in METHODS:
                found.append(f"{_name(path)}:{node.lineno} {node.value}")
    # guardrails/kubectl says which requests kubectl itself would send; it has nothing to send them with.
    data = ("guardrails/requests.py", "guardrails/kubectl/")
    elsewhere = [each for each in found if not each.startswith((WRITER, READER, ANCHORS, PROBE, EMBEDDINGS, *data))]
    # Words such as `delete` in tables of rights or verbs are data; methods are written in capitals.
    assert [each for each in elsewhere if each.split()[-1].isupper()] == []


def test_the_reading_transport_posts_only_to_reviews() -> None:
    tree = ast.parse((ROOT / READER).read_text())
    posting = [
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Constant) and node.value == "POST"
    ]
    assert posting == ["review"]
    from tools.cluster.transport import Review

    assert {review.path for review in Review} == {
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
    }


def test_no_process_is_started_anywhere_near_the_door() -> None:
    words = {"subprocess", "os.system", "pty", "shlex", "multiprocessing"}
    for path in [
        *(ROOT / "guardrails").rglob("*.py"),
        *(ROOT / "tools/executor").rglob("*.py"),
        *(ROOT / "tools/change").rglob("*.py"),
        *(ROOT / "copilot/changing").rglob("*.py"),
    ]:
        assert not _imports(path) & words, path
        assert not re.search(r"\b(eval|exec|os\.system|os\.popen)\(", path.read_text()), path


def test_the_executor_is_small_and_knows_no_model() -> None:
    files = sorted((ROOT / WRITER).rglob("*.py"))
    assert sum(len(path.read_text().splitlines()) for path in files) <= 1000
    imported = {name.split(".")[0] for path in files for name in _imports(path)}
    known = {"__future__", "typing", "urllib", "msgspec", "urllib3", "copilot", "guardrails", "tools"}
    local = {
        "collections",
        "datetime",
        "grp",
        "os",
        "pathlib",
        "pwd",
        "re",
        "socket",
        "stat",
        "struct",
        "sys",
        "threading",
        "traceback",
        "types",
    }
    assert imported <= known | local
    ours = {name for path in files for name in _imports(path) if name.startswith("copilot.")}
    assert all(name.startswith("copilot.model") for name in ours), ours


def test_the_executor_listens_on_no_network_and_the_client_calls_none() -> None:
    for name in ("tools/executor/server.py", "tools/executor/people.py", "tools/change/remote.py"):
        source = (ROOT / name).read_text()
        assert not re.search(r"AF_INET|create_connection|create_server|SOCK_DGRAM", source), name
        assert len(re.findall(r"socket\.socket\(", source)) == len(
            re.findall(r"socket\.socket\(socket\.AF_UNIX, ", source)
        )


def test_importing_what_plans_and_shows_does_not_import_the_writer() -> None:
    modules = "copilot.changing.opening, copilot.changing.door, copilot.cli.approve, copilot.cli.pending, tools.change.remote, copilot.cli.do, copilot.cli.change_options, copilot.cli.undo, copilot.cli.audit, tui.card"
    code = f"import sys, {modules}; print([name for name in sys.modules if name.startswith('tools.executor')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
