"""A few calls to the API server over the standard library: enough to start a cluster and to fill it fast.

Promise: a connection per thread, kept open; every refusal is an ApiError with the server's own words.
"""

import http.client
import json
import select
import ssl
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

CONFLICT = 409
TIMEOUT = 30.0  # seconds: the API server's own limit for one request is 60


class ApiError(Exception):
    """The API server refused a request."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the HTTP status beside the server's message."""
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    """The API server, spoken to as one user."""

    def __init__(self, port: int, authority: Path, token: str) -> None:
        """Remember whom to speak to; nothing is sent yet."""
        self._port = port
        self._tls = ssl.create_default_context(cafile=str(authority))
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._local = threading.local()

    def call(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """Send one request and return the answer, parsed where it is JSON; raises ApiError, OSError."""
        data = None if body is None else json.dumps(body)
        connection = self._connection()
        try:
            connection.request(method, path, data, {**self._headers, "Content-Type": content_type})
            response = connection.getresponse()
            text = response.read().decode()
        except (http.client.HTTPException, OSError):
            self._local.connection = None  # a broken connection is not used again
            raise
        if response.status >= http.client.BAD_REQUEST:
            raise ApiError(response.status, _message(text))
        is_json = (response.getheader("Content-Type") or "").startswith("application/json")
        return json.loads(text) if is_json else text

    def get(self, path: str) -> Any:
        """Read one object or list."""
        return self.call("GET", path)

    def create(self, path: str, item: dict[str, Any]) -> None:
        """Create an object; one that exists already is left as it is."""
        try:
            self.call("POST", path, item)
        except ApiError as error:
            if error.status != CONFLICT:
                raise

    def create_all(self, items: Iterable[tuple[str, dict[str, Any]]], parallel: int = 8) -> None:
        """Create many objects, several at a time."""
        with ThreadPoolExecutor(parallel) as pool:
            for outcome in [pool.submit(self.create, path, item) for path, item in items]:
                outcome.result()

    def is_ready(self) -> bool:
        """Whether the API server says it is ready."""
        try:
            return bool(self.get("/readyz") == "ok")
        except (ApiError, OSError, http.client.HTTPException):
            return False

    def _connection(self) -> http.client.HTTPSConnection:
        kept: http.client.HTTPSConnection | None = getattr(self._local, "connection", None)
        if kept is not None and _closed_by_server(kept):
            kept.close()
            kept = None
        if kept is None:
            kept = http.client.HTTPSConnection("127.0.0.1", self._port, context=self._tls, timeout=TIMEOUT)
            self._local.connection = kept
        return kept


def _closed_by_server(connection: http.client.HTTPSConnection) -> bool:
    """Whether something came on a connection that waits for nothing: the server has ended it."""
    return connection.sock is not None and bool(select.select([connection.sock], [], [], 0)[0])


def _message(text: str) -> str:
    try:
        return str(json.loads(text).get("message", text))
    except (ValueError, AttributeError):
        return text.strip()[:300]
