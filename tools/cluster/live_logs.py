"""Reads container logs through the API server, a bounded end of each. A log that is not there is a note, not an error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import msgspec

from copilot.model import ContainerLog, CopilotError, Resource
from copilot.model.fields import children, mapping, number, text
from tools.cluster.source import LogRequest
from tools.cluster.transport import Transport

READERS = 8  # logs at once: each is a stream through the API server to one kubelet
TAIL_LINES = 500  # lines: a stack trace and what led to it
MAX_BYTES = 512 * 2**10  # bytes a log: 500 lines of 1 KiB
_FEWER_LINES = 50  # lines to ask for when 500 did not fit: the server cuts the newest ones off, which matter most
MAX_REQUESTS = 120  # logs of one observation: 2 replicas of 30 broken workloads, now and before the last restart
_SAME = 2  # replicas of one owner whose logs are read: the third says the same
_NOT_STARTED = frozenset({"ContainerCreating", "PodInitializing"})
_NO_LOG = "unable to retrieve container logs for "  # what a kubelet answers, with status 200, when the file is gone


class LogsRead(msgspec.Struct, frozen=True, eq=False):
    """The logs that were there, in the order asked for, and a sentence for each that was not."""

    logs: tuple[ContainerLog, ...]
    notes: tuple[str, ...] = ()


def read_logs(transport: Transport, requests: Sequence[LogRequest]) -> LogsRead:
    """Read the end of each log, several at once."""
    with ThreadPoolExecutor(READERS, thread_name_prefix="log") as pool:
        answers = list(pool.map(lambda request: _read(transport, request), dict.fromkeys(requests)))
    return LogsRead(
        tuple(answer for answer in answers if isinstance(answer, ContainerLog)),
        tuple(answer for answer in answers if isinstance(answer, str)),
    )


def _read(transport: Transport, request: LogRequest) -> ContainerLog | str:
    which = f"{'previous ' if request.previous else ''}log of {request.namespace}/{request.pod} {request.container}"
    path = f"/api/v1/namespaces/{quote(request.namespace, safe='')}/pods/{quote(request.pod, safe='')}/log"
    lines, answer = TAIL_LINES, _ask(transport, path, request, TAIL_LINES)
    if isinstance(answer, bytes) and len(answer) >= MAX_BYTES:
        lines, answer = _FEWER_LINES, _ask(transport, path, request, _FEWER_LINES)
    if isinstance(answer, str):
        return f"The {which} could not be read: {answer}"
    said = answer.decode("utf-8", "replace")
    if said.startswith(_NO_LOG) and said.count("\n") <= 1:
        return f"The {which} is gone: {said.strip()[:200]}"
    return ContainerLog(
        namespace=request.namespace,
        pod=request.pod,
        container=request.container,
        text=said,
        previous=request.previous,
        source=f"logs/{request.namespace}/{request.pod}/{request.container}{'.previous' if request.previous else ''}.log",
        truncated=said.count("\n") >= lines or len(answer) >= MAX_BYTES,
    )


def _ask(transport: Transport, path: str, request: LogRequest, lines: int) -> bytes | str:
    query: list[tuple[str, str | int]] = [("container", request.container)]
    query += [("tailLines", lines), ("limitBytes", MAX_BYTES)]
    if request.previous:
        query.append(("previous", "true"))
    try:
        answer = transport.get(path, query, accept="application/json, */*")
    except CopilotError as error:
        return error.title
    return answer.body if answer.ok else f"HTTP {answer.status} {answer.reason}"


def wanted_logs(resources: Iterable[Resource], limit: int = MAX_REQUESTS) -> tuple[LogRequest, ...]:
    """The logs worth reading: of containers that are not ready, failed or restarted, two replicas of each owner."""
    taken: dict[tuple[str, ...], int] = defaultdict(int)
    found: list[LogRequest] = []
    for pod in resources:
        if pod.ref.kind != "Pod" or pod.ref.group:
            continue
        owner = next((text(one, "uid") for one in children(pod.metadata, "ownerReferences")), "") or pod.ref.path
        for status in _troubled(pod):
            key = (owner, text(status, "name"))
            if taken[key] < _SAME:
                taken[key] += 1
                found.extend(_requests(pod, status))
    return tuple(found[:limit])


def _troubled(pod: Resource) -> Iterator[Mapping[str, Any]]:
    finished = text(pod.status, "phase") == "Succeeded"
    for field in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for status in children(pod.status, field):
            failed = number(status, "state", "terminated", "exitCode") != 0
            restarted = number(status, "restartCount") > 0
            unready = field == "containerStatuses" and not finished and status.get("ready") is not True
            if text(status, "name") and (failed or restarted or unready):
                yield status


def _requests(pod: Resource, status: Mapping[str, Any]) -> Iterator[LogRequest]:
    ref, name = pod.ref, text(status, "name")
    before = bool(mapping(status, "lastState", "terminated")) or number(status, "restartCount") > 0
    waiting = text(status, "state", "waiting", "reason")
    if not waiting or (before and waiting not in _NOT_STARTED):
        yield LogRequest(ref.namespace, ref.name, name)
    if before:
        yield LogRequest(ref.namespace, ref.name, name, previous=True)
