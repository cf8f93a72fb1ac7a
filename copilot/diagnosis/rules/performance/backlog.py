"""What waits and what is used up, as series show it: queues behind their consumers, connections, volumes, a pod's network, a flood.

A queue that grew and shrinks again, and a share that others have as well, is no cause.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.log_servers import store_kind
from copilot.diagnosis.measured import (
    growth,
    measured_workload,
    median,
    per_second,
    pod_of,
    space_of,
    title_of,
    titled,
    workload_of,
)
from copilot.diagnosis.rules.performance.alerts import active, quoted
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View
from copilot.model import Evidence, Finding, NextStep, Ref, Series, format_bytes
from copilot.model.quantity import Quantity


def _cause(identity: str, title: str, kind: str, step: str, *fields: str, yields: bool = False) -> Cause:
    return Cause(id=identity, title=title, kind=kind, fields=fields, severity=Severity.DEGRADED, steps=(step,), yields=yields,
                 citation="exporters of kafka, rabbitmq, postgres, mysql, mongodb, redis; google/cadvisor; vllm metrics")  # fmt: skip


LAG = _cause(
    "queue.backlog",
    "A queue grows faster than its consumers work",
    "Deployment",
    "Look at the consumer: stopped, slow, or too few",
    "consumer lag",
    "messages ready",
    yields=True,
)
CONNECTIONS = _cause(
    "performance.connections",
    "The connections of a database are used up",
    "StatefulSet",
    "Close idle connections, lower the clients' pools",
    "connections in use",
    "maximum",
)
VOLUME = _cause(
    "performance.volume_full",
    "A volume is all but full",
    "PersistentVolumeClaim",
    "Enlarge the claim or free space",
    "kubelet_volume_stats_available_bytes",
)
POD_NETWORK = _cause(
    "performance.pod_network",
    "A pod loses packets",
    "Pod",
    "Look at the pod's network and its limits",
    "container_network_*_dropped_total",
)
SERVING = _cause(
    "performance.requests_waiting",
    "A model server's requests wait for a free KV cache",
    "Deployment",
    "Add replicas or memory, lower the context",
    "vllm:num_requests_waiting",
    "vllm:kv_cache_usage_perc",
)

_LAG = re.compile(
    r"consumer_?(?:group)?_?lag|records_lag|kafka_\w*lag|queue_messages(?:_ready)?$|queue_(?:length|depth|size|backlog)|messages_ready|messages_visible|pending_messages|num_pending|stream_length|list_length",
    re.IGNORECASE,
)
_GROUPS = (
    "consumergroup",
    "consumer_group",
    "group",
    "group_id",
    "consumer_name",
    "consumer",
    "queue",
    "subscription",
    "stream",
    "topic",
)
_FEW = 100  # messages: fewer are an ordinary moment
_GREW = 3.0  # times
_STILL = 0.8  # of its highest: it does not shrink
_USED = 0.95  # of the connections
_LITTLE = 0.03  # of a volume
_LOST = 1.0  # packets a second
_LOST_SHARE = 0.01
_CLEARLY = 10  # times the others
_VOLUMES = re.compile(r"^kubelet_volume_stats_")
_PACKETS = re.compile(r"container_network")
_CACHE_USE = re.compile(r"(?:gpu|kv)_cache_usage")
_WAITING = re.compile(r"requests?_waiting|queue_size$")
_CONSUMERS = re.compile(r"queue_consumers|consumergroup_members|consumer_count")
_MAXIMA = (
    (re.compile(r"pg_stat_activity_count|pg_stat_database_numbackends"), re.compile(r"pg_settings_max_connections")),
    (re.compile(r"mysql_global_status_threads_connected"), re.compile(r"mysql_global_variables_max_connections")),
    (re.compile(r"redis_connected_clients"), re.compile(r"redis_(?:config_)?max_?clients")),
    (re.compile(r"(?:hikaricp|jdbc|db_client|go_sql)_\w*(?:connections_active|connections_usage|in_use_connections|connections_in_use)"), re.compile(r"(?:hikaricp|jdbc|db_client|go_sql)_\w*(?:connections_max|max_open_connections|connections_limit)")),
)  # fmt: skip


def find_backlogs(view: View) -> Iterator[Finding]:
    """Queues that grow and do not shrink, blamed on the consumer where it can be told."""
    told: set[tuple[Ref, str]] = set()
    for series in titled(view, _LAG):
        values = [value for _, value in series.points]
        if len(values) < 4 or not _grows(values):
            continue
        group = next((series.labels[key] for key in _GROUPS if series.labels.get(key)), "")
        consumer = _consumer(view, series, group)
        blamed = consumer or workload_of(view, series.labels)
        if blamed is None or (blamed, group) in told:
            continue
        told.add((blamed, group))
        consumers = _consumers_left(view, group)
        nobody = f"; it has {consumers:.0f} consumers" if consumers is not None else ""
        topic = series.labels.get("topic") or series.labels.get("queue") or group
        words = f"{title_of(series)} of {topic or 'its queue'} grew from {values[0]:.0f} to {values[-1]:.0f} messages{nobody}"
        proof = [Evidence(blamed, title_of(series), words, series.source)]
        proof += [quoted(alert, blamed) for alert in active(view) if group and group in alert.labels.values()][:1]
        who = "falls behind" if consumer else "holds a queue that nobody empties"
        yield Finding(
            cause=LAG.id, object=blamed, title=f"{blamed} {who}: {words} (consumer lag, backlog)", evidence=tuple(proof),
            explains=tuple(pod.ref for pod in view.pods_of(blamed)), weight=0.64 if consumer else 0.56, steps=(describe(blamed),),
        )  # fmt: skip


def _grows(values: list[float]) -> bool:
    third = max(1, len(values) // 3)
    first, last = sorted(values[:third])[third // 2], values[-1]
    return last >= _FEW and last >= _GREW * max(first, 1.0) and last >= _STILL * max(values)


def _consumer(view: View, series: Series, group: str) -> Ref | None:
    """The workload that a consumer group or queue is called after."""
    wanted = group.lower()
    space = space_of(series.labels)
    if not wanted:
        return None
    named = [w.ref for kind in ("Deployment", "StatefulSet") for w in view.graph.of_kind(kind, space or None, "apps")]
    exact = [
        ref
        for ref in named
        if ref.name == wanted
        or wanted in (f"{ref.name}-group", f"{ref.name}-consumer", f"{ref.name}_group", f"{ref.name}service")
    ]
    near = exact or [
        ref
        for ref in named
        if len(wanted) > 3
        and (
            ref.name.startswith(wanted)
            or wanted.startswith(ref.name)
            or ref.name.replace("-", "") in wanted.replace("-", "").replace("_", "")
        )
    ]
    stores = {ref for ref in near if any(store_kind(pod) for pod in view.pods_of(ref)[:1])}
    left = [ref for ref in near if ref not in stores]
    return left[0] if len(left) == 1 else None


def _consumers_left(view: View, group: str) -> float | None:
    for series in titled(view, _CONSUMERS):
        if group in series.labels.values():
            return series.points[-1][1] if series.points else None
    return None


def find_used_up_connections(view: View) -> Iterator[Finding]:
    """Connections in use against their maximum, on the database or on a client's pool."""
    for used, whole in _MAXIMA:
        spent = _sums(view, used)
        limits = _sums(view, whole)
        for ref, (amount, series) in sorted(spent.items()):
            limit = limits.get(ref, (0.0, series))[0]
            if limit > 0 and amount >= _USED * limit:
                idle = " mostly idle in transaction" if "idle in transaction" in series.labels.get("state", "") else ""
                words = f"{amount:.0f} of {limit:.0f} connections are in use{idle}"
                yield Finding(
                    cause=CONNECTIONS.id, object=ref, title=f"{ref}: {words}", evidence=(Evidence(ref, title_of(series), words, series.source),),
                    explains=tuple(pod.ref for pod in view.pods_of(ref)), weight=0.68, steps=(describe(ref),),
                )  # fmt: skip


def _sums(view: View, pattern: re.Pattern[str]) -> dict[Ref, tuple[float, Series]]:
    found: dict[Ref, tuple[float, Series]] = {}
    for series in titled(view, pattern):
        ref = workload_of(view, series.labels)
        amount = median(series, 0.2)
        if ref is not None and amount is not None:
            before = found.get(ref, (0.0, series))
            found[ref] = (before[0] + amount, before[1] if before[0] >= amount else series)
    return found


def find_full_volumes(view: View) -> Iterator[Finding]:
    """Claims whose volume has next to no room, by the kubelet's figures."""
    left: dict[tuple[str, str], tuple[float, str]] = {}
    sizes: dict[tuple[str, str], float] = {}
    for series in titled(view, _VOLUMES):
        name, amount = title_of(series), median(series, 0.2)
        key = (space_of(series.labels), series.labels.get("persistentvolumeclaim", ""))
        if key[1] and amount is not None and name.startswith("kubelet_volume_stats_available"):
            left[key] = (amount, series.source)
        elif key[1] and amount is not None and name.startswith("kubelet_volume_stats_capacity"):
            sizes[key] = amount
    for (space, claim), (amount, source) in sorted(left.items()):
        size = sizes.get((space, claim), 0.0)
        if size > 0 and amount < _LITTLE * size:
            ref = Ref("PersistentVolumeClaim", space, claim)
            words = f"{format_bytes(Quantity(int(amount)))} of {format_bytes(Quantity(int(size)))} are left"
            yield Finding(
                cause=VOLUME.id, object=ref, title=f"{ref}: its volume is full: {words}", evidence=(Evidence(ref, VOLUME.fields[0], words, source),),
                explains=(ref,), weight=0.8, steps=(describe(ref), change(f"Enlarge {ref}, or free space on its volume", ref)),
            )  # fmt: skip


def find_lossy_pods(view: View) -> Iterator[Finding]:
    """Pods that lose packets where the others do not."""
    lost: dict[Ref, float] = defaultdict(float)
    sent: dict[Ref, float] = defaultdict(float)
    source: dict[Ref, str] = {}
    for series in titled(view, _PACKETS):
        name = title_of(series)
        pod = pod_of(view, series.labels)
        if pod is not None and re.search(r"dropped|errors", name):
            lost[pod.ref] += per_second(series)
            source[pod.ref] = series.source
        elif pod is not None and "packets" in name:
            sent[pod.ref] += per_second(series)
    for ref, rate in sorted(lost.items()):
        others = [other for one, other in lost.items() if one != ref]
        share = rate / (sent[ref] + rate) if sent[ref] else 1.0
        if rate >= _LOST and share >= _LOST_SHARE and others and rate > _CLEARLY * max(others):
            resource = view.graph.get(ref)
            owner = view.pod(resource).owner if resource is not None else ref
            words = f"{ref} loses {rate:.0f} packets a second ({share:.0%}), the other pods at most {max(others):.1f}"
            yield Finding(
                cause=POD_NETWORK.id, object=owner, title=f"{owner}: {words}: its network loses packets", evidence=(Evidence(ref, POD_NETWORK.fields[0], words, source[ref]),),
                explains=(ref,), weight=0.64, steps=(describe(ref), NextStep(text="List faults that are injected", command="kubectl get networkchaos -A")),
            )  # fmt: skip


def find_waiting_requests(view: View) -> Iterator[Finding]:
    """Model servers whose requests wait while the KV cache is full."""
    full: dict[Ref, float] = {}
    for series in titled(view, _CACHE_USE):
        ref, amount = measured_workload(view, series), median(series, 0.33)
        if ref is not None and amount is not None:
            full[ref] = max(full.get(ref, 0.0), amount / (100 if amount > 1.5 else 1))
    for series in titled(view, _WAITING):
        ref, waiting = measured_workload(view, series), median(series, 0.33)
        if (
            ref is not None
            and waiting is not None
            and waiting >= 5
            and full.get(ref, 0.0) >= 0.9
            and growth(series) >= 0
        ):
            words = f"{waiting:.0f} requests wait, and its KV cache is {full[ref]:.0%} full"
            yield Finding(
                cause=SERVING.id, object=ref, title=f"{ref}: {words}", evidence=(Evidence(ref, title_of(series), words, series.source),),
                explains=tuple(pod.ref for pod in view.pods_of(ref)), weight=0.66, steps=(describe(ref),),
            )  # fmt: skip


RULES = (
    Rule(find=find_backlogs, causes=(LAG,)),
    Rule(find=find_used_up_connections, causes=(CONNECTIONS,)),
    Rule(find=find_full_volumes, causes=(VOLUME,)),
    Rule(find=find_lossy_pods, causes=(POD_NETWORK,)),
    Rule(find=find_waiting_requests, causes=(SERVING,)),
)
