"""Where the mirror's database is and who asks. The password never stands in an address, an argument or a `repr`."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from copilot.model import InputError, UsageError
from copilot.model.hosts import is_near

DEFAULT_USER = "neo4j"
ENCRYPTED = frozenset({"bolt+s", "bolt+ssc", "neo4j+s", "neo4j+ssc"})
SCHEMES = ENCRYPTED | {"bolt", "neo4j"}
MAX_PASSWORD = 1024  # bytes: a longer file is not a password
_EXAMPLE = "Give an address like bolt://127.0.0.1:7687 or neo4j+s://graph.example.com."


class Address(msgspec.Struct, frozen=True):
    """One database. Without a password the server is asked without credentials."""

    url: str
    user: str = DEFAULT_USER
    password: str = ""

    def __repr__(self) -> str:
        """The address without its password."""
        return f"Address({self.url!r}, user={self.user!r})"

    __str__ = __repr__


def parse_address(url: str, user: str = "", password: str = "") -> Address:
    """Check an address.

    Raises:
        UsageError: it is none of a Neo4j server, holds a password, or would send one unencrypted over a network.
    """
    try:
        parts = urlsplit(url.strip())
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise UsageError("The address of Neo4j cannot be read.", _EXAMPLE) from error
    if parts.username is not None or parts.password is not None or "@" in url:
        raise UsageError(
            "The address of Neo4j holds a user or a password.",
            "Set COPILOT_NEO4J_USER, and COPILOT_NEO4J_PASSWORD or COPILOT_NEO4J_PASSWORD_FILE, instead.",
        )
    if parts.scheme not in SCHEMES or not host or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise UsageError(f"{url!r} is no address of a Neo4j server.", _EXAMPLE)
    if password and parts.scheme not in ENCRYPTED and not is_near(host):
        raise UsageError(
            f"The password would travel unencrypted to {host}.",
            f"Use {parts.scheme}+s://{host}{f':{port}' if port else ''}, or reach the server through a tunnel to 127.0.0.1.",
        )
    return Address(f"{parts.scheme}://{parts.netloc}", user.strip() or DEFAULT_USER, password)


def read_password_file(path: Path) -> str:
    """The password in a file that only its owner may read.

    Raises:
        InputError: the file is missing, not a plain file, readable by others, empty or far too long.
    """
    hint = "It holds one line, and only you may read it: chmod 600."
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or stat.S_IMODE(about.st_mode) & 0o077:
                raise InputError(f"The password file {path} can be read by others, or is no plain file.", hint)
            raw = file.read(MAX_PASSWORD + 1)
        password = raw.decode("utf-8").rstrip("\r\n")
    except OSError as error:
        raise InputError(f"The password file {path} cannot be read: {error.strerror}.", hint) from error
    except UnicodeDecodeError as error:
        raise InputError(f"The password file {path} holds no text.", hint) from error
    if not password or len(raw) > MAX_PASSWORD or not password.isprintable():
        raise InputError(f"The password file {path} does not hold one password.", hint)
    return password
