"""The `--since` option of commands that look back in time: a duration as kubectl writes ages, before the observation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

_LONGEST = 3650 * 24 * 3600  # seconds, ten years: older than any cluster's memory


def since_option(default: str | None, what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add `--since` as keyword `since: timedelta` (or None without a default)."""
    return click.option("--since", default=default, show_default=True, metavar="SPAN", help=what, callback=_read)


def _read(context: click.Context, option: click.Parameter, value: str | None) -> timedelta | None:
    """Read `90s`, `30m`, `1h30m`, `2d`, or say how a duration is written."""
    from copilot.model.moment import parse_age

    if value is None:
        return None
    seconds = parse_age(value)
    if seconds is None or seconds <= 0:
        raise click.BadParameter(f"{value!r} is no duration; write 90s, 30m, 1h30m or 2d", context, option)
    return timedelta(seconds=min(seconds, _LONGEST))
