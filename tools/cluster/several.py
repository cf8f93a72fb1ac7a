"""Several inputs given together are one observation: `--from` may be repeated."""

from __future__ import annotations

from collections.abc import Sequence

from copilot.model import Snapshot
from tools.cluster.merge import merge
from tools.cluster.source import LogRequest, LogsRead, Scope, Source


class SeveralSources:
    """A Source over other sources; of two views of one object the fuller one counts."""

    def __init__(self, sources: tuple[Source, ...]) -> None:
        self.sources = sources

    def snapshot(self, scope: Scope) -> Snapshot:
        """Read every source, and merge."""
        return merge([source.snapshot(scope) for source in self.sources])

    def read_logs(self, requests: Sequence[LogRequest]) -> LogsRead:
        """The logs that any of the sources has."""
        read = [source.read_logs(requests) for source in self.sources]
        return LogsRead(
            tuple(log for one in read for log in one.logs), tuple(note for one in read for note in one.notes)
        )
