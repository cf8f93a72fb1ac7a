"""Reads alerts as Alertmanager and Prometheus hand them out. What has no labels is no alert and is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from copilot.model import Alert, child, children, dig, instant, text

_MARKS = ("startsAt", "activeAt", "fingerprint", "generatorURL", "receivers")


def is_alert(body: Any) -> bool:
    """Tell whether a value is one alert: labels, and a field only alerts have."""
    return isinstance(dig(body, "labels"), dict) and "kind" not in body and any(mark in body for mark in _MARKS)


def read_alerts(items: Iterable[Any], source: str) -> Iterator[Alert]:
    """Read alerts of `GET /api/v2/alerts`, of Prometheus' `/api/v1/alerts`, or of a webhook's payload."""
    for item in items:
        if is_alert(item):
            yield _alert(item, source)


def alerts_of(body: Any, source: str) -> tuple[Alert, ...]:
    """The alerts of an object that carries a list of them: `{data: {alerts}}` or `{alerts}`."""
    found = dig(body, "data", "alerts") or dig(body, "alerts")
    return tuple(read_alerts(children(found), source)) if isinstance(found, list) else ()


def _alert(item: Any, source: str) -> Alert:
    labels = {str(key): str(value) for key, value in child(item, "labels").items()}
    annotations = {str(key): str(value) for key, value in child(item, "annotations").items()}
    state = text(item, "status", "state") or text(item, "state") or text(item, "status") or "active"
    return Alert(
        name=labels.get("alertname", ""),
        labels=labels,
        annotations=annotations,
        state="active" if state == "firing" else state,
        starts_at=instant(item.get("startsAt")) or instant(item.get("activeAt")),
        source=source,
    )
