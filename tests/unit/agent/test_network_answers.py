"""Connections are judged by the policies of both ends, and the policy that decides is named."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.agent.asked import say
from tests.unit.diagnosis.cluster import Cluster


def pods(app: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": {"app": app}}}


def shop() -> Cluster:
    cluster = Cluster().node("n1").add("Namespace", "shop").add("Namespace", "other")
    for name, namespace in (("web", "shop"), ("db", "shop"), ("job", "shop"), ("far", "other")):
        spec = {"containers": [{"name": "main", "image": "a:1", "ports": [{"containerPort": 5432}]}]}
        cluster.deployment(name, namespace, have=1, ready=1, spec=spec)
        cluster.pod(
            f"{name}-0", namespace, owner=("ReplicaSet", f"{name}-abc"), node="n1", spec=spec, labels={"app": name}
        )
    rules = [{"from": [pods("web")], "ports": [{"port": 5432}]}]
    cluster.add("NetworkPolicy", "db-in", "shop", api="networking.k8s.io/v1",
                spec={**pods("db"), "policyTypes": ["Ingress"], "ingress": rules})  # fmt: skip
    cluster.add("NetworkPolicy", "job-out", "shop", api="networking.k8s.io/v1",
                spec={**pods("job"), "policyTypes": ["Egress"], "egress": []})  # fmt: skip
    return cluster.add(
        "Service", "db", "shop", spec={"selector": {"app": "db"}, "ports": [{"port": 80, "targetPort": 5432}]}
    )


@pytest.mark.parametrize(
    ("question", "verdict", "policy"),
    [
        ("can web talk to db on port 5432?", "Yes", "db-in"),
        ("can web reach db on port 80?", "Yes", "db-in"),  # the Service's port leads to 5432
        ("can web talk to db on port 9999?", "No", "db-in"),
        ("can far talk to db?", "No", "db-in"),
        ("is db reachable from far?", "No", "db-in"),
        ("can job reach web?", "No", "job-out"),
        ("can web talk to job?", "Yes", "no NetworkPolicy restricts"),
    ],
)
def test_the_verdict_names_the_policy(question: str, verdict: str, policy: str) -> None:
    answer = say(shop(), question)
    assert answer.text.startswith(verdict), answer.text
    assert policy in answer.text


def test_a_policy_is_told_in_words() -> None:
    text = say(shop(), "what does networkpolicy db-in let through?").text
    assert "from pods app=web on TCP 5432" in text


def test_callers_are_sorted_into_those_who_may_and_those_who_may_not() -> None:
    text = say(shop(), "who can reach db?").text
    assert "Deployment shop/web may reach" in text
    assert "Deployment shop/job" in text.partition("may not")[0].rpartition("\n")[2]


def test_unread_policies_decide_nothing() -> None:
    cluster = Cluster(unread=["NetworkPolicy"]).deployment("web").deployment("db")
    answer = say(cluster, "can web talk to db?")
    assert not answer.known
