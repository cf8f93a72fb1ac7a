"""Listens on a Unix socket that only its owner, or one group, can reach. There is no way to listen on a network.

Promise: one request on one connection, within seconds and a size; whatever comes, it is answered or dropped, and the
next one is served. A client that goes away in the middle does not stop what was begun.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from copilot.model import CopilotError, UsageError
from copilot.model.errors import DeniedError
from guardrails.errors import ApprovalError, JournalError, PlanChanged
from guardrails.journal import AlreadyClaimed
from tools.change import frames
from tools.executor.people import Peer, peer_of

REQUEST_SECONDS = 10.0  # for a whole request to arrive over a local socket
MOST_AT_ONCE = 16  # requests in hand, each a thread; more wait in the kernel's queue
_BACKLOG = 64
_LEFT_OVER = 2**20  # bytes of a refused request that are read away
_LONGEST = 107  # bytes of a Unix socket's path (unix(7): sun_path)
_KINDS: tuple[tuple[type[CopilotError], frames.RefusalKind], ...] = (
    (AlreadyClaimed, frames.RefusalKind.CLAIMED),
    (ApprovalError, frames.RefusalKind.APPROVAL),
    (PlanChanged, frames.RefusalKind.CHANGED),
    (DeniedError, frames.RefusalKind.DENIED),
    (JournalError, frames.RefusalKind.JOURNAL),
    (UsageError, frames.RefusalKind.USAGE),
)


class Server:
    """The listening socket, from `with` to its end.

    Args:
        path: where; its folder is made private, and is refused when others may write it.
        answer: what answers a request of a person.
        say: is told one line about each request that was refused.
        group: the number of the group that may connect too; None for the owner alone.

    Raises:
        UsageError: the place is not private, or another executor listens there.
    """

    def __init__(
        self,
        path: Path,
        answer: Callable[[Peer, frames.AnyAsk], Any],
        say: Callable[[str], None],
        group: int | None = None,
    ) -> None:
        self.path = path
        self._answer = answer
        self._say = say
        self._group = group
        self._room = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._socket: socket.socket | None = None
        self._closing = False

    def __enter__(self) -> Self:
        """Begin to listen."""
        if len(os.fsencode(self.path)) > _LONGEST:
            raise UsageError(f"The path {self.path} is too long for a socket", f"{_LONGEST} bytes are the most.")
        self._make_folder()
        self._clear()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listening.bind(str(self.path))
        except OSError as error:
            listening.close()
            raise UsageError(f"No socket can be made at {self.path}: {error.strerror}", "Check --socket.") from error
        finally:
            os.umask(before)
        if self._group is not None:
            os.chown(self.path, -1, self._group)
            self.path.chmod(0o660)
        listening.listen(_BACKLOG)
        self._socket = listening
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and wait for what is in hand."""
        self.close()
        for _ in range(MOST_AT_ONCE):
            self._room.acquire()
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Take no more connections. May be called from another thread."""
        if self._socket is not None and not self._closing:
            self._closing = True
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept
            self._socket.close()

    def serve(self) -> None:
        """Answer until it is closed."""
        assert self._socket is not None
        while True:
            self._room.acquire()
            try:
                connection, _ = self._socket.accept()
            except OSError:
                self._room.release()
                if self._closing:
                    return
                raise
            # Not a daemon: a request that has begun to send is finished and its result put on record.
            threading.Thread(target=self._handle, args=(connection,)).start()

    def _handle(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(REQUEST_SECONDS)
                reply = self._reply(connection)
                connection.sendall(frames.framed(msgspec.json.encode(reply)))
                # What is left unread at a close would take the answer away from a client that sent too much.
                connection.setblocking(False)
                connection.recv(_LEFT_OVER)
        except OSError:  # the client went away, or nothing was left: what was asked for is done and on record
            return
        finally:
            self._room.release()

    def _reply(self, connection: socket.socket) -> frames.Reply:
        peer = peer_of(connection)
        try:
            ask = frames.ask_of(frames.read_frame(connection.recv))
        except TimeoutError:
            return self._not_understood(peer, "no whole request came in time")
        except frames.FrameError as error:
            return self._not_understood(peer, str(error))
        try:
            value = msgspec.json.encode(self._answer(peer, ask))
            frames.framed(value + bytes(2**10))  # with room for what stands around it
            return frames.Reply(value=msgspec.Raw(value))
        except CopilotError as error:
            kind = next((kind for each, kind in _KINDS if isinstance(error, each)), frames.RefusalKind.UNAVAILABLE)
            return self._refused(peer, frames.Refusal(kind, error.title, error.hint))
        except Exception as defect:  # noqa: BLE001 - the edge of the process: one bad request must not end it
            traceback.print_exc(file=sys.stderr)
            title = f"The request could not be answered ({type(defect).__name__})"
            return self._refused(peer, frames.Refusal(frames.RefusalKind.UNAVAILABLE, title, "See its output."))

    def _not_understood(self, peer: Peer, why: str) -> frames.Reply:
        return self._refused(peer, frames.Refusal(frames.RefusalKind.USAGE, f"Not understood: {why}"))

    def _refused(self, peer: Peer, refusal: frames.Refusal) -> frames.Reply:
        self._say(f"refused {peer.name}: {refusal.title}")
        return frames.Reply(refusal)

    def _make_folder(self) -> None:
        folder = self.path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            about = folder.stat()
            if self._group is not None and about.st_uid == os.geteuid():
                os.chown(folder, -1, self._group)
                folder.chmod(0o750)
                about = folder.stat()
        except OSError as error:
            raise UsageError(f"The folder {folder} cannot be used: {error.strerror}", "Check --socket.") from error
        if about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & (0o077 if self._group is None else 0o027):
            raise UsageError(
                f"The folder {folder} is not private to who runs the executor",
                "Give a folder of its own with --socket, or run: chmod 700 on it.",
            )

    def _clear(self) -> None:
        """Take away the socket of an executor that ended without doing so itself."""
        if not self.path.exists():
            return
        if not self.path.is_socket():
            raise UsageError(f"{self.path} is there and is no socket", "Choose another path with --socket.")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(REQUEST_SECONDS)
            try:
                probe.connect(str(self.path))
            except ConnectionRefusedError:
                self.path.unlink()
                return
            except OSError as error:
                raise UsageError(f"{self.path} cannot be looked at: {error.strerror}", "Check --socket.") from error
        raise UsageError(f"An executor listens at {self.path} already", "Use it, or stop it first.")
