"""One API object as it was observed. The body keeps the API's own field names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

from copilot.model.fields import mapping, text
from copilot.model.moment import instant
from copilot.model.ref import Ref


class Detail(Enum):
    """How much of the object the source could show. Absence of a field proves something only when FULL."""

    FULL = "full"  # the API object itself
    DESCRIBED = "described"  # read back from `kubectl describe`: spec and status, most fields
    ROW = "row"  # one line of a `kubectl get` table: name and a few status columns


class Resource(msgspec.Struct, frozen=True, eq=False, dict=False):
    """An object and where it was read.

    `body` is the decoded JSON (apiVersion, kind, metadata, spec, status …), without managedFields,
    last-applied annotations and Secret values. `source` is what an answer may cite: `api`, `pods.json`, `paste:12`.
    """

    ref: Ref
    body: dict[str, Any]
    uid: str = ""
    source: str = ""
    detail: Detail = Detail.FULL

    @property
    def metadata(self) -> Mapping[str, Any]:
        """`metadata`, or an empty mapping."""
        return mapping(self.body, "metadata")

    @property
    def spec(self) -> Mapping[str, Any]:
        """`spec`, or an empty mapping."""
        return mapping(self.body, "spec")

    @property
    def status(self) -> Mapping[str, Any]:
        """`status`, or an empty mapping."""
        return mapping(self.body, "status")

    @property
    def labels(self) -> Mapping[str, Any]:
        """`metadata.labels`, or an empty mapping."""
        return mapping(self.body, "metadata", "labels")

    @property
    def annotations(self) -> Mapping[str, Any]:
        """`metadata.annotations`, or an empty mapping."""
        return mapping(self.body, "metadata", "annotations")

    @property
    def created(self) -> datetime | None:
        """`metadata.creationTimestamp`."""
        return instant(self.metadata.get("creationTimestamp"))

    @property
    def deleted(self) -> datetime | None:
        """`metadata.deletionTimestamp`: set means the object is terminating."""
        return instant(self.metadata.get("deletionTimestamp"))

    @property
    def resource_version(self) -> str:
        """`metadata.resourceVersion`."""
        return text(self.metadata, "resourceVersion")


def ref_of(body: Mapping[str, Any]) -> Ref:
    """The address of an API object: its group comes from `apiVersion`.

    Events keep kind `Event` with group "" whichever of the two groups served them: they are one concept.
    """
    api_version = text(body, "apiVersion")
    group = api_version.rpartition("/")[0]
    kind = text(body, "kind")
    if kind == "Event" and group == "events.k8s.io":
        group = ""
    return Ref(
        kind=kind, namespace=text(body, "metadata", "namespace"), name=text(body, "metadata", "name"), group=group
    )
