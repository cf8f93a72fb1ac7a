"""What node exporters and alerts show of a node: packets lost, memory gone, a busy or full disk, a wrong clock.

A node is compared with the others: what is so everywhere is how the machines are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.measured import median, node_of, per_second, pod_of, titled
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.rules.performance.alerts import nodes_alerted, quoted
from copilot.diagnosis.steps import describe
from copilot.diagnosis.view import View
from copilot.model import Alert, Evidence, Finding, NextStep, Ref, Series, format_bytes, mapping, parse_quantity, text
from copilot.model.quantity import Quantity

_SOURCE = "prometheus/node_exporter collectors; kubernetes-monitoring mixin"


def _cause(identity: str, title: str, step: str, *fields: str) -> Cause:
    return Cause(
        id=identity,
        title=title,
        kind="Node",
        fields=fields,
        severity=Severity.DEGRADED,
        steps=(step,),
        citation=_SOURCE,
    )


NETWORK = _cause(
    "performance.node_network",
    "A node loses packets",
    "Look at the node's network",
    "node_network_*_drop_total",
    "alerts",
)
MEMORY = _cause(
    "performance.node_memory",
    "A node's memory is used up",
    "Move or limit what uses it",
    "node_memory_MemAvailable_bytes",
    "alerts",
)
DISK = _cause(
    "performance.node_disk",
    "A node's disk is busy all the time",
    "Find who writes, and limit or move it",
    "node_disk_io_time_seconds_total",
    "container_fs_writes_bytes_total",
)
SPACE = _cause(
    "performance.node_disk_space",
    "A node's file system is all but full",
    "Free or enlarge it",
    "node_filesystem_avail_bytes",
)
CLOCK = _cause(
    "performance.node_clock",
    "A node's clock is wrong",
    "Repair time synchronisation on the node",
    "node_timex_offset_seconds",
    "alerts",
)
TABLE = _cause(
    "performance.node_conntrack",
    "A node's connection-tracking table is full, so it drops new connections",
    "Raise nf_conntrack_max, or find who opens so many",
    "node_nf_conntrack_entries",
)
CPU = _cause(
    "performance.node_cpu_busy",
    "A node's processors have no idle time left",
    "Move or limit what uses them",
    "node_cpu_seconds_total",
)

_FILE_IO = re.compile(r"container_fs_(?:writes|reads)_bytes")
_CPU_TIME = re.compile(r"^node_cpu_seconds_total$")
_BUSY_DISK = 0.9  # of the time
_BUSY_CPU = 0.95  # of the time
_LITTLE = 0.05  # of the memory or the file system that is left
_CLOCK_OFF = 0.5  # seconds: tokens and leases begin to fail
_LOST = 1.0  # packets a second: fewer are noise
_CLEARLY = 10  # times the others
_HALF = 0.5  # of what a node's disk does: one pod is the one who does it


def _by_node(view: View, pattern: str, value: Callable[[Series], float | None]) -> dict[Ref, float]:
    """The sum over each node's series of such names."""
    found: dict[Ref, float] = {}
    for series in titled(view, re.compile(pattern)):
        node = node_of(view, series.labels)
        amount = value(series) if node is not None and series.points else None
        if node is not None and amount is not None:
            found[node.ref] = found.get(node.ref, 0.0) + amount
    return found


def _lately(series: Series) -> float | None:
    return median(series, 0.33)


def _finding(
    cause: Cause, ref: Ref, words: str, weight: float, alert: Alert | None, source: str = "series", *steps: NextStep
) -> Finding:
    proof = (Evidence(ref, cause.fields[0], words, source), *((quoted(alert, ref),) if alert else ()))
    return Finding(cause=cause.id, object=ref, title=f"{ref}: {words}", evidence=proof, explains=(ref,), weight=weight, steps=(*steps, describe(ref)))  # fmt: skip


def _alone(cause: Cause, alerts: dict[Ref, Alert], told: set[Ref], weight: float) -> Iterator[Finding]:
    """Nodes that only an alert speaks of."""
    for ref, alert in sorted(alerts.items()):
        if ref not in told:
            yield _finding(
                cause,
                ref,
                f"alert {alert.name} is firing: {quoted(alert, ref).text.split(': ', 1)[1]}",
                weight,
                None,
                alert.source,
            )


def find_lossy_nodes(view: View) -> Iterator[Finding]:
    """Nodes that drop packets or send them again, where the others do not."""
    drops = _by_node(view, r"node_network_\w*(?:drop|errs)", per_second)
    again = _by_node(view, r"RetransSegs", per_second)
    alerts = nodes_alerted(
        view, r"NetworkReceiveErrs|NetworkTransmitErrs|PacketLoss|NetworkDrop|NetworkLatency|HighRetrans"
    )
    told: set[Ref] = set()
    for what, rates in (
        ("drops {rate:.0f} packets a second", drops),
        ("sends {rate:.0f} TCP segments a second again", again),
    ):
        for ref, rate in sorted(rates.items()):
            others = [other for one, other in rates.items() if one != ref]
            if ref not in told and rate > _LOST and others and rate > _CLEARLY * max(others):
                told.add(ref)
                words = f"{what.format(rate=rate)}, the others at most {max(others):.1f}: it loses packets"
                yield _finding(NETWORK, ref, words, 0.7 if ref in alerts else 0.65, alerts.get(ref))
    yield from _alone(NETWORK, alerts, told, 0.55)


def find_full_memory(view: View) -> Iterator[Finding]:
    """Nodes with next to no memory left."""
    free = _by_node(view, r"^node_memory_MemAvailable_bytes$", _lately)
    whole = _by_node(view, r"^node_memory_MemTotal_bytes$", _lately)
    alerts = nodes_alerted(view, r"memory")
    told: set[Ref] = set()
    for ref, left in sorted(free.items()):
        size = whole.get(ref) or _capacity(view, ref, "memory")
        if size and left < _LITTLE * size:
            told.add(ref)
            words = f"{format_bytes(Quantity(int(left)))} of its {format_bytes(Quantity(int(size)))} memory is left"
            yield _finding(
                MEMORY, ref, words, 0.66 if ref in alerts else 0.6, alerts.get(ref), "series", _top("memory")
            )
    yield from _alone(MEMORY, alerts, told, 0.52)


def _capacity(view: View, ref: Ref, resource: str) -> float:
    node = view.graph.get(ref)
    amount = parse_quantity(mapping(node.status, "capacity").get(resource)) if node is not None else None
    return float(amount) if amount else 0.0


def _top(by: str) -> NextStep:
    return NextStep(text="List pods by use", command=f"kubectl top pods -A --sort-by={by}")


def find_busy_disks(view: View) -> Iterator[Finding]:
    """Nodes whose disk is busy all the time, and the pod that does most of it."""
    busy = _by_node(view, r"^node_disk_io_time_seconds", per_second)
    alerts = nodes_alerted(view, r"DiskIO|DiskSaturation|IOWait|IOUtil")
    told: set[Ref] = set()
    for ref, share in sorted(busy.items()):
        others = [other for one, other in busy.items() if one != ref]
        if share < _BUSY_DISK or (others and min(others) >= _BUSY_DISK):
            continue
        told.add(ref)
        words = f"its disk is busy {min(share, 1.0):.0%} of the time"
        hog = _writer(view, ref.name)
        if hog is None:
            yield _finding(DISK, ref, words, 0.6, alerts.get(ref))
            continue
        pod, part, source = hog
        proof = (
            Evidence(ref, DISK.fields[0], f"{ref}: {words}", "series"),
            Evidence(pod.ref, DISK.fields[1], f"{pod.ref} does {part:.0%} of it", source),
        )
        yield Finding(
            cause=DISK.id, object=pod.owner, title=f"{pod.owner} writes and reads so much that {ref}'s disk is busy {min(share, 1.0):.0%} of the time ({part:.0%} of its disk IO)",
            evidence=proof, explains=(ref, pod.ref), weight=0.66, steps=(describe(pod.owner), describe(ref)),
        )  # fmt: skip
    yield from _alone(DISK, alerts, told, 0.52)


def _writer(view: View, node: str) -> tuple[PodFact, float, str] | None:
    """The pod that does more than half of the file IO of a node."""
    spent: dict[Ref, float] = defaultdict(float)
    sources: dict[Ref, str] = {}
    for series in titled(view, _FILE_IO):
        pod = pod_of(view, series.labels)
        if pod is not None and view.pod(pod).node == node:
            spent[pod.ref] += per_second(series)
            sources[pod.ref] = series.source
    whole = sum(spent.values())
    if whole <= 0 or len(spent) < 2:
        return None
    ref, most = max(sorted(spent.items()), key=lambda item: item[1])
    resource = view.graph.get(ref)
    return (view.pod(resource), most / whole, sources[ref]) if resource is not None and most > _HALF * whole else None


def find_full_disks(view: View) -> Iterator[Finding]:
    """File systems of nodes with next to no room."""
    sizes, left = _by_mount(view, "node_filesystem_size_bytes"), _by_mount(view, "node_filesystem_avail_bytes")
    told: set[Ref] = set()
    for (ref, mount), amount in sorted(left.items()):
        size = sizes.get((ref, mount), 0.0)
        if size > 0 and amount < _LITTLE * size and ref not in told:
            told.add(ref)
            words = f"file system {mount or '(not named)'} has {format_bytes(Quantity(int(amount)))} of {format_bytes(Quantity(int(size)))} left"
            yield _finding(SPACE, ref, words, 0.62, None)


def find_used_up_tables(view: View) -> Iterator[Finding]:
    """Nodes whose connection table or inodes are used up."""
    used = _by_node(view, r"^node_nf_conntrack_entries$", _lately)
    most = _by_node(view, r"^node_nf_conntrack_entries_limit$", _lately)
    for ref, amount in sorted(used.items()):
        limit = most.get(ref, 0.0)
        if limit > 0 and amount >= (1 - _LITTLE) * limit:
            words = f"its connection-tracking table holds {amount:.0f} of {limit:.0f} entries (conntrack): new connections are dropped"
            yield _finding(TABLE, ref, words, 0.66, None)
    free = _by_mount(view, "node_filesystem_files_free")
    whole = _by_mount(view, "node_filesystem_files")
    told: set[Ref] = set()
    for (ref, mount), amount in sorted(free.items()):
        size = whole.get((ref, mount), 0.0)
        if size > 0 and amount < _FEW_INODES * size and ref not in told:
            told.add(ref)
            yield _finding(
                SPACE,
                ref,
                f"file system {mount or '(not named)'} has {amount:.0f} of {size:.0f} inodes left",
                0.64,
                None,
            )


_FEW_INODES = 0.01
_VIRTUAL = ("tmpfs", "squashfs", "overlay", "ramfs")


def _by_mount(view: View, metric: str) -> dict[tuple[Ref, str], float]:
    """A figure of every real file system of every node."""
    found: dict[tuple[Ref, str], float] = {}
    for series in titled(view, re.compile(rf"^{re.escape(metric)}$")):
        if series.labels.get("fstype") not in _VIRTUAL:
            node, amount = node_of(view, series.labels), median(series, 0.33)
            if node is not None and amount is not None:
                found[node.ref, series.labels.get("mountpoint", "")] = amount
    return found


def find_cut_off_nodes(view: View) -> Iterator[Finding]:
    """Nodes all of whose probed pods do not answer, while pods of other nodes do."""
    places = _addresses(view)
    lost: dict[str, set[str]] = defaultdict(set)
    well: set[str] = set()
    quotes: dict[str, list[Evidence]] = defaultdict(list)
    for probe in view.snapshot.probes:
        node = places.get(probe.host) or places.get(probe.host.partition(".")[0])
        if node is None:
            continue
        if probe.outcome in ("timeout", "no-route"):
            lost[node].add(probe.host)
            quotes[node].append(Evidence(Ref("Node", "", node), "connectivity", probe.text[:200], probe.source))
        elif probe.outcome in ("ok", "refused", "http-error"):
            well.add(node)
    for node, hosts in sorted(lost.items()):
        if node not in well and well and len(hosts) >= _PROBED:
            ref = Ref("Node", "", node)
            yield Finding(
                cause=NETWORK.id, object=ref, title=f"{ref}: none of its {len(hosts)} probed pods answers (timeout), those of other nodes do: its network does not reach them",
                evidence=tuple(quotes[node][:4]), explains=(ref,), weight=0.68, steps=(describe(ref),),
            )  # fmt: skip


_PROBED = 2  # pods: one that does not answer is its own trouble


def _addresses(view: View) -> dict[str, str]:
    """The node of each pod address and pod name that a probe may have asked."""
    if not view.snapshot.probes:
        return {}
    found: dict[str, str] = {}
    for pod in view.graph.of_kind("Pod", group=""):
        node = text(pod.spec, "nodeName")
        for name in (text(pod.status, "podIP"), pod.ref.name):
            if name and node and pod.spec.get("hostNetwork") is not True:
                found[name] = node
    return found


def find_wrong_clocks(view: View) -> Iterator[Finding]:
    """Nodes whose clock is off."""
    offsets = _by_node(view, r"^node_timex_offset_seconds$", _lately)
    alerts = nodes_alerted(view, r"clock|ntp|timesync|chrony")
    told: set[Ref] = set()
    for ref, offset in sorted(offsets.items()):
        if abs(offset) >= _CLOCK_OFF:
            told.add(ref)
            yield _finding(CLOCK, ref, f"its clock is off by {offset:+.1f} s (clock skew, NTP)", 0.78, alerts.get(ref))
    yield from _alone(CLOCK, alerts, told, 0.58)


def find_busy_processors(view: View) -> Iterator[Finding]:
    """Nodes without idle processor time, by the node exporter."""
    idle: dict[Ref, float] = defaultdict(float)
    cores: dict[Ref, set[str]] = defaultdict(set)
    for series in titled(view, _CPU_TIME):
        if series.labels.get("mode") == "idle":
            node = node_of(view, series.labels)
            if node is not None:
                idle[node.ref] += per_second(series, 0.34)
                cores[node.ref].add(series.labels.get("cpu", ""))
    yield from _loaded(view)
    for ref, rate in sorted(idle.items()):
        count = _capacity(view, ref, "cpu") if cores[ref] == {""} else len(cores[ref])
        busy = 1 - rate / count if count else 0.0
        others = [1 - other / max(1, len(cores[one])) for one, other in idle.items() if one != ref]
        if busy >= _BUSY_CPU and (not others or min(others) < _BUSY_CPU):
            yield _finding(
                CPU,
                ref,
                f"its processors are busy {busy:.0%} of the time",
                0.55,
                nodes_alerted(view, r"cpu|load").get(ref),
                "series",
                _top("cpu"),
            )


_LOADED = 4.0  # runnable tasks for each core: work waits longer than it runs
_AT_EASE = 1.5


def _loaded(view: View) -> Iterator[Finding]:
    """Nodes whose load is many times their cores, where the others are at ease."""
    loads = _by_node(view, r"^node_load(?:5|15)$", _lately)
    cores = {ref: _capacity(view, ref, "cpu") for ref in loads}
    shares = {ref: load / cores[ref] for ref, load in loads.items() if cores[ref]}
    alerts = nodes_alerted(view, r"load|saturation|cpu")
    for ref, share in sorted(shares.items()):
        others = [other for one, other in shares.items() if one != ref]
        if share >= _LOADED and (not others or min(others) <= _AT_EASE):
            words = f"its load is {loads[ref]:.0f} on {cores[ref]:.0f} cores: its processors are busy and work waits"
            yield _finding(CPU, ref, words, 0.62 if ref in alerts else 0.56, alerts.get(ref), "series", _top("cpu"))


RULES = (
    Rule(find=find_lossy_nodes, causes=(NETWORK,)),
    Rule(find=find_full_memory, causes=(MEMORY,)),
    Rule(find=find_busy_disks, causes=(DISK,)),
    Rule(find=find_full_disks, causes=(SPACE,)),
    Rule(find=find_used_up_tables, causes=(TABLE, SPACE)),
    Rule(find=find_cut_off_nodes, causes=(NETWORK,)),
    Rule(find=find_wrong_clocks, causes=(CLOCK,)),
    Rule(find=find_busy_processors, causes=(CPU,)),
)
