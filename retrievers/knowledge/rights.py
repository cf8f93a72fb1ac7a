"""Who may be shown what was read from a cluster. Nobody, until the API server said what the asker can get."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from copilot.model.kinds import built_in

ANYWHERE = "*"
MOST_QUESTIONS = 400  # access reviews for one search: about four seconds; what is left unasked counts as no


class Need(msgspec.Struct, frozen=True, order=True):
    """What must be gettable: a resource (`deployments.apps`) in a namespace, "" for cluster-scoped kinds."""

    cluster: str
    resource: str
    namespace: str


class Rights(msgspec.Struct, frozen=True):
    """What an asker can get in one cluster, as `resource@namespace`; `resource@*` everywhere.

    `unasked` counts the needs that were not asked about because there were too many; they count as refused.
    """

    cluster: str = ""
    granted: frozenset[str] = frozenset()
    unasked: int = 0

    def allow(self, need: Need) -> bool:
        """Tell whether a need is met."""
        known = {f"{need.resource}@{need.namespace}", f"{need.resource}@{ANYWHERE}"}
        return need.cluster == self.cluster and not known.isdisjoint(self.granted)

    def within(self, namespace: str, needs: Iterable[Need]) -> Rights:
        """The same rights in one namespace and to what has none."""
        met = (need for need in needs if need.namespace in ("", namespace) and self.allow(need))
        return Rights(self.cluster, frozenset(f"{need.resource}@{need.namespace}" for need in met), self.unasked)

    def as_json(self) -> str:
        """The grants as SQLite reads them."""
        return msgspec.json.encode(sorted(self.granted)).decode()


NOBODY = Rights()


def everything(cluster: str, needs: Iterable[Need]) -> Rights:
    """The rights of whoever holds the recording itself."""
    return Rights(cluster, frozenset(f"{need.resource}@{ANYWHERE}" for need in needs))


def asked_rights(cluster: str, needs: Iterable[Need], may: Callable[[str, str], bool]) -> Rights:
    """Ask for every need: first for all namespaces at once, then one by one. `may(resource, namespace)`, "" for all."""
    wanted: dict[str, list[str]] = {}
    for need in needs:
        if need.cluster == cluster:
            wanted.setdefault(need.resource, []).append(need.namespace)
    granted: set[str] = set()
    asked = unasked = 0
    for resource, namespaces in sorted(wanted.items()):
        asked += 1
        if asked > MOST_QUESTIONS:
            unasked += len(namespaces)
            continue
        if may(resource, ""):
            granted.add(f"{resource}@{ANYWHERE}")
            continue
        for namespace in filter(None, sorted(set(namespaces))):
            asked += 1
            if asked > MOST_QUESTIONS:
                unasked += 1
            elif may(resource, namespace):
                granted.add(f"{resource}@{namespace}")
    return Rights(cluster, frozenset(granted), unasked)


def resource_of(kind: str, group: str) -> str:
    """`deployments.apps`, `pods`; of a kind that is not built in the name that its plural most often has."""
    known = built_in(kind, group)
    if known is not None:
        plural = known.plural
    else:
        lowered = kind.lower()
        plural = lowered + "es" if lowered.endswith(("s", "x", "ch")) else lowered.removesuffix("y") + "ies" if lowered.endswith("y") else lowered + "s"  # fmt: skip
    return f"{plural}.{group}" if group else plural
