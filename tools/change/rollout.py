"""Says how far a rollout is, from the object and its pods. Pure: the conditions are those of `kubectl rollout status`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import msgspec

from copilot.model import children, dig, mapping, number, text
from guardrails.redaction import redact

DEFAULT_DEADLINE = 600  # seconds: the API's default for progressDeadlineSeconds

# Waiting reasons that do not pass by themselves (kubelet: pkg/kubelet/images, pkg/kubelet/kuberuntime).
_STUCK = frozenset({
    "CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull",
    "ImageInspectError", "RegistryUnavailable", "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
})  # fmt: skip


class Phase(Enum):
    """Where a rollout stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # the controller itself gave up


class Progress(msgspec.Struct, frozen=True):
    """One look: the phase, a sentence, and the numbers that show whether anything moves."""

    phase: Phase
    text: str
    numbers: tuple[int, ...]


class Trouble(msgspec.Struct, frozen=True, order=True):
    """A container that cannot start, or a controller that cannot make pods."""

    pod: str
    container: str
    reason: str
    message: str

    @property
    def line(self) -> str:
        """One line for a person."""
        where = f"pod {self.pod}, container {self.container}" if self.container else self.pod
        return f"{where}: {self.reason}{f' ({self.message})' if self.message else ''}"

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two looks see the same trouble; messages count up back-off times."""
        return self.pod, self.container, self.reason


def deadline_seconds(body: Mapping[str, Any]) -> int:
    """After how long without progress a rollout counts as stuck."""
    return max(1, number(body, "spec", "progressDeadlineSeconds", default=DEFAULT_DEADLINE))


def progress(kind: str, body: Mapping[str, Any]) -> Progress:
    """Judge one look at a workload."""
    status = mapping(body, "status")
    if number(status, "observedGeneration") < number(body, "metadata", "generation"):
        return Progress(Phase.RUNNING, "waiting for the controller to see the change", (-1,))
    match kind:
        case "Deployment":
            return _deployment(body, status)
        case "StatefulSet":
            return _stateful_set(body, status)
        case "DaemonSet":
            return _daemon_set(status)
        case _:
            wanted = number(body, "spec", "replicas", default=1)
            return _counted(wanted, number(status, "replicas"), number(status, "readyReplicas"), "ready")


def _deployment(body: Mapping[str, Any], status: Mapping[str, Any]) -> Progress:
    wanted = number(body, "spec", "replicas", default=1)
    total, updated = number(status, "replicas"), number(status, "updatedReplicas")
    available = number(status, "availableReplicas")
    numbers = (updated, total, available)
    for condition in children(status, "conditions"):
        if text(condition, "type") == "Progressing" and text(condition, "reason") == "ProgressDeadlineExceeded":
            return Progress(Phase.FAILED, f"the controller gave up: {text(condition, 'message')}", numbers)
    if updated < wanted:
        return Progress(Phase.RUNNING, f"{updated} of {wanted} replicas updated", numbers)
    if total > updated:
        return Progress(Phase.RUNNING, f"{total - updated} old replicas still terminating", numbers)
    return _counted(wanted, updated, available, "available", numbers)


def _stateful_set(body: Mapping[str, Any], status: Mapping[str, Any]) -> Progress:
    wanted, ready = number(body, "spec", "replicas", default=1), number(status, "readyReplicas")
    updated, total = number(status, "updatedReplicas"), number(status, "replicas")
    numbers = (updated, total, ready)
    partition = number(body, "spec", "updateStrategy", "rollingUpdate", "partition")
    needed = max(0, wanted - partition)
    if text(status, "updateRevision") != text(status, "currentRevision") and updated < needed:
        return Progress(Phase.RUNNING, f"{updated} of {needed} replicas updated", numbers)
    return _counted(wanted, total, ready, "ready", numbers)


def _daemon_set(status: Mapping[str, Any]) -> Progress:
    wanted, updated = number(status, "desiredNumberScheduled"), number(status, "updatedNumberScheduled")
    available = number(status, "numberAvailable")
    numbers = (updated, wanted, available)
    if updated < wanted:
        return Progress(Phase.RUNNING, f"{updated} of {wanted} pods updated", numbers)
    return _counted(wanted, wanted, available, "available", numbers)


def _counted(wanted: int, total: int, good: int, word: str, numbers: tuple[int, ...] = ()) -> Progress:
    seen = numbers or (total, good)
    if total > wanted:
        return Progress(Phase.RUNNING, f"{total - wanted} replicas still terminating", seen)
    if good < wanted or total < wanted:
        return Progress(Phase.RUNNING, f"{good} of {wanted} replicas {word}", seen)
    return Progress(Phase.DONE, f"{wanted} of {wanted} replicas {word}", seen)


def troubles(body: Mapping[str, Any], pods: Iterable[Mapping[str, Any]]) -> frozenset[Trouble]:
    """Containers that cannot start, and pods that the controller may not make."""
    found = set()
    for pod in pods:
        if text(pod, "metadata", "deletionTimestamp"):
            continue
        for field in ("initContainerStatuses", "containerStatuses"):
            for status in children(pod, "status", field):
                waiting = mapping(status, "state", "waiting")
                if text(waiting, "reason") in _STUCK:
                    name = text(pod, "metadata", "name")
                    found.add(
                        Trouble(name, text(status, "name"), text(waiting, "reason"), redact(text(waiting, "message")))
                    )
    for condition in children(body, "status", "conditions"):
        if text(condition, "type") == "ReplicaFailure" and text(condition, "status") == "True":
            found.add(Trouble("the controller", "", text(condition, "reason"), redact(text(condition, "message"))))
    return frozenset(found)


def same_object(body: Mapping[str, Any] | None, uid: str) -> bool:
    """Tell whether the object is still the one with this uid."""
    return body is not None and dig(body, "metadata", "uid") == uid
