"""The file that names the user's MCP servers, in the shape that other MCP clients read, with the tools that may be used.

Strict: what is not understood, may be written by others or would take the name of an own tool is one error with its line.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from copilot.model import InputError
from copilot.model.hosts import is_loopback
from guardrails.policy.lines import Document, Unreadable

MAX_FILE = 262_144  # bytes: hundreds of servers
MOST_SERVERS = 16  # each is a process or a connection of its own
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,29}[a-z0-9])?")  # without `_`, which parts server and tool
_TOOL = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_HEADER = re.compile(r"([A-Za-z0-9-]{1,64}):[ \t]*([\x20-\x7e]{1,8192})")
_KINDS = {"": (True, True), "stdio": (True, False), "http": (False, True), "streamable-http": (False, True)}
_HINT = "See: kubectl copilot tools --help"


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One server as the file has it."""

    command: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    url: str = ""
    headers_file: str = ""
    type: str = ""
    allow: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mcpServers: dict[str, Any]  # noqa: N815 - the name that other clients use


class Server(msgspec.Struct, frozen=True):
    """One MCP server: a command to start or an address to ask, and the names of the tools that may be used."""

    name: str
    command: tuple[str, ...] = ()
    env: dict[str, str] = {}
    url: str = ""
    headers: dict[str, str] = {}
    allow: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Name it without what its environment and headers hold."""
        return f"Server({self.name!r}, {self.command[:1] or self.url!r})"


def read_servers(path: Path, own: frozenset[str]) -> tuple[Server, ...]:
    """The servers that a file names. `own` are the names of the program's own tools.

    Raises:
        InputError: the file is missing, may be written by others, or holds what is not understood.
    """
    raw, mode = _read(path, MAX_FILE)
    try:
        document = Document(raw)
    except Unreadable as error:
        raise InputError(f"{path}, line {error.problem.line}: {error.problem.text}", _HINT) from error
    try:
        written = msgspec.convert(document.value, _File).mcpServers
    except msgspec.ValidationError as error:
        found = document.problem(error)
        raise InputError(f"{path}, line {found.line}: {found.text}", "Its one field is mcpServers, with a server under each name.") from error  # fmt: skip
    if len(written) > MOST_SERVERS:
        raise InputError(f"{path} names {len(written)} servers.", f"At most {MOST_SERVERS} are used at once.")
    servers = []
    for name, body in written.items():
        try:
            one = msgspec.convert(body, _Written)
        except msgspec.ValidationError as error:
            fields = ", ".join(field.name for field in msgspec.structs.fields(_Written))
            raise InputError(f"{path}, line {document.line('mcpServers', name)}: server {name!r}: {error}", f"A server has: {fields}.") from error  # fmt: skip
        problem = _problem(name, one, mode, own)
        if problem:
            line = document.line("mcpServers", name)
            raise InputError(f"{path}, line {line}: server {name!r} {problem[0]}", problem[1])
        headers = _headers(path.parent / Path(one.headers_file).expanduser()) if one.headers_file else {}
        command = (one.command, *one.args) if one.command else ()
        servers.append(Server(name, command, one.env, one.url, headers, one.allow))
    return tuple(servers)


def _read(path: Path, most: int) -> tuple[bytes, int]:
    """A file of the user's own that nobody else may write.

    Raises:
        InputError: it is none.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise InputError(f"{path} is no file.", _HINT)
            if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or found.st_uid not in (0, os.geteuid()):
                raise InputError(f"{path} may be written by others: it names programs to start.", f"Run: chmod go-w {path}")  # fmt: skip
            raw = file.read(most + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "Check COPILOT_MCP_FILE and the files that it names.") from error  # fmt: skip
    if len(raw) > most:
        raise InputError(f"{path} has more than {most:,} bytes.", _HINT)
    return raw, found.st_mode


def _problem(name: str, one: _Written, mode: int, own: frozenset[str]) -> tuple[str, str] | None:
    """What is wrong with a server, and what to do about it."""
    kind = _KINDS.get(one.type)
    if _NAME.fullmatch(name) is None:
        return "has a name that is not taken.", "Lower-case letters, digits and hyphens, at most 31."
    if bool(one.command) == bool(one.url):
        return "needs either a command or a url.", _HINT
    if kind is None or not kind[0 if one.command else 1]:
        return f"has the type {one.type!r}.", "A command is of type stdio, a url of type http; both go without saying."
    if (one.url and (one.args or one.env)) or (one.command and one.headers_file):
        return "mixes what belongs to a command (args, env) with what belongs to a url (headers_file).", _HINT
    if one.env and mode & (stat.S_IRGRP | stat.S_IROTH):
        return "has an env, and the file can be read by others.", "Run chmod 600 on the file."
    if any("\0" in word for word in (one.command, *one.args, *one.env, *one.env.values())) or any("=" in key or not key for key in one.env):  # fmt: skip
        return "has a word that no program can be started with.", _HINT
    if one.url and not _is_address(one.url, secret=bool(one.headers_file)):
        return "has a url that is not taken.", "An http or https URL without user and password; https where headers go to another machine."  # fmt: skip
    for tool in one.allow:
        if _TOOL.fullmatch(tool) is None:
            return f"allows {tool!r}, which is no tool's name.", "Letters, digits, dots, hyphens and underscores, at most 64; tools are allowed one by one."  # fmt: skip
        if plain_name(tool) in {plain_name(mine) for mine in own}:
            return f"allows {tool!r}, which is the name of an own tool.", "Let the server offer it under another name."
    return None


def plain_name(tool: str) -> str:
    """A tool's name as a hasty reader sees it: `proposePlan` is `propose_plan`."""
    return re.sub(r"[^a-z0-9]", "", tool.casefold())


def _is_address(url: str, *, secret: bool) -> bool:
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        return False
    host = parts.hostname or ""
    fits = parts.scheme == "https" or (parts.scheme == "http" and (not secret or is_loopback(host)))
    return fits and port_fits and bool(host) and not parts.username and not parts.password and url.isprintable()


def _headers(path: Path) -> dict[str, str]:
    """`Name: value` lines of a file that only its owner may read.

    Raises:
        InputError: it is none.
    """
    raw, mode = _read(path, MAX_FILE)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError(f"The headers file {path} can be read by others.", f"Run: chmod 600 {path}")
    found = {}
    for number, line in enumerate(raw.decode("ascii", "replace").splitlines(), 1):
        match = _HEADER.fullmatch(line.strip())
        if line.strip() and match is None:
            raise InputError(
                f"The headers file {path}, line {number}, is no header.", "One header a line, as Name: value"
            )
        if match is not None:
            found[match[1]] = match[2]
    return found
