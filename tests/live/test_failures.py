"""Pods and nodes fail as true kubelets report it: reasons, messages, sources, counts that climb."""

from typing import Any

import pytest

from tests.live.test_testbed import create, deployment, pod, roll_out
from tests.live.testbed.cluster import NODE_FAILURES, Cluster
from tests.live.testbed.errors import TestbedError
from tests.live.testbed.paths import STAGES
from tests.live.testbed.stages import known_failures


def status_of(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    item: dict[str, Any] = cluster.get("pod", name, "-n", namespace)
    statuses = item["status"].get("containerStatuses")
    return statuses[0] if statuses else {}


def waiting_reason(cluster: Cluster, namespace: str, name: str) -> str:
    return str(status_of(cluster, namespace, name).get("state", {}).get("waiting", {}).get("reason", ""))


def find_event(cluster: Cluster, namespace: str, name: str, reason: str, text: str = "") -> dict[str, Any] | None:
    events = cluster.events(namespace, name)
    return next((event for event in events if event["reason"] == reason and text in event["message"]), None)


def test_a_crash_loop_climbs_and_backs_off(live_cluster: Cluster, namespace: str) -> None:
    create(
        live_cluster,
        namespace,
        pod("api", live_cluster.failure("crash-loop", exit_code="3", backoff="1s", runs_for="500ms")),
    )
    live_cluster.wait_for(
        lambda: status_of(live_cluster, namespace, "api").get("restartCount", 0) >= 2, what="two restarts"
    )
    live_cluster.wait_for(lambda: waiting_reason(live_cluster, namespace, "api") == "CrashLoopBackOff")
    item = live_cluster.get("pod", "api", "-n", namespace)
    status = item["status"]["containerStatuses"][0]
    event = find_event(live_cluster, namespace, "api", "BackOff")
    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert status["lastState"]["terminated"]["reason"] == "Error"
    ready = next(each for each in item["status"]["conditions"] if each["type"] == "Ready")
    assert (ready["reason"], ready["message"]) == ("ContainersNotReady", "containers with unready status: [app]")
    assert event is not None
    assert event["count"] >= 2
    assert event["source"] == {"component": "kubelet", "host": item["spec"]["nodeName"]}
    assert event["involvedObject"]["fieldPath"] == "spec.containers{app}"
    assert (
        event["message"]
        == f"Back-off restarting failed container app in pod api_{namespace}({item['metadata']['uid']})"
    )


WAITING = [
    ("image-pull", "ImagePullBackOff", "Failed", "registry.example/app:1.0.0: not found"),
    ("image-pull-auth", "ImagePullBackOff", "Failed", "no basic auth credentials"),
    ("image-invalid", "InvalidImageName", "InspectFailed", "invalid reference format"),
    ("config-error-configmap", "CreateContainerConfigError", "Failed", 'configmap "flags" not found'),
    (
        "config-error-secret-key",
        "CreateContainerConfigError",
        "Failed",
        "couldn't find key password in Secret NAMESPACE/db",
    ),
    ("run-container-error", "CrashLoopBackOff", "Failed", "executable file not found in $PATH"),
    ("failed-mount", "ContainerCreating", "FailedMount", "MountVolume.SetUp failed for volume"),
    ("sandbox", "ContainerCreating", "FailedCreatePodSandBox", "failed to setup network for sandbox"),
]


@pytest.mark.parametrize(("failure", "reason", "event", "text"), WAITING, ids=[row[0] for row in WAITING])
def test_a_blocked_pod_waits_for_its_reason_and_says_so(
    live_cluster: Cluster, namespace: str, failure: str, reason: str, event: str, text: str
) -> None:
    environment = [
        {"name": "FLAGS", "valueFrom": {"configMapKeyRef": {"name": "flags", "key": "all"}}},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
    ]
    create(live_cluster, namespace, pod("api", live_cluster.failure(failure, period="1s"), env=environment))
    live_cluster.wait_for(lambda: waiting_reason(live_cluster, namespace, "api") == reason, what=reason)
    wanted = text.replace("NAMESPACE", namespace)
    assert live_cluster.wait_for(lambda: find_event(live_cluster, namespace, "api", event, wanted), what=wanted)


CURES = [
    ("oom", {"while_memory": "64Mi"}, ["set", "resources", "--limits=memory=256Mi"]),
    ("image-pull", {"while_image": "registry.example/app:1.0.0"}, ["set", "image", "api=registry.example/app:1.0.1"]),
    ("crash-loop", {"while_env": "DB_HOST=db-wrong"}, ["set", "env", "DB_HOST=db"]),
]


@pytest.mark.parametrize(("failure", "tied_to", "cure"), CURES, ids=[row[0] for row in CURES])
def test_a_failure_ends_when_the_spec_it_is_tied_to_is_mended(
    live_cluster: Cluster, namespace: str, failure: str, tied_to: dict[str, str], cure: list[str]
) -> None:
    spec = {"resources": {"limits": {"memory": "64Mi"}}, "env": [{"name": "DB_HOST", "value": "db-wrong"}]}
    create(live_cluster, namespace, deployment("api", 1, live_cluster.failure(failure, **tied_to), **spec))

    def fails() -> bool:
        items = live_cluster.get("pods", "-n", namespace)["items"]
        return any("waiting" in each["state"] for item in items for each in item["status"].get("containerStatuses", []))

    assert live_cluster.wait_for(fails, what=failure)
    live_cluster.kubectl(*cure[:2], "deployment/api", *cure[2:], "-n", namespace)
    roll_out(live_cluster, namespace, "api")


def test_a_failing_liveness_probe_ends_the_container(live_cluster: Cluster, namespace: str) -> None:
    probe = {"httpGet": {"path": "/healthz", "port": 8081}}
    create(live_cluster, namespace, pod("api", live_cluster.failure("liveness", runs_for="500ms"), livenessProbe=probe))
    event = live_cluster.wait_for(lambda: find_event(live_cluster, namespace, "api", "Unhealthy"), what="Unhealthy")
    address = live_cluster.get("pod", "api", "-n", namespace)["status"]["podIP"]
    assert (
        event["message"]
        == f'Liveness probe failed: Get "http://{address}:8081/healthz": dial tcp {address}:8081: connect: connection refused'
    )
    assert live_cluster.wait_for(
        lambda: find_event(live_cluster, namespace, "api", "Killing", "failed liveness probe, will be restarted")
    )


def test_a_pod_whose_readiness_never_passes_stays_out_of_the_service(live_cluster: Cluster, namespace: str) -> None:
    probe = {"tcpSocket": {"port": 8080}}
    create(live_cluster, namespace, pod("api", live_cluster.failure("readiness", period="1s"), readinessProbe=probe))
    event = live_cluster.wait_for(lambda: find_event(live_cluster, namespace, "api", "Unhealthy"), what="Unhealthy")
    assert event["message"].startswith("Readiness probe failed: dial tcp 10.244.")
    status = status_of(live_cluster, namespace, "api")
    assert (status["ready"], status["started"], status["restartCount"]) == (False, True, 0)


def test_an_init_container_that_fails_keeps_the_pod_from_starting(live_cluster: Cluster, namespace: str) -> None:
    item = pod("api", live_cluster.failure("init-crash", backoff="1s"))
    item["spec"]["initContainers"] = [{"name": "migrate", "image": "registry.example/migrate:1"}]
    create(live_cluster, namespace, item)

    def falls() -> bool:
        statuses = live_cluster.get("pod", "api", "-n", namespace)["status"].get("initContainerStatuses", [])
        return bool(statuses) and statuses[0]["restartCount"] >= 2

    live_cluster.wait_for(falls, what="two restarts of migrate")
    conditions = {
        each["type"]: each for each in live_cluster.get("pod", "api", "-n", namespace)["status"]["conditions"]
    }
    assert conditions["Initialized"]["message"] == "containers with incomplete status: [migrate]"
    assert waiting_reason(live_cluster, namespace, "api") == "PodInitializing"


def test_jobs_complete_or_reach_their_backoff_limit(live_cluster: Cluster, namespace: str) -> None:
    def job(name: str, annotations: dict[str, str]) -> dict[str, Any]:
        spec = {"restartPolicy": "Never", "containers": [{"name": name, "image": "registry.example/job:1"}]}
        template = {"metadata": {"annotations": {"testbed/runs-for": "300ms", **annotations}}, "spec": spec}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name},
            "spec": {"backoffLimit": 0, "template": template},
        }

    create(live_cluster, namespace, job("good", {}), job("bad", live_cluster.failure("job-fail", exit_code="7")))
    live_cluster.kubectl("wait", "--for=condition=Complete", "job/good", "-n", namespace, "--timeout=60s")
    live_cluster.kubectl("wait", "--for=condition=Failed", "job/bad", "-n", namespace, "--timeout=60s")
    failed = live_cluster.get("job", "bad", "-n", namespace)["status"]["conditions"]
    assert "BackoffLimitExceeded" in {condition.get("reason") for condition in failed}


def test_an_evicted_pod_names_the_resource_and_its_deployment_replaces_it(
    live_cluster: Cluster, namespace: str
) -> None:
    create(live_cluster, namespace, pod("cache", live_cluster.failure("evicted-disk", runs_for="300ms")))
    live_cluster.wait_for(
        lambda: live_cluster.get("pod", "cache", "-n", namespace)["status"].get("reason") == "Evicted", what="Evicted"
    )
    status = live_cluster.get("pod", "cache", "-n", namespace)["status"]
    assert status["phase"] == "Failed"
    assert status["message"].startswith("The node was low on resource: ephemeral-storage. ")
    assert "DisruptionTarget" in {condition["type"] for condition in status["conditions"]}


@pytest.mark.parametrize(
    ("failure", "condition", "status", "taint"),
    [
        ("not-ready", "Ready", "False", "node.kubernetes.io/not-ready"),
        ("disk-pressure", "DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
        ("memory-pressure", "MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ],
)
def test_a_broken_node_is_tainted_and_heals(
    live_cluster: Cluster, breakable_node: str, failure: str, condition: str, status: str, taint: str
) -> None:
    def shows(wanted: bool) -> bool:
        node = live_cluster.get("node", breakable_node)
        found = {each["type"]: each["status"] for each in node["status"]["conditions"]}
        taints = {each["key"] for each in node["spec"].get("taints", [])}
        return (found[condition] == status) == wanted and (taint in taints) == wanted

    live_cluster.fail_node(breakable_node, failure)
    try:
        live_cluster.wait_for(lambda: shows(True), what=f"{failure} and {taint}")
    finally:
        live_cluster.heal_node(breakable_node)
    assert live_cluster.wait_for(lambda: shows(False), what="a healed node")


def test_a_silent_kubelet_makes_its_node_unknown_until_it_comes_back(
    live_cluster: Cluster, breakable_node: str
) -> None:
    def ready() -> tuple[str, str]:
        conditions = live_cluster.get("node", breakable_node)["status"]["conditions"]
        found = next(each for each in conditions if each["type"] == "Ready")
        return found["status"], found["reason"]

    live_cluster.fail_node(breakable_node, "unknown")
    try:
        live_cluster.wait_for(lambda: ready() == ("Unknown", "NodeStatusUnknown"), timeout=90, what="Unknown")
    finally:
        live_cluster.heal_node(breakable_node)
    assert live_cluster.wait_for(lambda: ready() == ("True", "KubeletReady"), what="a healed node")


def test_a_failure_that_no_stage_plays_is_refused(live_cluster: Cluster, namespace: str) -> None:
    with pytest.raises(TestbedError, match="crash-loop"):
        live_cluster.failure("meteor")
    create(live_cluster, namespace, pod("api", {"testbed/failure": "meteor"}))
    event = live_cluster.wait_for(
        lambda: find_event(live_cluster, namespace, "api", "TestbedUnknownFailure"), what="a word of warning"
    )
    assert all(name in event["message"] for name in known_failures())


def test_a_pod_that_does_not_end_stays_terminating(live_cluster: Cluster, namespace: str) -> None:
    create(live_cluster, namespace, pod("hung", live_cluster.failure("stuck-terminating")), pod("good"))
    live_cluster.kubectl("wait", "--for=condition=Ready", "pod/hung", "pod/good", "-n", namespace, "--timeout=60s")
    live_cluster.kubectl("delete", "pod", "hung", "good", "-n", namespace, "--wait=false")
    live_cluster.wait_for(
        lambda: "pod/good" not in live_cluster.kubectl("get", "pods", "-n", namespace, "-o", "name"),
        what="the end of good",
    )
    assert live_cluster.get("pod", "hung", "-n", namespace)["metadata"]["deletionTimestamp"]
    live_cluster.kubectl("delete", "pod", "hung", "-n", namespace, "--force", "--grace-period=0")


def test_every_failure_is_in_the_readme() -> None:
    text = (STAGES.parent / "README.md").read_text()
    assert [name for name in [*known_failures(), *NODE_FAILURES] if f"`{name}`" not in text] == []
