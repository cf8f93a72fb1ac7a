"""Follows one kind as it changes. Nothing is missed: after a break it resumes where it was, or lists again and tells the difference."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from typing import Any

import msgspec
import urllib3

from copilot.model import CopilotError, ReadState, Ref, Resource
from copilot.model.errors import DeniedError
from copilot.model.fields import number, text
from tools.cluster.live_lists import Lister, ListOutcome
from tools.cluster.live_page import SOURCE
from tools.cluster.resources import resource
from tools.cluster.transport import Transport

WATCH_SECONDS = 300  # the server ends the stream after this and it is taken up again: balances load, finds dead peers
_GRACE_SECONDS = (
    30.0  # silence beyond the stream's own end; bookmarks come every minute, so a live stream is never silent
)
_FIRST_PAUSE = 0.5  # seconds before the second try
_LONGEST_PAUSE = 30.0  # seconds: a server that comes back is noticed within half a minute
_SHORT_LIVED = 1.0  # seconds: a stream that ends sooner counts as failed, or a confused proxy would be asked in a loop
_MAX_LINE = 16 * 2**20  # bytes of one event: ten times etcd's limit for one object


class ChangeType(Enum):
    """What happened to an object."""

    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"


class Change(msgspec.Struct, frozen=True, eq=False):
    """One change. For DELETED, `resource` is its last known state."""

    type: ChangeType
    resource: Resource


class _Event(msgspec.Struct):
    type: str
    object: dict[str, Any]


_EVENT = msgspec.json.Decoder(_Event)


class _GoneError(Exception):
    """The server no longer has the past this watch wants to start from (410)."""


class _BrokenError(Exception):
    """The stream failed; trying again may help."""


class KindWatch:
    """Follows one list from where it was read. One that was not read to its end is listed again first.

    `ended` says why the watch gave up (the kind is gone, or may not be watched); "" while it runs.
    """

    def __init__(self, transport: Transport, listed: ListOutcome, *, config_values: bool = False) -> None:
        self.request = listed.request
        self.ended = ""
        self.relists = 0
        self._transport = transport
        self._config_values = config_values
        self._version = listed.resource_version
        self._known: dict[Ref, Resource] = {one.ref: one for one in listed.resources}
        self._stop = threading.Event()
        self._response: urllib3.BaseHTTPResponse | None = None

    def close(self) -> None:
        """End the watch from another thread; what it waits for is interrupted."""
        self._stop.set()
        response = self._response
        if response is not None:
            # Already ended or handed back: then nothing waits on it.
            with suppress(ValueError, RuntimeError, OSError):
                response.shutdown()

    def changes(self) -> Iterator[Change]:
        """Yield changes until closed or ended. Blocks between them."""
        failures = 0
        while not self._stop.is_set() and not self.ended:
            started = time.monotonic()
            try:
                if not self._version:
                    yield from self._relist()
                yield from self._stream()
                broken = time.monotonic() - started < _SHORT_LIVED
            except _GoneError:
                self._version, broken = "", failures > 0
            except DeniedError as error:
                self.ended = error.title
            except (_BrokenError, CopilotError):
                broken = True
            if self.ended:
                return
            failures = failures + 1 if broken else 0
            if failures:
                self._stop.wait(pause(failures))

    def _relist(self) -> Iterator[Change]:
        outcome = Lister(self._transport, config_values=self._config_values).read(self.request)
        if outcome.state in (ReadState.REFUSED, ReadState.MISSING):
            self.ended = outcome.detail
            return
        if outcome.state is not ReadState.READ:
            raise _BrokenError(outcome.detail)
        self.relists += 1
        self._version = outcome.resource_version
        current = {one.ref: one for one in outcome.resources}
        for ref in [ref for ref in self._known if ref not in current]:
            yield Change(ChangeType.DELETED, self._known.pop(ref))
        for one in current.values():
            yield from self._seen(one)

    def _seen(self, one: Resource) -> Iterator[Change]:
        before = self._known.get(one.ref)
        self._known[one.ref] = one
        if before is None:
            yield Change(ChangeType.ADDED, one)
        elif before.uid != one.uid:  # deleted and made again while nobody looked
            yield Change(ChangeType.DELETED, before)
            yield Change(ChangeType.ADDED, one)
        elif before.resource_version != one.resource_version:
            yield Change(ChangeType.MODIFIED, one)

    def _stream(self) -> Iterator[Change]:
        if self.ended:
            return
        query: list[tuple[str, str | int]] = [
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", self._version),
            ("timeoutSeconds", WATCH_SECONDS),
        ]
        path = self.request.kind.path(self.request.namespace)
        with self._transport.stream(path, query, read_seconds=WATCH_SECONDS + _GRACE_SECONDS) as response:
            self._check(response)
            self._response = response  # from here on close() interrupts it
            try:
                lines = _lines(response)
                while not self._stop.is_set() and (line := next(lines, None)) is not None:
                    yield from self._event(line)
            finally:
                self._response = None

    def _check(self, response: urllib3.BaseHTTPResponse) -> None:
        if response.status == 410:
            raise _GoneError
        if response.status in (401, 403, 404, 405):
            self.ended = f"{self.request.kind.plural} may not be watched: HTTP {response.status}"
        if response.status != 200:
            raise _BrokenError(f"HTTP {response.status}")

    def _event(self, line: bytes) -> Iterator[Change]:
        try:
            event = _EVENT.decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise _BrokenError("an event could not be read") from error
        if event.type == "ERROR":
            if number(event.object, "code") == 410:
                raise _GoneError
            raise _BrokenError(text(event.object, "message"))
        body = event.object
        version = text(body, "metadata", "resourceVersion")
        if event.type != "BOOKMARK":
            body.setdefault("kind", self.request.kind.kind)
            body.setdefault("apiVersion", self.request.kind.api_version)
            one = resource(body, SOURCE, config_values=self._config_values)
            if event.type == "DELETED":
                self._known.pop(one.ref, None)
                yield Change(ChangeType.DELETED, one)
            else:
                yield from self._seen(one)
        # Only now: a consumer that stopped at this change sees it again after a resume.
        self._version = version or self._version


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row: doubling up to a cap, half of it jitter."""
    longest: float = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures - 1, 10))
    share = random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
    return longest * share


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """The lines of a stream as they arrive."""
    rest = b""
    for part in response.stream(2**16, decode_content=True):
        *whole, rest = (rest + part).split(b"\n")
        if len(rest) > _MAX_LINE:
            raise _BrokenError("an event is longer than any object can be")
        yield from (line for line in whole if line.strip())
