"""States as people name them, tested on objects: `pending`, `not ready`, `crashing`. One place for all kinds."""

from __future__ import annotations

from copilot.agent.lexicon import State
from copilot.diagnosis.pods import condition, in_trouble
from copilot.diagnosis.rules.symptoms import pod_status
from copilot.diagnosis.view import View
from copilot.model import Resource, number, text


def describe_state(view: View, resource: Resource) -> str:
    """The state of an object in a few words, as the API's own tables would say it."""
    status, spec = resource.status, resource.spec
    match resource.ref.kind:
        case "Pod":
            return pod_status(view.pod(resource))
        case "Deployment" | "StatefulSet" | "ReplicaSet":
            return f"{number(status, 'readyReplicas')} of {number(spec, 'replicas', default=1)} replicas ready"
        case "DaemonSet":
            return f"{number(status, 'numberReady')} of {number(status, 'desiredNumberScheduled')} ready"
        case "Node":
            ready = text(condition(resource, "Ready"), "status")
            cordoned = ", cordoned" if spec.get("unschedulable") is True else ""
            return ("Ready" if ready == "True" else f"NotReady ({ready or 'unknown'})") + cordoned
        case "Job":
            done = next(
                (text(entry, "type") for entry in _true(resource) if text(entry, "type") in ("Complete", "Failed")), ""
            )
            return done or f"{number(status, 'active')} active"
        case "CronJob":
            return "suspended" if spec.get("suspend") is True else f"schedule {text(spec, 'schedule')}"
        case _:
            phase = text(status, "phase")
            ready = text(condition(resource, "Ready"), "status")
            return phase or (f"Ready={ready}" if ready else "exists")


def _true(resource: Resource) -> list[dict[str, object]]:
    return [
        dict(entry)
        for entry in resource.status.get("conditions", ())
        if isinstance(entry, dict) and entry.get("status") == "True"
    ]


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
            return text(resource.status, "phase") == "Pending"
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
            return text(resource.status, "phase") == "Succeeded" or describe_state(view, resource) == "Complete"


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
            return number(status, "readyReplicas") >= number(spec, "replicas", default=1)
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
