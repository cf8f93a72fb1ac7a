"""Pods that the cluster itself took off their node: a NoExecute taint, an eviction, a node that is gone.

Each is somebody's decision about a node; a pod that its controller has replaced meanwhile is history.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.steps import describe
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import listed, plural, read
from copilot.model import Evidence, Finding, Ref, Resource, text
from retrievers.graph.placement import Taint, taints_of


def _cause(rule: str, title: str, citation: str, *, brings_about: tuple[str, ...] = (), yields: bool = False) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind="Node",
        fields=("status.conditions[DisruptionTarget]", "event TaintManagerEviction", "Node.spec.taints"),
        severity=Severity.OUTAGE,
        yields=yields,
        brings_about=brings_about,
        steps=("See who changed the node, and when", "Take the change back, or give the pods another place"),
        citation=citation,
    )


TAINTED = _cause(
    "pod.evicted.taint",
    "A NoExecute taint drove the pods off their node",
    "pkg/controller/tainteviction/taint_eviction.go",
    brings_about=("sched.",),
)
EVICTED = _cause(
    "pod.evicted.api",
    "Pods were evicted on request: a drain, a descheduler or a scale-down",
    "pkg/registry/core/pod/storage/eviction.go",
    yields=True,
)
COLLECTED = _cause(
    "pod.gc", "Pods were removed because their node is gone", "pkg/controller/podgc/gc_controller.go", yields=True
)
RECENT = timedelta(hours=1)
_HEALTH = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")  # taints that a node's own illness puts on it
_MARKED = re.compile(r"Marking for deletion Pod (\S+)")


def find_driven_off(view: View) -> Iterator[Finding]:
    """Pods that a taint drove away and that find no place since."""
    nodes = sorted(view.graph.of_kind("Node", group=""), key=lambda node: node.ref)
    tainted = [(node, taint) for node in nodes for taint in _driving(node)]
    waiting = [pod for pod in view.pending if pod.resource.deleted is None]
    if not tainted or not waiting:
        return
    proof, driven = _driven(view)
    hit = [pod for pod in waiting if pod.owner in driven or _by_name(pod, driven)]
    if not hit:
        return
    node, taint = tainted[0]
    names = listed(dict.fromkeys(item.ref.name for item, _ in tainted), 3)
    owners = list(dict.fromkeys(pod.owner for pod in hit))
    yield Finding(
        cause=TAINTED.id,
        object=node.ref,
        title=f"The taint {taint} of {'node' if len(tainted) == 1 else 'nodes'} {names} drove off the pods of {listed([f'{o.kind} {o.name}' for o in owners], 3)}, which find no other place",
        evidence=(*proof[:2], said(node, "spec.taints", f"node {node.ref.name} has the taint {taint}")),
        explains=tuple(dict.fromkeys(ref for pod in hit for ref in (pod.ref, *view.graph.owners(pod.ref)))),
        weight=0.93,
        steps=(describe(node.ref), read("See all taints", "kubectl get nodes -o custom-columns=NAME:.metadata.name,TAINTS:.spec.taints")),
    )  # fmt: skip


def _driving(node: Resource) -> list[Taint]:
    return [taint for taint in taints_of(node) if taint.effect == "NoExecute" and not taint.key.startswith(_HEALTH)]


def _driven(view: View) -> tuple[list[Evidence], set[Ref]]:
    """Owners, or pods that are gone, which the taint manager put out."""
    proof: list[Evidence] = []
    found: set[Ref] = set()
    for event in view.events_with("TaintManagerEviction"):
        if _MARKED.search(event.message) and (event.last is None or view.now - event.last < RECENT):
            proof.append(told(event))
            found |= {event.ref, view.graph.top_owner(event.ref)}
    for pod in view.troubled:
        target = pod.condition("DisruptionTarget")
        if text(target, "reason") == "DeletionByTaintManager":
            proof.append(said(pod.resource, "status.conditions[DisruptionTarget]", f"{pod.ref}: DeletionByTaintManager"))  # fmt: skip
            found |= {pod.ref, pod.owner}
    return proof, found


def _by_name(pod: PodFact, driven: set[Ref]) -> bool:
    """A pod that is gone is known by the name its controller gave it."""
    return any(
        ref.kind == "Pod" and ref.namespace == pod.ref.namespace and ref.name.startswith(f"{pod.owner.name}-")
        for ref in driven
    )


def find_taken_off(view: View) -> Iterator[Finding]:
    """Failed pods that say they were evicted on request or that their node is gone, and that nothing replaced."""
    groups: dict[tuple[str, Ref, str], list[PodFact]] = {}
    for pod in view.troubled:
        reason = text(pod.condition("DisruptionTarget"), "reason")
        lasting = pod.phase == "Failed" and reason in ("EvictionByEvictionAPI", "DeletionByPodGC")
        if lasting and not view.superseded(pod):
            groups.setdefault((reason, pod.owner, pod.node), []).append(pod)
    for (reason, owner, name), pods in groups.items():
        yield _taken(view, reason, owner, name, pods)


def _taken(view: View, reason: str, owner: Ref, name: str, pods: list[PodFact]) -> Finding:
    node = view.graph.get(Ref("Node", "", name))
    cordoned = node is not None and node.spec.get("unschedulable") is True
    collected = reason == "DeletionByPodGC"
    if collected:
        ref, why = (
            Ref("Node", "", name),
            f"their node {name} {'was gone for a time' if node else 'does not exist any more'}",
        )
    elif cordoned:
        ref, why = Ref("Node", "", name), f"node {name} was drained: it is cordoned"
    else:
        ref, why = owner, f"somebody asked for their eviction from node {name}"
    return Finding(
        cause=COLLECTED.id if collected else EVICTED.id,
        object=ref,
        title=f"{plural(len(pods), 'pod')} of {owner} were taken off and not replaced: {why}",
        evidence=(said(pods[0].resource, "status.conditions[DisruptionTarget]", f"{pods[0].ref}: {reason}: {text(pods[0].condition('DisruptionTarget'), 'message')[:240]}"),),
        explains=tuple(dict.fromkeys(ref for pod in pods for ref in (pod.ref, *view.graph.owners(pod.ref)))),
        weight=0.7,
        since=pods[0].resource.created,
        steps=(read("See the nodes and their age", "kubectl get nodes -o wide"), describe(pods[0].ref)),
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(find=find_driven_off, causes=(TAINTED,)),
    Rule(find=find_taken_off, causes=(EVICTED, COLLECTED)),
)
