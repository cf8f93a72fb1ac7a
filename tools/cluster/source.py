"""What every cluster source can do. Whoever asks gets a Snapshot that says what it could not read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from copilot.model import ContainerLog, Ref, Resource, Snapshot


class Scope(msgspec.Struct, frozen=True):
    """Which part of the cluster is wanted.

    `namespaces` None means all of them. Cluster-scoped kinds are always wanted. `config_values` keeps the values of
    ConfigMaps, which are dropped otherwise (their keys stay).
    """

    namespaces: tuple[str, ...] | None = None
    config_values: bool = False


class LogRequest(msgspec.Struct, frozen=True, order=True):
    """The log of one container, or of its previous run."""

    namespace: str
    pod: str
    container: str
    previous: bool = False


class LogsRead(msgspec.Struct, frozen=True, eq=False):
    """The logs that were there, in the order asked for, and a sentence for each that was not."""

    logs: tuple[ContainerLog, ...]
    notes: tuple[str, ...] = ()


class Source(Protocol):
    """A cluster that can be observed."""

    def snapshot(self, scope: Scope) -> Snapshot:
        """Read everything in scope. What was refused or missing is in the snapshot's coverage, not an exception."""
        ...

    def read_logs(self, requests: Sequence[LogRequest]) -> LogsRead:
        """Read container logs, as many as the source has."""
        ...


class ConfigsRead(msgspec.Struct, frozen=True, eq=False):
    """ConfigMaps with their values, and a sentence for each that could not be read."""

    resources: tuple[Resource, ...] = ()
    notes: tuple[str, ...] = ()


@runtime_checkable
class ConfigReader(Protocol):
    """A source that leaves the values of ConfigMaps out until some are asked for by name."""

    def read_configs(self, refs: Sequence[Ref]) -> ConfigsRead:
        """Read a few ConfigMaps with their values."""
        ...
