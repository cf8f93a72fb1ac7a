"""A recording holds what was seen, holds no secret, and is there as a whole or not at all."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from copilot.cli.main import main
from copilot.model import (
    Alert,
    Command,
    ContainerLog,
    CopilotError,
    Coverage,
    Detail,
    InputError,
    NodeService,
    Probe,
    Reading,
    ReadState,
    Ref,
    Resource,
    Series,
    Snapshot,
    Usage,
    UsageError,
)
from guardrails.redaction import Redactor
from tests.unit.tools.live.api_server import ApiServer, Reply, kubeconfig, pod
from tools.cluster import record, record_format
from tools.cluster.open_source import open_path
from tools.cluster.record import save
from tools.cluster.resources import resource
from tools.cluster.source import Scope

REDACTOR = Redactor(b"0123456789abcdef")
NOW = datetime(2026, 3, 3, 10, 15, tzinfo=UTC)


def pod_resource(name: str, **more: Any) -> Resource:
    return resource({"apiVersion": "v1", "kind": "Pod", **pod(name, **more)}, "api")


def snapshot(**more: Any) -> Snapshot:
    fields: dict[str, Any] = {
        "cluster": "prod",
        "observed_at": NOW,
        "resources": (pod_resource("web-1"), pod_resource("web-0")),
        "coverage": Coverage(
            (Reading("Pod", count=2), Reading("Node", state=ReadState.REFUSED, detail="You may not list nodes")),
            ("a note",),
        ),
        "logs": (ContainerLog("shop", "web-0", "web", "panic\n", previous=True),),
    }
    return Snapshot(**{**fields, **more})


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def reread(folder: Path) -> Snapshot:
    return open_path(str(folder)).snapshot(Scope())


def test_what_is_recorded_is_read_back(tmp_path: Path) -> None:
    save(snapshot(), tmp_path / "rec", REDACTOR)
    found = reread(tmp_path / "rec")
    assert (found.cluster, found.observed_at) == ("prod", NOW)
    assert [one.ref.name for one in found.resources] == ["web-0", "web-1"]
    assert found.resources[0].body == pod_resource("web-0").body
    assert [(one.kind, one.state) for one in found.coverage.refused()] == [("Node", ReadState.REFUSED)]
    assert "a note" in found.coverage.notes
    assert [(log.container, log.previous, log.text) for log in found.logs] == [("web", True, "panic\n")]


def test_everything_else_a_snapshot_shows_is_read_back(tmp_path: Path) -> None:
    ref = Ref("Pod", "shop", "web-0")
    seen: dict[str, Any] = {
        "usage": (Usage(ref, "web", 0.25, 1024.0, "metrics"),),
        "alerts": (Alert("Down", {"pod": "web-0"}, {}, "active", NOW, "alerts.json"),),
        "series": (Series("up", {"job": "web"}, ((1.0, 2.0),), "up.json"),),
        "services": (NodeService("node-1", "kubelet", "failed", "dead", "paste:3"),),
        "probes": (Probe("web-0", "db", "refused", 5432, None, "nc", "paste:9"),),
    }
    save(snapshot(**seen, commands=(Command("kubectl x", "y", "paste:1"),)), tmp_path / "rec", REDACTOR)
    found = reread(tmp_path / "rec")
    assert {name: getattr(found, name) for name in ("usage", "alerts", "services", "probes")} == {
        name: seen[name] for name in ("usage", "alerts", "services", "probes")
    }
    assert [(one.name, one.points) for one in found.series] == [("up", ((1.0, 2.0),))]
    assert [one.output for one in found.commands] == ["y"]


def test_an_object_seen_as_a_row_stays_a_row(tmp_path: Path) -> None:
    row = resource({"apiVersion": "v1", "kind": "Pod", **pod("web-0")}, "paste:1", Detail.ROW)
    save(snapshot(resources=(row, pod_resource("web-1"))), tmp_path / "rec", REDACTOR)
    assert [one.detail for one in reread(tmp_path / "rec").resources] == [Detail.ROW, Detail.FULL]


def test_the_same_snapshot_gives_the_same_bytes(tmp_path: Path) -> None:
    one = snapshot()
    save(one, tmp_path / "a", REDACTOR)
    save(snapshot(resources=one.resources[::-1]), tmp_path / "b", REDACTOR)
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_no_secret_reaches_the_disk(tmp_path: Path) -> None:
    env = [{"name": "DB_PASSWORD", "value": "hunter2-hunter2"}]
    web = pod_resource("web-0", spec={"containers": [{"name": "web", "env": env}]})
    log = ContainerLog("shop", "web-0", "web", "connecting to postgres://app:hunter2-hunter2@db/x\n")
    note = "request with Authorization: Bearer hunter2-hunter2-hunter2 failed"
    command = Command("env", "API_TOKEN=hunter2-hunter2", "paste:1")
    recorded = snapshot(resources=(web,), logs=(log,), coverage=Coverage((), (note,)), commands=(command,))
    save(recorded, tmp_path / "rec", REDACTOR)
    assert not [name for name, content in files(tmp_path / "rec").items() if b"hunter2" in content]


def test_a_big_cluster_is_recorded_kind_by_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_ONE_FILE", 2)
    widget = resource({"apiVersion": "x.io/v1", "kind": "Widget", "metadata": {"name": "w"}}, "api")
    save(snapshot(resources=(*snapshot().resources, widget)), tmp_path / "rec", REDACTOR)
    assert {"objects/Pod.json", "objects/Widget.x.io.json"} <= set(files(tmp_path / "rec"))
    assert len(reread(tmp_path / "rec").resources) == 3


def test_a_recording_is_replaced_as_a_whole(tmp_path: Path) -> None:
    save(snapshot(), tmp_path / "rec", REDACTOR)
    save(snapshot(resources=(), logs=()), tmp_path / "rec", REDACTOR)
    assert not [name for name in files(tmp_path / "rec") if name.startswith("logs")]
    assert [path.name for path in tmp_path.iterdir()] == ["rec"]


@pytest.mark.parametrize("content", ["", "{}", '{"schema": "other"}', "[[["])
def test_a_folder_that_is_no_recording_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "recording.json").write_text(content)
    with pytest.raises(UsageError, match="is not a recording"):
        save(snapshot(), tmp_path / "mine", REDACTOR)
    assert files(tmp_path / "mine") == {"recording.json": content.encode()}


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(UsageError):
        save(snapshot(), tmp_path / "mine", REDACTOR)
    assert (tmp_path / "mine").read_text() == "precious"


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    (tmp_path / "rec").mkdir()
    save(snapshot(), tmp_path / "rec", REDACTOR)
    assert len(reread(tmp_path / "rec").resources) == 2


class FullDisk:
    """A redactor standing in for the moment the disk fills: the third object cannot be written."""

    def __init__(self, error: int) -> None:
        self.left, self.error = 1, error

    def text(self, text: str) -> str:
        return text

    def body(self, body: Any) -> Any:
        if self.left == 0:
            raise OSError(self.error, os.strerror(self.error))
        self.left -= 1
        return body


def test_a_full_disk_is_one_clear_error_and_leaves_the_old_recording(tmp_path: Path) -> None:
    save(snapshot(), tmp_path / "rec", REDACTOR)
    before = files(tmp_path / "rec")
    with pytest.raises(CopilotError, match="No space left on device") as caught:
        save(snapshot(), tmp_path / "rec", FullDisk(errno.ENOSPC))
    assert "Free some space" in caught.value.hint
    assert files(tmp_path / "rec") == before
    assert [path.name for path in tmp_path.iterdir()] == ["rec"]


def test_an_interrupt_leaves_nothing_half_written(tmp_path: Path) -> None:
    class Interrupted(FullDisk):
        def body(self, body: Any) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save(snapshot(), tmp_path / "rec", Interrupted(0))
    assert not list(tmp_path.iterdir())


def test_names_from_hostile_input_cannot_leave_the_folder(tmp_path: Path) -> None:
    bad = ContainerLog("../../..", "web", "x", "text")
    worse = ContainerLog("shop", "..", "/etc/passwd", "text")
    odd = resource({"apiVersion": "../../x/v1", "kind": "../../Evil", "metadata": {"name": "../w"}}, "api")
    recorded = save(snapshot(logs=(bad, worse), resources=(odd,) * 1), tmp_path / "in" / "rec", REDACTOR)
    assert recorded.logs == 0
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("file", ["recording.json", "coverage.json", "observations.json"])
def test_a_damaged_recording_names_the_file(tmp_path: Path, file: str) -> None:
    save(snapshot(usage=(Usage(Ref("Node", "", "n"), "", 1.0, 2.0),)), tmp_path / "rec", REDACTOR)
    found = {name: content for name, content in files(tmp_path / "rec").items() if "/" not in name}
    with pytest.raises(InputError, match=f"rec/{file} is not as recorded"):
        record_format.completed(snapshot(), {**found, file: b'{"schema":"cluster-copilot/x"'}, "rec")
    changed = found[file].replace(b"/v1", b"/v9", 1)
    with pytest.raises(InputError, match="has schema"):
        record_format.completed(snapshot(), {**found, file: changed}, "rec")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def test_the_command_records_a_cluster_with_the_logs_of_broken_containers(
    server: ApiServer, url: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = pod("web-0", spec={"nodeName": "node-1", "containers": [{"name": "web"}]})
    crashed = {"terminated": {"exitCode": 1, "reason": "Error"}}
    broken["status"]["containerStatuses"] = [
        {
            "name": "web",
            "ready": False,
            "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": crashed,
        }
    ]
    server.objects["/api/v1/pods"] = [broken]
    server.refuse("/api/v1/nodes")
    server.special["/api/v1/namespaces/shop/pods/web-0/log"] = lambda _: Reply(
        body=b"panic: no config\n", content_type="text/plain"
    )
    code = main(["record", "-o", str(home / "rec"), "--kubeconfig", kubeconfig(home / "config", url)])
    out, err = capsys.readouterr()
    assert (code, "You may not list nodes" in err) == (0, True)
    assert f"--from {home / 'rec'}" in out
    found = reread(home / "rec")
    assert "panic: no config\n" in {log.text for log in found.logs}
    assert [(one.kind, one.namespace) for one in found.coverage.refused()] == [("Node", "*")]
    assert not found.coverage.was_read("Node")


def test_the_command_records_one_namespace_and_what_it_depends_on(url: str, home: Path) -> None:
    assert (
        main(["record", "-n", "shop", "-o", str(home / "rec"), "--kubeconfig", kubeconfig(home / "config", url)]) == 0
    )
    assert {one.ref.namespace for one in reread(home / "rec").resources if one.ref.kind == "Pod"} == {
        "shop",
        "kube-system",
    }


def test_the_command_reads_nothing_when_it_may_not_write(
    server: ApiServer, url: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "mine").write_text("precious")
    assert main(["record", "-o", str(home / "mine"), "--kubeconfig", kubeconfig(home / "config", url)]) == 64
    assert "is not a recording" in capsys.readouterr().err
    assert server.seen == []


def test_a_recording_can_be_recorded_again(url: str, home: Path) -> None:
    main(["record", "-o", str(home / "a"), "--kubeconfig", kubeconfig(home / "config", url)])
    assert main(["record", "-o", str(home / "b"), "--from", str(home / "a")]) == 0
    first, second = files(home / "a"), files(home / "b")
    assert first["objects.json"] == second["objects.json"]
    assert first["recording.json"] == second["recording.json"]
