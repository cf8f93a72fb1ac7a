"""CPU and memory that containers and nodes use up, as usage, series and alerts show it.

Numbers decide; an alert alone, or a limit merely touched, stays below the threshold unless a second sign agrees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.measured import (
    before_and_after,
    by_labels,
    growth,
    median,
    of_alert,
    per_second,
    pod_of,
    title_of,
    titled,
    workload_of,
)
from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.diagnosis.rules.performance.alerts import active, nodes_alerted, words
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, said
from copilot.model import (
    Evidence,
    Finding,
    NextStep,
    Ref,
    Series,
    format_bytes,
    format_cpu,
    mapping,
    parse_quantity,
)
from copilot.model.quantity import Quantity

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
BURNING = Cause(
    id="performance.pod_cpu", title="A container's CPU use rose to its limit, or to most of its node", kind="Pod", severity=Severity.DEGRADED,
    fields=("container_cpu_usage_seconds_total", "kubectl top"), steps=("Look at what it does: a loop, more load, a change",),
    brings_about=("performance.node_cpu_busy", "performance.node_cpu"), citation=_CADVISOR,
)  # fmt: skip
NODE_CPU = _cause("performance.node_cpu", "A node's CPU is used up", "Node", "Move or limit what uses it", "kubectl top nodes", "node_cpu_seconds_total")  # fmt: skip

_THROTTLED_PERIODS = re.compile(r"throttled_periods")
_PERIODS = re.compile(r"(?<!throttled_)cfs_periods")
_THROTTLED_SECONDS = re.compile(r"cfs_throttled_seconds")
_SHARES = re.compile(r"throttl\w*[:_.](?:\w*_)?(?:ratio|percent|share)|(?:ratio|percent|share)\w*throttl")
_WORKING_SET = re.compile(r"memory_working_set_bytes")
_CPU_USE = re.compile(r"container_cpu_usage_seconds")
THROTTLE_SHARE = 0.25  # of the periods: kubernetes-mixin's CPUThrottlingHigh starts there
FULL = 0.97  # of a limit: above it the next allocation may be the last
BUSY = 0.95  # of a node's allocatable CPU


def find_throttling(view: View) -> Iterator[Finding]:
    """Containers that the CPU limit holds back, by their periods, by an alert, or by usage at the limit."""
    throttled = by_labels(list(titled(view, _THROTTLED_PERIODS)), "namespace", "pod", "container")
    periods = by_labels(
        list(titled(view, _PERIODS)),
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
    for one in titled(view, _THROTTLED_SECONDS):
        pod, rate = pod_of(view, one.labels), per_second(one, 0.34)
        known = (one.labels.get("namespace", ""), one.labels.get("pod", ""), one.labels.get("container", ""))
        if pod is not None and rate >= THROTTLE_SHARE and known not in throttled:
            yield _throttled(view.pod(pod), known[2], f"it is held back {rate:.2f} s in every second", 0.68, one.source)
    for one in titled(view, _SHARES):
        pod, value = pod_of(view, one.labels), median(one, 0.33)
        share = (value or 0.0) / (100 if "percent" in title_of(one) else 1)
        if pod is not None and share >= THROTTLE_SHARE:
            yield _throttled(view.pod(pod), one.labels.get("container", ""), f"{share:.0%} of its CPU periods are throttled", 0.72, one.source)  # fmt: skip
    for alert in active(view):
        if "throttl" not in alert.name.lower():
            continue
        pod = pod_of(view, alert.labels)
        if pod is not None:
            fact, container = view.pod(pod), alert.labels.get("container", "")
            full = _cpu_share(view, fact, container) >= BUSY
            weight = 0.65 if full else (0.4 if of_alert(alert.labels) in ("info", "none", "") else 0.55)
            yield _throttled(fact, container, f"alert {alert.name} is firing: {words(alert)}", weight, alert.source)


def _throttled(pod: PodFact, container: str, shown: str, weight: float, source: str) -> Finding:
    limit = _limit(pod, container, "cpu")
    at = f" at its CPU limit of {format_cpu(limit)}" if limit is not None else ""
    return Finding(
        cause=THROTTLED.id, object=pod.owner, title=f"{pod.owner}: container {container or '(any)'} is throttled{at}: {shown}",
        evidence=(Evidence(pod.ref, "cpu", shown, source), *_limit_evidence(pod, container, "cpu")), explains=(pod.ref,), weight=weight,
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
            shown = f"uses {format_bytes(Quantity(int(used)))} of its memory limit of {format_bytes(sum(limits, Quantity(0)))}"
            yield Finding(
                cause=NEAR_LIMIT.id, object=pod.owner, title=f"{pod.owner}: container {container or 'all'} {shown}: it is about to be OOMKilled",
                evidence=(Evidence(pod.ref, "memory", shown, source), *_limit_evidence(pod, container, "memory")), explains=(pod.ref,), weight=0.55,
                steps=(change(f"Raise the memory limit of {pod.owner}, or look for a leak", pod.owner), _top(pod)),
            )  # fmt: skip


def _memory(view: View) -> Iterator[tuple[PodFact, str, float, str]]:
    for usage in view.snapshot.usage:
        pod = view.graph.get(usage.ref)
        if usage.ref.kind == "Pod" and pod is not None and usage.memory is not None:
            yield view.pod(pod), usage.container, usage.memory, usage.source
    for series in titled(view, _WORKING_SET):
        pod, container, used = pod_of(view, series.labels), series.labels.get("container", ""), median(series, 0.2)
        if pod is not None and container not in ("", "POD") and used is not None:
            yield view.pod(pod), container, used, series.source


def find_busy_nodes(view: View) -> Iterator[Finding]:
    """Nodes without CPU to spare, and the one pod that takes it, when it is one."""
    alerted = nodes_alerted(view, r"cpu|load")
    for usage in view.snapshot.usage:
        node = view.graph.get(usage.ref)
        size = parse_quantity(mapping(node.status, "allocatable").get("cpu")) if node is not None else None
        if usage.ref.kind != "Node" or node is None or usage.cpu is None or not size or usage.cpu < BUSY * float(size):
            continue
        shown = f"uses {usage.cpu:.2f} of {format_cpu(size)} CPU"
        alert = alerted.get(node.ref)
        evidence = [said(node, "cpu", f"{node.ref} {shown}")]
        evidence += [Evidence(node.ref, f"alert {alert.name}", words(alert), alert.source)] if alert else []
        hog = _hog(view, node.ref.name, float(size))
        weight = 0.62 if alert else 0.52
        if hog is not None:
            pod, share = hog
            evidence.append(said(pod.resource, "cpu", f"{pod.ref} alone uses {share:.0%} of the node"))
            yield Finding(
                cause=NODE_CPU.id, object=pod.owner, title=f"{pod.owner} uses {share:.0%} of the CPU of {node.ref}, which {shown}", evidence=tuple(evidence),
                explains=(node.ref, pod.ref), weight=weight + 0.05, steps=(_top(pod), change(f"Limit the CPU of {pod.owner}", pod.owner)),
            )  # fmt: skip
            continue
        yield Finding(
            cause=NODE_CPU.id, object=node.ref, title=f"{node.ref} has no CPU to spare: it {shown}", evidence=tuple(evidence), weight=weight,
            explains=(node.ref,), steps=(describe(node.ref), NextStep(text="List its pods by use", command="kubectl top pods -A --sort-by=cpu")),
        )  # fmt: skip


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


_ROSE = 2.0  # times its former use: a program that always used its limit was sized so
_AT_LIMIT = 0.9  # of the CPU limit
_WHOLE_CORE = 0.9  # cores: what one thread in a loop uses where no limit is set


def find_burning(view: View) -> Iterator[Finding]:
    """Containers whose CPU use rose to their limit, or to a core and more where they have none; by series, or by `top` with an alert."""
    told: set[Ref] = set()
    for series in titled(view, _CPU_USE):
        pod, container = pod_of(view, series.labels), series.labels.get("container", "")
        if pod is None or container in ("", "POD") or not _works(series):
            continue
        before, after = before_and_after(series)
        fact = view.pod(pod)
        limit = float(_limit(fact, container, "cpu") or 0)
        rose = after >= _ROSE * before and after >= (_AT_LIMIT * limit if limit else _WHOLE_CORE)
        if rose and fact.owner.kind not in ("Job", "CronJob") and pod.ref not in told:
            told.add(pod.ref)
            yield _burning(
                view, fact, container, f"uses {after:.2f} CPU, {before:.2f} before", 0.6, series.source, after
            )
    for usage in view.snapshot.usage:
        pod = view.graph.get(usage.ref)
        if usage.ref.kind != "Pod" or pod is None or usage.cpu is None or pod.ref in told:
            continue
        fact = view.pod(pod)
        if _cpu_share(view, fact, usage.container) >= _AT_LIMIT and _alerted(view, fact):
            told.add(pod.ref)
            yield _burning(view, fact, usage.container, f"uses {usage.cpu:.2f} CPU", 0.56, usage.source, usage.cpu)


_IDLE = 0.01  # cores on average: less is no work, whatever the limit


def _works(series: Series) -> bool:
    """Whether a counter of CPU seconds moved at all: most pods idle, and need no closer look."""
    if len(series.points) < 2:
        return False
    first, last = series.points[0], series.points[-1]
    return last[1] < first[1] or last[1] - first[1] > _IDLE * (last[0] - first[0])


def _crowded(view: View, pod: PodFact, cores: float) -> tuple[Ref, ...]:
    """The pod's node, when it takes more than half of it."""
    node = view.graph.find("Node", "", pod.node)
    size = parse_quantity(mapping(node.status, "allocatable").get("cpu")) if node is not None else None
    return (node.ref,) if node is not None and size and cores > float(size) / 2 else ()


def _alerted(view: View, pod: PodFact) -> bool:
    return any(
        re.search(r"cpu", alert.name, re.IGNORECASE) and "throttl" not in alert.name.lower() and workload_of(view, alert.labels) == pod.owner
        for alert in active(view)
    )  # fmt: skip


def _burning(view: View, pod: PodFact, container: str, shown: str, weight: float, source: str, cores: float) -> Finding:
    limit = _limit(pod, container, "cpu")
    at = f" of its CPU limit of {format_cpu(limit)}" if limit is not None else " (it has no CPU limit)"
    return Finding(
        cause=BURNING.id, object=pod.owner, title=f"{pod.owner}: container {container or '(any)'} {shown}{at}",
        evidence=(Evidence(pod.ref, "cpu", shown, source), *_limit_evidence(pod, container, "cpu")), explains=(pod.ref, *_crowded(view, pod, cores)),
        weight=weight + (0.06 if _alerted(view, pod) else 0.0), steps=(_top(pod), describe(pod.owner)),
    )  # fmt: skip


RULES = (
    Rule(find=find_throttling, causes=(THROTTLED,)),
    Rule(find=find_memory_near_limit, causes=(NEAR_LIMIT,)),
    Rule(find=find_busy_nodes, causes=(NODE_CPU,)),
    Rule(find=find_burning, causes=(BURNING,)),
)
