"""The live cluster as a source. It only reads, and "now" is the server's clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from copilot.model import CopilotError, Coverage, Ref, Resource, Snapshot
from tools.cluster.files_now import NewestTime
from tools.cluster.kubeconfig import Connection, connect
from tools.cluster.live_configs import read_configs
from tools.cluster.live_logs import read_logs
from tools.cluster.live_read import ClusterRead, read_cluster
from tools.cluster.metrics_api import UsageRead, read_usage
from tools.cluster.prometheus import METRICS_GROUP
from tools.cluster.source import ConfigsRead, LogRequest, LogsRead, Scope
from tools.cluster.transport import Transport
from tools.cluster.watch import Change
from tools.cluster.watch_all import ClusterWatch


class LiveSource:
    """A cluster behind an API server."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.transport = Transport(connection)
        self._last: ClusterRead | None = None

    def snapshot(self, scope: Scope) -> Snapshot:
        """Read every kind the server has, in scope.

        Raises:
            UsageError: A namespace of the scope does not exist.
            CopilotError: The server cannot be reached, or does not accept the credentials.
        """
        read = read_cluster(self.transport, scope, self.connection.namespace)
        self._last = read
        resources = tuple(read.resources())
        usage = read_usage(self.transport, scope.namespaces) if METRICS_GROUP in read.discovery.groups else UsageRead()
        return Snapshot(
            cluster=self.connection.label,
            observed_at=read.date() or _newest(resources),
            resources=resources,
            coverage=Coverage((*read.readings(), *usage.readings), read.notes),
            usage=usage.usage,
        )

    def read_logs(self, requests: Sequence[LogRequest]) -> LogsRead:
        """Read the end of each log, and say which could not be read."""
        return read_logs(self.transport, requests)

    def read_configs(self, refs: Sequence[Ref]) -> ConfigsRead:
        """Read a few ConfigMaps with their values, and say which could not be read."""
        return read_configs(self.transport, refs)

    def watch(self) -> ClusterWatch:
        """Follow what the last snapshot read, from the moment it was read.

        Raises:
            CopilotError: No snapshot was taken yet.
        """
        if self._last is None:
            raise CopilotError("There is nothing to follow yet.", "Take a snapshot first.")
        return ClusterWatch(self.transport, self._last)

    def follow(self) -> Iterator[Change]:
        """Yield every change since the last snapshot; closing the generator ends all threads and connections."""
        with self.watch() as watch:
            yield from watch.changes()

    def close(self) -> None:
        """Give the kept connections back."""
        self.connection.client.rest_client.close()


def _newest(resources: Sequence[Resource]) -> datetime:
    """The newest time in the objects: for the rare proxy that takes the server's Date header away."""
    newest = NewestTime()
    for one in resources:
        newest.see(one.body)
    return newest.newest()


def open_live(kubeconfig: str | None = None, context: str | None = None) -> LiveSource:
    """Open the cluster kubectl would talk to. Sends nothing yet."""
    return LiveSource(connect(kubeconfig, context))
