"""Jobs that wait for a Kueue queue which does not exist, so that no Workload is ever made for them."""

from __future__ import annotations

from collections.abc import Iterator

from copilot.diagnosis.cause import Rule
from copilot.diagnosis.rules.custom import kueue_order
from copilot.diagnosis.rules.custom.kueue import GROUP, NO_QUEUE
from copilot.diagnosis.steps import describe
from copilot.diagnosis.view import View, said
from copilot.diagnosis.words import read
from copilot.model import Finding, Ref, text
from copilot.model.likeness import nearest

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"


def find_unqueued_jobs(view: View) -> Iterator[Finding]:
    """Suspended Jobs whose queue label names no LocalQueue, and for which no Workload was made."""
    if not view.was_read("LocalQueue", "*"):
        return
    for job in view.workloads("Job"):
        name = text(job.labels, QUEUE_LABEL)
        if (
            not name
            or job.spec.get("suspend") is not True
            or view.graph.get(Ref("LocalQueue", job.ref.namespace, name, GROUP)) is not None
        ):
            continue
        near = nearest(name, [item.ref.name for item in view.graph.of_kind("LocalQueue", job.ref.namespace)])
        yield Finding(
            cause=NO_QUEUE.id,
            object=job.ref,
            title=f"{job.ref} names LocalQueue {name}, which does not exist in namespace {job.ref.namespace}"
            + (f" (there is {near})" if near else ""),
            evidence=(said(job, f"metadata.labels[{QUEUE_LABEL}]", f"queue-name = {name}, spec.suspend = true"),),
            weight=0.9,
            since=job.created,
            steps=(describe(job.ref), read("List the LocalQueues", f"kubectl get localqueues -n {job.ref.namespace}")),
        )


RULES: tuple[Rule, ...] = (Rule(find=find_unqueued_jobs, causes=()), *kueue_order.RULES)
