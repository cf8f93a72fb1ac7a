"""`reach` against a real API server: its defaulted policies, its endpoints, its pods' addresses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from copilot.cli.main import main
from tests.live.test_testbed import create, deployment, roll_out
from tests.live.testbed.cluster import Cluster


def policy(name: str, app: str, **spec: Any) -> dict[str, Any]:
    chosen = {"podSelector": {"matchLabels": {"app": app}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {**chosen, **spec},
    }


def service(name: str, port: int, target: int) -> dict[str, Any]:
    ports = [{"port": port, "targetPort": target}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": ports},
    }


def test_a_live_connection_is_judged_and_the_missing_label_named(
    live_cluster: Cluster, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("web", "db"):
        create(live_cluster, namespace, deployment(name))
        roll_out(live_cluster, namespace, name)
    create(live_cluster, namespace, service("db", 80, 8080))
    client = {"podSelector": {"matchLabels": {"role": "client"}}}
    create(live_cluster, namespace, policy("db-in", "db", ingress=[{"from": [client]}]))
    words = ["--kubeconfig", str(live_cluster.kubeconfig), "-n", namespace]

    assert main(["reach", "deploy/web", "svc/db:80", *words, "-o", "json"]) == 1
    group = json.loads(capsys.readouterr().out)["groups"][0]
    assert group["decided_by"][0]["policy"]["name"] == "db-in"
    assert group["nearest_change"].startswith("label the pods role=client")
    assert main(["reach", "deploy/db", "deploy/web:8080", *words]) == 0
    assert main(["reach", "deploy/web", "svc/db:81", *words]) == 1
    assert main(["reach", "internet", "deploy/web:8080", *words]) == 2
