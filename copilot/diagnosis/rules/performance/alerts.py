"""Alerts as the measuring rules read them: which are firing, what they say, whom they name. Pure."""

from __future__ import annotations

import re

from copilot.diagnosis.measured import node_of, pod_of
from copilot.diagnosis.view import View
from copilot.model import Alert, Evidence, Ref, Resource


def active(view: View) -> list[Alert]:
    """The alerts that are firing."""
    return [alert for alert in view.snapshot.alerts if alert.state in ("active", "firing", "")]


def words(alert: Alert) -> str:
    """What an alert says of itself."""
    return (alert.annotations.get("description") or alert.annotations.get("summary") or alert.name)[:240]


def quoted(alert: Alert, ref: Ref) -> Evidence:
    """Evidence: the alert and its words."""
    return Evidence(ref, f"alert {alert.name}", f"alert {alert.name} is firing: {words(alert)}", alert.source)


def alerted_node(view: View, alert: Alert) -> Resource | None:
    """The node an alert is about; none where it is about a pod."""
    return None if pod_of(view, alert.labels) is not None else node_of(view, alert.labels)


def nodes_alerted(view: View, pattern: str) -> dict[Ref, Alert]:
    """The nodes that an alert of such a name is about."""
    found: dict[Ref, Alert] = {}
    for alert in active(view):
        node = alerted_node(view, alert) if re.search(pattern, alert.name, re.IGNORECASE) else None
        if node is not None:
            found.setdefault(node.ref, alert)
    return found
