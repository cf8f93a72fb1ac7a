"""What a person types as the target: `DST[:PORT][/PROTOCOL]`, with IPv6 addresses in brackets. Split once, here."""

from __future__ import annotations

import re

import msgspec

from copilot.diagnosis.policy_match import MAX_PORT, parse_network
from copilot.model import UsageError

PROTOCOLS = ("TCP", "UDP", "SCTP")
_PORT = re.compile(r"^(?P<end>.*?):(?P<port>[A-Za-z0-9][A-Za-z0-9-]{0,62})$")
_BRACKETS = re.compile(r"^\[(?P<end>[0-9A-Fa-f:.]+)\](?P<rest>.*)$")


class Wanted(msgspec.Struct, frozen=True):
    """The words for the end, and its port: a number, a name, or nothing."""

    end: str
    port: int = 0
    port_name: str = ""
    protocol: str = ""


def read_wanted(words: str) -> Wanted:
    """Split the target.

    Raises:
        UsageError: a port is out of range, or nothing is left to reach.
    """
    rest, protocol = _protocol(words.strip())
    if parse_network(rest) is not None:
        return Wanted(rest, protocol=protocol)
    bracket = _BRACKETS.match(rest)
    end, port = (bracket["end"], bracket["rest"].removeprefix(":")) if bracket else (rest, "")
    match = None if bracket else _PORT.match(rest)
    if match:
        end, port = match["end"], match["port"]
    if not end:
        raise UsageError(f"{words!r} names nothing to reach.", "Write DST[:PORT][/PROTOCOL], like svc/web:80.")
    if not port.isdigit():
        return Wanted(end, port_name=port, protocol=protocol)
    if not 0 < int(port[:6]) <= MAX_PORT or len(port) > len(str(MAX_PORT)):
        raise UsageError(f"{port} is no port.", f"Ports are 1 to {MAX_PORT}, or a name.")
    return Wanted(end, int(port), protocol=protocol)


def _protocol(words: str) -> tuple[str, str]:
    """Without the protocol, and the protocol; `kind/udp` is an object of that name unless a port or a namespace stands before."""
    before, slash, last = words.rpartition("/")
    if slash and last.upper() in PROTOCOLS and (":" in before or "/" in before or parse_network(before) is not None):
        return before, last.upper()
    return words, ""
