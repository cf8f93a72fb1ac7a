"""Finds when a session took place. Ages count back from that moment; the wall clock is never asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from copilot.model import Detail, Ref, dig, instant, mapping, text
from copilot.model.fields import children
from copilot.model.moment import stamp
from copilot.model.resource import ref_of
from tools.cluster.transcript.facts import Ago, Fact, NotBefore, Seen
from tools.cluster.transcript.kinds import by_kind
from tools.cluster.transcript.wordlist import word_set

UNDATED = datetime(2000, 1, 1, tzinfo=UTC)  # "now" of a text that holds no date at all: ages still count back from it

# Fields whose time has passed when the object is read. `deletionTimestamp` is left out: it lies ahead while a pod terminates.
_PAST = word_set(
    """
    creationTimestamp startTime completionTime lastTransitionTime lastHeartbeatTime lastUpdateTime lastProbeTime
    startedAt finishedAt firstTimestamp lastTimestamp eventTime lastObservedTime renewTime acquireTime
    lastScheduleTime lastSuccessfulTime lastScaleTime time
    """
)


def observed_at(facts: Sequence[Fact]) -> datetime:
    """The newest moment that the text proves to have passed; each age beside an absolute time adds one.

    An age is cut to whole units (`5d` may be almost six days), so it also bounds the moment from above. Guesses that
    are a little late by nature count only within that bound, and only the least of them.
    """
    seen = [fact for fact in facts if isinstance(fact, Seen)]
    now = max((fact.at for fact in facts if isinstance(fact, NotBefore)), default=UNDATED)
    now = max([now, *(moment for fact in seen for moment in _times(_dated_part(fact)))])
    sightings = _Sightings(seen)
    latest = UNDATED.replace(year=9999)
    for start, age in sightings.same_moment():
        now = max(now, start + timedelta(seconds=age.seconds))
        latest = min(latest, start + timedelta(seconds=age.seconds + age.unit) + _SESSION)
    now = max([now, *sightings.later_moment()])
    for guesses in (sightings.scheduled(), sightings.started_late()):
        guess = min(guesses, default=now)
        if now < guess <= latest:
            return guess
    return now


_SESSION = timedelta(minutes=10)  # commands of one session are this far apart, and their ages with them


def _dated_part(fact: Seen) -> Any:
    """Where a sighting can hold times: a row only in its creation time."""
    if fact.detail is Detail.ROW:
        return {"creationTimestamp": dig(fact.body, "metadata", "creationTimestamp")}
    return fact.body


def _times(body: Any) -> Iterator[datetime]:
    """Every past time in a body."""
    stack = [body]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            for key, item in value.items():
                if isinstance(item, (dict, list)):
                    stack.append(item)
                elif key in _PAST:
                    moment = instant(item)
                    if moment is not None:
                        yield moment
        elif isinstance(value, list):
            stack.extend(item for item in value if isinstance(item, (dict, list)))


_SHARED_FIELDS = (("metadata", "creationTimestamp"), ("status", "startTime"), ("status", "lastScheduleTime"))


class _Sightings:
    """Times and ages of the same objects, side by side."""

    def __init__(self, seen: Sequence[Seen]) -> None:
        self._times: dict[tuple[Ref, str], datetime] = {}
        self._ages: dict[tuple[Ref, str], Ago] = {}
        self._events: list[Mapping[str, Any]] = []
        self._pods: list[tuple[Ref, Mapping[str, Any]]] = []
        for fact in seen:
            ref = ref_of(fact.body)
            if ref.kind == "Event":
                self._events.append(fact.body)
                continue
            if ref.kind == "Pod" and "status" in fact.body:
                self._pods.append((ref, fact.body))
            for path in _SHARED_FIELDS:
                self._add((ref, path[1]), dig(fact.body, *path))

    def _add(self, key: tuple[Ref, str], value: Any) -> None:
        if isinstance(value, Ago):
            known = self._ages.get(key)
            if known is None or value.unit < known.unit or value.seconds > known.seconds:
                self._ages[key] = value
        elif (moment := instant(value)) is not None:
            self._times[key] = moment

    def same_moment(self) -> Iterator[tuple[datetime, Ago]]:
        """A field's time from one sighting of an object and its age from another."""
        for key, age in self._ages.items():
            if key in self._times:
                yield self._times[key], age

    def later_moment(self) -> Iterator[datetime]:
        """The time of something + the age of an event that can only have come after it."""
        starts = {(ref.namespace, ref.name, name): at for ref, body in self._pods for name, at in _starts(body)}
        for event in self._events:
            involved = mapping(event, "involvedObject")
            last, first = event.get("lastTimestamp"), event.get("firstTimestamp")
            about = (text(involved, "kind"), text(involved, "namespace"), text(involved, "name"))
            container = text(involved, "fieldPath").partition("{")[2].rstrip("}")
            if event.get("reason") == "Started" and isinstance(last, Ago) and (*about[1:], container) in starts:
                newest = self._newest_start.get((*about, container), last.seconds)
                yield starts[(*about[1:], container)] + timedelta(seconds=min(newest, last.seconds))
            if isinstance(first, Ago):
                field = "startTime" if dig(event, "source", "component") == "kubelet" else "creationTimestamp"
                before = self._times.get((_ref(*about), field))
                if before is not None:
                    yield before + timedelta(seconds=first.seconds)

    @cached_property
    def _newest_start(self) -> dict[tuple[str, str, str, str], float]:
        found: dict[tuple[str, str, str, str], float] = {}
        for event in self._events:
            last = event.get("lastTimestamp")
            if event.get("reason") == "Started" and isinstance(last, Ago):
                involved = mapping(event, "involvedObject")
                container = text(involved, "fieldPath").partition("{")[2].rstrip("}")
                key = (text(involved, "kind"), text(involved, "namespace"), text(involved, "name"), container)
                found[key] = min(found.get(key, last.seconds), last.seconds)
        return found

    def scheduled(self) -> Iterator[datetime]:
        """A pod's start + the age of its `Scheduled` event, which came shortly before."""
        for event in self._events:
            last = event.get("lastTimestamp")
            if event.get("reason") == "Scheduled" and isinstance(last, Ago):
                involved = mapping(event, "involvedObject")
                start = self._times.get((_ref("Pod", text(involved, "namespace"), text(involved, "name")), "startTime"))
                if start is not None:
                    yield start + timedelta(seconds=last.seconds)

    def started_late(self) -> Iterator[datetime]:
        """A pod's or job's start + its age: its creation came before, by a moment or by days."""
        for (ref, field), start in self._times.items():
            age = self._ages.get((ref, "creationTimestamp"))
            if field == "startTime" and age is not None and ref.kind in ("Pod", "Job"):
                yield start + timedelta(seconds=age.seconds)


def _ref(kind: str, namespace: str, name: str) -> Ref:
    return Ref(kind=kind, namespace=namespace, name=name, group=by_kind(kind).group)


def _starts(body: Mapping[str, Any]) -> Iterator[tuple[str, datetime]]:
    """The newest start of each container."""
    for field in ("containerStatuses", "initContainerStatuses"):
        for status in children(body, "status", field):
            times = [
                instant(dig(status, state, kind, "startedAt"))
                for state in ("state", "lastState")
                for kind in ("running", "terminated")
            ]
            newest = max((moment for moment in times if moment is not None), default=None)
            if newest is not None:
                yield text(status, "name"), newest


def dated(body: Any, now: datetime) -> Any:
    """The body with every age in it turned into a time."""
    if isinstance(body, Ago):
        return stamp(now - timedelta(seconds=min(body.seconds, 3e9)))
    if isinstance(body, dict):
        return {key: dated(value, now) for key, value in body.items()}
    if isinstance(body, list):
        return [dated(item, now) for item in body]
    return body
