"""Reads what Prometheus' `query` and `query_range` answer, and what metrics.k8s.io lists. A value that is no number is left out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from copilot.model import Ref, Series, Usage, child, children, dig, parse_quantity, text

METRICS_GROUP = "metrics.k8s.io"


def is_result(body: Any) -> bool:
    """Tell whether a value is an answer of Prometheus' query API."""
    return isinstance(dig(body, "data", "resultType"), str) and "status" in body


def series_of(body: Any, source: str) -> Iterator[Series]:
    """Yield the series of one answer: vector, matrix, scalar; points oldest first, NaN left out."""
    kind, result = text(body, "data", "resultType"), dig(body, "data", "result")
    if kind == "scalar":
        yield Series(name="scalar", labels={}, points=tuple(_points([result])), source=source)
        return
    for item in children(result):
        labels = {str(key): str(value) for key, value in child(item, "metric").items()}
        found = item.get("values") if kind == "matrix" else [item.get("value")]
        points = tuple(sorted(_points(found if isinstance(found, list) else [])))
        yield Series(name=labels.pop("__name__", ""), labels=labels, points=points, source=source)


def _points(values: list[Any]) -> Iterator[tuple[float, float]]:
    for value in values:
        if isinstance(value, list) and len(value) == 2:
            try:
                moment, amount = float(value[0]), float(value[1])
            except (TypeError, ValueError):
                continue
            if math.isfinite(moment) and not math.isnan(amount):
                yield moment, amount


def is_usage(body: Any) -> bool:
    """Tell whether an object is a NodeMetrics or PodMetrics of metrics.k8s.io."""
    return text(body, "apiVersion").startswith(METRICS_GROUP) and text(body, "kind") in ("NodeMetrics", "PodMetrics")


def usage_of(body: Any, source: str) -> Iterator[Usage]:
    """Yield the use of a node, or of every container of a pod."""
    namespace, name = text(body, "metadata", "namespace"), text(body, "metadata", "name")
    if text(body, "kind") == "NodeMetrics":
        yield _usage(Ref("Node", "", name), "", child(body, "usage"), source)
        return
    for container in children(body, "containers"):
        yield _usage(Ref("Pod", namespace, name), text(container, "name"), child(container, "usage"), source)


def _usage(ref: Ref, container: str, used: Any, source: str) -> Usage:
    cpu, memory = parse_quantity(used.get("cpu")), parse_quantity(used.get("memory"))
    return Usage(
        ref=ref,
        container=container,
        cpu=None if cpu is None else float(cpu),
        memory=None if memory is None else float(memory),
        source=source,
    )
