"""Next and last run of a CronJob, in UTC and in its own time zone; suspended ones run never."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from copilot.agent.answers.lists import say_unread_kind
from copilot.agent.asking import Asking
from copilot.agent.describe import describe_state
from copilot.agent.draft import Draft
from copilot.agent.facts import jobs_of
from copilot.agent.question import Question
from copilot.diagnosis.cron import CronSchedule
from copilot.model import Resource, age_text, instant, text
from copilot.model.moment import stamp

_LAST = re.compile(r"\b(?:last|previous|did|latest|succe\w+|fail\w*|ran)\b")
_ONLY_LAST = re.compile(r"\b(?:next|upcoming|will)\b")
_MAX_CRONS = 8


def cron_jobs_asked(asking: Asking, question: Question) -> list[Resource]:
    """The CronJobs that a question is about: named, owning what is named, or all of its namespace."""
    found: dict[str, Resource] = {}
    for ref in question.refs:
        for candidate in (ref, *asking.graph.owners(ref)):
            resource = asking.graph.get(candidate)
            twin = asking.graph.find("CronJob", ref.namespace, ref.name)
            for one in (resource, twin):
                if one is not None and one.ref.kind == "CronJob":
                    found[str(one.ref)] = one
    if question.refs:
        return list(found.values())
    return asking.members("CronJob", question.namespace) if question.kind in ("CronJob", "") else []


def answer_schedule(asking: Asking, question: Question, draft: Draft) -> None:
    """Tell when CronJobs ran and will run."""
    found = cron_jobs_asked(asking, question)
    if not found:
        if asking.was_read("CronJob", question.namespace):
            draft.say(
                "No CronJob was found there.",
                *[draft.cite_ref(ref, "kind", f"{ref} is no CronJob") for ref in question.refs[:1]],
            )
            return
        say_unread_kind(asking, question.namespace, draft, "CronJob")
        return
    for cron in found[:_MAX_CRONS]:
        if not _LAST.search(question.lowered) or _ONLY_LAST.search(question.lowered):
            _say_next(asking, cron, draft)
        if _LAST.search(question.lowered) or not _ONLY_LAST.search(question.lowered):
            _say_last(asking, cron, draft)


def _say_next(asking: Asking, cron: Resource, draft: Draft) -> None:
    if cron.spec.get("suspend") is True:
        draft.say(
            f"{cron.ref} is suspended: it will not run until spec.suspend is set to false.",
            draft.cite(cron, "spec.suspend", "suspend = true"),
        )
        return
    schedule = text(cron.spec, "schedule")
    fact = draft.cite(cron, "spec.schedule", f"schedule {schedule}")
    due = next_run(cron, asking.now)
    if due is None:
        draft.known = False
        draft.say(f"{cron.ref}: I cannot compute a run from its schedule {schedule!r}.", fact)
        return
    zone = text(cron.spec, "timeZone")
    local = f", {due.astimezone(_zone(zone)).strftime('%H:%M')} in {zone}" if zone else " (UTC)"
    wait = age_text((due - asking.now).total_seconds())
    draft.say(
        f"{cron.ref} is not suspended; its next run is due at {stamp(due)}{local}, {wait} after this was read (schedule {schedule}).",
        fact,
    )


def next_run(cron: Resource, now: datetime) -> datetime | None:
    """The next moment a run is due, in UTC; None where schedule or time zone cannot be read."""
    schedule = text(cron.spec, "schedule")
    zone_name = text(cron.spec, "timeZone")
    match = re.match(r"(?:CRON_)?TZ=(\S+)\s+(.*)", schedule)
    if match:
        zone_name, schedule = match[1], match[2]
    parsed = CronSchedule.parse(schedule)
    try:
        zone = _zone(zone_name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    if parsed is None:
        return None
    local = now.astimezone(zone).replace(tzinfo=UTC)  # the schedule speaks of wall-clock times there
    for due in parsed.after(local):
        moment = due.replace(tzinfo=zone).astimezone(UTC)
        if moment > now:
            return moment
    return None


def _zone(name: str) -> tzinfo:
    return ZoneInfo(name) if name and name not in ("UTC", "Etc/UTC") else UTC


def _say_last(asking: Asking, cron: Resource, draft: Draft) -> None:
    last = instant(cron.status.get("lastScheduleTime"))
    jobs = jobs_of(asking, cron.ref)
    if last is None:
        draft.say(
            f"{cron.ref} has never run: it shows no lastScheduleTime"
            + (f" ({len(jobs)} Jobs of it were read)." if jobs else " and no Job of it was read."),
            draft.cite(cron, "status.lastScheduleTime", "no lastScheduleTime"),
        )
        return
    ago = age_text((asking.now - last).total_seconds())
    draft.say(
        f"{cron.ref} last ran at {stamp(last)}, {ago} before this was read.",
        draft.cite(cron, "status.lastScheduleTime", f"lastScheduleTime {stamp(last)}"),
    )
    good = instant(cron.status.get("lastSuccessfulTime"))
    if good is not None:
        draft.say(
            f"Its last success ended at {stamp(good)}.",
            draft.cite(cron, "status.lastSuccessfulTime", f"lastSuccessfulTime {stamp(good)}"),
        )
    for job in jobs[:1]:
        words = describe_state(asking.view, job)
        draft.say(f"Its newest Job, {job.ref}: {words}.", draft.cite(job, "status.conditions", words))
