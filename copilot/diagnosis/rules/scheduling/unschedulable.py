"""Pods that no node takes: every node is asked again, and the one constraint to relax is named.

A pod that was just created, that waits for a node on its way or that preemption makes room for is not a fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec

from copilot.diagnosis.cause import Rule
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.rules.scheduling import causes
from copilot.diagnosis.rules.scheduling.case import Case, gates_of, is_waiting, nominated, scheduler_said
from copilot.diagnosis.rules.scheduling.choice import CONTROL_PLANE, Choice, choose, choose_from_text, is_condition
from copilot.diagnosis.rules.scheduling.explain import explain, explain_text
from copilot.diagnosis.rules.scheduling.fit import Nodes, claims_of
from copilot.diagnosis.rules.scheduling.message import Filter, SchedulerMessage
from copilot.diagnosis.rules.workloads.disruption import preempted_owners
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import listed
from copilot.model import Detail, Finding, Ref, children, text
from retrievers.graph.placement import taints_of

# These are decided by the claim, not by the nodes.
_BY_CLAIM = (Filter.VOLUME_UNBOUND, Filter.VOLUME_LOST)
_BY_TEXT = (
    Filter.VOLUME_MISSING,
    Filter.VOLUME_EXCLUSIVE,
    Filter.VOLUME_LIMIT,
    Filter.VOLUME_NONE,
    Filter.VOLUME_SPACE,
)
MAX_GROUPS = 200  # ways to fail; each asks every node, and a person reads a handful


def find_unschedulable(view: View) -> Iterator[Finding]:
    """One finding for each workload and way of not fitting."""
    nodes = Nodes(view)
    groups: dict[tuple[object, ...], list[tuple[PodFact, Case]]] = {}
    for pod in view.pending:
        if pod.resource.deleted is not None or gates_of(pod) or nominated(view, pod) or not is_waiting(view, pod):
            continue
        message, proof = scheduler_said(view, pod)
        if message is None:
            continue
        key = (pod.owner, next(iter(view.graph.owners(pod.ref)), pod.ref), _shape(message))
        groups.setdefault(key, []).append((pod, Case(view, nodes, (pod,), message, proof)))
    displaced = preempted_owners(view) if groups else {}
    for members in list(groups.values())[:MAX_GROUPS]:
        if members[0][0].owner in displaced and members[0][1].message_has(Filter.RESOURCE, Filter.PODS):
            continue  # there was room until a higher priority took it
        case = msgspec.structs.replace(members[0][1], pods=tuple(pod for pod, _ in members))
        yield from _explain(case)


def _shape(message: SchedulerMessage) -> frozenset[tuple[Filter, str]]:
    return frozenset((reason.filter, reason.detail) for reason in message.reasons)


def _explain(case: Case) -> Iterator[Finding]:
    message = case.message
    assert message is not None
    for kind in _BY_CLAIM:
        if message.has(kind):
            yield _unbound(case)
            return
    if message.has(Filter.DEVICE_CLAIM):
        return  # the rules of device claims explain it
    for kind in _BY_TEXT:
        if message.has(kind):
            finding = explain_text(case, kind)
            if finding is not None:
                yield finding
                return
    finding = _by_nodes(case) or _by_text(case, message)
    if finding is not None:
        yield _with_autoscaler(case, finding)


def _by_nodes(case: Case) -> Finding | None:
    pod = case.pod.resource
    if not case.nodes.known or pod.detail is Detail.ROW:
        return None
    choice = choose(pod, case.nodes.fits(pod))
    if choice is None:
        return None
    finding = explain(msgspec.structs.replace(case, choice=choice), choice)
    if choice.others:
        more = listed([kind.value for kind in choice.others])
        return msgspec.structs.replace(finding, doubts=(*finding.doubts, f"the nearest nodes also fail: {more}"))
    return finding


def _by_ill_nodes(case: Case, message: SchedulerMessage) -> Finding | None:
    """The nodes that the scheduler counts as tainted, when as many are known and all are tainted for being ill."""
    if case.pod.resource.detail is Detail.ROW:
        return None
    fits = [fit for fit in case.nodes.fits(case.pod.resource) if fit.node.detail is not Detail.ROW and fit.node.labels]
    ill = tuple(fit for fit in fits if fit.fails_only(Filter.TAINT) and is_condition(fit))
    counted = sum(max(1, reason.count) for reason in message.reasons if reason.filter is Filter.TAINT)
    if not ill or len(ill) != counted:
        return None
    choice = Choice(Filter.TAINT, ill, (), ill)
    return explain(msgspec.structs.replace(case, choice=choice), choice)


def _by_text(case: Case, message: SchedulerMessage) -> Finding | None:
    kind = choose_from_text(message, _control_planes(case.nodes))
    if kind is Filter.TAINT and not case.nodes.known and (finding := _by_ill_nodes(case, message)) is not None:
        return finding
    finding = explain_text(case, kind) if kind is not None else None
    if finding is None or not case.nodes.known or case.pod.resource.detail is Detail.ROW:
        return finding
    if not case.view.was_read("Pod"):  # what stands on the nodes is not known, so the arithmetic proves nothing
        doubt = "the pods of all namespaces were not read, so who holds what could not be recomputed"
        return msgspec.structs.replace(finding, doubts=(*finding.doubts, doubt))
    doubt = "by the objects read, some node could take the pod now"
    return msgspec.structs.replace(finding, weight=0.55, doubts=(*finding.doubts, doubt))


def _control_planes(nodes: Nodes) -> int:
    return sum(
        any(key in node.labels for key in CONTROL_PLANE) or any(taint.key in CONTROL_PLANE for taint in taints_of(node))
        for node in nodes.all.values()
    )


def _unbound(case: Case) -> Finding:
    claims = [claim for claim in claims_of(case.pod.resource) if _is_unbound(case.view, claim)]
    return case.finding(
        causes.VOLUME_UNBOUND,
        f"{case.who} waits for {listed([f'PersistentVolumeClaim {claim.name}' for claim in claims]) or 'a claim'} to be bound",
        ref=case.pod.ref,
        points_to=tuple(claims),
    )


def _is_unbound(view: View, claim: Ref) -> bool:
    resource = view.graph.get(claim)
    return resource is None or resource.status.get("phase") != "Bound"


def _with_autoscaler(case: Case, finding: Finding) -> Finding:
    refused = case.view.events(case.pod.ref, "NotTriggerScaleUp")
    if not refused:
        return finding
    why = refused[-1].message.rpartition(": ")[2].strip()[:160]
    title = f"{finding.title}; the cluster autoscaler adds no node ({why})" if why else finding.title
    return msgspec.structs.replace(finding, title=title, evidence=(*finding.evidence, told(refused[-1])))


_GATE_OPENS = timedelta(minutes=1)  # a controller that owns a gate looks at other things first
_GATED = "status.conditions[PodScheduled].reason"


def _is_gated(pod: PodFact) -> bool:
    """What the API server says of a pod with gates, where the pod was not shown in full."""
    return any(text(one, "reason") == "SchedulingGated" for one in children(pod.resource.status, "conditions"))


def find_gated(view: View) -> Iterator[Finding]:
    """Pods held by scheduling gates: a controller has to let them go."""
    for pod in view.pending:
        gates = gates_of(pod)
        created = pod.resource.created
        young = view.timed and created is not None and view.now - created < _GATE_OPENS
        if not (gates or _is_gated(pod)) or young or pod.resource.deleted is not None or not is_waiting(view, pod):
            continue
        case = Case(view, Nodes(view), (pod,))
        named = f"the scheduling gate {listed(gates)}" if gates else "a scheduling gate"
        proof = ("spec.schedulingGates", f"schedulingGates: {listed(gates)}") if gates else (_GATED, "SchedulingGated")
        yield case.finding(
            causes.GATED,
            f"{case.who} is held by {named}: the controller that owns it has not let it go",
            evidence=(said(pod.resource, *proof),),
            weight=0.55,
        )


RULES: tuple[Rule, ...] = (
    Rule(find=find_unschedulable, causes=tuple(cause for cause in causes.ALL if cause is not causes.GATED)),
    Rule(find=find_gated, causes=(causes.GATED,)),
)
