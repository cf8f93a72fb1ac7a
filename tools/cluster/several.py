"""Several inputs given together are one observation: `--from` may be repeated."""

from __future__ import annotations

from collections.abc import Sequence

from copilot.model import ContainerLog, Snapshot
from tools.cluster.merge import merge
from tools.cluster.source import LogRequest, Scope, Source


class SeveralSources:
    """A Source over other sources; of two views of one object the fuller one counts."""

    def __init__(self, sources: tuple[Source, ...]) -> None:
        self.sources = sources

    def snapshot(self, scope: Scope) -> Snapshot:
        """Read every source, and merge."""
        return merge([source.snapshot(scope) for source in self.sources])

    def logs(self, requests: Sequence[LogRequest]) -> tuple[ContainerLog, ...]:
        """The logs that any of the sources has."""
        return tuple(log for source in self.sources for log in source.logs(requests))
