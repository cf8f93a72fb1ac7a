"""Reads container logs through the API server, a bounded end of each. A log that is not there is a note, not an error."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from copilot.model import ContainerLog, CopilotError
from tools.cluster.source import LogRequest, LogsRead
from tools.cluster.transport import Transport

READERS = 8  # logs at once: each is a stream through the API server to one kubelet
TAIL_LINES = 500  # lines: a stack trace and what led to it
MAX_BYTES = 512 * 2**10  # bytes a log: 500 lines of 1 KiB
_FEWER_LINES = 50  # lines to ask for when 500 did not fit: the server cuts the newest ones off, which matter most
LOG_SECONDS = (
    10.0  # for one log: the API server itself waits 30 s for a node that is gone, and such pods come in dozens
)
ALL_LOGS_SECONDS = (
    20.0  # for all of them: an answer that cites fewer logs is worth more than one that comes a minute later
)
_NO_LOG = "unable to retrieve container logs for "  # what a kubelet answers, with status 200, when the file is gone


def read_logs(transport: Transport, requests: Sequence[LogRequest]) -> LogsRead:
    """Read the end of each log, several at once, until the time for logs is used up."""
    end = time.monotonic() + ALL_LOGS_SECONDS
    with ThreadPoolExecutor(READERS, thread_name_prefix="log") as pool:
        answers = list(pool.map(lambda request: _read(transport, request, end), dict.fromkeys(requests)))
    return LogsRead(
        tuple(answer for answer in answers if isinstance(answer, ContainerLog)),
        tuple(answer for answer in answers if isinstance(answer, str)),
    )


def _read(transport: Transport, request: LogRequest, end: float) -> ContainerLog | str:
    which = f"{'previous ' if request.previous else ''}log of {request.namespace}/{request.pod} {request.container}"
    if time.monotonic() >= end:
        return f"The {which} was not read: the logs before it took too long."
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
        answer = transport.get(path, query, accept="application/json, */*", read_seconds=LOG_SECONDS)
    except CopilotError as error:
        return error.title
    return answer.body if answer.ok else f"HTTP {answer.status} {answer.reason}"
