"""Which of the ways a probe can be wrong a failure is: port, path, scheme, protocol, host, credentials, command, time, or none.

The kubelet's message points; the declared ports, the program's log and the container's other probes decide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.diagnosis.probes import (
    Probe,
    budget,
    describe_probe,
    listening_ports,
    loopback_line,
    probe_of,
    slow_answer,
)
from copilot.diagnosis.view import View, logged
from copilot.model import Evidence, children, number, text

KINDS: Mapping[str, str] = {"livenessProbe": "liveness", "readinessProbe": "readiness", "startupProbe": "startup"}

_SCHEME = re.compile(
    r"server gave HTTP response to HTTPS client|HTTP request to an HTTPS server|first record does not look like a TLS|\\x15\\x03|authentication handshake failed"
)
_MALFORMED = re.compile(
    r"malformed HTTP (?:response|status code|version)[^\"]{0,20}\"(?P<answer>[^\"]{0,80})|malformed HTTP response"
)
_HTTP_2 = re.compile(r"\\x00\\x00[^\"]{0,6}\\x04|\\x00\\x00\\x[0-9a-f]{2}\\x0[47]|http2|HTTP/2", re.IGNORECASE)
_NO_HEALTH = re.compile(
    r"does not implement the grpc health protocol|unknown service grpc\.health|code = Unimplemented"
)
_NO_SERVICE = re.compile(r"code = NotFound|unknown service(?! grpc\.health)")
_STATUS = re.compile(r"statuscode: (\d{3})")
_REFUSED = re.compile(r"connection refused")
_UNREACHABLE = re.compile(r"no route to host|host is unreachable|network is unreachable")
_CLOSED = re.compile(r"\bEOF\b|connection reset by peer|server closed (?:idle )?connection|broken pipe")
_TIMEOUT = re.compile(r"deadline exceeded|timeout|timed out|Client\.Timeout")
_NO_COMMAND = re.compile(r"not found|no such file|permission denied|OCI runtime exec", re.IGNORECASE)
_TLS_LOG = re.compile(
    r"HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS port|TLS handshake error|http request\b.{0,40}ssl|wrong version number|SSL_do_handshake|not an SSL/TLS record",
    re.IGNORECASE,
)
_HOST_LOG = re.compile(
    r"Invalid HTTP_HOST header|DisallowedHost|Blocked hosts?:|Invalid Host header|[Hh]ost .{1,80} is not allowed|not in ALLOWED_HOSTS"
)
_TLS_PORTS = frozenset({443, 6443, 8443, 9443, 10250})


class Aspect(msgspec.Struct, frozen=True):
    """What is wrong with a probe: a key of the causes' family, the words that follow "the probe …", weight and proof."""

    kind: str
    words: str
    weight: float
    evidence: tuple[Evidence, ...] = ()


def aspect_of(view: View, pod: PodFact, container: ContainerFact, probe: Probe, kind: str, message: str) -> Aspect:
    """Which of the ways a probe can be wrong this failure is."""
    declared = declared_ports(container.spec)
    if isinstance(probe.port, str) and probe.port and probe.port not in declared:
        known = ", ".join(f"{name} {value}" for name, value in declared.items()) or "none"
        return Aspect("port", f"names port {probe.port}, which the container does not declare (it declares {known})", 0.93)  # fmt: skip
    if probe.command:
        return _command(probe, message)
    wrong = _language(probe, message) or _grpc(probe, message)
    if wrong is not None:
        return wrong
    status = _STATUS.search(message)
    if status:
        return _status(view, pod, container, probe, int(status[1]), message)
    if _UNREACHABLE.search(message):
        return Aspect("sick", f"cannot reach the pod on port {probe.port} (no route to host): its network or a policy, not the program", 0.6)  # fmt: skip
    if _REFUSED.search(message):
        return refused(view, pod, container, probe, kind)
    if _CLOSED.search(message) and probe.handler == "http":
        return _closed(view, pod, container, probe)
    if _TIMEOUT.search(message):
        return _silent(view, pod, container, probe, kind)
    return Aspect("sick", "fails", 0.6)


def _language(probe: Probe, message: str) -> Aspect | None:
    """A server that answers in another language than the probe's."""
    scheme = probe.scheme or "HTTP"
    if _SCHEME.search(message):
        if probe.handler == "grpc":
            return Aspect("scheme", "speaks gRPC in plain text to a server that wants TLS", 0.9)
        return Aspect("scheme", f"speaks {scheme} to a server that speaks the other of HTTP and HTTPS", 0.93)
    if _HTTP_2.search(message) and probe.handler == "http":
        return Aspect("protocol", f"speaks {scheme} to a server that speaks gRPC or HTTP/2 without negotiation: use a grpc probe", 0.9)  # fmt: skip
    malformed = _MALFORMED.search(message)
    if malformed:
        answer = f" (it answers {malformed['answer'][:40]!r})" if malformed["answer"] else ""
        return Aspect("protocol", f"speaks {scheme} to a server that does not speak HTTP{answer}: another protocol is served on port {probe.port}", 0.88)  # fmt: skip
    return None


def _grpc(probe: Probe, message: str) -> Aspect | None:
    if probe.handler != "grpc":
        return None
    if _NO_HEALTH.search(message):
        return Aspect("protocol", "asks the gRPC health service, which the program does not implement", 0.92)
    if _NO_SERVICE.search(message):
        return Aspect("path", f"asks for the gRPC service {probe.service or '(default)'}, which the program's health service does not know", 0.9)  # fmt: skip
    if "NOT_SERVING" in message or "service unhealthy" in message:
        return Aspect("sick", f"gets the answer NOT_SERVING from the gRPC health service on port {probe.port}", 0.6)
    return None


def _command(probe: Probe, message: str) -> Aspect:
    command = " ".join(probe.command)
    if _TIMEOUT.search(message):
        return Aspect("timing", f"runs a command that does not end within its timeout of {probe.timeout}s", 0.75)
    if _NO_COMMAND.search(message):
        return Aspect("command", f"runs a command that cannot start: {command[:160]}", 0.9)
    answer = " ".join(message.partition("probe failed: ")[2].split())[-160:]
    return Aspect("sick", f"runs a command that fails: {command[:120]}" + (f" answers {answer}" if answer else ""), 0.6)


def _status(view: View, pod: PodFact, container: ContainerFact, probe: Probe, code: int, message: str) -> Aspect:
    path = probe.path or "/"
    if code in (404, 405, 410) or 301 <= code <= 308:
        return Aspect("path", f"asks path {path}, which answers {code}", 0.9)
    if code in (401, 403):
        return Aspect("auth", f"asks path {path}, which answers {code}: it wants credentials", 0.88)
    if code in (426, 505):
        return Aspect(
            "protocol", f"asks in a version of HTTP that the program does not speak (it answers {code})", 0.85
        )
    if code == 400:
        tls = _line(view, pod, container, _TLS_LOG)
        if (probe.scheme or "HTTP") == "HTTP" and (
            tls is not None or "HTTPS" in message or _tls_port(container, probe)
        ):
            words = f"speaks HTTP to a server that speaks HTTPS (it answers {code}): set scheme HTTPS"
            return Aspect("scheme", words, 0.93 if tls is not None else 0.8, (tls,) if tls is not None else ())
        host = _line(view, pod, container, _HOST_LOG)
        if host is not None:
            return Aspect("host", f"is refused for its Host header: the program does not serve the pod's address (it answers {code})", 0.9, (host,))  # fmt: skip
    return Aspect("sick", f"fails with HTTP {code}", 0.6)


def _tls_port(container: ContainerFact, probe: Probe) -> bool:
    """Whether name or number of the port say that TLS is served there."""
    declared = declared_ports(container.spec)
    asked = declared.get(str(probe.port), probe.port)
    names = [str(probe.port), *(name for name, value in declared.items() if value == asked)]
    return asked in _TLS_PORTS or any("https" in name or "tls" in name for name in names)


def _line(view: View, pod: PodFact, container: ContainerFact, pattern: re.Pattern[str]) -> Evidence | None:
    """The last line of the container's log that fits."""
    for log in view.logs(pod.ref, container.name):
        lines = log.text.splitlines()
        for i in range(len(lines), max(0, len(lines) - 400), -1):
            if pattern.search(lines[i - 1][:500]):
                return logged(log, i, lines[i - 1][:300])
    return None


def _closed(view: View, pod: PodFact, container: ContainerFact, probe: Probe) -> Aspect:
    """The server took the connection and closed it without an answer: TLS, another protocol, or a program in trouble."""
    tls = _line(view, pod, container, _TLS_LOG)
    if (probe.scheme or "HTTP") == "HTTP" and (tls is not None or _tls_port(container, probe)):
        words = f"speaks HTTP to a server that speaks TLS on port {probe.port} (it closes the connection)"
        return Aspect("scheme", words, 0.88 if tls is not None else 0.72, (tls,) if tls is not None else ())
    return Aspect("protocol", f"asks HTTP of port {probe.port}, where the server closes the connection without an answer: it may speak another protocol", 0.6)  # fmt: skip


def _silent(view: View, pod: PodFact, container: ContainerFact, probe: Probe, kind: str) -> Aspect:
    late = slow_answer(view, pod, container, probe)
    if late is not None:
        return Aspect("timing", f"waits {probe.timeout}s for path {probe.path}, which the program answers later than that: the timeout is too short", 0.85, (late,))  # fmt: skip
    if kind != "readiness" and _never_ready(pod, container):
        return Aspect("timing", _slow(container, probe, kind), 0.72)
    return Aspect("sick", f"gets no answer on port {probe.port} within {probe.timeout}s", 0.55)


def refused(view: View, pod: PodFact, container: ContainerFact, probe: Probe, kind: str) -> Aspect:
    """Nobody listens where the probe asks: another port, the loopback address, not yet, or no more."""
    heard = listening_ports(view, pod, container)
    declared = declared_ports(container.spec)
    port = declared.get(str(probe.port), probe.port)
    others = sorted({*heard, *declared.values()} - {port, 0})
    proof = tuple(piece for number, piece in heard.items() if number != port)[:1]
    if not probe.host and (local := loopback_line(view, pod, container, port)) is not None:
        words = f"is refused on port {port}: the program listens on the loopback address (localhost, 127.0.0.1) only, make it listen on 0.0.0.0"
        sure = 0.93 if "127." in local.text or "::1" in local.text else 0.8  # many programs only print localhost
        return Aspect("loopback", words, sure, (local,))
    if heard and port not in heard:
        where = ", ".join(str(number) for number in sorted(heard))
        return Aspect("port", f"asks port {probe.port}, but the program listens on port {where}", 0.93, proof)
    if port in heard and kind != "readiness":
        return Aspect("timing", _slow(container, probe, kind), 0.85, (heard[port],) if isinstance(port, int) else ())
    if declared and port not in declared.values():
        where = ", ".join(str(number) for number in others)
        return Aspect("port", f"asks port {probe.port}, but the container declares port {where}", 0.85, proof)
    if kind != "readiness" and _never_ready(pod, container):
        return Aspect("timing", _slow(container, probe, kind), 0.82 if _agreeing(container.spec, kind, port) else 0.72)
    return Aspect("sick", f"is refused on port {probe.port}: nothing listens there (connection refused)", 0.6)


def _agreeing(spec: Mapping[str, Any], kind: str, port: object) -> bool:
    """Whether another probe asks the same port: two probes are seldom wrong together."""
    others = [probe_of(spec, key) for key, name in KINDS.items() if name != kind]
    return any(other is not None and other.port == port for other in others)


def declared_ports(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Port name (or number as text) -> number, as the container declares them."""
    found: dict[str, Any] = {}
    for entry in children(spec, "ports"):
        value = number(entry, "containerPort")
        found[text(entry, "name") or str(value)] = value
    return found


def _never_ready(pod: PodFact, container: ContainerFact) -> bool:
    return not container.ready and container.restarts > 0 and not pod.ready


def _slow(container: ContainerFact, probe: Probe, kind: str) -> str:
    startup = "" if kind == "startup" or probe_of(container.spec, "startupProbe") else " and there is no startupProbe"
    return (
        f"allows {budget(probe)}s from the start ({describe_probe(probe)}) before it kills the container{startup}: "
        "the program starts too slowly for it"
    )
