"""Archives are read safely: nothing is written, nothing escapes, no bomb goes off, and what is refused is said."""

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from copilot.model import InputError
from tools.cluster import archive
from tools.cluster.archive import Member, Skipped, members, read_all, read_tail
from tools.cluster.open_source import open_path
from tools.cluster.source import Scope

POD = b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-0","namespace":"shop","uid":"1"}}'


def tar_of(path: Path, fill: Callable[[tarfile.TarFile], None], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        fill(tar)
    return path


def put(tar: tarfile.TarFile, name: str, data: bytes = POD, kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = len(data) if kind == tarfile.REGTYPE else 0
    tar.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize(
    ("name", "kind", "link", "reason"),
    [
        ("../../etc/cron.d/x.json", tarfile.REGTYPE, "", "leads out"),
        ("/etc/x.json", tarfile.REGTYPE, "", "absolute"),
        ("a/..\\..\\x.json", tarfile.REGTYPE, "", "leads out"),
        ("C:\\x.json", tarfile.REGTYPE, "", "absolute"),
        ("link.json", tarfile.SYMTYPE, "/etc/passwd", "a link"),
        ("hard.json", tarfile.LNKTYPE, "/etc/passwd", "a link"),
        ("fifo.json", tarfile.FIFOTYPE, "", "not a plain file"),
        ("disk.json", tarfile.BLKTYPE, "", "not a plain file"),
    ],
)
def test_a_member_that_would_escape_is_refused_with_a_note(
    tmp_path: Path, name: str, kind: bytes, link: str, reason: str
) -> None:
    def fill(tar: tarfile.TarFile) -> None:
        put(tar, name, kind=kind, link=link)
        put(tar, "pod.json")

    found = open_path(str(tar_of(tmp_path / "x.tgz", fill))).snapshot(Scope())
    assert [resource.ref.name for resource in found.resources] == ["web-0"]
    assert any(reason in note for note in found.coverage.notes)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_known_by_its_content_not_its_name(tmp_path: Path, mode: str) -> None:
    path = tar_of(tmp_path / "no-suffix", lambda tar: put(tar, "objects.json"), mode)
    assert len(open_path(str(path)).snapshot(Scope()).resources) == 1


def test_a_compressed_file_inside_an_archive_is_read(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "x.tar", lambda tar: put(tar, "objects.json.gz", gzip.compress(POD)), "w")
    assert len(open_path(str(path)).snapshot(Scope()).resources) == 1


def test_a_zip_is_read_and_its_bad_members_are_not(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("../x.json", POD)
        file.writestr("pod.json", POD)
        link = zipfile.ZipInfo("link.json")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc/passwd")
    found = open_path(str(path)).snapshot(Scope())
    assert len(found.resources) == 1
    assert len(found.coverage.notes) == 2


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "RATIO_GRACE", 2**16)
    monkeypatch.setattr(archive, "MAX_UNPACKED", 2**24)


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("kind", ["tgz", "gz", "zip", "gz-in-tar"])
def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, kind: str) -> None:
    path, zeros = tmp_path / "bomb", b" " * 2**23
    if kind == "tgz":
        tar_of(path, lambda tar: put(tar, "a.json", zeros))
    elif kind == "gz":
        path.write_bytes(gzip.compress(zeros))
    elif kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("a.json", zeros)
    else:
        tar_of(path, lambda tar: put(tar, "a.json.gz", gzip.compress(zeros)), "w")
    with pytest.raises(InputError, match="unpack"):
        open_path(str(path)).snapshot(Scope())


def test_more_members_than_any_dump_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 3)

    def fill(tar: tarfile.TarFile) -> None:
        for number in range(5):
            put(tar, f"{number}.json")

    path = tar_of(tmp_path / "x.tar", fill, "w")
    with pytest.raises(InputError, match="more than 3 members"):
        open_path(str(path)).snapshot(Scope())


def test_a_folder_is_not_left_through_a_link(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (outside / "secret.json").write_bytes(POD)
    (folder / "pod.json").write_bytes(POD.replace(b"web-0", b"mine"))
    (folder / "link.json").symlink_to(outside / "secret.json")
    (folder / "more").symlink_to(outside)
    (folder / "broken.json").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.json")
    found = open_path(str(folder)).snapshot(Scope())
    assert [resource.ref.name for resource in found.resources] == ["mine"]
    assert len(found.coverage.notes) == 3


def test_nothing_is_written_beside_an_archive(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "x.tgz", lambda tar: put(tar, "a/b/pod.json"))
    open_path(str(path)).snapshot(Scope())
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.tgz"]


def test_members_of_a_folder_come_in_a_stable_order(tmp_path: Path) -> None:
    for name in ("b.json", "a/z.json", "a/c.json", ".hidden", ".git/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(POD)
    assert [member.name for member in members(str(tmp_path))] == ["b.json", "a/c.json", "a/z.json"]


@pytest.mark.parametrize("packed", [False, True])
def test_the_tail_of_a_long_log_is_its_end(tmp_path: Path, packed: bool) -> None:
    text = b"".join(b"line %d\n" % i for i in range(10_000))
    (tmp_path / "a.log").write_bytes(gzip.compress(text) if packed else text)
    (member,) = members(str(tmp_path))
    assert not isinstance(member, Skipped)
    tail, cut = read_tail(member, 100)
    assert (tail, cut) == (text[-100:], True)
    assert isinstance(member, Member)
    assert bytes(read_all(member)) == text
