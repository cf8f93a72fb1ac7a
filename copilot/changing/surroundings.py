"""Reads out of the resource graph what stands around the object to change. Pure: numbers and names, no verdict."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from copilot.model import Ref, children, dig, mapping, number, parse_quantity, text, texts
from guardrails.facts import Autoscaler, Budget, QuotaRoom, ServiceReach, Surroundings
from guardrails.kinds import CHANGEABLE
from guardrails.plan import Dependant
from guardrails.privilege import pod_spec, registries
from guardrails.workload import is_ready
from retrievers.graph import EdgeKind, ResourceGraph
from retrievers.graph.phrases import phrase
from retrievers.graph.queries import dependants

_RELEVANT = ("Pod", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler", "ResourceQuota")
# Parts of the object itself, or bookkeeping: they are not somebody who depends on it.
_PARTS = frozenset(
    {
        "Pod",
        "ReplicaSet",
        "EndpointSlice",
        "Endpoints",
        "Event",
        "Namespace",
        "ControllerRevision",
        "Lease",
        "IPAddress",
    }
)
_SELECTING = ("Service", "PodDisruptionBudget", "NetworkPolicy", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
_NODE_TERMS = (
    "spec",
    "affinity",
    "nodeAffinity",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "nodeSelectorTerms",
)
_SINGLE_WRITER = frozenset({"ReadWriteOnce", "ReadWriteOncePod"})


def surroundings(
    graph: ResourceGraph,
    ref: Ref,
    body: Mapping[str, Any],
    evicted: tuple[Ref, ...] = (),
) -> Surroundings:
    """Everything the rules ask about the neighbourhood of one object. `evicted` are the pods that a drain ends."""
    pods = (ref,) if ref.kind == "Pod" else evicted or own_pods(graph, ref)
    coverage = graph.snapshot.coverage
    namespaces = sorted({ref.namespace, *(pod.namespace for pod in pods)} - {""})
    quotas, unjudged = _quotas(graph, ref.namespace, body) if ref.namespace else ((), ())
    return Surroundings(
        services=_services(graph, ref, pods),
        budgets=_budgets(graph, pods),
        autoscalers=_autoscalers(graph, ref),
        quotas=quotas,
        dependants=_dependants(graph, ref),
        single_writer_volume=_single_writer(graph, ref.namespace, body),
        selected_keys=_selected_keys(graph, ref),
        registries=_registries(graph, ref.namespace),
        unread=tuple(
            f"{kind}s" for kind in _RELEVANT if not all(coverage.was_read(kind, namespace) for namespace in namespaces)
        ),
        unjudged=unjudged,
        troubled=troubled(graph, ref, pods),
    )


def troubled(graph: ResourceGraph, ref: Ref, pods: tuple[Ref, ...]) -> tuple[str, ...]:
    """What the object depends on and is ill itself, one line each. Its own parts do not count: they are what is changed."""
    own = {ref, *pods, *graph.children(ref)}
    found = []
    for each in graph.depends_on(ref):
        body = graph.get(each)
        if each in own or body is None or graph.top_owner(each) == ref:
            continue
        if line := _trouble(graph, each, body.body):
            found.append(f"{each.kind} {f'{each.namespace}/' if each.namespace else ''}{each.name} {line}")
    return tuple(sorted(found))


def _trouble(graph: ResourceGraph, ref: Ref, body: Mapping[str, Any]) -> str:
    """What ails an object, by its own status; "" where it says nothing of the kind."""
    match ref.kind:
        case "Node":
            ready = [
                text(each, "status") for each in children(body, "status", "conditions") if text(each, "type") == "Ready"
            ]
            return "" if not ready or ready == ["True"] else "is not ready"
        case "PersistentVolumeClaim":
            phase = text(body, "status", "phase")
            return f"is {phase}" if phase in ("Pending", "Lost") else ""
        case "Deployment" | "StatefulSet":
            wanted, ready_now = number(body, "spec", "replicas", default=1), number(body, "status", "readyReplicas")
            return f"has {ready_now} of {wanted} pods ready" if "status" in body and ready_now < wanted else ""
        case "Service":
            behind = [edge.target for edge in graph.out(ref, EdgeKind.SELECTS)]
            return "has no ready endpoint" if behind and not any(_takes_traffic(graph, pod) for pod in behind) else ""
        case _:
            return ""


def own_pods(graph: ResourceGraph, ref: Ref) -> tuple[Ref, ...]:
    """The pods under a workload, however deep."""
    found: dict[Ref, None] = {}
    waiting, seen = [ref], {ref}
    while waiting:
        for below in graph.children(waiting.pop()):
            if below.kind == "Pod":
                found[below] = None
            elif below not in seen:
                seen.add(below)
                waiting.append(below)
    return tuple(found)


def _services(graph: ResourceGraph, ref: Ref, pods: tuple[Ref, ...]) -> tuple[ServiceReach, ...]:
    names = {edge.source for pod in pods for edge in graph.into(pod, EdgeKind.SELECTS)}
    names |= {edge.source for edge in graph.into(ref, EdgeKind.SELECTS_TEMPLATE)}
    mine = set(pods)
    found = []
    for service in sorted(names):
        ready = {edge.target for edge in graph.out(service, EdgeKind.SELECTS) if _takes_traffic(graph, edge.target)}
        found.append(ServiceReach(service.name, len(ready), len(ready & mine)))
    return tuple(found)


def _takes_traffic(graph: ResourceGraph, pod: Ref) -> bool:
    found = graph.get(pod)
    return found is not None and found.deleted is None and is_ready(found.body)


def _selected_keys(graph: ResourceGraph, ref: Ref) -> tuple[str, ...]:
    """The label keys that selectors around the object use: those of its namespace, or of pods that choose nodes."""
    found: set[str] = set()
    if ref.kind == "Node":
        for pod in graph.of_kind("Pod"):
            found |= mapping(pod.body, "spec", "nodeSelector").keys()
            terms = children(pod.body, *_NODE_TERMS)
            found |= {text(each, "key") for term in terms for each in children(term, "matchExpressions")}
        return tuple(sorted(found))
    for kind in _SELECTING:
        for each in graph.of_kind(kind, ref.namespace):
            for path in (("spec", "selector"), ("spec", "podSelector")):
                selector = mapping(each.body, *path)
                labels = mapping(selector, "matchLabels")
                found |= {text(term, "key") for term in children(selector, "matchExpressions")}
                found |= labels.keys() if labels else set(selector) - {"matchLabels", "matchExpressions"}
    return tuple(sorted(found))


def _registries(graph: ResourceGraph, namespace: str) -> tuple[str, ...]:
    """The registries that images of a namespace come from."""
    found: set[str] = set()
    for kind in CHANGEABLE:
        if kind.template:
            for each in graph.of_kind(kind.kind, namespace, kind.group):
                found |= registries(pod_spec(each.body, kind.template))
    for pod in graph.of_kind("Pod", namespace):
        found |= registries(mapping(pod.body, "spec"))
    return tuple(sorted(found))


def _budgets(graph: ResourceGraph, pods: tuple[Ref, ...]) -> tuple[Budget, ...]:
    names = {edge.source for pod in pods for edge in graph.into(pod, EdgeKind.PROTECTS)}
    found = []
    for name in sorted(names):
        budget = graph.get(name)
        if budget is not None:
            least = dig(budget.body, "spec", "minAvailable")
            absolute = isinstance(least, int) or (isinstance(least, str) and least.isdigit())
            status = budget.status
            allowed = dig(status, "disruptionsAllowed")
            found.append(
                Budget(
                    name.name,
                    number(status, "currentHealthy"),
                    number(status, "desiredHealthy"),
                    absolute,
                    allowed if isinstance(allowed, int) else None,
                )
            )
    return tuple(found)


def _autoscalers(graph: ResourceGraph, ref: Ref) -> tuple[Autoscaler, ...]:
    found = []
    for name in sorted({edge.source for edge in graph.into(ref, EdgeKind.SCALES)}):
        scaler = graph.get(name)
        if scaler is None or name.kind != "HorizontalPodAutoscaler":
            continue
        owner = next(iter(graph.owners(name)), name)
        found.append(
            Autoscaler(
                name.name,
                number(scaler.spec, "minReplicas", default=1),
                number(scaler.spec, "maxReplicas"),
                str(owner),
            )
        )
    return tuple(found)


def _dependants(graph: ResourceGraph, ref: Ref) -> tuple[Dependant, ...]:
    found: dict[Ref, str] = {}
    for reached in dependants(graph, ref):
        top = graph.top_owner(reached.ref)
        if reached.ref.kind in _PARTS or top == ref:
            continue
        last = reached.path[-1]
        forward = last.source == reached.ref
        other = last.target if forward else last.source
        found.setdefault(reached.ref, f"{phrase(last.kind, from_source=forward)} {other}")
    return tuple(Dependant(each.kind, each.namespace, each.name, note) for each, note in found.items())


def _single_writer(graph: ResourceGraph, namespace: str, body: Mapping[str, Any]) -> bool:
    for volume in children(body, "spec", "template", "spec", "volumes"):
        name = text(volume, "persistentVolumeClaim", "claimName")
        claim = graph.find("PersistentVolumeClaim", namespace, name) if name else None
        modes = texts(claim.body, "spec", "accessModes") if claim is not None else []
        if modes and set(modes) <= _SINGLE_WRITER:
            return True
    return False


def _quotas(
    graph: ResourceGraph, namespace: str, body: Mapping[str, Any]
) -> tuple[tuple[QuotaRoom, ...], tuple[str, ...]]:
    rooms, unjudged = [], []
    needs = _pod_needs(body)
    for quota in graph.of_kind("ResourceQuota", namespace):
        if quota.spec.get("scopes") or quota.spec.get("scopeSelector"):
            unjudged.append(f"ResourceQuota {quota.ref.name} (it counts only some pods)")
            continue
        hard, used = mapping(quota.body, "status", "hard"), mapping(quota.body, "status", "used")
        for resource in sorted(hard):
            need, most = needs.get(resource, Fraction(0)), parse_quantity(hard[resource])
            if need > 0 and most is not None:
                free = most - (parse_quantity(used.get(resource)) or Fraction(0))
                rooms.append(QuotaRoom(quota.ref.name, resource, max(0, int(free / need))))
    return tuple(rooms), tuple(unjudged)


def _pod_needs(body: Mapping[str, Any]) -> dict[str, Fraction]:
    """What one more pod adds to each line of a quota: the sum of its containers, or its largest init container."""
    needs = {"pods": Fraction(1), "count/pods": Fraction(1)}
    spec = mapping(body, "spec", "template", "spec")
    for side in ("requests", "limits"):
        running, starting = _sum(spec, "containers", side), _largest_init(spec, side)
        for name in running.keys() | starting.keys():
            amount = max(running.get(name, Fraction(0)), starting.get(name, Fraction(0)))
            needs[f"{side}.{name}"] = amount
            if side == "requests" and name in ("cpu", "memory", "ephemeral-storage"):
                needs[name] = amount
    return needs


def _sum(spec: Mapping[str, Any], field: str, side: str) -> dict[str, Fraction]:
    total: dict[str, Fraction] = {}
    for container in children(spec, field):
        for name, amount in mapping(container, "resources", side).items():
            total[str(name)] = total.get(str(name), Fraction(0)) + (parse_quantity(amount) or Fraction(0))
    return total


def _largest_init(spec: Mapping[str, Any], side: str) -> dict[str, Fraction]:
    most: dict[str, Fraction] = {}
    for container in children(spec, "initContainers"):
        for name, amount in mapping(container, "resources", side).items():
            most[str(name)] = max(most.get(str(name), Fraction(0)), parse_quantity(amount) or Fraction(0))
    return most
