"""Reads described limits and budgets: Namespace, ResourceQuota, LimitRange, HorizontalPodAutoscaler, PodDisruptionBudget, PriorityClass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tools.cluster.transcript.describe.common import conditions_of
from tools.cluster.transcript.describe.lexer import Entry
from tools.cluster.transcript.values import (
    count,
    int_or_text,
    label_map,
    selector,
    truth,
    without_nothing,
    words,
)


def quota(root: Entry) -> dict[str, Any]:
    """A ResourceQuota: rows of resource, used and hard."""
    return _quota([child.text for child in root.children], words(root.word("Scopes")))


def _quota(lines: Sequence[str], scopes: list[str]) -> dict[str, Any]:
    used, hard = {}, {}
    started = False
    for line in lines:
        parts = line.split()
        if parts[:1] == ["Resource"]:
            started = True
        elif started and len(parts) == 3 and not parts[0].startswith("-"):
            used[parts[0]], hard[parts[0]] = parts[1], parts[2]
    return {"spec": without_nothing({"hard": hard, "scopes": scopes}), "status": {"hard": hard, "used": used}}


_LIMIT_FIELDS = ("min", "max", "defaultRequest", "default", "maxLimitRequestRatio")


def limit_range(root: Entry) -> dict[str, Any]:
    """A LimitRange: rows of type, resource and five bounds."""
    return _limits([child.text for child in root.children])


def _limits(lines: Sequence[str]) -> dict[str, Any]:
    by_type: dict[str, dict[str, Any]] = {}
    started = False
    for line in lines:
        parts = line.split()
        if parts[:2] == ["Type", "Resource"]:
            started = True
        elif started and len(parts) == 7 and not parts[0].startswith("-"):
            item = by_type.setdefault(parts[0], {"type": parts[0]})
            for field, value in zip(_LIMIT_FIELDS, parts[2:], strict=True):
                if value != "-":
                    item.setdefault(field, {})[parts[1]] = value
    return {"spec": {"limits": list(by_type.values())}}


def namespace(root: Entry) -> dict[str, Any]:
    """A Namespace's phase and conditions."""
    word = root.word("Status")
    return {"status": {"phase": word.partition(" ")[0], "conditions": conditions_of(root.get("Conditions"))}}


def quotas_of(root: Entry) -> list[tuple[int, str, dict[str, Any]]]:
    """The quotas under a Namespace's `Resource Quotas`, each with line and name."""
    found: list[tuple[int, str, dict[str, Any]]] = []
    heading = next((child for child in root.children if child.text.startswith("Resource Quota")), None)
    name, lines, number = "", list[str](), 0
    for child in heading.children if heading is not None else ():
        if child.key == "Name":
            if name:
                found.append((number, name, _quota(lines, [])))
            name, lines, number = child.value, [], child.number
        else:
            lines.append(child.text)
    if name:
        found.append((number, name, _quota(lines, [])))
    return found


# -- HorizontalPodAutoscaler -------------------------------------------------------------------------------------------

_METRIC = re.compile(
    r"(?:resource (?P<resource>\S+?)(?: of container \"(?P<container>[^\"]*)\")? on pods"
    r"|\"(?P<name>[^\"]*)\" on (?P<on>\S+)|\"(?P<external>[^\"]*)\")\s*(?P<how>\([^)]*\))?:\s+(?P<current>.+?) / (?P<target>.+)$"
)
_PERCENT = re.compile(r"(\d{1,9})%(?: \((.+)\))?$")


def autoscaler(root: Entry) -> dict[str, Any]:
    """A HorizontalPodAutoscaler's spec and status."""
    kind, _, name = root.word("Reference").partition("/")
    replicas = root.word(f"{kind} pods")
    numbers = [int(number) for number in re.findall(r"\d{1,9}", replicas)]
    spec_metrics, current_metrics = _metrics(root.get("Metrics"))
    target = count(root.word("Target CPU utilization").rstrip("%"))
    if target is not None:
        spec_metrics.append(_resource("cpu", {"target": {"type": "Utilization", "averageUtilization": target}}))
        measured = count(root.word("Current CPU utilization").rstrip("%"))
        if measured is not None:
            current_metrics.append(_resource("cpu", {"current": {"averageUtilization": measured}}))
    return {
        "spec": {
            "scaleTargetRef": without_nothing(
                {"apiVersion": "apps/v1" if kind == "Deployment" else "", "kind": kind, "name": name}
            ),
            "minReplicas": count(root.word("Min replicas")),
            "maxReplicas": count(root.word("Max replicas")),
            "metrics": spec_metrics,
        },
        "status": {
            "currentReplicas": numbers[0] if numbers else None,
            "desiredReplicas": numbers[1] if len(numbers) > 1 else None,
            "currentMetrics": current_metrics,
            "conditions": conditions_of(root.get("Conditions")),
        },
    }


def _resource(name: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Resource", "resource": {"name": name} | value}


def _metrics(entry: Entry | None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    spec, current = [], []
    for child in entry.children if entry is not None else ():
        match = _METRIC.match(child.text)
        if match is None:
            continue
        exact = match["how"] == "(target value)"
        wanted, measured = _target(match["target"], exact=exact), _measured(match["current"], exact=exact)
        kind, head = _metric_head(match)
        field = kind[0].lower() + kind[1:]
        spec.append({"type": kind, field: head | {"target": wanted}})
        if measured:
            current.append({"type": kind, field: head | {"current": measured}})
    return spec, current


def _metric_head(match: re.Match[str]) -> tuple[str, dict[str, Any]]:
    if match["resource"]:
        if match["container"]:
            return "ContainerResource", {"name": match["resource"], "container": match["container"]}
        return "Resource", {"name": match["resource"]}
    if match["name"]:
        if match["on"].rstrip(":") == "pods":
            return "Pods", {"metric": {"name": match["name"]}}
        kind, _, name = match["on"].partition("/")
        return "Object", {"metric": {"name": match["name"]}, "describedObject": {"kind": kind, "name": name}}
    return "External", {"metric": {"name": match["external"]}}


def _target(text: str, *, exact: bool) -> dict[str, Any]:
    percent = _PERCENT.match(text)
    if percent:
        return {"type": "Utilization", "averageUtilization": int(percent[1])}
    if exact:
        return {"type": "Value", "value": text}
    return {"type": "Utilization"} if text == "<auto>" else {"type": "AverageValue", "averageValue": text}


def _measured(text: str, *, exact: bool) -> dict[str, Any]:
    percent = _PERCENT.match(text)
    if percent:
        return without_nothing({"averageUtilization": int(percent[1]), "averageValue": percent[2]})
    return {} if text.startswith("<") else {"value" if exact else "averageValue": text}


def disruption_budget(root: Entry) -> dict[str, Any]:
    """A PodDisruptionBudget's spec and status."""
    status = root.get("Status")
    low, high = root.word("Min available"), root.word("Max unavailable")
    spec: dict[str, Any] = {"selector": selector(root.word("Selector"))}
    if low:
        spec["minAvailable"] = int_or_text(low)
    if high:
        spec["maxUnavailable"] = int_or_text(high)
    if status is None:
        return {"spec": spec}
    return {
        "spec": spec,
        "status": {
            "disruptionsAllowed": count(status.word("Allowed disruptions")),
            "currentHealthy": count(status.word("Current")),
            "desiredHealthy": count(status.word("Desired")),
            "expectedPods": count(status.word("Total")),
        },
    }


def priority_class(root: Entry) -> dict[str, Any]:
    """A PriorityClass: its fields stand at the top, as in the API."""
    return {
        "metadata": without_nothing({"annotations": label_map(root.word("Annotations"))}),
        "value": count(root.word("Value")),
        "globalDefault": truth(root.word("GlobalDefault")),
        "preemptionPolicy": root.word("PreemptionPolicy"),
        "description": root.word("Description"),
    }
