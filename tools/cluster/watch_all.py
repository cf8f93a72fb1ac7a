"""Follows all kinds of one observation at once, one thread each, merged into one stream a graph can be kept up with."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Self

from copilot.model import ReadState
from tools.cluster.discovery_known import WELL_KNOWN
from tools.cluster.live_lists import ListOutcome
from tools.cluster.live_read import ClusterRead
from tools.cluster.transport import Transport
from tools.cluster.watch import Change, KindWatch

_WAITING = 10_000  # changes held for a slow consumer; then the watches wait, and the server's buffer takes over
_POLL_SECONDS = 0.2  # how soon a watch whose changes nobody takes notices that it was closed
_QUIET = frozenset({("coordination.k8s.io", "Lease")})  # every node renews one every 10 s: nothing changes by it
_KNOWN = frozenset((kind.group, kind.kind) for kind in WELL_KNOWN)


class ClusterWatch:
    """Follows what `read` listed. Use it as a context manager: leaving it ends every thread and connection."""

    def __init__(self, transport: Transport, read: ClusterRead) -> None:
        self._changes: queue.Queue[Change] = queue.Queue(_WAITING)
        self._closed = threading.Event()
        self.watches = [
            KindWatch(transport, outcome, config_values=read.config_values)
            for outcome in read.outcomes
            if _worth_watching(outcome)
        ]
        self._threads = [
            threading.Thread(target=self._run, args=(watch,), name=f"watch {watch.request.kind.plural}", daemon=True)
            for watch in self.watches
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End every watch and wait for its thread."""
        self._closed.set()
        for watch in self.watches:
            watch.close()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=5.0)

    def next(self, seconds: float | None = None) -> Change | None:
        """The next change; None when there was none for so many seconds (None: wait), or all watches have ended."""
        waited = 0.0
        while not self._closed.is_set() and (seconds is None or waited < seconds):
            step = _POLL_SECONDS if seconds is None else min(_POLL_SECONDS, seconds - waited)
            try:
                return self._changes.get(timeout=step)
            except queue.Empty:
                waited += step
            if not any(thread.is_alive() for thread in self._threads) and self._changes.empty():
                return None
        return None

    def changes(self) -> Iterator[Change]:
        """Every change until closed."""
        while (change := self.next()) is not None:
            yield change

    def ended(self) -> tuple[str, ...]:
        """Why watches have given up, a sentence each."""
        return tuple(watch.ended for watch in self.watches if watch.ended)

    def _run(self, watch: KindWatch) -> None:
        for change in watch.changes():
            while not self._closed.is_set():
                try:
                    self._changes.put(change, timeout=_POLL_SECONDS)
                    break
                except queue.Full:
                    continue
            if self._closed.is_set():
                return


def _worth_watching(outcome: ListOutcome) -> bool:
    place = (outcome.request.kind.group, outcome.request.kind.kind)
    if outcome.state is not ReadState.READ or place in _QUIET:
        return False
    return place in _KNOWN or bool(outcome.resources)  # an add-on's kind without objects is not worth a connection
