"""Asks a server which kinds it serves. Aggregated discovery where there is one, the old way where not, the usual kinds otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from copilot.model import Reading, ReadState
from copilot.model.fields import children, dig, text, texts
from tools.cluster.discovery_known import MOVED_GROUPS, NEVER_LISTED, WELL_KNOWN, ApiKind
from tools.cluster.transport import Answer, Transport
from tools.cluster.transport_errors import NotAnApiError

_AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)


class Discovery(msgspec.Struct, frozen=True):
    """The kinds that can be listed, each once in its preferred version, and what could not be found out."""

    kinds: tuple[ApiKind, ...]
    readings: tuple[Reading, ...] = ()
    notes: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()

    def has(self, kind: str, group: str = "") -> bool:
        """Tell whether the server serves a kind."""
        return any(one.kind == kind and one.group == group for one in self.kinds)


def discover(transport: Transport) -> Discovery:
    """Find every kind that can be listed.

    Raises:
        NotAnApiError: Whatever answers is no API server.
        ConnectionLostError: Nothing answers.
        UnauthorizedError: The server does not know who asks.
    """
    core = transport.get("/api", accept=_AGGREGATED)
    if core.status in (403, 404) and core.json() is not None:
        note = f"The server does not say which kinds it has ({core.reason}): only the usual kinds were tried."
        return _finished(WELL_KNOWN, [note])
    _check(transport, core)
    groups = transport.get("/apis", accept=_AGGREGATED)
    _check(transport, groups)
    notes: list[str] = []
    found: list[ApiKind] = []
    for answer, prefix in ((core, "/api"), (groups, "/apis")):
        document = answer.json()
        if text(document, "kind") == "APIGroupDiscoveryList":
            found += _aggregated(document, notes)
        else:
            found += _legacy(transport, document, prefix, notes)
    return _finished(found, notes)


def _check(transport: Transport, answer: Answer) -> None:
    document = answer.json()
    if not answer.ok or not isinstance(document, dict) or not text(document, "kind"):
        raise NotAnApiError(transport.connection.label, answer.status, answer.content_type)


def _aggregated(document: Any, notes: list[str]) -> Iterator[ApiKind]:
    for group in children(document, "items"):
        name = text(group, "metadata", "name")
        seen: set[str] = set()
        for version in children(group, "versions"):  # the preferred version comes first
            if text(version, "freshness") == "Stale":
                notes.append(f"API {name}/{text(version, 'version')} is served by an add-on that does not answer.")
            for entry in children(version, "resources"):
                plural = text(entry, "resource")
                if plural and plural not in seen and "list" in texts(entry, "verbs"):
                    seen.add(plural)
                    yield ApiKind(
                        group=name,
                        version=text(version, "version"),
                        plural=plural,
                        kind=text(entry, "responseKind", "kind"),
                        namespaced=text(entry, "scope") == "Namespaced",
                    )


def _legacy(transport: Transport, document: Any, prefix: str, notes: list[str]) -> Iterator[ApiKind]:
    if prefix == "/api":
        yield from _versions(
            transport, "", [version for version in texts(document, "versions") if version == "v1"], notes
        )
        return
    for group in children(document, "groups"):
        preferred = text(group, "preferredVersion", "version")
        others = [text(version, "version") for version in children(group, "versions")]
        ordered = [preferred, *(version for version in others if version != preferred)] if preferred else others
        yield from _versions(transport, text(group, "name"), ordered, notes)


def _versions(transport: Transport, group: str, versions: list[str], notes: list[str]) -> Iterator[ApiKind]:
    seen: set[str] = set()
    for version in versions:
        where = f"/apis/{group}/{version}" if group else f"/api/{version}"
        answer = transport.get(where)
        if not answer.ok:
            notes.append(f"API {group}/{version} could not be looked up: HTTP {answer.status} {answer.reason}")
            continue
        for entry in children(answer.json(), "resources"):
            plural = text(entry, "name")
            if plural and "/" not in plural and plural not in seen and "list" in texts(entry, "verbs"):
                seen.add(plural)
                yield _legacy_kind(group, version, plural, entry)


def _legacy_kind(group: str, version: str, plural: str, entry: Mapping[str, Any]) -> ApiKind:
    return ApiKind(
        group=group,
        version=version,
        plural=plural,
        kind=text(entry, "kind"),
        namespaced=dig(entry, "namespaced") is True,
    )


def _finished(found: Iterable[ApiKind], notes: list[str]) -> Discovery:
    served = [kind for kind in found if _is_name(kind.group or "core", kind.version, kind.plural) and kind.kind]
    groups = {kind.group for kind in served}
    places = {(kind.group, kind.kind) for kind in served}
    kinds = {
        (kind.group, kind.kind): kind
        for kind in reversed(served)
        if (kind.group, kind.plural) not in NEVER_LISTED
        and (kind.group, "*") not in NEVER_LISTED
        and not any((other, kind.kind) in places for other in MOVED_GROUPS.get(kind.group, ()) if other in groups)
        and not (kind.kind == "Endpoints" and ("discovery.k8s.io", "EndpointSlice") in places)
    }
    missing = [
        Reading(kind.kind, kind.group, state=ReadState.MISSING, detail="The server does not serve this kind.")
        for kind in WELL_KNOWN
        if (kind.group, kind.kind) not in kinds
    ]
    secrets = Reading("Secret", state=ReadState.PARTIAL, detail=NEVER_LISTED["", "secrets"])
    return Discovery(
        kinds=tuple(sorted(kinds.values())),
        readings=(*missing, secrets),
        notes=tuple(dict.fromkeys(notes)),
        groups=frozenset(groups),
    )


def _is_name(*parts: str) -> bool:
    """Only what can stand in a path as it is: a hostile add-on chooses these words."""
    return all(part.replace("-", "").replace(".", "").isalnum() and part.isascii() for part in parts)
