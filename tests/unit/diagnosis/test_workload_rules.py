"""Crashes, images, references and probes: each cause where it is true, and silence where it is not."""

from __future__ import annotations

from typing import Any

import pytest

from copilot.diagnosis.rules.pods import crash, creation, images, probes, references
from copilot.model import Finding
from tests.unit.diagnosis.cluster import Cluster, ago, condition, ref

WEB = ref("Deployment", "shop/web")
Body = dict[str, Any]


def failing(
    *, exit_code: int = 1, reason: str = "Error", waiting: str = "CrashLoopBackOff", restarts: int = 4, message: str = "",
    spec: Body | None = None, container: Body | None = None, finished: float = 30,
) -> Cluster:  # fmt: skip
    """Deployment shop/web with one pod whose container `main` ended so."""
    full = {"containers": [{"name": "main", "image": "registry.example/app:1", **(container or {})}], **(spec or {})}
    ended = {"exitCode": exit_code, "reason": reason, "finishedAt": ago(finished), "message": message}
    status = {
        "name": "main", "ready": False, "restartCount": restarts,
        "state": {"waiting": {"reason": waiting, "message": message}}, "lastState": {"terminated": ended},
    }  # fmt: skip
    made = Cluster().node("n1").deployment("web", have=1, spec=full)
    return made.pod(
        "web-abc-x", owner=("ReplicaSet", "web-abc"), node="n1", spec=full,
        status={"containerStatuses": [status], "conditions": [condition("Ready", "False", "ContainersNotReady")]},
    )  # fmt: skip


def waiting(reason: str, message: str = "", *, container: Body | None = None, spec: Body | None = None) -> Cluster:
    """Deployment shop/web with one pod whose container never started."""
    full = {"containers": [{"name": "main", "image": "registry.example/app:1", **(container or {})}], **(spec or {})}
    status = {
        "name": "main",
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": {"reason": reason, "message": message}},
    }
    made = Cluster().node("n1").deployment("web", have=1, spec=full)
    return made.pod(
        "web-abc-x", owner=("ReplicaSet", "web-abc"), node="n1", phase="Pending", spec=full,
        status={"containerStatuses": [status], "conditions": [condition("Ready", "False")]},
    )  # fmt: skip


def crash_of(cluster: Cluster) -> Finding:
    return cluster.only(crash.RULES)


def test_a_container_killed_at_its_limit_is_out_of_its_own_memory() -> None:
    found = crash_of(
        failing(exit_code=137, reason="OOMKilled", container={"resources": {"limits": {"memory": "64Mi"}}})
    )
    assert (found.cause, found.object) == ("pod.oomkilled.limit", WEB)
    assert "64Mi" in found.title


def test_a_kill_without_a_limit_is_not_blamed_on_a_limit() -> None:
    assert crash_of(failing(exit_code=137, reason="OOMKilled")).cause == "pod.oomkilled.node"


def test_a_kill_on_a_node_out_of_memory_blames_the_node() -> None:
    cluster = failing(exit_code=137).event("Node", "n1", "", "SystemOOM", "System OOM encountered, victim process: app")
    found = crash_of(cluster)
    assert (found.cause, found.object.kind) == ("pod.oomkilled.node", "Node")


def test_a_command_that_is_not_in_the_image_is_named() -> None:
    message = 'exec: "servr": executable file not found in $PATH: unknown'
    found = crash_of(failing(exit_code=128, reason="StartError", message=message, container={"command": ["servr"]}))
    assert found.cause == "pod.crashloop.exit127"
    assert "servr" in found.title


def test_a_mounted_script_without_execute_bit_is_told_from_the_volume() -> None:
    spec = {"volumes": [{"name": "scripts", "configMap": {"name": "web-scripts", "defaultMode": 420}}]}
    container = {"command": ["/scripts/run.sh"], "volumeMounts": [{"name": "scripts", "mountPath": "/scripts"}]}
    found = crash_of(failing(exit_code=126, spec=spec, container=container))
    assert found.cause == "pod.crashloop.exit126"
    assert "web-scripts" in found.title
    assert "0644" in found.title


def test_a_program_that_finishes_under_a_deployment_is_told_to_be_a_job() -> None:
    assert crash_of(failing(exit_code=0, reason="Completed")).cause == "pod.exit0.restart"


def test_the_log_decides_before_the_exit_code() -> None:
    found = crash_of(failing().log("web-abc-x", "ModuleNotFoundError: No module named 'flask'\n"))
    assert found.cause == "app.module.missing"
    assert "flask" in found.title


def test_an_unknown_host_offers_the_nearest_service() -> None:
    cluster = failing(container={"env": [{"name": "DB_HOST", "value": "orders-dbb"}]})
    cluster.add("Service", "orders-db", "shop", spec={"ports": [{"port": 5432}]})
    found = crash_of(cluster.log("web-abc-x", "FATAL dial tcp: lookup orders-dbb on 10.96.0.10:53: no such host\n"))
    assert found.cause == "app.dependency.unknown_host"
    assert "orders-db" in found.title
    assert any("DB_HOST" in piece.path for piece in found.evidence)
    assert found.weight >= 0.85


def test_a_refused_configuration_blames_the_mounted_config_map() -> None:
    spec = {"volumes": [{"name": "conf", "configMap": {"name": "web-conf"}}]}
    container = {"volumeMounts": [{"name": "conf", "mountPath": "/etc/nginx"}]}
    line = 'nginx: [emerg] unknown directive "servr" in /etc/nginx/nginx.conf:12\n'
    found = crash_of(failing(spec=spec, container=container).log("web-abc-x", line))
    assert (found.cause, found.object) == ("app.config.invalid", ref("ConfigMap", "shop/web-conf"))


def test_no_log_leaves_only_a_doubtful_answer() -> None:
    found = crash_of(failing())
    assert found.cause == "pod.crashloop.app_log"
    assert found.weight < 0.5
    assert found.doubts


def test_a_restart_long_ago_is_no_crash() -> None:
    cluster = Cluster().node("n1").deployment("web", have=1, ready=1)
    status = {
        "name": "main", "ready": True, "restartCount": 9, "state": {"running": {"startedAt": ago(3000)}},
        "lastState": {"terminated": {"exitCode": 1, "finishedAt": ago(3000)}},
    }  # fmt: skip
    cluster.pod("web-abc-x", owner=("ReplicaSet", "web-abc"), node="n1", status={"containerStatuses": [status]})
    assert cluster.find(crash.RULES) == []


def test_a_failed_pod_of_a_completed_job_is_no_crash() -> None:
    done = {"conditions": [condition("Complete", "True")], "succeeded": 1, "failed": 1}
    cluster = Cluster().node("n1").add("Job", "load", "shop", api="batch/v1", spec={}, status=done)
    ended = {
        "name": "main",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": {"exitCode": 1, "finishedAt": ago(900)}},
    }
    cluster.pod("load-x", owner=("Job", "load"), node="n1", phase="Failed", status={"containerStatuses": [ended]})
    assert cluster.find(crash.RULES) == []


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (
            'failed to resolve reference "registry.example/app:1": registry.example/app:1: not found',
            "pod.image.tag_missing",
        ),
        ("pull access denied, repository does not exist or may require authorization", "pod.image.notfound_or_denied"),
        (
            "failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized",
            "pod.image.unauthorized",
        ),
        ("toomanyrequests: You have reached your pull rate limit", "pod.image.ratelimit"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "pod.image.x509"),
        ('Head "https://registry.example/v2/": dial tcp: lookup registry.example: no such host', "pod.image.network"),
        ("failed to extract layer: no space left on device", "pod.image.disk"),
        ("no match for platform in manifest: not found", "pod.image.arch"),
    ],
)
def test_the_pull_message_is_read_as_its_cause(message: str, cause: str) -> None:
    cluster = waiting("ImagePullBackOff", 'Back-off pulling image "registry.example/app:1"')
    cluster.event("Pod", "web-abc-x", "shop", "Failed", f'Failed to pull image "registry.example/app:1": {message}')
    found = cluster.only(images.RULES)
    blamed = ref("Node", "n1") if cause == "pod.image.disk" else WEB
    assert (found.cause, found.object) == (cause, blamed)


def test_a_malformed_image_name_is_named_as_such() -> None:
    found = waiting("InvalidImageName", "invalid reference format", container={"image": "Registry/App:${TAG}"}).only(
        images.RULES
    )
    assert found.cause == "pod.image.invalid_name"
    assert "template variable" in found.title


def test_a_missing_pull_secret_is_found_by_name() -> None:
    cluster = waiting("ImagePullBackOff", spec={"imagePullSecrets": [{"name": "regcred"}]})
    cluster.event(
        "Pod",
        "web-abc-x",
        "shop",
        "Failed",
        'Failed to pull image "registry.example/app:1": pull access denied, may require authorization',
    )
    found = cluster.only(images.RULES)
    assert found.cause == "pod.image.pullsecret_missing"
    assert "regcred" in found.title


@pytest.mark.parametrize(
    ("message", "cause", "word"),
    [
        ('configmap "web-settings" not found', "pod.create.configmap_missing", "web-settings"),
        ('secret "web-keys" not found', "pod.create.secret_missing", "web-keys"),
        ("couldn't find key token in Secret shop/web-keys", "pod.create.key_missing", "token"),
    ],
)
def test_a_missing_reference_is_named(message: str, cause: str, word: str) -> None:
    found = waiting("CreateContainerConfigError", message).only(references.RULES)
    assert (found.cause, found.object) == (cause, WEB)
    assert word in found.title


def test_the_nearest_key_is_offered() -> None:
    cluster = waiting("CreateContainerConfigError", "couldn't find key log_level in ConfigMap shop/web-settings")
    cluster.add("ConfigMap", "web-settings", "shop", dataKeys=["loglevel", "region"])
    assert "loglevel" in cluster.only(references.RULES).title


def test_a_reference_that_exists_by_now_is_doubted() -> None:
    cluster = waiting("CreateContainerConfigError", 'configmap "web-settings" not found')
    found = cluster.add("ConfigMap", "web-settings", "shop").only(references.RULES)
    assert found.doubts


def test_run_as_non_root_is_told_from_the_message() -> None:
    message = "container has runAsNonRoot and image will run as root"
    assert waiting("CreateContainerConfigError", message).only(creation.RULES).cause == "pod.create.run_as_nonroot"


def probed(
    probe: Body, *, kind: str = "liveness", message: str, ports: tuple[int, ...] = (8080,), log: str = ""
) -> Cluster:
    """Deployment shop/web whose probe fails with a message."""
    container = {f"{kind}Probe": probe, "ports": [{"containerPort": port} for port in ports]}
    if kind == "readiness":
        full = {"containers": [{"name": "main", "image": "registry.example/app:1", **container}]}
        status = {"name": "main", "ready": False, "restartCount": 0, "state": {"running": {"startedAt": ago(900)}}}
        cluster = Cluster().node("n1").deployment("web", have=1, spec=full)
        cluster.pod("web-abc-x", owner=("ReplicaSet", "web-abc"), node="n1", spec=full,
                    status={"containerStatuses": [status], "conditions": [condition("Ready", "False")]})  # fmt: skip
    else:
        cluster = failing(exit_code=137, container=container)
        cluster.event(
            "Pod",
            "web-abc-x",
            "shop",
            "Killing",
            f"Container main failed {kind} probe, will be restarted",
            type_="Normal",
        )
    cluster.event("Pod", "web-abc-x", "shop", "Unhealthy", f"{kind.capitalize()} probe failed: {message}", count=9)
    return cluster.log("web-abc-x", log) if log else cluster


REFUSED = 'Get "http://10.1.1.1:8081/": dial tcp 10.1.1.1:8081: connect: connection refused'


@pytest.mark.parametrize(
    ("probe", "kind", "message", "log", "cause"),
    [
        ({"httpGet": {"port": 8081, "path": "/"}}, "liveness", REFUSED, "", "pod.probe.liveness.port"),
        ({"httpGet": {"port": 8081, "path": "/"}}, "liveness", REFUSED, "INFO http: listening on :8080\n", "pod.probe.liveness.port"),
        ({"httpGet": {"port": 8080, "path": "/health"}}, "liveness", "HTTP probe failed with statuscode: 404", "", "pod.probe.liveness.path"),
        ({"httpGet": {"port": 8080, "scheme": "HTTPS"}}, "liveness", 'Get "https://10.1.1.1:8080/": http: server gave HTTP response to HTTPS client', "", "pod.probe.liveness.scheme"),
        ({"httpGet": {"port": 8080, "path": "/"}}, "liveness", "HTTP probe failed with statuscode: 401", "", "pod.probe.liveness.auth"),
        ({"httpGet": {"port": 8080, "path": "/"}, "periodSeconds": 5}, "liveness", REFUSED.replace("8081", "8080"), "", "pod.probe.liveness.timing"),
        ({"exec": {"command": ["/bin/check"]}}, "liveness", "OCI runtime exec failed: exec: /bin/check: no such file or directory", "", "pod.probe.liveness.command"),
        ({"httpGet": {"port": 8080, "path": "/"}}, "readiness", "HTTP probe failed with statuscode: 503", "", "pod.probe.readiness"),
        ({"httpGet": {"port": 9090, "path": "/"}}, "readiness", REFUSED.replace("8081", "9090"), "", "pod.probe.readiness.port"),
    ],
)  # fmt: skip
def test_the_ways_a_probe_can_be_wrong_are_told_apart(
    probe: Body, kind: str, message: str, log: str, cause: str
) -> None:
    found = probed(probe, kind=kind, message=message, log=log).only(probes.RULES)
    assert (found.cause, found.object) == (cause, WEB)


def test_a_crash_after_a_failed_probe_is_left_to_the_probe_rules() -> None:
    cluster = probed({"httpGet": {"port": 8081, "path": "/"}}, message=REFUSED)
    assert cluster.find(crash.RULES) == []


def test_one_readiness_failure_during_start_is_no_fault() -> None:
    probe = {"httpGet": {"port": 8080}, "initialDelaySeconds": 2000}
    assert probed(probe, kind="readiness", message=REFUSED).find(probes.RULES) == []
