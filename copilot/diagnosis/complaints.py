"""What programs say about other servers: complaints of troubled pods, and lasting complaints of pods that are ready. Read once.

A single error of a busy, ready program is noise; the same error again and again up to the end of its log is a complaint.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import msgspec

from copilot.diagnosis.addresses import addresses_of, service_of
from copilot.diagnosis.log_causes import telling
from copilot.diagnosis.log_lines import LogLine, severity, tail
from copilot.diagnosis.log_pattern import LogMatch
from copilot.diagnosis.log_patterns import match_line
from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.diagnosis.view import View
from copilot.model import ContainerLog, Ref, number

REPEATED = 2  # lines: enough where the objects prove the line right
LASTING = 5  # lines of one kind in the tail of a ready program's log: fewer are a retry that worked
STILL = 15  # lines: the newest complaint must be among the last, else it is over
_WINDOW = 60  # lines of a ready program's log that are looked at

_OF_A_CALLER = re.compile(r"TLS handshake error from|[Hh]andshake with client|http: proxy error: context canceled")

ABOUT_SERVERS = frozenset({
    "app.dependency.unknown_host", "app.dependency.refused", "app.dependency.timeout", "app.dependency.exhausted", "train.rendezvous",
    "kuberay.head", "app.dependency.read_only",
})  # fmt: skip


class Complaint(msgspec.Struct, frozen=True, eq=False):
    """A line about another server. `ready` tells whether the program that says it is itself up and ready."""

    pod: PodFact
    container: ContainerFact
    log: ContainerLog
    line: LogLine
    match: LogMatch
    count: int
    ready: bool

    @property
    def host(self) -> str:
        """The host it names, or nothing."""
        return self.match.groups.get("host", "").lower().rstrip(".")

    @property
    def port(self) -> int:
        """The port it names, or 0."""
        return number(self.match.groups.get("port"))

    @property
    def cause(self) -> str:
        """The cause its pattern means."""
        return self.match.pattern.cause


def complaints(view: View) -> list[Complaint]:
    """Every lasting complaint about another server, sorted by pod; one for each container."""
    return view.once(
        "complaints",
        lambda: [c for c in troubles(view) if c.cause in ABOUT_SERVERS and (not c.ready or c.count >= LASTING)],
    )


def troubles(view: View) -> list[Complaint]:
    """What programs say of any fault, sorted by pod: one line about servers and one of another kind for each container.

    Those of ready programs may be said as few as twice: who asks looks at `count`.
    """
    return view.once("troubles", lambda: list(_read(view)))


def complained_of(view: View) -> dict[Ref, list[Complaint]]:
    """The complaints about each Service, by the host they name or, where they name none, by the caller's only address."""

    def read() -> dict[Ref, list[Complaint]]:
        found: dict[Ref, list[Complaint]] = {}
        for complaint in complaints(view):
            for ref in services_meant(view, complaint):
                found.setdefault(ref, []).append(complaint)
        return found

    return view.once("complained of", read)


def services_meant(view: View, complaint: Complaint) -> list[Ref]:
    """The Services a complaint is about."""
    namespace = complaint.pod.ref.namespace
    if complaint.host:
        hosts = [complaint.host]
    else:
        hosts = sorted({address.host for address in addresses_of(view, complaint.pod, complaint.container)})
    meant = [service_of(view, host, namespace) for host in hosts]
    known = list(dict.fromkeys(service.ref for service in meant if service is not None))
    return known if complaint.host or len(known) == 1 else []


def _read(view: View) -> Iterator[Complaint]:
    troubled = {pod.ref for pod in view.troubled}
    named = sorted({Ref("Pod", log.namespace, log.pod) for log in view.snapshot.logs})
    for ref in named:
        resource = view.graph.get(ref)
        if resource is None:
            continue
        pod = view.pod(resource)
        for container in pod.containers:
            logs = view.logs(ref, container.name)
            well = ref not in troubled or (container.ready and not container.restarts)
            for log, line, match, count in _lasting(logs) if well else _telling(view, logs):
                yield Complaint(pod, container, log, line, match, count, ready=well)


_Found = tuple[ContainerLog, LogLine, LogMatch, int]


def _telling(view: View, logs: list[ContainerLog]) -> Iterator[_Found]:
    for log in logs:
        found = telling(view, log)
        if found is not None:
            if found[1].pattern.cause in ABOUT_SERVERS:
                yield (log, *found, 1)
            return


def _lasting(logs: list[ContainerLog]) -> Iterator[_Found]:
    """What a ready program repeats up to the end of its present log, about servers and otherwise."""
    for log in logs:
        if log.previous:
            continue
        seen: Counter[str] = Counter()
        newest: dict[str, tuple[int, LogLine, LogMatch]] = {}
        for index, line in enumerate(tail(log, _WINDOW)):
            match = match_line(line.said)
            if match is None or _OF_A_CALLER.search(line.said):
                continue
            cause = match.pattern.cause
            seen[cause] += 1
            known = newest.get(cause)
            if known is None or (match.names_something and not known[2].names_something):
                newest[cause] = (min(index, known[0]) if known else index, line, match)
        for about in (True, False):
            lasting = [
                (count, cause) for cause, count in seen.most_common()
                if (cause in ABOUT_SERVERS) is about and count >= REPEATED and newest[cause][0] < STILL
            ]  # fmt: skip
            for count, cause in lasting[:1]:
                _, line, match = newest[cause]
                yield log, line, match, count
        return


def repeated_errors(log: ContainerLog) -> tuple[LogLine, int] | None:
    """The newest error line of a log most of whose last lines are errors, with their number."""
    lines = list(tail(log, _WINDOW))
    errors = [line for line in lines if severity(line.said) >= 1 or severity(line.raw) >= 1]
    if len(errors) < LASTING * 2 or len(errors) * 2 < len(lines) or lines.index(errors[0]) >= STILL:
        return None
    return errors[0], len(errors)
