"""Pods that a kubelet turned away after they were placed: room, devices, labels, sysctls. They stay Failed for ever.

A pod that its controller has replaced meanwhile is history.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, said
from copilot.diagnosis.words import plural
from copilot.model import Finding, Ref, text


def _cause(rule: str, title: str, citation: str, *, kind: str = "Node", yields: bool = False) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind=kind,
        fields=("status.reason", "status.message", "spec.nodeName"),
        severity=Severity.DEGRADED,
        yields=yields,
        steps=("Compare the pod with the node that refused it", "Delete the failed pod once the cause is gone"),
        citation=citation,
    )


ROOM = _cause(
    "pod.admission.outof",
    "The kubelet had less room than the scheduler believed",
    "pkg/kubelet/lifecycle/predicate.go",
    yields=True,
)
LABELS = _cause(
    "pod.admission.nodeaffinity",
    "The node's labels no longer match the pod that was placed there",
    "pkg/kubelet/lifecycle/predicate.go",
)
DEVICES = _cause(
    "pod.admission.unexpected",
    "The kubelet's device manager refused the pod",
    "pkg/kubelet/cm/admission/errors.go",
    yields=True,
)
TOPOLOGY = _cause(
    "pod.admission.topology",
    "The node cannot align the pod's resources on one NUMA node",
    "pkg/kubelet/cm/topologymanager/topology_manager.go",
    kind="Deployment",
)
SYSCTL = _cause(
    "pod.sysctl",
    "The kubelet does not allow a sysctl that the pod sets",
    "pkg/kubelet/sysctl/allowlist.go",
    kind="Deployment",
)
_REASONS = {
    "NodeAffinity": LABELS,
    "UnexpectedAdmissionError": DEVICES,
    "TopologyAffinityError": TOPOLOGY,
    "SysctlForbidden": SYSCTL,
}
_OUT_OF = re.compile(r"OutOf(\S+)$")


def find_refused_pods(view: View) -> Iterator[Finding]:
    """One finding for each workload, node and reason of refusal."""
    groups: dict[tuple[str, Ref, str], list[PodFact]] = {}
    for pod in view.troubled:
        reason = pod.status_reason
        known = reason in _REASONS or _OUT_OF.match(reason)
        if pod.phase == "Failed" and known and not view.superseded(pod):
            groups.setdefault((reason, pod.owner, pod.node), []).append(pod)
    for (reason, owner, node), pods in groups.items():
        yield _refused(reason, owner, node, pods)


def _refused(reason: str, owner: Ref, node: str, pods: list[PodFact]) -> Finding:
    cause = _REASONS.get(reason, ROOM)
    message = text(pods[0].resource.status, "message")[:240]
    template = cause in (TOPOLOGY, SYSCTL) or not node
    ref = owner if template else Ref("Node", "", node)
    return Finding(
        cause=cause.id,
        object=ref,
        title=f"The kubelet of node {node or '(unknown)'} refused {plural(len(pods), 'pod')} of {owner} ({reason}): {message}",
        evidence=(said(pods[0].resource, "status.message", f"{pods[0].ref}: {reason}: {message}"),),
        explains=tuple(pod.ref for pod in pods),
        weight=0.85,
        since=pods[0].resource.created,
        steps=(
            describe(pods[0].ref),
            change(
                "Delete the failed pod: it is not retried",
                pods[0].ref,
                f"kubectl delete {pods[0].ref.argument}{pods[0].ref.flags}",
            ),
        ),
        points_to=() if template else (ref,),
    )


RULES: tuple[Rule, ...] = (Rule(find=find_refused_pods, causes=(ROOM, LABELS, DEVICES, TOPOLOGY, SYSCTL)),)
