"""Containers the kubelet or the runtime refuses to create: user, profile, sub-path, device, runtime.

Each is read from the waiting state; what names a missing ConfigMap or Secret belongs to the reference rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, fact, said
from copilot.model import Finding

_FIELDS = ("status.containerStatuses[].state.waiting.message", "spec.containers[].securityContext")


def _cause(identity: str, title: str, step: str, citation: str, *, yields: bool = False) -> Cause:
    return Cause(id=identity, title=title, kind="Pod", fields=_FIELDS, steps=(step,), citation=citation, yields=yields)


NON_ROOT = _cause(
    "pod.create.run_as_nonroot",
    "The image's user conflicts with runAsNonRoot",
    "Set runAsUser, or use an image with a numeric user",
    "kubernetes pkg/kubelet/kuberuntime/security_context_others.go",
)
SUB_PATH = _cause(
    "pod.create.subpath",
    "A subPath cannot be mounted",
    "Correct the subPath of the volume mount",
    "kubernetes pkg/kubelet/kubelet_pods.go",
)
APPARMOR = _cause(
    "pod.create.apparmor",
    "The AppArmor or seccomp profile is not on the node",
    "Load the profile or name another",
    "kubernetes pkg/security/apparmor/helpers.go",
)
GENERIC = _cause(
    "pod.create.generic",
    "The runtime refuses to create the container",
    "Read the runtime's message",
    "kubernetes pkg/kubelet/container/sync_result.go",
    yields=True,
)

_MESSAGES: tuple[tuple[Cause, re.Pattern[str], str], ...] = (
    (NON_ROOT, re.compile(r"runAsNonRoot|run as root|non-numeric user", re.IGNORECASE), "runAsNonRoot is set but the image runs as root or names no numeric user"),
    (SUB_PATH, re.compile(r"subPath", re.IGNORECASE), "a subPath of a volume mount cannot be prepared"),
    (APPARMOR, re.compile(r"apparmor|seccomp", re.IGNORECASE), "the AppArmor or seccomp profile it names is not loaded on the node"),
)  # fmt: skip
_REFERENCES = re.compile(r'(?:configmap|secret)s? "[^"]{1,253}" not found|couldn\'t find key', re.IGNORECASE)
_COMMAND = re.compile(
    r"executable file not found|permission denied|exec format error|no such file or directory", re.IGNORECASE
)


def find_refused_creations(view: View) -> Iterator[Finding]:
    """One finding for each container that the kubelet or the runtime refuses to create."""
    for pod in view.placed:
        for container in pod.containers:
            refused = container.reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
            if refused and container.message and not _REFERENCES.search(container.message):
                finding = _explain(pod, container)
                if finding is not None:
                    yield finding


def _explain(pod: PodFact, container: ContainerFact) -> Finding | None:
    cause, sentence, weight = GENERIC, f"the runtime refuses to create it: {container.message[:200]}", 0.65
    for known, pattern, words in _MESSAGES:
        if pattern.search(container.message):
            cause, sentence, weight = known, words, 0.93
            break
    if cause is GENERIC and _COMMAND.search(container.message):
        return None  # a command that cannot start: the crash rules say which
    path = f"{container.path}.state.waiting.message"
    evidence = [said(pod.resource, path, f"the kubelet says: {container.message[:400]}")]
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


RULES = (Rule(find=find_refused_creations, causes=(NON_ROOT, SUB_PATH, APPARMOR, GENERIC)),)
