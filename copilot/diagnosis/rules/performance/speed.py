"""Slow, throttled, or near a limit: what usage, series and alerts show, blamed on the one that is slow and not on who waits for it.

Numbers decide; an alert alone, or a limit merely touched, stays below the threshold unless a second sign agrees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from copilot.diagnosis.addresses import service_of
from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.complaints import complaints
from copilot.diagnosis.measured import (
    by_labels,
    growth,
    median,
    named,
    node_of,
    of_alert,
    owner_behind,
    pod_of,
    step,
    workload_of,
)
from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, said
from copilot.model import (
    Alert,
    Evidence,
    Finding,
    NextStep,
    Ref,
    Resource,
    format_bytes,
    format_cpu,
    mapping,
    parse_quantity,
)
from copilot.model.quantity import Quantity
from retrievers.graph import EdgeKind

_CADVISOR = "google/cadvisor docs/storage/prometheus.md"


def _cause(identity: str, title: str, kind: str, step_: str, *fields: str) -> Cause:
    return Cause(
        id=identity,
        title=title,
        kind=kind,
        fields=fields,
        severity=Severity.DEGRADED,
        steps=(step_,),
        citation=_CADVISOR,
    )


THROTTLED = _cause("pod.cpu.throttled", "The CPU limit throttles the container", "Pod", "Raise or remove the CPU limit", "container_cpu_cfs_throttled_periods_total", "resources.limits.cpu")  # fmt: skip
NEAR_LIMIT = _cause("performance.memory_near_limit", "A container's memory is about to reach its limit", "Pod", "Raise the limit or look for a leak", "container_memory_working_set_bytes", "kubectl top")  # fmt: skip
NODE_CPU = _cause("performance.node_cpu", "A node's CPU is used up", "Node", "Move or limit what uses it", "kubectl top nodes", "node_cpu_seconds_total")  # fmt: skip
SLOW = _cause("performance.slow_callee", "A service is slow and its callers wait for it", "Deployment", "Look at this service before its callers", "request duration series", "alerts", "log")  # fmt: skip
NODE_NETWORK = _cause("performance.node_network", "A node loses packets", "Node", "Look at the node's network", "node_network_*_drop_total", "alerts")  # fmt: skip

THROTTLE_SHARE = 0.25  # of the periods: kubernetes-mixin's CPUThrottlingHigh starts there
FULL = 0.97  # of a limit: above it the next allocation may be the last
BUSY = 0.95  # of a node's allocatable CPU
STEP = 3.0  # times its former latency: a change a person would notice
_SLOW_SECONDS = 1.0  # with callers that time out: slower than interactive use bears
_LATENCY = re.compile(r"duration|latency|response_time|request_time|_p9\d|quantile", re.IGNORECASE)
_SLOW_ALERT = re.compile(r"latenc|slow|duration|response ?time|p9\d|SLO|error ?rate|5xx|HighError", re.IGNORECASE)


def find_throttling(view: View) -> Iterator[Finding]:
    """Containers that the CPU limit holds back, by their periods, by an alert, or by usage at the limit."""
    throttled = by_labels(named(view.snapshot.series, "throttled_periods"), "namespace", "pod", "container")
    periods = by_labels(
        [s for s in named(view.snapshot.series, "cfs_periods") if "throttled" not in s.name],
        "namespace",
        "pod",
        "container",
    )
    for key, series in sorted(throttled.items()):
        pod = pod_of(view, series[0].labels)
        whole = sum(growth(one) for one in periods.get(key, []))
        share = sum(growth(one) for one in series) / whole if whole > 0 else 0.0
        if pod is not None and share >= THROTTLE_SHARE:
            yield _throttled(
                view.pod(pod), key[2], f"{share:.0%} of its CPU periods are throttled", 0.72, series[0].source
            )
    for alert in _active(view):
        if "throttl" not in alert.name.lower():
            continue
        pod = pod_of(view, alert.labels)
        if pod is not None:
            fact, container = view.pod(pod), alert.labels.get("container", "")
            full = _cpu_share(view, fact, container) >= BUSY
            weight = 0.65 if full else (0.4 if of_alert(alert.labels) in ("info", "none", "") else 0.55)
            yield _throttled(fact, container, f"alert {alert.name} is firing: {_words(alert)}", weight, alert.source)


def _throttled(pod: PodFact, container: str, words: str, weight: float, source: str) -> Finding:
    limit = _limit(pod, container, "cpu")
    at = f" at its CPU limit of {format_cpu(limit)}" if limit is not None else ""
    return Finding(
        cause=THROTTLED.id, object=pod.owner, title=f"{pod.owner}: container {container or '(any)'} is throttled{at}: {words}",
        evidence=(Evidence(pod.ref, "cpu", words, source), *_limit_evidence(pod, container, "cpu")), explains=(pod.ref,), weight=weight,
        steps=(change(f"Raise or remove the CPU limit of container {container}", pod.owner), _top(pod)),
    )  # fmt: skip


def _limit(pod: PodFact, container: str, resource: str) -> Quantity | None:
    for found in _chosen(pod, container):
        limit = parse_quantity(mapping(found.spec, "resources", "limits").get(resource))
        if limit is not None:
            return limit
    return None


def _chosen(pod: PodFact, container: str) -> list[ContainerFact]:
    return [found for found in pod.containers if not found.init and container in ("", found.name)]


def _limit_evidence(pod: PodFact, container: str, resource: str) -> tuple[Evidence, ...]:
    limit = _limit(pod, container, resource)
    if limit is None:
        return ()
    shown = format_cpu(limit) if resource == "cpu" else format_bytes(limit)
    return (
        said(
            pod.resource,
            f"spec.containers[{container}].resources.limits.{resource}",
            f"its {resource} limit is {shown}",
        ),
    )


def _cpu_share(view: View, pod: PodFact, container: str) -> float:
    limit = _limit(pod, container, "cpu")
    used = [
        u.cpu for u in view.snapshot.usage if u.ref == pod.ref and u.cpu is not None and container in ("", u.container)
    ]
    return max(used) / float(limit) if used and limit else 0.0


def _top(pod: PodFact) -> NextStep:
    return NextStep(text="Show what it uses now", command=f"kubectl top pod {pod.ref.name} --containers{pod.ref.flags}")


def _active(view: View) -> list[Alert]:
    return [alert for alert in view.snapshot.alerts if alert.state in ("active", "firing", "")]


def _words(alert: Alert) -> str:
    return (alert.annotations.get("description") or alert.annotations.get("summary") or alert.name)[:240]


def find_memory_near_limit(view: View) -> Iterator[Finding]:
    """Containers whose working set is at their memory limit."""
    seen: set[tuple[Ref, str]] = set()
    for pod, container, used, source in _memory(view):
        limits = [
            limit
            for c in _chosen(pod, container)
            if (limit := parse_quantity(mapping(c.spec, "resources", "limits").get("memory")))
        ]
        if not limits or (not container and len(limits) != len(_chosen(pod, ""))) or (pod.ref, container) in seen:
            continue
        whole = float(sum(limits))
        if used >= FULL * whole:
            seen.add((pod.ref, container))
            words = f"uses {format_bytes(Quantity(int(used)))} of its memory limit of {format_bytes(sum(limits, Quantity(0)))}"
            yield Finding(
                cause=NEAR_LIMIT.id, object=pod.owner, title=f"{pod.owner}: container {container or 'all'} {words}: it is about to be OOMKilled",
                evidence=(Evidence(pod.ref, "memory", words, source), *_limit_evidence(pod, container, "memory")), explains=(pod.ref,), weight=0.55,
                steps=(change(f"Raise the memory limit of {pod.owner}, or look for a leak", pod.owner), _top(pod)),
            )  # fmt: skip


def _memory(view: View) -> Iterator[tuple[PodFact, str, float, str]]:
    for usage in view.snapshot.usage:
        pod = view.graph.get(usage.ref)
        if usage.ref.kind == "Pod" and pod is not None and usage.memory is not None:
            yield view.pod(pod), usage.container, usage.memory, usage.source
    for series in named(view.snapshot.series, "memory_working_set_bytes"):
        pod, container, used = pod_of(view, series.labels), series.labels.get("container", ""), median(series, 0.2)
        if pod is not None and container not in ("", "POD") and used is not None:
            yield view.pod(pod), container, used, series.source


def find_busy_nodes(view: View) -> Iterator[Finding]:
    """Nodes without CPU to spare, and the one pod that takes it, when it is one."""
    alerted = {
        node.ref: alert
        for alert in _active(view)
        if re.search(r"cpu|load", alert.name, re.IGNORECASE) and (node := _alerted_node(view, alert))
    }
    for usage in view.snapshot.usage:
        node = view.graph.get(usage.ref)
        size = parse_quantity(mapping(node.status, "allocatable").get("cpu")) if node is not None else None
        if usage.ref.kind != "Node" or node is None or usage.cpu is None or not size or usage.cpu < BUSY * float(size):
            continue
        words = f"uses {usage.cpu:.2f} of {format_cpu(size)} CPU"
        alert = alerted.get(node.ref)
        evidence = [said(node, "cpu", f"{node.ref} {words}")]
        evidence += [Evidence(node.ref, f"alert {alert.name}", _words(alert), alert.source)] if alert else []
        hog = _hog(view, node.ref.name, float(size))
        weight = 0.62 if alert else 0.52
        if hog is not None:
            pod, share = hog
            evidence.append(said(pod.resource, "cpu", f"{pod.ref} alone uses {share:.0%} of the node"))
            yield Finding(
                cause=NODE_CPU.id, object=pod.owner, title=f"{pod.owner} uses {share:.0%} of the CPU of {node.ref}, which {words}", evidence=tuple(evidence),
                explains=(node.ref, pod.ref), weight=weight + 0.05, steps=(_top(pod), change(f"Limit the CPU of {pod.owner}", pod.owner)),
            )  # fmt: skip
            continue
        yield Finding(
            cause=NODE_CPU.id, object=node.ref, title=f"{node.ref} has no CPU to spare: it {words}", evidence=tuple(evidence), weight=weight,
            explains=(node.ref,), steps=(describe(node.ref), NextStep(text="List its pods by use", command="kubectl top pods -A --sort-by=cpu")),
        )  # fmt: skip


def _alerted_node(view: View, alert: Alert) -> Resource | None:
    return None if pod_of(view, alert.labels) is not None else node_of(view, alert.labels)


def _hog(view: View, node: str, size: float) -> tuple[PodFact, float] | None:
    """The pod that takes more than half of a node."""
    spent: dict[Ref, float] = {}
    for usage in view.snapshot.usage:
        if usage.ref.kind == "Pod" and usage.cpu is not None:
            spent[usage.ref] = spent.get(usage.ref, 0.0) + usage.cpu
    for ref, cores in sorted(spent.items(), key=lambda item: -item[1]):
        pod = view.graph.get(ref)
        if pod is not None and view.pod(pod).node == node:
            return (view.pod(pod), cores / size) if cores > size / 2 else None
    return None


def find_slow_services(view: View) -> Iterator[Finding]:
    """The deepest slow workload: slow by its own numbers or alert, with no slow one below it."""
    slow = _slow(view)
    if not slow:
        return
    waiting = _waiting_for(view)
    calls = _calls(view, set(slow))
    for ref in sorted(slow):
        if any(other in slow for other in calls.get(ref, ()) if other != ref and ref not in calls.get(other, ())):
            continue
        callers = sorted(
            {caller for caller, called in calls.items() if ref in called and caller != ref} | waiting.get(ref, set())
        )
        evidence, strong = slow[ref]
        weight = 0.72 if callers and strong else (0.6 if strong else (0.55 if waiting.get(ref) else 0.4))
        yield Finding(
            cause=SLOW.id, object=ref, title=f"{ref} is slow: {evidence[0].text}" + (f"; {', '.join(str(c) for c in callers[:4])} wait for it" if callers else ""),
            evidence=tuple(evidence[:5]), explains=(*(pod.ref for pod in view.pods_of(ref)), *callers), weight=weight, steps=(describe(ref),),
        )  # fmt: skip


def _slow(view: View) -> dict[Ref, tuple[list[Evidence], bool]]:
    """Workloads that are slow: with the evidence, and whether their own numbers say so."""
    found: dict[Ref, tuple[list[Evidence], bool]] = {}
    for series in view.snapshot.series:
        if not _LATENCY.search(series.name) or series.name.endswith(("_bucket", "_count", "_sum")):
            continue
        ref, value = workload_of(view, series.labels), median(series, 0.33)
        if ref is None or value is None:
            continue
        seconds = value / 1000 if re.search(r"_ms\b|millis", series.name) else value
        times = step(series)
        if (times >= STEP and seconds > 0.05) or seconds >= _SLOW_SECONDS:
            change_ = f", {times:.0f} times what it was" if times >= STEP else ""
            pieces, _ = found.setdefault(ref, ([], True))
            pieces.append(Evidence(ref, series.name, f"{series.name} is {seconds:.2f} s{change_}", series.source))
    for alert in _active(view):
        ref = workload_of(view, alert.labels) if _SLOW_ALERT.search(alert.name) else None
        if ref is not None:
            pieces, _ = found.setdefault(ref, ([], False))
            pieces.append(
                Evidence(ref, f"alert {alert.name}", f"alert {alert.name} is firing: {_words(alert)}", alert.source)
            )
    return found


def _calls(view: View, slow: set[Ref]) -> Mapping[Ref, set[Ref]]:
    """Which slow workload calls which, by the Services that their settings name."""
    found: dict[Ref, set[Ref]] = {}
    for ref in slow:
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


def find_lossy_nodes(view: View) -> Iterator[Finding]:
    """Nodes that drop packets, where the others do not."""
    drops: dict[Ref, float] = {}
    for series in view.snapshot.series:
        if re.search(r"node_network_\w*(?:drop|errs)", series.name):
            node = node_of(view, series.labels)
            if node is not None and len(series.points) > 1:
                seconds = max(1.0, series.points[-1][0] - series.points[0][0])
                drops[node.ref] = drops.get(node.ref, 0.0) + growth(series) / seconds
    for alert in _active(view):
        node = (
            node_of(view, alert.labels)
            if re.search(r"NetworkReceiveErrs|NetworkTransmitErrs|PacketLoss|NetworkDrop", alert.name, re.IGNORECASE)
            else None
        )
        if node is not None:
            yield _lossy(node.ref, f"alert {alert.name} is firing: {_words(alert)}", 0.55, alert.source)
    for ref, rate in sorted(drops.items()):
        others = [other for one, other in drops.items() if one != ref]
        if rate > 1.0 and others and rate > 10 * max(others):
            yield _lossy(
                ref, f"{ref} drops {rate:.0f} packets a second, the others at most {max(others):.1f}", 0.65, "series"
            )


def _lossy(ref: Ref, words: str, weight: float, source: str) -> Finding:
    return Finding(
        cause=NODE_NETWORK.id, object=ref, title=f"{ref} loses packets: {words}", evidence=(Evidence(ref, "network", words, source),),
        explains=(ref,), weight=weight, steps=(describe(ref),),
    )  # fmt: skip


RULES = (
    Rule(find=find_throttling, causes=(THROTTLED,)),
    Rule(find=find_memory_near_limit, causes=(NEAR_LIMIT,)),
    Rule(find=find_busy_nodes, causes=(NODE_CPU,)),
    Rule(find=find_slow_services, causes=(SLOW,)),
    Rule(find=find_lossy_nodes, causes=(NODE_NETWORK,)),
)
