"""What only grows: memory toward its limit, goroutines, threads, handles and descriptors that nobody gives back.

A level that is high and even is a size, not a leak; what rose and fell again is use.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.measured import pod_of, title_of, titled, workload_of
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View
from copilot.model import Evidence, Finding, Series, format_bytes, mapping, parse_quantity
from copilot.model.quantity import Quantity

LEAK = Cause(
    id="performance.leak", title="A program takes more and more and gives nothing back", kind="Pod", severity=Severity.DEGRADED,
    fields=("container_memory_working_set_bytes", "go_goroutines", "process_open_fds", "threads"),
    steps=("Look for a leak, or a change before the rise",), citation="google/cadvisor; prometheus client libraries process metrics",
)  # fmt: skip
_COUNTS = re.compile(r"go_goroutines|(?:jvm_threads_(?:live|current)|process_open_fds|process_threads|nodejs_active_handles(?:_total)?|container_threads|dotnet_threadpool_num_threads|container_file_descriptors)", re.IGNORECASE)  # fmt: skip
_GROWING = re.compile(rf"memory_working_set_bytes|{_COUNTS.pattern}", re.IGNORECASE)
_MANY = 1000  # of goroutines, threads or handles: fewer are the size of a program
_TIMES = 5.0
_NEAR = 0.9  # of the memory limit
_DOUBLED = 1.5
_LEAST = 6  # points: fewer show no trend


def find_leaks(view: View) -> Iterator[Finding]:
    """Programs whose memory climbs to its limit, and counts that only grow."""
    told = set()
    for series in titled(view, _GROWING):
        name = title_of(series)
        memory = "memory_working_set_bytes" in name
        if not _climbs(series):
            continue
        found = _memory(view, series) if memory else _count(view, series, name)
        if found is not None and found.object not in told:
            told.add(found.object)
            yield found


def _climbs(series: Series) -> bool:
    """Whether the level rises from third to third and ends near its highest."""
    values = [value for _, value in series.points]
    third = len(values) // 3
    if len(values) < _LEAST:
        return False
    first, middle, last = (
        statistics.median(part) for part in (values[:third], values[third : 2 * third], values[-third:])
    )
    return first < middle < last and values[-1] >= 0.95 * max(values)


def _memory(view: View, series: Series) -> Finding | None:
    resource, name = pod_of(view, series.labels), series.labels.get("container", "")
    if resource is None or name in ("", "POD"):
        return None
    pod = view.pod(resource)
    limit = _limit(pod, name)
    first, last = series.points[0][1], series.points[-1][1]
    if not limit or last < _NEAR * limit or last < _DOUBLED * first:
        return None
    words = f"memory rose from {format_bytes(Quantity(int(first)))} to {format_bytes(Quantity(int(last)))} of a limit of {format_bytes(Quantity(int(limit)))}"
    return _finding(view, pod, name, words, series, 0.6)


def _limit(pod: PodFact, name: str) -> float:
    amounts = [
        parse_quantity(mapping(c.spec, "resources", "limits").get("memory")) for c in pod.containers if c.name == name
    ]
    return float(amounts[0]) if amounts and amounts[0] else 0.0


def _count(view: View, series: Series, name: str) -> Finding | None:
    resource, owner = pod_of(view, series.labels), workload_of(view, series.labels)
    first, last = max(series.points[0][1], 1.0), series.points[-1][1]
    if owner is None or last < _MANY or last < _TIMES * first:
        return None
    what = "goroutines" if "goroutines" in name else ("threads" if "thread" in name else "open handles or descriptors")
    words = f"its {what} rose from {first:.0f} to {last:.0f} ({name})"
    pod = view.pod(resource) if resource is not None else next(iter(view.pods_of(owner)), None)
    return _finding(view, pod, "", words, series, 0.58) if pod is not None else None


def _finding(view: View, pod: PodFact, container: str, words: str, series: Series, weight: float) -> Finding:
    where = f"container {container}: " if container else ""
    alerted = any(
        alert.labels.get("pod") == pod.ref.name and alert.state in ("active", "firing", "")
        for alert in view.snapshot.alerts
    )
    return Finding(
        cause=LEAK.id, object=pod.owner, title=f"{pod.owner}: {where}{words}: a leak, or too small a limit", evidence=(Evidence(pod.ref, title_of(series), words, series.source),),
        explains=(pod.ref,), weight=weight + (0.05 if alerted else 0.0),
        steps=(describe(pod.owner), change(f"Restart {pod.owner} to win time, then find what it keeps", pod.owner, f"kubectl rollout restart {pod.owner.argument}{pod.owner.flags}")),
    )  # fmt: skip


RULES = (Rule(find=find_leaks, causes=(LEAK,)),)
