"""Container probes as numbers, and the ports a program says it listens on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.diagnosis.view import View, logged
from copilot.model import Evidence, mapping, number, text, texts


class Probe(msgspec.Struct, frozen=True):
    """A probe with the API's defaults filled in (k8s.io/api/core/v1 Probe); times in seconds."""

    port: int | str
    path: str
    scheme: str
    command: tuple[str, ...]
    initial_delay: int
    period: int
    timeout: int
    failures: int
    handler: str = ""  # http | tcp | grpc | exec
    service: str = ""  # the gRPC service that is asked for
    host: str = ""  # what is asked instead of the pod's own address


_HANDLERS: Mapping[str, str] = {"httpGet": "http", "tcpSocket": "tcp", "grpc": "grpc", "exec": "exec"}


def probe_of(spec: Mapping[str, Any], key: str) -> Probe | None:
    """The probe under `key` (livenessProbe …) of a container, or None."""
    probe = mapping(spec, key)
    if not probe:
        return None
    handler = next((name for key, name in _HANDLERS.items() if mapping(probe, key)), "")
    action = mapping(probe, "httpGet") or mapping(probe, "tcpSocket") or mapping(probe, "grpc")
    port = action.get("port", "")
    return Probe(
        port=int(port) if isinstance(port, str) and port.isdigit() else port if isinstance(port, (int, str)) else "",
        path=text(action, "path"),
        scheme=text(action, "scheme"),
        command=tuple(texts(probe, "exec", "command")),
        initial_delay=number(probe, "initialDelaySeconds"),
        period=number(probe, "periodSeconds", default=10),
        timeout=number(probe, "timeoutSeconds", default=1),
        failures=number(probe, "failureThreshold", default=3),
        handler=handler,
        service=text(action, "service"),
        host=text(action, "host"),
    )


def budget(probe: Probe) -> int:
    """Seconds from the container's start to the kill: initialDelay + period x failureThreshold."""
    return probe.initial_delay + probe.period * probe.failures


def describe_probe(probe: Probe) -> str:
    """One phrase: what is asked, and the times."""
    if probe.command:
        asked = f"exec {' '.join(probe.command)[:120]}"
    elif probe.path:
        asked = f"{probe.scheme or 'HTTP'} GET port {probe.port} path {probe.path}"
    elif probe.handler == "grpc":
        asked = f"gRPC port {probe.port}" + (f" service {probe.service}" if probe.service else "")
    else:
        asked = f"port {probe.port}"
    return f"{asked}, delay {probe.initial_delay}s, every {probe.period}s, {probe.failures} failures"


_LISTEN = re.compile(
    r"(?:listen(?:ing|s)?|serving|bound|started|running|available|ready to accept)\b[^\n]{0,60}?"
    r"(?:[Pp]ort[ :=]{1,2}|https?://[\w.\-\[\]*]{0,60}:|[\w.\-\[\]*]{0,40}:)(?P<port>\d{2,5})\b",
    re.IGNORECASE,
)
_FAILED = re.compile(r"already in use|failed|error|cannot|refused|denied", re.IGNORECASE)


def listening_ports(view: View, pod: PodFact, container: ContainerFact) -> dict[int, Evidence]:
    """The ports that the container's log says it listens on, each with the line."""
    found: dict[int, Evidence] = {}
    for log in view.logs(pod.ref, container.name):
        for i, line in enumerate(log.text.splitlines()[:400], start=1):
            match = _LISTEN.search(line[:500])
            if match and not _FAILED.search(line[:500]):
                found.setdefault(int(match["port"]), logged(log, i, line[:300]))
    return found


_LOOPBACK = re.compile(r"(?:\b127\.0\.0\.1|\blocalhost|\[?::1\]?):(?P<port>\d{2,5})\b", re.IGNORECASE)
_SERVING = re.compile(r"listen|running|serving|serve|bound|binding|started|bind|local:|address", re.IGNORECASE)
_EVERYWHERE = re.compile(r"(?:0\.0\.0\.0|\[::\]|(?<![\w:])\*|(?<![\w.:\]])):(?P<port>\d{2,5})\b")


def loopback_line(view: View, pod: PodFact, container: ContainerFact, port: object) -> Evidence | None:
    """The log line that says the program listens on this port of the loopback address only, where nobody outside reaches it."""
    found: Evidence | None = None
    for log in view.logs(pod.ref, container.name):
        for i, line in enumerate(log.text.splitlines()[:400], start=1):
            said = line[:500]
            if not _SERVING.search(said) or _FAILED.search(said):
                continue
            if any(match["port"] == str(port) for match in _EVERYWHERE.finditer(said)):
                return None
            if found is None and any(match["port"] == str(port) for match in _LOOPBACK.finditer(said)):
                found = logged(log, i, line[:300])
    return found


_TOOK = re.compile(r"(?<![\w.])(?P<number>\d{1,7}(?:\.\d{1,6})?) ?(?P<unit>ms|s|seconds)\b")


def slow_answer(view: View, pod: PodFact, container: ContainerFact, probe: Probe) -> Evidence | None:
    """A log line in which the program answers the probe's path well, and later than the probe waits."""
    for log in view.logs(pod.ref, container.name) if probe.path else ():
        for i, line in enumerate(log.text.splitlines()[-400:], start=max(1, len(log.text.splitlines()) - 399)):
            if probe.path not in line[:500] or not re.search(r"\b2\d\d\b", line[:500]):
                continue
            took = _TOOK.search(line[:500])
            if took and float(took["number"]) / (1000 if took["unit"] == "ms" else 1) > probe.timeout:
                return logged(log, i, line[:300])
    return None
