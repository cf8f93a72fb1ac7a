"""Containers whose configuration the kubelet refuses before the runtime is asked: user, profile, sub-path.

Each is read from the waiting state; what names a missing ConfigMap or Secret belongs to the reference rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from copilot.diagnosis.cause import Rule
from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.diagnosis.rules.pods.refusals import GENERIC, NON_ROOT, REFUSALS, refusal
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, fact, said
from copilot.model import Finding

_REFERENCES = re.compile(r'(?:configmap|secret)s? "[^"]{1,253}" not found|couldn\'t find key', re.IGNORECASE)


def find_refused_creations(view: View) -> Iterator[Finding]:
    """One finding for each container whose configuration the kubelet refuses."""
    for pod in view.placed:
        for container in pod.containers:
            message = _message(view, pod, container)
            if message and not _REFERENCES.search(message):
                yield _explain(pod, container, message)


def _message(view: View, pod: PodFact, container: ContainerFact) -> str:
    """What the kubelet says of a refused configuration: in the status, else in the event that tells of it."""
    if container.reason != "CreateContainerConfigError":
        return ""
    events = [event.message for event in view.events(pod.ref, "Failed") if event.container in ("", container.name)]
    return container.message or (events[-1] if events else "")


def _explain(pod: PodFact, container: ContainerFact, message: str) -> Finding:
    known = refusal(message)
    cause, sentence, weight = GENERIC, f"the kubelet refuses to create it: {message[:200]}", 0.65
    if known is not None:
        cause, sentence, weight = known.cause, known.sentence, 0.93
    path = f"{container.path}.state.waiting.message"
    evidence = [said(pod.resource, path, f"the kubelet says: {message[:400]}")]
    if cause is NON_ROOT:
        evidence.append(fact(pod.resource, "spec.securityContext.runAsNonRoot"))
    return Finding(
        cause=cause.id,
        object=pod.owner,
        title=f"{pod.owner}: container {container.name}: {sentence}",
        evidence=tuple(evidence),
        explains=(pod.ref,),
        weight=weight,
        since=pod.resource.created,
        steps=(describe(pod.ref), change(f"Correct the template of {pod.owner}", pod.owner)),
    )


RULES = (Rule(find=find_refused_creations, causes=REFUSALS),)
