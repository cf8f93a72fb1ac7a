"""Pods read once into facts that rules share: containers with their state, and whether the pod is in trouble."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from copilot.model import Ref, Resource, children, instant, mapping, number, text

RECENT_RESTART = timedelta(minutes=10)  # a container that has run longer since its last restart has recovered
SETTLED = timedelta(minutes=2)  # one that ended only once has, much sooner
DEFAULT_GRACE = 30  # seconds, PodSpec.terminationGracePeriodSeconds


class ContainerFact(msgspec.Struct, frozen=True, eq=False):
    """One container: what was asked for (`spec`) and how it is (`status`).

    `reason` and `message` are those of the waiting state, else of the present termination. `exit_code`,
    `last_reason`, `last_message`, `finished` are those of the newest termination, present or last. `path` is the
    field its status stands under, for evidence.
    """

    name: str
    init: bool
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    path: str
    state: str = ""  # waiting | running | terminated | "" (no status yet)
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    last_reason: str = ""
    last_message: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    ready: bool = False
    restarts: int = 0

    @property
    def image(self) -> str:
        """The image as the template names it."""
        return text(self.spec, "image") or text(self.status, "image")


class PodFact(msgspec.Struct, frozen=True, eq=False):
    """One pod and its containers. `owner` is the object a person would change: the top of its owner chain."""

    resource: Resource
    owner: Ref
    containers: tuple[ContainerFact, ...]

    @property
    def ref(self) -> Ref:
        """The pod's address."""
        return self.resource.ref

    @property
    def phase(self) -> str:
        """`status.phase`."""
        return text(self.resource.status, "phase")

    @property
    def failed(self) -> bool:
        """Whether the pod has ended and will not run again; where the phase is not shown, when all its containers ended."""
        ended = bool(self.containers) and all(container.state == "terminated" for container in self.containers)
        return self.phase == "Failed" or (not self.phase and ended)

    @property
    def node(self) -> str:
        """`spec.nodeName`; empty while unscheduled."""
        return text(self.resource.spec, "nodeName")

    @property
    def status_reason(self) -> str:
        """`status.reason`: Evicted, NodeAffinity, UnexpectedAdmissionError …."""
        return text(self.resource.status, "reason")

    def condition(self, kind: str) -> Mapping[str, Any]:
        """The pod condition of that type, or an empty mapping."""
        return condition(self.resource, kind)

    @property
    def ready(self) -> bool:
        """Whether the Ready condition is True, or, where conditions are not shown, all containers are ready."""
        ready = text(self.condition("Ready"), "status")
        if ready:
            return ready == "True"
        main = [container for container in self.containers if not container.init]
        return bool(main) and all(container.ready for container in main)

    def blocking_init(self) -> ContainerFact | None:
        """The init container that has not finished: those after it have not run."""
        for container in self.containers:
            sidecar = is_sidecar(container.spec)
            done = container.state == "terminated" and container.exit_code == 0
            if container.init and not done and not (sidecar and container.state == "running"):
                return container
        return None


def is_sidecar(spec: Mapping[str, Any]) -> bool:
    """Whether an init container goes on beside the others: it says so, or has a probe, which no other init container may."""
    probes = ("startupProbe", "readinessProbe", "livenessProbe")
    return text(spec, "restartPolicy") == "Always" or any(mapping(spec, key) for key in probes)


def condition(resource: Resource, kind: str) -> Mapping[str, Any]:
    """The condition of that type in `status.conditions`, or an empty mapping."""
    for entry in children(resource.status, "conditions"):
        if text(entry, "type") == kind:
            return entry
    return {}


def is_ready(pod: Resource) -> bool:
    """Whether a pod is ready, asked without reading its containers in full: cheap enough for every pod of a large cluster."""
    ready = text(condition(pod, "Ready"), "status")
    if ready:
        return ready == "True"
    states = [status.get("ready") is True for status in children(pod.status, "containerStatuses")]
    return bool(states) and all(states)


def _container(name: str, spec: Mapping[str, Any], status: Mapping[str, Any], init: bool) -> ContainerFact:
    state = mapping(status, "state")
    kind = next((key for key in ("waiting", "running", "terminated") if isinstance(state.get(key), dict)), "")
    now = mapping(state, kind) if kind else {}
    ended = now if kind == "terminated" else mapping(status, "lastState", "terminated")
    path = f"status.{'initContainerStatuses' if init else 'containerStatuses'}[{name}]"
    return ContainerFact(
        name=name,
        init=init,
        spec=spec,
        status=status,
        path=path,
        state=kind,
        reason=text(now, "reason"),
        message=text(now, "message"),
        exit_code=number(ended, "exitCode", default=-1) if "exitCode" in ended else None,
        last_reason=text(ended, "reason"),
        last_message=text(ended, "message"),
        started=instant(now.get("startedAt")),
        finished=instant(ended.get("finishedAt")),
        ready=status.get("ready") is True,
        restarts=number(status, "restartCount"),
    )


def containers_of(pod: Resource) -> Iterator[ContainerFact]:
    """Yield the pod's containers, init containers first, in the order of the spec; statuses without spec last."""
    for key, status_key, init in (
        ("initContainers", "initContainerStatuses", True),
        ("containers", "containerStatuses", False),
    ):
        statuses = {text(status, "name"): status for status in children(pod.status, status_key)}
        for spec in children(pod.spec, key):
            name = text(spec, "name")
            yield _container(name, spec, statuses.pop(name, {}), init)
        for name, status in statuses.items():
            yield _container(name, {}, status, init)


def in_trouble(pod: Resource, now: datetime) -> bool:
    """Tell whether a pod needs an explanation: cheap enough to ask of every pod of a large cluster."""
    status = pod.status
    phase = status.get("phase")
    if pod.deleted is not None:
        grace = number(pod.metadata, "deletionGracePeriodSeconds", default=DEFAULT_GRACE)
        # deletionTimestamp already includes the grace period, so passing it means being late.
        return now > pod.deleted + timedelta(seconds=5) or grace > 600
    if phase == "Succeeded" or not status:  # a pod of which only the place is known tells nothing of its health
        return False
    if phase != "Running":
        return True
    for entry in children(status, "conditions"):
        if entry.get("type") == "Ready" and entry.get("status") != "True":
            return True
    for key in ("containerStatuses", "initContainerStatuses"):
        for container in children(status, key):
            if key == "containerStatuses" and container.get("ready") is not True:
                return True
            ended = instant(mapping(container, "lastState", "terminated").get("finishedAt"))
            restarts = number(container, "restartCount")
            calm = SETTLED if restarts == 1 else RECENT_RESTART
            if restarts > 0 and ended is not None and now - ended < calm:
                return True
    return False
