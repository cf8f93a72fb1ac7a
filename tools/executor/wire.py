"""The writing transport: one request, once, over its own connection. It never retries and follows no redirect."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import urlencode

import msgspec
import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from guardrails.plan import Request
from tools.change.identity import server_ca_sha256
from tools.cluster.kubeconfig import Connection

CONNECT_SECONDS = 10.0  # a handshake over a slow VPN takes 2-3 s; more means nobody answers
READ_SECONDS = 45.0  # admission webhooks may take 30 s; after this the outcome is read back
MAX_ANSWER = 16 * 2**20  # bytes: one object, at most 1.5 MiB in etcd


class WireError(Exception):
    """No answer came."""


class WireNeverSent(WireError):  # noqa: N818 - the two cases of one error
    """There was no connection: nothing can have been changed."""


class WireLost(WireError):  # noqa: N818 - the two cases of one error
    """The request may have arrived: the outcome is unknown."""


class WireAnswer(msgspec.Struct, frozen=True):
    """Status and body as they came."""

    status: int
    body: bytes


class WireLike(Protocol):
    """What the executor needs: where it leads, and one way to send."""

    @property
    def server(self) -> str:
        """The API server's address."""
        ...

    @property
    def ca_sha256(self) -> str:
        """The SHA-256 of the CA that the server must present, "" without a private one."""
        ...

    def send(self, request: Request, user_agent: str) -> WireAnswer:
        """Send one request, once."""
        ...


class Wire:
    """Writes over one authenticated connection, which nothing that reads may share."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pool: urllib3.PoolManager = connection.client.rest_client.pool_manager
        self.server = connection.server
        self.ca_sha256 = server_ca_sha256(connection)

    def send(self, request: Request, user_agent: str) -> WireAnswer:
        """Send one request, once.

        Raises:
            WireNeverSent: no connection could be made.
            WireLost: it was sent, or may have been, and no whole answer came back.
        """
        url = f"{self.server}{request.path}?{urlencode(request.query)}"
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        try:
            response = self._pool.request(
                request.method,
                url,
                body=request.body.encode("ascii"),
                headers=self._headers(request.content_type, user_agent),
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            body = response.read(MAX_ANSWER)
            response.close()
        except (NewConnectionError, ConnectTimeoutError) as error:
            raise WireNeverSent(str(error)) from error
        except (HTTPError, OSError) as error:
            raise WireLost(str(error)) from error
        return WireAnswer(response.status, body)

    def _headers(self, content_type: str, user_agent: str) -> urllib3.HTTPHeaderDict:
        headers = urllib3.HTTPHeaderDict(self._connection.headers)
        headers["Accept"] = "application/json"
        headers["Content-Type"] = content_type
        headers["User-Agent"] = user_agent
        configuration = self._connection.client.configuration
        token = configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        if token:
            headers["Authorization"] = token
        return headers
