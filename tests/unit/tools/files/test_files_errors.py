"""Unreadable input is one clear error that names file and line; one bad file among many is a note."""

import contextlib
import gzip
import io
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from copilot.model import InputError, Snapshot
from tests.deep import DEEP
from tools.cluster.open_source import open_path
from tools.cluster.source import Scope

POD = '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-0","namespace":"shop","uid":"1"}}'
YAML = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web-0\n  namespace: shop\n"


def read(path: Path) -> Snapshot:
    return open_path(str(path)).snapshot(Scope())


def refused(tmp_path: Path, name: str, content: bytes) -> InputError:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(path)
    return caught.value


@pytest.mark.parametrize(
    ("name", "content", "title"),
    [
        ("bad.json", b'{\n  "apiVersion": "v1",\n  "kind": Pod\n}', "bad.json:3: not valid JSON"),
        ("cut.json", b'{"apiVersion": "v1",\n"items": [\n{"kind":', "cut.json:3: the JSON ends in the middle"),
        ("two.json", POD.encode() + b"\n" + POD.encode() + b"\n}", "two.json:3: not valid JSON"),
        (
            "item.json",
            b'{"apiVersion":"v1","kind":"List",\n"items":[\n{"a":1},\n{"a":tru}]}',
            "item.json:4: not valid JSON",
        ),
        ("tabs.yaml", b"apiVersion: v1\nkind: Pod\nmetadata:\n\tname: x\n", "tabs.yaml:4: not valid YAML"),
        ("third.yaml", (YAML + "---\n" + YAML + "---\nkind: [\n").encode(), "third.yaml:13: not valid YAML"),
        ("deep.json", b"[" * 100_000, "deep.json:1: nests too deep"),
        ("empty.json", b"", "empty.json: the file is empty"),
        ("blank.txt", b" \n\n", "blank.txt: the file is empty"),
        ("core.bin", b"\x7fELF\x02\x01\0\0\0\0", "core.bin: binary data"),
        ("cut.json.gz", gzip.compress(POD.encode() * 50)[:-20], "cut.json.gz: ends in the middle"),
        ("bad.json.gz", b"\x1f\x8b\x08\0garbage.........", "bad.json.gz: cannot be unpacked"),
        ("x.zst", b"\x28\xb5\x2f\xfd0000000", "x.zst: zstd is not unpacked"),
        ("values.yaml", b"replicaCount: 3\nimage: x\n", "values.yaml: nothing in it could be read"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, name: str, content: bytes, title: str) -> None:
    error = refused(tmp_path, name, content)
    assert title in error.title
    assert error.exit_code == 65


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "nowhere")


def test_a_folder_with_nothing_in_it_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\0\0")
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert "nothing in it could be read" in caught.value.title
    assert "must-gather" in caught.value.hint


def test_one_bad_file_among_many_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(POD)
    (tmp_path / "b.json").write_text("{\n\n]")
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(POD.encode() * 50)[:-20])
    (tmp_path / "d.bin").write_bytes(b"\0\1\2")
    found = read(tmp_path)
    assert len(found.resources) == 1
    assert len(found.coverage.notes) == 3
    assert any("b.json:3" in note for note in found.coverage.notes)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "utf-16-le"])
@pytest.mark.parametrize(
    "text", [POD.replace("web-0", "caf\u00e9"), YAML.replace("web-0", "caf\u00e9")], ids=["json", "yaml"]
)
def test_any_usual_encoding_is_read(tmp_path: Path, encoding: str, text: str) -> None:
    path = tmp_path / "pod"
    path.write_bytes(text.encode(encoding))
    assert [resource.ref.name for resource in read(path).resources] == ["caf\u00e9"]


def test_standard_input_is_read_whatever_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (POD.encode(), YAML.encode(), gzip.compress(POD.encode())):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        found = open_path("-").snapshot(Scope())
        assert (found.cluster, len(found.resources)) == ("stdin", 1)


PIECES = st.sampled_from(
    [
        POD.encode(),
        YAML.encode(),
        b"---\n",
        b"items:\n- ",
        b'{"apiVersion":"v1","kind":"PodList","items":',
        b"[",
        b"]",
        b"{",
        b"}",
        b"null",
        b"\n",
        b"&a [*a]",
        b"<<: 1\n",
        b"==== START logs for container a of pod b/c ====\n",
        b"\xff\xfe",
        b"\0",
        b'"\\ud800"',
        b"metadata: 3\n",
        b"kind: {}\n",
        b'{"status":"success","data":{"resultType":3}}',
        b'[{"labels":{"a":1},"startsAt":2}]',
        b"1e999",
        b"\x1b[31m",
    ]
)


@settings(
    max_examples=3_000 if DEEP else 120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    st.lists(PIECES | st.binary(max_size=12), max_size=8),
    st.sampled_from(["a.json", "pods.yaml", "a", "logs/n/p/c.log", "a.json.gz"]),
)
@example([b"\x28\xb5\x2f\xfd"], "a.json.zst")  # refused, and closed
def test_no_bytes_make_anything_but_a_snapshot_or_an_input_error(
    tmp_path: Path, pieces: list[bytes], name: str
) -> None:
    path = tmp_path / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(pieces))
    for given_path in (path, tmp_path / "in"):
        with contextlib.suppress(InputError):
            assert isinstance(read(given_path), Snapshot)
    path.unlink()
