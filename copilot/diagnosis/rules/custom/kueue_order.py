"""Kueue workloads held by something other than quota: a strict queue's head, a group that is not complete, nodes that do not come.

The head of a strict queue blocks those behind it although they would fit; that is what is named, not their own wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.pods import PodFact, condition
from copilot.diagnosis.rules.custom.kueue import GROUP, PATIENCE, cluster_queue_of, job_of
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import listed, plural, read
from copilot.model import Finding, Ref, Resource, children, instant, number, parse_quantity, text


def _cause(rule: str, title: str, kind: str, *fields: str, step: str) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind=kind,
        fields=fields,
        severity=Severity.DEGRADED,
        brings_about=("kueue.quota.waiting", "kueue.check.pending", "sched.gated", "custom."),
        steps=(step,),
        citation="kubernetes-sigs/kueue apis/kueue/v1beta1/clusterqueue_types.go, pkg/controller/jobs/pod",
    )


STRICT = _cause(
    "kueue.strict_fifo_block",
    "The head of a strict queue does not fit and blocks those behind it",
    "ClusterQueue",
    "ClusterQueue.spec.queueingStrategy",
    "Workload.status.conditions[QuotaReserved]",
    step="Shrink or remove the head, or use BestEffortFIFO",
)
GROUP_SHORT = _cause(
    "kueue.podgroup.incomplete",
    "A pod group has fewer pods than it announces",
    "Pod",
    "metadata.annotations[kueue.x-k8s.io/pod-group-total-count]",
    "event ErrWorkloadCompose",
    step="Create the missing pods, or correct the total count",
)
NO_NODES = _cause(
    "kueue.provreq.failed",
    "The nodes that a workload was promised cannot be provided",
    "ProvisioningRequest",
    "ProvisioningRequest.status.conditions[Failed]",
    step="Try another zone or flavor, or ask for less",
)

_TOTAL = "kueue.x-k8s.io/pod-group-total-count"
_NAME = "kueue.x-k8s.io/pod-group-name"
_AUTOSCALING = "autoscaling.x-k8s.io"


def find_blocked_queues(view: View) -> Iterator[Finding]:
    """Strict queues whose head waits for quota while others stand behind it."""
    waiting: dict[str, list[Resource]] = {}
    for workload in view.graph.of_kind("Workload", group=GROUP):
        if _waits(view, workload):
            waiting.setdefault(cluster_queue_of(view, workload), []).append(workload)
    for queue in view.graph.of_kind("ClusterQueue", group=GROUP):
        line = sorted(waiting.get(queue.ref.name, ()), key=_place)
        if text(queue.spec, "queueingStrategy") != "StrictFIFO" or len(line) < 2:
            continue
        head, behind = line[0], line[1:]
        why = text(condition(head, "QuotaReserved"), "message")
        jobs = [job_of(view, workload) for workload in behind]
        if not why or text(condition(queue, "Active"), "status") == "False":
            continue
        first = job_of(view, head)
        yield Finding(
            cause=STRICT.id,
            object=queue.ref,
            title=f"ClusterQueue {queue.ref.name} is StrictFIFO: its head {first.kind} {first.path} does not fit and blocks {plural(len(behind), 'workload')} behind it ({listed([f'{j.kind} {j.path}' for j in jobs], 3)})",
            evidence=(
                said(queue, "spec.queueingStrategy", "queueingStrategy = StrictFIFO"),
                said(head, "status.conditions[QuotaReserved].message", f"{head.ref} is first in line: {why[:300]}"),
                said(behind[0], "status.conditions[QuotaReserved]", f"{behind[0].ref} asks for {_sum(behind[0])} and waits behind it"),
            ),
            explains=tuple(dict.fromkeys(ref for w in line for ref in (w.ref, job_of(view, w)))),
            weight=0.88,
            since=instant(condition(head, "QuotaReserved").get("lastTransitionTime")),
            steps=(
                read("See who stands in line", "kubectl get workloads -A | grep -v Admitted"),
                describe(head.ref),
                change("Shrink or remove the head, or use BestEffortFIFO", queue.ref),
            ),
        )  # fmt: skip


def _waits(view: View, workload: Resource) -> bool:
    if workload.deleted is not None or workload.spec.get("active") is False:
        return False
    if any(text(condition(workload, kind), "status") == "True" for kind in ("Finished", "Admitted", "QuotaReserved")):
        return False
    return workload.created is not None and view.now - workload.created > PATIENCE


def _place(workload: Resource) -> tuple[int, datetime | None, Ref]:
    """Kueue's order: priority first, then the older."""
    return -number(workload.spec, "priority"), workload.created, workload.ref


def _sum(workload: Resource) -> str:
    amounts: dict[str, Fraction] = {}
    for group in children(workload.spec, "podSets"):
        count = number(group, "count", default=1)
        for container in children(group, "template", "spec", "containers"):
            for name, value in (container.get("resources") or {}).get("requests", {}).items():
                amounts[name] = amounts.get(name, Fraction(0)) + count * (parse_quantity(text(value)) or 0)
    return listed([f"{name} {float(amount):g}" for name, amount in sorted(amounts.items())]) or "less"


def find_incomplete_groups(view: View) -> Iterator[Finding]:
    """Pod groups of which fewer pods exist than each of them announces."""
    groups: dict[tuple[str, str], list[PodFact]] = {}
    for pod in view.pending:
        name = text(pod.resource.labels, _NAME)
        if name:
            groups.setdefault((pod.ref.namespace, name), []).append(pod)
    for (space, name), pods in groups.items():
        notes = pods[0].resource.metadata.get("annotations") or {}
        wanted = int(text(notes, _TOTAL)) if text(notes, _TOTAL).isdigit() else 0
        members = [pod for pod in view.graph.of_kind("Pod", space) if text(pod.labels, _NAME) == name]
        events = [event for pod in pods for event in view.events(pod.ref, "ErrWorkloadCompose")]
        born = min((pod.resource.created for pod in pods if pod.resource.created), default=None)
        if len(members) >= wanted or born is None or view.now - born < PATIENCE:
            continue
        yield Finding(
            cause=GROUP_SHORT.id,
            object=pods[0].owner,
            title=f"Pod group {name} in namespace {space} has {len(members)} of the {wanted} pods it announces ({_TOTAL}), so Kueue starts none of them",
            evidence=(
                said(pods[0].resource, f"metadata.annotations[{_TOTAL}]", f"{_TOTAL} = {wanted}, {len(members)} pods exist"),
                *(told(event) for event in events[-1:]),
            ),
            explains=tuple(dict.fromkeys(ref for pod in pods for ref in (pod.ref, pod.owner))),
            weight=0.92 if events else 0.85,
            since=born,
            steps=(
                read("See the group's pods", f"kubectl get pods -n {space} -l {_NAME}={name}"),
                describe(pods[0].ref),
            ),
        )  # fmt: skip


def find_failed_provisioning(view: View) -> Iterator[Finding]:
    """Requests for nodes that the cloud or the autoscaler gave up."""
    for request in view.graph.of_kind("ProvisioningRequest", group=_AUTOSCALING):
        for kind in ("Failed", "CapacityRevoked", "BookingExpired"):
            entry = condition(request, kind)
            if text(entry, "status") != "True" or request.deleted is not None:
                continue
            workload = next(
                (view.graph.get(ref) for ref in view.graph.owners(request.ref) if ref.kind == "Workload"), None
            )
            if (
                workload is not None
                and text(condition(workload, "Admitted"), "status") == "True"
                and kind != "CapacityRevoked"
            ):
                break
            who = job_of(view, workload) if workload is not None else None
            yield Finding(
                cause=NO_NODES.id,
                object=request.ref,
                title=f"ProvisioningRequest {request.ref.path} {'failed' if kind == 'Failed' else kind}: {text(entry, 'reason')}: {text(entry, 'message')[:200]}"
                + (f", so {who.kind} {who.path} gets no nodes" if who is not None else ""),
                evidence=(said(request, f"status.conditions[{kind}]", f"{kind} = True, {text(entry, 'reason')}: {text(entry, 'message')[:300]}"),),
                explains=tuple(ref for ref in (workload.ref if workload is not None else None, who) if ref is not None),
                weight=0.93,
                since=instant(entry.get("lastTransitionTime")),
                steps=(describe(request.ref), read("See all such requests", "kubectl get provisioningrequests -A")),
            )  # fmt: skip
            break


RULES: tuple[Rule, ...] = (
    Rule(find=find_blocked_queues, causes=(STRICT,)),
    Rule(find=find_incomplete_groups, causes=(GROUP_SHORT,)),
    Rule(find=find_failed_provisioning, causes=(NO_NODES,)),
)
