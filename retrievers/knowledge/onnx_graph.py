"""Builds the sentence encoder as an ONNX graph from its weights: BERT, mean pooling and normalisation in one file.

The graph computes what sentence-transformers computes for all-MiniLM-L6-v2, to 1e-6; it is built once and cached.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

_OPSET = 17  # the first with LayerNormalization
_MASKED = -1e9  # added to the score of padding: its weight after softmax is zero in float32


class Shape(msgspec.Struct, frozen=True):
    """The encoder's dimensions, from its config.json."""

    layers: int
    heads: int
    hidden: int
    epsilon: float


class _Graph:
    """Collects nodes and constants under short names."""

    def __init__(self, weights: Mapping[str, Any], shape: Shape) -> None:
        self.weights = weights
        self.shape = shape
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self.count = 0

    def const(self, name: str, value: Any) -> str:
        """Add a constant once and return its name."""
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add one operation and return the name of its result."""
        self.count += 1
        name = f"{kind.lower()}_{self.count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def floats(self, *values: float) -> str:
        """A small float constant."""
        return self.const("f_" + "_".join(map(repr, values)), np.array(values, np.float32).reshape(-1)[: len(values)])

    def ints(self, *values: int) -> str:
        """A small integer constant."""
        return self.const("i_" + "_".join(map(str, values)), np.array(values, np.int64))

    def linear(self, value: str, name: str) -> str:
        """`value @ W.T + b` with the layer's own weights."""
        weight = self.const(f"{name}.weight.T", self.weights[f"{name}.weight"].T)
        bias = self.const(f"{name}.bias", self.weights[f"{name}.bias"])
        return self.op("Add", self.op("MatMul", value, weight), bias)

    def norm(self, value: str, name: str) -> str:
        """Layer normalisation."""
        scale = self.const(f"{name}.weight", self.weights[f"{name}.weight"])
        bias = self.const(f"{name}.bias", self.weights[f"{name}.bias"])
        return self.op("LayerNormalization", value, scale, bias, axis=-1, epsilon=self.shape.epsilon)

    def gelu(self, value: str) -> str:
        """The exact GELU: x * 0.5 * (1 + erf(x / sqrt 2))."""
        erf = self.op("Erf", self.op("Div", value, self.floats(2.0**0.5)))
        return self.op("Mul", self.op("Mul", value, self.op("Add", erf, self.floats(1.0))), self.floats(0.5))


def _embeddings(graph: _Graph) -> str:
    """Word, position and type vectors, summed and normalised."""
    words = graph.op("Gather", graph.const("word", graph.weights["embeddings.word_embeddings.weight"]), "input_ids")
    table = graph.const("position", graph.weights["embeddings.position_embeddings.weight"])
    length = graph.op("Slice", graph.op("Shape", "input_ids"), graph.ints(1), graph.ints(2))
    positions = graph.op("Slice", table, graph.ints(0), length, graph.ints(0))
    kind = graph.const("type", graph.weights["embeddings.token_type_embeddings.weight"][0])
    summed = graph.op("Add", graph.op("Add", words, kind), positions)
    return graph.norm(summed, "embeddings.LayerNorm")


def _attention(graph: _Graph, value: str, mask: str, name: str) -> str:
    """Multi-head self-attention of one layer."""
    shape = graph.shape
    size = shape.hidden // shape.heads

    def heads(part: str, order: Sequence[int]) -> str:
        """Project and split into heads."""
        projected = graph.linear(value, f"{name}.self.{part}")
        split = graph.op("Reshape", projected, graph.ints(0, 0, shape.heads, size))
        return graph.op("Transpose", split, perm=list(order))

    scores = graph.op("MatMul", heads("query", (0, 2, 1, 3)), heads("key", (0, 2, 3, 1)))
    scaled = graph.op("Add", graph.op("Div", scores, graph.floats(size**0.5)), mask)
    context = graph.op("MatMul", graph.op("Softmax", scaled, axis=-1), heads("value", (0, 2, 1, 3)))
    joined = graph.op("Reshape", graph.op("Transpose", context, perm=[0, 2, 1, 3]), graph.ints(0, 0, shape.hidden))
    return graph.norm(graph.op("Add", graph.linear(joined, f"{name}.output.dense"), value), f"{name}.output.LayerNorm")


def _pooled(graph: _Graph, value: str, weights: str) -> None:
    """The mean over real tokens, scaled to length 1, as the output `vector`."""
    column = graph.op("Unsqueeze", weights, graph.ints(2))
    total = graph.op("ReduceSum", graph.op("Mul", value, column), graph.ints(1), keepdims=0)
    mean = graph.op("Div", total, graph.op("ReduceSum", column, graph.ints(1), keepdims=0))
    length = graph.op("ReduceL2", mean, axes=[1], keepdims=1)
    graph.nodes.append(helper.make_node("Div", [mean, graph.op("Max", length, graph.floats(1e-12))], ["vector"]))


def build_encoder(weights: Path, shape: Shape) -> Any:
    """Return the ONNX model that maps `input_ids`, `attention_mask` (int64, batch × tokens) to `vector` (float32)."""
    graph = _Graph(load_file(weights), shape)
    kept = graph.op("Cast", "attention_mask", to=TensorProto.FLOAT)
    inverse = graph.op("Mul", graph.op("Sub", graph.floats(1.0), kept), graph.floats(_MASKED))
    mask = graph.op("Unsqueeze", inverse, graph.ints(1, 2))
    value = _embeddings(graph)
    for layer in range(shape.layers):
        name = f"encoder.layer.{layer}"
        attended = _attention(graph, value, mask, f"{name}.attention")
        inner = graph.gelu(graph.linear(attended, f"{name}.intermediate.dense"))
        outer = graph.linear(inner, f"{name}.output.dense")
        value = graph.norm(graph.op("Add", outer, attended), f"{name}.output.LayerNorm")
    _pooled(graph, value, kept)
    dynamic = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["batch", shape.hidden])
    body = helper.make_graph(graph.nodes, "encoder", dynamic, [output], list(graph.constants.values()))
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def write_encoder(weights: Path, shape: Shape, target: Path, *, quantised: bool) -> None:
    """Build the encoder and put it at `target` in one step; with `quantised`, weights become 8-bit integers."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    onnx.save(build_encoder(weights, shape), fresh)
    if quantised:
        from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415 - costs a second, used once

        full, fresh = fresh, fresh.with_suffix(".int8")
        logging.disable(logging.WARNING)  # it recommends a pre-processing that is for images
        try:
            quantize_dynamic(full, fresh, weight_type=QuantType.QInt8, per_channel=True)
        finally:
            logging.disable(logging.NOTSET)
        full.unlink()
    fresh.replace(target)
