"""Reads the object to change, fresh from the server. Reads are of one object or of one list, never of a Secret."""

from __future__ import annotations

from typing import Any

from copilot.model import CopilotError, children, mapping, text, texts
from copilot.model.errors import DeniedError
from guardrails.kinds import Workload
from tools.cluster.prune import prune
from tools.cluster.transport import Answer, Transport

_PAGE = 500  # the API's usual page; more pods than this behind one workload are judged by the first 500


def read_workload(reader: Transport, workload: Workload, namespace: str, name: str) -> dict[str, Any] | None:
    """Read one object; None when it does not exist.

    Raises:
        DeniedError: it may not be read.
        CopilotError: the server answers something else.
    """
    return _body(reader.get(f"{_collection(workload, namespace)}/{name}"), f"{workload.kind} {namespace}/{name}")


def names_in(reader: Transport, workload: Workload, namespace: str) -> list[str]:
    """The names of a kind in a namespace, for a hint; empty when they may not be listed."""
    answer = reader.get(_collection(workload, namespace), (("limit", _PAGE),))
    if not answer.ok:
        return []
    return sorted(name for item in children(answer.json(), "items") if (name := text(item, "metadata", "name")))


def read_pods(reader: Transport, namespace: str, selector: str) -> list[dict[str, Any]]:
    """The pods that a label selector matches.

    Raises:
        DeniedError: pods may not be listed.
        CopilotError: the server answers something else.
    """
    answer = reader.get(f"/api/v1/namespaces/{namespace}/pods", (("labelSelector", selector), ("limit", _PAGE)))
    body = _body(answer, f"pods of namespace {namespace}")
    return [dict(item) for item in children(body, "items")]


def selector_text(body: dict[str, Any]) -> str:
    """A workload's pod selector in the query language of the API; "" when it selects nothing."""
    selector = mapping(body, "spec", "selector")
    parts = [
        f"{key}={value}" for key, value in sorted(mapping(selector, "matchLabels").items()) if isinstance(value, str)
    ]
    for term in children(selector, "matchExpressions"):
        key, values = text(term, "key"), ",".join(texts(term, "values"))
        match text(term, "operator"):
            case "In":
                parts.append(f"{key} in ({values})")
            case "NotIn":
                parts.append(f"{key} notin ({values})")
            case "Exists":
                parts.append(key)
            case "DoesNotExist":
                parts.append(f"!{key}")
            case _:
                pass  # the API has four operators; an object with another one cannot be stored
    return ",".join(parts)


def _collection(workload: Workload, namespace: str) -> str:
    return f"/apis/{workload.group}/{workload.version}/namespaces/{namespace}/{workload.resource}"


def _body(answer: Answer, what: str) -> dict[str, Any] | None:
    if answer.status == 404:
        return None
    if answer.status == 403:
        raise DeniedError(f"You may not read {what}: {answer.reason}", "Ask for read access, or use another context.")
    body = answer.json()
    if not answer.ok or not isinstance(body, dict):
        raise CopilotError(f"{what} cannot be read: HTTP {answer.status} {answer.reason}", "Try again.")
    return prune(body)
