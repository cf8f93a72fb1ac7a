"""Who wrote an object and when, as far as `metadata.managedFields` keeps it: the last write of each manager."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from copilot.model import Resource, children, instant, text

TOGETHER = timedelta(seconds=5)  # a controller answers an edit well within it
_SAME_MOMENT = timedelta(seconds=2)  # times of the API are whole seconds
# Components of the cluster that write into other people's objects all the time (node agents, controllers, the scheduler).
_MACHINERY = ("kube-", "kubelet", "cloud-controller-manager", "k3s", "k0s", "kindnet", "cloud-node")


class Write(msgspec.Struct, frozen=True):
    """The last write of one manager. `subresource` is "" for the object itself."""

    at: datetime
    manager: str
    subresource: str = ""


def writes_to(resource: Resource) -> list[Write]:
    """The last write of every manager with a time, oldest first."""
    found = []
    for entry in children(resource.metadata, "managedFields"):
        at = instant(entry.get("time"))
        if at is not None:
            found.append(Write(at, text(entry, "manager") or "an unnamed manager", text(entry, "subresource")))
    return sorted(found, key=lambda write: (write.at, write.manager, write.subresource))


def edits_of(resource: Resource) -> list[Write]:
    """Writes to the object itself after it was created, those of the cluster's own machinery left out."""
    return [
        write
        for write in writes_to(resource)
        if not write.subresource and not is_machinery(write.manager) and not _is_creation(write, resource)
    ]


def is_machinery(manager: str) -> bool:
    """Whether the manager is a component of the cluster itself."""
    return manager.startswith(_MACHINERY)


def _is_creation(write: Write, resource: Resource) -> bool:
    return resource.created is not None and abs(write.at - resource.created) <= _SAME_MOMENT


def writer_at(resource: Resource, moment: datetime) -> str:
    """Who wrote the object just before the moment; nothing when that is not kept."""
    near = [
        write
        for write in writes_to(resource)
        if not write.subresource and not is_machinery(write.manager) and -_SAME_MOMENT <= moment - write.at <= TOGETHER
    ]
    return near[-1].manager if near else ""
