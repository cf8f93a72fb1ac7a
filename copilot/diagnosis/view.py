"""The graph as rules look at it: pods in trouble, events by reason, log lines, owners, each computed once.

A view never changes the graph and never reads a clock: `now` is the moment of observation.
"""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

import msgspec

from copilot.diagnosis.phantoms import phantom_pods
from copilot.diagnosis.pods import PodFact, containers_of, in_trouble
from copilot.model import ContainerLog, Evidence, Ref, Resource, children, dig, mapping, number, text
from copilot.model.moment import EPOCH
from retrievers.graph import EdgeKind, EventFact, ResourceGraph
from retrievers.graph.events import event_fact

TEMPLATE_PATH: Mapping[str, tuple[str, ...]] = {
    "Pod": (),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
NEAR_IMAGES = 15  # running images on each side of one that fails, in order, that are compared with it
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "ReplicationController")


_T = TypeVar("_T")


class View:
    """One snapshot's graph with the shared readings that rules need."""

    def __init__(self, graph: ResourceGraph) -> None:
        self.graph = graph
        self.snapshot = graph.snapshot
        self.coverage = graph.snapshot.coverage
        self.now: datetime = graph.snapshot.observed_at
        self._facts: dict[Ref, PodFact] = {}
        self._alike: dict[str, list[str]] = {}
        self._readings: dict[str, Any] = {}

    def once(self, name: str, read: Callable[[], _T]) -> _T:
        """A reading that several rules share, made at the first use."""
        if name not in self._readings:
            self._readings[name] = read()
        found: _T = self._readings[name]
        return found

    def pod(self, resource: Resource) -> PodFact:
        """The facts of one pod."""
        fact = self._facts.get(resource.ref)
        if fact is None:
            owner = changeable_owner(resource, self.graph.top_owner(resource.ref))
            fact = PodFact(resource=resource, owner=owner, containers=tuple(containers_of(resource)))
            self._facts[resource.ref] = fact
        return fact

    @cached_property
    def troubled(self) -> tuple[PodFact, ...]:
        """The pods that need an explanation, sorted by namespace and name."""
        pods = self.graph.of_kind("Pod", group="")
        read = [self.pod(pod) for pod in pods if in_trouble(pod, self.now)]
        return tuple(sorted([*read, *self._phantoms()], key=lambda pod: pod.ref))

    def _phantoms(self) -> list[PodFact]:
        """Pods that were not read and that events show to be in trouble."""
        kept = []
        for event in self.all_events:
            about = event.about
            if about.kind != "Pod" or (self.graph.get(about) is None and not self.was_read("Pod", about.namespace)):
                kept.append(event)
        return phantom_pods(kept) if any(event.about.kind == "Pod" for event in kept) else []

    @cached_property
    def timed(self) -> bool:
        """Whether `now` says anything about age: a lone object's newest time is its own."""
        return bool(self.snapshot.logs) or any(self.graph.of_kind(kind) for kind in ("Event", "Lease"))

    @cached_property
    def pending(self) -> tuple[PodFact, ...]:
        """Troubled pods that no node has been found for."""
        return tuple(pod for pod in self.troubled if pod.phase in ("Pending", "") and not pod.node)

    @cached_property
    def placed(self) -> tuple[PodFact, ...]:
        """Troubled pods that have a node."""
        return tuple(pod for pod in self.troubled if pod.node)

    @cached_property
    def _by_reason(self) -> Mapping[str, list[EventFact]]:
        found: dict[str, list[EventFact]] = defaultdict(list)
        for event in self.all_events:
            found[event.reason].append(event)
        return found

    @cached_property
    def all_events(self) -> tuple[EventFact, ...]:
        """Every event, oldest first; `ref` is the object it is about."""
        facts = []
        for resource in self.graph.of_kind("Event"):
            about = self.graph.target(resource.ref, EdgeKind.ABOUT)
            fact = event_fact(resource)
            facts.append(msgspec.structs.replace(fact, ref=about) if about is not None else fact)
        return tuple(sorted(facts, key=lambda event: (event.last or EPOCH, event.ref, event.reason)))

    def events_with(self, *reasons: str) -> list[EventFact]:
        """All events with one of the reasons, oldest first within each reason."""
        return [event for reason in reasons for event in self._by_reason.get(reason, ())]

    def events(self, ref: Ref, *reasons: str) -> list[EventFact]:
        """The events about one object, oldest first; only those with one of the reasons when any is given."""
        return [
            msgspec.structs.replace(event, ref=ref)
            for event in self.graph.events(ref)
            if not reasons or event.reason in reasons
        ]

    @cached_property
    def running_images(self) -> Mapping[str, tuple[Ref, ...]]:
        """The images of running containers, each with the first two pods that run it; read once for all failed pods."""
        found: dict[str, tuple[Ref, ...]] = {}
        for pod in self.graph.of_kind("Pod"):
            for image in _images_running(pod):
                known = found.get(image, ())
                if len(known) < 2 and pod.ref not in known:
                    found[image] = (*known, pod.ref)
        return found

    @cached_property
    def _images_by_ends(self) -> tuple[list[str], list[str]]:
        """The running images in order, and each read backwards in order: what begins or ends alike stands together."""
        return sorted(self.running_images), sorted(image[::-1] for image in self.running_images)

    def images_like(self, image: str) -> list[str]:
        """The running images most like this one, the most similar first; pods of one template ask once."""
        if image not in self._alike:
            forward, backward = self._images_by_ends
            near = [*_around(forward, image), *(name[::-1] for name in _around(backward, image[::-1]))]
            self._alike[image] = difflib.get_close_matches(image, dict.fromkeys(near), n=2, cutoff=0.75)
        return self._alike[image]

    def logs(self, pod: Ref, container: str | None = None) -> list[ContainerLog]:
        """The container logs of one pod, the previous run's first."""
        return sorted(self.graph.logs(pod, container), key=lambda log: (log.container, not log.previous))

    def workloads(self, *kinds: str) -> Iterator[Resource]:
        """All workloads of the given kinds, or of every built-in kind."""
        for kind in kinds or WORKLOADS:
            yield from self.graph.of_kind(kind, group="batch" if kind in ("Job", "CronJob") else None)

    def template(self, ref: Ref) -> Mapping[str, Any]:
        """The pod template's spec of a workload (a pod's own spec for a pod), or an empty mapping."""
        resource = self.graph.get(ref)
        if resource is None:
            return {}
        if resource.ref.kind == "Pod":
            return resource.spec
        path = TEMPLATE_PATH.get(resource.ref.kind, ("spec", "template"))
        return mapping(resource.body, *path, "spec")

    def pods_of(self, ref: Ref) -> list[PodFact]:
        """The pods below a workload (itself for a pod), through its ReplicaSets or Jobs."""
        found: list[PodFact] = []
        seen: set[Ref] = set()
        queue = [ref]
        while queue:
            current = queue.pop(0)
            if current in seen:
                continue
            seen.add(current)
            resource = self.graph.get(current)
            if current.kind == "Pod" and resource is not None:
                found.append(self.pod(resource))
            else:
                queue.extend(self.graph.children(current))
        return found

    def superseded(self, pod: PodFact) -> bool:
        """Whether a failed pod has been replaced: its Job went on, or its controller has enough ready pods."""
        for ref in self.graph.owners(pod.ref):
            owner = self.graph.get(ref)
            if owner is None:
                continue
            if ref.kind == "Job":
                done = any(
                    text(c, "type") == "Complete" and text(c, "status") == "True"
                    for c in children(owner.status, "conditions")
                )
                return done or number(owner.status, "active") > 0
            wanted = number(owner.spec, "replicas", default=1)
            if ref.kind in ("ReplicaSet", "StatefulSet"):
                return number(owner.status, "readyReplicas") >= wanted
            if ref.kind == "DaemonSet":
                return number(owner.status, "numberReady") >= number(owner.status, "desiredNumberScheduled")
        return False

    def was_placed_on_ready_node(self, pod: PodFact) -> bool:
        """Whether the pod's node is known and Ready: only then is a pod that does not end its own fault."""
        node = self.graph.find("Node", "", pod.node)
        if node is None:
            return not self.was_read("Node")
        return any(
            text(c, "type") == "Ready" and text(c, "status") == "True" for c in children(node.status, "conditions")
        )

    def was_read(self, kind: str, namespace: str = "") -> bool:
        """Whether absence of an object of that kind there proves something."""
        return self.coverage.was_read(kind, namespace)


def _images_running(pod: Resource) -> Iterator[str]:
    """The images of a pod's running containers as its template names them; without reading the containers in full."""
    running = {
        text(status, "name"): text(status, "image")
        for key in ("containerStatuses", "initContainerStatuses")
        for status in children(pod.status, key)
        if mapping(status, "state", "running")
    }
    for key in ("initContainers", "containers") if running else ():
        for container in children(pod.spec, key):
            shown = running.pop(text(container, "name"), None)
            if shown is not None:
                yield text(container, "image") or shown
    yield from (image for image in running.values() if image)


def _around(ordered: list[str], wanted: str) -> list[str]:
    """The words nearest in order."""
    place = bisect_left(ordered, wanted)
    return ordered[max(place - NEAR_IMAGES, 0) : place + NEAR_IMAGES]


def changeable_owner(pod: Resource, top: Ref) -> Ref:
    """The object a person changes for a pod, given the top of the owner chain that was read.

    A static pod's mirror is its own place: its manifest stands on the node. A ReplicaSet that carries the pod's template
    hash at the end of its name was made by the Deployment of the rest of the name (deployment_util.go), read or not.
    """
    if top.kind == "Node":
        return pod.ref
    digest = text(pod.labels, "pod-template-hash")
    if top.kind == "ReplicaSet" and digest and top.name.endswith(f"-{digest}"):
        return Ref("Deployment", top.namespace, top.name.removesuffix(f"-{digest}"), "apps")
    return top


def fact(resource: Resource, path: str, note: str = "") -> Evidence:
    """Evidence from a field of an object: the value is quoted after the note."""
    value = _shown(resource, path)
    said = f"{path} = {value}" if value else path
    return Evidence(object=resource.ref, path=path, text=f"{note}: {said}" if note else said, source=resource.source)


def said(resource: Resource, path: str, sentence: str) -> Evidence:
    """Evidence from a field of an object, told in a whole sentence."""
    return Evidence(object=resource.ref, path=path, text=sentence, source=resource.source)


def told(event: EventFact) -> Evidence:
    """Evidence from an event, quoted."""
    times = f" (x{event.count})" if event.count > 1 else ""
    return Evidence(
        object=event.ref,
        path=f"event {event.reason}",
        text=f"{event.reason}{times}: {event.message}",
        source=event.source,
    )


def logged(log: ContainerLog, line_number: int, line: str) -> Evidence:
    """Evidence from a log line, quoted."""
    run = ".previous" if log.previous else ""
    where = log.source or f"logs/{log.namespace}/{log.pod}/{log.container}{run}.log"
    return Evidence(
        object=Ref("Pod", log.namespace, log.pod),
        path=f"log{f' of container {log.container}' if log.container else ''}{' (previous run)' if log.previous else ''}",
        text=line,
        source=f"{where}:{line_number}",
    )


def _shown(resource: Resource, path: str) -> str:
    current: Any = resource.body
    for part in path.replace("]", "").replace("[", ".[").split("."):
        if part.startswith("["):
            key = part[1:]
            named = [item for item in children(current) if key in (text(item, "name"), text(item, "type"))]
            current = named[0] if named else None
        else:
            current = dig(current, part)
    if isinstance(current, (str, int, float, bool)):
        return str(current).lower() if isinstance(current, bool) else str(current)
    return ""
