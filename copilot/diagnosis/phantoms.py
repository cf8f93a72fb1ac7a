"""Pods known only from their events: what a pasted `kubectl get events` tells of pods that were not read.

A pod whose trouble is followed by a start or a stop is not made up: only what still holds at the end counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from copilot.diagnosis.pods import PodFact, containers_of
from copilot.model import Detail, Ref, Resource
from retrievers.graph import EventFact

_PULL = re.compile(r'(?:[Ff]ailed to pull image|Back-off pulling image) "(?P<image>[^"]{1,512})"')
_BACK_OFF = re.compile(r"Back-off restarting failed container(?: (?P<container>[\w.-]{1,253}) in pod)?")
_CREATED = re.compile(r"Created pod: (?P<name>\S{1,253})")
_SCALED = re.compile(r"Scaled (?:up|down) replica set (?P<name>[\w.-]{1,253})")
_STUCK = frozenset({"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedMapVolume"})
_WELL = frozenset({"Started", "Killing", "Completed"})
_ENDED = "deleting pod"


def phantom_pods(events: Iterable[EventFact]) -> list[PodFact]:
    """The pods that events alone show to be in trouble; `events` are those about unread pods and all controllers' own."""
    about: dict[Ref, list[EventFact]] = {}
    makers: dict[tuple[str, str], Ref] = {}
    for event in events:
        about.setdefault(event.about, []).append(event)
        for pattern in (_CREATED, _SCALED):
            if match := pattern.search(event.message):
                makers[(event.about.namespace, match["name"])] = event.about
    found = []
    for ref, listed in sorted(about.items()):
        if ref.kind == "Pod" and ref.name:
            body = _body(ref, listed)
            if body is not None:
                found.append(_fact(ref, body, listed[-1].source, makers))
    return found


def _fact(ref: Ref, body: dict[str, Any], source: str, makers: Mapping[tuple[str, str], Ref]) -> PodFact:
    pod = Resource(ref=Ref("Pod", ref.namespace, ref.name), body=body, source=source, detail=Detail.ROW)
    owner = pod.ref
    replica_set = ref.name.rpartition("-")[0]
    if (owner.namespace, owner.name) not in makers and (owner.namespace, replica_set) in makers:
        owner = Ref("ReplicaSet", ref.namespace, replica_set, "apps")  # a sibling's events name it
    while (maker := makers.get((owner.namespace, owner.name))) is not None and maker != owner:
        owner = maker
    return PodFact(resource=pod, owner=owner, containers=tuple(containers_of(pod)))


def _body(ref: Ref, events: Sequence[EventFact]) -> dict[str, Any] | None:
    """An object with the fields that the last telling event implies, or None when the pod recovered or went."""
    status: dict[str, Any] | None = None
    spec: dict[str, Any] = {"containers": []}
    for event in events:
        if event.reason in _WELL or _ENDED in event.message:
            status = None
        elif event.reason == "FailedScheduling":
            condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": event.message}
            status = {"phase": "Pending", "conditions": [condition]}
        elif event.reason in _STUCK:
            spec["nodeName"] = event.host or "unknown"
            status = _waiting(spec, event.container, "", "ContainerCreating", "")
        elif (match := _PULL.search(event.message)) and event.reason in ("Failed", "BackOff"):
            spec["nodeName"] = event.host or "unknown"
            message = event.message if event.reason == "Failed" else ""
            known = (
                status["containerStatuses"][0]["state"]["waiting"] if status and status.get("containerStatuses") else {}
            )
            status = _waiting(
                spec, event.container, match["image"], "ImagePullBackOff", message or known.get("message", "")
            )
        elif event.reason == "Failed" and "failed to start container" in event.message:
            spec["nodeName"] = event.host or "unknown"
            status = _waiting(spec, event.container, "", "RunContainerError", event.message)
        elif (match := _BACK_OFF.search(event.message)) and event.reason == "BackOff":
            spec["nodeName"] = event.host or "unknown"
            before = _refused(status)
            status = _waiting(
                spec, match["container"] or event.container, "", *(before or ("CrashLoopBackOff", event.message))
            )
            status["containerStatuses"][0] |= {
                "restartCount": event.count,
                "lastState": {"terminated": {"reason": "Error"}},
            }
    if status is None:
        return None
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": ref.name, "namespace": ref.namespace},
        "spec": spec,
        "status": status,
    }


def _refused(status: dict[str, Any] | None) -> tuple[str, str] | None:
    """Why the runtime refused to start the container, when that is what the back-off is about."""
    for entry in (status or {}).get("containerStatuses", ()):
        waiting = entry["state"]["waiting"]
        if waiting["reason"] == "RunContainerError":
            return "RunContainerError", str(waiting["message"])
    return None


def _waiting(spec: dict[str, Any], container: str, image: str, reason: str, message: str) -> dict[str, Any]:
    name = container or "(unnamed)"
    spec["containers"] = [{"name": name, "image": image}]
    waiting = {"reason": reason, "message": message}
    entry = {"name": name, "image": image, "ready": False, "state": {"waiting": waiting}}
    return {"phase": "Pending", "containerStatuses": [entry]}
