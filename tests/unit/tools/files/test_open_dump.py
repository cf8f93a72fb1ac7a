"""A dump made by a real kubectl of a real API server, in each of its shapes."""

import gzip
import tarfile
from pathlib import Path

import pytest

from copilot.model import ReadState, Ref, Snapshot
from tools.cluster.open_source import open_path
from tools.cluster.source import LogRequest, Scope

FIXTURES = Path(__file__).parent / "fixtures"
SHAPES = ("folder", "archive", "stdout-json", "stdout-yaml")
DUMPED = ("DaemonSet", "Deployment", "Event", "Pod", "ReplicaSet", "ReplicationController", "Service")


def opened(shape: str, tmp_path: Path) -> Snapshot:
    archive = FIXTURES / "cluster-info-dump.tgz"
    if shape == "folder":
        with tarfile.open(archive) as tar:
            tar.extractall(tmp_path, filter="data")
        path = tmp_path / "dump-json"
    elif shape == "archive":
        path = archive
    else:
        path = FIXTURES / f"cluster-info-{shape.replace('-', '.')}.gz"
    return open_path(str(path)).snapshot(Scope())


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_a_dump_shows_the_same_objects(shape: str, tmp_path: Path) -> None:
    found = opened(shape, tmp_path)
    names = {resource.ref for resource in found.resources}
    assert Ref("Deployment", "depot", "cart", "apps") in names
    assert Ref("Node", "", "node-1") in names
    assert len([ref for ref in names if ref.kind == "Pod"]) == 3
    assert len(names) == 32


@pytest.mark.parametrize("shape", SHAPES)
def test_a_dumped_namespace_was_read_even_where_a_kind_is_empty(shape: str, tmp_path: Path) -> None:
    found = opened(shape, tmp_path)
    assert all(found.coverage.was_read(kind, "depot") for kind in DUMPED)
    assert found.coverage.was_read("Node")


def test_a_namespace_with_nothing_in_it_was_read(tmp_path: Path) -> None:
    found = opened("folder", tmp_path)
    assert all(found.coverage.was_read(kind, "depot-empty") for kind in DUMPED)


@pytest.mark.parametrize("shape", SHAPES)
def test_kinds_and_namespaces_that_a_dump_leaves_out_were_not_read(shape: str, tmp_path: Path) -> None:
    found = opened(shape, tmp_path)
    assert not found.coverage.was_read("ConfigMap", "depot")
    assert not found.coverage.was_read("Pod", "elsewhere")


@pytest.mark.parametrize("shape", SHAPES)
def test_now_is_when_the_dump_was_taken(shape: str, tmp_path: Path) -> None:
    assert opened(shape, tmp_path).observed_at.isoformat().startswith("2026-11-23T15:50:0")


def test_logs_that_the_dump_could_not_read_are_said_and_not_taken_for_logs(tmp_path: Path) -> None:
    found = opened("folder", tmp_path)
    assert found.logs == ()
    assert any(note.startswith("3 container logs are not in the dump") for note in found.coverage.notes)


def test_log_blocks_belong_to_their_container_even_when_a_line_looks_like_a_marker(tmp_path: Path) -> None:
    folder = tmp_path / "shop" / "web-0"
    folder.mkdir(parents=True)
    folder.joinpath("logs.txt").write_text(
        "==== START logs for container init of pod shop/web-0 ====\n"
        "==== END logs for container web of pod shop/other ====\nready\n"
        "==== END logs for container init of pod shop/web-0 ====\n"
        "==== START logs for container web of pod shop/web-0 ====\nboom\n"
    )
    found = open_path(str(tmp_path)).snapshot(Scope()).logs
    assert [(log.container, log.text.splitlines()[-1]) for log in found] == [("init", "ready"), ("web", "boom")]


def test_a_dump_with_logs_between_its_documents_keeps_both(tmp_path: Path) -> None:
    pods = b'{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"web-0","namespace":"shop","uid":"1"}}]}'
    block = b"==== START logs for container web of pod shop/web-0 ====\n{not json}\n==== END logs for container web of pod shop/web-0 ====\n"
    path = tmp_path / "all.txt"
    path.write_bytes(pods + b"\n" + block + pods.replace(b"web-0", b"web-1") + b"\n")
    source = open_path(str(path))
    found = source.snapshot(Scope())
    assert {resource.ref.name for resource in found.resources} == {"web-0", "web-1"}
    assert source.read_logs([LogRequest("shop", "web-0", "web")]).logs[0].text == "{not json}\n"
    assert source.read_logs([LogRequest("shop", "web-1", "web")]).logs == ()


def test_a_scope_keeps_other_namespaces_out(tmp_path: Path) -> None:
    path = FIXTURES / "cluster-info-dump.tgz"
    found = open_path(str(path)).snapshot(Scope(namespaces=("depot-empty",)))
    assert {resource.ref.kind for resource in found.resources} == {"Node"}


def test_a_dump_cut_in_the_middle_of_its_archive_shows_what_came_before(tmp_path: Path) -> None:
    whole = (FIXTURES / "cluster-info-dump.tgz").read_bytes()
    plain = gzip.decompress(whole)
    path = tmp_path / "cut.tgz"
    path.write_bytes(gzip.compress(plain)[: len(whole) * 2 // 3])
    found = open_path(str(path)).snapshot(Scope())
    assert found.resources
    assert any("cut short" in note for note in found.coverage.notes)


def test_states_are_never_read_for_a_page_of_a_longer_list(tmp_path: Path) -> None:
    path = tmp_path / "pods.json"
    path.write_text(
        '{"kind":"PodList","apiVersion":"v1","metadata":{"continue":"abc"},"items":[{"metadata":{"name":"a","namespace":"x","uid":"1"}}]}'
    )
    (reading,) = open_path(str(path)).snapshot(Scope()).coverage.readings
    assert reading.state is ReadState.PARTIAL
