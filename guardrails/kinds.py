"""The kinds that can be changed, and how people write them. A kind that is not here cannot be named in a plan."""

from __future__ import annotations

import msgspec

from copilot.model.kinds import built_in
from guardrails.plan import Op


class Workload(msgspec.Struct, frozen=True):
    """One kind: where the API keeps it, the words for it, and what may be done to it."""

    kind: str
    resource: str
    words: frozenset[str]
    ops: frozenset[Op]
    group: str
    version: str


def _workload(name: str, *ops: Op) -> Workload:
    known = built_in(name)
    assert known is not None
    full = (f"{known.kind.lower()}.{known.group}", f"{known.plural}.{known.group}")
    return Workload(
        kind=known.kind,
        resource=known.plural,
        words=frozenset((*known.names, *full)),
        ops=frozenset(ops),
        group=known.group,
        version=known.version,
    )


WORKLOADS: tuple[Workload, ...] = (
    _workload("Deployment", Op.SCALE, Op.RESTART),
    _workload("StatefulSet", Op.SCALE, Op.RESTART),
    _workload("DaemonSet", Op.RESTART),
    _workload("ReplicaSet", Op.SCALE),
)

# A bare name never means a ReplicaSet: nearly all of them belong to a Deployment of a similar name.
GUESSED = ("Deployment", "StatefulSet", "DaemonSet")


def workload(kind: str) -> Workload:
    """The workload with this kind.

    Raises:
        KeyError: the kind cannot be changed.
    """
    for known in WORKLOADS:
        if known.kind == kind:
            return known
    raise KeyError(kind)


def workload_of_word(word: str) -> Workload | None:
    """The workload a person means by one word, or None."""
    return next((known for known in WORKLOADS if word.lower() in known.words), None)
