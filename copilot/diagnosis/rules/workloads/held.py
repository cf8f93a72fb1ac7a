"""Work that somebody holds: suspended Jobs and CronJobs, runs that are replaced before they end.

A suspended CronJob is at rest by design: it is named firmly only where a program that is not well asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.cron import CronSchedule
from copilot.diagnosis.log_lines import LogLine, bare, severity, tail
from copilot.diagnosis.pods import PodFact, condition
from copilot.diagnosis.steps import change, describe, listing
from copilot.diagnosis.view import View, fact, logged, said, told
from copilot.model import ContainerLog, Finding, Resource, age_text, instant, number, text
from copilot.model.moment import EPOCH

_BATCH = "k8s.io/api/batch/v1"
HELD = timedelta(hours=1)  # a controller that suspends a Job to queue it puts its label on it
_QUEUE_LABELS = ("kueue.x-k8s.io/queue-name", "volcano.sh/queue-name", "kai.scheduler/queue")
_REPLACED = 3  # runs in a row that were taken away: one or two are a slow hour

JOB = Cause(
    id="job.suspended",
    title="A Job is suspended and nothing will resume it",
    kind="Job",
    fields=("spec.suspend", "status.conditions[Suspended]"),
    severity=Severity.NOTICE,
    steps=("Resume it",),
    citation=_BATCH,
)
CRON = Cause(
    id="cronjob.suspended",
    title="A CronJob is suspended",
    kind="CronJob",
    fields=("spec.suspend", "log"),
    severity=Severity.DEGRADED,
    brings_about=("pod.probe", "pod.crash", "app.data", "app.config"),
    steps=("Resume it if its runs are needed",),
    citation=_BATCH,
)
REPLACED = Cause(
    id="cronjob.replaced",
    title="Each run is replaced by the next before it ends",
    kind="CronJob",
    fields=("spec.concurrencyPolicy", "event SuccessfulDelete", "status.lastSuccessfulTime"),
    severity=Severity.DEGRADED,
    steps=("Give runs more time between starts, or use concurrencyPolicy Forbid",),
    citation=_BATCH,
)


def find_suspended_jobs(view: View) -> Iterator[Finding]:
    """Jobs that were suspended long ago and that no queue or owner holds."""
    for job in view.workloads("Job"):
        if job.spec.get("suspend") is not True or text(job.spec, "managedBy") or view.graph.owners(job.ref):
            continue
        if any(label in job.labels for label in _QUEUE_LABELS) or number(job.status, "succeeded"):
            continue
        since = instant(condition(job, "Suspended").get("lastTransitionTime")) or job.created
        if since is None or not view.timed or view.now - since < HELD:
            continue
        ago = age_text((view.now - since).total_seconds())
        command = f'kubectl patch {job.ref.argument}{job.ref.flags} --type=merge -p \'{{"spec":{{"suspend":false}}}}\''
        yield Finding(
            cause=JOB.id, object=job.ref, title=f"{job.ref} has been suspended for {ago}: it makes no pods until spec.suspend is false, and no queue holds it",
            evidence=(fact(job, "spec.suspend"),), weight=0.55, since=since, steps=(describe(job.ref), change("Resume it", job.ref, command)),
        )  # fmt: skip


def find_suspended_crons(view: View) -> Iterator[Finding]:
    """Suspended CronJobs that a program in trouble names in its errors."""
    asleep = [cron for cron in view.workloads("CronJob") if cron.spec.get("suspend") is True]
    for cron in asleep:
        named = _asked_for(view, cron)
        if named is None:
            continue
        pod, log, line = named
        yield Finding(
            cause=CRON.id, object=cron.ref, title=f"{cron.ref} is suspended, and {pod.owner} needs its runs: {bare(line.raw)[:200]}",
            evidence=(fact(cron, "spec.suspend"), logged(log, line.number, bare(line.raw)[:400])),
            explains=(pod.ref, pod.owner), weight=0.8, since=instant(cron.status.get("lastScheduleTime")),
            steps=(describe(cron.ref), change("Resume it", cron.ref, f"kubectl patch {cron.ref.argument}{cron.ref.flags} --type=merge -p '{{\"spec\":{{\"suspend\":false}}}}'")),
        )  # fmt: skip


def _asked_for(view: View, cron: Resource) -> tuple[PodFact, ContainerLog, LogLine] | None:
    """The error of a pod in trouble that speaks of the CronJob by name."""
    name = re.compile(rf"(?<![\w-]){re.escape(cron.ref.name)}(?![\w-])")
    for pod in view.placed:
        for log in view.logs(pod.ref):
            for line in tail(log, 40):
                about = re.search(r"cron ?job|schedule|\bjob\b|\bruns?\b", line.said, re.IGNORECASE)
                if about and severity(line.said) and name.search(line.said):
                    return pod, log, line
    return None


def find_replaced_runs(view: View) -> Iterator[Finding]:
    """CronJobs of policy Replace none of whose runs lives to its end."""
    for cron in view.workloads("CronJob"):
        if text(cron.spec, "concurrencyPolicy") != "Replace" or cron.spec.get("suspend") is True:
            continue
        gone = view.events(cron.ref, "SuccessfulDelete")
        won = instant(cron.status.get("lastSuccessfulTime")) or EPOCH
        first = min((event.first for event in gone if event.first is not None), default=None)
        schedule = CronSchedule.parse(text(cron.spec, "schedule"))
        runs = sum(max(1, event.count) for event in gone)
        if runs < _REPLACED or first is None or won > first or schedule is None:
            continue
        if schedule.runs_between(first, view.now) < _REPLACED - 1:
            continue
        yield Finding(
            cause=REPLACED.id, object=cron.ref,
            title=f"{cron.ref}: each run is deleted when the next is due (schedule {text(cron.spec, 'schedule')}, concurrencyPolicy Replace), so none ends: runs take longer than the interval",
            evidence=(told(gone[-1]), fact(cron, "spec.concurrencyPolicy"), said(cron, "status.lastSuccessfulTime", f"{runs} runs were deleted and none has succeeded since")),
            weight=0.75, since=first, steps=(describe(cron.ref), listing("jobs", cron.ref.namespace), change("Start runs less often, or use Forbid", cron.ref)),
        )  # fmt: skip


RULES = (
    Rule(find=find_suspended_jobs, causes=(JOB,)),
    Rule(find=find_suspended_crons, causes=(CRON,)),
    Rule(find=find_replaced_runs, causes=(REPLACED,)),
)
