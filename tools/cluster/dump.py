"""What `kubectl cluster-info dump` writes. Source: k8s.io/kubectl pkg/cmd/clusterinfo/clusterinfo_dump.go.

It lists nodes, then in each namespace a fixed series of kinds, empty ones included: each list it wrote was read whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

import msgspec

from tools.cluster.files_hint import Hint, Shape, kind_of

FIRST = "Event"  # the first list of every namespace
_LISTS = {
    "nodes": "nodes",
    "events": "events",
    "replication-controllers": "replicationcontrollers",
    "services": "services",
    "daemonsets": "daemonsets",
    "deployments": "deployments",
    "replicasets": "replicasets",
    "pods": "pods",
}
LOG_FAILURES = (b"Request log error:", b"Create log request error:")  # written where the log should be


def hint(path: PurePosixPath) -> Hint | None:
    """`nodes.json` and `<namespace>/<list>.json` (or .yaml); None for other names."""
    if path.suffix not in (".json", ".yaml") or path.stem not in _LISTS:
        return None
    found = kind_of(_LISTS[path.stem])
    if found is None:
        return None
    parent = path.parent.name
    namespace = "*" if not found.namespaced else parent
    return Hint(Shape.LIST, found.kind, found.group, found.version, namespace)


class ListSeen(msgspec.Struct):
    """One list of a stream: its kind, whether its namespace is known, and the namespaces of its items."""

    kind: str
    namespace: str
    seen: frozenset[str]


def name_empty_lists(lists: Sequence[ListSeen]) -> None:
    """Give the empty lists of a dump on standard output the namespace of the series they stand in, in place."""
    if not any(one.kind == "Node" for one in lists) or not any(one.kind == FIRST for one in lists):
        return
    series: list[ListSeen] = []
    for one in [*lists, ListSeen(FIRST, "", frozenset())]:
        if one.kind == FIRST:
            names = frozenset().union(*(member.seen for member in series))
            for member in series:
                if not member.namespace and len(names) == 1:
                    member.namespace = next(iter(names))
            series = []
        if one.kind != "Node":
            series.append(one)
