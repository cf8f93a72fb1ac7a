"""Cron schedules as the CronJob controller reads them (robfig/cron standard parser): when a run was or will be due.

Times are UTC; a CronJob's `timeZone` is applied by the caller.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

_NAMES = {name: i for i, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))} | {
    name: i
    for i, name in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)
}
_SHORTHAND = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_HORIZON = timedelta(days=366 * 5)  # a leap day's schedule comes round within it


class CronSchedule(msgspec.Struct, frozen=True):
    """The allowed values of the five fields. A starred day field lets the other one decide, else either may match."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    @classmethod
    def parse(cls, schedule: str) -> CronSchedule | None:
        """Read five fields or a shorthand; None when it is neither."""
        fields = _SHORTHAND.get(schedule.strip(), schedule).split()
        if len(fields) != 5:
            return None
        sets = [_field(field, low, high) for field, (low, high) in zip(fields, _RANGES, strict=True)]
        if any(values is None or not values for values in sets):
            return None
        minutes, hours, days, months, weekdays = (values or frozenset[int]() for values in sets)
        return cls(minutes, hours, days, months, weekdays, fields[2][0] in "*?", fields[4][0] in "*?")

    def _fits_day(self, moment: datetime) -> bool:
        day, weekday = moment.day in self.days, (moment.weekday() + 1) % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return day and weekday
        return day or weekday

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Yield the moments a run is due, strictly after `moment`."""
        current = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        end = moment + _HORIZON
        while current < end:
            if current.month not in self.months or not self._fits_day(current):
                current = current.replace(hour=0, minute=0) + timedelta(days=1)
            elif current.hour not in self.hours:
                current = current.replace(minute=0) + timedelta(hours=1)
            else:
                if current.minute in self.minutes:
                    yield current
                current += timedelta(minutes=1)

    def next(self, moment: datetime) -> datetime | None:
        """The next run strictly after `moment`, or None when there is none within five years."""
        return next(self.after(moment), None)

    def runs_between(self, start: datetime, end: datetime, most: int = 1000) -> int:
        """How many runs were due after `start` and up to `end`, counted up to `most`."""
        count = 0
        for moment in self.after(start):
            if moment > end or count >= most:
                break
            count += 1
        return count


def _value(word: str) -> int | None:
    if word.isdigit() and len(word) < 4:
        return int(word)
    return _NAMES.get(word.lower())


def _field(field: str, low: int, high: int) -> frozenset[int] | None:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step_text = part.partition("/")
        step = int(step_text) if step_text.isdigit() and len(step_text) < 4 else (None if step_text else 1)
        if not step:
            return None
        if span in ("*", "?"):
            first, last = low, high
        else:
            start, dash, stop = span.partition("-")
            one, two = _value(start), _value(stop) if dash else None
            if one is None or (dash and two is None):
                return None
            first, last = one, two if two is not None else (high if step_text else one)
        if high == 6:  # 7 is Sunday too
            first, last = (first % 7 if first == 7 and last == 7 else first), (0 if first == 7 and last == 7 else last)
        if not low <= first <= max(high, 7 if high == 6 else high) or last < first:
            return None
        found.update(
            value % 7 if high == 6 else value for value in range(first, min(last, 7 if high == 6 else high) + 1, step)
        )
    return frozenset(found)
