"""Budgets, evictions and preemption: a fault only while somebody waits for what is blocked or lost."""

import pytest

from copilot.diagnosis.rules.workloads import disruption
from copilot.model import Command
from tests.unit.diagnosis.cluster import CONTAINER, Cluster, condition, ref

RULES = disruption.RULES
POLICY = "policy/v1"


def budget(cluster, *, allowed=0, healthy=2, wanted=2, expected=2, **spec):
    status = {
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": wanted,
        "expectedPods": expected,
    }
    body = {"selector": {"matchLabels": {"app": "web"}}, **(spec or {"minAvailable": 2})}
    return cluster.add("PodDisruptionBudget", "web", "shop", api=POLICY, spec=body, status=status)


def web(*, cordoned=True):
    cluster = Cluster().node("n1").node("n2", cordoned=cordoned).deployment("web", replicas=2, have=2, ready=2)
    return cluster.running("web", "n1").running("web", "n2")


def test_a_budget_without_room_on_a_draining_node_is_the_object():
    found = budget(web()).only(RULES)
    assert (found.cause, found.object) == ("pdb.blocks_eviction", ref("PodDisruptionBudget", "shop/web"))
    assert "minAvailable 2" in found.title
    assert "node n2" in found.title
    assert ref("Node", "n2") in found.explains


def test_a_tight_budget_that_nobody_runs_into_is_healthy():
    assert budget(web(cordoned=False)).find(RULES) == []


def test_a_budget_with_room_does_not_block_a_drain():
    assert budget(web(), allowed=1).find(RULES) == []


def test_a_refused_eviction_in_a_pasted_drain_is_proof():
    cluster = budget(web(cordoned=False))
    line = 'error when evicting pods/"web-abc-n2" -n "shop" (will retry after 5s): Cannot evict pod as it would violate the pod\'s disruption budget.'
    cluster.commands.append(Command("kubectl drain n2", line, "paste", read=True))
    found = cluster.only(RULES)
    assert found.weight >= 0.9
    assert any("Cannot evict" in piece.text for piece in found.evidence)


def test_a_budget_held_up_by_ill_pods_says_so():
    cluster = (
        Cluster()
        .node("n1")
        .node("n2", cordoned=True)
        .deployment("web", replicas=2, have=2, ready=1)
        .running("web", "n2")
    )
    cluster.pod("web-abc-n1", owner=("ReplicaSet", "web-abc"), node="n1", waiting="CrashLoopBackOff")
    found = budget(cluster, healthy=1).only(RULES)
    assert "1 of 2 pods are healthy" in found.title
    assert found.doubts


def test_two_budgets_over_one_pod_are_named_when_an_eviction_fails():
    cluster = budget(web(cordoned=False), allowed=1)
    cluster.add(
        "PodDisruptionBudget", "all", "shop", api=POLICY, spec={"selector": {}}, status={"disruptionsAllowed": 1}
    )
    line = 'error when evicting pods/"web-abc-n2" -n "shop": This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'
    cluster.commands.append(Command("kubectl drain n2", line, "paste"))
    found = cluster.only(RULES)
    assert found.cause == "pdb.multiple"
    assert "PodDisruptionBudget all" in found.title


def evicted(message, *, ready=0):
    cluster = Cluster().node("n1").deployment("web", have=1, ready=ready)
    return cluster.pod(
        "web-abc-1",
        owner=("ReplicaSet", "web-abc"),
        node="n1",
        phase="Failed",
        status={"reason": "Evicted", "message": message},
    )


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi.", "pod.evicted.resource"),
        ("Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.", "pod.evicted.ephemeral"),
        ('Usage of EmptyDir volume "cache" exceeds the limit "1Gi".', "pod.evicted.emptydir"),
    ],
)
def test_an_eviction_says_what_ran_out(message, cause):
    found = evicted(message).only(RULES)
    assert (found.cause, found.object) == (cause, ref("Deployment", "shop/web"))


def test_an_evicted_pod_that_was_replaced_is_history():
    assert evicted("The node was low on resource: memory.", ready=1).find(RULES) == []


def test_a_preempted_workload_that_waits_names_who_took_its_place():
    cluster = Cluster().node("n1").pending("web", "0/1 nodes are available: 1 Insufficient cpu.")
    cluster.deployment("vip", have=1, ready=1).running(
        "vip", "n1", spec={"containers": [dict(CONTAINER)], "priority": 1000}
    )
    cluster.event(
        "Pod",
        "web-abc-gone",
        "shop",
        "Preempted",
        "Preempted by pod uid-Pod-shop-vip-abc-n1 on node n1",
        type_="Normal",
    )
    found = cluster.only(RULES)
    assert (found.cause, found.object) == ("pod.preempted", ref("Deployment", "shop/vip"))
    assert ref("Deployment", "shop/web") in found.explains


def test_a_preempted_workload_that_found_another_place_is_healthy():
    cluster = Cluster().node("n1").deployment("web", have=1, ready=1).running("web", "n1")
    cluster.event("Pod", "web-abc-gone", "shop", "Preempted", "Preempted by pod x on node n1", type_="Normal")
    assert cluster.find(RULES) == []


def test_an_odd_budget_is_no_trouble():
    cluster = web().add(
        "PodDisruptionBudget",
        "x",
        "shop",
        api=POLICY,
        spec="?",
        status={"disruptionsAllowed": "many", "conditions": [condition("x", "y")]},
    )
    assert cluster.find(RULES) == []
