"""Asks a Prometheus for a small fixed set of series. It only reads; the address comes from the operator, never from a cluster's text.

Everything is bounded: the queries, the time for each and for all, the bytes of an answer. A failure is a sentence, not an error.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

import msgspec
import urllib3
from urllib3.exceptions import HTTPError

from copilot.model import Series, UsageError
from tools.cluster.prometheus import is_result, series_of

RANGE = timedelta(hours=1)  # what a rule compares with: the hour before the observation
STEP = 60  # seconds between points: two scrapes of the usual 30 s
QUERY_SECONDS = 5.0  # for one query: an aggregation over an hour takes well under a second
ALL_SECONDS = 15.0  # for all of them: an answer without metrics is worth more than one that comes late
MAX_BYTES = 32 * 2**20  # bytes of one answer: 5,000 containers with 60 points each are about 10 MiB
ASKERS = 4  # queries at once

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
_CONTAINER = "namespace, pod, container"
_NODE = "node, instance"
# Metric -> the query; {ns} is the label filter. Counters are summed as they are: a rule takes their growth.
_QUERIES = {
    "container_cpu_usage_seconds_total": f'sum by ({_CONTAINER}) (container_cpu_usage_seconds_total{{{{{{ns}},container!="",container!="POD"}}}})',
    "container_memory_working_set_bytes": f'sum by ({_CONTAINER}) (container_memory_working_set_bytes{{{{{{ns}},container!="",container!="POD"}}}})',
    "container_cpu_cfs_throttled_periods_total": f"sum by ({_CONTAINER}) (container_cpu_cfs_throttled_periods_total{{{{{{ns}}}}}})",
    "container_cpu_cfs_periods_total": f"sum by ({_CONTAINER}) (container_cpu_cfs_periods_total{{{{{{ns}}}}}})",
    "node_cpu_seconds_total": f"sum by ({_NODE}, mode) (node_cpu_seconds_total)",
    "node_memory_MemAvailable_bytes": f"sum by ({_NODE}) (node_memory_MemAvailable_bytes)",
    "node_network_receive_drop_total": f"sum by ({_NODE}) (node_network_receive_drop_total)",
    "istio_requests_total": 'sum by (destination_workload, destination_workload_namespace, response_code) (istio_requests_total{{reporter="destination",destination_workload_{ns}}})',
    "istio_request_duration_milliseconds_p90": 'histogram_quantile(0.9, sum by (destination_workload, destination_workload_namespace, le) (rate(istio_request_duration_milliseconds_bucket{{reporter="destination",destination_workload_{ns}}}[5m])))',
    "http_server_request_duration_seconds_p90": "histogram_quantile(0.9, sum by (namespace, service_name, job, le) (rate(http_server_request_duration_seconds_bucket{{{ns}}}[5m])))",
}  # fmt: skip


class SeriesRead(msgspec.Struct, frozen=True, eq=False):
    """The series that were there, and a sentence for what could not be read."""

    series: tuple[Series, ...] = ()
    notes: tuple[str, ...] = ()


def queries(namespaces: tuple[str, ...] | None) -> dict[str, str]:
    """The queries for these namespaces (None: all), by the metric they give."""
    names = [name for name in namespaces or () if _NAMESPACE.match(name)]
    chosen = f'namespace=~"{"|".join(names)}"' if names else 'namespace!=""'
    return {metric: query.format(ns=chosen) for metric, query in _QUERIES.items()}


def check_url(url: str) -> str:
    """The address without a slash at its end.

    Raises:
        UsageError: it is no http or https address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError("The address of Prometheus must be http://HOST[:PORT] or https://…", "Set COPILOT_PROMETHEUS_URL, or --prometheus.")  # fmt: skip
    return url.rstrip("/")


def read_series(url: str, namespaces: tuple[str, ...] | None, now: datetime) -> SeriesRead:
    """Ask every query for the hour before `now`, until the time is used up.

    Raises:
        UsageError: `url` is no http or https address.
    """
    base = check_url(url)
    where = _place(base)
    asked = queries(namespaces)
    end = time.monotonic() + ALL_SECONDS
    with (
        urllib3.PoolManager(num_pools=1, maxsize=ASKERS, retries=False) as pool,
        ThreadPoolExecutor(ASKERS, thread_name_prefix="prometheus") as askers,
    ):
        answers = list(askers.map(lambda one: _ask(pool, base, one[0], one[1], now, end), asked.items()))
    found = tuple(series for answer in answers if not isinstance(answer, str) for series in answer)
    failed = [answer for answer in answers if isinstance(answer, str)]
    if not failed:
        return SeriesRead(found)
    if len(failed) == len(answers):
        return SeriesRead(found, (f"Prometheus at {where} gave nothing: {failed[0]}",))
    return SeriesRead(
        found, (f"Prometheus at {where} did not answer {len(failed)} of {len(answers)} queries: {failed[0]}",)
    )


def _place(base: str) -> str:
    """Host and port: the rest of an address may hold a password."""
    parts = urlsplit(base)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def _ask(
    pool: urllib3.PoolManager, base: str, metric: str, query: str, now: datetime, end: float
) -> list[Series] | str:
    left = min(QUERY_SECONDS, end - time.monotonic())
    if left <= 0:
        return "the time for it was used up"
    start = (now - RANGE).timestamp()
    words = urlencode({"query": query, "start": f"{start:.0f}", "end": f"{now.timestamp():.0f}", "step": STEP})
    parts = urlsplit(base)
    headers = urllib3.make_headers(basic_auth=f"{parts.username}:{parts.password or ''}") if parts.username else {}
    address = parts._replace(
        netloc=parts.netloc.rpartition("@")[2], path=f"{parts.path}/api/v1/query_range", query=words
    )
    try:
        return _read(pool, address.geturl(), headers, metric, left)
    except HTTPError as error:
        return type(error).__name__
    except (ValueError, RecursionError):
        return "its answer is no JSON"


def _read(
    pool: urllib3.PoolManager, address: str, headers: dict[str, str], metric: str, seconds: float
) -> list[Series] | str:
    """One answer, read piece by piece: a server that sends slowly or for ever must not hold us."""
    until = time.monotonic() + seconds
    answer = pool.request("GET", address, headers=headers, timeout=seconds, redirect=False, preload_content=False)
    body = bytearray()
    for piece in answer.stream(64 * 2**10):
        body += piece
        if len(body) > MAX_BYTES or time.monotonic() > until:
            answer.close()
            return "its answer is too large" if len(body) > MAX_BYTES else "it was too slow"
    answer.release_conn()
    if answer.status != 200:
        return f"HTTP {answer.status}"
    value = json.loads(body)
    return list(_named(value, metric)) if is_result(value) else "its answer is no result of a query"


def _named(value: object, metric: str) -> Iterator[Series]:
    """The series under the metric's name: the result of an expression has none."""
    for one in series_of(value, f"prometheus/{metric}.json"):
        if any(math.isfinite(amount) for _, amount in one.points):
            yield msgspec.structs.replace(one, name=metric)
