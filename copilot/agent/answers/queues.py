"""Batch queues (Kueue): quota used per ClusterQueue and flavor, who was admitted, who waits where and why.

Read by the shape of the objects: a queue is what a workload names, a quota what a queue's resource groups give.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from copilot.agent.answers.lists import say_unread_kind
from copilot.agent.asking import Asking
from copilot.agent.describe import describe_state
from copilot.agent.draft import Draft
from copilot.agent.question import Question
from copilot.diagnosis.pods import condition
from copilot.diagnosis.rules.custom.kueue import GROUP, job_of
from copilot.model import Ref, Resource, children, parse_quantity, text
from copilot.model.quantity import format_amount

_TOLD = 8


def has_queues(asking: Asking) -> bool:
    """Whether the cluster has queues at all."""
    return any(asking.graph.of_kind(kind, group=GROUP) for kind in ("ClusterQueue", "LocalQueue", "Workload"))


def answer_queue(asking: Asking, question: Question, draft: Draft) -> None:
    """Tell the queues asked about, or all, with who waits in them and what they have given."""
    if not has_queues(asking):
        say_unread_kind(asking, question.namespace, draft, "ClusterQueue")
        return
    named = {ref for ref in question.refs if ref.group == GROUP}
    clusters = [one for one in asking.members("ClusterQueue", None) if not named or one.ref in named]
    locals_ = [one for one in asking.members("LocalQueue", question.namespace) if not named or one.ref in named]
    if any(ref.kind == "LocalQueue" for ref in named):
        clusters = []
    workloads = asking.graph.of_kind("Workload", group=GROUP)
    wanted = {queue.ref for queue in (*clusters, *locals_)}
    only_waiting = any(word in question.lowered for word in ("wait", "pending", "queued"))
    if not only_waiting:
        for cluster in clusters[:_TOLD]:
            _say_cluster_queue(cluster, draft)
    for local in locals_[:_TOLD] if not any(ref.kind == "ClusterQueue" for ref in named) else ():
        words = describe_state(asking.view, local)
        draft.say(f"{local.ref}: {words}.", draft.cite(local, "status.pendingWorkloads", words))
    told = 0
    for workload in workloads:
        if told >= _TOLD or (question.namespace and workload.ref.namespace != question.namespace):
            continue
        if named and not _is_in(asking, workload, wanted):
            continue
        told += _say_workload(asking, workload, draft, only_waiting=only_waiting)
    if only_waiting and not told:
        draft.say("No workload waits for quota.", draft.cite_ref(Ref("Workload", question.namespace or "", "*", GROUP), "status.conditions", "none is pending", "list"))  # fmt: skip


def _is_in(asking: Asking, workload: Resource, wanted: set[Ref]) -> bool:
    local = asking.graph.get(Ref("LocalQueue", workload.ref.namespace, text(workload.spec, "queueName"), GROUP))
    name = text(workload.status, "admission", "clusterQueue") or (text(local.spec, "clusterQueue") if local else "")
    return (local is not None and local.ref in wanted) or Ref("ClusterQueue", "", name, GROUP) in wanted


def _say_cluster_queue(queue: Resource, draft: Draft) -> None:
    used: dict[tuple[str, str], Fraction] = {}
    reserved = list(children(queue.status, "flavorsReservation")) or list(children(queue.status, "flavorsUsage"))
    for flavor in reserved:
        for entry in children(flavor, "resources"):
            used[text(flavor, "name"), text(entry, "name")] = parse_quantity(entry.get("total")) or Fraction(0)
    cohort = text(queue.spec, "cohort") or text(queue.spec, "cohortName")
    for group in children(queue.spec, "resourceGroups"):
        for flavor in children(group, "flavors"):
            words = "; ".join(
                _quota_words(text(flavor, "name"), entry, used) for entry in children(flavor, "resources")
            )
            shared = f", cohort {cohort}" if cohort else ""
            draft.say(
                f"{queue.ref}, flavor {text(flavor, 'name')}{shared}: {words}.",
                draft.cite(queue, "spec.resourceGroups", words),
            )


def _quota_words(flavor: str, entry: Mapping[str, Any], used: Mapping[tuple[str, str], Fraction]) -> str:
    name = text(entry, "name")
    nominal = parse_quantity(entry.get("nominalQuota")) or Fraction(0)
    taken = used.get((flavor, name), Fraction(0))
    return f"{format_amount(name, taken)} of {format_amount(name, nominal)} {name} used"


def _say_workload(asking: Asking, workload: Resource, draft: Draft, *, only_waiting: bool) -> int:
    """Say whether a workload waits or runs; 1 when it was told."""
    reserved = condition(workload, "QuotaReserved")
    done = text(condition(workload, "Finished"), "status") == "True"
    waits = text(reserved, "status") != "True" and not done
    if only_waiting and not waits:
        return 0
    job = job_of(asking.view, workload)
    queue = text(workload.spec, "queueName")
    whose = f"{workload.ref}" + (f" of {job}" if job != workload.ref else "")
    if done:
        draft.say(f"{whose} has finished.", draft.cite(workload, "status.conditions[Finished]", "Finished"))
    elif waits:
        why = text(condition(workload, "Preempted"), "message") or text(reserved, "message")
        draft.say(
            f"{whose} waits in queue {queue or '(none)'}" + (f": {why}." if why else "."),
            draft.cite(workload, "status.conditions[QuotaReserved]", why or "no quota reserved"),
        )
    else:
        where = text(workload.status, "admission", "clusterQueue")
        priority = text(workload.spec, "priority")
        words = f"admitted by ClusterQueue {where}" + (f", priority {priority}" if priority else "")
        draft.say(f"{whose} is {words}.", draft.cite(workload, "status.admission", words))
    return 1
