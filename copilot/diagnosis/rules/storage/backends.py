"""Storage systems that run in the cluster and are ill by their own word: a health field of a custom resource.

Ceph, Longhorn and their like keep a health word beside conditions that stay true; their claims only time out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.steps import describe, show
from copilot.diagnosis.view import View, said
from copilot.model import Finding, Resource, text
from copilot.model.kinds import built_in

BACKEND = Cause(
    id="storage.backend.unhealthy",
    title="The storage system behind the volumes is not healthy",
    kind="CustomResource",
    fields=("status.health", "status.robustness", "status.state"),
    yields=True,
    steps=("Read the storage system's own status and the pods it is made of",),
    citation="rook.io CephCluster status.ceph.health; longhorn.io Volume status.robustness",
)
_GROUP = re.compile(
    r"ceph|longhorn|openebs|linstor|piraeus|portworx|gluster|minio|topolvm|trident|storageos|lvm|nfs|storage"
)
_HEALTH = re.compile(r"^(?:health|healthstatus|robustness|clusterhealth)$", re.IGNORECASE)
_ILL = re.compile(r"^(?:HEALTH_ERR|error|faulted|red|offline|failed|unhealthy|degraded|critical)$", re.IGNORECASE)
_HARD = re.compile(r"^(?:HEALTH_ERR|error|faulted|red|offline|failed|critical)$", re.IGNORECASE)
_DEPTH = 3


def find_sick_backends(view: View) -> Iterator[Finding]:
    """One finding for each storage resource whose health field is bad."""
    for resource in view.graph.resources():
        group = resource.ref.group
        if "." not in group or not _GROUP.search(group) or built_in(resource.ref.kind, group) is not None:
            continue
        found = next(iter(_health(resource.status, "status", 0)), None)
        if found is not None:
            yield _sick(view, resource, *found)


def _health(value: Mapping[str, Any], path: str, depth: int) -> Iterator[tuple[str, str, str]]:
    """(path, bad word, what is said beside it) of health fields, the shallowest first."""
    for key, part in list(value.items())[:60]:
        if isinstance(part, str) and _HEALTH.match(str(key)) and _ILL.match(part):
            yield f"{path}.{key}", part, "; ".join(_told(value))
    for key, part in list(value.items())[:60]:
        if isinstance(part, dict) and depth < _DEPTH:
            yield from _health(part, f"{path}.{key}", depth + 1)


def _told(value: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """The messages that stand beside a health word, with the name of the check they belong to."""
    for key, part in list(value.items())[:40]:
        if isinstance(part, dict) and depth < _DEPTH:
            message = text(part, "message")
            if message:
                yield f"{key}: {message[:160]}"
            else:
                yield from _told(part, depth + 1)


def _sick(view: View, resource: Resource, path: str, word: str, told: str) -> Finding:
    words = f"{resource.ref.kind} {resource.ref.path} says of itself {path.rpartition('.')[2]} = {word}"
    pods = tuple(
        pod.ref for pod in view.troubled if pod.ref.namespace == resource.ref.namespace and resource.ref.namespace
    )
    return Finding(
        cause=BACKEND.id,
        object=resource.ref,
        title=words + (f": {told[:240]}" if told else ""),
        evidence=(said(resource, path, f"{path} = {word}" + (f" ({told[:300]})" if told else "")),),
        explains=(),
        weight=0.85 if _HARD.match(word) else 0.45,
        steps=(show(resource.ref), describe(resource.ref)),
        points_to=pods[:20],
    )


RULES: tuple[Rule, ...] = (Rule(find=find_sick_backends, causes=(BACKEND,)),)
