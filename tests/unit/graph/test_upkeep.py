"""A graph kept up by put and remove is the graph that would be built anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retrievers.graph import EdgeKind, NodeState, ResourceGraph
from tests.unit.graph.objects import graph_of, made, owner, pod, ref, workload

ENV = {"containers": [{"name": "web", "env": [{"name": "DB_URL", "value": "http://db:80 queue.data:1"}]}]}
# Several versions of the same objects, tied to each other in every way the graph knows.
POOL = [
    made("Service", "web", spec={"selector": {"app": "web"}}),
    made("Service", "web", spec={"selector": {"app": "web", "tier": "front"}}),
    made("Service", "web", spec={"selector": {}}),
    made("Service", "db"),
    made("Service", "queue", "data"),
    made("NetworkPolicy", "deny", api="networking.k8s.io/v1", spec={"podSelector": {}}),
    made("NetworkPolicy", "deny", api="networking.k8s.io/v1", spec={"podSelector": {"matchLabels": {"app": "web"}}}),
    made("PodDisruptionBudget", "web", api="policy/v1", spec={
        "selector": {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["front"]}]}}),
    pod("web-0", labels={"app": "web"}, spec={**ENV, "nodeName": "n1"}, owners=[owner("ReplicaSet", "web-1")]),
    pod("web-0", labels={"app": "web", "tier": "front"}, spec={**ENV, "nodeName": "n2"}),
    pod("web-0", labels={"app": "api"}),
    pod("web-0", labels={"app": "api"}, status={"nominatedNodeName": "n1", "phase": "Pending"}),
    pod("web-0", labels={"app": "api"}, status={"containerStatuses": [{"name": "web", "imageID": "web@sha256:1"}]}),
    pod("web-1", labels={"app": "web"}, spec={"volumes": [{"name": "v", "configMap": {"name": "cfg"}}]}),
    workload("Deployment", "web"),
    workload("Deployment", "web", ENV, template_labels={"app": "api"}),
    workload("ReplicaSet", "web-1", owners=[owner("Deployment", "web")]),
    made("Node", "n1", ""),
    made("ConfigMap", "cfg"),
    made("ResourceSlice", "s", "", api="resource.k8s.io/v1", spec={"driver": "x", "pool": {"name": "p"}, "devices": [
        {"name": "d", "consumesCounters": [{"counterSet": "c"}]}, {"name": "e", "consumesCounters": [{"counterSet": "c"}]}]}),
    made("ResourceSlice", "s", "", api="resource.k8s.io/v1", spec={"driver": "x", "pool": {"name": "p"}, "devices": [
        {"name": "d"}]}),
    made("ResourceClaim", "c", api="resource.k8s.io/v1", status={"allocation": {"devices": {"results": [
        {"driver": "x", "pool": "p", "device": "d"}]}}}),
    made("Widget", "w", "", api="x.io/v1", spec={"gadgetRef": {"name": "g"}, "secretRef": {"name": "s"}}),
    made("Gadget", "g", "", api="x.io/v1", owners=[owner("Widget", "w", "x.io/v1")]),
    made("Event", "e", involvedObject={"kind": "Pod", "name": "web-0", "namespace": "shop"}),
]  # fmt: skip
_CUSTOM = ("Widget", "Gadget")


def edges(graph: ResourceGraph) -> set:
    return {edge for found in graph.refs() for edge in graph.out(found)}


def entering(graph: ResourceGraph) -> set:
    return {edge for found in graph.refs() for edge in graph.into(found)}


@given(st.lists(st.tuples(st.sampled_from(range(len(POOL))), st.booleans()), max_size=40))
def test_any_order_of_changes_gives_the_graph_that_would_be_built_anew(changes):
    kept_up = graph_of()
    current = {}
    for index, adds in changes:
        resource = POOL[index]
        if adds or resource.ref.kind in _CUSTOM:  # a kind that was seen once stays known
            kept_up.put(resource)
            current[resource.ref] = resource
        else:
            kept_up.remove(resource.ref)
            current.pop(resource.ref, None)
    anew = graph_of(*current.values())
    assert edges(kept_up) == edges(anew)
    assert entering(kept_up) == entering(anew) == edges(anew)
    assert set(kept_up.refs()) == set(anew.refs())
    assert sorted(found.ref for found in kept_up.resources()) == sorted(current)


def test_listings_follow_changes():
    graph = graph_of(pod("b"), pod("a"), pod("c", "other"))
    assert [found.ref.name for found in graph.of_kind("Pod", "shop")] == ["a", "b"]
    graph.put(pod("aa"))
    graph.remove(ref("Pod shop/b"))
    assert [found.ref.path for found in graph.of_kind("Pod")] == ["other/c", "shop/a", "shop/aa"]


def test_a_removed_target_dangles_and_comes_back():
    graph = graph_of(pod(spec={"volumes": [{"name": "v", "configMap": {"name": "cfg"}}]}), made("ConfigMap", "cfg"))
    target = ref("ConfigMap shop/cfg")
    assert graph.dangling() == []
    graph.remove(target)
    assert [edge.target for edge in graph.dangling()] == [target]
    assert graph.state(target) is NodeState.DANGLING
    graph.put(made("ConfigMap", "cfg"))
    assert graph.dangling() == []


def test_churn_does_not_grow_the_graph():
    graph = graph_of(made("Service", "web", spec={"selector": {"app": "web"}}), made("Node", "n1", ""))
    for number in range(500):
        graph.put(pod(f"p-{number}", labels={"app": "web"}, spec={**ENV, "nodeName": "n1"}))
        graph.remove(ref(f"Pod shop/p-{number}"))
    assert len(graph.store.refs) < 20
    assert len(graph.store) == 0
    assert graph.out(ref("Service shop/web"), EdgeKind.SELECTS) == []


def test_removing_what_was_never_there_changes_nothing():
    graph = graph_of(pod())
    graph.remove(ref("Pod shop/nobody"))
    graph.remove(ref("ServiceAccount shop/default"))
    assert [found.ref.name for found in graph.resources()] == ["web-0"]
