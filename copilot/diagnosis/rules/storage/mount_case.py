"""A pod that waits for a volume: the event that says why, the claim and volume it is about, and the shape of findings."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from copilot.diagnosis.cause import Cause
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.rules.scheduling.fit import volumes_of
from copilot.diagnosis.steps import change, describe, listing
from copilot.diagnosis.view import View, told
from copilot.model import Evidence, Finding, Ref, Resource
from retrievers.graph import EventFact

_SEEN = ("event FailedMount", "event FailedAttachVolume", "status.containerStatuses[].state.waiting.reason")


def mount_cause(
    rule: str,
    title: str,
    *fields: str,
    yields: bool = False,
    secondary: bool = False,
    kind: str = "Pod",
    citation: str = "pkg/volume/util/operationexecutor/operation_generator.go",
) -> Cause:
    """Declare a cause that is read from a pod's mount or attach events."""
    return Cause(
        id=rule,
        title=title,
        kind=kind,
        fields=(*fields, *_SEEN),
        yields=yields,
        secondary=secondary,
        steps=("Read the newest mount or attach event", "Look at the volume and its driver"),
        citation=citation,
    )


_VOLUME = re.compile(r"for volume \"([^\"]+)\"")


class Mount(msgspec.Struct, frozen=True, eq=False):
    """A pod that waits for a volume, the event that says why (none where only objects do), and the volume it is about."""

    pod: PodFact
    event: EventFact | None
    claim: Resource | None = None
    volume: Resource | None = None

    @property
    def message(self) -> str:
        """What the event says."""
        return self.event.message if self.event is not None else ""


def volume_of(view: View, pod: PodFact, message: str) -> tuple[Resource | None, Resource | None]:
    """The claim and volume that the message is about: by name, else the pod's only one."""
    found = _VOLUME.search(message)
    bound = list(volumes_of(view, pod.resource))
    for claim, volume in bound:
        if found and found[1] in (volume.ref.name, claim.ref.name):
            return claim, volume
    return bound[0] if len(bound) == 1 else (None, None)


def name_of(mount: Mount) -> str:
    """As sentences name the volume."""
    if mount.claim is not None:
        return f"volume of PersistentVolumeClaim {mount.claim.ref.name}"
    found = _VOLUME.search(mount.message)
    return f"volume {found[1]}" if found else "a volume"


def mount_finding(
    cause: Cause,
    mount: Mount,
    title: str,
    *,
    ref: Ref | None = None,
    evidence: Sequence[Evidence] = (),
    weight: float = 0.9,
    points_to: tuple[Ref, ...] = (),
) -> Finding:
    """A finding about a pod's volume; the object is the pod's workload unless another is named."""
    pod, event = mount.pod, mount.event
    target = ref or pod.owner
    extra = (describe(mount.claim.ref),) if mount.claim is not None else ()
    return Finding(
        cause=cause.id,
        object=target,
        title=title,
        evidence=(*((told(event),) if event is not None else ()), *evidence),
        explains=(pod.ref,),
        weight=weight,
        since=(event.first if event is not None else None) or pod.resource.created,
        steps=(describe(pod.ref), *extra, listing("volumeattachments"), change(cause.title, target)),
        points_to=points_to,
    )
