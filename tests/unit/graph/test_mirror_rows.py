"""Rows of the mirror, addresses and the commands' first words: all that needs no server."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from copilot.cli.main import main
from copilot.model import CopilotError, Resource, UsageError
from copilot.settings import load_settings
from retrievers.graph.mirror import Address, Link, parse_address, read_password_file
from retrievers.graph.mirror.errors import DriverMissingError
from retrievers.graph.mirror.rows import Keys, address_key, assign_all, edge_rows, edges_print, node_row
from tests.unit.graph.objects import graph_of, made, owner, pod, ref


def test_an_object_is_known_by_its_uid_and_a_missing_one_by_its_address() -> None:
    body = pod("a", spec={"volumes": [{"name": "v", "configMap": {"name": "gone"}}]})
    graph = graph_of(Resource(body.ref, body.body, "uid-1"), read=("Pod", "ConfigMap"))
    keys = Keys()
    assign_all(graph, keys)
    gone = ref("ConfigMap shop/gone")
    assert keys.of[body.ref] == "uid-1"
    assert keys.of[gone] == address_key(gone)
    assert node_row(graph, gone, keys.of[gone]).properties["state"] == "dangling"


@pytest.mark.parametrize("uid", ["ref:abc", "a b", "", "x" * 500, "\ud800", "'"])
def test_a_uid_that_is_none_is_not_used_as_key(uid: str) -> None:
    keys = Keys()
    body = pod("a")
    assert keys.assign(body.ref, Resource(body.ref, body.body, uid)) == address_key(body.ref)


def test_two_objects_that_claim_one_uid_get_two_keys() -> None:
    one, two = pod("a"), pod("b")
    graph = graph_of(*(Resource(body.ref, body.body, "same") for body in (two, one)))
    keys = Keys()
    assign_all(graph, keys)
    assert len(set(keys.of.values())) == len(keys.of)
    assert keys.of[one.ref] == "same"


def test_owners_keep_their_order_and_edges_their_fingerprint() -> None:
    def rows(*names: str):
        owners = [owner("ReplicaSet", name) for name in names]
        graph = graph_of(pod("a", owners=owners))
        keys = Keys()
        assign_all(graph, keys)
        return edge_rows(graph, pod("a").ref, keys)

    first, same, turned = rows("x", "y"), rows("x", "y"), rows("y", "x")
    assert [row.properties["order"] for row in first if "order" in row.properties] == [0, 1]
    prints = [edges_print(row.id for row in found) for found in (first, same, turned)]
    assert prints[0] == prints[1] != prints[2]


def test_a_kind_that_is_no_name_gets_no_label_and_no_secret_leaves() -> None:
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    odd = made("Evil`) DELETE", token, labels={"key": token}, data={"password": token})
    graph = graph_of(odd)
    row = node_row(graph, odd.ref, "u")
    assert row.label == ""
    assert token not in str(row)
    for kind in ("Resource", "CopilotMirror"):
        named = made(kind, "n")
        assert node_row(graph_of(named), named.ref, "u").label == ""


@pytest.mark.parametrize(
    "url",
    ["http://x", "bolt://", "bolt://u:p@h", "bolt://u@h", "neo4j://h/db", "bolt://h?x=1", "", "bolt://h:99999", "bolt://[::1"],
)  # fmt: skip
def test_an_address_that_is_none_or_holds_a_password_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_address(url)
    assert refusal.value.hint


def test_a_password_travels_encrypted_or_not_at_all_and_is_never_shown() -> None:
    for far in ("graph.example.com", "127.graph.example.com"):
        with pytest.raises(UsageError, match="unencrypted"):
            parse_address(f"bolt://{far}", "", "hush")
    near = [
        parse_address(url, "", "hush") for url in ("bolt://127.0.0.1", "neo4j+s://graph.example.com", "bolt://n.db.svc")
    ]
    assert all("hush" not in f"{address} {address!r}" for address in near)
    assert near[0] == Address("bolt://127.0.0.1", "neo4j", "hush")


def test_a_password_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("hush\n")
    path.chmod(0o644)
    with pytest.raises(CopilotError, match="read by others"):
        read_password_file(path)
    path.chmod(0o600)
    assert read_password_file(path) == "hush"
    for content in (b"", b"\xff", b"x" * 5000, b"two\nlines"):
        path.write_bytes(content)
        with pytest.raises(CopilotError):
            read_password_file(path)
    os.mkfifo(tmp_path / "pipe")
    for odd in (tmp_path / "pipe", tmp_path, tmp_path / "missing"):
        with pytest.raises(CopilotError):
            read_password_file(odd)


def test_without_the_driver_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "neo4j", None)
    with pytest.raises(DriverMissingError) as missing, Link(parse_address("bolt://127.0.0.1:1")):
        pass
    assert "cluster-copilot[neo4j]" in missing.value.hint


def test_the_settings_name_server_user_and_file() -> None:
    given = {
        "COPILOT_NEO4J_URL": " bolt://h ", "COPILOT_NEO4J_USER": "me", "COPILOT_NEO4J_PASSWORD_FILE": "/p",
        "COPILOT_DATA_DIR": "/d", "COPILOT_NEO4J_PASSWORD": "hush",
    }  # fmt: skip
    found = load_settings(given).neo4j
    assert (found.url, found.user, found.password_file) == ("bolt://h", "me", Path("/p"))
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["mirror", "status"], 64, "No Neo4j server is named."),
        (["mirror", "status", "--neo4j", "bolt://u:p@h"], 64, "holds a user or a password"),
        (["mirror", "sync", "--watch", "--from", "x"], 64, "does not change"),
        (["cypher", "SHOW USERS"], 77, "may not begin with SHOW"),
        (["cypher", "RETURN $x"], 77, "has no value"),
        (["cypher", "RETURN 1", "--param", "x"], 64, "is not NAME=VALUE"),
    ],
)  # fmt: skip
def test_a_command_that_cannot_work_says_why(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COPILOT_NEO4J_URL", raising=False)
    assert main(words) == code
    assert said in capsys.readouterr().err
