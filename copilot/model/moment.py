"""Times as the API writes them. Always aware, always UTC; the wall clock is never read."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?\s*(Z|z|[+-]\d\d:?\d\d)?$")
_RFC1123 = re.compile(
    r"(?:[A-Z][a-z]{2}, )?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) ([+-]\d{4}|UTC|GMT)$"
)
_MONTHS = {
    name: i
    for i, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], start=1
    )
}

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=65536)  # one dump repeats the same second thousands of times
def parse_time(value: str) -> datetime | None:
    """Read RFC 3339 (the API) or RFC 1123 (`kubectl describe`); None for anything else."""
    if match := _RFC3339.match(value):
        year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
        micro = int(float(match[7]) * 1_000_000) if match[7] else 0
        zone = match[8]
    elif match := _RFC1123.match(value):
        day, year, hour, minute, second = (int(match[i]) for i in (1, 3, 4, 5, 6))
        month, micro, zone = _MONTHS.get(match[2], 0), 0, match[7]
    else:
        return None
    try:
        naive = datetime(year, month, day, hour, minute, min(second, 59), min(micro, 999_999), tzinfo=UTC)
    except ValueError:
        return None
    if zone in (None, "Z", "z", "UTC", "GMT"):
        return naive
    digits = zone.replace(":", "")
    offset = (int(digits[1:3]) * 60 + int(digits[3:5])) * (-1 if digits[0] == "-" else 1)
    try:
        return datetime.fromtimestamp(naive.timestamp() - offset * 60, tz=UTC)
    except (ValueError, OverflowError):
        return None


def instant(value: object) -> datetime | None:
    """Read a time from an object's field of any type; None when there is none."""
    return parse_time(value) if isinstance(value, str) else None


def stamp(moment: datetime) -> str:
    """Write a time as the API does, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def age_text(seconds: float) -> str:
    """Write a duration as kubectl does: `45s`, `3m10s`, `5h12m`, `2d3h`, `41d`."""
    left = max(0, int(seconds))
    if left < 120:
        return f"{left}s"
    minutes, seconds_left = divmod(left, 60)
    if minutes < 10:
        return f"{minutes}m{seconds_left}s" if seconds_left else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours, minutes_left = divmod(minutes, 60)
    if hours < 8:
        return f"{hours}h{minutes_left}m" if minutes_left else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days, hours_left = divmod(hours, 24)
    return f"{days}d{hours_left}h" if days < 8 and hours_left else f"{days}d"


_AGE = re.compile(r"(?:(\d+)y)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$")


def parse_age(value: str) -> float | None:
    """Read kubectl's age notation (`3m10s`, `5d`, `2y30d`) as seconds; None for anything else."""
    match = _AGE.match(value.strip())
    if not value.strip() or match is None:
        return None
    years, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float((((years * 365 + days) * 24 + hours) * 60 + minutes) * 60 + seconds)
