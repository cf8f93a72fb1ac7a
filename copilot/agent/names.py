"""The names of a cluster's objects, for exact and for nearest match. Made once for a question, whatever its clauses."""

from __future__ import annotations

from functools import cached_property

from copilot.model import Ref, children, text, texts
from copilot.model.likeness import nearest
from retrievers.graph import ResourceGraph

NEAR = 0.78  # below it a "nearest" name is another name
PREFERRED = (
    "Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Service", "Ingress", "Node", "PersistentVolumeClaim",
    "ConfigMap", "Secret", "HorizontalPodAutoscaler", "Pod", "Namespace",
)  # fmt: skip
_NAMELESS = frozenset(
    {"Event", "Lease", "EndpointSlice", "Endpoints", "ReplicaSet"}
)  # nobody means these by a bare name


class Names:
    """Every object by its name in lower case."""

    def __init__(self, graph: ResourceGraph) -> None:
        self._graph = graph
        self.by_name: dict[str, list[Ref]] = {}
        for resource in graph.resources():
            if resource.ref.kind not in _NAMELESS:
                self.by_name.setdefault(resource.ref.name.lower(), []).append(resource.ref)
        for resource in graph.of_kind("ReplicaSet"):
            self.by_name.setdefault(resource.ref.name.lower(), []).append(resource.ref)
        self.namespaces = {ref.name for ref in (r.ref for r in graph.of_kind("Namespace"))}
        self.namespaces |= {refs.namespace for listed in self.by_name.values() for refs in listed} - {""}

    def exact(self, word: str) -> list[Ref]:
        """The objects of that name; of a host or an address, whoever answers to it."""
        found = self.by_name.get(word.lower(), [])
        return found if found or "." not in word else self._addresses.get(word.lower(), [])

    @cached_property
    def _addresses(self) -> dict[str, list[Ref]]:
        """Hosts of routes and IP addresses of pods, Services and nodes."""
        found: dict[str, list[Ref]] = {}
        for kind in ("Ingress", "HTTPRoute", "GRPCRoute", "TLSRoute"):
            for route in self._graph.of_kind(kind):
                for host in (
                    *(text(rule, "host") for rule in children(route.spec, "rules")),
                    *texts(route.spec, "hostnames"),
                ):
                    found.setdefault(host.lower(), []).append(route.ref)
        for kind in ("Service", "Node", "Pod"):
            for one in self._graph.of_kind(kind):
                own = [text(entry, "address") for entry in children(one.status, "addresses")]
                for address in (*own, text(one.spec, "clusterIP"), text(one.status, "podIP")):
                    found.setdefault(address, []).append(one.ref)
        return found

    def nearest(self, word: str, kind: str) -> list[Ref]:
        """The objects of the most similar name, of the kind when one is given."""
        pool = [name for name, refs in self.by_name.items() if not kind or any(ref.kind == kind for ref in refs)]
        workloads = [name for name in pool if any(ref.kind in PREFERRED[:8] for ref in self.by_name[name])]
        for candidates in (workloads, pool):
            swapped = next((name for name in candidates if _is_swapped(word.lower(), name)), "")
            if swapped:
                return self.by_name[swapped]
            near = nearest(word.lower(), candidates, NEAR)
            if near:
                return self.by_name[near]
        parts = sorted(name for name in workloads if len(word) >= 4 and f"-{word.lower()}-" in f"-{name}-")
        return self.by_name[parts[0]] if len(parts) == 1 else []


def _is_swapped(word: str, name: str) -> bool:
    """Two neighbouring letters in each other's place: the commonest slip, and too much for a ratio of short words."""
    if len(word) != len(name) or len(word) < 4:
        return False
    wrong = [i for i, (a, b) in enumerate(zip(word, name, strict=True)) if a != b]
    return (
        len(wrong) == 2
        and wrong[1] == wrong[0] + 1
        and word[wrong[0]] == name[wrong[1]]
        and word[wrong[1]] == name[wrong[0]]
    )
