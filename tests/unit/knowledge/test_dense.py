"""Ranking by meaning: right vectors, and a Chroma index that can be lost, damaged or written twice without harm."""

import shutil
import socket
import struct
import threading
import zlib
from types import SimpleNamespace

import pytest

from guardrails.redaction import Redactor
from retrievers.knowledge import Library, Trust, Where
from retrievers.knowledge.embedder import EmbedderError, MiniLm, Precision, presence
from tests.deep import DEEP

REDACTOR = Redactor(b"k" * 32)
USER = Where(trust=Trust.USER)

pytestmark = [
    pytest.mark.skipif(not presence().ready, reason=f"search by meaning: {presence().reason}; add it with: uv pip install '.[dense]'"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # chromadb's and onnx's own
]  # fmt: skip


class WordCounts:
    """A small real embedder: hashed word counts, length 1. Needs no model, and equal texts give equal vectors."""

    name = "word-counts"
    prepared = True
    calls = 0

    def embed(self, texts):
        """Count words into 64 places."""
        self.calls += len(texts)
        return [self._one(text) for text in texts]

    def _one(self, text):
        places = [0.0] * 64
        for word in text.lower().split():
            places[zlib.crc32(word.strip(".,").encode()) % 64] += 1.0
        length = sum(value * value for value in places) ** 0.5 or 1.0
        return struct.pack("<64f", *(value / length for value in places))


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "pump.md").write_text("# Pump\n\nThe zirconium pump stops at midnight.\n")
    (folder / "valve.md").write_text("# Valve\n\nTurn the quixotic valve slowly.\n")
    return folder


@pytest.fixture
def only_notes(monkeypatch):
    """Leave the shipped pages out: these tests are about the index, and embedding all pages says nothing more."""
    monkeypatch.setattr("retrievers.knowledge.library.shipped", lambda: iter(()))


def opened(tmp_path, embedder=None):
    from retrievers.knowledge.chroma_index import ChromaIndex

    return Library(tmp_path / "data", REDACTOR, ChromaIndex(tmp_path / "data" / "chroma", embedder or WordCounts()))


def dense(library, words, where=USER):
    chunks = library.store.chunks(ids := library.rankings(words, where)["dense"])
    return [chunks[item].title for item in ids]


def vectors_in_chroma(library):
    return set(library._dense._collection().get(include=[])["ids"])


def vectors_in_store(library):
    return {sha for sha, _ in library.store.live_vectors("word-counts")}


def test_sections_are_found_by_their_vectors_and_follow_changes(tmp_path, notes, only_notes):
    with opened(tmp_path) as library:
        library.index([notes])
        assert dense(library, "zirconium pump stops")[0] == "Pump"
        (notes / "pump.md").unlink()
        (notes / "fan.md").write_text("# Fan\n\nThe helium fan hums.\n")
        library.index([notes])
        assert dense(library, "helium fan hums")[0] == "Fan"
        assert vectors_in_chroma(library) == vectors_in_store(library)
        assert len(vectors_in_chroma(library)) == 2


def test_what_did_not_change_is_not_embedded_again(tmp_path, notes, only_notes):
    embedder = WordCounts()
    with opened(tmp_path, embedder) as library:
        library.index([notes])
    assert embedder.calls == 2
    with opened(tmp_path, embedder) as library:
        library.index([notes])
    assert embedder.calls == 2


@pytest.mark.parametrize("damage", ["deleted", "garbage", "emptied"])
def test_a_lost_or_damaged_index_is_rebuilt_from_the_store(tmp_path, notes, only_notes, damage):
    from chromadb.api.shared_system_client import SharedSystemClient

    with opened(tmp_path) as library:
        library.index([notes])
        if damage == "emptied":
            library._dense._collection().delete(ids=sorted(vectors_in_chroma(library)))
    SharedSystemClient.clear_system_cache()
    folder = tmp_path / "data" / "chroma"
    if damage == "deleted":
        shutil.rmtree(folder)
    if damage == "garbage":
        (folder / "chroma.sqlite3").write_bytes(b"garbage" * 4_000)
    with opened(tmp_path) as library:
        assert dense(library, "quixotic valve")[0] == "Valve"
        assert vectors_in_chroma(library) == vectors_in_store(library)


def test_a_model_that_is_not_prepared_does_not_hold_up_a_search(tmp_path, notes, only_notes):
    class Unprepared(WordCounts):
        prepared = False

    with opened(tmp_path, Unprepared()) as library:
        assert "dense" not in library.rankings("pump")


def test_two_writers_wait_for_each_other(tmp_path, notes, only_notes):
    with opened(tmp_path) as library:
        library.index([notes])
        held, ends = threading.Event(), threading.Event()

        def hold():
            with library._dense._writer():
                held.set()
                ends.wait(10)

        other = threading.Thread(target=hold)
        other.start()
        held.wait(10)
        done = threading.Event()
        (notes / "fan.md").write_text("# Fan\n\nThe helium fan hums.\n")
        late = threading.Thread(target=lambda: (opened(tmp_path).index([notes]), done.set()))
        late.start()
        assert not done.wait(0.5)
        ends.set()
        assert done.wait(20)
        other.join()
        late.join()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("the embedding model reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


SLOW = pytest.mark.skipif(not DEEP, reason="3 s to shrink all six layers; COPILOT_DEEP=1 runs it")


@pytest.mark.parametrize(
    ("precision", "tolerance"),
    [pytest.param(Precision.FLOAT32, 1e-5, marks=pytest.mark.proof), pytest.param(Precision.INT8, 0.03, marks=SLOW)],
)
def test_the_vectors_are_those_that_the_models_authors_publish(models, no_network, precision, tolerance):
    import numpy as np

    # The example of the model's card on its hub, computed there with sentence-transformers.
    texts = ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"]
    vectors = np.array([np.frombuffer(vector, "<f4") for vector in MiniLm(models, precision).embed(texts)])
    assert vectors.shape == (4, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1] * 4, abs=1e-5)
    assert vectors[1:] @ vectors[0] == pytest.approx([0.6945773, 0.9429150, 0.2568760], abs=tolerance)


def test_a_vector_does_not_depend_on_its_neighbours_or_on_padding(models, no_network):
    import numpy as np

    model = MiniLm(models, Precision.FLOAT32)
    texts = ["pod", "the node ran out of memory and the kernel picked a process " * 8, "", "😀 ünïcode"]
    together = model.embed(texts)
    for text, vector in zip(texts, together, strict=True):
        alone = np.frombuffer(model.embed([text])[0], "<f4")
        assert np.frombuffer(vector, "<f4") == pytest.approx(alone, abs=1e-5)


def tiny_weights(path, shape, words):
    """Random weights under the names that the real ones have."""
    import numpy as np
    from safetensors.numpy import save_file

    chance, wide = np.random.default_rng(7), shape.hidden
    sizes = {"embeddings.word_embeddings.weight": (words, wide), "embeddings.position_embeddings.weight": (16, wide),
             "embeddings.token_type_embeddings.weight": (2, wide)}  # fmt: skip
    for layer in range(shape.layers):
        name = f"encoder.layer.{layer}"
        for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            sizes |= {f"{name}.{part}.weight": (wide, wide), f"{name}.{part}.bias": (wide,)}
        sizes |= {f"{name}.intermediate.dense.weight": (4 * wide, wide), f"{name}.intermediate.dense.bias": (4 * wide,)}
        sizes |= {f"{name}.output.dense.weight": (wide, 4 * wide), f"{name}.output.dense.bias": (wide,)}
    norms = [
        "embeddings",
        *(f"encoder.layer.{n}.{part}" for n in range(shape.layers) for part in ("attention.output", "output")),
    ]
    weights = {name: chance.normal(0, 0.5, size).astype("f4") for name, size in sizes.items()}
    weights |= {f"{name}.LayerNorm.weight": np.ones(wide, "f4") for name in norms}
    weights |= {f"{name}.LayerNorm.bias": np.zeros(wide, "f4") for name in norms}
    save_file(weights, path)


def test_weights_of_eight_bits_give_nearly_the_same_vectors(tmp_path):
    import numpy as np

    from retrievers.knowledge.embedder import _run, _session
    from retrievers.knowledge.onnx_graph import Shape, write_encoder

    shape = Shape(layers=2, heads=2, hidden=32, epsilon=1e-12)
    tiny_weights(tmp_path / "tiny.safetensors", shape, words=50)
    texts = [SimpleNamespace(ids=ids) for ids in ([1, 7, 9], [2, 30, 41, 5, 49], [3])]
    vectors = []
    for quantised in (False, True):
        write_encoder(tmp_path / "tiny.safetensors", shape, tmp_path / "tiny.onnx", quantised=quantised)
        vectors.append(_run(_session(tmp_path / "tiny.onnx"), texts))
    exact, small = vectors
    assert (exact * small).sum(axis=1) == pytest.approx([1] * 3, abs=0.02)
    assert not np.array_equal(exact, small)


def test_weights_that_are_not_the_expected_ones_are_refused(tmp_path, monkeypatch):
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.setattr("retrievers.knowledge.embedder._package_folder", lambda: tmp_path)
    with pytest.raises(EmbedderError, match="not the expected ones"):
        MiniLm(tmp_path / "cache").embed(["x"])


@pytest.mark.skipif(not DEEP, reason="starts a Chroma server; COPILOT_DEEP=1 runs it")
def test_several_writers_of_one_server_lose_nothing_and_two_knowledge_bases_stay_apart(tmp_path, notes, only_notes):
    import subprocess
    import sys
    import time
    from pathlib import Path

    from retrievers.knowledge.chroma_index import ChromaIndex

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("chroma")
    words = [str(program), "run", "--path", str(tmp_path / "server"), "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def at(folder):
        url = f"http://127.0.0.1:{port}"
        return Library(tmp_path / folder, REDACTOR, ChromaIndex(tmp_path / folder / "chroma", WordCounts(), url))

    def write(number):
        (notes / f"new{number}.md").write_text(f"# New {number}\n\nfresh{number}\n")
        with at("a") as library:
            library.index([notes])

    try:
        for _ in range(200):
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        with at("b") as other:
            other.index([notes / "pump.md"])
        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with at("a") as library, at("b") as other:
            library.index([notes])
            other.index([notes / "pump.md"])
            assert library.gaps == []
            assert vectors_in_chroma(library) == vectors_in_store(library)
            assert len(vectors_in_chroma(library)) == 6
            assert len(vectors_in_chroma(other)) == 1
    finally:
        server.terminate()
        server.wait(10)
