"""`reach` as a person runs it: exit codes, both formats, from a file and from standard input, and words that are no ends."""

from __future__ import annotations

import json

import pytest

from tests.unit.cli.conftest import Run


def pod(name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"{name}-0", "namespace": "shop", "uid": name, "labels": {"app": name}},
            "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 5432}]}]},
            "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}}  # fmt: skip


POLICY = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "db-in", "namespace": "shop", "uid": "p"},
          "spec": {"podSelector": {"matchLabels": {"app": "db"}}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}]}}  # fmt: skip
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "uid": "n"}}
OBJECTS = json.dumps(
    {"apiVersion": "v1", "kind": "List", "items": [NAMESPACE, pod("web"), pod("db"), pod("job"), POLICY]}
).encode()


@pytest.mark.parametrize(("source", "code"), [("web", 0), ("job", 1)])
def test_the_exit_code_is_the_verdict(run: Run, source: str, code: int) -> None:
    ran = run("reach", f"shop/{source}-0", "shop/db-0:5432", "--from", "-", stdin=OBJECTS)
    assert ran.code == code, ran.out
    assert "NetworkPolicy shop/db-in" in ran.out


def test_the_document_carries_its_schema_and_the_deciding_rule(run: Run) -> None:
    ran = run("reach", "shop/web-0", "shop/db-0:5432", "-o", "json", "--from", "-", stdin=OBJECTS)
    found = json.loads(ran.out)
    assert found["schema"] == "cluster-copilot/reach/v1"
    assert found["groups"][0]["decided_by"][0]["field"] == "spec.ingress[0]"


@pytest.mark.parametrize(
    "words", [("web-0", "nobody"), ("web-0", ":80"), ("web-0", "db-0:70000"), ("\x1b[31m", "db-0"), ("", "db-0")]
)
def test_words_that_are_no_end_are_an_error_with_a_hint(run: Run, words: tuple[str, str]) -> None:
    ran = run("reach", *words, "--from", "-", stdin=OBJECTS)
    assert ran.code == 64
    assert "hint:" in ran.err
    assert "\x1b" not in ran.err
