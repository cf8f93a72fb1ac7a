"""The scheduler's sentence about a pod that fits nowhere, parsed: how many nodes fail which filter, and why.

Reads every wording since 1.18, of the scheduler, the cluster autoscaler and gang schedulers; what it does not know
stays readable as `OTHER`, and text that is not such a sentence gives None.
"""

from __future__ import annotations

import re
from enum import Enum

import msgspec

MAX_MESSAGE = 16384  # bytes; an event is at most 1 KiB, a pasted line may be longer


class Filter(Enum):
    """The scheduler plugin that turned a node down, named by what it looks at."""

    TAINT = "taint"
    CORDON = "cordon"
    NODE_AFFINITY = "node affinity or selector"
    RESOURCE = "resource"
    PODS = "pod count"
    POD_AFFINITY = "pod affinity"
    ANTI_AFFINITY = "pod anti-affinity"
    SPREAD = "topology spread"
    HOST_PORT = "host port"
    VOLUME_NODE = "volume node affinity"
    VOLUME_ZONE = "volume zone"
    VOLUME_LIMIT = "volume limit"
    VOLUME_NONE = "no volume to bind"
    VOLUME_SPACE = "storage capacity"
    VOLUME_UNBOUND = "unbound claim"
    VOLUME_MISSING = "missing claim"
    VOLUME_LOST = "claim bound to a missing volume"
    VOLUME_EXCLUSIVE = "volume in exclusive use"
    DEVICE_CLAIM = "device claim"
    NODE_NAME = "node name"
    NODE_GROUP = "node group limit"
    OTHER = "other"


class Reason(msgspec.Struct, frozen=True):
    """One filter's refusal: on how many nodes (0 = before any node was looked at), and what it named.

    `detail` is the resource's, the claim's or the device class's name, or the taint as `key=value`, where the text has it.
    """

    filter: Filter
    count: int
    detail: str = ""
    text: str = ""


class SchedulerMessage(msgspec.Struct, frozen=True):
    """`available` of `total` nodes could take the pod (0 of 0 where the sentence has no counts)."""

    total: int
    available: int
    reasons: tuple[Reason, ...]
    preemption: tuple[Reason, ...] = ()

    def has(self, kind: Filter) -> bool:
        """Whether any node was turned down by that filter."""
        return any(reason.filter is kind for reason in self.reasons)

    def of(self, kind: Filter) -> tuple[Reason, ...]:
        """The refusals of one filter."""
        return tuple(reason for reason in self.reasons if reason.filter is kind)


# Order matters: the first pattern found decides. Group 1 is the detail.
_PATTERNS: tuple[tuple[Filter, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (Filter.TAINT, r"(?:untolerated taint|had taints?|taints? that the pod)(?:\(s\))?\s*(?:\{([^}]*)\})?"),
        (Filter.CORDON, r"node\(s\) (?:were|was) unschedulable|nodes? (?:were |was |is )?unschedulable$"),
        (Filter.PODS, r"too many pods|insufficient pods"),
        (Filter.RESOURCE, r"insufficient ([\w./\-]+)"),
        (Filter.VOLUME_MISSING, r"persistentvolumeclaim \"([^\"]+)\" (?:not found|is being deleted)"),
        (Filter.VOLUME_MISSING, r"create the persistentvolumeclaim \"([^\"]+)\""),
        (Filter.VOLUME_UNBOUND, r"unbound (?:immediate )?PersistentVolumeClaims?"),
        (Filter.VOLUME_NODE, r"volume node affinity conflict|PersistentVolume's node affinity"),
        (Filter.VOLUME_ZONE, r"no available volume zone"),
        (Filter.VOLUME_LIMIT, r"max volume count"),
        (Filter.VOLUME_NONE, r"find available persistent volumes? to bind"),
        (Filter.VOLUME_SPACE, r"enough free storage"),
        (Filter.VOLUME_LOST, r"non-?existent pv"),
        (Filter.VOLUME_EXCLUSIVE, r"ReadWriteOncePod|no available disk"),
        (Filter.DEVICE_CLAIM, r"device class ([\w.\-]+) does not exist"),
        (Filter.DEVICE_CLAIM, r"allocate all claims|resourceclaim|resource claim"),
        (Filter.ANTI_AFFINITY, r"anti-affinity"),
        (Filter.POD_AFFINITY, r"pod affinity"),
        (Filter.SPREAD, r"topology spread constraints?(?: \((missing required label)\))?"),
        (Filter.HOST_PORT, r"free ports"),
        (Filter.NODE_NAME, r"requested node name"),
        (Filter.NODE_AFFINITY, r"node affinity|node selector|NodeAffinity"),
        (Filter.NODE_GROUP, r"max node group size|max(?:imum)? cluster (?:\w+ )?limit"),
    )
)

_COUNTS = re.compile(r"(\d{1,7})/(\d{1,7}) nodes are (?:un)?available", re.IGNORECASE)
_PART = re.compile(r",\s+(?=\d{1,7} )")
_COUNTED = re.compile(r"\(?(\d{1,7})(?:x\))?\s+(.+)", re.DOTALL)
_SCALE_UP = re.compile(r"pod didn't trigger scale-up(?: \([^)]*\))?:?\s*(.*)", re.IGNORECASE | re.DOTALL)
_ALL = re.compile(r"all nodes are (?:un)?available:?\s*(.*)", re.IGNORECASE | re.DOTALL)


def parse_scheduler_message(message: str) -> SchedulerMessage | None:
    """Read the sentence of a FailedScheduling or NotTriggerScaleUp event or of the PodScheduled condition."""
    said = " ".join(message[:MAX_MESSAGE].split())
    head, _, tail = said.partition(" preemption: ")
    if counts := _COUNTS.search(head):
        available, total = int(counts[1]), int(counts[2])
        body = head[counts.end() :].lstrip(": ")
    elif loose := _ALL.search(head) or _SCALE_UP.search(head):
        available, total, body = 0, 0, loose[1]
    else:
        single = _reason(head)
        return None if single.filter is Filter.OTHER else SchedulerMessage(0, 0, (single,))
    victims = _COUNTS.search(tail)
    return SchedulerMessage(
        total=total,
        available=available,
        reasons=_reasons(body),
        preemption=_reasons(tail[victims.end() :].lstrip(": ")) if victims else (),
    )


def _reasons(body: str) -> tuple[Reason, ...]:
    return tuple(_reason(part) for part in _PART.split(body.strip()) if part.strip(" ."))


def _reason(part: str) -> Reason:
    clean = part.strip().removesuffix(".")
    counted = _COUNTED.fullmatch(clean)
    count, text = (int(counted[1]), counted[2]) if counted else (0, clean)
    for kind, pattern in _PATTERNS:
        if found := pattern.search(text):
            detail = (found[1] or "") if found.re.groups else ""
            return Reason(kind, count, _taint(detail) if kind is Filter.TAINT else detail.rstrip("."), text)
    return Reason(Filter.OTHER, count, "", text)


def _taint(inside: str) -> str:
    key, _, value = inside.partition(":")
    return f"{key.strip()}={value.strip()}" if value.strip() else key.strip()
