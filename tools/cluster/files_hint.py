"""What a file's path says about it, before it is opened: a list of one kind, a container's log, a record of errors."""

from __future__ import annotations

from enum import Enum

import msgspec

from tools.cluster.transcript.kinds import KindInfo, by_resource, is_resource


class Shape(Enum):
    """What a path promises. OBJECTS promises nothing: the content decides."""

    OBJECTS = "objects"
    LIST = "list"  # the whole list of one kind in one namespace
    ONE_OF_ALL = "one-of-all"  # one object; its folder holds every object of that kind
    LOG = "log"
    ERRORS = "errors"  # why a list could not be read
    IGNORED = "ignored"  # known, and no fact about the cluster's objects


class Hint(msgspec.Struct, frozen=True):
    """A path's promise. `namespace` is "" when the path does not say, "*" for all namespaces and cluster-scoped kinds."""

    shape: Shape
    kind: str = ""
    group: str = ""
    version: str = ""
    namespace: str = ""
    pod: str = ""
    container: str = ""
    previous: bool = False

    @property
    def api_version(self) -> str:
        """`apiVersion` of the objects, for items that carry none."""
        return f"{self.group}/{self.version}" if self.group else self.version


def kind_of(resource: str, group: str = "") -> KindInfo | None:
    """The kind behind a resource name (`pods`, `deployments`), or None where the name is not known.

    `core` is the folder name of the core group in dumps.
    """
    group = "" if group == "core" else group
    if not is_resource(resource):
        return None
    found = by_resource(f"{resource}.{group}" if group else resource)
    return found if (found.known and found.group in ("", group)) or not group else None
