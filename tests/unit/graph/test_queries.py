"""Walks follow health: causes forward, sufferers backward, each with its shortest way."""

from __future__ import annotations

import pytest

from retrievers.graph import EdgeKind, dependants, dependencies
from tests.unit.graph.objects import graph_of, made, owner, pod, ref, workload

BACKEND = {"service": {"name": "web"}}


def shop():
    """Ingress → Service web → pods of a Deployment → ConfigMap, node; an api pod that talks to web."""
    spec = {"nodeName": "n1", "volumes": [{"name": "v", "configMap": {"name": "cfg"}}]}
    talk = {"containers": [{"name": "api", "env": [{"name": "WEB_URL", "value": "http://web:80"}]}]}
    return graph_of(
        made("Ingress", "front", api="networking.k8s.io/v1", spec={"defaultBackend": BACKEND}),
        made("Service", "web", spec={"selector": {"app": "web"}}),
        workload("Deployment", "web", {"volumes": spec["volumes"]}),
        workload("ReplicaSet", "web-1", more={"replicas": 2}, owners=[owner("Deployment", "web")]),
        pod("web-1-a", labels={"app": "web"}, spec=spec, owners=[owner("ReplicaSet", "web-1")]),
        pod("web-1-b", labels={"app": "web"}, spec={**spec, "nodeName": "n2"}, owners=[owner("ReplicaSet", "web-1")]),
        pod("api", spec=talk),
        made("ConfigMap", "cfg"), made("Node", "n1", ""), made("Node", "n2", ""),
        made("HorizontalPodAutoscaler", "web", api="autoscaling/v2", spec={"scaleTargetRef": {
            "apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}),
    )  # fmt: skip


def names(refs):
    return [f"{found.kind}/{found.name}" for found in refs]


def test_owners_go_up_the_chain_and_the_top_owner_is_what_a_person_changes():
    graph = shop()
    assert names(graph.owners(ref("Pod shop/web-1-a"))) == ["ReplicaSet/web-1", "Deployment/web"]
    assert graph.top_owner(ref("Pod shop/web-1-a")).name == "web"
    assert graph.top_owner(ref("Pod shop/api")) == ref("Pod shop/api")
    assert names(graph.children(ref("ReplicaSet shop/web-1", "apps"))) == ["Pod/web-1-a", "Pod/web-1-b"]


def test_a_static_pod_is_its_own_top_owner_and_its_node_does_not_depend_on_it():
    mirror = pod("etcd-n1", spec={"nodeName": "n1"}, owners=[owner("Node", "n1", "v1")])
    graph = graph_of(mirror, made("Node", "n1", ""))
    assert graph.top_owner(mirror.ref) == mirror.ref
    assert mirror.ref not in graph.depends_on(ref("Node n1"))


def test_a_missing_owner_ends_the_chain_by_its_name():
    graph = graph_of(pod(owners=[owner("ReplicaSet", "gone")]))
    assert graph.top_owner(ref("Pod shop/web-0")) == ref("ReplicaSet shop/gone", "apps")


def test_an_ingress_depends_on_everything_behind_it():
    found = set(names(shop().depends_on(ref("Ingress shop/front", "networking.k8s.io"))))
    assert {"Service/web", "Pod/web-1-a", "Pod/web-1-b", "ConfigMap/cfg", "Node/n1", "Deployment/web"} <= found
    assert "Pod/api" not in found


def test_the_blast_radius_of_a_config_map_reaches_whoever_talks_to_the_service():
    found = names(shop().blast_radius(ref("ConfigMap shop/cfg")))
    assert {
        "Pod/web-1-a",
        "Deployment/web",
        "Service/web",
        "Ingress/front",
        "HorizontalPodAutoscaler/web",
        "Pod/api",
    } <= set(found)
    assert found.index("Service/web") < found.index("Ingress/front")
    assert "Node/n1" not in found


def test_the_blast_radius_of_a_node_is_what_runs_on_it():
    found = set(names(shop().blast_radius(ref("Node n1"))))
    assert "Pod/web-1-a" in found
    assert "Pod/web-1-b" not in found


@pytest.mark.parametrize("walk", [dependencies, dependants])
def test_every_way_is_connected_from_the_start_to_the_object(walk):
    graph, start = shop(), ref("Service shop/web")
    for reached in walk(graph, start):
        here = start
        for edge in reached.path:
            assert here in (edge.source, edge.target)
            here = edge.target if edge.source == here else edge.source
        assert here == reached.ref
        assert reached.distance == len(reached.path)


def test_an_optional_reference_to_nothing_makes_nobody_ill():
    spec = {"volumes": [{"name": "v", "configMap": {"name": "cfg", "optional": True}}]}
    graph = graph_of(pod(spec=spec), read=("Pod", "ConfigMap"))
    assert graph.depends_on(ref("Pod shop/web-0")) == []
    assert [edge.optional for edge in graph.dangling()] == [True]


def test_a_way_follows_dependence_before_any_other_edge():
    graph = shop()
    way = graph.path(ref("Ingress shop/front", "networking.k8s.io"), ref("ConfigMap shop/cfg"))
    assert next(edge.kind for edge in way) is EdgeKind.ROUTES_TO
    back = graph.path(ref("ConfigMap shop/cfg"), ref("Ingress shop/front", "networking.k8s.io"))
    assert len(back) == len(way)


def test_objects_that_only_share_something_are_connected_through_it():
    graph = shop()
    way = graph.path(ref("Node n1"), ref("Node n2"))
    assert way[0].target == ref("Node n1")
    assert way[-1].target == ref("Node n2")


def test_there_is_no_way_to_what_is_not_there():
    graph = shop()
    assert graph.path(ref("Node n1"), ref("Node n9")) == []
    assert graph.path(ref("Node n1"), ref("Node n1")) == []
    assert graph.depends_on(ref("Node n9")) == []


def test_owners_that_own_each_other_end_every_walk():
    graph = graph_of(
        made("Widget", "a", api="x/v1", owners=[owner("Widget", "b", "x/v1")]),
        made("Widget", "b", api="x/v1", owners=[owner("Widget", "a", "x/v1")]),
    )
    a, b = ref("Widget shop/a", "x"), ref("Widget shop/b", "x")
    assert graph.owners(a) == [b]
    assert graph.top_owner(a) == b
    assert graph.depends_on(a) == [b]
    assert graph.blast_radius(a) == [b]


def test_an_event_about_a_deleted_pod_is_no_dangling_reference():
    event = made("Event", "e", involvedObject={"kind": "Pod", "name": "gone", "namespace": "shop"})
    assert graph_of(event, read=("Event", "Pod")).dangling() == []


def test_a_chain_of_ten_thousand_owners_is_walked_without_recursion():
    chain = [made("Widget", str(i), api="x/v1", owners=[owner("Widget", str(i + 1), "x/v1")]) for i in range(10_000)]
    graph = graph_of(*chain)
    assert len(graph.owners(ref("Widget shop/0", "x"))) == 10_000
    assert graph.top_owner(ref("Widget shop/0", "x")).name == "10000"
