"""The small API server without sockets: a connection pool that hands each request straight to it, and can have weather.

Everything above the pool is the program's own: client, transport, wire. A history of a hundred requests takes
milliseconds, so that thousands of histories can be tried.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import NewConnectionError, ProtocolError, ReadTimeoutError

from tests.small_api import SmallApi, _Handler
from tools.cluster.kubeconfig import Connection, connect


class Weather(Enum):
    """What may befall one request on its way."""

    CONFLICT = 409
    GONE = 410
    INVALID = 422
    BUSY = 429  # with Retry-After
    BROKEN = 500
    AWAY = 503
    NO_CONNECTION = "refused"  # not one byte arrives
    LOST_BEFORE = "lost before"  # the connection breaks before the server has acted
    LOST_AFTER = "lost after"  # the server acts, the answer never comes: too slow
    HALF = "half"  # the server acts, the connection closes in the middle of its answer
    TWICE = "twice"  # a proxy delivers the request twice; the second answer comes back
    GARBAGE = "garbage"  # the server acts, what comes back is no JSON


@dataclass(frozen=True)
class Arrived:
    """One request that reached the server, and what it did there: `changed` names the objects it stored or removed."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    status: int
    changed: tuple[str, ...]

    @property
    def writing(self) -> bool:
        """Tell whether it asked for something to be stored."""
        options = json.loads(self.body or b"{}") if self.method in ("POST", "DELETE") else {}
        options = options.get("deleteOptions", options) if isinstance(options, dict) else {}
        dry = "dryRun=All" in self.query or options.get("dryRun") == ["All"]
        return self.method != "GET" and "selfsubject" not in self.path and not dry


@dataclass
class DirectPool:
    """Stands where urllib3's pool stands. `weather` is asked once for each request, with its number and method."""

    api: SmallApi
    weather: Callable[[int, str, str], Weather | None] = lambda _number, _method, _path: None
    on_write: Callable[[Arrived], None] = lambda _arrived: None
    arrived: list[Arrived] = field(default_factory=list)
    count: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def request(self, method: str, url: str, **options: Any) -> urllib3.HTTPResponse:
        """Deliver one request as the weather lets it."""
        with self.lock:
            self.count += 1
            weather = self.weather(self.count, method, urlsplit(url).path)
            return self._under(weather, method, url, options)

    def _under(self, weather: Weather | None, method: str, url: str, options: dict[str, Any]) -> urllib3.HTTPResponse:
        pool: Any = None
        if weather is Weather.NO_CONNECTION:
            raise NewConnectionError(pool, "refused")
        if weather is Weather.LOST_BEFORE:
            raise ProtocolError("the connection was reset")
        if weather is not None and isinstance(weather.value, int):
            wait = {"Retry-After": "1"} if weather is Weather.BUSY else {}
            status = {"kind": "Status", "code": weather.value, "message": f"weather {weather.value}"}
            return _response(weather.value, json.dumps(status).encode(), wait)
        answer = self._deliver(method, url, options)
        if weather is Weather.TWICE:
            answer = self._deliver(method, url, options)
        if weather is Weather.LOST_AFTER:
            raise ReadTimeoutError(pool, url, "read timed out")
        if weather is Weather.HALF or answer is None:
            raise ProtocolError("the connection was closed in the middle")
        return _response(answer[0], b"<html>" if weather is Weather.GARBAGE else answer[1])

    def _deliver(self, method: str, url: str, options: dict[str, Any]) -> tuple[int, bytes] | None:
        parts = urlsplit(url)
        headers = dict(options.get("headers") or {})
        body = options.get("body") or b""
        before = {path: stored["metadata"].get("resourceVersion") for path, stored in self.api.objects.items()}
        handler = _Direct(self.api, method, f"{parts.path}?{parts.query}" if parts.query else parts.path, headers, body)
        getattr(handler, f"do_{method}")()
        after = {path: stored["metadata"].get("resourceVersion") for path, stored in self.api.objects.items()}
        changed = tuple(path for path in {**before, **after} if before.get(path, "-") != after.get(path, "-"))
        status = handler.answer[0] if handler.answer else 0
        one = Arrived(method, parts.path, parts.query, headers, body, status, changed)
        self.arrived.append(one)
        if one.writing:
            self.on_write(one)
        return handler.answer

    def writes(self) -> list[Arrived]:
        """Requests that asked for something to be stored."""
        return [one for one in self.arrived if one.writing]


class _Direct(_Handler):
    """The small server's own handler, with its socket replaced by two values."""

    def __init__(self, api: SmallApi, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.api = api  # type: ignore[misc]
        self.command, self.path = method, path
        self.headers = {**headers, "Content-Length": str(len(body))}  # type: ignore[assignment]
        self.rfile = io.BytesIO(body)  # type: ignore[assignment]
        self.answer: tuple[int, bytes] | None = None

    def _answer(self, code: int, body: dict[str, Any]) -> None:
        self.answer = (code, json.dumps(body).encode())

    def _drop(self) -> None:
        self.answer = None


def _response(status: int, body: bytes, headers: dict[str, str] | None = None) -> urllib3.HTTPResponse:
    given = {"Content-Type": "application/json", **(headers or {})}
    return urllib3.HTTPResponse(io.BytesIO(body), headers=given, status=status, preload_content=False)


def direct(pool: DirectPool, folder: Path) -> Connection:
    """A connection whose every request goes to this pool."""
    connection = connect(str(pool.api.kubeconfig(folder)))
    connection.client.rest_client.pool_manager = pool
    return connection
