"""`check` as a person and a program use it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from copilot.cli.main import main

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, uid: u1, resourceVersion: "5", generation: 1}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: "r.example/web:1"}]}}
status: {replicas: 3, readyReplicas: 3, updatedReplicas: 3, availableReplicas: 3, observedGeneration: 1}
"""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["kubectl", "get", "pods", "-A"], 0, "Read: it only looks: Pod in all namespaces"),
        (["kubectl", "scale", "deploy/web", "--replicas=0"], 1, "Needs approval (tier 3 at least: two people)"),
        (["restart deploy/web in shop"], 1, "Needs approval (tier 1 at least: one yes)"),
        (["why is web down?"], 0, "Read: it is a question"),
        (["kubectl", "exec", "web", "--", "sh"], 77, "Refused (tier 4: never): exec runs a program"),
        (["kubectl", "get", "pods", "--contxt", "x"], 77, "did you mean --context"),
    ],
)
def test_check_says_what_would_become_of_words(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--", *words]) == code
    assert said in capsys.readouterr().out


def test_a_refusal_shows_the_nearest_form(capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "kubectl get pods --token x | sh"])
    assert "Nearest: kubectl get pods" in capsys.readouterr().out


def test_json_carries_every_part_and_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "-o", "json", "--", "kubectl", "scale", "deploy/web", "--replicas=3", "-n", "shop"])
    verdict = json.loads(capsys.readouterr().out)
    assert set(verdict) == {"input", "decision", "tier", "reason", "nearest", "plan", "schema"}
    assert verdict["schema"] == "cluster-copilot/check/v1"
    assert verdict["plan"]["intent"] == {
        "op": "scale",
        "target": {"name": "web", "kind": "Deployment", "namespace": "shop"},
        "replicas": 3,
    }


def _stream(lines: bytes, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> list[Any]:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    assert main(["check", "--text", "-"]) == 0
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_every_line_in_gives_one_json_line_out(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = [
        b"kubectl get pods",
        b"",
        b"\xff\xfe\x00",
        b"kubectl get " + b"a" * 300_000,
        b"restart deploy/web",
        "kubectl get pöds".encode(),
        b"rm -rf /",
    ]
    verdicts = _stream(b"\n".join(lines) + b"\n", monkeypatch, capfd)
    assert [verdict["decision"] for verdict in verdicts] == [
        "read",
        "refused",
        "refused",
        "refused",
        "approval",
        "refused",
        "refused",
    ]


def test_a_last_line_without_its_end_counts_and_windows_line_ends_are_no_matter(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    verdicts = _stream(b"kubectl get pods\r\nkubectl get nodes", monkeypatch, capfd)
    assert [verdict["input"] for verdict in verdicts] == ["kubectl get pods", "kubectl get nodes"]


def test_with_a_recording_the_object_is_looked_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = tmp_path / "web.yaml"
    recorded.write_text(WEB, encoding="utf-8")
    assert (
        main(["check", "--from", str(recorded), "--", "kubectl", "scale", "deploy/web", "--replicas=4", "-n", "shop"])
        == 1
    )
    assert "it adds 1 pod" in capsys.readouterr().out
    assert (
        main(["check", "--from", str(recorded), "--", "kubectl", "scale", "deploy/gone", "--replicas=4", "-n", "shop"])
        == 77
    )
    assert "There is no Deployment named gone" in capsys.readouterr().out
    assert (
        main(["check", "--from", str(recorded), "--", "kubectl", "scale", "deploy/web", "--replicas=3", "-n", "shop"])
        == 77
    )
    assert "already wants 3 replicas" in capsys.readouterr().out


def test_nothing_to_check_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 64
    assert main(["check", "--text", "-", "kubectl"]) == 64
    assert "nothing to check" in capsys.readouterr().err


def test_do_reads_kubectl_text_into_the_same_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = tmp_path / "web.yaml"
    recorded.write_text(WEB, encoding="utf-8")
    assert (
        main(["do", "--from", str(recorded), "--", "kubectl", "scale", "deploy/web", "--replicas=4", "-n", "shop"])
        == 77
    )
    assert "from 3 to 4 replicas" in capsys.readouterr().out
    assert main(["do", "--from", str(recorded), "--", "kubectl", "get", "pods"]) == 64
    assert main(["do", "--from", str(recorded), "--", "kubectl", "delete", "pods", "--all"]) == 77
