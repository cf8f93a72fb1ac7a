"""Tells whether a moment is inside a freeze or change window, by the wall clock of the window's own time zone. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from guardrails.policy.document import ChangeWindow, Day, FreezeWindow

_DAYS = tuple(Day)


def zone_of(window: FreezeWindow | ChangeWindow) -> ZoneInfo:
    """The window's time zone.

    Raises:
        ValueError: there is no such IANA time zone on this machine.
    """
    try:
        return ZoneInfo(window.time_zone)
    except (LookupError, OSError, ValueError) as error:
        raise ValueError(f"{window.time_zone!r} is no IANA time zone known here") from error


def is_open(window: FreezeWindow | ChangeWindow, now: datetime) -> bool:
    """Tell whether the window covers this moment."""
    local = now.astimezone(zone_of(window))
    today, yesterday = _DAYS[local.weekday()], _DAYS[local.weekday() - 1]
    minute, begin, end = local.hour * 60 + local.minute, _minutes(window.begin), _minutes(window.end)
    if begin < end:
        return today in window.days and begin <= minute < end
    return (today in window.days and minute >= begin) or (yesterday in window.days and minute < end)


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)
