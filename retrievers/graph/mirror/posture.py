"""What a Neo4j server would let a query do that our own checks let slip: its settings, read and tried, never changed."""

from __future__ import annotations

import msgspec

from copilot.model import CopilotError
from retrievers.graph.mirror.link import Link

_SETTINGS = (
    "SHOW SETTINGS YIELD name, value WHERE name IN ['dbms.security.allow_csv_import_from_file_urls', "
    "'db.memory.transaction.max', 'dbms.security.auth_enabled'] RETURN name, value"
)
_FILES = "dbms.security.allow_csv_import_from_file_urls"
_MEMORY = "db.memory.transaction.max"
_AUTH = "dbms.security.auth_enabled"
_BLOCKED = "internal.dbms.cypher_ip_blocklist"
# Port 9 of the server's own machine: nothing listens there, and what the server says tells whether it tried.
_TRY = "LOAD CSV FROM 'http://127.0.0.1:9/' AS row RETURN count(row) AS rows"


class Hole(msgspec.Struct, frozen=True):
    """A setting that leaves something open, and the line of neo4j.conf that closes it."""

    text: str
    line: str


def holes(link: Link) -> list[Hole]:
    """What the server leaves open.

    Raises:
        CopilotError: the server does not show its settings.
    """
    held = {row["name"]: str(row["value"]).lower() for row in link.rows(_SETTINGS)}
    found = []
    if held.get(_AUTH) == "false":
        found.append(Hole("anyone who reaches its port reads and writes everything", f"{_AUTH}=true"))
    if held.get(_FILES) != "false":
        found.append(Hole("LOAD CSV reads files of the server", f"{_FILES}=false"))
    if _fetches(link):
        found.append(Hole("LOAD CSV fetches from the network of the server", f"{_BLOCKED}=0.0.0.0/0,::/0"))
    if held.get(_MEMORY, "0b") in ("0b", "0", ""):
        found.append(Hole("one query may take all its memory", f"{_MEMORY}=256m"))
    return found


def _fetches(link: Link) -> bool:
    """Whether the server tries to open a connection for LOAD CSV."""
    try:
        link.rows(_TRY)
    except CopilotError as error:
        return "block" not in error.title.lower()
    return True
