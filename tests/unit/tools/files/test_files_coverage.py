"""What a recorded list proves: absence counts only where the whole list was surely seen."""

import json
from pathlib import Path
from typing import Any

import pytest

from copilot.model import Coverage
from tools.cluster.open_source import open_path
from tools.cluster.source import Scope


def item(kind: str, name: str, namespace: str = "shop", uid: str = "1") -> dict[str, Any]:
    metadata = {"name": name, "uid": uid} | ({"namespace": namespace} if namespace else {})
    version = "apps/v1" if kind == "Deployment" else "v1"
    return {"apiVersion": version, "kind": kind, "metadata": {key: value for key, value in metadata.items() if value}}


def coverage(tmp_path: Path, content: object, name: str = "objects.json") -> Coverage:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return open_path(str(tmp_path)).snapshot(Scope()).coverage


def listed(*items: dict[str, Any], kind: str = "List") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {}, "items": list(items)}


def test_a_list_over_several_namespaces_proves_its_kinds_everywhere(tmp_path: Path) -> None:
    found = coverage(tmp_path, listed(item("Pod", "a"), item("Pod", "b", "other"), item("Deployment", "d")))
    assert found.was_read("Pod", "third")
    assert found.was_read("Deployment", "third", "apps")
    assert not found.was_read("Service", "shop")


def test_a_list_of_one_namespace_proves_nothing_elsewhere(tmp_path: Path) -> None:
    found = coverage(tmp_path, listed(item("Pod", "a"), item("Node", "n1", "")))
    assert found.was_read("Pod", "shop")
    assert not found.was_read("Pod", "other")
    assert found.was_read("Node")


@pytest.mark.parametrize(("kind", "witness"), [("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")])
def test_a_list_that_lacks_what_every_namespace_has_was_filtered(tmp_path: Path, kind: str, witness: str) -> None:
    assert not coverage(tmp_path / "a", listed(item(kind, "mine"))).was_read(kind, "shop")
    assert coverage(tmp_path / "b", listed(item(kind, "mine"), item(kind, witness))).was_read(kind, "shop")


def test_written_objects_are_no_observation(tmp_path: Path) -> None:
    assert not coverage(tmp_path, listed(item("Pod", "a", uid=""))).was_read("Pod", "shop")


def test_single_objects_are_part_of_an_unknown_whole(tmp_path: Path) -> None:
    assert not coverage(tmp_path, item("Pod", "a")).was_read("Pod", "shop")


def test_an_empty_list_counts_where_its_namespace_is_known(tmp_path: Path) -> None:
    assert not coverage(tmp_path / "a", listed(kind="PodList"), "x.json").was_read("Pod", "shop")
    assert coverage(tmp_path / "b", listed(kind="PodList"), "shop/pods.json").was_read("Pod", "shop")
    assert coverage(tmp_path / "c", listed(kind="NodeList"), "x.json").was_read("Node")


def test_a_folders_name_is_not_believed_against_the_items(tmp_path: Path) -> None:
    found = coverage(tmp_path, listed(item("Pod", "a"), kind="PodList"), "monday/pods.json")
    assert found.was_read("Pod", "shop")
    assert not found.was_read("Pod", "monday")
