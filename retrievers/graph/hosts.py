"""Service names in environment values and arguments: which in-cluster host a workload is told to talk to. Pure.

Only literal values are read. What a value means outside the cluster is never guessed: a bare name that no service
answers to becomes an uncertain reference where the variable speaks of hosts, and nothing elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from functools import lru_cache
from typing import Any

import msgspec

from copilot.model import Ref, text
from retrievers.graph.edges.pod_spec import PodSpec, containers_of

_MAX_VALUE = 4096  # characters of one value that are read: longer ones are scripts or documents
_MAX_ARGUMENTS = 200  # arguments of one container that are read


class Strength(IntEnum):
    """How sure it is that the text is a host of this cluster."""

    LOOSE = 1  # `name:port` somewhere
    NAMED = 2  # in a URL, or the value of a variable that speaks of hosts
    EXPLICIT = 3  # carries the `.svc` label


class Mention(msgspec.Struct, frozen=True):
    """A host and the field that names it."""

    host: str
    strength: Strength
    field: str


_HOST_WORD = re.compile(
    r"(?:^|[_.\-]|(?<=[a-z0-9])(?=[A-Z]))"
    r"(?:hosts?|hostname|urls?|uri|addr(?:ess)?(?:es)?|endpoints?|dsn|servers?|brokers?|upstreams?|peers?|nodes)$",
    re.IGNORECASE,
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,30}://([^\s/?#\"'<>]+)")
_DRIVER_ADDRESS = re.compile(r"\b(?:tcp|udp)\(([^()\s]{1,253})\)")  # user:password@tcp(db:3306)/name
_KEYWORD = re.compile(  # `Host=db;Port=5432`, `host=db port=5432`, `Server=tcp:db,1433`: ADO.NET and libpq connection strings
    r"(?:^|[;\s])(?:host|server|data source|addr(?:ess)?|network address)\s*=\s*(?:tcp:)?([A-Za-z0-9][\w.\-]{0,252})(?=[;,:\s\\]|$)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]*")
_PORT = re.compile(r":[0-9]{1,5}(?![0-9A-Za-z.])")
_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$")
_OWN = frozenset({"localhost", "localhost.localdomain", "host.docker.internal"})


def mentions_of(pod: PodSpec) -> Iterator[Mention]:
    """Hosts in literal `env` values, `command` and `args` of every container."""
    for place, container in containers_of(pod.spec):
        where = ""
        for name, value, field in _values(container):
            found = hosts_in(name, value[:_MAX_VALUE])
            if found:
                where = where or f"{pod.field}.{place}[{text(container, 'name')}]"
                for host, strength in found:
                    yield Mention(host, strength, f"{where}.{field}")


def _values(container: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(variable or flag, value, field) of everything literal."""
    variables = container.get("env")
    for variable in variables if isinstance(variables, list) else ():
        value = variable.get("value") if isinstance(variable, dict) else None
        if isinstance(value, str) and value:
            name = text(variable.get("name"))
            yield name, value, f"env[{name}].value"
    for field in ("command", "args"):
        arguments = container.get(field)
        if not arguments:
            continue
        flag = ""
        for index, argument in enumerate(arguments[:_MAX_ARGUMENTS] if isinstance(arguments, list) else ()):
            if not isinstance(argument, str):
                continue
            name, equals, value = argument.partition("=")
            if argument.startswith("-") and equals:
                yield name, value, f"{field}[{index}]"
            else:
                yield flag, argument, f"{field}[{index}]"
            flag = argument if argument.startswith("-") else ""


@lru_cache(maxsize=8192)  # replicas repeat the same values thousands of times
def hosts_in(name: str, value: str) -> tuple[tuple[str, Strength], ...]:
    """The hosts one value names, the strongest reading of each."""
    speaks_of_hosts = _HOST_WORD.search(name) is not None
    if not speaks_of_hosts and not any(sign in value for sign in (":", ".svc", "=")):
        return ()
    found: dict[str, Strength] = {}
    for pattern in (_URL, _DRIVER_ADDRESS, *((_KEYWORD,) if "=" in value else ())):
        for match in pattern.finditer(value):
            for host in _authority(match[1]):
                _note(found, host, Strength.NAMED)
    outside = _URL.sub(" ", value)
    for match in _TOKEN.finditer(outside):
        token = match[0]
        whole = token == value or (speaks_of_hosts and _stands_alone(outside, match))
        if _PORT.match(outside, match.end()) and outside[match.start() - 1 : match.start()] not in (":", "/"):
            _note(found, token, Strength.NAMED if speaks_of_hosts else Strength.LOOSE)
        elif speaks_of_hosts and whole:
            _note(found, token, Strength.NAMED)
        elif ".svc" in token:
            _note(found, token, Strength.LOOSE)
    return tuple(found.items())


def _authority(written: str) -> Iterator[str]:
    """Hosts of a URL's authority: without user and password, several parted by commas, without port."""
    for host in written.rpartition("@")[2].split(","):
        yield host.partition(":")[0]


def _stands_alone(value: str, match: re.Match[str]) -> bool:
    """An item of a comma-separated list."""
    before, after = value[: match.start()].rstrip(), value[match.end() :].lstrip()
    return (not before or before[-1] == ",") and (not after or after[0] == ",")


def _note(found: dict[str, Strength], host: str, strength: Strength) -> None:
    host = host.lower().rstrip(".")
    labels = host.split(".")
    if len(labels) > 8 or not all(_LABEL.match(label) for label in labels):
        return
    if host in _OWN or host.replace(".", "").replace("-", "").isdigit():
        return
    if "svc" in labels[2:]:
        strength = Strength.EXPLICIT
    found[host] = max(strength, found.get(host, strength))


def candidates(host: str, namespace: str) -> list[Ref]:
    """The services a resolver inside a pod of the namespace could mean, the likeliest first.

    `db`, `db.shop`, `db.shop.svc`, `db.shop.svc.cluster.local`, and a pod of a headless service: `db-0.db`,
    `db-0.db.shop`, `db-0.db.shop.svc…`.
    """
    labels = host.split(".")
    if "svc" in labels[2:]:
        place = labels.index("svc", 2)
        return [Ref("Service", labels[place - 1], labels[place - 2])]
    match labels:
        case [name]:
            return [Ref("Service", namespace, name)]
        case [first, second]:
            return [Ref("Service", second, first), Ref("Service", namespace, second)]
        case [_, second, third]:
            return [Ref("Service", third, second)]
        case _:
            return []


def could_mean(possible: list[Ref]) -> list[Ref]:
    """Every object whose coming could change what a host means: its candidates, and the namespace it may name."""
    return [*possible, Ref("Namespace", "", possible[0].namespace)] if len(possible) > 1 else possible


def resolve(mention: Mention, possible: list[Ref], exists: Callable[[Ref], bool]) -> tuple[Ref, bool] | None:
    """Which of its candidates a mention means and whether that is certain; None where nothing answers to it."""
    for service in possible:
        if exists(service):
            return service, True
    if not possible or mention.strength is Strength.LOOSE:
        return None
    service = possible[0]
    if mention.strength is Strength.EXPLICIT:
        return service, True
    is_bare = "." not in mention.host
    return (service, False) if is_bare or exists(Ref("Namespace", "", service.namespace)) else None
