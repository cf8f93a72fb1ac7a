"""The kinds that can be changed, and how people write them. A kind that is not here cannot be named in a plan."""

from __future__ import annotations

import msgspec

from guardrails.plan import Op


class Workload(msgspec.Struct, frozen=True):
    """One kind: where the API keeps it, the words for it, and what may be done to it."""

    kind: str
    resource: str
    words: frozenset[str]
    ops: frozenset[Op]
    group: str = "apps"
    version: str = "v1"


_BOTH = frozenset({Op.SCALE, Op.RESTART})

WORKLOADS: tuple[Workload, ...] = (
    Workload("Deployment", "deployments", frozenset({"deployment", "deployments", "deploy", "deployment.apps",
             "deployments.apps"}), _BOTH),
    Workload("StatefulSet", "statefulsets", frozenset({"statefulset", "statefulsets", "sts", "statefulset.apps",
             "statefulsets.apps"}), _BOTH),
    Workload("DaemonSet", "daemonsets", frozenset({"daemonset", "daemonsets", "ds", "daemonset.apps",
             "daemonsets.apps"}), frozenset({Op.RESTART})),
    Workload("ReplicaSet", "replicasets", frozenset({"replicaset", "replicasets", "rs", "replicaset.apps",
             "replicasets.apps"}), frozenset({Op.SCALE})),
)  # fmt: skip

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
