"""The control plane is real: what it refuses, schedules and rolls out is what upstream does."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.live.testbed.cluster import Cluster, KubectlError
from tests.live.testbed.processes import ProcessName
from tests.live.testbed.waiting import until


def deployment(
    name: str, replicas: int = 2, annotations: dict[str, str] | None = None, **container: Any
) -> dict[str, Any]:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels, "annotations": annotations or {}},
        "spec": {
            "containers": [{"name": name, "image": "registry.example/app:1.0.0", **container}],
            "terminationGracePeriodSeconds": 1,
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def pod(name: str, annotations: dict[str, str] | None = None, **container: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "app", "image": "registry.example/app:1.0.0", **container}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": annotations or {}},
        "spec": spec,
    }


def create(cluster: Cluster, namespace: str, *objects: dict[str, Any]) -> None:
    cluster.apply(*({**item, "metadata": {**item["metadata"], "namespace": namespace}} for item in objects))


def roll_out(cluster: Cluster, namespace: str, name: str) -> str:
    return cluster.kubectl("rollout", "status", f"deployment/{name}", "-n", namespace, "--timeout=60s")


def test_the_api_server_is_kubernetes_1_37_2(live_cluster: Cluster) -> None:
    version = json.loads(live_cluster.kubectl("version", "-o", "json"))
    assert version["serverVersion"]["gitVersion"] == "v1.37.2"
    assert version["clientVersion"]["gitVersion"] == "v1.37.2"


@pytest.mark.usefixtures("breakable_node")  # none is broken meanwhile
def test_every_node_is_ready_and_renews_a_lease(live_cluster: Cluster) -> None:
    nodes = live_cluster.get("nodes")["items"]
    leases = {item["metadata"]["name"] for item in live_cluster.get("leases", "-n", "kube-node-lease")["items"]}
    assert len(nodes) == 4
    assert {node["metadata"]["name"] for node in nodes} <= leases
    for node in nodes:
        ready = next(each for each in node["status"]["conditions"] if each["type"] == "Ready")
        assert ready["reason"] == "KubeletReady"


def test_a_deployment_rolls_out_and_is_undone(live_cluster: Cluster, namespace: str) -> None:
    create(live_cluster, namespace, deployment("web"))
    assert "successfully rolled out" in roll_out(live_cluster, namespace, "web")
    live_cluster.kubectl("set", "image", "deployment/web", "web=registry.example/app:2.0.0", "-n", namespace)
    roll_out(live_cluster, namespace, "web")
    live_cluster.kubectl("rollout", "undo", "deployment/web", "-n", namespace)
    roll_out(live_cluster, namespace, "web")
    found = live_cluster.get("deployment", "web", "-n", namespace)
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/app:1.0.0"
    assert found["status"]["readyReplicas"] == 2


def test_the_scheduler_says_why_a_pod_fits_nowhere(live_cluster: Cluster, namespace: str) -> None:
    create(live_cluster, namespace, pod("huge", resources={"requests": {"cpu": "64"}}))

    def refused() -> str:
        events = live_cluster.events(namespace, "huge")
        return "".join(event["message"] for event in events if event["reason"] == "FailedScheduling")

    text = live_cluster.wait_for(refused, what="FailedScheduling")
    assert text.startswith("0/4 nodes are available: ")
    assert "Insufficient cpu" in text


def test_a_server_side_dry_run_checks_and_writes_nothing(live_cluster: Cluster, namespace: str) -> None:
    item = deployment("ghost")
    text = json.dumps({**item, "metadata": {"name": "ghost", "namespace": namespace}})
    assert "created (server dry run)" in live_cluster.kubectl("create", "--dry-run=server", "-f", "-", input=text)
    with pytest.raises(KubectlError, match="NotFound"):
        live_cluster.get("deployment", "ghost", "-n", namespace)
    bad = json.dumps({**item, "metadata": {"name": "Ghost!", "namespace": namespace}})
    with pytest.raises(KubectlError, match="lowercase RFC 1123"):
        live_cluster.kubectl("create", "--dry-run=server", "-f", "-", input=bad)


def test_users_may_do_what_their_role_says_and_the_audit_log_has_it(live_cluster: Cluster, namespace: str) -> None:
    with pytest.raises(KubectlError, match='User "powerless" cannot list resource "pods"'):
        live_cluster.kubectl("get", "pods", "-n", namespace, user="powerless")
    with pytest.raises(KubectlError, match='User "reader" cannot list resource "secrets"'):
        live_cluster.kubectl("get", "secrets", "-n", namespace, user="reader")
    with pytest.raises(KubectlError, match='cannot create resource "namespaces"'):
        live_cluster.kubectl("create", "namespace", "mine", user="reader")
    assert "node-1" in live_cluster.kubectl("get", "nodes", user="reader")
    live_cluster.kubectl("create", "configmap", "by-operator", "-n", namespace, user="operator")
    live_cluster.wait_for(lambda: '"name":"by-operator"' in live_cluster.audit_log.read_text(), what="the audit line")
    # A request whose token nobody knows is in the log too, without a name.
    lines = live_cluster.audit_log.read_text().splitlines()
    users = {json.loads(line)["user"].get("username", "") for line in lines} - {""}
    deployed = {user for user in users if user.startswith("system:serviceaccount:cluster-copilot:")}
    assert users - deployed <= {"operator", "reader", "powerless"}


def test_an_eviction_that_a_disruption_budget_forbids_is_refused(live_cluster: Cluster, namespace: str) -> None:
    budget = {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    }  # fmt: skip
    create(live_cluster, namespace, deployment("web", 1), budget)
    roll_out(live_cluster, namespace, "web")
    live_cluster.wait_for(lambda: live_cluster.get("pdb", "web", "-n", namespace)["status"].get("currentHealthy") == 1)
    name = live_cluster.get("pods", "-n", namespace)["items"][0]["metadata"]["name"]
    path = f"/api/v1/namespaces/{namespace}/pods/{name}/eviction"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
    with pytest.raises(KubectlError, match=r"TooManyRequests.*disruption budget"):
        live_cluster.kubectl("create", "--raw", path, "-f", "-", input=json.dumps(eviction))


def test_logs_and_previous_logs_are_the_lines_of_the_files(live_cluster: Cluster, namespace: str) -> None:
    lines = [f"line {number}" for number in range(1, 9)]
    live_cluster.add_log(f"{namespace}-now", lines)
    live_cluster.add_log(f"{namespace}-before", ["Traceback", "KeyError: 'DB_URL'"])
    names = {"testbed/logs": f"{namespace}-now", "testbed/logs-previous": f"{namespace}-before"}
    create(live_cluster, namespace, pod("talks", names), pod("silent"))
    live_cluster.kubectl("wait", "--for=condition=Ready", "pod/talks", "pod/silent", "-n", namespace, "--timeout=60s")
    live_cluster.wait_for(
        lambda: live_cluster.kubectl("logs", "talks", "-n", namespace) == "\n".join(lines) + "\n", what="the log"
    )
    assert live_cluster.kubectl("logs", "talks", "--tail=2", "-n", namespace) == "line 7\nline 8\n"
    assert live_cluster.kubectl("logs", "talks", "--previous", "-n", namespace) == "Traceback\nKeyError: 'DB_URL'\n"
    assert live_cluster.kubectl("logs", "silent", "-n", namespace) == ""


def test_nothing_outside_loopback_listens(live_cluster: Cluster) -> None:
    inodes = {
        link.readlink().name
        for pid, _ in live_cluster.facts()["processes"].values()
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink()
    }
    sockets = {name.removeprefix("socket:[").rstrip("]") for name in inodes if name.startswith("socket:")}
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                listening.append(fields[1].partition(":")[0])
    assert len(listening) >= 4
    assert set(listening) == {"0100007F"}


@pytest.mark.parametrize("victim", ["owner", "keeper"])
def test_no_process_is_left_when_the_owner_or_the_keeper_is_killed(
    tmp_path: Path, victim: str, live_cluster: Cluster
) -> None:
    assert live_cluster.is_running()  # and it stays so, whatever happens to the other cluster
    cluster = Cluster(tmp_path / "short-lived")
    with subprocess.Popen(["sleep", "600"]) as owner:
        facts = cluster.start(nodes=1, owner=owner.pid)
        names = [ProcessName(*pair) for pair in facts["processes"].values()]
        assert len(names) == 5
        assert all(name.is_alive() for name in names)
        keeper = ProcessName(*facts["keeper"])
        keeper.signal(signal.SIGKILL) if victim == "keeper" else owner.kill()
        assert until(lambda: not any(name.is_alive() for name in [*names, keeper]), 30)
        owner.kill()
    assert not cluster.is_running()
    assert live_cluster.is_running()
