"""The open connections to MCP servers: one thread with its own loop, owned by whoever opened it and gone when it is closed.

Every wait has an end, and whatever a server does comes back as a sentence: it never raises into a conversation.
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import anyio
import httpx2
import mcp_types as types
import msgspec
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp.client.client import Client
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from copilot.agent.foreign.pipes import pipes
from copilot.agent.foreign.reply import Reply, reply_of
from copilot.agent.foreign.servers import Server
from copilot.redacting import plain

_PAGES = 10  # of a server's list of tools
_LOGGERS = ("mcp", "client", "httpx2", "httpcore2")  # they would tell of a server's noise on the person's terminal
# What the library and the transports raise when a server does what it should not; the lookups are the library's own, on garbage.
_BROKEN = (
    OSError, MCPError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, httpx2.HTTPError,
    anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.EndOfStream,
)  # fmt: skip


class Budget(msgspec.Struct, frozen=True):
    """What one server may spend."""

    start: float = 10.0  # seconds to start and to list its tools
    call: float = 20.0  # seconds of one call
    bytes: int = 4 * 2**20  # of what it sends for one request


class Link:
    """The connection to one server."""

    def __init__(self, server: Server, portal: BlockingPortal, budget: Budget) -> None:
        self.server = server
        self.trouble = ""  # why it is not there, in a sentence
        self.tools: list[dict[str, Any]] = []
        self.was_up = False
        self._budget = budget
        self._portal = portal
        self._session: ClientSession | None = None
        self._closing = portal.call(anyio.Event)
        self._up: Future[None] = Future()
        self._told = ""
        self._task = portal.start_task_soon(self._serve)

    @property
    def open(self) -> bool:
        """Whether it can be asked."""
        return self._session is not None

    def wait(self) -> None:
        """Wait until it is there, or is not."""
        self._up.result()

    def call(self, tool: str, arguments: dict[str, Any]) -> Reply:
        """Call a tool."""
        reply: Reply = self._portal.call(self._call, tool, arguments)
        return reply

    def end(self) -> None:
        """Begin to end it."""
        self._portal.call(self._closing.set)

    def close(self) -> None:
        """End it, and wait for its end."""
        self.end()
        self._task.result()

    async def _call(self, tool: str, arguments: dict[str, Any]) -> Reply:
        if self._session is None:
            return Reply(trouble=self.trouble)
        self._told = ""
        request = types.CallToolRequest(params=types.CallToolRequestParams(name=tool, arguments=arguments))
        try:
            with anyio.fail_after(self._budget.call):
                # Not `call_tool`: it holds results against the server's own schema, whose patterns may never end.
                result = await self._session.send_request(request, types.CallToolResult)
        except TimeoutError:
            return Reply(trouble=f"The MCP server {self.server.name} did not answer within {self._budget.call:g} seconds.")  # fmt: skip
        except MCPError as error:
            if error.error.code == types.CONNECTION_CLOSED or self._told:
                return self._broken("broke off")
            return Reply((f"error {error.error.code}: {error.error.message}",), failed=True)
        except ValueError:
            return Reply(trouble=f"The MCP server {self.server.name} answered something that is no result.")
        except _BROKEN:
            return self._broken("broke off")
        return reply_of(result.model_dump(by_alias=True, mode="json", exclude_none=True))

    def _broken(self, what: str) -> Reply:
        """It is not asked again before the next turn."""
        self._session = None
        self.trouble = f"The MCP server {self.server.name} {self._told or what}."
        return Reply(trouble=self.trouble)

    async def _serve(self) -> None:
        """Open it, keep it open, close it; all in one task."""
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + self._budget.start) as scope:
                async with Client(self._streams(), cache=None, client_info=types.Implementation(name="cluster-copilot", version="1")) as client:  # fmt: skip
                    self.tools = await _listed(client.session)
                    scope.deadline = math.inf
                    self._session = client.session
                    self.was_up = True
                    self._up.set_result(None)
                    await self._closing.wait()
            if scope.cancelled_caught:
                self.trouble = f"The MCP server {self.server.name} was not there within {self._budget.start:g} seconds."
        except* _BROKEN as group:
            self.trouble = f"The MCP server {self.server.name} could not be used: {self._why(group)}."
        finally:
            self._session = None
            if not self._up.done():
                self._up.set_result(None)

    def _why(self, group: BaseExceptionGroup[BaseException]) -> str:
        """The reason that a person can act on; the server's own last words where it has any."""
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        said = self._told or (error.strerror if isinstance(error, OSError) and error.strerror else str(error)) or type(error).__name__  # fmt: skip
        return " ".join(plain(said[:2_000]).split())[:200].rstrip(".")

    def _tell(self, what: str) -> None:
        self._told = self._told or what

    @asynccontextmanager
    async def _streams(self) -> AsyncIterator[Any]:
        most = self._budget.bytes
        if self.server.command:
            async with pipes(self.server, most, self._tell) as streams:
                yield streams
            return
        from copilot.agent.foreign.web import http_client  # noqa: PLC0415 - only for a server at an address

        async with (
            http_client(self.server, self._budget.call, most, self._tell) as client,
            streamable_http_client(self.server.url, http_client=client, max_sse_event_size=most) as streams,
        ):
            yield streams


async def _listed(session: ClientSession) -> list[dict[str, Any]]:
    """What the server lists, in all its pages."""
    found: list[dict[str, Any]] = []
    cursor = None
    for _ in range(_PAGES):
        page = await session.list_tools(params=types.PaginatedRequestParams(cursor=cursor) if cursor else None)
        found += [tool.model_dump(by_alias=True, mode="json", exclude_none=True) for tool in page.tools]
        cursor = page.next_cursor
        if not cursor:
            break
    return found


class Links:
    """All connections of one owner, in one thread."""

    def __init__(self, servers: Sequence[Server], budget: Budget) -> None:
        for name in _LOGGERS:
            logging.getLogger(name).addHandler(logging.NullHandler())
        self._budget = budget
        with ExitStack() as opening:  # an interrupt while servers start leaves none behind
            self._portal = opening.enter_context(start_blocking_portal())
            self._links = {server.name: Link(server, self._portal, budget) for server in servers}
            self._wait()
            self._stack = opening.pop_all()

    def __iter__(self) -> Iterator[Link]:
        """Every connection, whether it stands or not."""
        return iter(tuple(self._links.values()))

    def get(self, server: str) -> Link:
        """The connection to a server."""
        return self._links[server]

    def mend(self) -> None:
        """Open those anew that were there and broke off."""
        for name, link in self._links.items():
            if not link.open and link.was_up:
                link.close()
                self._links[name] = Link(link.server, self._portal, self._budget)
        self._wait()

    def _wait(self) -> None:
        for link in self._links.values():
            link.wait()

    def close(self) -> None:
        """End all connections, their servers and the thread."""
        try:
            for link in self._links.values():
                link.end()
            for link in self._links.values():
                link.close()
        finally:
            self._stack.close()
