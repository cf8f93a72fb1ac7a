"""Vectors from an endpoint, weights from a file: what is sent, what is refused, and that words alone still answer."""

import json
import socket
import struct
import threading
import zipfile
from http.server import BaseHTTPRequestHandler

import pytest

from copilot.cli.main import main
from copilot.model import InputError, UsageError
from copilot.settings import load_settings
from guardrails.redaction import Redactor
from retrievers.knowledge import KnowledgeError, Library
from retrievers.knowledge.endpoint_embedder import EndpointEmbedder
from retrievers.knowledge.fetching import PINNED, fetch
from tests.loopback import LoopbackServer


class Endpoint:
    """A real embeddings server on loopback; `answer` turns the texts into a status and a body."""

    def __init__(self, answer):
        self.sent, self.headers = [], []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler):  # noqa: N805 - the name the server calls
                body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
                self.sent += body["input"]
                self.headers.append(dict(handler.headers))
                status, given = answer(body["input"])
                handler.send_response(status)
                if status == 302:
                    handler.send_header("Location", "http://127.0.0.1:1/elsewhere")
                handler.end_headers()
                handler.wfile.write(given if isinstance(given, bytes) else json.dumps(given).encode())

            def log_message(handler, *_):  # noqa: N805 - likewise
                """Say nothing."""

        self._server = LoopbackServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def vectors(texts, size=3):
    return 200, {
        "data": [{"index": i, "embedding": [float(len(text)), 1.0, 2.0][:size]} for i, text in enumerate(texts)][::-1]
    }


def test_vectors_come_back_in_order_with_length_one_and_the_key_is_sent():
    with Endpoint(vectors) as server:
        found = EndpointEmbedder(server.url, "m", lambda: "k3y").embed(["a", "bbbb"])
    floats = [struct.unpack("<3f", vector) for vector in found]
    assert all(sum(value * value for value in vector) == pytest.approx(1) for vector in floats)
    assert floats[0][0] < floats[1][0]
    assert server.headers[0]["Authorization"] == "Bearer k3y"


BAD = [
    (500, b"down"), (401, b""), (302, b""), (200, b"<html>"), (200, {"data": []}), (200, {"data": None}), (200, []),
    (200, {"data": [{"index": 0, "embedding": []}]}), (200, {"data": [{"index": 0, "embedding": [0.0, 0.0]}]}),
    (200, b'{"data": [{"index": 0, "embedding": [NaN, 1]}]}'), (200, {"data": [{"index": 7, "embedding": [1.0]}]}),
    (200, {"data": [{"index": 0, "embedding": ["x"]}]}), (200, b"[" * 5_000), (200, {"data": [{"index": 0, "embedding": [1e308, 1e308]}]}),
]  # fmt: skip


@pytest.mark.parametrize("answer", BAD)
def test_any_other_answer_is_one_error_with_a_hint(answer):
    with Endpoint(lambda _: answer) as server, pytest.raises(KnowledgeError, match="embeddings endpoint") as raised:
        EndpointEmbedder(server.url, "m").embed(["a"])
    assert raised.value.hint


def test_a_dimension_that_changes_is_an_error():
    sizes = iter((3, 2))
    with Endpoint(lambda texts: vectors(texts, next(sizes))) as server:
        embedder = EndpointEmbedder(server.url, "m")
        embedder.embed(["a"])
        with pytest.raises(KnowledgeError, match="2 numbers where 3"):
            embedder.embed(["a"])


def test_a_server_that_says_nothing_is_given_up():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        embedder = EndpointEmbedder(f"http://127.0.0.1:{silent.getsockname()[1]}", "m", seconds=0.05)
        with pytest.raises(KnowledgeError, match="in time"):
            embedder.embed(["a"])


@pytest.mark.parametrize("url", ["", "ftp://x", "http://u:p@x/v1", "nonsense"])
def test_an_address_that_is_none_or_holds_a_password_is_refused(url):
    with pytest.raises(UsageError):
        EndpointEmbedder(url, "m")


def test_no_key_travels_unencrypted():
    with pytest.raises(KnowledgeError, match="unencrypted"):
        EndpointEmbedder("http://vectors.invalid/v1", "m", lambda: "k").embed(["a"])


def test_words_alone_answer_where_the_endpoint_is_down_and_the_gap_is_named(tmp_path, monkeypatch):
    pytest.importorskip("chromadb")
    from retrievers.knowledge.chroma_index import ChromaIndex

    monkeypatch.setattr("retrievers.knowledge.library.shipped", lambda: iter(()))
    notes = tmp_path / "pump.md"
    notes.write_text("# Pump\n\nThe zirconium pump stops.\n")
    embedder = EndpointEmbedder("http://127.0.0.1:1/v1", "m", seconds=0.2)
    with Library(tmp_path / "data", Redactor(b"k" * 32)) as library:
        library.index([notes])
    with Library(tmp_path / "data", Redactor(b"k" * 32), ChromaIndex(tmp_path / "chroma", embedder)) as library:
        assert library.search("zirconium")[0].document == "Pump"
        assert library.gaps == ["Not ranked by meaning: The embeddings endpoint cannot be reached."]


def test_what_is_sent_is_redacted(tmp_path, monkeypatch):
    pytest.importorskip("chromadb")
    from retrievers.knowledge.chroma_index import ChromaIndex

    monkeypatch.setattr("retrievers.knowledge.library.shipped", lambda: iter(()))
    secret = "ghp_" + "a1B2" * 9
    (tmp_path / "pump.md").write_text(f"# Pump\n\nLog in with {secret}.\n")
    with Endpoint(vectors) as server:
        index = ChromaIndex(tmp_path / "chroma", EndpointEmbedder(server.url, "m"))
        with Library(tmp_path / "data", Redactor(b"k" * 32), index) as library:
            library.index([tmp_path / "pump.md"])
            library.search(f"why does {secret} not work")
    assert len(server.sent) == 2
    assert not any(secret in text for text in server.sent)


def test_settings_of_the_endpoint_are_checked():
    found = load_settings(
        {"COPILOT_DATA_DIR": "/x", "COPILOT_EMBEDDINGS_URL": "http://e/v1", "COPILOT_EMBEDDINGS_MODEL": "m"}
    )
    assert (found.embeddings.url, found.embeddings.model, found.embeddings.seconds) == ("http://e/v1", "m", 20.0)
    for wrong in (
        {"COPILOT_EMBEDDINGS_URL": "http://e"},
        {"COPILOT_CHROMA_URL": "e:8000"},
        {"COPILOT_EMBEDDINGS_SECONDS": "x"},
    ):
        with pytest.raises(UsageError):
            load_settings({"COPILOT_DATA_DIR": "/x", **wrong})


@pytest.mark.parametrize("place", ["folder", "zip", "nothing", "text"])
def test_a_model_with_other_bytes_is_refused_and_nothing_is_kept(tmp_path, place):
    source = tmp_path / "given"
    if place == "folder":
        source.mkdir()
        for name in PINNED:
            (source / name).write_bytes(b"poisoned")
    elif place == "zip":
        with zipfile.ZipFile(source, "w") as archive:
            for name in PINNED:
                archive.writestr(f"../../x/{name}", b"poisoned")
    elif place == "text":
        source.write_text("no zip")
    models = tmp_path / "models"
    with pytest.raises(InputError):
        fetch(str(source), models)
    assert list(models.iterdir()) == []


def test_the_pinned_model_is_taken_from_a_folder(tmp_path, monkeypatch, capsys):
    from hashlib import sha256

    small = {"model.safetensors": b"weights", "config.json": b"{}", "tokenizer.json": b"[]"}
    monkeypatch.setattr(
        "retrievers.knowledge.fetching.PINNED", {name: sha256(raw).hexdigest() for name, raw in small.items()}
    )
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "given").mkdir()
    for name, raw in small.items():
        (tmp_path / "given" / name).write_bytes(raw)
    assert main(["models", "fetch", str(tmp_path / "given")]) == 0
    kept = tmp_path / "data" / "knowledge" / "models" / "minilm"
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == small
    assert main(["models", "fetch", str(tmp_path / "nowhere")]) == 65
    assert "error:" in capsys.readouterr().err
