"""Details of the executor's listening socket that mutants of it would change unseen."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from copilot.model import UsageError
from guardrails.journal import Verification
from tests.unit.executor.test_socket import _framed, _raw, listening
from tools.change import frames
from tools.executor import server as module
from tools.executor.people import Peer
from tools.executor.server import Server

_VERIFY = _framed(msgspec.json.encode(frames.Verify()))
GROUP = 65533  # no group of any account
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another")


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short name, for paths of an exact length."""
    folder = tempfile.mkdtemp(prefix="s", dir="/tmp")
    yield Path(folder)
    shutil.rmtree(folder)


def _server(path: Path, group: int | None = None) -> Server:
    return Server(path, lambda _peer, _ask: Verification(0, "", ()), lambda _line: None, group)


def test_the_limits_are_those_that_are_told() -> None:
    assert (module.REQUEST_SECONDS, module.MOST_AT_ONCE, module._BACKLOG) == (10.0, 16, 64)
    assert (module._LEFT_OVER, module._LONGEST) == (1024 * 1024, 107)


@pytest.mark.parametrize(("length", "fits"), [(107, True), (108, False)])
def test_a_path_may_be_as_long_as_the_kernel_lets_it(short: Path, length: int, fits: bool) -> None:
    path = short / "d" / ("x" * (length - len(str(short / "d")) - 1))
    assert len(os.fsencode(path)) == length
    if fits:
        with _server(path):
            assert path.is_socket()
    else:
        with pytest.raises(UsageError, match="too long"), _server(path):
            pass


def test_a_folder_within_folders_is_made(tmp_path: Path) -> None:
    with _server(tmp_path / "a" / "b" / "x.sock"):
        assert (tmp_path / "a" / "b" / "x.sock").is_socket()


def test_what_the_process_makes_afterwards_has_the_mode_that_it_had_before(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with _server(tmp_path / "run" / "x.sock"):
            (tmp_path / "after").touch(mode=0o666)
        assert (tmp_path / "after").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)


@AS_ROOT
def test_the_group_owns_socket_and_folder(tmp_path: Path) -> None:
    path = tmp_path / "run" / "x.sock"
    with _server(path, GROUP):
        assert (path.stat().st_gid, path.parent.stat().st_gid) == (GROUP, GROUP)


@AS_ROOT
@pytest.mark.parametrize("group", [None, GROUP])
def test_a_folder_of_somebody_else_is_refused_and_left_as_it_is(tmp_path: Path, group: int | None) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    os.chown(folder, 65534, 65534)
    with pytest.raises(UsageError, match="not private"), _server(folder / "x.sock", group):
        pass
    assert (folder.stat().st_gid, folder.stat().st_mode & 0o777) == (65534, 0o700)


def test_a_server_may_be_closed_twice_and_before_it_listens(tmp_path: Path) -> None:
    never = _server(tmp_path / "run" / "y.sock")
    never.close()
    server = _server(tmp_path / "run" / "x.sock")
    with server:
        server.close()
        server.close()


def test_the_end_waits_for_what_is_in_hand(tmp_path: Path) -> None:
    path, begun, go, done = tmp_path / "run" / "x.sock", threading.Event(), threading.Event(), list[str]()

    def answer(_peer: Peer, _ask: frames.AnyAsk) -> Verification:
        begun.set()
        go.wait(20)
        done.append("answered")
        return Verification(0, "", ())

    def ask() -> None:
        _raw(path, _VERIFY)

    with listening(path, answer):
        asking = threading.Thread(target=ask)
        asking.start()
        assert begun.wait(20)
        threading.Timer(0.05, go.set).start()
    assert done == ["answered"]
    asking.join()


@pytest.mark.parametrize(("room", "refused"), [(2**10, False), (2**10 - 1, True)])
def test_an_answer_leaves_a_kibibyte_for_its_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, refused: bool
) -> None:
    path = tmp_path / "run" / "x.sock"
    with listening(path):
        empty = _raw(path, _VERIFY)
        assert b'"refusal":null' in empty
        value = empty.split(b'"value":')[1][:-1]
        monkeypatch.setattr(frames, "MAX_FRAME", len(value) + room)
        assert (b"could not be answered" in _raw(path, _VERIFY)) is refused


def test_an_executor_that_hangs_is_not_waited_for_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUEST_SECONDS", 0.05)
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    path = folder / "x.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as hung, socket.socket(socket.AF_UNIX) as first:
        hung.bind(str(path))
        hung.listen(0)
        first.connect(str(path))  # the queue is full: the next one would wait
        with pytest.raises(UsageError), _server(path):
            pass
