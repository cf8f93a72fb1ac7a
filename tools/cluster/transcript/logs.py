"""Reads `kubectl logs` output as container logs. Log text is kept as it is: nothing in it is obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from copilot.model import ContainerLog
from copilot.model.moment import parse_time
from tools.cluster.transcript.facts import Context, Fact, NotBefore
from tools.cluster.transcript.invocation import Invocation
from tools.cluster.transcript.replies import reply_of

_PREFIX = re.compile(r"\[pod/([\w.-]+)/([\w.-]+)\] ?")
_LEADING = re.compile(r"\W{0,3}(\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)")
_DEFAULTED = re.compile(r'Defaulted container "([\w.-]+)" out of: ')
_CHOSEN = re.compile(r"Found \d{1,5} pods, using pod/([\w.-]{1,253})$")  # of `kubectl logs deploy/web`
_REPLIES = (
    "Error from server (",
    "error: a container name",
    "error: error from server",
    "Unable to connect to the server",
)
_TAIL = 200  # lines looked at from the end for the newest time


def read_logs(invocation: Invocation, lines: Sequence[str], first: int, context: Context) -> Iterator[Fact]:
    """`kubectl logs`: one log for each container that the output shows."""
    namespace = invocation.namespace or context.namespace
    pod = _pod_name(invocation)
    container = invocation.flags.get("--container", "") or (invocation.args[1] if len(invocation.args) > 1 else "")
    kept: dict[tuple[str, str], list[str]] = {}
    starts: dict[tuple[str, str], int] = {}
    for offset, line in enumerate(lines):
        if offset < 5 or len(lines) - offset < 5:
            defaulted = _DEFAULTED.match(line[:300])
            if defaulted:
                container = container or defaulted[1]
                continue
            chosen = _CHOSEN.match(line[:300])
            if chosen:
                pod = pod or chosen[1]
                continue
            reply = reply_of(line, first + offset, namespace) if line.startswith(_REPLIES) else None
            if reply is not None:
                yield from reply.facts
                continue
        match = _PREFIX.match(line[:600])
        key = (match[1], match[2]) if match else (pod, container)
        kept.setdefault(key, []).append(line[match.end() :] if match else line)
        starts.setdefault(key, first + offset)
    previous = invocation.flags.get("--previous", "false") != "false"
    limited = (
        bool(invocation.flags.keys() & {"--tail", "--since", "--since-time", "--limit-bytes"}) or invocation.filtered
    )
    for key, text in kept.items():
        if not any(line.strip() for line in text):
            continue
        yield ContainerLog(
            namespace=namespace,
            pod=key[0],
            container=key[1],
            text="\n".join(text) + "\n",
            previous=previous,
            source=context.at(starts[key]),
            truncated=limited,
        )
        newest = newest_time(text)
        if newest is not None:
            yield NotBefore(newest)


def _pod_name(invocation: Invocation) -> str:
    """The pod, "" when a selector or a workload was named: the text does not say which pod it was."""
    if not invocation.args:
        return ""
    kind, slash, name = invocation.args[0].rpartition("/")
    return name if not slash or kind in ("pod", "pods", "po") else ""


def newest_time(lines: Sequence[str]) -> datetime | None:
    """The newest time that starts one of the last lines."""
    newest: datetime | None = None
    for line in lines[-_TAIL:]:
        match = _LEADING.match(line[:60])
        moment = parse_time(match[1].replace("/", "-").replace(",", ".")) if match else None
        if moment is not None and (newest is None or moment > newest):
            newest = moment
    return newest
