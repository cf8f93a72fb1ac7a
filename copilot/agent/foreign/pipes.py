"""A server as a process of its own, spoken to through its pipes. Ours from start to end: it inherits nothing, and outlives nothing.

The library's own transport reads lines of any length and passes on more of the environment; this one does neither.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from copilot.agent.foreign.servers import Server

INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ")  # what a program needs to start; no key, no kubeconfig
GRACE_SECONDS = 1.0  # from the end of its input, and again from SIGTERM, before the next step
SAID = 2_000  # bytes of its last words on stderr that are kept for the person
Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing = MemoryObjectSendStream[SessionMessage]


def environment(server: Server) -> dict[str, str]:
    """What the process gets: what it needs to start, and what the file says."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | server.env


class _Process(asyncio.SubprocessProtocol):
    """Reads messages out of what comes. More than `most` bytes since the last request end the connection."""

    def __init__(self, send: MemoryObjectSendStream[SessionMessage | Exception], most: int, tell: Callable[[str], None]) -> None:  # fmt: skip
        self.gone = asyncio.Event()
        self.said = b""
        self.received = 0
        self._send = send
        self._most = most
        self._tell = tell
        self._rest = bytearray()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Take what came on stdout or stderr."""
        if fd == 2:
            self.said = (self.said + data)[-SAID:]
            return
        self.received += len(data)
        if self.received > self._most:
            self._tell(f"sent more than {self._most:,} bytes at once")
            self._rest.clear()
            self._send.close()
            return
        before = len(self._rest)
        self._rest += data
        if b"\n" not in data:
            return
        end = self._rest.rindex(b"\n", before) + 1
        lines, self._rest = bytes(self._rest[:end]).splitlines(), self._rest[end:]
        for line in lines:
            self._take(line)

    def _take(self, line: bytes) -> None:
        """Pass on a message; what is none is noise that servers print."""
        with suppress(ValueError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._send.send_nowait(SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False)))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Its output has ended."""
        del exc
        if fd == 1:
            self._send.close()

    def process_exited(self) -> None:
        """It has ended."""
        self.gone.set()
        self._send.close()


@asynccontextmanager
async def pipes(server: Server, most: int, tell: Callable[[str], None]) -> AsyncIterator[tuple[Incoming, Outgoing]]:
    """Start a server and speak with it; at the end it and whatever it started are gone.

    Raises:
        OSError: it cannot be started.
    """
    # Without a bound on their number: `most` bounds what they hold.
    send, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](float("inf"))
    outgoing, written = anyio.create_memory_object_stream[SessionMessage](0)
    with send, incoming, outgoing, written:
        transport, process = await asyncio.get_running_loop().subprocess_exec(
            lambda: _Process(send, most, tell), *server.command, env=environment(server), start_new_session=True
        )
        stdin: Any = transport.get_pipe_transport(0)

        async def write() -> None:
            async for message in written:
                process.received = 0
                stdin.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(write)
                yield incoming, outgoing
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                stdin.close()
                await _end(transport.get_pid(), process)
            transport.close()
            if process.said.strip():
                tell(process.said.decode("utf-8", "replace").strip().splitlines()[-1])


async def _end(pid: int, process: _Process) -> None:
    """Let it end by itself, then end it, and whatever it left of its group."""
    for word in (None, signal.SIGTERM, signal.SIGKILL):
        if word is not None:
            with suppress(ProcessLookupError):
                os.killpg(pid, word)
        with anyio.move_on_after(GRACE_SECONDS):
            await process.gone.wait()
        if process.gone.is_set():
            break
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)  # the group is the one that was made for it
