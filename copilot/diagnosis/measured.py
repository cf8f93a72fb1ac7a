"""Numbers of a snapshot as rules need them: whose they are, how fast a counter grows, the median, before against lately. Pure.

Series are recognised by their labels and the words of their names, so recording rules built on them count as well.
"""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from copilot.diagnosis.view import View
from copilot.model import Ref, Resource, Series, text
from retrievers.graph import EdgeKind

_WORKLOAD_LABELS = (
    ("Deployment", ("deployment", "workload", "destination_workload", "owner_name")),
    ("StatefulSet", ("statefulset", "workload", "destination_workload", "owner_name")),
    ("DaemonSet", ("daemonset", "workload", "destination_workload")),
)
_SERVICE_LABELS = (
    "service",
    "destination_service_name",
    "service_name",
    "exported_service_name",
    "deployment_name",
    "kubernetes_service",
    "exported_service",
    "app",
    "job",
)
_SPACE_LABELS = ("namespace", "destination_service_namespace", "destination_workload_namespace", "kubernetes_namespace", "exported_namespace", "service_namespace")  # fmt: skip
_NODE_LABELS = ("node", "nodename", "kubernetes_node", "instance", "host")
_SELECTS = EdgeKind.SELECTS


def space_of(labels: Mapping[str, str]) -> str:
    """The namespace a measurement names, or nothing."""
    return next((labels[key] for key in _SPACE_LABELS if labels.get(key)), "")


def pod_of(view: View, labels: Mapping[str, str]) -> Resource | None:
    """The pod a measurement is of."""
    name = (
        labels.get("pod")
        or labels.get("pod_name")
        or labels.get("kubernetes_pod_name")
        or labels.get("exported_pod")
        or ""
    )
    return view.graph.find("Pod", space_of(labels), name, "") if name else None


def node_of(view: View, labels: Mapping[str, str]) -> Resource | None:
    """The node a measurement is of: by name, or by address as node exporters name it."""
    for key in _NODE_LABELS:
        name = labels.get(key, "").rpartition(":")[0] or labels.get(key, "")
        found = view.graph.find("Node", "", name, "") if name else None
        if found is not None:
            return found
    return None


def workload_of(view: View, labels: Mapping[str, str]) -> Ref | None:
    """The object a person would change for a measurement: its pod's owner, its workload, or what its Service leads to."""
    pod = pod_of(view, labels)
    if pod is not None:
        return view.pod(pod).owner
    space = space_of(labels)
    for kind, keys in _WORKLOAD_LABELS:
        for key in keys:
            found = view.graph.find(kind, space, labels.get(key, ""), "apps") if labels.get(key) else None
            if found is not None:
                return found.ref
    for key in _SERVICE_LABELS:
        name = labels.get(key, "").rpartition("/")[2].partition(".")[0]
        if name:
            owner = _behind(view, space, name)
            if owner is not None:
                return owner
    return None


def _behind(view: View, space: str, name: str) -> Ref | None:
    """The workload behind a Service, or of that name; without a namespace only when one place has it."""
    services = [s for s in view.graph.of_kind("Service", space or None, "") if s.ref.name == name]
    if len(services) == 1:
        owner = owner_behind(view, services[0].ref)
        if owner is not None:
            return owner
    named = [
        w.ref
        for kind in ("Deployment", "StatefulSet")
        for w in view.graph.of_kind(kind, space or None, "apps")
        if w.ref.name == name
    ]
    return named[0] if len(named) == 1 else None


def owner_behind(view: View, service: Ref) -> Ref | None:
    """The workload whose pods a Service selects."""
    for edge in view.graph.out(service, _SELECTS):
        pod = view.graph.get(edge.target)
        if pod is not None:
            return view.pod(pod).owner
    return None


_COUNTER = re.compile(r"(?:_total|_count|_sum|_bucket|Segs|_packets|_bytes_total)$")
_OF_CALLERS = re.compile(r"(?:^|_)client_|_client(?:_|$)|(?:^|:)client", re.IGNORECASE)
_CALLEE_LABELS = ("server_address", "net_peer_name", "peer_service", "destination_workload", "destination_service_name", "upstream", "cluster_name")  # fmt: skip


def title_of(series: Series) -> str:
    """The metric's name; the results of an expression have none, so the name of the file they stand in."""
    return series.name or series.source.rpartition("/")[2].partition(":")[0].rpartition(".")[0]


def titled(view: View, pattern: re.Pattern[str]) -> Iterator[Series]:
    """The series whose metric's name a pattern finds; names are few, so each is looked at once."""

    def read() -> dict[str, list[Series]]:
        found: dict[str, list[Series]] = defaultdict(list)
        for one in view.snapshot.series:
            found[title_of(one)].append(one)
        return found

    for title, many in view.once("series by title", read).items():
        if pattern.search(title):
            yield from many


def is_counter(series: Series) -> bool:
    """Whether it only grows, by its name and its points."""
    values = [value for _, value in series.points]
    return (
        _COUNTER.search(title_of(series)) is not None
        and ":" not in title_of(series)
        and growth(series) >= 0
        and len(values) > 1
    )


def per_second(series: Series, last: float = 1.0) -> float:
    """How fast a counter grows in the last part of the series; a gauge's median there."""
    if not is_counter(series):
        return median(series, last) or 0.0
    points = series.points[-max(2, round(len(series.points) * last)) :]
    seconds = points[-1][0] - points[0][0]
    return growth(msgspec.structs.replace(series, points=points)) / seconds if seconds > 0 else 0.0


def before_and_after(series: Series) -> tuple[float, float]:
    """What it was in the first third and is in the last: rates of a counter, medians of a gauge."""
    third = len(series.points) // 3
    if third < 2:
        now = per_second(series)
        return now, now
    first = msgspec.structs.replace(series, points=series.points[:third])
    return per_second(first), per_second(series, 0.34)


def measured_workload(view: View, series: Series) -> Ref | None:
    """The workload whose doing a series measures: for what a client measures, the one that it called."""
    if _OF_CALLERS.search(title_of(series)) or series.labels.get("span_kind", "").endswith("CLIENT"):
        callee = {"service": next((series.labels[key] for key in _CALLEE_LABELS if series.labels.get(key)), "")}
        callee |= {"namespace": space_of(series.labels)}
        return workload_of(view, callee) if callee["service"] else None
    return workload_of(view, series.labels)


def median(series: Series, last: float = 1.0) -> float | None:
    """The median of the last part (a share of the points) of a series."""
    values = [value for _, value in series.points if value == value]  # noqa: PLR0124 - drops NaN
    kept = values[-max(1, round(len(values) * last)) :] if values else []
    return statistics.median(kept) if kept else None


def growth(series: Series) -> float:
    """How much a counter grew over the series; a reset to zero is survived."""
    total, before = 0.0, None
    for _, value in series.points:
        if value != value:  # noqa: PLR0124 - NaN
            continue
        if before is not None:
            total += value - before if value >= before else value
        before = value
    return total


def step(series: Series) -> float:
    """How many times higher the last third is than the first; 1.0 when there is nothing to compare."""
    values = [value for _, value in series.points if value == value]  # noqa: PLR0124 - drops NaN
    third = len(values) // 3
    if third < 2:
        return 1.0
    before, after = statistics.median(values[:third]), statistics.median(values[-third:])
    return after / before if before > 0 else (1.0 if after <= 0 else 10.0)


def by_labels(series: Sequence[Series], *keys: str) -> dict[tuple[str, ...], list[Series]]:
    """Series grouped by the values of some labels."""
    groups: dict[tuple[str, ...], list[Series]] = defaultdict(list)
    for one in series:
        groups[tuple(one.labels.get(key, "") for key in keys)].append(one)
    return groups


def of_alert(labels: Mapping[str, str]) -> str:
    """An alert's severity in lower case, or nothing."""
    return text(dict(labels), "severity").lower()
