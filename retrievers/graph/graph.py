"""The resource graph: every object that was read or is named, and every tie between them. Nothing in a snapshot makes it raise."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator

import msgspec

from copilot.model import ContainerLog, Ref, Resource, Series, Snapshot
from copilot.model.collector import paused_gc
from copilot.model.kinds import built_in
from copilot.model.moment import EPOCH
from retrievers.graph import queries
from retrievers.graph.edge import VIRTUAL_KINDS, Edge, EdgeKind, NodeState
from retrievers.graph.edges.devices import GROUP as DEVICE_GROUP
from retrievers.graph.events import EventFact, event_fact
from retrievers.graph.index import ObjectIndex


def build_graph(snapshot: Snapshot) -> ResourceGraph:
    """Build the graph of everything in a snapshot. The garbage collector rests meanwhile: there are no cycles to find."""
    with paused_gc():
        return ResourceGraph(snapshot)


def _namespace_of(resource: Resource) -> str:
    return resource.ref.namespace


class ResourceGraph:
    """Objects and edges of one cluster, kept up by `put` and `remove`.

    `snapshot` is what it was built from and stays as it was: observation time, coverage, logs, usage.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.index = ObjectIndex()
        self.store = self.index.store
        self._resources = self.index.resources
        self._states: dict[tuple[str, str, str], NodeState] = {}
        self._logs: dict[tuple[str, str], list[ContainerLog]] | None = None
        self.index.fill(snapshot.resources)

    # Reading

    def get(self, ref: Ref) -> Resource | None:
        """The object, when it was read."""
        number = self.store.ids.get(ref)
        return None if number is None else self._resources.get(number)

    def find(self, kind: str, namespace: str, name: str, group: str | None = None) -> Resource | None:
        """The object by its parts; without a group, the built-in kind of that name before any other."""
        if group is not None:
            return self.get(Ref(kind, namespace, name, group))
        for candidate in self.groups_of(kind):
            found = self.get(Ref(kind, namespace, name, candidate))
            if found is not None:
                return found
        return None

    def groups_of(self, kind: str) -> list[str]:
        """The API groups in which objects of this kind were read, the built-in one first."""
        known = built_in(kind)
        first = known.group if known else ""
        return sorted(self.index.groups.get(kind, ()), key=lambda group: (group != first, group))

    def kinds(self) -> list[str]:
        """Every kind of which at least one object was read."""
        return sorted(kind for kind, members in self.index.members.items() if members)

    def of_kind(self, kind: str, namespace: str | None = None, group: str | None = None) -> list[Resource]:
        """Objects of a kind, by namespace and name. The list is shared: do not change it."""
        cached = self.index.listings.setdefault(kind, {})
        found = cached.get((namespace, group))
        if found is not None:
            return found
        if namespace is None:
            resources = (self._resources[number] for number in self.index.members.get(kind, ()))
            chosen = (resource for resource in resources if group in (None, resource.ref.group))
            found = sorted(chosen, key=lambda one: (one.ref.namespace, one.ref.name, one.ref.group))
        else:  # a stretch of the whole list: hundreds of namespaces are asked for one by one
            whole = self.of_kind(kind, None, group)
            start = bisect_left(whole, namespace, key=_namespace_of)
            found = whole[start : bisect_right(whole, namespace, lo=start, key=_namespace_of)]
        cached[(namespace, group)] = found
        return found

    def resources(self) -> Iterator[Resource]:
        """Every object that was read."""
        return iter(self._resources.values())

    def refs(self) -> Iterator[Ref]:
        """Every object that was read or is named."""
        return iter(self.store.ids)

    def state(self, ref: Ref) -> NodeState:
        """Whether the object exists, is known not to, or could not be looked for."""
        number = self.store.ids.get(ref)
        if number is not None and (number in self._resources or self._is_vouched_for(ref)):
            return NodeState.PRESENT
        key = (ref.kind, ref.group, ref.namespace)
        found = self._states.get(key)
        if found is None:
            kind, group = ("ResourceSlice", DEVICE_GROUP) if ref.kind == "Device" else (ref.kind, ref.group)
            read = self.snapshot.coverage.was_read(kind, ref.namespace, group)
            found = self._states[key] = NodeState.DANGLING if read else NodeState.UNREADABLE
        return found

    def _is_vouched_for(self, ref: Ref) -> bool:
        """A thing without an API object exists when something names it; a device, when a slice publishes it."""
        return is_virtual(ref) and (ref.kind != "Device" or bool(self.into(ref, EdgeKind.OFFERS)))

    def out(self, ref: Ref, *kinds: EdgeKind) -> list[Edge]:
        """Edges that start at the object, of these kinds or of all."""
        number = self.store.ids.get(ref)
        if number is None:
            return []
        edges = [self.store.edge(number, tie, target) for target, tie in self.store.leaving(number)]
        if EdgeKind.IN_NAMESPACE in kinds and ref.namespace:
            edges.append(_membership(ref))
        return [edge for edge in edges if edge.kind in kinds] if kinds else edges

    def target(self, ref: Ref, kind: EdgeKind) -> Ref | None:
        """Where the object's first edge of a kind leads, for whoever asks it of every object."""
        number = self.store.ids.get(ref)
        if number is not None:
            for target, tie in self.store.leaving(number):
                if self.store.ties[tie].kind is kind:
                    return self.store.refs[target]
        return None

    def into(self, ref: Ref, *kinds: EdgeKind) -> list[Edge]:
        """Edges that end at the object, of these kinds or of all."""
        number = self.store.ids.get(ref)
        if number is None:
            return []
        edges = [self.store.edge(source, tie, number) for source, tie in self.store.entering(number)]
        if EdgeKind.IN_NAMESPACE in kinds and ref.kind == "Namespace":
            edges.extend(_membership(member) for member in self.members(ref.name))
        return [edge for edge in edges if edge.kind in kinds] if kinds else edges

    def members(self, namespace: str) -> list[Ref]:
        """Every object that was read in a namespace."""
        return sorted(resource.ref for resource in self._resources.values() if resource.ref.namespace == namespace)

    def events(self, ref: Ref) -> list[EventFact]:
        """Events about the object, oldest first."""
        about = (self.get(edge.source) for edge in self.into(ref, EdgeKind.ABOUT))
        facts = [event_fact(resource) for resource in about if resource is not None]
        return sorted(facts, key=lambda fact: (fact.last or EPOCH, fact.first or EPOCH, fact.ref.name))

    def logs(self, pod: Ref, container: str | None = None) -> list[ContainerLog]:
        """Logs of a pod's containers, current before previous; a log that names no container may be any one's."""
        if self._logs is None:
            self._logs = defaultdict(list)
            for log in self.snapshot.logs:
                self._logs[(log.namespace, log.pod)].append(log)
        found = self._logs.get((pod.namespace, pod.name), [])
        return sorted(
            (log for log in found if container is None or log.container in ("", container)),
            key=lambda log: log.previous,
        )

    # Questions (see queries.py)

    def add_logs(self, logs: tuple[ContainerLog, ...], notes: tuple[str, ...] = ()) -> None:
        """Take in logs that were read after the objects, and a sentence for each that could not be."""
        coverage = self.snapshot.coverage
        self.snapshot = msgspec.structs.replace(
            self.snapshot,
            logs=(*self.snapshot.logs, *logs),
            coverage=msgspec.structs.replace(coverage, notes=(*coverage.notes, *notes)),
        )
        self._logs = None

    def add_series(self, series: tuple[Series, ...], notes: tuple[str, ...] = ()) -> None:
        """Take in measurements that were read after the objects, and a sentence for what could not be."""
        self.snapshot = msgspec.structs.replace(self.snapshot, series=(*self.snapshot.series, *series))
        self.add_logs((), notes)

    def owners(self, ref: Ref) -> list[Ref]:
        """The chain of owners, nearest first."""
        return queries.owners(self, ref)

    def top_owner(self, ref: Ref) -> Ref:
        """The object a person would change: the end of the controller chain, or the object itself."""
        return queries.top_owner(self, ref)

    def children(self, ref: Ref) -> list[Ref]:
        """The objects it owns directly."""
        return queries.owned(self, ref)

    def depends_on(self, ref: Ref) -> list[Ref]:
        """Everything whose illness can make this object ill, nearest first. Paths: `queries.dependencies`."""
        return queries.depends_on(self, ref)

    def blast_radius(self, ref: Ref) -> list[Ref]:
        """Everything that suffers when this object is ill, nearest first. Paths: `queries.dependants`."""
        return queries.blast_radius(self, ref)

    def path(self, start: Ref, end: Ref) -> list[Edge]:
        """The shortest way between two objects; empty when there is none."""
        return queries.path(self, start, end)

    def dangling(self) -> list[Edge]:
        """References whose target is known not to exist."""
        return queries.dangling(self)

    # Keeping up

    def put(self, resource: Resource) -> None:
        """Add an object, or replace what was known of it."""
        self.index.put(resource)

    def remove(self, ref: Ref) -> None:
        """Forget an object. What names it keeps its edge, which now dangles."""
        self.index.remove(ref)


def is_virtual(ref: Ref) -> bool:
    """Tell whether the ref names a thing that has no API object: an image, a user, a device."""
    return ref.kind in VIRTUAL_KINDS and not ref.group


def _membership(member: Ref) -> Edge:
    return Edge(member, EdgeKind.IN_NAMESPACE, Ref("Namespace", "", member.namespace), "metadata.namespace")
