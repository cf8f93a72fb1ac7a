"""A server at an address: an HTTP client that reads so much of an answer and no more, and takes nothing from our environment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx2

from copilot.agent.foreign.servers import Server

CONNECT_SECONDS = 5.0


class _Bounded(httpx2.AsyncByteStream):
    """A body that ends in an error where it grows beyond `most` bytes."""

    def __init__(self, stream: httpx2.AsyncByteStream, most: int, tell: Callable[[str], None]) -> None:
        self._stream = stream
        self._most = most
        self._tell = tell

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._most
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                self._tell(f"sent more than {self._most:,} bytes at once")
                raise httpx2.ReadError("the answer is too long")
            yield chunk

    async def aclose(self) -> None:
        """Close the body."""
        await self._stream.aclose()


class _Transport(httpx2.AsyncHTTPTransport):
    """Sends requests; every body that comes back is bounded."""

    def __init__(self, most: int, tell: Callable[[str], None]) -> None:
        super().__init__(trust_env=False)
        self._most = most
        self._tell = tell

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; what comes back compressed was not asked for and may grow without end."""
        response = await super().handle_async_request(request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            self._tell("sent a compressed answer, which was not asked for")
            raise httpx2.ReadError("the answer is compressed")
        response.stream = _Bounded(response.stream, self._most, self._tell)
        return response


def http_client(server: Server, seconds: float, most: int, tell: Callable[[str], None]) -> httpx2.AsyncClient:
    """The client of one server, with the headers of its file. No redirects to elsewhere, no proxy and no netrc of ours."""
    return httpx2.AsyncClient(
        headers={**server.headers, "Accept-Encoding": "identity"},
        timeout=httpx2.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
        transport=_Transport(most, tell),
        trust_env=False,
    )
