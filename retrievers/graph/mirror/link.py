"""The one place that talks to Neo4j. Nothing is retried behind the caller's back, and every failure says what to try."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from copilot.model import CopilotError
from guardrails.redaction import redact
from retrievers.graph.mirror.address import Address
from retrievers.graph.mirror.errors import (
    CredentialsError,
    DriverMissingError,
    MirrorError,
    QueryFailedError,
    StorageError,
    UnreachableError,
    VersionError,
)

if TYPE_CHECKING:
    import neo4j

CONNECT_SECONDS = 5.0  # a server on the same network answers in milliseconds
WRITE_SECONDS = 60.0  # one batch of 1,000 rows takes well under a second on an idle server
READ_SECONDS = 30.0
FETCH = 1_000  # rows the driver asks for at a time
OLDEST = 5  # major version: composite constraints and EXPLAIN details as they are read here
_FULL = re.compile(r"(?i)no space left|disk (?:is )?full|out of disk|storage|not enough space")
_MEMORY = re.compile(r"(?i)MemoryPoolOutOfMemory|OutOfMemory|memory (?:pool|limit)")
_MAX_SAID = 300  # characters of a server's message: it may quote a whole query

Row = dict[str, Any]


class Link:
    """A connection to one database. Use it as a context manager."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._driver: neo4j.Driver | None = None
        self.version = ""

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            CopilotError: no driver, no server, wrong credentials, or a server of another kind or age.
        """
        try:
            import neo4j  # noqa: PLC0415 - an optional and slow import
        except ImportError as error:
            raise DriverMissingError from error
        auth = (self.address.user, self.address.password) if self.address.password else None
        with translated(self.address):
            self._driver = neo4j.GraphDatabase.driver(
                self.address.url,
                auth=auth,
                connection_timeout=CONNECT_SECONDS,
                connection_acquisition_timeout=CONNECT_SECONDS * 2,
                max_transaction_retry_time=0.0,
                max_connection_pool_size=4,
                notifications_min_severity="OFF",
                telemetry_disabled=True,
                user_agent="cluster-copilot",
            )
        try:
            with translated(self.address):
                agent = self._driver.get_server_info().agent
                self._driver.verify_authentication()
            self.version = _supported(agent)
        except CopilotError:
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End every connection."""
        if self._driver is not None:
            self._driver.close()

    def rows(self, query: str, **parameters: Any) -> list[Row]:
        """Run one of our own statements outside of any transaction of ours (schema, administration)."""
        with translated(self.address), self._opened().session() as session:
            return [record.data() for record in session.run(query, parameters)]

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A write transaction, committed at the end of the block: what was committed is acknowledged."""
        with (
            translated(self.address),
            self._opened().session() as session,
            session.begin_transaction(timeout=WRITE_SECONDS) as transaction,
        ):
            yield Transaction(transaction)
            transaction.commit()

    @contextmanager
    def reading(self, seconds: float = READ_SECONDS, *, fetch: int = FETCH) -> Iterator[Transaction]:
        """A read transaction with a fixed time limit, rolled back at the end of the block."""
        import neo4j  # noqa: PLC0415 - it was loaded by __enter__

        with (
            translated(self.address),
            self._opened().session(default_access_mode=neo4j.READ_ACCESS, fetch_size=fetch) as session,
            session.begin_transaction(timeout=seconds) as transaction,
        ):
            yield Transaction(transaction)

    def _opened(self) -> neo4j.Driver:
        if self._driver is None:
            raise MirrorError("The connection to Neo4j is not open.")
        return self._driver


class Transaction:
    """One explicit transaction."""

    def __init__(self, transaction: neo4j.Transaction) -> None:
        self._transaction = transaction

    def rows(self, query: str, **parameters: Any) -> list[Row]:
        """Run a statement and fetch all its rows."""
        return [dict(zip(record.keys(), record.values(), strict=True)) for record in self.run(query, parameters)]

    def one(self, query: str, **parameters: Any) -> Row:
        """The only row of a statement."""
        return self.rows(query, **parameters)[0]

    def run(self, query: str, parameters: Mapping[str, Any]) -> neo4j.Result:
        """Run a statement; its records come as they are asked for."""
        return self._transaction.run(query, dict(parameters))


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Turn the driver's exceptions into ours."""
    from neo4j.exceptions import DriverError, Neo4jError  # noqa: PLC0415 - an optional and slow import

    try:
        yield
    except (DriverError, Neo4jError, OSError) as error:
        raise _ours(error, address) from error


def _ours(error: Exception, address: Address) -> CopilotError:
    from neo4j import exceptions  # noqa: PLC0415 - an optional and slow import

    code, said = str(getattr(error, "code", "") or ""), _said(error)
    where = address.url
    if code.endswith(("AuthenticationRateLimit", "Unauthorized", "CredentialsExpired", "TokenExpired", "Forbidden")):
        return _refused(code, said, address)
    if isinstance(error, exceptions.UnsupportedServerProduct):
        return VersionError(f"What answers at {where} is no Neo4j server that this driver knows.", _VERSION_HINT)
    if isinstance(error, exceptions.ConfigurationError):
        return UnreachableError(f"The address {where} cannot be used: {said}", "See docs/neo4j.md for addresses.")
    if _MEMORY.search(f"{code} {said}"):
        return StorageError(
            f"Neo4j ran out of memory for one transaction: {said}", "Raise db.memory.transaction.max, or ask for less."
        )
    if _FULL.search(said) or code.endswith(("TransactionCommitFailed", "TransactionLogError", "DatabaseUnavailable")):
        return StorageError(
            f"Neo4j could not store what it was given: {said}",
            "Look for a full disk and at the server's log; then run `kubectl copilot mirror sync` again.",
        )
    if code.endswith(("TransactionTimedOut", "TransactionTimedOutClientConfiguration", "TransactionTerminated")) or (
        "timeout" in said.lower() and code
    ):
        return QueryFailedError("Neo4j gave the query up: it took longer than allowed.", "Ask for less: LIMIT, labels.")
    if code.startswith(("Neo.ClientError.Statement", "Neo.ClientError.Procedure")):
        return QueryFailedError(
            f"Neo4j does not accept the query: {said}", "See docs/neo4j.md for labels and properties."
        )
    if isinstance(error, exceptions.Neo4jError) and code and not isinstance(error, exceptions.TransientError):
        return MirrorError(f"Neo4j failed: {said}", f"The server at {where} says {code}; see its log.")
    return UnreachableError(
        f"Neo4j at {where} does not answer: {said}", "Check that the server runs and that its bolt port is reachable."
    )


_VERSION_HINT = f"The mirror needs Neo4j {OLDEST} or newer."


def _refused(code: str, said: str, address: Address) -> CopilotError:
    if code.endswith("Forbidden"):
        return CredentialsError(
            f"Neo4j forbids this to {address.user!r}: {said}", "Give a user who may read and write."
        )
    if code.endswith("AuthenticationRateLimit"):
        return CredentialsError("Neo4j accepts no log-in for a while: too many failed.", "Wait, then set the password.")
    if code.endswith("CredentialsExpired"):
        return CredentialsError(
            f"The password of {address.user!r} must be changed first.", "Change it once with the server's own tools."
        )
    given = f"the password of {address.user!r} is wrong" if address.password else "it asks for a password"
    return CredentialsError(
        f"Neo4j at {address.url} refuses: {given}.",
        "Set COPILOT_NEO4J_USER, and COPILOT_NEO4J_PASSWORD or COPILOT_NEO4J_PASSWORD_FILE.",
    )


def _said(error: Exception) -> str:
    """The server's words: one short line without secrets, and without the query it quotes."""
    words = getattr(error, "message", None) or str(error) or type(error).__name__
    line = " ".join(redact(str(words).split("\n", 1)[0]).split())
    return line if len(line) <= _MAX_SAID else f"{line[: _MAX_SAID - 1]}…"


def _supported(agent: str) -> str:
    """The version of the server.

    Raises:
        VersionError: it is too old, or none of Neo4j.
    """
    found = re.fullmatch(r"Neo4j/((\d+)\.\S+)", agent)
    if found is None:
        raise VersionError(f"What answers calls itself {agent[:60]!r}.", _VERSION_HINT)
    if int(found[2]) < OLDEST:
        raise VersionError(f"Neo4j {found[1]} is too old.", _VERSION_HINT)
    return found[1]
