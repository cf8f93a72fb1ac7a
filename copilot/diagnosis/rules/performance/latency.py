"""Slow services and services that answer with errors: the deepest one is blamed, not those who wait for it.

A workload is slow or failing by its own numbers, else by an alert. Numbers of a client speak of the one it called.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from copilot.diagnosis.addresses import service_of
from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.complaints import complaints
from copilot.diagnosis.measured import (
    before_and_after,
    growth,
    measured_workload,
    median,
    owner_behind,
    step,
    title_of,
    titled,
    workload_of,
)
from copilot.diagnosis.rules.performance.alerts import active, quoted
from copilot.diagnosis.steps import describe
from copilot.diagnosis.view import View
from copilot.model import Evidence, Finding, Ref, Series
from retrievers.graph import EdgeKind

_FIELDS = ("request series", "alerts", "log")
_SOURCE = "opentelemetry semantic conventions http/rpc metrics; istio standard metrics"
SLOW = Cause(
    id="performance.slow_callee", title="A service is slow and its callers wait for it", kind="Deployment", fields=_FIELDS,
    severity=Severity.DEGRADED, yields=True, steps=("Look at this service before its callers",), citation=_SOURCE,
)  # fmt: skip
ERRORS = Cause(
    id="performance.errors", title="A service answers with errors and its callers pass them on", kind="Deployment", fields=_FIELDS,
    severity=Severity.DEGRADED, yields=True, steps=("Read the log of this service before its callers'",), citation=_SOURCE,
)  # fmt: skip

STEP = 3.0  # times its former latency: a change a person would notice
ERROR_SHARE = 0.05  # of the answers: a service level of 95 per cent is below every promise
_NOTICED = 0.05  # seconds: a step below it is not felt
_SLOW_SECONDS = 1.0  # with callers that time out: slower than interactive use bears
_LATENCY = re.compile(r"duration|latency|response_time|request_time|_p9\d|(?:^|[^a-z])p9\d|quantile", re.IGNORECASE)
_NOT_REQUESTS = re.compile(
    r"^(?:vllm|tgi_|nv_|go_|process_|apiserver_|etcd_|kubelet_|scheduler_|workqueue_|rest_client_|coredns_|prober_|container_|node_|kube_|prometheus_)|gc_|scrape_|job_duration|fsync|batch_duration",
    re.IGNORECASE,
)  # fmt: skip
_SLOW_ALERT = re.compile(r"latenc|slow|duration|response ?time|(?<![a-z])p9\d", re.IGNORECASE)
_ERROR_ALERT = re.compile(
    r"error ?(?:rate|ratio|budget|s$)|5xx|HighError|RequestError|SLO|failure ?rate|availab", re.IGNORECASE
)
_COUNTS = re.compile(
    r"(?:requests?|calls|responses?|handled|duration\w*?)(?:_total|_count)$|requests?_total|calls_total|spanmetrics_calls",
    re.IGNORECASE,
)
_CODE_LABELS = ("response_code", "http_status_code", "http_response_status_code", "status_code", "status", "code", "http_code", "grpc_code",
                "rpc_grpc_status_code", "grpc_response_status", "grpc_status")  # fmt: skip
_GRPC_BAD = frozenset(
    {
        "2",
        "4",
        "8",
        "12",
        "13",
        "14",
        "15",
        "unknown",
        "deadlineexceeded",
        "unimplemented",
        "internal",
        "unavailable",
        "dataloss",
        "resourceexhausted",
    }
)
_Marked = dict[Ref, tuple[list[Evidence], bool]]


def find_slow_services(view: View) -> Iterator[Finding]:
    """The deepest slow workload: slow by its own numbers or alert, with no slow one below it."""
    slow = _slow(view)
    waiting = _waiting_for(view) if slow else {}
    for ref, evidence, strong, callers in _deepest(view, slow, waiting):
        weight = 0.72 if callers and strong else (0.6 if strong else (0.55 if waiting.get(ref) else 0.4))
        yield _finding(view, SLOW, ref, "is slow", evidence, callers, weight)


def find_failing_services(view: View) -> Iterator[Finding]:
    """The deepest workload that answers with errors."""
    for ref, evidence, strong, callers in _deepest(view, _failing(view), {}):
        weight = 0.68 if callers and strong else (0.6 if strong else 0.4)
        yield _finding(view, ERRORS, ref, "answers with errors", evidence, callers, weight)


def _finding(
    view: View, cause: Cause, ref: Ref, what: str, evidence: Sequence[Evidence], callers: Sequence[Ref], weight: float
) -> Finding:
    wait = f"; {', '.join(str(caller) for caller in callers[:4])} wait for it" if callers else ""
    return Finding(
        cause=cause.id, object=ref, title=f"{ref} {what}: {evidence[0].text}{wait}", evidence=tuple(evidence[:5]),
        explains=(*(pod.ref for pod in view.pods_of(ref)), *callers), weight=weight, steps=(describe(ref),),
    )  # fmt: skip


def _deepest(
    view: View, marked: _Marked, waiting: Mapping[Ref, set[Ref]]
) -> Iterator[tuple[Ref, list[Evidence], bool, list[Ref]]]:
    """Of the marked workloads those that call no other marked one, with their callers."""
    calls = _calls(view, set(marked))
    for ref in sorted(marked):
        if any(other in marked for other in calls.get(ref, ()) if other != ref and ref not in calls.get(other, ())):
            continue
        known = {caller for caller, called in calls.items() if ref in called and caller != ref}
        evidence, strong = marked[ref]
        yield ref, evidence, strong, sorted(known | waiting.get(ref, set()))


def _slow(view: View) -> _Marked:
    """Workloads that are slow: with the evidence, and whether their own numbers say so."""
    found: _Marked = {}
    for ref, series, before, after in (*_gauges(view), *_histograms(view)):
        times = after / before if before > 0 else 1.0
        if (times >= STEP and after > _NOTICED) or after >= _SLOW_SECONDS:
            change_ = f", {times:.0f} times what it was" if times >= STEP else ""
            name = title_of(series)
            pieces, _ = found.setdefault(ref, ([], True))
            pieces.append(Evidence(ref, name, f"{name} is {after:.2f} s{change_}", series.source))
    _by_alert(view, _SLOW_ALERT, found)
    return found


def _by_alert(view: View, pattern: re.Pattern[str], found: _Marked) -> None:
    for alert in active(view):
        ref = workload_of(view, alert.labels) if pattern.search(alert.name) else None
        if ref is not None:
            found.setdefault(ref, ([], False))[0].append(quoted(alert, ref))


def _seconds(name: str) -> float:
    """What one unit of a duration metric is in seconds."""
    if re.search(r"(?:^|[_:])ms(?:[_:]|$)|millis", name):
        return 0.001
    return 1e-9 if "nanos" in name else (1e-6 if "micros" in name else 1.0)


def _gauges(view: View) -> Iterator[tuple[Ref, Series, float, float]]:
    """Latencies that are given as they are: (workload, series, seconds before, seconds lately)."""
    for series in titled(view, _LATENCY):
        name = title_of(series)
        if name.endswith(("_bucket", "_count", "_sum", "_total")) or _NOT_REQUESTS.search(name):
            continue
        ref, value = measured_workload(view, series), median(series, 0.33)
        if ref is not None and value is not None:
            times, unit = step(series), _seconds(name)
            yield ref, series, value * unit / times if times else 0.0, value * unit


def _histograms(view: View) -> Iterator[tuple[Ref, Series, float, float]]:
    """Latencies of histograms: the 95th percentile before and lately, all routes of a workload together."""
    groups: dict[tuple[Ref, str], dict[float, list[Series]]] = defaultdict(lambda: defaultdict(list))
    for series in titled(view, _LATENCY):
        name = title_of(series)
        if (
            not name.endswith("_bucket")
            or "le" not in series.labels
            or not _LATENCY.search(name)
            or _NOT_REQUESTS.search(name)
        ):
            continue
        ref, edge = measured_workload(view, series), _edge(series.labels["le"])
        if ref is not None and edge is not None:
            groups[ref, name][edge].append(series)
    for (ref, name), buckets in sorted(groups.items(), key=lambda item: item[0]):
        before = _quantile(buckets, first=True)
        after = _quantile(buckets, first=False)
        if after is not None:
            unit, some = _seconds(name), next(iter(buckets.values()))[0]
            shown = msgspec.structs.replace(some, name=name.removesuffix("_bucket") + " (p95)")
            yield ref, shown, (before if before is not None else after) * unit, after * unit


def _edge(le: str) -> float | None:
    try:
        return float(le.replace("+", ""))
    except ValueError:
        return None


def _quantile(buckets: Mapping[float, Sequence[Series]], *, first: bool, share: float = 0.95) -> float | None:
    """The upper edge of the bucket that holds the quantile, of the first or the last third of the points."""
    counts = {edge: sum(_part(series, first=first) for series in many) for edge, many in buckets.items()}
    total = max(counts.values(), default=0.0)
    if total <= 0:
        return None
    finite = [edge for edge in counts if edge != float("inf")]
    reached = sorted(edge for edge, count in counts.items() if count >= share * total)
    if not reached or not finite:
        return None
    return reached[0] if reached[0] != float("inf") else max(finite)


def _part(series: Series, *, first: bool) -> float:
    third = max(2, len(series.points) // 3)
    return growth(msgspec.structs.replace(series, points=series.points[:third] if first else series.points[-third:]))


def _failing(view: View) -> _Marked:
    """Workloads of whose answers a share are errors."""
    good: dict[Ref, float] = defaultdict(float)
    bad: dict[Ref, float] = defaultdict(float)
    proof: dict[Ref, Series] = {}
    doubled = any(series.labels.get("reporter") == "destination" for series in view.snapshot.series)
    for series in titled(view, _COUNTS):
        code = next((series.labels[key] for key in _CODE_LABELS if series.labels.get(key)), "")
        if not code or (doubled and series.labels.get("reporter") == "source"):
            continue
        ref = measured_workload(view, series)
        if ref is None:
            continue
        _, rate = before_and_after(series)
        if _is_error(code, title_of(series) + " ".join(key for key in series.labels if "grpc" in key)):
            bad[ref] += rate
            proof.setdefault(ref, series)
        else:
            good[ref] += rate
    found: _Marked = {}
    for ref, rate in sorted(bad.items()):
        share = rate / (rate + good[ref]) if rate > 0 else 0.0
        if share >= ERROR_SHARE:
            name = title_of(proof[ref])
            found[ref] = (
                [Evidence(ref, name, f"{share:.0%} of its answers are errors ({name})", proof[ref].source)],
                True,
            )
    _by_alert(view, _ERROR_ALERT, found)
    return found


def _is_error(code: str, of: str) -> bool:
    word = code.strip().lower()
    if word.isdigit() and len(word) == 3:
        return word.startswith("5")
    if "error" in word or word in ("5xx", "5**"):
        return True
    return word.replace("_", "").replace(" ", "") in _GRPC_BAD and ("grpc" in of or "rpc" in of or not word.isdigit())


def _calls(view: View, marked: set[Ref]) -> Mapping[Ref, set[Ref]]:
    """Which marked workload calls which, by the Services that their settings name."""
    found: dict[Ref, set[Ref]] = {}
    for ref in marked:
        for start in (ref, *(pod.ref for pod in view.pods_of(ref)[:1])):
            for edge in view.graph.out(start, EdgeKind.CONNECTS_TO):
                owner = owner_behind(view, edge.target)
                if owner is not None:
                    found.setdefault(ref, set()).add(owner)
    return found


def _waiting_for(view: View) -> dict[Ref, set[Ref]]:
    """Which workloads say in their log that another one does not answer in time."""
    found: dict[Ref, set[Ref]] = {}
    for complaint in complaints(view):
        service = service_of(view, complaint.host, complaint.pod.ref.namespace) if complaint.host else None
        owner = owner_behind(view, service.ref) if service is not None else None
        if owner is not None and complaint.cause == "app.dependency.timeout":
            found.setdefault(owner, set()).add(complaint.pod.owner)
    return found


RULES = (Rule(find=find_slow_services, causes=(SLOW,)), Rule(find=find_failing_services, causes=(ERRORS,)))
