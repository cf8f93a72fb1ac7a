"""What only grows: memory toward its limit, goroutines, threads, handles and descriptors that nobody gives back.

A level that is high and even is a size, not a leak; what rose and fell again is use.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.measured import per_second, pod_of, title_of, titled, workload_of
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View
from copilot.model import Evidence, Finding, Ref, Series, format_bytes, mapping, parse_quantity
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


HEAP = Cause(
    id="performance.heap_full", title="A runtime's heap is all but full, so it collects garbage all the time", kind="Pod", severity=Severity.DEGRADED,
    fields=("jvm_memory_used_bytes", "jvm_memory_max_bytes", "jvm_gc_pause_seconds_sum"), steps=("Raise the heap, or look for a leak",),
    brings_about=("performance.slow_callee", "app.memory.gc"), citation="micrometer and prometheus JVM metrics",
)  # fmt: skip
_HEAP = re.compile(r"^jvm_memory(?:_bytes)?_used(?:_bytes)?$|^jvm_memory_used$")
_HEAP_MAX = re.compile(r"^jvm_memory(?:_bytes)?_max(?:_bytes)?$|^jvm_memory_limit")
_PAUSES = re.compile(r"^jvm_gc_(?:pause|collection)_seconds_sum|^jvm_gc_duration_seconds_sum")
_FULL_HEAP = 0.95  # of the maximum, at its lowest: after a collection a healthy heap is well below
_COLLECTING = 0.2  # seconds in every second


def find_full_heaps(view: View) -> Iterator[Finding]:
    """JVMs whose heap stays full after collections, or that spend their time in collections."""
    used, most = _heap(view, _HEAP), _heap(view, _HEAP_MAX)
    pauses: dict[Ref, tuple[float, str]] = {}
    for series in titled(view, _PAUSES):
        pod, rate = pod_of(view, series.labels), per_second(series, 0.34)
        if pod is not None:
            pauses[pod.ref] = (pauses.get(pod.ref, (0.0, ""))[0] + rate, series.source)
    for ref in sorted({*used, *pauses}):
        share = used[ref][0] / most[ref][0] if ref in used and most.get(ref, (0.0, ""))[0] > 0 else 0.0
        paused, source = pauses.get(ref, (0.0, ""))
        resource = view.graph.get(ref)
        if resource is None or (paused < _COLLECTING and (share < _FULL_HEAP or ref in pauses)):
            continue
        words = ", ".join(filter(None, (f"its heap is {share:.0%} full even after collections" if share >= _FULL_HEAP else "", f"it spends {min(paused, 1.0):.0%} of its time in garbage collection" if paused >= _COLLECTING else "")))  # fmt: skip
        pod_fact = view.pod(resource)
        yield Finding(
            cause=HEAP.id, object=pod_fact.owner, title=f"{pod_fact.owner}: {words} (heap memory)", evidence=(Evidence(ref, "jvm", words, source or used[ref][1]),),
            explains=(ref,), weight=0.66 if paused >= _COLLECTING else 0.54, steps=(describe(pod_fact.owner), change(f"Raise the heap of {pod_fact.owner}, or look for a leak", pod_fact.owner)),
        )  # fmt: skip


def _heap(view: View, pattern: re.Pattern[str]) -> dict[Ref, tuple[float, str]]:
    """The lowest of the last third of the heap's series by pod; pools without a maximum (-1) count nothing."""
    found: dict[Ref, tuple[float, str]] = {}
    for series in titled(view, pattern):
        pod = pod_of(view, series.labels)
        values = [value for _, value in series.points[-max(1, len(series.points) // 3) :]]
        if (
            pod is not None
            and values
            and min(values) > 0
            and "nonheap"
            not in series.labels.get("area", series.labels.get("jvm_memory_type", "heap")).replace("_", "").lower()
        ):
            found[pod.ref] = (found.get(pod.ref, (0.0, ""))[0] + min(values), series.source)
    return found


RULES = (Rule(find=find_leaks, causes=(LEAK,)), Rule(find=find_full_heaps, causes=(HEAP,)))
