"""The next run of a CronJob is computed in its own time zone from the moment of observation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.agent.asked import say
from tests.unit.diagnosis.cluster import Cluster


def cron(schedule: str, **spec: Any) -> Cluster:
    return Cluster().add("CronJob", "report", "shop", api="batch/v1", spec={"schedule": schedule, **spec}, status={})


@pytest.mark.parametrize(
    ("schedule", "zone", "due"),
    [
        ("0 3 * * *", "", "2026-03-02T03:00:00Z"),  # observed 2026-03-01T12:00:00Z
        ("30 2 * * *", "Europe/Berlin", "2026-03-02T01:30:00Z"),
        ("30 2 29 3 *", "Europe/Berlin", "2026-03-29T01:30:00Z"),  # the hour that does not exist there
        ("0 9 * * 1", "Asia/Tokyo", "2026-03-02T00:00:00Z"),
        ("TZ=America/New_York 0 8 * * *", "", "2026-03-01T13:00:00Z"),
        ("*/7 * * * *", "", "2026-03-01T12:07:00Z"),
    ],
)
def test_the_next_run_is_told(schedule: str, zone: str, due: str) -> None:
    assert due in say(cron(schedule, **({"timeZone": zone} if zone else {})), "when is the next run of report?").text


def test_a_suspended_one_has_no_next_run() -> None:
    text = say(cron("* * * * *", suspend=True), "when will report run next?").text
    assert "suspended" in text
    assert "2026" not in text


def test_one_that_never_ran_is_said_to_have_never_run() -> None:
    assert "never run" in say(cron("* * * * *"), "when did report last run?").text


@pytest.mark.parametrize(("schedule", "zone"), [("at noon", ""), ("0 0 30 2 *", ""), ("* * * * *", "Mars/Olympus")])
def test_what_cannot_be_computed_is_said(schedule: str, zone: str) -> None:
    answer = say(cron(schedule, timeZone=zone), "when is the next run of report?")
    assert not answer.known


def test_unread_cron_jobs_are_no_missing_ones() -> None:
    answer = say(Cluster(unread=["CronJob"]), "which cronjobs run next?")
    assert not answer.known
