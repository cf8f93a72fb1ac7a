"""Pods put out or kept in: budgets that block a drain, evictions by pressure or taint, preemption by priority.

A budget that allows nothing is a fault only while somebody waits for it; a pod that was evicted and replaced is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.pods import PodFact, condition
from copilot.diagnosis.steps import change, describe, listing
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import listed, plural, read
from copilot.model import Evidence, Finding, Ref, Resource, instant, number, text
from retrievers.graph import EdgeKind, EventFact

POLICY = "policy"
RECENT = timedelta(hours=1)
_EVICTION = "pkg/registry/core/pod/rest/eviction.go"


def _cause(
    rule: str,
    title: str,
    *fields: str,
    kind: str,
    yields: bool = False,
    severity: Severity = Severity.DEGRADED,
    citation: str = _EVICTION,
) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind=kind,
        fields=fields,
        severity=severity,
        yields=yields,
        steps=("See which pods are meant", "Change what holds or displaces them"),
        citation=citation,
    )


BLOCKED = _cause(
    "pdb.blocks_eviction",
    "A PodDisruptionBudget allows no eviction, so a drain never ends",
    "PodDisruptionBudget.status.disruptionsAllowed",
    "Node.spec.unschedulable",
    kind="PodDisruptionBudget",
)
MULTIPLE = _cause(
    "pdb.multiple",
    "Several PodDisruptionBudgets select the same pods, so they cannot be evicted",
    "PodDisruptionBudget.spec.selector",
    kind="PodDisruptionBudget",
)
EVICTED = _cause(
    "pod.evicted.resource",
    "A node under pressure evicted the pod",
    "status.reason",
    "status.message",
    kind="Pod",
    yields=True,
    severity=Severity.OUTAGE,
    citation="pkg/kubelet/eviction/helpers.go",
)
EPHEMERAL = _cause(
    "pod.evicted.ephemeral",
    "The pod used more local storage than its limit",
    "status.message",
    kind="Pod",
    severity=Severity.OUTAGE,
    citation="pkg/kubelet/eviction/helpers.go",
)
EMPTY_DIR = _cause(
    "pod.evicted.emptydir",
    "An emptyDir volume outgrew its sizeLimit",
    "status.message",
    "spec.volumes[].emptyDir.sizeLimit",
    kind="Pod",
    severity=Severity.OUTAGE,
    citation="pkg/kubelet/eviction/helpers.go",
)
PREEMPTED = _cause(
    "pod.preempted",
    "Pods of higher priority took the place",
    "event Preempted",
    "spec.priorityClassName",
    kind="Deployment",
    citation="pkg/scheduler/framework/preemption/executor.go",
)

_REFUSED = re.compile(
    r"Cannot evict pod as it would violate the pod's disruption budget|needs \d+ healthy pods and has \d+ currently"
)
_MANY = "more than one PodDisruptionBudget"
_EVICTED_POD = re.compile(r"evicting pods?/\"([^\"]+)\" -n \"([^\"]+)\"")
_BY = re.compile(r"[Pp]reempted by (?:a )?(?:pod )?([\w.\-/]+)(?: on node ([\w.\-]+))?")
_LOW = re.compile(r"low on resource: ([\w\-\[\] ]+)")
_EMPTY = re.compile(r"Usage of EmptyDir volume \"([^\"]+)\" exceeds the limit \"([^\"]+)\"")


def find_blocked_drains(view: View) -> Iterator[Finding]:
    """Budgets without room on nodes that are being drained, or that refused an eviction that somebody tried."""
    refused, several = _tried(view)
    for budget in view.graph.of_kind("PodDisruptionBudget", group=POLICY):
        status = budget.status
        if "disruptionsAllowed" not in status or number(status, "disruptionsAllowed") > 0:
            continue
        meant = _protected(view, budget) or [ref for ref in refused if ref.namespace == budget.ref.namespace]
        pods = [view.pod(pod) for ref in meant if (pod := view.graph.get(ref)) is not None]
        drained = [pod for pod in pods if pod.node and _draining(view, pod.node)]
        tried = {pod.ref: proof for pod in pods if (proof := refused.get(pod.ref)) is not None}
        if drained or tried:
            yield _blocked(view, budget, pods, drained, list(tried.values()))
    for ref, proof in several.items():
        budgets = [edge.source for edge in view.graph.into(ref, EdgeKind.PROTECTS)]
        yield Finding(
            cause=MULTIPLE.id,
            object=budgets[0] if budgets else ref,
            title=f"Pod {ref.path} cannot be evicted: {listed([f'PodDisruptionBudget {b.name}' for b in budgets]) or 'several PodDisruptionBudgets'} select it, and only one may",
            evidence=(proof,),
            explains=(ref,),
            weight=0.9,
            steps=(
                listing("poddisruptionbudgets", ref.namespace),
                change("Narrow the selectors so that each pod has one budget", budgets[0] if budgets else ref),
            ),
        )


def _protected(view: View, budget: Resource) -> list[Ref]:
    return [edge.target for edge in view.graph.out(budget.ref, EdgeKind.PROTECTS) if edge.target.kind == "Pod"]


def _tried(view: View) -> tuple[dict[Ref, Evidence], dict[Ref, Evidence]]:
    """Evictions that were refused: from pasted drains and from events, by pod."""
    refused: dict[Ref, Evidence] = {}
    several: dict[Ref, Evidence] = {}
    for command in view.snapshot.commands:
        for line in command.output.splitlines():
            found = _EVICTED_POD.search(line)
            if found and (_REFUSED.search(line) or _MANY in line):
                ref = Ref("Pod", found[2], found[1])
                proof = Evidence(
                    object=ref, path=f"$ {command.command[:80]}", text=line.strip()[:300], source=command.source
                )
                (several if _MANY in line else refused).setdefault(ref, proof)
    for event in view.all_events:
        if event.ref.kind == "Pod" and (_MANY in event.message or _REFUSED.search(event.message)):
            (several if _MANY in event.message else refused).setdefault(event.ref, told(event))
    return refused, several


def _draining(view: View, node: str) -> bool:
    resource = view.graph.get(Ref("Node", "", node))
    return resource is not None and resource.spec.get("unschedulable") is True


def _blocked(
    view: View, budget: Resource, pods: Sequence[PodFact], drained: Sequence[PodFact], tried: Sequence[Evidence]
) -> Finding:
    status, spec = budget.status, budget.spec
    healthy, wanted, expected = (
        number(status, "currentHealthy"),
        number(status, "desiredHealthy"),
        number(status, "expectedPods"),
    )
    rule = (
        f"minAvailable {text(spec, 'minAvailable')}"
        if text(spec, "minAvailable")
        else f"maxUnavailable {text(spec, 'maxUnavailable')}"
    )
    nodes = list(dict.fromkeys(pod.node for pod in drained))
    where = f"the drain of node {listed(nodes)} cannot end" if nodes else "the eviction is refused"
    ill = [pod.ref for pod in pods if not pod.ready]
    why = (
        f"{healthy} of {expected} pods are healthy and it needs {wanted}"
        if ill
        else f"it needs {wanted} of {expected} pods, so none may go"
    )
    owners = list(dict.fromkeys(pod.owner for pod in pods))
    names = [Ref("Node", "", name) for name in nodes]
    proof = [
        said(
            budget,
            "status.disruptionsAllowed",
            f"disruptionsAllowed = 0: desiredHealthy {wanted}, currentHealthy {healthy}, expectedPods {expected}",
        )
    ]
    proof += [
        said(
            node,
            "spec.unschedulable",
            f"node {name.name} is cordoned and still runs {listed([p.ref.name for p in drained if p.node == name.name])}",
        )
        for name in names[:2]
        if (node := view.graph.get(name)) is not None
    ]
    return Finding(
        cause=BLOCKED.id,
        object=budget.ref,
        title=f"PodDisruptionBudget {budget.ref.name} ({rule}) allows no disruption, so {where}: {why}",
        evidence=(*tried[:1], *proof),
        explains=(*(pod.ref for pod in drained), *owners, *names),
        weight=0.95 if tried else 0.85,
        since=instant(condition(budget, "DisruptionAllowed").get("lastTransitionTime")),
        steps=(
            describe(budget.ref),
            read("See the pods it protects", f"kubectl get pods -n {budget.ref.namespace} -o wide"),
            change("Run one replica more, or relax the budget", budget.ref),
        ),
        doubts=(f"{plural(len(ill), 'protected pod')} not ready: repairing them frees the budget",) if ill else (),
    )


def find_evictions(view: View) -> Iterator[Finding]:
    """Pods that the kubelet or a taint put out and that nothing has replaced."""
    groups: dict[tuple[Ref, str], list[PodFact]] = {}
    for pod in view.troubled:
        if pod.phase != "Failed" or pod.status_reason not in ("Evicted", "") or view.superseded(pod):
            continue
        message = text(pod.resource.status, "message")
        if pod.status_reason == "Evicted" and message:
            groups.setdefault((pod.owner, _kind_of(message).id), []).append(pod)
    for (owner, _), pods in groups.items():
        yield _evicted(owner, pods)


def _kind_of(message: str) -> Cause:
    if _EMPTY.search(message):
        return EMPTY_DIR
    if "local ephemeral storage" in message or "ephemeral local storage" in message:
        return EPHEMERAL
    return EVICTED


def _evicted(owner: Ref, pods: Sequence[PodFact]) -> Finding:
    pod = pods[0]
    message = " ".join(text(pod.resource.status, "message").split())
    cause = _kind_of(message)
    if found := _EMPTY.search(message):
        title = f"{owner}: emptyDir volume {found[1]} outgrew its sizeLimit {found[2]}, so the kubelet evicted {plural(len(pods), 'pod')}"
    elif cause is EPHEMERAL:
        title = f"{owner} used more ephemeral storage than its limit, so the kubelet evicted {plural(len(pods), 'pod')}: {message[:200]}"
    else:
        low = _LOW.search(message)
        title = f"Node {pod.node} was low on {low[1].strip() if low else 'a resource'} and evicted {plural(len(pods), 'pod')} of {owner}: {message[:200]}"
    return Finding(
        cause=cause.id,
        object=owner,
        title=title,
        evidence=(said(pod.resource, "status.message", f"{pod.ref}: Evicted: {message[:400]}"),),
        explains=tuple(member.ref for member in pods),
        weight=0.88,
        since=pod.resource.created,
        steps=(
            describe(Ref("Node", "", pod.node)) if pod.node else describe(pod.ref),
            change("Set requests and limits that fit what the pods use", owner),
        ),
        points_to=(Ref("Node", "", pod.node),) if cause is EVICTED and pod.node else (),
    )


def find_preemptions(view: View) -> Iterator[Finding]:
    """Workloads that lost pods to a higher priority and still wait for a place."""
    waiting = {pod.owner: pod for pod in view.pending}
    for victim, event in preempted_owners(view).items():
        found = _BY.search(event.message)
        winner = found[1] if found else "a pod of higher priority"
        by = _winner(view, winner)
        yield Finding(
            cause=PREEMPTED.id,
            object=by or victim,
            title=f"{victim} lost its place: its pods were preempted by {by or winner} of higher priority, and no room is left for them",
            evidence=(told(event),),
            explains=(waiting[victim].ref, event.ref, victim),
            weight=0.92,
            since=event.first,
            steps=(
                read(
                    "Compare the priorities",
                    "kubectl get pods -A -o custom-columns=NS:.metadata.namespace,NAME:.metadata.name,PRIORITY:.spec.priority --sort-by=.spec.priority",
                ),
                change("Add room, or correct the priority classes", by or victim),
            ),
        )


def preempted_owners(view: View) -> dict[Ref, EventFact]:
    """Workloads with Pending pods whose earlier pods were preempted lately, with the event that says so."""
    waiting = {pod.owner: pod for pod in view.pending}
    found: dict[Ref, EventFact] = {}
    for event in view.events_with("Preempted") if waiting else ():
        about = event.ref
        if about.kind == "Pod" and (event.last is None or view.now - event.last < RECENT):
            victim = _owner_of(view, about, waiting)
            if victim is not None:
                found[victim] = event
    return found


def _owner_of(view: View, pod: Ref, waiting: dict[Ref, PodFact]) -> Ref | None:
    """The workload of a preempted pod, which is gone: by owner, else by the name that its controller gave it."""
    owner = view.graph.top_owner(pod)
    if owner in waiting:
        return owner
    named = [
        ref
        for ref in waiting
        if ref.namespace == pod.namespace and re.fullmatch(re.escape(ref.name) + r"(?:-[a-z0-9]+){1,2}", pod.name)
    ]
    return named[0] if len(named) == 1 else None


def _winner(view: View, named: str) -> Ref | None:
    """The workload of the pod that took the place: events name it by uid or by namespace/name."""
    for pod in view.graph.of_kind("Pod", group=""):
        if named in (pod.uid, pod.ref.path, pod.ref.name):
            return view.graph.top_owner(pod.ref)
    return None


RULES: tuple[Rule, ...] = (
    Rule(find=find_blocked_drains, causes=(BLOCKED, MULTIPLE)),
    Rule(find=find_evictions, causes=(EVICTED, EPHEMERAL, EMPTY_DIR)),
    Rule(find=find_preemptions, causes=(PREEMPTED,)),
)
