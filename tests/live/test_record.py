"""A recording of a real cluster gives the same answer as the cluster itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from copilot.cli.main import main
from tests.live.test_testbed import create, deployment
from tests.live.testbed.cluster import Cluster


def why(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    main(["why", "-o", "json", *arguments])
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def causes(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["cause"], one["object"]["kind"], one["object"]["name"]) for one in answer["root_causes"]]


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path / "data"))


def test_a_recording_explains_what_the_cluster_explains(
    live_cluster: Cluster, namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create(live_cluster, namespace, deployment("web", 1, live_cluster.failure("config-error-configmap")))
    live_cluster.wait_for(
        lambda: "CreateContainerConfigError" in live_cluster.kubectl("get", "pods", "-n", namespace), what="the failure"
    )
    reach = ("--kubeconfig", str(live_cluster.kubeconfig), "-n", namespace)
    live = why(capsys, *reach)
    assert main(["record", "-o", str(tmp_path / "rec"), *reach]) == 0
    replayed = why(capsys, "--from", str(tmp_path / "rec"), "-n", namespace)
    assert causes(live)
    assert causes(replayed) == causes(live)
    assert replayed["cluster"] == live["cluster"]


def test_a_recording_of_a_cluster_holds_no_secret(live_cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    secret = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "stringData": {"password": "correct-horse-battery"},
    }  # fmt: skip
    env = [{"name": "DB_PASSWORD", "value": "correct-horse-battery"}]
    create(live_cluster, namespace, secret, deployment("web", 1, env=env))
    folder = tmp_path / "rec"
    assert main(["record", "-o", str(folder), "--kubeconfig", str(live_cluster.kubeconfig), "-n", namespace]) == 0
    leaks = [path.name for path in folder.rglob("*") if path.is_file() and b"correct-horse" in path.read_bytes()]
    assert leaks == []
    assert json.loads((folder / "recording.json").read_text())["redacted"] is True
