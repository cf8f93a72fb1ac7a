"""Pods that a kubelet rejected when they came to it, for a reason that no other rule knows: a profile, a shutdown, a feature.

They stay Failed and are never tried again; one that its controller has replaced is history.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.rules.pods.refusals import APPARMOR
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, said
from copilot.model import Finding, text

REJECTED = Cause(
    id="pod.rejected",
    title="The kubelet rejected the pod",
    kind="Pod",
    fields=("status.reason", "status.message"),
    severity=Severity.DEGRADED,
    yields=True,
    steps=("Read the kubelet's reason; delete the pod once it is gone",),
    citation="kubernetes pkg/kubelet/kubelet.go rejectPod",
)
# Told by the rules of nodes, evictions and jobs.
_KNOWN = re.compile(
    r"^(?:OutOf\w+|Evicted|NodeAffinity|UnexpectedAdmissionError|TopologyAffinityError|SysctlForbidden|DeadlineExceeded|Preempting|NodeLost)$"
)
_PAST = frozenset({"Terminated", "NodeShutdown", "Shutdown"})


def find_rejected(view: View) -> Iterator[Finding]:
    """One finding for each workload and reason of rejection."""
    seen: dict[tuple[object, str], list[PodFact]] = {}
    for pod in view.troubled:
        reason = pod.status_reason
        if pod.phase == "Failed" and reason and not _KNOWN.match(reason) and reason not in _PAST:
            ran = any(container.exit_code is not None for container in pod.containers)
            if not ran and not view.superseded(pod):
                seen.setdefault((pod.owner, reason), []).append(pod)
    for (_, reason), pods in seen.items():
        yield _explain(pods, reason)


def _explain(pods: list[PodFact], reason: str) -> Finding:
    pod = pods[0]
    message = " ".join(text(pod.resource.status, "message").split())[:240]
    profile = re.search(r"apparmor|seccomp", f"{reason} {message}", re.IGNORECASE)
    return Finding(
        cause=APPARMOR.id if profile else REJECTED.id,
        object=pod.owner,
        title=f"{pod.owner}: the kubelet of node {pod.node or '(unknown)'} rejected its pod ({reason}): {message}",
        evidence=(said(pod.resource, "status.message", f"{pod.ref}: {reason}: {message}"),),
        explains=tuple(member.ref for member in pods),
        weight=0.85 if profile else 0.7,
        since=pod.resource.created,
        steps=(describe(pod.ref), change(f"Correct the template of {pod.owner}", pod.owner)),
    )


RULES = (Rule(find=find_rejected, causes=(APPARMOR, REJECTED)),)
