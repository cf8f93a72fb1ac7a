"""Reads what is typed on a node: systemd units, crictl tables. Which node it was comes from the command or the prompt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from copilot.model import ContainerLog, NodeService
from copilot.model.moment import parse_time
from tools.cluster.transcript.facts import Context, Fact, NotBefore
from tools.cluster.transcript.invocation import Invocation
from tools.cluster.transcript.logs import newest_time

_UNIT = re.compile(r"\W{0,3}(?P<unit>[\w@:.\\-]+\.(?:service|socket|timer|mount|target|slice|scope|path)) - ")
_UNIT_BARE = re.compile(r"[●○×↻*x] (?P<unit>[\w@:.\\-]+\.\w+)")
_ACTIVE = re.compile(
    r"\s*Active: (?P<active>\w+)(?: \((?P<sub>[^)]*)\))?(?: since \w{3} (?P<since>[\d-]+ [\d:]+ \w+))?"
)
_WORD = re.compile(r"(active|inactive|failed|activating|deactivating|reloading|unknown)$")
_MISSING = re.compile(r"Unit (?P<unit>\S+) could not be found")
_LISTED = re.compile(
    r"[\W]{0,3}(?P<unit>[\w@:.\\-]+\.service)\s+(?:loaded|not-found|masked|error)\s+(?P<active>\w+)\s+(?P<sub>\S+)"
)
_JOURNAL = re.compile(r"[A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d ([\w.-]+) ")


def read_systemctl(invocation: Invocation, lines: Sequence[str], first: int, context: Context) -> Iterator[Fact]:
    """`systemctl status UNIT…`, `is-active`, `list-units`."""
    node = invocation.origin or context.origin or _host_of(lines)
    if "is-active" in invocation.args or "is-failed" in invocation.args:
        units = [word for word in invocation.args[1:] if not word.startswith("-")]
        for offset, (unit, line) in enumerate(zip(units, lines, strict=False)):
            if _WORD.match(line.strip()):
                yield NodeService(node, _unit_name(unit), line.strip(), line.strip(), context.at(first + offset))
        return
    yield from _statuses(lines, first, context, node)


def _unit_name(word: str) -> str:
    return word if "." in word else f"{word}.service"


def _statuses(lines: Sequence[str], first: int, context: Context, node: str) -> Iterator[Fact]:
    unit, start = "", 0
    for index, line in enumerate(lines):
        head = line[:400]
        listed = _LISTED.match(head)
        if listed and not unit:
            yield NodeService(node, listed["unit"], listed["active"], line.strip(), context.at(first + index))
            continue
        missing = _MISSING.search(head)
        if missing:
            yield NodeService(node, missing["unit"], "inactive", line.strip(), context.at(first + index))
            continue
        found = _UNIT.match(head) or _UNIT_BARE.match(head)
        if found:
            unit, start = found["unit"], index
            continue
        active = _ACTIVE.match(head) if unit else None
        if active:
            end = next(
                (at for at in range(index, len(lines)) if at > index and _UNIT.match(lines[at][:400])), len(lines)
            )
            text = "\n".join(lines[start : min(end, start + 60)])
            yield NodeService(node, unit, active["active"], text, context.at(first + start))
            since = parse_time(active["since"].replace(" ", "T", 1).replace(" UTC", "Z")) if active["since"] else None
            if since is not None:
                yield NotBefore(since)
            unit = ""


def _host_of(lines: Sequence[str]) -> str:
    """The host that the journal lines name."""
    for line in lines[-20:]:
        match = _JOURNAL.match(line[:200])
        if match:
            return match[1]
    return ""


def is_systemctl(lines: Sequence[str]) -> bool:
    """Whether an output begins like `systemctl status`."""
    head = [line for line in lines[:6] if line.strip()]
    return len(head) > 1 and _UNIT.match(head[0][:400]) is not None and any(_ACTIVE.match(line[:400]) for line in head)


def read_journal(invocation: Invocation, lines: Sequence[str], first: int, context: Context) -> Iterator[Fact]:
    """`journalctl`, `dmesg`: a log of the node, its unit in the place of a container."""
    text = [line for line in lines if not line.startswith(("-- Logs begin", "-- Journal begins", "-- No entries"))]
    if not any(line.strip() for line in text):
        return
    node = invocation.origin or context.origin or _host_of(lines)
    unit = _flag_value(invocation.args, ("-u", "--unit")) or ("kernel" if invocation.program == "dmesg" else "journal")
    yield ContainerLog(
        namespace="",
        pod=node,
        container=unit.removesuffix(".service"),
        text="\n".join(text) + "\n",
        source=context.at(first),
        truncated=True,
    )
    newest = newest_time(text)
    if newest is not None:
        yield NotBefore(newest)


def _flag_value(words: Sequence[str], names: tuple[str, ...]) -> str:
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else (words[index + 1] if index + 1 < len(words) else "")
        if word.startswith("-u") and len(word) > 2:
            return word[2:]
    return ""
