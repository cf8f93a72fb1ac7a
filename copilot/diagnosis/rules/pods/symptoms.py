"""Symptoms: what a person sees first. Links of a chain, never an answer; what no cause explains is said to be unexplained."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.pods import PodFact, condition
from copilot.diagnosis.probes import probe_of
from copilot.diagnosis.view import View, said
from copilot.model import Finding, Ref, Resource, children, number, text

_WARM_UP = timedelta(seconds=45)  # image pull and start of an ordinary pod; younger is transient, not stuck
_PULL = timedelta(minutes=10)  # a model server's image of some ten GiB

POD = Cause(
    id="pod.unhealthy",
    title="A pod is not as it should be",
    kind="Pod",
    fields=("status",),
    secondary=True,
    citation="k8s.io/api/core/v1 PodStatus",
)
DEPLOYMENT = Cause(
    id="deploy.minavailable",
    title="A Deployment has fewer available replicas than wanted",
    kind="Deployment",
    fields=("status.availableReplicas", "status.conditions[Available]"),
    secondary=True,
    citation="kubernetes pkg/controller/deployment/util",
)
DEADLINE = Cause(
    id="deploy.deadline",
    title="A rollout has timed out",
    kind="Deployment",
    fields=("status.conditions[Progressing]",),
    secondary=True,
    citation="kubernetes pkg/controller/deployment/progress.go",
)
STATEFUL = Cause(
    id="sts.not_ready",
    title="A StatefulSet has fewer ready replicas than wanted",
    kind="StatefulSet",
    fields=("status.readyReplicas",),
    secondary=True,
    citation="kubernetes pkg/controller/statefulset",
)
REPLICAS = Cause(
    id="rs.not_ready",
    title="A ReplicaSet has fewer ready replicas than wanted",
    kind="ReplicaSet",
    fields=("status.readyReplicas",),
    secondary=True,
    citation="kubernetes pkg/controller/replicaset",
)
DAEMON = Cause(
    id="ds.misscheduled",
    title="A DaemonSet is not ready on every node it should be",
    kind="DaemonSet",
    fields=("status.numberReady",),
    secondary=True,
    citation="kubernetes pkg/controller/daemon",
)
JOB = Cause(
    id="job.backofflimit",
    title="A Job has failed",
    kind="Job",
    fields=("status.conditions[Failed]",),
    secondary=True,
    citation="kubernetes pkg/controller/job",
)


def find_symptoms(view: View) -> Iterator[Finding]:
    """Every object that is visibly not well."""
    starting: set[Ref] = set()
    stuck: set[Ref] = set()
    for pod in view.troubled:
        if _transient(view, pod):
            starting.add(pod.owner)
        elif not (pod.failed and view.superseded(pod)):
            stuck.add(pod.owner)
            yield _symptom(POD, pod.resource, "status", pod_status(pod))
    for deployment in view.workloads("Deployment"):
        if deployment.ref not in starting or deployment.ref in stuck or _gave_up(deployment):
            yield from _deployment(deployment)
    for replica_set in view.workloads("ReplicaSet"):
        if all(view.graph.get(owner) is None for owner in view.graph.owners(replica_set.ref)):
            yield from _short(REPLICAS, replica_set, number(replica_set.spec, "replicas", default=1), "readyReplicas")
    for workload in view.workloads("StatefulSet"):
        yield from _short(STATEFUL, workload, number(workload.spec, "replicas", default=1), "readyReplicas")
    for workload in view.workloads("DaemonSet"):
        yield from _short(DAEMON, workload, number(workload.status, "desiredNumberScheduled"), "numberReady")
    for job in view.workloads("Job"):
        failed = condition(job, "Failed")
        if text(failed, "status") == "True":
            yield _symptom(
                JOB,
                job,
                "status.conditions[Failed]",
                f"failed: {text(failed, 'reason')} {text(failed, 'message')}".strip(),
            )


def pod_status(pod: PodFact) -> str:
    """What `kubectl get pods` would print in its STATUS column, with the container it comes from."""
    if pod.resource.deleted is not None:
        return "Terminating"
    if pod.status_reason:
        return pod.status_reason
    for container in pod.containers:
        if container.state == "waiting" and container.reason not in ("", "PodInitializing", "ContainerCreating"):
            return f"{'Init:' if container.init else ''}{container.reason} (container {container.name})"
        if container.state == "terminated" and container.exit_code:
            return (
                f"{container.last_reason or 'Error'} with exit code {container.exit_code} (container {container.name})"
            )
    if pod.phase == "Running" and not pod.ready:
        down = [container.name for container in pod.containers if not container.init and not container.ready]
        return f"Running but not ready (container {', '.join(down)})" if down else "Running but not ready"
    if pod.phase == "Pending" and pod.node:
        return "ContainerCreating"
    restarted = [container for container in pod.containers if container.restarts]
    if pod.phase == "Running" and restarted:
        return f"restarted {restarted[0].restarts} times, last with exit code {restarted[0].exit_code} (container {restarted[0].name})"
    return pod.phase or "unknown"


def _gave_up(deployment: Resource) -> bool:
    return text(condition(deployment, "Progressing"), "reason") == "ProgressDeadlineExceeded"


def _pulling(view: View, pod: PodFact) -> bool:
    """Whether the kubelet is at pulling an image, and nothing has gone wrong with it yet."""
    told_of = view.events(pod.ref, "Pulling", "Pulled", "Failed", "BackOff")
    return bool(told_of) and all(event.reason == "Pulling" for event in told_of)


def _transient(view: View, pod: PodFact) -> bool:
    """Whether the pod may simply be starting: young, never restarted, nothing refused."""
    created = pod.resource.created
    if (
        not view.timed
        or created is None
        or any(container.restarts for container in pod.containers)
        or pod.phase == "Failed"
    ):
        return False
    if any(container.reason not in ("", "ContainerCreating", "PodInitializing") for container in pod.containers):
        return False
    patience = _PULL if _pulling(view, pod) else _WARM_UP
    for container in pod.containers:
        for key in ("startupProbe", "readinessProbe"):
            probe = probe_of(container.spec, key)
            if probe is not None:
                patience = max(patience, timedelta(seconds=probe.initial_delay + probe.period * 2))
    return view.now - created < patience


def _deployment(deployment: Resource) -> Iterator[Finding]:
    progressing = condition(deployment, "Progressing")
    if text(progressing, "reason") == "ProgressDeadlineExceeded":
        yield _symptom(
            DEADLINE, deployment, "status.conditions[Progressing]", f"rollout timed out: {text(progressing, 'message')}"
        )
    wanted = number(deployment.spec, "replicas", default=1)
    available = number(deployment.status, "availableReplicas")
    unavailable = text(condition(deployment, "Available"), "status") == "False"
    if available < wanted and (unavailable or (_old_enough(deployment) and not _rolling(deployment))):
        yield _symptom(
            DEPLOYMENT, deployment, "status.availableReplicas", f"{available} of {wanted} replicas available"
        )


def _rolling(deployment: Resource) -> bool:
    """Whether a rollout within its deadline and its maxUnavailable is under way: fewer replicas are then as it should be."""
    going_on = text(condition(deployment, "Progressing"), "reason") in (
        "ReplicaSetUpdated", "NewReplicaSetCreated", "FoundNewReplicaSet"
    )  # fmt: skip
    return going_on and text(condition(deployment, "Available"), "status") == "True"


def _old_enough(workload: Resource) -> bool:
    """Whether a shortfall is more than the usual moment of a rollout: some condition says so."""
    reasons = [text(entry, "reason") for entry in children(workload.status, "conditions")]
    return (
        "ProgressDeadlineExceeded" in reasons
        or "FailedCreate" in reasons
        or number(workload.status, "unavailableReplicas") > 0
    )


def _short(cause: Cause, workload: Resource, wanted: int, field: str) -> Iterator[Finding]:
    have = number(workload.status, field)
    if have < wanted:
        yield _symptom(cause, workload, f"status.{field}", f"{have} of {wanted} ready")


def _symptom(cause: Cause, resource: Resource, path: str, words: str) -> Finding:
    ref: Ref = resource.ref
    return Finding(
        cause=cause.id,
        object=ref,
        title=f"{ref}: {words}",
        evidence=(said(resource, path, f"{ref}: {words}"),),
        weight=0.9,
    )


RULES = (Rule(find=find_symptoms, causes=(POD, DEPLOYMENT, DEADLINE, REPLICAS, STATEFUL, DAEMON, JOB)),)
