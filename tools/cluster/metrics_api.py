"""Reads current use of pods and nodes from metrics.k8s.io. A cluster without it is the usual case, not an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from copilot.model import CopilotError, Reading, ReadState, Ref, Usage
from copilot.model.errors import DeniedError
from copilot.model.fields import children, mapping, text
from copilot.model.quantity import parse_quantity
from tools.cluster.transport import Transport

GROUP = "metrics.k8s.io"
_ROOT = f"/apis/{GROUP}/v1beta1"


class UsageRead(msgspec.Struct, frozen=True, eq=False):
    """Current use, and what of it was read."""

    usage: tuple[Usage, ...] = ()
    readings: tuple[Reading, ...] = ()


def read_usage(transport: Transport, namespaces: tuple[str, ...] | None) -> UsageRead:
    """Read the use of nodes, and of pods in the given namespaces (None: everywhere)."""
    wanted = [("NodeMetrics", f"{_ROOT}/nodes", "*")]
    if namespaces is None:
        wanted.append(("PodMetrics", f"{_ROOT}/pods", "*"))
    else:
        wanted += [("PodMetrics", f"{_ROOT}/namespaces/{namespace}/pods", namespace) for namespace in namespaces]
    found: list[Usage] = []
    readings: list[Reading] = []
    for kind, path, namespace in wanted:
        items, state, detail = _items(transport, path)
        before = len(found)
        for item in items:
            found.extend(_pod(item) if kind == "PodMetrics" else _node(item))
        readings.append(Reading(kind, GROUP, namespace, state, len(found) - before, detail))
    return UsageRead(tuple(found), tuple(readings))


def _items(transport: Transport, path: str) -> tuple[list[dict[str, Any]], ReadState, str]:
    try:
        answer = transport.get(path)
    except DeniedError:
        raise
    except CopilotError as error:
        return [], ReadState.PARTIAL, error.title
    if answer.ok:
        return [dict(item) for item in children(answer.json(), "items")], ReadState.READ, ""
    state = {403: ReadState.REFUSED, 404: ReadState.MISSING}.get(answer.status, ReadState.PARTIAL)
    return [], state, f"Usage could not be read: HTTP {answer.status} {answer.reason}"


def _pod(item: dict[str, Any]) -> Iterator[Usage]:
    ref = Ref("Pod", text(item, "metadata", "namespace"), text(item, "metadata", "name"))
    for container in children(item, "containers"):
        yield _usage(ref, text(container, "name"), container)


def _node(item: dict[str, Any]) -> Iterator[Usage]:
    yield _usage(Ref("Node", "", text(item, "metadata", "name")), "", item)


def _usage(ref: Ref, container: str, item: Any) -> Usage:
    cpu = parse_quantity(mapping(item, "usage").get("cpu"))
    memory = parse_quantity(mapping(item, "usage").get("memory"))
    return Usage(
        ref=ref,
        container=container,
        cpu=None if cpu is None else float(cpu),
        memory=None if memory is None else float(memory),
        source=GROUP,
    )
