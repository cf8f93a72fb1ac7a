"""Finds when a dump was taken from the times in it. It never reads the wall clock, and dates in the future do not count.

Only fields that record what has happened are read (managedFields, conditions, container states, events, lease renewals),
never those that announce something (certificates' notAfter, deletion deadlines, next runs).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from copilot.model import ContainerLog, children, mapping, parse_time, text
from copilot.model.moment import EPOCH

LEASE_LEAD = timedelta(minutes=15)  # nodes report every 5 minutes, so a lease further ahead is a broken clock
LOG_LEAD = timedelta(hours=1)  # an application's clock further ahead than this is not believed

_CONDITION = ("lastTransitionTime", "lastHeartbeatTime", "lastUpdateTime", "lastProbeTime")
_STATUS = ("startTime", "completionTime", "lastScheduleTime", "lastSuccessfulTime", "lastScaleTime")
_EVENT = ("lastTimestamp", "firstTimestamp", "eventTime", "deprecatedLastTimestamp")
_STATES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
_LOG_TIME = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))")
_LOG_LINES = 4096  # characters at a log's end in which its newest time is looked for


class NewestTime:
    """Keeps the newest time seen. The comparison is on the text; only a new maximum is parsed."""

    def __init__(self) -> None:
        self._text = ""
        self._time = EPOCH
        self._leases: list[datetime] = []
        self._logs: list[datetime] = []

    def see(self, body: Mapping[str, Any]) -> None:
        """Take the times of one object, before or after pruning."""
        if text(body, "kind") == "Lease":
            renewed = parse_time(text(body, "spec", "renewTime"))
            if renewed is not None:
                self._leases.append(renewed)
            return
        for value in _times(body):
            if isinstance(value, str) and value > self._text and (moment := parse_time(value)):
                self._time = max(self._time, moment)
                if value.endswith("Z"):  # another zone's text does not sort
                    self._text = value

    def see_log(self, log: ContainerLog) -> None:
        """Take the newest zoned time at a log's end."""
        found = [parse_time(match[1]) for match in _LOG_TIME.finditer(log.text[-_LOG_LINES:])]
        self._logs.extend(moment for moment in found[-1:] if moment)

    def newest(self) -> datetime:
        """The newest believable time, or the epoch where there is none."""
        believed = self._time
        for moment in sorted(self._leases):
            if believed == EPOCH or moment <= believed + LEASE_LEAD:
                believed = max(believed, moment)
        logs = [moment for moment in self._logs if believed == EPOCH or moment <= believed + LOG_LEAD]
        return max([believed, *logs])


def _times(body: Mapping[str, Any]) -> Iterator[Any]:
    metadata = mapping(body, "metadata")
    yield metadata.get("creationTimestamp")
    for entry in children(metadata, "managedFields"):
        yield entry.get("time")
    if body.get("kind") == "Event":
        for name in _EVENT:
            yield body.get(name)
        yield mapping(body, "series").get("lastObservedTime")
    status = mapping(body, "status")
    if status:
        yield from _status_times(status)


def _status_times(status: Mapping[str, Any]) -> Iterator[Any]:
    for name in _STATUS:
        yield status.get(name)
    for condition in children(status, "conditions"):
        for name in _CONDITION:
            yield condition.get(name)
    for states in _STATES:
        for container in children(status, states):
            yield mapping(container, "state", "running").get("startedAt")
            yield mapping(container, "state", "terminated").get("finishedAt")
            yield mapping(container, "lastState", "terminated").get("finishedAt")
