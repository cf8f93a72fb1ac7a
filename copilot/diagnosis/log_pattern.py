"""What one message shape is, and the words that keep ordinary lines from being tried at all. Pure data types."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class LogPattern(msgspec.Struct, frozen=True):
    """One message shape, a regular expression. `sentence` is formatted with the named groups; `{line}` is the whole line.

    `inbound` shapes may as well be about the program's own callers (a user typed a wrong password). `server` names the
    kind of server that has to be changed when a client says this, "any" when every kind says it so.
    """

    cause: str
    shape: str
    sentence: str
    weight: float = 0.75
    inbound: bool = False
    server: str = ""


class LogMatch(msgspec.Struct, frozen=True):
    """A line that fits a pattern, with its named groups."""

    pattern: LogPattern
    groups: Mapping[str, str]

    @property
    def names_something(self) -> bool:
        """Whether it says which host, file, variable or user: such a line beats one that only complains."""
        return any(self.groups.values())


HOST = r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?)"
PORT = r"(?P<port>\d{1,5})"
NAME = r"[\"'`]?(?P<name>[A-Za-z_][A-Za-z0-9_.-]{0,120})[\"'`]?"
PATH = r"(?P<path>/(?!/)[^\s:'\"]{1,300})"


def rows(
    cause: str, weight: float, *shapes: tuple[str, str], inbound: bool = False, server: str = ""
) -> tuple[LogPattern, ...]:
    """Patterns of one cause."""
    return tuple(LogPattern(cause, shape, sentence, weight, inbound, server) for shape, sentence in shapes)


# Every pattern needs one of these, in lower case: a line without any of them is not tried.
HINTS = (
    "refused", "timed out", "timeout", "time out", "resolve", "lookup", "host", "not known", "resolution", "nxdomain",
    "denied", "permitted", "not found", "no such", "not exist", "doesn't", "missing", "required", "not set", "unset",
    "invalid", "unknown", "unrecognized", "error", "exception", "fatal", "emerg", "panic", "fail", "cannot", "can't",
    "could", "unable", "must", "in use", "eaddr", "econn", "etimed", "ehost", "enotfound", "eai_", "unauth", "401",
    "403", "auth", "password", "credential", "expired", "certif", "x509", "space", "enospc", "read-only", "readonly",
    "erofs", "eacces", "memory", "oom", "too many", "pool", "exhausted", "syntax", "exec", "no module", "please",
    "need", "have to", "wrongpass", "noauth", "not defined", "not provided", "yaml", "token", "gated", "not valid", "malformed",
    "unbound", "bad address", "no route", "nodename", "deadline", "rejected", "forbidden", "incompatible",
    "mismatch", "corrupt", "already", "connections", "limit", "too low", "no servers", "nvml", "nccl", "cuda", "driver",
    "bus error", "shm", "not empty", "larger than", "divisible", "empty", "bad_alloc", "pkix", "doesn’t", "self-signed",
    "self signed", "upstream", "interpreter", "converting", "parse", "502", "503", "504", "nobrokers", "link failure", "watermark", "disk", "imds", "no model", "nosuchbucket", "not a directory", "broker", "unexpected", "unabletoconnect", "privilege", "topic", "offset", "duration", "slow query", "query_time", "pause full", "noperm", "misconf", "preempted", "reachable", "zero addresses", "ldap", "segfault", "completion", "killed", "waiting for", "max_children", "not enough", "busy", "starv", "first record", "http response", "http request", "wrong version", "plain http", "https", "clusterdown", "replicas", "leader", "primary", "rsghost", "nospace", "exceeded", "blocked", "assign", "violation", "out of range", "out_of_range", "ssl", "before issued", "not active", "nbf", "closed", "unhealthy", "unavailable",
)  # fmt: skip


def may_matter(line: str) -> bool:
    """Whether any pattern could fit: a test of words, some hundred times as quick as the patterns."""
    lowered = line.lower()
    return any(hint in lowered for hint in HINTS)
