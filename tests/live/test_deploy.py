"""The manifests of deploy/ on a real API server: they apply, their pods are admitted, and the reader can do its work."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from copilot.cli.main import cli
from tests.live.deployed import DEPLOY, NAMESPACE, PODS, Deployed, manifests
from tests.live.test_change import Scene, _workload
from tests.live.testbed.cluster import Cluster, KubectlError

OVERLAYS = ("executor", "impersonation")  # each holds all of the base


@pytest.fixture
def scene(live_cluster: Cluster, namespace: str, tmp_path: Path) -> Scene:
    scene = Scene(live_cluster, namespace, tmp_path)
    scene.apply(_workload("web"))
    scene.settled()
    return scene


@pytest.fixture
def with_pods(deployed: Deployed) -> Iterator[Deployed]:
    """The pods of the manifests too, for one test."""
    objects = [each for each in manifests(deployed.cluster, "executor") if each["kind"] in PODS]
    deployed.cluster.apply(*objects)
    yield deployed
    kinds = ",".join(sorted({each["kind"].lower() for each in objects}))
    deployed.cluster.kubectl("delete", kinds, "--all", "-n", NAMESPACE, "--wait=false")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_manifest_passes_strict_validation_by_the_server(deployed: Deployed, overlay: str) -> None:
    said = deployed.cluster.kubectl(
        "apply", "--dry-run=server", "--validate=strict", "-k", str(DEPLOY / overlay)
    ).splitlines()
    assert len(said) == len(manifests(deployed.cluster, overlay))
    assert all(line.endswith("(server dry run)") for line in said)


def test_an_unknown_field_in_a_manifest_would_be_noticed(deployed: Deployed) -> None:
    (body,) = [each for each in manifests(deployed.cluster, "executor") if each["kind"] == "Deployment"]
    body["spec"]["template"]["spec"]["securityContexts"] = {}
    with pytest.raises(KubectlError, match="securityContexts"):
        deployed.cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", input=json.dumps(body))


def test_the_server_finds_no_type_error_in_any_policy(deployed: Deployed) -> None:
    def checked() -> list[dict[str, Any]]:
        found = deployed.cluster.get("validatingadmissionpolicies")["items"]
        ours = [each for each in found if each["metadata"]["name"].startswith("cluster-copilot-")]
        return ours if all("typeChecking" in each.get("status", {}) for each in ours) else []

    ours = deployed.cluster.wait_for(checked, 30, "the policies to be checked")
    assert len(ours) == 5
    assert not any(each["status"]["typeChecking"].get("expressionWarnings") for each in ours)


def test_pod_security_lets_the_copilots_own_pods_in(with_pods: Deployed) -> None:
    cluster = with_pods.cluster
    cluster.kubectl("create", "job", "now", "--from=cronjob/reader", "-n", NAMESPACE)
    try:
        pods = cluster.wait_for(
            lambda: found if len(found := cluster.get("pods", "-n", NAMESPACE)["items"]) >= 2 else None,
            30,
            "a pod of the executor and one of the reader",
        )
    finally:
        cluster.kubectl("delete", "job", "now", "-n", NAMESPACE, "--wait=false")
    assert {pod["spec"]["serviceAccountName"] for pod in pods} == {"executor", "reader"}


@pytest.mark.parametrize(
    ("what", "spec"),
    [
        ("privileged", {"containers": [{"securityContext": {"privileged": True}}]}),
        ("hostNetwork", {"hostNetwork": True}),
        ("hostPath", {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}),
        ("runAsNonRoot", {"securityContext": {"runAsNonRoot": False}}),
    ],
)
def test_pod_security_keeps_a_pod_with_powers_out_of_the_copilots_namespace(
    deployed: Deployed, what: str, spec: dict[str, object]
) -> None:
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "other", "namespace": NAMESPACE}}
    containers = [{"name": "app", "image": "nginx:1", **each} for each in spec.get("containers", [{}])]  # type: ignore[attr-defined]
    with pytest.raises(KubectlError, match=r'violates PodSecurity "restricted') as refused:
        deployed.cluster.apply({**body, "spec": {**spec, "containers": containers}})
    assert ("host namespaces" if what == "hostNetwork" else what) in str(refused.value)


READS = (
    ("why", "-n"),
    ("why", "deploy/web", "-n"),
    ("ask", "which pods run here?", "-n"),
    ("graph", "deploy/web", "-n"),
    ("changes", "-n"),
    ("timeline", "deploy/web", "-n"),
    ("reach", "deploy/web", "deploy/web", "-n"),
)


def test_the_readers_account_is_all_that_the_reading_commands_need(
    deployed: Deployed, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COPILOT_DATA_DIR", str(scene.folder))
    for words in READS:
        arguments = [*words, scene.namespace, "--kubeconfig", str(deployed.reader.kubeconfig)]
        ran = CliRunner().invoke(cli, arguments, catch_exceptions=False)
        assert ran.exit_code in (0, 1), (words, ran.output)
        assert "web" in ran.output or scene.namespace in ran.output, (words, ran.output)
        assert "forbidden" not in ran.output.lower(), (words, ran.output)
        assert "may not" not in ran.output, (words, ran.output)


def test_the_reader_is_refused_no_kind_that_the_server_serves(deployed: Deployed) -> None:
    from copilot.model import ReadState
    from tools.cluster.live import open_live
    from tools.cluster.source import Scope

    source = open_live(str(deployed.reader.kubeconfig))
    snapshot = source.snapshot(Scope())
    refused = [each for each in snapshot.coverage.readings if each.state is ReadState.REFUSED]
    assert refused == []
    assert len(snapshot.coverage.readings) > 40
