""" "Now" is the newest time that records what happened; what is announced, and broken clocks, do not count."""

from typing import Any

import pytest

from copilot.model import ContainerLog
from copilot.model.moment import EPOCH, stamp
from tools.cluster.files_now import NewestTime

BASE = {"creationTimestamp": "2026-01-01T00:00:00Z"}


def newest(*bodies: dict[str, Any], logs: tuple[str, ...] = ()) -> str:
    found = NewestTime()
    for body in bodies:
        found.see(body)
    for text in logs:
        found.see_log(ContainerLog("n", "p", "c", text))
    return stamp(found.newest())


@pytest.mark.parametrize(
    "body",
    [
        {"metadata": {"managedFields": [{"time": "2026-01-01T00:10:00Z"}]}},
        {"status": {"conditions": [{"lastHeartbeatTime": "2026-01-01T00:10:00Z"}]}},
        {"status": {"containerStatuses": [{"lastState": {"terminated": {"finishedAt": "2026-01-01T00:10:00Z"}}}]}},
        {"kind": "Event", "eventTime": "2026-01-01T00:10:00.000000Z"},
        {"kind": "Event", "series": {"lastObservedTime": "2026-01-01T00:10:00.000000Z"}},
        {"kind": "Lease", "spec": {"renewTime": "2026-01-01T00:10:00.000000Z"}},
        {"status": {"startTime": "2026-01-01T02:10:00+02:00"}},
    ],
)
def test_what_happened_counts(body: dict[str, Any]) -> None:
    assert newest({"metadata": BASE}, body) == "2026-01-01T00:10:00Z"


@pytest.mark.parametrize(
    "body",
    [
        {"metadata": {"deletionTimestamp": "2027-01-01T00:00:00Z"}},
        {"status": {"notAfter": "2036-01-01T00:00:00Z", "renewalTime": "2027-01-01T00:00:00Z"}},
        {"kind": "Lease", "spec": {"renewTime": "2026-02-01T00:00:00Z"}},
        {"metadata": {"creationTimestamp": "9999-99-99T99:99:99Z"}},
        {"metadata": {"creationTimestamp": 5, "managedFields": {"time": 1}}, "status": [1]},
        {"kind": "Event", "lastTimestamp": "yesterday"},
    ],
)
def test_what_is_announced_or_cannot_be_does_not_count(body: dict[str, Any]) -> None:
    assert newest({"metadata": BASE}, body) == "2026-01-01T00:00:00Z"


def test_leases_in_agreement_lead_step_by_step() -> None:
    leases = [{"kind": "Lease", "spec": {"renewTime": f"2026-01-01T00:{minute}:00Z"}} for minute in ("10", "20", "30")]
    assert newest({"metadata": BASE}, *leases) == "2026-01-01T00:30:00Z"


def test_logs_count_only_with_a_zone_and_a_believable_clock() -> None:
    assert newest({"metadata": BASE}, logs=("2026-01-01T00:05:00.123Z ok\n",)) == "2026-01-01T00:05:00Z"
    assert (
        newest({"metadata": BASE}, logs=("2026-01-01 00:05:00 no zone\n", "2030-01-01T00:00:00Z wrong\n"))
        == "2026-01-01T00:00:00Z"
    )


def test_without_any_time_now_is_unknown() -> None:
    assert newest({"kind": "Pod"}) == stamp(EPOCH)
