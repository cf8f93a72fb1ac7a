"""What is asked for beyond the objects: logs of those who are complained of, and the configuration of proxies on a failing path."""

from __future__ import annotations

from copilot.diagnosis.needs import MAX_CALLEES, wanted_callees, wanted_configs, wanted_logs
from copilot.model import Ref
from retrievers.graph import ResourceGraph, build_graph
from tests.unit.diagnosis.cluster import Cluster, ago

REFUSED = "2026-03-01T11:59:00Z ERROR dial tcp orders:80: connect: connection refused calling http://orders:80/\n"


def crashing(cluster: Cluster, name: str, **spec: object) -> Cluster:
    ended = {"exitCode": 1, "reason": "Error", "finishedAt": ago(60)}
    status = {"containerStatuses": [{"name": "main", "ready": False, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                                     "lastState": {"terminated": ended}}]}  # fmt: skip
    cluster.deployment(name, have=1)
    return cluster.pod(
        f"{name}-abc-x", owner=("ReplicaSet", f"{name}-abc"), node="n1", status=status, spec=dict(spec) or None
    )


def shop() -> Cluster:
    cluster = crashing(Cluster().node("n1"), "web").log("web-abc-x", REFUSED)
    cluster.add(
        "Service", "orders", "shop", spec={"selector": {"app": "orders"}, "ports": [{"port": 80, "targetPort": 8080}]}
    )
    return cluster


def graph_of(cluster: Cluster) -> ResourceGraph:
    return build_graph(cluster.snapshot())


def test_ready_pods_whose_callers_complain_are_read_and_others_are_not() -> None:
    cluster = shop().running("orders", "n1").running("bystander", "n1")
    graph = graph_of(cluster)
    assert ("shop", "orders-abc-n1", "main", False) not in wanted_logs(graph)
    assert wanted_callees(graph) == [("shop", "orders-abc-n1", "main", False)]


def test_of_many_replicas_a_few_are_read() -> None:
    cluster = shop()
    for i in range(60):
        cluster.running("orders", "n1", name=f"orders-abc-{i:02}")
    assert 0 < len(wanted_callees(graph_of(cluster))) <= min(2, MAX_CALLEES)


def proxy(cluster: Cluster, name: str, config: str, image: str = "nginx:1.27") -> Cluster:
    spec = {"containers": [{"name": "main", "image": image}], "volumes": [{"name": "c", "configMap": {"name": config}}]}
    return cluster.add("ConfigMap", config, "shop", dataKeys=["default.conf"]) and crashing(cluster, name, **spec)


def test_the_configuration_of_a_failing_proxy_is_wanted_by_name() -> None:
    cluster = proxy(Cluster().node("n1"), "edge", "edge-conf")
    cluster.add("ConfigMap", "unrelated", "shop", dataKeys=["default.conf"])
    assert wanted_configs(graph_of(cluster)) == [Ref("ConfigMap", "shop", "edge-conf")]


def test_configuration_that_is_no_proxys_is_left() -> None:
    cluster = Cluster().node("n1").add("ConfigMap", "settings", "shop", dataKeys=["application.properties"])
    spec = {
        "containers": [{"name": "main", "image": "shop/web:1"}],
        "volumes": [{"name": "c", "configMap": {"name": "settings"}}],
    }
    assert wanted_configs(graph_of(crashing(cluster, "web", **spec))) == []


def test_where_nothing_fails_no_configuration_is_read() -> None:
    spec = {
        "containers": [{"name": "main", "image": "nginx:1"}],
        "volumes": [{"name": "c", "configMap": {"name": "edge-conf"}}],
    }
    cluster = Cluster().node("n1").add("ConfigMap", "edge-conf", "shop", dataKeys=["default.conf"])
    assert wanted_configs(graph_of(cluster.running("edge", "n1", spec=spec))) == []


def test_values_that_were_read_are_not_asked_for_again() -> None:
    cluster = (
        Cluster()
        .node("n1")
        .add("ConfigMap", "edge-conf", "shop", data={"default.conf": "x"}, dataKeys=["default.conf"])
    )
    spec = {
        "containers": [{"name": "main", "image": "nginx:1"}],
        "volumes": [{"name": "c", "configMap": {"name": "edge-conf"}}],
    }
    assert wanted_configs(graph_of(crashing(cluster, "edge", **spec))) == []


def between_two_crashes(name: str) -> Cluster:
    """A pod that has come up again a second ago, as the one ready pod of its ReplicaSet."""
    status = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [
            {"name": "main", "ready": True, "restartCount": 7, "state": {"running": {"startedAt": ago(1)}},
             "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(301)}}},
        ],
    }  # fmt: skip
    cluster = Cluster().node("n1").deployment(name, have=1, ready=1)
    return cluster.pod(f"{name}-abc-x", owner=("ReplicaSet", f"{name}-abc"), node="n1", status=status)


def test_the_logs_of_a_crash_loop_are_wanted_in_the_moments_when_it_is_up() -> None:
    wanted = wanted_logs(graph_of(between_two_crashes("web")))
    assert wanted == [("shop", "web-abc-x", "main", True), ("shop", "web-abc-x", "main", False)]
