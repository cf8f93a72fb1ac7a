"""Asks the API server: reads, and the reviews that say who the user is and may do. It has no way to write an object."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any
from urllib.parse import urlencode

import msgspec
import urllib3
from urllib3.exceptions import HTTPError

from copilot.model.fields import text
from tools.cluster.kubeconfig import Connection
from tools.cluster.transport_errors import ConnectionLostError, HugeAnswerError, UnauthorizedError, lost

CONNECT_SECONDS = 10.0  # a handshake over a slow VPN takes 2-3 s; more means nobody answers
READ_SECONDS = 60.0  # the API server gives up on a request after 60 s itself
MAX_ANSWER = (
    512 * 2**20
)  # bytes: 500 objects of etcd's usual size limit (1.5 MiB) would not fit, real pages are < 20 MiB
_TRIES = 3  # a kept connection the server has closed, or a server that is busy, is asked again
_MAX_RETRY_AFTER = 8.0  # seconds: a longer wait is better reported than slept through
_BUSY = (429, 503)  # asked again only when the server says when

Query = Sequence[tuple[str, str | int]]


class Review(Enum):
    """The questions about oneself, named by their kind. They are sent with POST and store nothing."""

    ACCESS = "SelfSubjectAccessReview"
    RULES = "SelfSubjectRulesReview"
    IDENTITY = "SelfSubjectReview"

    @property
    def group(self) -> str:
        """The API group that answers it."""
        return "authentication.k8s.io/v1" if self is Review.IDENTITY else "authorization.k8s.io/v1"

    @property
    def path(self) -> str:
        """Where the question is asked."""
        return f"/apis/{self.group}/{self.value.lower()}s"


class Answer(msgspec.Struct, frozen=True, eq=False):
    """One HTTP answer. `date` is the server's clock, None when a proxy took the header away."""

    status: int
    body: bytes
    content_type: str = ""
    date: datetime | None = None

    @property
    def ok(self) -> bool:
        """Tell whether the request succeeded."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The decoded body; None when it is not JSON."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError):
            return None

    @property
    def reason(self) -> str:
        """The server's message in one line, cut to a length a person reads."""
        said = text(self.json(), "message") or self.body[:500].decode("utf-8", "replace")
        return " ".join("".join(c if c.isprintable() else " " for c in said).split())[:300]


class _Request(msgspec.Struct, frozen=True):
    path: str
    query: Query = ()
    method: str = "GET"
    accept: str = "application/json"
    body: bytes | None = None
    read_seconds: float | None = None


class Transport:
    """Sends requests over one authenticated connection; safe to use from several threads."""

    def __init__(
        self, connection: Connection, *, max_answer: int = MAX_ANSWER, read_seconds: float = READ_SECONDS
    ) -> None:
        self.connection = connection
        self.max_answer = max_answer
        self.read_seconds = read_seconds
        self._pool: urllib3.PoolManager = connection.client.rest_client.pool_manager
        self._authorization = threading.Lock()

    def get(
        self, path: str, query: Query = (), *, accept: str = "application/json", read_seconds: float | None = None
    ) -> Answer:
        """Read one path.

        Raises:
            ConnectionLostError: The server cannot be reached, or stopped answering.
            UnauthorizedError: The server does not know who asks.
            HugeAnswerError: The answer is larger than `max_answer` bytes.
        """
        request = _Request(path=path, query=query, accept=accept, read_seconds=read_seconds)
        for attempt in range(1, _TRIES + 1):
            retry_after: float | None = None
            try:
                answer, retry_after = self._once(request)
            except ConnectionLostError as error:
                if attempt == _TRIES or not error.passing:
                    raise
            else:
                if answer.status not in _BUSY or retry_after is None or attempt == _TRIES:
                    return answer
            time.sleep(_pause(attempt, retry_after))
        raise AssertionError("unreachable: the last try returns or raises")

    def review(self, review: Review, spec: Mapping[str, Any]) -> Answer:
        """Ask one question about the user's own rights or name."""
        body = msgspec.json.encode({"apiVersion": review.group, "kind": review.value, "spec": spec})
        return self._once(_Request(path=review.path, method="POST", body=body))[0]

    @contextmanager
    def stream(self, path: str, query: Query, *, read_seconds: float) -> Iterator[urllib3.BaseHTTPResponse]:
        """Open an answer that does not end, such as a watch. Status and body are left to the caller.

        Raises:
            ConnectionLostError: The server cannot be reached, or the stream broke.
        """
        with self._open(_Request(path=path, query=query, read_seconds=read_seconds)) as response:
            yield response

    def _once(self, request: _Request) -> tuple[Answer, float | None]:
        with self._open(request) as response:
            answer = Answer(
                status=response.status,
                body=_read(response, request.path, self.max_answer),
                content_type=response.headers.get("Content-Type", ""),
                date=_date(response.headers.get("Date", "")),
            )
            wait = response.headers.get("Retry-After", "")
        if answer.status == 401:
            raise UnauthorizedError(self.connection.label, answer.reason)
        return answer, float(wait) if wait.isdigit() else None

    @contextmanager
    def _open(self, request: _Request) -> Iterator[urllib3.BaseHTTPResponse]:
        query = f"?{urlencode(request.query)}" if request.query else ""
        response: urllib3.BaseHTTPResponse | None = None
        try:
            response = self._pool.request(
                request.method,
                f"{self.connection.server}{request.path}{query}",
                body=request.body,
                headers=self._headers(request),
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=request.read_seconds or self.read_seconds),
                preload_content=False,
                redirect=False,
                retries=False,
            )
            yield response
        except (HTTPError, OSError) as error:
            raise lost(error, self.connection.label) from error
        finally:
            if response is not None:
                _give_back(response)

    def _headers(self, request: _Request) -> urllib3.HTTPHeaderDict:
        headers = urllib3.HTTPHeaderDict(self.connection.headers)
        headers["Accept"] = request.accept
        headers["Accept-Encoding"] = (
            "gzip"  # lists shrink 8-15 times: cheaper even on loopback, where TLS would carry it all
        )
        headers["User-Agent"] = self.connection.client.user_agent
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        with self._authorization:  # the hook behind it may refresh the token
            token = self.connection.client.configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        if token:
            headers["Authorization"] = token
        return headers


def _read(response: urllib3.BaseHTTPResponse, path: str, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.stream(2**20, decode_content=True):
        size += len(part)
        if size > limit:
            raise HugeAnswerError(path, limit)
        parts.append(part)
    return b"".join(parts)


def _give_back(response: urllib3.BaseHTTPResponse) -> None:
    """Keep the connection when the body was read to its end; close it otherwise."""
    if response.closed:
        response.release_conn()
    else:
        response.close()


def _date(header: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _pause(attempt: int, retry_after: float | None) -> float:
    """Seconds to wait before the next try: what the server asks for (bounded), else 0.1 s doubling, half of it jitter."""
    if retry_after is not None:
        return min(retry_after, _MAX_RETRY_AFTER)
    base: float = 0.1 * 2 ** (attempt - 1)
    return base * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
