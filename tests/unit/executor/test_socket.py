"""The socket: private, bounded, and deaf to whatever is no request. The service behind it is real or one line."""

from __future__ import annotations

import os
import socket
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from copilot.model import CopilotError, UsageError
from copilot.model.errors import DeniedError
from guardrails.errors import ApprovalError, ChangeRefused, JournalError, PlanChanged
from guardrails.journal import AlreadyClaimed, Kind, Verification
from guardrails.steps import SendState
from tests.small_api import deployment, serve
from tests.unit.executor.company import ALICE, Company
from tests.unit.guardrails.plans import make_plan
from tools.change import frames
from tools.change.remote import ExecutorAway, RemoteExecutor, RemoteJournal
from tools.executor import server as module
from tools.executor.people import Peer
from tools.executor.server import Server

WHOLE = Verification(0, "", ())


@contextmanager
def listening(path: Path, answer: Any = lambda _peer, _ask: WHOLE, group: int | None = None) -> Iterator[list[str]]:
    """A server in a thread; yields what it says."""
    said: list[str] = []
    with Server(path, answer, said.append, group) as server:
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield said
        finally:
            server.close()
            thread.join()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "x.sock"


def _raw(path: Path, content: bytes, *, hang_up: bool = True) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
        end.connect(str(path))
        end.sendall(content)
        if hang_up:
            end.shutdown(socket.SHUT_WR)
        answer = b""
        while part := end.recv(65536):
            answer += part
        return answer


def _framed(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def test_socket_and_folder_are_private_and_go_with_the_server(path: Path) -> None:
    with listening(path):
        modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent)]
        assert modes == [0o600, 0o700]
    assert not path.exists()


def test_a_group_is_let_in_and_nobody_else(path: Path) -> None:
    with listening(path, group=os.getegid()):
        modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent)]
        assert modes == [0o660, 0o750]
        assert path.stat().st_gid == os.getegid()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"\x00\x00\x00\x09{}",
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">I", frames.MAX_FRAME + 1),
        _framed(b""),
        _framed(b"\xff\xfe"),
        _framed(b"[" * 100_000),
        _framed(b"{}"),
        _framed(b'{"type":"status","peer":0}'),
        _framed(b'{"type":"shell","command":"id"}'),
        _framed(b'{"type":"decline","plan":7}'),
        _framed(b'{"type":"verify","head":"","extra":{}}'),
        _framed(b'{"type":"entries","after":1e99}'),
        _framed(b'{"type":"status"} {"type":"status"}'),
    ],
    ids=range(15),
)
def test_what_is_no_request_is_answered_with_one_clear_error_and_the_next_is_served(path: Path, content: bytes) -> None:
    with listening(path) as said:
        answer = _raw(path, content)
        reply = msgspec.json.decode(answer[4:], type=frames.Reply)
        assert reply.refusal is not None
        assert reply.refusal.title.startswith("Not understood: ")
        assert len(reply.refusal.title) < 300
        assert RemoteExecutor(path).ask(frames.Verify(), Verification) == WHOLE
        assert len(said) == 1


def test_a_field_that_this_version_does_not_know_is_refused_at_any_depth() -> None:
    plain = msgspec.to_builtins(make_plan())
    assert frames.ask_of(msgspec.json.encode({"type": "submit", "plan": plain})) == frames.Submit(make_plan())
    plain["steps"][0]["ref"]["as"] = "root"
    with pytest.raises(frames.FrameError, match="does not know"):
        frames.ask_of(msgspec.json.encode({"type": "submit", "plan": plain}))


def test_who_sends_half_a_request_and_waits_is_cut_off(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REQUEST_SECONDS", 0.05)
    with listening(path) as said:
        answer = _raw(path, b"\x00\x00", hang_up=False)
        assert b"no whole request came in time" in answer
        assert len(said) == 1


def test_a_client_that_goes_away_does_not_stop_what_it_began(path: Path) -> None:
    begun, gone, done = threading.Event(), threading.Event(), threading.Event()

    def answer(_peer: Peer, _ask: Any) -> Verification:
        begun.set()
        gone.wait(10)
        done.set()
        return msgspec.structs.replace(WHOLE, problems=("x" * 2**20,))

    with listening(path, answer):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
            end.connect(str(path))
            end.sendall(frames.framed(msgspec.json.encode(frames.Verify())))
            assert begun.wait(10)
        gone.set()
        assert done.wait(10)
        assert RemoteExecutor(path).ask(frames.Verify(), Verification).count == 0


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (AlreadyClaimed("t", "h"), AlreadyClaimed),
        (ApprovalError("t", "h"), ApprovalError),
        (PlanChanged("t", "h"), PlanChanged),
        (DeniedError("t", "h"), ChangeRefused),
        (JournalError("t", "h"), JournalError),
        (UsageError("t", "h"), UsageError),
        (CopilotError("t", "h"), CopilotError),
    ],
    ids=lambda each: each.__name__ if isinstance(each, type) else "",
)
def test_a_refusal_arrives_as_the_error_that_it_is(path: Path, error: CopilotError, seen: type[CopilotError]) -> None:
    def answer(_peer: Peer, _ask: Any) -> Any:
        raise error

    with listening(path, answer) as said:
        with pytest.raises(seen) as caught:
            RemoteExecutor(path).standing()
        assert (type(caught.value), caught.value.title, caught.value.hint) == (seen, "t", "h")
        assert len(said) == 1


def test_a_defect_ends_one_request_and_not_the_executor(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def answer(_peer: Peer, ask: Any) -> Any:
        return {}["x"] if isinstance(ask, frames.Status) else WHOLE

    with listening(path, answer):
        with pytest.raises(CopilotError, match=r"could not be answered \(KeyError\)"):
            RemoteExecutor(path).standing()
        assert RemoteExecutor(path).ask(frames.Verify(), Verification) == WHOLE
    assert "KeyError" in capsys.readouterr().err


def test_an_answer_that_is_too_large_is_a_refusal(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_FRAME", 3000)
    with (
        listening(path, lambda _peer, _ask: "x" * 2900),
        pytest.raises(CopilotError, match="FrameError"),
    ):
        RemoteExecutor(path).standing()


def test_without_an_executor_nothing_is_guessed(path: Path) -> None:
    with pytest.raises(ExecutorAway, match="There is no executor"):
        RemoteExecutor(path).standing()


def test_a_lost_answer_to_a_send_is_an_unknown_outcome(path: Path) -> None:
    from guardrails.steps import ApprovedStep

    plan = make_plan()
    step = ApprovedStep(plan.id, plan.digest, "n", 1, plan.cluster, plan.steps[0], plan.expires, "s")
    assert RemoteExecutor(path).send(step).state is SendState.UNKNOWN


def test_an_answer_of_another_program_is_an_error(path: Path) -> None:
    with listening(path, lambda _peer, _ask: 7), pytest.raises(ExecutorAway, match="not an executor of this version"):
        RemoteExecutor(path).standing()


def test_a_second_executor_does_not_take_the_socket_and_a_dead_ones_is_cleared(path: Path) -> None:
    with listening(path):
        with pytest.raises(UsageError, match="listens at"), listening(path):
            pass
        assert RemoteExecutor(path).ask(frames.Verify(), Verification) == WHOLE
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    dead.bind(str(path))
    dead.close()
    with listening(path):
        assert RemoteExecutor(path).ask(frames.Verify(), Verification) == WHOLE


def test_a_place_that_is_not_private_or_not_free_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "file").write_text("")
    (tmp_path / "taken").mkdir(mode=0o700)
    (tmp_path / "taken" / "x").write_text("precious")
    (tmp_path / "loop").mkdir(mode=0o700)
    places = {
        tmp_path / "open" / "x": "not private",
        tmp_path / "file" / "x": "cannot be used",
        tmp_path / "taken" / "x": "is no socket",
        tmp_path / ("y" * 200) / "x": "too long",
    }
    for place, why in places.items():
        with pytest.raises(UsageError, match=why), listening(place):
            pass
    assert (tmp_path / "taken" / "x").read_text() == "precious"


def test_a_socket_that_cannot_be_made_or_looked_at_is_an_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module.socket.socket, "bind", refuse)
    with pytest.raises(UsageError, match="No socket can be made"), listening(path):
        pass
    monkeypatch.undo()
    with listening(path):
        monkeypatch.setattr(module.socket.socket, "connect", refuse)
        with pytest.raises(UsageError, match="cannot be looked at"), listening(path):
            pass
        with pytest.raises(DeniedError, match="may not use"):
            RemoteExecutor(path).standing()
        monkeypatch.undo()


def test_an_accept_that_fails_ends_the_server_loudly(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(24, "Too many open files")

    with Server(path, lambda *_: WHOLE, print) as server:
        monkeypatch.setattr(module.socket.socket, "accept", refuse)
        with pytest.raises(OSError, match="Too many"):
            server.serve()
        monkeypatch.undo()


def test_the_journal_is_read_and_noted_through_the_socket(tmp_path: Path, path: Path) -> None:
    with serve(deployment(), deployment("db")) as api:
        company = Company(api, tmp_path)
        plan = company.plan(submit=False)
        # Every connection is Alice's here: which account connects is tested on its own.
        with listening(path, lambda _peer, ask: company.service.answer(ALICE, ask)):
            remote = RemoteExecutor(path)
            journal = RemoteJournal(remote)
            entry = journal.append(Kind.PLANNED, plan.id, {"plan": msgspec.to_builtins(plan)})
            assert journal.entries() == company.journal.entries() == [entry]
            assert journal.head() == company.journal.head()
            assert not remote.progress(plan).ready
            assert remote.approve(plan, "yes").ready
            assert [each.plan for each in remote.waiting()] == [plan]
            (step,) = remote.consume(plan, (), plan.requester)
            assert remote.review(plan.computed.ssar) == plan.computed.ssar
            assert remote.send(step).state is SendState.APPLIED
            journal.append(Kind.SETTLED, plan.id, {}, step=1)
            journal.append(Kind.WATCHED, plan.id, {"end": "done", "text": "3 of 3"}, step=1)
            other = company.plan("scale db to 3")
            journal.append(Kind.VOIDED, other.id, {"reason": "x"})
            third = company.plan("scale db to 3")
            journal.append(Kind.DECLINED, third.id, {})
            with pytest.raises(JournalError, match="executor alone"):
                journal.append(Kind.CONSUMED, plan.id, {})


def test_the_account_at_the_other_end_is_the_one_that_the_kernel_names(path: Path) -> None:
    seen: list[Peer] = []

    def answer(peer: Peer, _ask: Any) -> Verification:
        seen.append(peer)
        return WHOLE

    with listening(path, answer):
        RemoteExecutor(path).ask(frames.Verify(), Verification)
    assert seen == [Peer(os.geteuid(), os.getegid())]
