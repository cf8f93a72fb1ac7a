"""What can go wrong with the database of the mirror, each with what to try."""

from __future__ import annotations

from copilot.model import CopilotError
from copilot.model.errors import DeniedError, UsageError


class MirrorError(CopilotError):
    """The database of the mirror did not do its part."""


class DriverMissingError(MirrorError):
    """The optional Neo4j driver is not installed."""

    def __init__(self) -> None:
        super().__init__("The Neo4j driver is not installed.", "Run: pip install 'cluster-copilot[neo4j]'")


class UnreachableError(MirrorError):
    """No Neo4j server answers at the address, or it went away."""


class CredentialsError(DeniedError):
    """The server does not accept the user and password."""


class VersionError(MirrorError):
    """The server is none that the mirror can be kept in."""


class StorageError(MirrorError):
    """The server could not keep what it was given: its disk or memory is full."""


class SupersededError(MirrorError):
    """Another sync of the same cluster has begun since."""

    def __init__(self, cluster: str) -> None:
        super().__init__(
            f"Another sync of the cluster {cluster!r} began while this one ran; this one stopped.",
            "Let one process keep a cluster's mirror; run `kubectl copilot mirror sync` again to heal it.",
        )


class TamperedError(MirrorError):
    """What was written is no longer there: someone else writes to these nodes."""


class QueryRefusedError(DeniedError):
    """A Cypher query that is not allowed; nothing of it was run."""


class QueryFailedError(UsageError):
    """The server does not understand the query, or gave it up."""
