"""Controllers that stand still by their own fields: paused, blocked by an ordinal, a hook, a lock on a volume, a schedule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.cron import CronSchedule
from copilot.diagnosis.pods import DEFAULT_GRACE, PodFact, condition
from copilot.diagnosis.steps import change, describe, listing
from copilot.diagnosis.view import View, fact, said, told
from copilot.model import Evidence, Finding, Ref, Resource, age_text, children, instant, mapping, number, text, texts

_APPS = "k8s.io/api/apps/v1"
_BATCH = "k8s.io/api/batch/v1"
_START_LAG = timedelta(seconds=10)  # the controller looks at its schedules this often
_LONG_GRACE = 300  # seconds: a stop slower than this is not an ordinary shutdown

PAUSED = Cause(
    id="deploy.paused",
    title="The rollout is paused",
    kind="Deployment",
    fields=("spec.paused",),
    severity=Severity.DEGRADED,
    steps=("Resume it",),
    citation=_APPS,
)
SERVICE = Cause(
    id="sts.service_missing",
    title="The governing Service does not exist or is not headless",
    kind="StatefulSet",
    fields=("spec.serviceName",),
    steps=("Create the headless Service",),
    citation=_APPS,
)
STUCK = Cause(
    id="sts.stuck_rollout",
    title="An ordered rollout waits for one broken pod",
    kind="StatefulSet",
    fields=("status.updateRevision", "spec.podManagementPolicy"),
    yields=True,
    steps=("Repair the pod of the lowest ordinal that is not ready",),
    citation=_APPS,
)
PRESTOP = Cause(
    id="pod.terminating.prestop",
    title="A pod does not end: its preStop hook or long grace period holds it",
    kind="Pod",
    fields=("metadata.deletionTimestamp", "spec.terminationGracePeriodSeconds", "spec.containers[].lifecycle.preStop"),
    steps=("Correct the hook or the grace period",),
    citation="kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go",
)
FINALIZER = Cause(
    id="pod.terminating.finalizer",
    title="A finalizer keeps a deleted pod",
    kind="Pod",
    fields=("metadata.finalizers",),
    steps=("Look at the controller that owns the finalizer",),
    citation="k8s.io/apimachinery ObjectMeta",
)
JOB_DEADLINE = Cause(
    id="job.deadline",
    title="The Job ran out of its deadline",
    kind="Job",
    fields=("spec.activeDeadlineSeconds", "status.conditions[Failed]"),
    yields=True,
    steps=("Compare running time with waiting time",),
    citation=_BATCH,
)
JOB_POLICY = Cause(
    id="job.podfailurepolicy",
    title="A pod failure policy ended the Job",
    kind="Job",
    fields=("spec.podFailurePolicy", "status.conditions[Failed]"),
    yields=True,
    steps=("Show the rule that matched",),
    citation=_BATCH,
)
JOB_INDEXES = Cause(
    id="job.indexes",
    title="Some indexes of the Job failed",
    kind="Job",
    fields=("status.failedIndexes",),
    yields=True,
    steps=("Read the log of a failed index",),
    citation=_BATCH,
)
CRON_FORBID = Cause(
    id="cronjob.forbid",
    title="The previous run is still active and Forbid keeps new ones from starting",
    kind="CronJob",
    fields=("spec.concurrencyPolicy", "status.active"),
    steps=("Look at why the active Job does not end",),
    citation=_BATCH,
)
CRON_SCHEDULE = Cause(
    id="cronjob.schedule_invalid",
    title="The schedule or time zone cannot be read, or never comes",
    kind="CronJob",
    fields=("spec.schedule", "spec.timeZone"),
    steps=("Correct the schedule",),
    citation=_BATCH,
)
CRON_MISSED = Cause(
    id="cronjob.missed",
    title="Runs have been missed",
    kind="CronJob",
    fields=("status.lastScheduleTime", "spec.startingDeadlineSeconds"),
    severity=Severity.DEGRADED,
    steps=("Look at the controller manager and the deadline",),
    citation=_BATCH,
)


_JOB_RULES = {
    "DeadlineExceeded": JOB_DEADLINE,
    "PodFailurePolicy": JOB_POLICY,
    "FailedIndexes": JOB_INDEXES,
    "MaxFailedIndexesExceeded": JOB_INDEXES,
}


def find_paused(view: View) -> Iterator[Finding]:
    """Deployments paused while their newest template is not yet out."""
    for deployment in view.workloads("Deployment"):
        told_so = text(condition(deployment, "Progressing"), "reason") == "DeploymentPaused"  # all that describe shows
        if deployment.spec.get("paused") is not True and not told_so:
            continue
        wanted = number(deployment.spec, "replicas", default=1)
        if (
            number(deployment.status, "updatedReplicas") >= wanted
            and number(deployment.status, "availableReplicas") >= wanted
        ):
            continue
        yield Finding(
            cause=PAUSED.id, object=deployment.ref, title=f"{deployment.ref}: its rollout is paused, so the newest template is not rolled out",
            evidence=(fact(deployment, "status.conditions[Progressing].reason" if told_so else "spec.paused"), said(deployment, "status.updatedReplicas", f"{number(deployment.status, 'updatedReplicas')} of {wanted} replicas run the newest template")),
            weight=0.88, steps=(change("Resume the rollout", deployment.ref, f"kubectl rollout resume {deployment.ref.argument}{deployment.ref.flags}"),),
        )  # fmt: skip


def find_governing_service(view: View) -> Iterator[Finding]:
    """StatefulSets whose governing Service does not exist although something there is not well, or it is not headless."""
    for workload in view.workloads("StatefulSet"):
        name = text(workload.spec, "serviceName")
        namespace = workload.ref.namespace
        if not name or not view.was_read("Service", namespace):
            continue
        if view.graph.find("Service", namespace, name) is not None:
            continue
        weight = _missed(view, workload, name)
        yield Finding(
            cause=SERVICE.id, object=Ref("Service", namespace, name),
            title=f"Service {name}, the headless Service that {workload.ref} names, does not exist: its pods have no DNS names",
            evidence=(fact(workload, "spec.serviceName"), said(workload, "spec.serviceName", f"namespace {namespace} has no Service {name}")),
            explains=(workload.ref, *(pod.ref for pod in view.pods_of(workload.ref))) if weight > _UNNOTICED else (), weight=weight,
            steps=(change(f"Create the headless Service {namespace}/{name}", workload.ref), listing("services", namespace)),
        )  # fmt: skip


_UNNOTICED = 0.4  # pods start and run without their governing Service; only who asks for their names suffers


def _missed(view: View, workload: Resource, name: str) -> float:
    """How sure it is that the absence hurts: a log asks for the names, the settings hold them, or pods end without a word."""
    if _says_unresolved(view, workload.ref, name):
        return 0.92
    pods = view.pods_of(workload.ref)
    ill = number(workload.status, "readyReplicas") < number(workload.spec, "replicas", default=1)
    told = any(
        f".{name}" in text(entry, "value")
        for container in children(view.template(workload.ref), "containers")
        for entry in children(container, "env")
    )
    # A pod that has not been placed or started waits for something else.
    started = [
        pod for pod in pods if not pod.ready and any(c.exit_code or c.state == "running" for c in pod.containers)
    ]
    silent = ill and bool(started) and not any(view.graph.logs(pod.ref) for pod in started)
    if ill and started and told:
        return 0.8
    return 0.55 if silent else _UNNOTICED


def _says_unresolved(view: View, ref: Ref, name: str) -> bool:
    return any(f".{name}" in log.text[-20_000:] for pod in view.pods_of(ref) for log in view.logs(pod.ref))


def find_stuck_ordinal(view: View) -> Iterator[Finding]:
    """Ordered StatefulSets whose lowest broken ordinal holds up the others."""
    for workload in view.workloads("StatefulSet"):
        wanted = number(workload.spec, "replicas", default=1)
        ready = number(workload.status, "readyReplicas")
        if ready >= wanted or text(workload.spec, "podManagementPolicy") == "Parallel":
            continue
        broken = sorted((pod for pod in view.pods_of(workload.ref) if not pod.ready), key=lambda pod: _ordinal(pod.ref))
        if not broken:
            continue
        first = broken[0]
        yield Finding(
            cause=STUCK.id, object=workload.ref,
            title=f"{workload.ref}: pod {first.ref.name} is not ready, and in order the pods after it wait for it",
            evidence=(said(workload, "status.readyReplicas", f"{ready} of {wanted} ready"), said(first.resource, "status.conditions[Ready]", f"{first.ref} is not ready")),
            explains=(first.ref,), weight=0.4, steps=(describe(first.ref),),
        )  # fmt: skip


def _ordinal(ref: Ref) -> int:
    tail = ref.name.rpartition("-")[2]
    return int(tail) if tail.isdigit() and len(tail) < 9 else 0


def find_terminating(view: View) -> Iterator[Finding]:
    """Pods that were deleted and do not end."""
    for pod in view.troubled:
        deleted = pod.resource.deleted
        if deleted is None:
            continue
        grace = number(
            pod.resource.metadata,
            "deletionGracePeriodSeconds",
            default=number(pod.resource.spec, "terminationGracePeriodSeconds", default=DEFAULT_GRACE),
        )
        hooks = [container for container in pod.containers if mapping(container.spec, "lifecycle", "preStop")]
        asked = deleted - timedelta(seconds=grace)
        waiting = (view.now - asked).total_seconds()
        finalizers = texts(pod.resource.metadata, "finalizers")
        running = [container for container in pod.containers if container.state in ("running", "")]
        if finalizers and not running:
            yield Finding(
                cause=FINALIZER.id, object=pod.ref, title=f"{pod.ref} stays Terminating: finalizer {finalizers[0]} is not removed by its controller",
                evidence=(said(pod.resource, "metadata.finalizers", f"finalizers: {', '.join(finalizers)}"), fact(pod.resource, "metadata.deletionTimestamp")),
                explains=(pod.ref,), weight=0.88, steps=(describe(pod.ref),),
            )  # fmt: skip
        elif waiting > 20 and (hooks or grace > _LONG_GRACE) and view.was_placed_on_ready_node(pod):
            yield _prestop(pod, grace, hooks[0].name if hooks else "", waiting)


def _prestop(pod: PodFact, grace: int, container: str, waiting: float) -> Finding:
    hook = f"the preStop hook of container {container} has not ended" if container else "its processes have not ended"
    evidence = [
        said(
            pod.resource,
            "metadata.deletionTimestamp",
            f"deleted {age_text(waiting)} before this was read, grace period {grace}s",
        ),
    ]
    for entry in pod.containers:
        words = texts(entry.spec, "lifecycle", "preStop", "exec", "command")
        if words:
            evidence.append(
                said(
                    pod.resource,
                    f"spec.containers[{entry.name}].lifecycle.preStop",
                    f"preStop of {entry.name}: {' '.join(words)[:200]}",
                )
            )
    return Finding(
        cause=PRESTOP.id, object=pod.owner,
        title=f"{pod.owner}: pod {pod.ref.name} stays Terminating because {hook} and the grace period is {grace}s",
        evidence=tuple(evidence), explains=(pod.ref,), weight=0.9 if container else 0.75,
        steps=(change(f"Correct the preStop hook or terminationGracePeriodSeconds of {pod.owner}", pod.owner), describe(pod.ref)),
    )  # fmt: skip


def find_job_faults(view: View) -> Iterator[Finding]:
    """Jobs that failed by a rule of their own: by their condition, else by what the Job controller said."""
    for job in view.workloads("Job"):
        failed = condition(job, "Failed")
        if text(failed, "status") == "True" and text(failed, "reason"):
            reason, message = text(failed, "reason"), text(failed, "message")
            proof = said(job, "status.conditions[Failed]", f"Failed: {reason}: {message}")
            yield from _job_fault(view, job.ref, reason, message, proof, instant(failed.get("lastTransitionTime")))
    for event in view.events_with(*_JOB_RULES):
        job_read = view.graph.get(event.about)
        if event.about.kind == "Job" and (job_read is None or not text(condition(job_read, "Failed"), "reason")):
            yield from _job_fault(view, event.about, event.reason, event.message, told(event), event.last)


def _job_fault(
    view: View, job: Ref, reason: str, message: str, proof: Evidence, since: datetime | None
) -> Iterator[Finding]:
    cause = _JOB_RULES.get(reason)
    if cause is None:
        return
    read = view.graph.get(job)
    seconds = text(read.spec, "activeDeadlineSeconds") if read is not None and cause is JOB_DEADLINE else ""
    detail = f" (spec.activeDeadlineSeconds is {seconds})" if seconds else ""
    yield Finding(
        cause=cause.id, object=view.graph.top_owner(job), title=f"{job} failed: {message or reason}{detail}",
        evidence=(proof,), explains=(job, *(pod.ref for pod in view.pods_of(job))), weight=0.78, since=since, steps=(describe(job),),
    )  # fmt: skip


def find_cronjob_faults(view: View) -> Iterator[Finding]:
    """CronJobs that do not start their runs."""
    for cron in view.workloads("CronJob"):
        unreadable = view.events(cron.ref, "UnparseableSchedule", "UnknownTimeZone")
        if unreadable:
            yield Finding(
                cause=CRON_SCHEDULE.id, object=cron.ref, title=f"{cron.ref}: its schedule {text(cron.spec, 'schedule')!r} or time zone cannot be read",
                evidence=(told(unreadable[-1]), fact(cron, "spec.schedule")), weight=0.95, steps=(change("Correct the schedule", cron.ref),),
            )  # fmt: skip
            continue
        if cron.spec.get("suspend") is True:
            continue
        schedule = CronSchedule.parse(text(cron.spec, "schedule"))
        if schedule is not None and schedule.next(view.now) is None:
            yield Finding(
                cause=CRON_SCHEDULE.id, object=cron.ref, title=f"{cron.ref}: its schedule {text(cron.spec, 'schedule')!r} never comes: there is no such date in any year",
                evidence=(fact(cron, "spec.schedule"),), weight=0.9, steps=(change("Correct the schedule", cron.ref),),
            )  # fmt: skip
            continue
        yield from _blocked(view, cron)


def _blocked(view: View, cron: Resource) -> Iterator[Finding]:
    schedule = CronSchedule.parse(text(cron.spec, "schedule"))
    active = [ref for ref in view.graph.children(cron.ref) if ref.kind == "Job" and _is_active(view, ref)]
    oldest = min(
        (job.created for ref in active if (job := view.graph.get(ref)) is not None and job.created), default=None
    )
    due = schedule.runs_between(oldest, view.now - _START_LAG) if schedule and oldest else 0
    held = view.events(cron.ref, "JobAlreadyActive")
    if text(cron.spec, "concurrencyPolicy") == "Forbid" and active and (due >= 1 or held):
        run = active[0]
        since = f" for {age_text((view.now - oldest).total_seconds())}" if oldest else ""
        evidence = [
            fact(cron, "spec.concurrencyPolicy"),
            said(cron, "status.active", f"{run} is still active{since}; {due} further runs were due"),
        ]
        evidence += [told(event) for event in held[-1:]]
        yield Finding(
            cause=CRON_FORBID.id, object=cron.ref,
            title=f"{cron.ref}: the previous run {run.name} is still running{since}, and concurrencyPolicy Forbid keeps new runs from starting",
            evidence=tuple(evidence), explains=tuple(active), weight=0.85 if due >= 1 else 0.7, since=oldest, steps=(describe(run), listing("jobs", cron.ref.namespace)),
        )  # fmt: skip
        return
    missed = view.events(cron.ref, "MissSchedule", "TooManyMissedTimes", "FailedNeedsStart")
    last = instant(cron.status.get("lastScheduleTime")) or cron.created
    if missed and not active and schedule and last and schedule.runs_between(last, view.now) >= 2:
        deadline = cron.spec.get("startingDeadlineSeconds")
        short = isinstance(deadline, int) and deadline < _START_LAG.total_seconds()
        why = (
            f": its startingDeadlineSeconds {deadline} is shorter than the {_START_LAG.seconds} s between two looks of the controller"
            if short
            else ""
        )
        yield Finding(
            cause=CRON_MISSED.id, object=cron.ref, title=f"{cron.ref} has missed runs{why}: {missed[-1].message[:160]}",
            evidence=(told(missed[-1]), fact(cron, "spec.schedule"), *((fact(cron, "spec.startingDeadlineSeconds"),) if short else ())),
            weight=0.85 if short else 0.75, steps=(describe(cron.ref), *((change("Raise startingDeadlineSeconds, or drop it", cron.ref),) if short else ())),
        )  # fmt: skip


def _is_active(view: View, ref: Ref) -> bool:
    job = view.graph.get(ref)
    if job is None:
        return False
    ended = any(
        text(entry, "type") in ("Complete", "Failed") and text(entry, "status") == "True"
        for entry in children(job.status, "conditions")
    )
    return not ended and number(job.status, "active") > 0


RULES = (
    Rule(find=find_paused, causes=(PAUSED,)),
    Rule(find=find_governing_service, causes=(SERVICE,)),
    Rule(find=find_stuck_ordinal, causes=(STUCK,)),
    Rule(find=find_terminating, causes=(PRESTOP, FINALIZER)),
    Rule(find=find_job_faults, causes=(JOB_DEADLINE, JOB_POLICY, JOB_INDEXES)),
    Rule(find=find_cronjob_faults, causes=(CRON_FORBID, CRON_SCHEDULE, CRON_MISSED)),
)
