"""Which object is meant: API group, kind, namespace, name. Equal refs mean the same object."""

from __future__ import annotations

import msgspec

_CORE_GROUPS = frozenset({"", "apps", "batch"})


class Ref(msgspec.Struct, frozen=True, order=True, gc=False, cache_hash=True):
    """An object's address inside one cluster.

    `group` is the API group without version ("" for core), `namespace` is "" for cluster-scoped kinds.
    """

    kind: str
    namespace: str
    name: str
    group: str = ""

    def __str__(self) -> str:
        """`Deployment shop/web`, or `Node worker-1` when there is no namespace."""
        return f"{self.kind} {self.path}"

    @property
    def path(self) -> str:
        """`namespace/name`, or the name alone for cluster-scoped kinds."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def argument(self) -> str:
        """The object as a kubectl argument, e.g. `deployment/web` or `workload.kueue.x-k8s.io/job-a`."""
        kind = self.kind.lower()
        return f"{kind}/{self.name}" if self.group in _CORE_GROUPS else f"{kind}.{self.group}/{self.name}"

    @property
    def flags(self) -> str:
        """The namespace flag kubectl needs for it, with a leading space, or nothing."""
        return f" -n {self.namespace}" if self.namespace else ""

    def as_json(self) -> dict[str, str]:
        """The object as output for machines names it."""
        return {"kind": self.kind, "namespace": self.namespace, "name": self.name}
