"""Every condition that narrows a list lets through what has it and keeps out what has not."""

from __future__ import annotations

from typing import Any

import pytest

from copilot.agent.conditions import CONDITIONS
from copilot.agent.patterns import compiled
from retrievers.graph import build_graph
from tests.unit.agent.asked import say
from tests.unit.diagnosis.cluster import Cluster, ago, condition

PROBE = {"httpGet": {"path": "/", "port": 80}}


def main(**more: Any) -> dict[str, Any]:
    return {"containers": [{"name": "main", "image": "a:1", **more}]}


def world() -> Cluster:
    cluster = (
        Cluster()
        .node("big", cpu="64", labels={"zone": "west", "node-role.kubernetes.io/control-plane": ""},
              taints=[{"key": "team", "value": "ml", "effect": "NoSchedule"}], allocatable={"vendor.example/gpu": "2"})
        .node("small", cpu="4", labels={"zone": "east"})
        .node("sick", cordoned=True, conditions=[condition("Ready", "True"), condition("DiskPressure", "True")])
    )  # fmt: skip
    cluster.add("Namespace", "shop").add("Namespace", "quiet")
    strong = main(resources={"limits": {"cpu": "1", "memory": "1Gi", "vendor.example/gpu": "1"}}, livenessProbe=PROBE, readinessProbe=PROBE,
                  ports=[{"containerPort": 8080}], securityContext={"privileged": True})  # fmt: skip
    strong["tolerations"] = [{"key": "team", "operator": "Exists"}]
    cluster.deployment("strong", replicas=2, have=2, ready=2, spec=strong)
    cluster.deployment("weak", replicas=3, have=3, ready=1, spec=main())
    cluster.deployment("off", replicas=0, spec=main())
    cluster.pod("strong-0", owner=("ReplicaSet", "strong-abc"), node="big", spec=strong, labels={"app": "strong"})
    cluster.pod(
        "weak-0",
        owner=("ReplicaSet", "weak-abc"),
        node="small",
        labels={"app": "weak"},
        metadata={"creationTimestamp": ago(60)},
    )
    cluster.pod("lonely", node="small")
    cluster.pod("homeless", phase="Pending")
    for name, spec in (
        (
            "inner",
            {"selector": {"app": "strong"}, "clusterIP": "10.0.0.1", "ports": [{"port": 80, "targetPort": 8080}]},
        ),
        (
            "outer",
            {
                "selector": {"app": "gone"},
                "type": "NodePort",
                "clusterIP": "10.0.0.2",
                "ports": [{"port": 81, "nodePort": 30081}],
            },
        ),
        ("head", {"selector": {"app": "strong"}, "clusterIP": "None"}),
    ):
        cluster.add("Service", name, "shop", spec=spec)
        ready = [{"addresses": ["10.1.0.1"], "conditions": {"ready": True}}] if name != "outer" else []
        cluster.add(
            "EndpointSlice",
            f"{name}-1",
            "shop",
            api="discovery.k8s.io/v1",
            labels={"kubernetes.io/service-name": name},
            endpoints=ready,
        )
    cluster.add("CronJob", "night", "shop", api="batch/v1", spec={"schedule": "0 3 * * *", "suspend": True})
    cluster.add("CronJob", "day", "shop", api="batch/v1", spec={"schedule": "0 9 * * *"})
    cluster.add(
        "Job", "long", "shop", api="batch/v1", spec={}, status={"startTime": ago(900), "completionTime": ago(300)}
    )
    cluster.add("Job", "short", "shop", api="batch/v1", spec={}, status={"startTime": ago(20), "active": 1})
    cluster.add("ConfigMap", "idle", "shop", dataKeys=["a"])
    return cluster


GRAPH = build_graph(world().snapshot())


@pytest.mark.parametrize(
    ("question", "fits", "not_"),
    [
        ("which deployments have no memory limit?", "weak", "strong"),
        ("which deployments have a cpu limit?", "strong", "weak"),
        ("which deployments lack a readiness probe?", "weak", "strong"),
        ("deployments without probes", "weak", "strong"),
        ("pods with label app=weak", "weak-0", "strong-0"),
        ("which nodes have label zone=east?", "small", "big"),
        ("which nodes are in west?", "big", "small"),
        ("pods in east", "weak-0", "strong-0"),
        ("which nodes have taints?", "big", "small"),
        ("nodes without taints", "small", "big"),
        ("which nodes are under disk pressure?", "sick", "small"),
        ("pods older than 30 minutes", "strong-0", "weak-0"),
        ("pods younger than 5 minutes", "weak-0", "strong-0"),
        ("pods created in the last 5 minutes", "weak-0", "strong-0"),
        ("which deployments are scaled to zero?", "off", "weak"),
        ("which deployments have zero ready replicas?", "No Deployment", "strong"),
        ("which deployments have fewer replicas than wanted?", "weak", "strong"),
        ("headless services", "head", "outer"),
        ("which services are of type nodeport?", "outer", "inner"),
        ("which services have no endpoints?", "outer", "inner"),
        ("which services are exposed outside the cluster?", "outer", "inner"),
        ("which services select app=gone?", "outer", "inner"),
        ("which service listens on 80?", "inner", "outer"),
        ("which cronjobs are suspended?", "night", "day"),
        ("which cronjobs are not suspended?", "day", "night"),
        ("which jobs are running?", "short", "long"),
        ("jobs that took longer than 5 minutes", "long", "short"),
        ("which pods use gpus?", "strong-0", "weak-0"),
        ("which nodes have gpus?", "big", "small"),
        ("nodes with more than 32 cpus", "big", "small"),
        ("nodes with at most 4 cores", "small", "big"),
        ("which pods have no node?", "homeless", "weak-0"),
        ("which configmaps are unused?", "idle", "settings"),
        ("pods without an owner", "lonely", "weak-0"),
        ("which deployments have no pdb?", "weak", "nothing-else"),
        ("which deployments have no service?", "weak", "shop/strong"),
        ("privileged pods", "strong-0", "weak-0"),
        ("which nodes are control plane?", "big", "small"),
        ("which nodes are workers?", "small", "big"),
        ("which nodes can take new pods?", "small", "big"),
        ("which nodes can't take new pods?", "big", "small"),
        ("which pods tolerate the team taint?", "strong-0", "weak-0"),
        ("which nodes run no pods?", "sick", "small"),
        ("which namespaces are empty?", "quiet", "shop"),
        ("pods on nodes that are tainted", "strong-0", "weak-0"),
    ],
)
def test_a_list_holds_what_fits_and_nothing_else(question: str, fits: str, not_: str) -> None:
    answer = say(GRAPH, question)
    body = answer.text.partition(":\n")[2] or answer.text
    assert fits in body, answer.text
    assert not_ not in body, answer.text
    assert "understand" not in answer.text, answer.text


def test_patterns_cost_no_more_than_their_words() -> None:
    """No pattern of the table can be made to search for long by an odd question."""
    odd = ("no " * 700, "a=" * 1000, "in " * 600, "older than " * 180, "not" + " " * 1900)
    for one in CONDITIONS:
        for question in odd:
            compiled(one.pattern).search(question)
