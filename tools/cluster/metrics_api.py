"""Reads current use of pods and nodes from metrics.k8s.io. A cluster without it is the usual case, not an error."""

from __future__ import annotations

from typing import Any

import msgspec

from copilot.model import CopilotError, Reading, ReadState, Usage
from copilot.model.errors import DeniedError
from copilot.model.fields import children
from tools.cluster.prometheus import METRICS_GROUP, usage_of
from tools.cluster.transport import Transport

_ROOT = f"/apis/{METRICS_GROUP}/v1beta1"


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
            found.extend(usage_of({**item, "kind": kind}, METRICS_GROUP))
        readings.append(Reading(kind, METRICS_GROUP, namespace, state, len(found) - before, detail))
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
