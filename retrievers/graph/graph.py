"""The resource graph: every object that was read or is named, and every tie between them. Nothing in a snapshot makes it raise."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterator

from copilot.model import ContainerLog, Detail, Ref, Resource, Snapshot
from copilot.model.kinds import built_in
from copilot.model.moment import EPOCH
from retrievers.graph import queries
from retrievers.graph.edge import VIRTUAL_KINDS, Edge, EdgeKind, NodeState
from retrievers.graph.edges import edges_of
from retrievers.graph.events import EventFact, event_fact
from retrievers.graph.selector_index import Filed, SelectorIndex, pod_selector_of, selectable_labels
from retrievers.graph.store import EdgeStore

_DETAIL_RANK = {Detail.ROW: 0, Detail.DESCRIBED: 1, Detail.FULL: 2}
_SELECTABLE = frozenset(
    {"Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job", "CronJob"}
)
_MATCHED = frozenset({EdgeKind.SELECTS, EdgeKind.SELECTS_TEMPLATE, EdgeKind.ISOLATES, EdgeKind.PROTECTS})
_SELECTING = frozenset({"Service", "NetworkPolicy", "PodDisruptionBudget"})


def build_graph(snapshot: Snapshot) -> ResourceGraph:
    """Build the graph of everything in a snapshot. The garbage collector rests meanwhile: there are no cycles to find."""
    paused = gc.isenabled()
    gc.disable()
    try:
        return ResourceGraph(snapshot)
    finally:
        if paused:
            gc.enable()


class ResourceGraph:
    """Objects and edges of one cluster, kept up by `put` and `remove`.

    `snapshot` is what it was built from and stays as it was: observation time, coverage, logs, usage.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.store = EdgeStore()
        self._resources: dict[int, Resource] = {}
        self._selectors = SelectorIndex()
        self._members: dict[str, dict[int, None]] = {}
        self._groups: dict[str, set[str]] = {}
        self._cluster_scoped: set[tuple[str, str]] = set()
        self._states: dict[tuple[str, str, str], NodeState] = {}
        self._listings: dict[str, dict[tuple[str | None, str | None], list[Resource]]] = {}
        self._logs: dict[tuple[str, str], list[ContainerLog]] | None = None
        for resource in snapshot.resources:
            self._enter(resource)
        for number, resource in self._resources.items():
            self._declare(number, resource)
            self._file_selector(number, resource)
        for number, resource in self._resources.items():
            if resource.ref.kind in _SELECTABLE:
                self._match_into(number, resource)

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
        return sorted(self._groups.get(kind, ()), key=lambda group: (group != first, group))

    def kinds(self) -> list[str]:
        """Every kind of which at least one object was read."""
        return sorted(kind for kind, members in self._members.items() if members)

    def of_kind(self, kind: str, namespace: str | None = None, group: str | None = None) -> list[Resource]:
        """Objects of a kind, by namespace and name. The list is shared: do not change it."""
        cached = self._listings.setdefault(kind, {})
        found = cached.get((namespace, group))
        if found is None:
            resources = (self._resources[number] for number in self._members.get(kind, ()))
            found = cached[(namespace, group)] = sorted(
                (
                    resource
                    for resource in resources
                    if namespace in (None, resource.ref.namespace) and group in (None, resource.ref.group)
                ),
                key=lambda resource: (resource.ref.namespace, resource.ref.name, resource.ref.group),
            )
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
        if (number is not None and number in self._resources) or (number is not None and is_virtual(ref)):
            return NodeState.PRESENT
        key = (ref.kind, ref.group, ref.namespace)
        found = self._states.get(key)
        if found is None:
            read = self.snapshot.coverage.was_read(ref.kind, ref.namespace, ref.group)
            found = self._states[key] = NodeState.DANGLING if read else NodeState.UNREADABLE
        return found

    def out(self, ref: Ref, *kinds: EdgeKind) -> list[Edge]:
        """Edges that start at the object, of these kinds or of all."""
        number = self.store.ids.get(ref)
        if number is None:
            return []
        edges = [self.store.edge(number, tie, target) for target, tie in self.store.leaving(number)]
        if EdgeKind.IN_NAMESPACE in kinds and ref.namespace:
            edges.append(_membership(ref))
        return [edge for edge in edges if edge.kind in kinds] if kinds else edges

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
        """Logs of a pod's containers, current before previous."""
        if self._logs is None:
            self._logs = defaultdict(list)
            for log in self.snapshot.logs:
                self._logs[(log.namespace, log.pod)].append(log)
        found = self._logs.get((pod.namespace, pod.name), [])
        return sorted((log for log in found if container in (None, log.container)), key=lambda log: log.previous)

    # Questions (see queries.py)

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
        return [reached.ref for reached in queries.dependencies(self, ref)]

    def blast_radius(self, ref: Ref) -> list[Ref]:
        """Everything that suffers when this object is ill, nearest first. Paths: `queries.dependants`."""
        return [reached.ref for reached in queries.dependants(self, ref)]

    def path(self, start: Ref, end: Ref) -> list[Edge]:
        """The shortest way between two objects; empty when there is none."""
        return queries.path(self, start, end)

    def dangling(self) -> list[Edge]:
        """References whose target is known not to exist."""
        return queries.dangling(self)

    # Keeping up

    def put(self, resource: Resource) -> None:
        """Add an object, or replace what was known of it."""
        number = self.store.ids.get(resource.ref)
        old = None if number is None else self._resources.get(number)
        number = self._enter(resource, replace=True)
        if old is None or old.body is not resource.body:
            self._declare(number, resource)
        kind = resource.ref.kind
        if kind in _SELECTING:
            self._reselect(number, resource)
        if kind in _SELECTABLE and (old is None or selectable_labels(old) != selectable_labels(resource)):
            self._unmatch_into(number)
            self._match_into(number, resource)

    def remove(self, ref: Ref) -> None:
        """Forget an object. What names it keeps its edge, which now dangles."""
        number = self.store.ids.get(ref)
        if number is None or self._resources.pop(number, None) is None:
            return
        self._members[ref.kind].pop(number, None)
        self._listings.pop(ref.kind, None)
        self._selectors.remove(number)
        targets = [target for target, _ in self.store.leaving(number)]
        self.store.unmatch_all(number)
        self.store.declare(number, [])
        self._unmatch_into(number)
        for candidate in {number, *targets}:
            if candidate not in self._resources:
                self.store.release(candidate)

    # Building

    def _enter(self, resource: Resource, *, replace: bool = False) -> int:
        ref = resource.ref
        number = self.store.intern(ref)
        known = self._resources.get(number)
        if known is None:
            self._members.setdefault(ref.kind, {})[number] = None
            self._groups.setdefault(ref.kind, set()).add(ref.group)
            if not ref.namespace:
                self._cluster_scoped.add((ref.kind, ref.group))
        if known is None or replace or _DETAIL_RANK[resource.detail] >= _DETAIL_RANK[known.detail]:
            self._resources[number] = resource
            if self._listings:
                self._listings.pop(ref.kind, None)
        return number

    def _declare(self, number: int, resource: Resource) -> None:
        store, pairs = self.store, []
        for edge in edges_of(resource):
            target = store.ids.get(edge.target)
            if target is None:
                target = store.intern(self._canonical(edge.target))
            if target != number:
                pairs.append(target)
                pairs.append(store.tie(edge.kind, edge.field, edge.optional, edge.certain))
        store.declare(number, pairs)

    def _canonical(self, ref: Ref) -> Ref:
        """Correct what a reference could not say: a custom kind's scope and group, from the objects that were read."""
        if ref.kind not in self._groups or built_in(ref.kind, ref.group) is not None:
            return ref
        groups = self._groups[ref.kind]
        group = ref.group if ref.group in groups or len(groups) > 1 else next(iter(groups))
        namespace = "" if (ref.kind, group) in self._cluster_scoped else ref.namespace
        return Ref(ref.kind, namespace, ref.name, group)

    def _file_selector(self, number: int, resource: Resource) -> None:
        if resource.ref.kind not in _SELECTING:
            return
        made = pod_selector_of(resource)
        if made is None:
            self._selectors.remove(number)
            return
        template = self.store.tie(made.template, made.field) if made.template else None
        filed = Filed(number, made.selector, self.store.tie(made.kind, made.field), template)
        self._selectors.add(resource.ref.namespace, filed)

    def _match_into(self, number: int, resource: Resource) -> None:
        labels = selectable_labels(resource)
        for filed in self._selectors.choosing(resource.ref.namespace, labels):
            tie = filed.pod_tie if resource.ref.kind == "Pod" else filed.template_tie
            if tie is not None:
                self.store.match(filed.owner, tie, number)

    def _unmatch_into(self, number: int) -> None:
        for source, tie in list(self.store.entering(number)):
            if self.store.ties[tie].kind in _MATCHED:
                self.store.unmatch(source, tie, number)

    def _reselect(self, number: int, resource: Resource) -> None:
        """Match a selector again with every pod and template of its namespace, when it changed."""
        before = self._selectors.of(number)
        self._file_selector(number, resource)
        filed = self._selectors.of(number)
        if filed == before:
            return
        self.store.unmatch_all(number)
        if filed is None:
            return
        for kind in sorted(_SELECTABLE):
            tie = filed.pod_tie if kind == "Pod" else filed.template_tie
            if tie is None:
                continue
            for candidate in self.of_kind(kind, resource.ref.namespace):
                if filed.selector.matches(selectable_labels(candidate)):
                    self.store.match(number, tie, self.store.ids[candidate.ref])


def is_virtual(ref: Ref) -> bool:
    """Tell whether the ref names a thing that has no API object: an image, a user, a device."""
    return ref.kind in VIRTUAL_KINDS and not ref.group


def _membership(member: Ref) -> Edge:
    return Edge(member, EdgeKind.IN_NAMESPACE, Ref("Namespace", "", member.namespace), "metadata.namespace")
