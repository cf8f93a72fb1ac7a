"""States as people name them, tested on objects: `pending`, `not ready`, `crashing`. One place for all kinds."""

from __future__ import annotations

from copilot.agent.describe import describe_state
from copilot.agent.lexicon import State
from copilot.diagnosis.pods import condition, in_trouble
from copilot.diagnosis.view import View
from copilot.model import Resource, number, text


def fits(view: View, resource: Resource, state: State) -> bool:
    """Whether an object is in a state."""
    kind = resource.ref.kind
    healthy = _healthy(view, resource)
    match state:
        case State.UNHEALTHY:
            return not healthy
        case State.NOT_READY:
            return not _ready(view, resource)
        case State.READY:
            return _ready(view, resource)
        case State.RUNNING:
            return text(resource.status, "phase") == "Running" if kind == "Pod" else healthy
        case State.PENDING:
            return text(resource.status, "phase") == "Pending" or _waits(resource)
        case State.FAILED:
            return (
                text(resource.status, "phase") == "Failed"
                or "Failed" in describe_state(view, resource)
                or (kind == "Pod" and not healthy and "exit code" in describe_state(view, resource))
            )
        case State.CRASHING:
            words = describe_state(view, resource)
            return kind == "Pod" and not healthy and ("CrashLoopBackOff" in words or "exit code" in words)
        case State.RESTARTING:
            return kind == "Pod" and any(container.restarts for container in view.pod(resource).containers)
        case State.TERMINATING:
            return resource.deleted is not None
        case State.CORDONED:
            return resource.spec.get("unschedulable") is True
        case State.COMPLETED:
            return text(resource.status, "phase") == "Succeeded" or describe_state(view, resource).startswith(
                "Complete"
            )


def _waits(resource: Resource) -> bool:
    """A queued workload that has no quota yet."""
    return resource.ref.group == "kueue.x-k8s.io" and text(condition(resource, "QuotaReserved"), "status") == "False"


def _ready(view: View, resource: Resource) -> bool:
    if resource.ref.kind == "Pod":
        return view.pod(resource).ready
    return _healthy(view, resource)


def _healthy(view: View, resource: Resource) -> bool:
    status, spec = resource.status, resource.spec
    match resource.ref.kind:
        case "Pod":
            return not in_trouble(resource, view.now)
        case "Deployment" | "StatefulSet" | "ReplicaSet":
            stalled = text(condition(resource, "Progressing"), "status") == "False"
            return not stalled and number(status, "readyReplicas") >= number(spec, "replicas", default=1)
        case "DaemonSet":
            return number(status, "numberReady") >= number(status, "desiredNumberScheduled")
        case "Node":
            return text(condition(resource, "Ready"), "status") == "True"
        case "PersistentVolumeClaim":
            return text(status, "phase") == "Bound"
        case _:
            return text(condition(resource, "Ready"), "status") != "False" and text(status, "phase") not in (
                "Failed",
                "Lost",
                "Error",
            )
