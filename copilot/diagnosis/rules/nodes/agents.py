"""Agents that every node runs for all its pods: when one is down on a node, the pods there lose what it gives them.

The agent's own trouble is explained by the rules of pods; here it is tied to the node's other pods, which only suffer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.rules.nodes.conditions import victims_on
from copilot.diagnosis.steps import describe
from copilot.diagnosis.view import View, said
from copilot.diagnosis.words import read
from copilot.model import Finding, Ref

AGENT = Cause(
    id="node.agent.down",
    title="An agent that serves all pods of a node does not run there",
    kind="Node",
    fields=("DaemonSet.status.numberReady", "status.containerStatuses", "Node.spec.taints"),
    severity=Severity.OUTAGE,
    yields=True,
    steps=("Read the agent's log on that node", "Compare the node with one on which the agent runs"),
    citation="kubernetes.io/docs/concepts/cluster-administration/networking; kube-proxy",
)

GIVES = (
    (re.compile(r"kube-proxy"), "connections to Service addresses"),
    (re.compile(r"calico-node|canal|^cilium$|^cilium-agent|flannel|weave-net|aws-node|kindnet|antrea-agent|ovnkube-node|kube-router|azure-cns|multus|^sdn$"), "the pod network"),
    (re.compile(r"node-?local-?dns|nodelocaldns|^dns-default$"), "name resolution"),
    (re.compile(r"csi.*node|node.*csi|csi-.*plugin"), "volumes"),
    (re.compile(r"istio-cni|ztunnel|linkerd-cni"), "the service mesh"),
)  # fmt: skip
START = timedelta(minutes=2)  # images are pulled; a longer start is a failure


def find_agents_down(view: View) -> Iterator[Finding]:
    """One finding for each node, or for the whole DaemonSet where the agent runs nowhere."""
    down: dict[Ref, list[PodFact]] = {}
    for pod in view.placed:
        if pod.owner.kind == "DaemonSet" and gives(pod.owner.name) and _fails(view, pod):
            down.setdefault(pod.owner, []).append(pod)
    for owner, pods in down.items():
        everywhere = len(pods) > 1 and len(pods) == len(view.pods_of(owner))
        for group in [pods] if everywhere else [[pod] for pod in pods]:
            yield _finding(view, owner, group, everywhere=everywhere)


def gives(name: str) -> str:
    """What the pods of a node have from the agent of that name; empty when it is none."""
    return next((what for pattern, what in GIVES if pattern.search(name)), "")


def _fails(view: View, pod: PodFact) -> bool:
    born = pod.resource.created
    young = born is not None and view.timed and view.now - born < START
    restarted = any(container.restarts > 1 for container in pod.containers)
    return not pod.ready and pod.resource.deleted is None and (restarted or not young)


def _finding(view: View, owner: Ref, pods: list[PodFact], *, everywhere: bool) -> Finding:
    nodes = [Ref("Node", "", pod.node) for pod in pods]
    own = {pod.ref for pod in pods} | {owner}
    hurt = tuple(ref for node in nodes for ref in victims_on(view, node) if ref not in own)
    state = next((c.reason or c.last_reason for c in pods[0].containers if not c.ready), "") or "not ready"
    where = "on any node" if everywhere else f"on node {pods[0].node}"
    return Finding(
        cause=AGENT.id,
        object=owner if everywhere else nodes[0],
        title=f"{owner.name} does not run {where} (pod {pods[0].ref.name}: {state}), so its pods lose {gives(owner.name)}",
        evidence=tuple(
            said(pod.resource, "status.containerStatuses", f"{pod.ref} on node {pod.node} is not ready: {state}")
            for pod in pods[:3]
        ),
        explains=(*hurt, *(nodes if everywhere else ())),
        weight=0.8 if hurt else 0.6,
        steps=(
            describe(pods[0].ref),
            read("Read its log", f"kubectl logs {pods[0].ref.name} --previous --tail=60{pods[0].ref.flags}"),
            read("See where it runs", f"kubectl get pods{pods[0].ref.flags} -o wide"),
        ),
        points_to=tuple(pod.ref for pod in pods),
    )


def agents_of(view: View, node: str, taint: str) -> tuple[Ref, ...]:
    """The pods in trouble that should take a start-up taint off a node: agents on it whose name the taint's domain holds."""
    domain = taint.partition("/")[0]
    return tuple(
        pod.ref
        for pod in view.placed
        if pod.node == node and pod.owner.kind == "DaemonSet" and any(word in domain for word in _words(pod.owner.name))
    )


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", name) if len(word) > 2 and word not in ("node", "agent", "daemon")]


RULES: tuple[Rule, ...] = (Rule(find=find_agents_down, causes=(AGENT,)),)
