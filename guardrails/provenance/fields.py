"""Which fields of a Kubernetes object are structured and which are free text, as one table. What it does not name is free text.

Structured means: the API server or a controller holds the value to a narrow form, and it says what the object is. A
name, a number, a uid. Labels, annotations, messages, ConfigMap values, arguments and environment hold whatever somebody
writes, so they never vouch for an argument of a plan. An image says what runs, and may be an argument only as the whole
image of the same workload; as text it is read like any other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from copilot.model import text
from copilot.model.kinds import built_in
from guardrails.provenance.labels import Chunk, Source

# A `*` stands for one key or position, `**` for any number of them at the front.
STRUCTURED: tuple[str, ...] = (
    "apiVersion", "kind", "metadata/name", "metadata/namespace", "metadata/uid", "metadata/resourceVersion",
    "metadata/generation", "metadata/creationTimestamp", "metadata/deletionTimestamp", "metadata/generateName",
    "metadata/ownerReferences/*/kind", "metadata/ownerReferences/*/name", "metadata/ownerReferences/*/uid",
    "metadata/ownerReferences/*/controller", "metadata/ownerReferences/*/apiVersion",
    "revision",
    "**/replicas", "**/containers/*/name", "**/initContainers/*/name", "**/ports/*/port", "**/ports/*/containerPort",
    "**/ports/*/protocol", "**/resources/requests/*", "**/resources/limits/*", "**/restartPolicy",
    "**/terminationGracePeriodSeconds", "**/minReadySeconds", "**/serviceAccountName", "**/volumes/*/name",
    "spec/nodeName", "spec/unschedulable", "spec/paused", "spec/suspend", "spec/schedule", "spec/type",
    "spec/clusterIP", "spec/strategy/**", "spec/updateStrategy/**", "spec/progressDeadlineSeconds",
    "spec/minReplicas", "spec/maxReplicas", "spec/scaleTargetRef/*", "spec/minAvailable", "spec/maxUnavailable",
    "spec/volumeName", "spec/storageClassName", "spec/accessModes/*", "spec/capacity/*", "spec/hard/*",
    "status/phase", "status/observedGeneration", "status/*Replicas", "status/readyReplicas", "status/podIP",
    "status/hostIP", "status/qosClass", "status/currentReplicas", "status/desiredReplicas", "status/updatedReplicas",
    "status/availableReplicas", "status/unavailableReplicas", "status/currentHealthy", "status/desiredHealthy",
    "status/disruptionsAllowed", "status/conditions/*/type", "status/conditions/*/status",
    "status/conditions/*/lastTransitionTime", "status/containerStatuses/*/name", "status/containerStatuses/*/ready",
    "status/containerStatuses/*/restartCount", "status/hard/*", "status/used/*", "status/capacity/*", "status/allocatable/*",
)  # fmt: skip
_REVISION = "/metadata/annotations/deployment.kubernetes.io~1revision"  # the one annotation that a controller counts
# Maps whose keys anybody chooses: no key in them makes its value a structured one.
_FREE = (
    "/data/",
    "/binaryData/",
    "/stringData/",
    "/metadata/labels/",
    "/metadata/annotations/",
    "/spec/template/metadata/",
)
_MOST = 20_000  # leaves of one object: more than the largest real one; what is beyond is one piece of free text
_DEPTH = 64


def _pattern(written: str) -> str:
    parts = [re.escape(part) for part in written.split("/")]
    joined = "/".join(parts)
    joined = joined.replace(r"\*\*/", "(?:.+/)?").replace(r"/\*\*", "(?:/.+)?")
    return joined.replace(r"\*", "[^/]+")


_STRUCTURED = re.compile("|".join(f"(?:{_pattern(each)})" for each in STRUCTURED))


def is_structured(pointer: str) -> bool:
    """Tell whether the field at a JSON pointer (`/spec/replicas`) of a built-in kind is structured."""
    if pointer == _REVISION:
        return True
    return not pointer.startswith(_FREE) and _STRUCTURED.fullmatch(pointer.lstrip("/")) is not None


def chunks_of(body: Mapping[str, Any], time: str = "") -> tuple[Chunk, ...]:
    """Every text of an object: one chunk of its structured fields, and one for each field of free text.

    Of an Event, its own name is free text too; of a kind that is not built in, everything but its metadata is.
    """
    uid, title = text(body, "metadata", "uid"), _title(body)
    structured: list[str] = []
    free: list[tuple[str, str]] = []
    event = text(body, "kind") == "Event"
    known = built_in(text(body, "kind")) is not None
    for count, (pointer, value) in enumerate(_leaves(body)):
        if count >= _MOST:
            free.append(("the rest of it", str(body)[:1_000_000]))
            break
        free_name = event and pointer == "/metadata/name"
        if is_structured(pointer) and not free_name and (known or pointer.startswith("/metadata/")):
            structured.append(f"{pointer.lstrip('/')}: {value}")
        else:
            free.append((pointer, f"{pointer.rpartition('/')[2]}: {value}"))
    found = [chunk_of("\n".join(structured), Source.K8S_STRUCTURED, title, uid, time)]
    found += [chunk_of(value, Source.K8S_FREETEXT, f"{pointer} of {title}", uid, time) for pointer, value in free]
    return tuple(found)


def chunk_of(content: str, source: Source, title: str = "", uid: str = "", time: str = "") -> Chunk:
    """One chunk, with the hash of its text."""
    sha = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
    return Chunk(content, source, title, uid, time, sha)


def _title(body: Mapping[str, Any]) -> str:
    namespace, name = text(body, "metadata", "namespace"), text(body, "metadata", "name")
    return f"{text(body, 'kind') or 'an object'} {f'{namespace}/' if namespace else ''}{name}"


def _leaves(body: Any) -> Iterator[tuple[str, str]]:
    waiting: list[tuple[str, Any, int]] = [("", body, 0)]
    while waiting:
        at, value, depth = waiting.pop()
        if isinstance(value, Mapping) and depth < _DEPTH:
            waiting += [(f"{at}/{_step(key)}", below, depth + 1) for key, below in reversed(list(value.items()))]
        elif isinstance(value, list) and depth < _DEPTH:
            waiting += [(f"{at}/{index}", below, depth + 1) for index, below in reversed(list(enumerate(value)))]
        elif value is not None:
            yield at, value if isinstance(value, str) else str(value)


def _step(key: Any) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")
