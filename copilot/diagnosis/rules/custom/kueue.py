"""Kueue workloads that wait or were put out: which quota is short by how much, who holds it, who preempted whom.

Waiting a moment in a queue is what queues are for; only a wait with a stated obstacle is explained.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from fractions import Fraction

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.pods import condition
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, said
from copilot.diagnosis.words import listed, read
from copilot.model import Evidence, Finding, Ref, Resource, children, instant, parse_quantity, text
from copilot.model.likeness import nearest
from copilot.model.quantity import format_amount

GROUP = "kueue.x-k8s.io"
PATIENCE = timedelta(minutes=2)  # admission cycles run every second; a stated obstacle that lasts is one


def _cause(
    rule: str, title: str, kind: str, *fields: str, yields: bool = False, severity: Severity = Severity.DEGRADED
) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind=kind,
        fields=("Workload.status.conditions", *fields),
        severity=severity,
        yields=yields,
        steps=("Read the Workload's conditions", "Compare request and quota of its queue"),
        citation="kubernetes-sigs/kueue pkg/scheduler, apis/kueue/v1beta1/workload_types.go",
    )


PREEMPTED = _cause(
    "kueue.preempted", "A workload was preempted for another", "Job", "Workload.status.conditions[Preempted]"
)
WAITING = _cause(
    "kueue.quota.waiting",
    "A workload waits for quota that others hold",
    "ClusterQueue",
    "ClusterQueue.status.flavorsUsage",
    yields=True,
)
EXCEEDS = _cause(
    "kueue.quota.exceeds_max",
    "A workload asks for more than its queue can ever give",
    "Job",
    "ClusterQueue.spec.resourceGroups",
    severity=Severity.OUTAGE,
)
NO_FLAVOR = _cause(
    "kueue.quota.no_flavor",
    "No flavor of the queue fits the workload",
    "Job",
    "ResourceFlavor.spec",
    severity=Severity.OUTAGE,
)
NOT_COVERED = _cause(
    "kueue.quota.resource_absent",
    "The queue does not cover a resource the workload asks for",
    "ClusterQueue",
    "ClusterQueue.spec.resourceGroups[].coveredResources",
    severity=Severity.OUTAGE,
)
NO_QUEUE = _cause(
    "kueue.localqueue.missing",
    "The workload names a LocalQueue that does not exist",
    "Job",
    "metadata.labels[kueue.x-k8s.io/queue-name]",
    severity=Severity.OUTAGE,
)
INACTIVE = _cause(
    "kueue.clusterqueue.inactive",
    "A queue does not admit workloads",
    "ClusterQueue",
    "ClusterQueue.status.conditions[Active]",
    severity=Severity.OUTAGE,
)
STOPPED = _cause("kueue.clusterqueue.stopped", "A queue was stopped", "ClusterQueue", "ClusterQueue.spec.stopPolicy")
FLAVOR = _cause(
    "kueue.clusterqueue.flavor_missing",
    "A queue names a ResourceFlavor that does not exist",
    "ClusterQueue",
    "ClusterQueue.spec.resourceGroups[].flavors[]",
    severity=Severity.OUTAGE,
)
NAMESPACE = _cause(
    "kueue.namespace_mismatch",
    "The queue does not serve the workload's namespace",
    "ClusterQueue",
    "ClusterQueue.spec.namespaceSelector",
    severity=Severity.OUTAGE,
)
TOPOLOGY = _cause(
    "kueue.tas.nofit", "No topology domain has room for the whole workload", "Job", severity=Severity.DEGRADED
)
DEACTIVATED = _cause(
    "kueue.deactivated", "A workload was deactivated and will not come back by itself", "Job", "Workload.spec.active"
)
PODS_READY = _cause(
    "kueue.evicted.podsready", "A workload was evicted because its pods were not ready in time", "Job", yields=True
)
CHECK = _cause(
    "kueue.check.pending",
    "An admission check has not passed",
    "Workload",
    "Workload.status.admissionChecks",
    yields=True,
)

_UID = re.compile(r"UID: ([\w\-]{8,64})")
_MORE = re.compile(
    r"insufficient unused quota (?:in cohort )?for ([\w./\-]+) in flavor ([\w.\-]+), ([\w.]+) more needed"
)
_MESSAGES: tuple[tuple[re.Pattern[str], Cause], ...] = (
    (_MORE, WAITING),
    (re.compile(r"maximum capacity|request > maximum|insufficient quota for"), EXCEEDS),
    (re.compile(r"untolerated taint|doesn't match (?:node )?affinity|flavor .{1,80} not (?:found|match)"), NO_FLAVOR),
    (re.compile(r"unavailable in ClusterQueue"), NOT_COVERED),
    (re.compile(r"LocalQueue .{1,80}doesn't exist"), NO_QUEUE),
    (re.compile(r"(?:Local|Cluster)Queue .{1,80}(?:is )?(?:inactive|stopped|doesn't exist)", re.IGNORECASE), INACTIVE),
    (re.compile(r"namespace doesn't match ClusterQueue selector", re.IGNORECASE), NAMESPACE),
    (re.compile(r"topology .{1,120}(?:doesn't allow to fit|allows to fit only)"), TOPOLOGY),
)


def find_kueue_waits(view: View) -> Iterator[Finding]:
    """One finding for each Workload that is held, put out or turned off."""
    workloads = view.graph.of_kind("Workload", group=GROUP)
    for workload in workloads:
        if workload.deleted is not None or text(condition(workload, "Finished"), "status") == "True":
            continue
        finding = _explain(view, workload, workloads)
        if finding is not None:
            yield finding


def job_of(view: View, workload: Resource) -> Ref:
    """The job that the Workload stands for."""
    return view.graph.top_owner(workload.ref)


def _explain(view: View, workload: Resource, workloads: list[Resource]) -> Finding | None:
    admitted = text(condition(workload, "Admitted"), "status") == "True"
    evicted, preempted = condition(workload, "Evicted"), condition(workload, "Preempted")
    if workload.spec.get("active") is False:
        detail = text(evicted, "message") or text(evicted, "reason")
        return _finding(
            view,
            DEACTIVATED,
            workload,
            f"{_job(view, workload)} was deactivated by Kueue: {detail[:200]}",
            "Evicted",
            weight=0.9,
        )
    if admitted:
        return None
    if text(preempted, "status") == "True" or (
        text(evicted, "status") == "True" and text(evicted, "reason") == "Preempted"
    ):
        return _preempted(view, workload, workloads, preempted or evicted)
    if text(evicted, "status") == "True" and text(evicted, "reason") == "PodsReadyTimeout":
        return _finding(
            view,
            PODS_READY,
            workload,
            f"Kueue evicted {_job(view, workload)}: its pods were not ready in time ({text(evicted, 'message')[:160]})",
            "Evicted",
            weight=0.75,
        )
    reserved = condition(workload, "QuotaReserved")
    if text(reserved, "status") == "True":
        return _check(view, workload)
    since = instant(reserved.get("lastTransitionTime")) or workload.created
    if since is not None and view.now - since < PATIENCE:
        return None
    return _waiting(view, workload, text(reserved, "message"))


def _job(view: View, workload: Resource) -> str:
    ref = job_of(view, workload)
    return f"{ref.kind} {ref.path}"


def _preempted(view: View, workload: Resource, workloads: list[Resource], entry: Mapping[str, object]) -> Finding:
    message = text(entry, "message")
    found = _UID.search(message)
    winner = next((other for other in workloads if found and other.uid == found[1]), None)
    victim = _job(view, workload)
    proof: tuple[Evidence, ...] = ()
    if winner is not None:
        job = job_of(view, winner)
        ranks = f"priority {text(winner.spec, 'priority') or '0'} over {text(workload.spec, 'priority') or '0'}"
        proof = (said(winner, "spec.priority", f"{winner.ref} of {job} has {ranks}"),)
        title = f"Kueue preempted {victim} to make room for {job.kind} {job.path} ({ranks}) in ClusterQueue {cluster_queue_of(view, workload) or 'of its queue'}"
        ref = job
    else:
        title, ref = f"Kueue preempted {victim} for another workload: {message[:200]}", job_of(view, workload)
    return _finding(view, PREEMPTED, workload, title, text(entry, "type"), ref=ref, evidence=proof, weight=0.93)


def _queue_of(view: View, workload: Resource) -> Resource | None:
    return view.graph.get(Ref("LocalQueue", workload.ref.namespace, text(workload.spec, "queueName"), GROUP))


def cluster_queue_of(view: View, workload: Resource) -> str:
    """The ClusterQueue that the workload's LocalQueue leads to."""
    queue = _queue_of(view, workload)
    return text(queue.spec, "clusterQueue") if queue is not None else ""


def _waiting(view: View, workload: Resource, message: str) -> Finding | None:
    name = text(workload.spec, "queueName")
    queue = _queue_of(view, workload)
    if name and queue is None and view.was_read("LocalQueue", workload.ref.namespace):
        near = nearest(name, [item.ref.name for item in view.graph.of_kind("LocalQueue", workload.ref.namespace)])
        return _finding(
            view,
            NO_QUEUE,
            workload,
            f"{_job(view, workload)} names LocalQueue {name}, which does not exist in namespace {workload.ref.namespace}"
            + (f" (there is {near})" if near else ""),
            "QuotaReserved",
            ref=job_of(view, workload),
            weight=0.93,
        )
    cluster = view.graph.get(Ref("ClusterQueue", "", cluster_queue_of(view, workload), GROUP))
    if cluster is not None and (stopped := _inactive(view, workload, cluster)) is not None:
        return stopped
    cause = next((cause for pattern, cause in _MESSAGES if pattern.search(message)), None)
    if cause is None:
        return None
    if cause is WAITING:
        return _quota(view, workload, cluster, message)
    shared = cluster is not None and cause in (NOT_COVERED, NAMESPACE, INACTIVE)
    ref = cluster.ref if shared and cluster is not None else job_of(view, workload)
    queue_name = f"ClusterQueue {cluster.ref.name}" if cluster is not None else f"queue {name}"
    return _finding(
        view,
        cause,
        workload,
        f"{_job(view, workload)} is not admitted by {queue_name}: {message[:240]}",
        "QuotaReserved",
        ref=ref,
        weight=0.88,
    )


def _inactive(view: View, workload: Resource, cluster: Resource) -> Finding | None:
    active = condition(cluster, "Active")
    if text(active, "status") != "False":
        return None
    reason, message = text(active, "reason"), text(active, "message")
    cause = (
        STOPPED
        if reason == "Stopped" or text(cluster.spec, "stopPolicy") in ("Hold", "HoldAndDrain")
        else FLAVOR
        if "Flavor" in reason
        else INACTIVE
    )
    proof = (said(cluster, "status.conditions[Active]", f"Active = False, {reason}: {message[:240]}"),)
    return _finding(
        view,
        cause,
        workload,
        f"ClusterQueue {cluster.ref.name} admits nothing ({reason}): {message[:200]}, so {_job(view, workload)} waits",
        "QuotaReserved",
        ref=cluster.ref,
        evidence=proof,
        weight=0.93,
    )


def _quota(view: View, workload: Resource, cluster: Resource | None, message: str) -> Finding:
    found = _MORE.search(message)
    assert found is not None
    resource, flavor, more = found[1], found[2], found[3]
    ref = cluster.ref if cluster is not None else job_of(view, workload)
    holders = _holders(view, cluster.ref.name if cluster is not None else "", resource)
    held = listed([f"{job} {format_amount(resource, amount)}" for job, amount in holders], 3)
    proof = (
        (
            said(
                cluster,
                "status.flavorsUsage",
                f"{resource} of flavor {flavor} is held by {held or 'nobody that was read'}",
            ),
        )
        if cluster is not None
        else ()
    )
    return _finding(
        view,
        WAITING,
        workload,
        f"{_job(view, workload)} waits for quota: {more} more {resource} needed in flavor {flavor} of ClusterQueue {ref.name}"
        + (f", held by {held}" if held else ""),
        "QuotaReserved",
        ref=ref,
        evidence=proof,
        weight=0.8,
    )


def _holders(view: View, cluster_queue: str, resource: str) -> list[tuple[Ref, Fraction]]:
    held: dict[Ref, Fraction] = defaultdict(Fraction)
    for workload in view.graph.of_kind("Workload", group=GROUP):
        if cluster_queue and text(workload.status, "admission", "clusterQueue") == cluster_queue:
            for assigned in children(workload.status, "admission", "podSetAssignments"):
                amount = parse_quantity(text(assigned, "resourceUsage", resource))
                held[job_of(view, workload)] += amount or 0
    return sorted(((job, amount) for job, amount in held.items() if amount), key=lambda pair: (-pair[1], pair[0]))


def _check(view: View, workload: Resource) -> Finding | None:
    for check in children(workload.status, "admissionChecks"):
        state, since = text(check, "state"), instant(check.get("lastTransitionTime"))
        if state in ("Pending", "Retry", "Rejected") and (since is None or view.now - since > PATIENCE):
            return _finding(
                view,
                CHECK,
                workload,
                f"{_job(view, workload)} has its quota, but admission check {text(check, 'name')} is {state}: {text(check, 'message')[:200]}",
                "QuotaReserved",
                weight=0.75,
            )
    return None


def _finding(
    view: View,
    cause: Cause,
    workload: Resource,
    title: str,
    kind: str,
    *,
    ref: Ref | None = None,
    evidence: tuple[Evidence, ...] = (),
    weight: float,
) -> Finding:
    entry = condition(workload, kind)
    job = job_of(view, workload)
    target = ref or job
    proof = said(
        workload,
        f"status.conditions[{kind}].message",
        f"{workload.ref}: {kind} = {text(entry, 'status')}, {text(entry, 'reason')}: {text(entry, 'message')[:300]}",
    )
    return Finding(
        cause=cause.id,
        object=target,
        title=title,
        evidence=(proof, *evidence),
        explains=tuple(dict.fromkeys((workload.ref, job))),
        weight=weight,
        since=instant(entry.get("lastTransitionTime")),
        steps=(
            describe(workload.ref),
            read("See the queues and their use", "kubectl get clusterqueues,localqueues -A -o wide"),
            change("Shrink the request, raise the quota, or wait", target),
        ),
    )


RULES: tuple[Rule, ...] = (
    Rule(
        find=find_kueue_waits,
        causes=(
            PREEMPTED,
            WAITING,
            EXCEEDS,
            NO_FLAVOR,
            NOT_COVERED,
            NO_QUEUE,
            INACTIVE,
            STOPPED,
            FLAVOR,
            NAMESPACE,
            TOPOLOGY,
            DEACTIVATED,
            PODS_READY,
            CHECK,
        ),
    ),
)
