"""Why no node comes: a cluster autoscaler or Karpenter that cannot, with the group, pool, class or claim that says so.

Only pods that wait make it a fault; an order that is on its way is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.pods import PodFact, condition
from copilot.diagnosis.rules.scheduling.case import gates_of, is_waiting
from copilot.diagnosis.steps import change, describe, show
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import listed, read
from copilot.model import Evidence, Finding, NextStep, Ref, Resource, children, instant, mapping, parse_quantity, text
from copilot.model.quantity import format_amount

KARPENTER = "karpenter.sh"
_WAITS = ("sched.insufficient", "sched.mixed", "sched.nodeaffinity", "custom.not_ready", "custom.failed")


def _cause(rule: str, title: str, kind: str, fields: tuple[str, ...], step: str, citation: str) -> Cause:
    return Cause(
        id=rule, title=title, kind=kind, fields=(*fields, "status.conditions[PodScheduled]"),
        brings_about=_WAITS, steps=(step,), citation=citation,
    )  # fmt: skip


FAILED = _cause(
    "sched.autoscaler_no",
    "The cluster autoscaler cannot add a node",
    "ConfigMap",
    ("event FailedToScaleUpGroup", "ConfigMap cluster-autoscaler-status"),
    "Raise the cloud's quota or the group's maximum, or use another group",
    "cluster-autoscaler clusterstate/clusterstate.go",
)
LIMIT = _cause(
    "karpenter.limit",
    "A NodePool has used up its limits",
    "NodePool",
    ("NodePool.spec.limits", "NodePool.status.resources"),
    "Raise the limits, or free nodes",
    "kubernetes-sigs/karpenter pkg/controllers/provisioning/scheduling",
)
CLASS = _cause(
    "karpenter.nodeclass",
    "The node class of a NodePool is not ready",
    "NodeClass",
    ("NodePool.spec.template.spec.nodeClassRef", "NodeClass.status.conditions"),
    "Correct what the class's condition names: subnets, security groups, image or role",
    "kubernetes-sigs/karpenter pkg/controllers/nodepool/readiness",
)
LAUNCH = _cause(
    "karpenter.launch",
    "The cloud does not give the node that was ordered, or it does not join",
    "NodeClaim",
    ("NodeClaim.status.conditions", "event InsufficientCapacityError"),
    "Allow more instance types, zones or capacity types, or look at why the node does not join",
    "kubernetes-sigs/karpenter pkg/controllers/nodeclaim/lifecycle",
)

_FAILURES = ("FailedToScaleUpGroup", "ScaleUpTimedOut", "ScaleUpFailed")
_GROUP = re.compile(
    r"(?:[Ss]cale-up failed for group|Failed to scale-up group|[Nn]ode ?group) ([\w./:\-]{1,200}?)[:,\s]"
)
_BACKOFF = re.compile(
    r"- name: (?P<group>[\w./:\-]{1,200})(?:(?!- name:)[\s\S]){0,3000}?status: Backoff"
    r"(?:(?!- name:)[\s\S]){0,600}?errorMessage: (?P<why>[^\n]{1,400})"
)
_STATUS = "cluster-autoscaler-status"
_LIMITED = re.compile(r"exceed limits for nodepool: \"([\w.\-]{1,253})\"")
_POOLS = re.compile(r"nodepool:? \"([\w.\-]{1,253})\"")
RECENT = timedelta(hours=1)
LAUNCHING = timedelta(minutes=5)
JOINING = timedelta(minutes=15)  # after this Karpenter itself gives a node up


def _waiting(view: View) -> list[PodFact]:
    return [p for p in view.pending if p.resource.deleted is None and not gates_of(p) and is_waiting(view, p)]


def _refs(view: View, pods: Sequence[PodFact]) -> tuple[Ref, ...]:
    return tuple(dict.fromkeys(ref for pod in pods for ref in (pod.ref, *view.graph.owners(pod.ref))))


def _names(pods: Sequence[PodFact]) -> str:
    return listed([f"{owner.kind} {owner.name}" for owner in dict.fromkeys(pod.owner for pod in pods)], 3)


def find_failed_scale_ups(view: View) -> Iterator[Finding]:
    """Groups that the cluster autoscaler tried to enlarge and could not."""
    waiting = _waiting(view)
    if not waiting:
        return
    status = next((c for c in view.graph.of_kind("ConfigMap") if c.ref.name == _STATUS), None)
    failures: dict[str, tuple[str, Evidence]] = {}
    for event in view.events_with(*_FAILURES):
        if event.last is None or view.now - event.last < RECENT:
            named = _GROUP.search(event.message)
            failures[named[1] if named else "a node group"] = (
                event.message.partition(": ")[2] or event.message,
                told(event),
            )
    if status is not None:
        for found in _BACKOFF.finditer(text(status.body, "data", "status")[:100_000]):
            proof = said(status, "data.status", f"node group {found['group']} is in Backoff: {found['why']}")
            failures.setdefault(found["group"], (found["why"], proof))
    for group, (why, proof) in failures.items():
        about = status.ref if status is not None else proof.object
        yield Finding(
            cause=FAILED.id,
            object=about,
            title=f"The cluster autoscaler cannot enlarge {group}: {why.strip()[:220]}, so {_names(waiting)} waits for a node",
            evidence=(proof,),
            explains=_refs(view, waiting),
            weight=0.93,
            steps=(
                show(Ref("ConfigMap", "kube-system", _STATUS), "See what the autoscaler says of its groups"),
                read("Read its log", "kubectl logs -n kube-system -l app=cluster-autoscaler --tail=80"),
            ),
        )  # fmt: skip


def find_karpenter(view: View) -> Iterator[Finding]:
    """Pools, classes and claims that keep Karpenter from giving a waiting pod its node."""
    pools = view.graph.of_kind("NodePool", group=KARPENTER)
    claims = view.graph.of_kind("NodeClaim", group=KARPENTER)
    waiting = _waiting(view) if pools or claims else []
    if not waiting:
        return
    said_of = {pod.ref: " ".join(e.message for e in view.events(pod.ref, "FailedScheduling")[-5:]) for pod in waiting}
    for pool in pools:
        meant = _meant(pool, pools, waiting, said_of)
        if meant:
            yield from _of_pool(view, pool, meant, said_of)
    for claim in claims:
        finding = _of_claim(view, claim, waiting)
        if finding is not None:
            yield finding


def _meant(
    pool: Resource, pools: Sequence[Resource], waiting: Sequence[PodFact], said_of: Mapping[Ref, str]
) -> list[PodFact]:
    """The pods that wait for this pool: it is the only one, they ask for it, or Karpenter names it of them."""
    return [
        pod
        for pod in waiting
        if len(pools) == 1
        or text(pod.resource.spec, "nodeSelector", "karpenter.sh/nodepool") == pool.ref.name
        or pool.ref.name in _POOLS.findall(said_of[pod.ref])
    ]


def _of_pool(view: View, pool: Resource, pods: list[PodFact], said_of: Mapping[Ref, str]) -> Iterator[Finding]:
    ready = condition(pool, "NodeClassReady")
    if text(ready, "status") == "False" or text(condition(pool, "Ready"), "status") == "False":
        yield _of_class(view, pool, pods)
        return
    used_up = _used_up(pool)
    named = [pod for pod in pods if pool.ref.name in _LIMITED.findall(said_of[pod.ref])]
    if not used_up and not named:
        return
    why = listed([f"{name} {used} of {limit}" for name, used, limit in used_up]) or "its limits are used up"
    proof = [told(event) for pod in named[:1] for event in view.events(pod.ref, "FailedScheduling")[-1:]]
    yield _finding(
        view,
        LIMIT,
        pool.ref,
        f"NodePool {pool.ref.name} has reached its limit ({why}), so Karpenter adds no node for {_names(pods)}",
        (said(pool, "status.resources", f"limits: {why}"), *proof),
        pods,
        change("Raise spec.limits of the pool", pool.ref),
    )


def _used_up(pool: Resource) -> list[tuple[str, str, str]]:
    found = []
    for name, value in mapping(pool.spec, "limits").items():
        limit, used = parse_quantity(text(value)), parse_quantity(text(pool.status, "resources", name))
        if limit is not None and used is not None and used >= limit:
            found.append((name, format_amount(name, used), format_amount(name, limit)))
    return found


def _of_class(view: View, pool: Resource, pods: list[PodFact]) -> Finding:
    named = mapping(pool.spec, "template", "spec", "nodeClassRef")
    kind, name = text(named, "kind"), text(named, "name")
    group = text(named, "group") or text(named, "apiVersion").rpartition("/")[0]
    found = view.graph.find(kind, "", name) if kind else None
    entry = condition(pool, "NodeClassReady") or condition(pool, "Ready")
    detail = f"{text(entry, 'reason')}: {text(entry, 'message')}"
    proof = [said(pool, "status.conditions[NodeClassReady]", f"NodePool {pool.ref.name} is not ready: {detail[:240]}")]
    ref = pool.ref
    if found is not None:
        ref = found.ref
        bad = [c for c in children(found.status, "conditions") if text(c, "status") == "False"]
        bad.sort(key=lambda c: text(c, "type") == "Ready")
        if bad:
            detail = f"{text(bad[0], 'type')} is False: {text(bad[0], 'reason')}: {text(bad[0], 'message')}"
            proof.append(said(found, f"status.conditions[{text(bad[0], 'type')}]", detail[:300]))
    elif kind and view.was_read(kind):
        detail = f"{kind} {name} does not exist"
    elif kind:
        ref = Ref(kind, "", name, group)
    return _finding(
        view,
        CLASS,
        ref,
        f"NodePool {pool.ref.name} cannot make nodes: its {kind or 'node class'} {name} is not ready ({detail[:220]}), so {_names(pods)} waits",
        tuple(proof),
        pods,
        change(f"Correct {ref}", ref),
    )


def _of_claim(view: View, claim: Resource, waiting: list[PodFact]) -> Finding | None:
    if claim.deleted is not None:
        return None
    age = view.now - claim.created if claim.created is not None else timedelta()
    for kind, patience in (("Launched", LAUNCHING), ("Registered", JOINING), ("Initialized", JOINING)):
        entry = condition(claim, kind)
        status = text(entry, "status")
        if status == "True":
            continue
        if not entry or (age < patience and status != "False"):
            return None
        refused = view.events(claim.ref, "InsufficientCapacityError", "LaunchFailed", "FailedLaunch")
        why = text(entry, "message") or (refused[-1].message if refused else text(entry, "reason"))
        what = "was not launched" if kind == "Launched" else "was launched but does not join the cluster"
        return _finding(
            view,
            LAUNCH,
            claim.ref,
            f"NodeClaim {claim.ref.name} {what}: {why[:240]}, so {_names(waiting)} waits for a node",
            (
                said(claim, f"status.conditions[{kind}]", f"{kind} = {status}, {text(entry, 'reason')}: {text(entry, 'message')[:300]}"),
                *(told(event) for event in refused[-1:]),
            ),
            waiting,
            read("See the orders", "kubectl get nodeclaims -o wide"),
            weight=0.93 if instant(entry.get("lastTransitionTime")) or refused else 0.8,
        )  # fmt: skip
    return None


def _finding(
    view: View, cause: Cause, ref: Ref, title: str, evidence: tuple[Evidence, ...], pods: Sequence[PodFact], step: NextStep,
    *, weight: float = 0.93,
) -> Finding:  # fmt: skip
    return Finding(
        cause=cause.id, object=ref, title=title, evidence=evidence, explains=_refs(view, pods), weight=weight,
        steps=(describe(ref), read("See pools and orders", "kubectl get nodepools,nodeclaims"), step),
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(find=find_failed_scale_ups, causes=(FAILED,)),
    Rule(find=find_karpenter, causes=(LIMIT, CLASS, LAUNCH)),
)
