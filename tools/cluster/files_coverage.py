"""Decides what a recorded list proves. Absence counts only where a whole list was surely seen; in doubt it is PARTIAL.

- A typed list (`PodList`) is one answer of the server: READ for the namespace its path names (unless its items stand in others), else for the one namespace
  of its items, or everywhere when they stand in several. Empty, with no namespace known: PARTIAL.
- A kubectl `List` of several kinds proves the kinds that occur in it: everywhere when it spans several namespaces, else
  in that one. A kind that does not occur was perhaps not asked for: nothing is said about it.
- Every namespace has a ServiceAccount `default` and a ConfigMap `kube-root-ca.crt`, every cluster a Namespace
  `kube-system`: where a list lacks them it was filtered, so it is PARTIAL.
- A list with a `continue` token was cut: PARTIAL. Objects without a uid were written by a person, not observed: PARTIAL.
- Single objects are PARTIAL, except in a must-gather, whose folders hold every object of a kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from copilot.model import Reading, ReadState
from tools.cluster.transcript.kinds import by_kind

_WITNESS = {"ServiceAccount": "default", "ConfigMap": "kube-root-ca.crt", "Namespace": "kube-system"}
_RANK = {ReadState.READ: 0, ReadState.REFUSED: 1, ReadState.PARTIAL: 2, ReadState.MISSING: 3}


class KindSeen(msgspec.Struct):
    """The objects of one kind in one list."""

    count: int = 0
    namespaces: set[str] = msgspec.field(default_factory=set)
    witnessed: set[str] = msgspec.field(default_factory=set)
    observed: bool = False

    def add(self, kind: str, namespace: str, name: str, uid: str) -> None:
        """Count one object."""
        self.count += 1
        self.namespaces.add(namespace)
        self.observed = self.observed or bool(uid)
        if _WITNESS.get(kind) == name:
            self.witnessed.add(namespace)

    def whole(self, kind: str) -> bool:
        """Tell whether the objects that must exist are there."""
        return kind not in _WITNESS or self.namespaces == self.witnessed


class ListFacts(msgspec.Struct):
    """What one list in one file held. `kind` and `group` are set for a typed list, even an empty one."""

    source: str
    kind: str = ""
    group: str = ""
    namespace: str = ""
    cut: bool = False
    kinds: dict[tuple[str, str], KindSeen] = msgspec.field(default_factory=lambda: defaultdict(KindSeen))

    def spans(self) -> set[str]:
        """The namespaces of all objects in it."""
        return {name for seen in self.kinds.values() for name in seen.namespaces if name}


def readings(facts: ListFacts) -> Iterator[Reading]:
    """Say what one list proves."""
    if facts.kind and not facts.kinds:
        yield _empty(facts)
        return
    everywhere = len(facts.spans()) > 1
    promised = facts.namespace if facts.namespace == "*" or facts.spans() <= {facts.namespace} else ""
    for (kind, group), seen in sorted(facts.kinds.items()):
        namespaces = sorted(seen.namespaces - {""})
        scope = promised or ("*" if everywhere or not namespaces else namespaces[0])
        state, detail = _judge(kind, seen, facts)
        yield Reading(kind, group, scope, state, seen.count, detail)


def _empty(facts: ListFacts) -> Reading:
    known = by_kind(facts.kind)
    scope = facts.namespace or ("*" if known.known and not known.namespaced else "")
    if scope and not facts.cut:
        return Reading(facts.kind, facts.group, scope, ReadState.READ, 0)
    detail = f"{facts.source}: an empty list that does not say of which namespace"
    return Reading(facts.kind, facts.group, scope or "*", ReadState.PARTIAL, 0, detail)


def _judge(kind: str, seen: KindSeen, facts: ListFacts) -> tuple[ReadState, str]:
    if facts.cut:
        return ReadState.PARTIAL, f"{facts.source}: the list was cut by its page limit"
    if not seen.observed:
        return ReadState.PARTIAL, f"{facts.source}: written objects, not observed ones (they have no uid)"
    if not facts.kind and not seen.whole(kind):
        return ReadState.PARTIAL, f"{facts.source}: a filtered list (it lacks {_WITNESS[kind]})"
    return ReadState.READ, ""


def folded(found: Iterable[Reading]) -> tuple[Reading, ...]:
    """Fold readings of the same kind and namespace into one: the strongest state, the objects of all."""
    best: dict[tuple[str, str, str], Reading] = {}
    for one in found:
        key = (one.kind, one.group, one.namespace)
        known = best.get(key)
        if known is None:
            best[key] = one
            continue
        strong, weak = sorted((known, one), key=lambda reading: _RANK[reading.state])
        best[key] = msgspec.structs.replace(strong, count=strong.count + weak.count)
    return tuple(best[key] for key in sorted(best))
