"""Room and consequences are computed as admission, scheduler and eviction would decide, and the object that decides is named."""

from __future__ import annotations

from typing import Any

from tests.unit.agent.asked import say
from tests.unit.diagnosis.cluster import Cluster, owned


def asks(cpu: str, **more: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "registry.example/app:1", "resources": {"requests": {"cpu": cpu}, **more}}
    return {"containers": [container]}


def room() -> Cluster:
    """n1 has 1 core left, n2 is cordoned, n3 is tainted; web asks for 1 core a pod."""
    cluster = (
        Cluster()
        .node("n1", cpu="4")
        .node("n2", cordoned=True)
        .node("n3", taints=[{"key": "gpu", "effect": "NoSchedule"}])
    )
    cluster.add("Namespace", "shop").deployment("web", replicas=3, have=3, ready=3, spec=asks("1"))
    for i in range(3):
        cluster.running("web", "n1", name=f"web-{i}", spec=asks("1"))
    return cluster


def test_one_more_fits_where_there_is_room() -> None:
    text = say(room(), "would one more web fit?").text
    assert text.startswith("Yes")
    assert "Node n1 has room for 1 such pod" in text


def test_two_more_do_not_and_each_node_says_why() -> None:
    text = say(room(), "would 2 more replicas of web fit?").text
    assert text.startswith("No")
    assert "room for 1" in text
    assert "cordoned" in text
    assert "gpu:NoSchedule" in text


def test_scaling_to_a_number_asks_for_the_difference() -> None:
    assert say(room(), "can web scale to 4 replicas?").text.startswith("Yes: one more pod")


def test_a_named_node_is_the_only_one_asked() -> None:
    text = say(room(), "would one more web fit on n2?").text
    assert text.startswith("No")
    assert "n1" not in text


def test_a_full_quota_refuses_before_any_node_is_asked() -> None:
    cluster = room()
    status = {"hard": {"requests.cpu": "3", "pods": "10"}, "used": {"requests.cpu": "3", "pods": "3"}}
    cluster.add("ResourceQuota", "small", "shop", spec={"hard": status["hard"]}, status=status)
    text = say(cluster, "would one more web fit?").text
    assert text.startswith("No")
    assert "ResourceQuota shop/small has 0 of 3 requests.cpu left" in text


def test_a_limit_range_refuses_what_is_too_large() -> None:
    cluster = room().deployment("big", spec=asks("1", limits={"cpu": "3"}))
    cluster.add("LimitRange", "cap", "shop", spec={"limits": [{"type": "Container", "max": {"cpu": "2"}}]})
    assert "LimitRange shop/cap allows at most 2 cpu" in say(cluster, "would one more big fit?").text


def test_unread_nodes_are_no_missing_room() -> None:
    cluster = Cluster(unread=["Node"]).deployment("web")
    answer = say(cluster, "would one more web fit?")
    assert not answer.known
    assert "Node objects were not read" in answer.text


def budget(cluster: Cluster, allowed: int) -> Cluster:
    status = {"disruptionsAllowed": allowed, "currentHealthy": 3, "desiredHealthy": 3, "expectedPods": 3}
    return cluster.add("PodDisruptionBudget", "web", "shop", api="policy/v1", spec={"minAvailable": 3, "selector": {"matchLabels": {"app": "web"}}}, status=status)  # fmt: skip


def test_draining_names_the_budget_that_refuses() -> None:
    cluster = budget(Cluster().node("n1").node("n2"), 0)
    cluster.deployment("web", spec=asks("1")).running("web", "n1", name="web-0", spec=asks("1"))
    text = say(cluster, "what happens if I drain n1?").text
    assert "cannot be drained" in text
    assert "PodDisruptionBudget shop/web allows 0 disruptions" in text


def test_draining_names_pods_without_another_node_and_pods_nobody_makes_again() -> None:
    cluster = room().node("n4", cpu="2").pod("lonely", node="n1", spec=asks("1"))
    text = say(cluster, "can I drain n1?").text
    assert "Pod shop/lonely would be gone" in text
    assert "would have no other node" in text  # four pods of one core, two cores elsewhere


def test_daemon_pods_stay_when_a_node_is_drained() -> None:
    cluster = Cluster().node("n1").node("n2").daemonset("proxy")
    cluster.pod("proxy-x", "kube-system", node="n1", metadata=owned("DaemonSet", "proxy", "kube-system"))
    text = say(cluster, "is it safe to drain n1?").text
    assert "can be drained: 0 pods would be evicted, 1 pod of DaemonSets" in text


def test_scaling_to_zero_names_the_service_left_without_endpoints() -> None:
    cluster = room().add("Service", "web", "shop", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]})
    assert "Service shop/web would have no endpoints" in say(cluster, "what happens if I scale web to 0?").text


def test_deleting_a_claim_tells_the_fate_of_its_data() -> None:
    spec = {"containers": [{"name": "db"}], "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    cluster = Cluster().node("n1").pod("db-0", node="n1", spec=spec)
    cluster.add("PersistentVolumeClaim", "data", "shop", spec={"volumeName": "pv"}, status={"phase": "Bound"})
    cluster.add("PersistentVolume", "pv", spec={"persistentVolumeReclaimPolicy": "Delete"}, status={"phase": "Bound"})
    text = say(cluster, "what happens if I delete pvc data?").text
    assert "its data is deleted with it" in text
    assert "Pod shop/db-0" in text
