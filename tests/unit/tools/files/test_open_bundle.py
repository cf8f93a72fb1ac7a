"""Support bundles and must-gather trees: what their paths promise and what their quirks hide."""

import json
from pathlib import Path

import pytest

from copilot.model import ReadState, Ref, Snapshot
from tests.shared import shared
from tools.cluster.open_source import open_path
from tools.cluster.source import Scope


def write(root: Path, files: dict[str, object]) -> Snapshot:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return open_path(str(root)).snapshot(Scope())


def pod(name: str, namespace: str = "shop") -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": namespace, "uid": name}, "spec": {}}


def test_the_recorded_support_bundle_is_read_whole() -> None:
    found = open_path(str(shared("datasets", "recorded", "support-bundle"))).snapshot(Scope())
    assert {r.ref.kind for r in found.resources} >= {
        "Node",
        "Deployment",
        "ReplicaSet",
        "Job",
        "StatefulSet",
        "PersistentVolumeClaim",
    }
    assert found.coverage.was_read("ReplicaSet", "rook-ceph")
    assert not found.coverage.was_read("ReplicaSet", "monitoring")
    assert not found.coverage.was_read("Pod", "default")
    assert found.coverage.notes == ()


def test_every_recorded_file_is_read_alone() -> None:
    files = sorted(shared("datasets", "recorded").rglob("*.json"))
    assert len(files) >= 34
    for path in files:
        found = open_path(str(path)).snapshot(Scope())
        assert found.resources, path
        assert all(resource.ref.kind and resource.ref.name for resource in found.resources), path


def test_items_without_a_kind_take_it_from_their_folder(tmp_path: Path) -> None:
    found = write(
        tmp_path, {"cluster-resources/pods/shop.json": [pod("a")], "cluster-resources/pvcs/shop.json": [pod("data")]}
    )
    assert {r.ref for r in found.resources} == {Ref("Pod", "shop", "a"), Ref("PersistentVolumeClaim", "shop", "data")}
    assert found.coverage.was_read("Pod", "shop")


def test_an_empty_list_in_a_bundle_was_read(tmp_path: Path) -> None:
    found = write(
        tmp_path, {"cluster-resources/services/shop.json": [], "cluster-resources/pods/shop.json": [pod("a")]}
    )
    assert found.coverage.was_read("Service", "shop")


def test_what_a_bundle_was_refused_is_a_refused_reading(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        {
            "cluster-resources/pods-errors.json": {"shop": 'pods is forbidden: User "x" cannot list resource "pods"'},
            "cluster-resources/ingress-errors.json": {"shop": "the server could not find the requested resource"},
            "cluster-resources/nodes-errors.json": ["nodes is forbidden"],
            "cluster-resources/services-errors.json": "null",
            "cluster-resources/deployments/shop.json": [],
        },
    )
    states = {(r.kind, r.namespace): r.state for r in found.coverage.readings}
    assert states[("Pod", "shop")] is ReadState.REFUSED
    assert states[("Ingress", "shop")] is ReadState.MISSING
    assert states[("Node", "*")] is ReadState.REFUSED
    assert ("Service", "shop") not in states


def test_logs_of_a_bundle_know_their_run(tmp_path: Path) -> None:
    folder = "cluster-resources/pods/logs/shop/web-0"
    found = write(tmp_path, {f"{folder}/web.log": "now\n", f"{folder}/web-previous.log": "before\n"})
    assert {(log.pod, log.container, log.previous, log.text) for log in found.logs} == {
        ("web-0", "web", False, "now\n"),
        ("web-0", "web", True, "before\n"),
    }


def test_a_log_outside_the_known_folders_finds_its_pod_by_name(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        {
            "cluster-resources/pods/shop.json": [pod("web-0")],
            "applogs/web-0/web.log": "boom\n",
            "applogs/gone-1/web.log": "?\n",
        },
    )
    assert [(log.namespace, log.pod, log.text) for log in found.logs] == [("shop", "web-0", "boom\n")]
    assert found.coverage.notes == ("not read, of no known kind: applogs/gone-1/web.log",)


def must_gather(root: str) -> dict[str, object]:
    return {
        f"{root}/cluster-scoped-resources/core/nodes/n1.yaml": "apiVersion: v1\nkind: Node\nmetadata: {name: n1, uid: a}\n",
        f"{root}/namespaces/shop/shop.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, uid: b}\n",
        f"{root}/namespaces/shop/core/pods.yaml": "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: web-0, namespace: shop, uid: c}\n",
        f"{root}/namespaces/shop/core/configmaps.yaml": "apiVersion: v1\nkind: ConfigMapList\nitems: []\n",
        f"{root}/namespaces/shop/pods/web-0/web-0.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: web-0, namespace: shop, uid: c}\n",
        f"{root}/namespaces/shop/pods/web-0/web/web/logs/current.log": "2026-01-02T03:04:05.6Z now\n",
        f"{root}/namespaces/shop/pods/web-0/web/web/logs/previous.log": "before\n",
    }


@pytest.mark.parametrize(
    "roots", [("must-gather.local.1",), ("must-gather.local.1", "must-gather.local.1/quay-io-sha256-abc")]
)
def test_a_must_gather_is_read_from_all_its_roots(tmp_path: Path, roots: tuple[str, ...]) -> None:
    found = write(tmp_path, {name: text for root in roots for name, text in must_gather(root).items()})
    assert {r.ref.kind for r in found.resources} == {"Node", "Namespace", "Pod"}
    assert {(log.container, log.previous) for log in found.logs} == {("web", False), ("web", True)}
    assert found.coverage.was_read("Node")
    assert found.coverage.was_read("Pod", "shop")
    assert found.coverage.was_read("ConfigMap", "shop")
    assert not found.coverage.was_read("Namespace")
    assert found.observed_at.isoformat() == "2026-01-02T03:04:05.600000+00:00"


@pytest.mark.parametrize("inside", ["cluster-resources", "."])
def test_a_part_of_a_bundle_given_by_itself_keeps_its_meaning(tmp_path: Path, inside: str) -> None:
    write(tmp_path, {"cluster-resources/pods/shop.json": [pod("a")]})
    assert open_path(str(tmp_path / inside)).snapshot(Scope()).coverage.was_read("Pod", "shop")
