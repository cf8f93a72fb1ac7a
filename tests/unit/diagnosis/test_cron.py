"""Schedules mean what the CronJob controller takes them to mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.diagnosis.cron import CronSchedule

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)  # a Sunday


@pytest.mark.parametrize(
    ("schedule", "following"),
    [
        ("* * * * *", datetime(2026, 3, 1, 12, 1, tzinfo=UTC)),
        ("*/15 * * * *", datetime(2026, 3, 1, 12, 15, tzinfo=UTC)),
        ("0 3 * * *", datetime(2026, 3, 2, 3, 0, tzinfo=UTC)),
        ("30 6 * * mon-fri", datetime(2026, 3, 2, 6, 30, tzinfo=UTC)),
        ("0 0 1 1 *", datetime(2027, 1, 1, 0, 0, tzinfo=UTC)),
        ("0 0 29 2 *", datetime(2028, 2, 29, 0, 0, tzinfo=UTC)),
        ("0 0 13 * 5", datetime(2026, 3, 6, 0, 0, tzinfo=UTC)),  # either day field may match
        ("0 12 * * 7", datetime(2026, 3, 8, 12, 0, tzinfo=UTC)),  # 7 is Sunday too
        ("@hourly", datetime(2026, 3, 1, 13, 0, tzinfo=UTC)),
        ("@weekly", datetime(2026, 3, 8, 0, 0, tzinfo=UTC)),
        ("5,10 1-2 * * *", datetime(2026, 3, 2, 1, 5, tzinfo=UTC)),
    ],
)
def test_the_next_run(schedule: str, following: datetime) -> None:
    parsed = CronSchedule.parse(schedule)
    assert parsed is not None
    assert parsed.next(START) == following


@pytest.mark.parametrize(
    "schedule", ["", "* * * *", "61 * * * *", "* 24 * * *", "*/0 * * * *", "a b c d e", "5-1 * * * *", "0 0 * * * *"]
)
def test_what_is_no_schedule_is_refused(schedule: str) -> None:
    assert CronSchedule.parse(schedule) is None


def test_a_day_that_never_comes_has_no_next_run() -> None:
    parsed = CronSchedule.parse("0 0 31 2 *")
    assert parsed is not None
    assert parsed.next(START) is None


def test_runs_between_counts_both_minutes_of_an_hour() -> None:
    parsed = CronSchedule.parse("0,30 * * * *")
    assert parsed is not None
    assert parsed.runs_between(START, datetime(2026, 3, 1, 13, 0, tzinfo=UTC)) == 2


@given(st.text(max_size=40))
def test_any_text_is_a_schedule_or_refused(text: str) -> None:
    parsed = CronSchedule.parse(text)
    assert parsed is None or parsed.minutes <= set(range(60))
