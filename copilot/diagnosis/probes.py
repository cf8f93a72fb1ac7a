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


def probe_of(spec: Mapping[str, Any], key: str) -> Probe | None:
    """The probe under `key` (livenessProbe …) of a container, or None."""
    probe = mapping(spec, key)
    if not probe:
        return None
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
