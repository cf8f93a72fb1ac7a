"""A folder may mix everything: objects, pasted text, logs, alerts, Prometheus results, usage."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from copilot.model import Coverage, Detail, Reading, ReadState, Ref, Resource, Snapshot, parse_time
from copilot.model.resource import ref_of
from guardrails.redaction import Redactor
from tests.shared import shared
from tools.cluster.merge import merge
from tools.cluster.open_source import open_path
from tools.cluster.record import save
from tools.cluster.source import LogRequest, Scope

ALERT = {
    "labels": {"alertname": "KubePodCrashLooping", "pod": "web-0"},
    "annotations": {"summary": "it crashes"},
    "startsAt": "2026-01-02T03:04:05.000Z",
    "status": {"state": "active"},
    "fingerprint": "ab",
}
MATRIX = {
    "status": "success",
    "data": {
        "resultType": "matrix",
        "result": [
            {"metric": {"__name__": "up", "job": "a"}, "values": [[20, "NaN"], [10, "1"], ["x", "y"], [15.5, "+Inf"]]}
        ],
    },
}
VECTOR = {
    "status": "success",
    "data": {"resultType": "vector", "result": [{"metric": {"job": "b"}, "value": [7, "2.5"]}]},
}
METRICS = {
    "kind": "PodMetricsList",
    "apiVersion": "metrics.k8s.io/v1beta1",
    "items": [
        {
            "metadata": {"name": "web-0", "namespace": "shop"},
            "containers": [{"name": "web", "usage": {"cpu": "250m", "memory": "64Mi"}}],
        }
    ],
}


def body(kind: str, name: str, namespace: str = "shop", version: str = "v1", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "uid": f"{kind}-{name}", **more.pop("metadata", {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def put(root: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return root


def read(root: Path, scope: Scope | None = None) -> Snapshot:
    return open_path(str(root)).snapshot(scope or Scope())


def test_everything_in_a_mixed_folder_is_read(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "deploy.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n",
            "paste.txt": "$ kubectl get pods -n shop\nNAME    READY   STATUS             RESTARTS   AGE\nweb-0   0/1     CrashLoopBackOff   5          10m\n",
            "logs/shop/web-0/web.log": "now\n",
            "logs/shop/web-0/web.previous.log": "panic: boom\n",
            "alerts.json": [ALERT],
            "range.json": MATRIX,
            "instant.json": VECTOR,
            "top.json": METRICS,
            "lines.jsonl": json.dumps(body("Pod", "a")) + "\n" + json.dumps(body("Pod", "b")) + "\n",
            "README.md": "# what happened\nnothing a cluster would say\n",
        },
    )
    found = read(tmp_path)
    assert {r.ref.name for r in found.resources if r.ref.kind == "Pod"} == {"web-0", "a", "b"}
    assert Ref("Deployment", "shop", "web", "apps") in {r.ref for r in found.resources}
    assert {(log.previous, log.text) for log in found.logs} == {(False, "now\n"), (True, "panic: boom\n")}
    (alert,) = found.alerts
    assert (alert.name, alert.state, alert.starts_at) == (
        "KubePodCrashLooping",
        "active",
        parse_time("2026-01-02T03:04:05Z"),
    )
    assert [(s.name, s.labels, s.points) for s in found.series] == [
        ("", {"job": "b"}, ((7.0, 2.5),)),
        ("up", {"job": "a"}, ((10.0, 1.0), (15.5, float("inf")))),
    ]
    (use,) = found.usage
    assert (use.ref, use.container, use.cpu, use.memory) == (Ref("Pod", "shop", "web-0"), "web", 0.25, 64 * 2**20)
    assert found.coverage.notes == ("not read, of no known kind: README.md",)


def test_the_fuller_view_of_an_object_stays(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "a.txt": "$ kubectl get pods -n shop\nNAME    READY   STATUS    RESTARTS   AGE\nweb-0   1/1     Running   0          10m\n",
            "b.json": body("Pod", "web-0", spec={"nodeName": "n1"}),
        },
    )
    (pod,) = [r for r in read(tmp_path).resources if r.ref.kind == "Pod"]
    assert (pod.detail, pod.spec["nodeName"], pod.source) == (Detail.FULL, "n1", "b.json")


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_full_views_the_newer_stays_whichever_comes_first(order: int) -> None:
    def seen(version: str, created: str) -> Snapshot:
        found = body("Pod", "web-0", metadata={"resourceVersion": version, "creationTimestamp": created})
        return Snapshot(resources=(Resource(ref_of(found), found),))

    older, newer, reborn = (
        seen("9", "2026-01-01T00:00:00Z"),
        seen("10", "2026-01-01T00:00:00Z"),
        seen("3", "2026-01-02T00:00:00Z"),
    )
    assert merge([older, newer][::order]).resources[0].resource_version == "10"
    assert merge([newer, reborn][::order]).resources[0].resource_version == "3"


def test_merged_coverage_keeps_the_strongest_reading() -> None:
    parts = [
        Snapshot(coverage=Coverage((Reading("Pod", state=state, count=1),)))
        for state in (ReadState.PARTIAL, ReadState.READ)
    ]
    assert merge(parts).coverage.readings == (Reading("Pod", count=2),)


def test_secret_values_never_leave_the_source(tmp_path: Path) -> None:
    text = json.dumps(body("Secret", "db", data={"password": "aHVudGVyMg=="}, stringData={"a": "hunter2"}))
    put(tmp_path, {"a.json": text, "b.json": f'{{"apiVersion":"v1","kind":"List","items":[{text}]}}'})
    found = read(tmp_path)
    assert "aHVudGVyMg" not in str([r.body for r in found.resources])
    assert "hunter2" not in str([r.body for r in found.resources])


def test_config_values_stay_only_when_asked_for(tmp_path: Path) -> None:
    put(tmp_path, {"a.json": body("ConfigMap", "app", data={"level": "debug"})})
    assert "data" not in read(tmp_path).resources[0].body
    assert read(tmp_path, Scope(config_values=True)).resources[0].body["data"] == {"level": "debug"}


def test_events_of_both_groups_are_one_kind(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "a.json": {
                "apiVersion": "events.k8s.io/v1",
                "kind": "EventList",
                "metadata": {},
                "items": [body("Event", "e", version="events.k8s.io/v1")],
            }
        },
    )
    found = read(tmp_path)
    assert found.resources[0].ref == Ref("Event", "shop", "e")
    assert found.coverage.was_read("Event", "shop", "")


def test_a_saved_refusal_is_a_refused_reading(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "p.json": body("Pod", "a"),
            "s.json": {
                "kind": "Status",
                "apiVersion": "v1",
                "status": "Failure",
                "reason": "Forbidden",
                "message": "no",
                "details": {"kind": "secrets"},
            },
        },
    )
    (refused,) = read(tmp_path).coverage.refused()
    assert (refused.kind, refused.detail) == ("Secret", "no")


def test_what_our_recorder_wrote_comes_back_without_loss(tmp_path: Path) -> None:
    put(
        tmp_path / "in",
        {
            "a.json": {"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [body("Pod", "web-0")]},
            "alerts.json": [ALERT],
            "top.json": METRICS,
            "logs/shop/web-0/web.log": "boom\n",
        },
    )
    first = read(tmp_path / "in")
    save(first, tmp_path / "out", Redactor(b"k" * 32))
    again = read(tmp_path / "out")
    assert (again.observed_at, again.coverage, again.cluster) == (first.observed_at, first.coverage, first.cluster)
    assert [r.ref for r in again.resources] == [r.ref for r in first.resources]
    assert [(log.container, log.text) for log in again.logs] == [("web", "boom\n")]
    assert (len(again.alerts), len(again.usage)) == (1, 1)


@pytest.mark.parametrize(
    "layout",
    [
        "var/log/pods/shop_web-0_0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f/web/0.log",
        f"containers/web-0_shop_web-{'a' * 64}.log",
    ],
)
def test_logs_in_a_nodes_own_layout_are_known(tmp_path: Path, layout: str) -> None:
    source = open_path(str(put(tmp_path, {layout: "boom\n"})))
    assert [log.text for log in source.read_logs([LogRequest("shop", "web-0", "web")]).logs] == ["boom\n"]


def test_a_folder_of_logs_given_by_itself_is_read(tmp_path: Path) -> None:
    put(tmp_path, {"logs/shop/web-0/web.log": "boom\n"})
    assert len(read(tmp_path / "logs").logs) == 1


def test_every_incident_is_read_with_the_time_it_was_taken() -> None:
    for path in sorted(shared("datasets", "incidents").glob("*/truth.json")):
        truth = json.loads(path.read_bytes())
        captured = parse_time(
            next(value for key, value in truth.items() if isinstance(value, str) and parse_time(value))
        )
        found = read(path.parent)
        whole = json.loads(gzip.decompress((path.parent / "objects.json.gz").read_bytes()))
        assert captured is not None
        assert abs((captured - found.observed_at).total_seconds()) < 30, path
        assert len([r for r in found.resources if r.source == "objects.json.gz"]) == len(whole["items"])
        assert len(found.logs) >= len(list(path.parent.rglob("*.log")))
        assert found.coverage.was_read("Pod", truth.get("main_namespace", "x"))
