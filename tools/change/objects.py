"""Reads the object to change, fresh from the server. Reads are of one object or of one list, never of a Secret.

Bodies come as the server keeps them, since a change is compared with all of it; whoever shows or stores one prunes it.
"""

from __future__ import annotations

from typing import Any

from copilot.model import CopilotError, children, mapping, text, texts
from copilot.model.errors import DeniedError
from copilot.model.kinds import built_in
from guardrails.kinds import Changeable
from tools.cluster.transport import Answer, Query, Transport

_PAGE = 500  # the API's usual page; more pods than this behind one workload are judged by the first 500


def read_object(reader: Transport, kind: Changeable, namespace: str, name: str) -> dict[str, Any] | None:
    """Read one object; None when it does not exist.

    Raises:
        DeniedError: it may not be read.
        CopilotError: the server answers something else.
    """
    where = f"{namespace}/{name}" if namespace else name
    return _body(reader.get(f"{_collection(kind, namespace)}/{name}"), f"{kind.kind} {where}")


def names_in(reader: Transport, kind: Changeable, namespace: str) -> list[str]:
    """The names of a kind in a namespace, for a hint; empty when they may not be listed."""
    answer = reader.get(_collection(kind, namespace), (("limit", _PAGE),))
    if not answer.ok:
        return []
    return sorted(name for item in children(answer.json(), "items") if (name := text(item, "metadata", "name")))


def list_objects(reader: Transport, kind: str, namespace: str, query: Query = ()) -> list[dict[str, Any]]:
    """All objects of a built-in kind in a namespace ("" means everywhere), page by page.

    Raises:
        DeniedError: they may not be listed.
        CopilotError: the server answers something else.
    """
    known = built_in(kind)
    assert known is not None, kind
    assert kind != "Secret"
    base = f"/apis/{known.group}/{known.version}" if known.group else f"/api/{known.version}"
    path = f"{base}/namespaces/{namespace}/{known.plural}" if namespace else f"{base}/{known.plural}"
    found: list[dict[str, Any]] = []
    more = ""
    while True:
        paging = (("limit", _PAGE), *((("continue", more),) if more else ()))
        body = _body(reader.get(path, (*query, *paging)), f"{known.plural} of {namespace or 'the cluster'}")
        found += [dict(item) for item in children(body, "items")]
        more = text(body, "metadata", "continue")
        if not more:
            return found


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


def _collection(kind: Changeable, namespace: str) -> str:
    base = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    return f"{base}/namespaces/{namespace}/{kind.resource}" if kind.namespaced else f"{base}/{kind.resource}"


def _body(answer: Answer, what: str) -> dict[str, Any] | None:
    if answer.status == 404:
        return None
    if answer.status == 403:
        raise DeniedError(f"You may not read {what}: {answer.reason}", "Ask for read access, or use another context.")
    body = answer.json()
    if not answer.ok or not isinstance(body, dict):
        raise CopilotError(f"{what} cannot be read: HTTP {answer.status} {answer.reason}", "Try again.")
    return body
