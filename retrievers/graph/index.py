"""Keeps objects and edges together as objects come, change and go. The one place that writes to the edge store.

Order does not matter: a reference that comes before its target is resolved when the target appears.
"""

from __future__ import annotations

from collections.abc import Iterable

from copilot.model import Detail, Ref, Resource
from copilot.model.kinds import built_in
from retrievers.graph.edge import VIRTUAL_KINDS, EdgeKind
from retrievers.graph.edges import declare_alike, edges_of
from retrievers.graph.edges.pod_spec import pod_spec_of
from retrievers.graph.hosts import candidates, could_mean, mentions_of, resolve
from retrievers.graph.selector_index import Filed, SelectorIndex, pod_selector_of, selectable_labels
from retrievers.graph.store import EdgeStore

_DETAIL_RANK = {Detail.ROW: 0, Detail.DESCRIBED: 1, Detail.FULL: 2}
_TEMPLATED = frozenset(
    {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job", "CronJob"}
)
_SELECTABLE = _TEMPLATED | {"Pod"}
_SELECTING = frozenset({"Service", "NetworkPolicy", "PodDisruptionBudget"})
_MATCHED = frozenset({EdgeKind.SELECTS, EdgeKind.SELECTS_TEMPLATE, EdgeKind.ISOLATES, EdgeKind.PROTECTS})


class ObjectIndex:
    """The objects by number, kind and selector, and the edge store they fill."""

    def __init__(self) -> None:
        self.store = EdgeStore()
        self.resources: dict[int, Resource] = {}
        self.members: dict[str, dict[int, None]] = {}
        self.groups: dict[str, set[str]] = {}
        self.listings: dict[str, dict[tuple[str | None, str | None], list[Resource]]] = {}
        self._selectors = SelectorIndex()
        self._cluster_scoped: set[tuple[str, str]] = set()
        self._spoken_for: dict[int, list[int]] = {}  # slice -> the devices whose edges it declares
        self._awaited: dict[Ref, set[int]] = {}  # an object nobody has seen -> whose host names may mean it
        self._awaiting: dict[int, list[Ref]] = {}  # the same, by who waits

    def fill(self, resources: Iterable[Resource]) -> None:
        """Take in many objects at once. Of two with the same ref the more detailed one stays, else the later one."""
        for resource in resources:
            self._enter(resource, replace=False)
        for number, resource in self.resources.items():
            self._declare(number, resource)
            if resource.ref.kind in _SELECTING:
                self._file_selector(number, resource)
        for number, resource in self.resources.items():
            if _is_selectable(resource):
                self._match_into(number, resource)

    def put(self, resource: Resource) -> None:
        """Add an object, or replace what was known of it."""
        number = self.store.ids.get(resource.ref)
        old = None if number is None else self.resources.get(number)
        kind, group = resource.ref.kind, resource.ref.group
        is_new_kind = group not in self.groups.get(kind, ()) and built_in(kind, group) is None
        number = self._enter(resource, replace=True)
        if old is not None and declare_alike(old, resource):
            return
        self._declare(number, resource)
        if kind in _SELECTING:
            self._reselect(number, resource)
        if _is_selectable(resource) and (old is None or selectable_labels(old) != selectable_labels(resource)):
            self._unmatch_into(number)
            self._match_into(number, resource)
        if old is None:
            self._redeclare(self._awaited.pop(resource.ref, ()))
        if is_new_kind:
            self._redeclare(self._who_may_mean(kind))

    def remove(self, ref: Ref) -> None:
        """Forget an object. What names it keeps its edge, which now dangles."""
        number = self.store.ids.get(ref)
        if number is None or self.resources.pop(number, None) is None:
            return
        self.members[ref.kind].pop(number, None)
        self.listings.pop(ref.kind, None)
        self._selectors.remove(number)
        self._stop_waiting(number)
        self.store.unmatch_all(number)
        self._speak_for(number, {number: []})
        self._unmatch_into(number)
        if ref.kind == "Service":
            connects = (source for source, tie in self.store.entering(number) if self._is_connection(tie))
            self._redeclare(list(connects))
        self._release((number,))

    def _redeclare(self, numbers: Iterable[int]) -> None:
        """Read objects again whose references another object has given a new meaning."""
        for number in list(numbers):
            resource = self.resources.get(number)
            if resource is not None:
                self._declare(number, resource)

    def _who_may_mean(self, kind: str) -> set[int]:
        """Objects that name something of a custom kind, or may have: its scope and group were not known before."""
        named = {source for ref, number in self.store.ids.items() if ref.kind == kind
                 for source, _ in self.store.entering(number)}  # fmt: skip
        custom = {number for number, found in self.resources.items()
                  if built_in(found.ref.kind, found.ref.group) is None}  # fmt: skip
        return named | custom

    def _is_connection(self, tie: int) -> bool:
        return self.store.ties[tie].kind is EdgeKind.CONNECTS_TO

    def _enter(self, resource: Resource, *, replace: bool) -> int:
        ref = resource.ref
        number = self.store.intern(ref)
        known = self.resources.get(number)
        if known is None:
            self.members.setdefault(ref.kind, {})[number] = None
            self.groups.setdefault(ref.kind, set()).add(ref.group)
            if not ref.namespace:
                self._cluster_scoped.add((ref.kind, ref.group))
        if known is None or replace or _DETAIL_RANK[resource.detail] >= _DETAIL_RANK[known.detail]:
            self.resources[number] = resource
            if self.listings:
                self.listings.pop(ref.kind, None)
        return number

    # Declared edges

    def _declare(self, number: int, resource: Resource) -> None:
        store, own, ids = self.store, resource.ref, self.store.ids
        pairs: list[int] = []
        others: dict[int, list[int]] = {}
        for edge in edges_of(resource):
            target = ids.get(edge.target)
            if target is None or target not in self.resources:
                ref = self._canonical(edge.target)
                if not edge.certain and self._is_unheard_of(ref):
                    continue
                target = store.intern(ref)
            into = pairs if edge.source is own else others.setdefault(store.intern(edge.source), [])
            if target != number:
                into.append(target)
                into.append(store.tie(edge.kind, edge.field, edge.optional, edge.certain))
        if own.kind == "Pod" or own.kind in _TEMPLATED:
            self._connect(resource, pairs)
        if others or number in self._spoken_for:
            self._speak_for(number, {number: pairs, **others})
        else:
            self._release(store.declare(number, pairs))

    def _speak_for(self, number: int, pairs: dict[int, list[int]]) -> None:
        """Write edges by source: the object's own, and those of things without an object that it declares."""
        former = self._spoken_for.pop(number, [])
        left: set[int] = set()
        for source in dict.fromkeys([*former, *pairs]):
            left |= self.store.declare(source, pairs.get(source, []))
        others = [source for source in pairs if source != number]
        if others:
            self._spoken_for[number] = others
        self._release({*left, *former})

    def _connect(self, resource: Resource, pairs: list[int]) -> None:
        """Add edges to the services that the pod spec's literal values name."""
        number = self.store.ids[resource.ref]
        if number in self._awaiting:
            self._stop_waiting(number)
        pod = pod_spec_of(resource)
        known: set[int] = set()
        for mention in mentions_of(pod) if pod is not None else ():
            possible = candidates(mention.host, resource.ref.namespace)
            found = resolve(mention, possible, self._exists)
            if found is None or not found[1] or found[0] is not possible[0]:
                self._wait(number, possible, found)
            if found is None:
                continue
            target = self.store.intern(found[0])
            if target not in known:
                known.add(target)
                tie = self.store.tie(EdgeKind.CONNECTS_TO, mention.field, optional=False, certain=found[1])
                pairs.extend((target, tie))

    def _wait(self, number: int, possible: list[Ref], found: tuple[Ref, bool] | None) -> None:
        """Remember who reads a host name whose meaning changes when a likelier service, or the namespace, appears."""
        settled = found[0] if found is not None and found[1] else None
        for ref in could_mean(possible):
            if ref is settled:
                break
            self._awaited.setdefault(ref, set()).add(number)
            self._awaiting.setdefault(number, []).append(ref)

    def _stop_waiting(self, number: int) -> None:
        for ref in self._awaiting.pop(number, ()):
            waiting = self._awaited.get(ref)
            if waiting is not None:
                waiting.discard(number)
                if not waiting:
                    del self._awaited[ref]

    def _exists(self, ref: Ref) -> bool:
        number = self.store.ids.get(ref)
        return number is not None and number in self.resources

    def _canonical(self, ref: Ref) -> Ref:
        """Correct what a reference could not say: a custom kind's scope and group, from the objects that were read."""
        groups = self.groups.get(ref.kind)
        if groups is None or built_in(ref.kind, ref.group) is not None:
            return ref
        group = ref.group if ref.group in groups or len(groups) > 1 else next(iter(groups))
        namespace = "" if (ref.kind, group) in self._cluster_scoped else ref.namespace
        return Ref(ref.kind, namespace, ref.name, group)

    def _is_unheard_of(self, ref: Ref) -> bool:
        """A kind that was inferred from a field's name, and that neither Kubernetes nor this cluster has."""
        return ref.kind not in self.groups and built_in(ref.kind) is None and ref.kind not in VIRTUAL_KINDS

    def _release(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if number not in self.resources:
                self.store.release(number)

    # Edges made by selectors

    def _file_selector(self, number: int, resource: Resource) -> None:
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
            for candidate in self.members.get(kind, ()):
                pod = self.resources[candidate]
                if (
                    pod.ref.namespace == resource.ref.namespace
                    and _is_selectable(pod)
                    and filed.selector.matches(selectable_labels(pod))
                ):
                    self.store.match(number, tie, candidate)


def _is_selectable(resource: Resource) -> bool:
    """Pods, and the workloads a person writes: the ReplicaSets of a Deployment and the Jobs of a CronJob repeat it."""
    kind = resource.ref.kind
    if kind in ("ReplicaSet", "Job"):
        return not resource.metadata.get("ownerReferences")
    return kind in _SELECTABLE
