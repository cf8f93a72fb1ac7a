"""What could not be read, named one by one, and whether it mattered to the answer. Pure.

A gap lowers confidence only where a check of `copilot.diagnosis.verify` (or a rule) rests on what it hides; here it is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from copilot.diagnosis.verify import was_refused
from copilot.diagnosis.view import View
from copilot.model import Finding, Gap, GapKind, ReadState, RootCause, age_text
from copilot.model.wording import listed, plural

STALE = timedelta(hours=1)  # events are kept an hour: trouble without one in that time was observed at another time
SHOWN = 3  # names in one sentence
_USAGE = ("PodMetrics", "NodeMetrics")


def gaps_of(view: View, symptoms: Sequence[Finding], causes: Sequence[RootCause]) -> tuple[Gap, ...]:
    """Every gap, those that lowered an answer first. Nothing is missing to an answer where nothing is wrong."""
    found = [*_refused(view, causes), *_cut(view)]
    if symptoms or causes:
        found += [*_logs(view, causes), *_metrics(view), *_stale(view)]
    found += [Gap(GapKind.OTHER, note) for note in view.coverage.notes]
    unique = dict.fromkeys(found)
    return tuple(sorted(unique, key=lambda gap: (not gap.matters, list(GapKind).index(gap.kind))))


def _refused(view: View, causes: Sequence[RootCause]) -> Iterator[Gap]:
    places: dict[str, list[str]] = {}
    for reading in view.coverage.refused():
        if was_refused(view, reading.kind, "" if reading.namespace == "*" else reading.namespace):
            places.setdefault(reading.kind, []).append(reading.namespace)
    doubts = [doubt for cause in causes for doubt in cause.doubts]
    for kind, namespaces in sorted(places.items()):
        where = "" if "*" in namespaces else f" in {plural(len(namespaces), 'namespace')}: {listed(namespaces, SHOWN)}"
        hit = any(doubt.startswith(f"{kind} objects") for doubt in doubts)
        yield Gap(GapKind.REFUSED, f"{kind} objects were refused{where}", hit)


def _cut(view: View) -> Iterator[Gap]:
    for reading in view.coverage.readings:
        if reading.state is ReadState.PARTIAL and reading.detail and reading.kind != "Secret":
            where = "" if reading.namespace == "*" else f" of namespace {reading.namespace}"
            yield Gap(GapKind.CUT, f"{reading.kind} objects{where} were read in part: {reading.detail}")


def _logs(view: View, causes: Sequence[RootCause]) -> Iterator[Gap]:
    """Containers that ended or restart and whose log nobody read."""
    silent = [
        pod.ref
        for pod in view.placed
        if any(container.restarts or container.exit_code for container in pod.containers)
        and not view.graph.logs(pod.ref)
    ]
    if silent:
        hit = any("no log of" in doubt for cause in causes for doubt in cause.doubts)
        yield Gap(GapKind.LOGS, f"no log was read of {listed((str(ref) for ref in silent), SHOWN)}", hit)


def _metrics(view: View) -> Iterator[Gap]:
    if view.snapshot.usage or view.snapshot.series:
        return
    details = [reading.detail for reading in view.coverage.readings if reading.kind in _USAGE and reading.detail]
    yield Gap(GapKind.METRICS, "no use of CPU and memory was read" + (f": {details[0]}" if details else ""))


def _stale(view: View) -> Iterator[Gap]:
    """Events far older than the observation, where something is wrong now."""
    newest = max((event.last for event in view.all_events if event.last is not None), default=None)
    if newest is not None and view.troubled and view.now - newest > STALE:
        age = age_text((view.now - newest).total_seconds())
        yield Gap(GapKind.STALE, f"the newest event is {age} older than the observation: what was reported since is not told")  # fmt: skip
