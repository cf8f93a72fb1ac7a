"""Fields that cannot be changed once an object exists: the manifest is compared with the live object, defaults allowed for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from copilot.diagnosis.steps import change
from copilot.model import Evidence, Finding, Resource, dig, parse_quantity, text
from copilot.preflight import causes
from copilot.preflight.case import Case, written
from tools.cluster.manifest_files import Manifest

# kind → fields that the API server refuses to change (pkg/apis/*/validation, ValidateImmutableField).
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "Deployment": ("spec.selector",),
    "ReplicaSet": ("spec.selector",),
    "DaemonSet": ("spec.selector",),
    "StatefulSet": ("spec.selector", "spec.serviceName", "spec.podManagementPolicy", "spec.volumeClaimTemplates"),
    "Job": ("spec.selector", "spec.template", "spec.completionMode", "spec.podFailurePolicy"),
    "Service": ("spec.clusterIP",),
    "PersistentVolumeClaim": (
        "spec.storageClassName",
        "spec.accessModes",
        "spec.selector",
        "spec.volumeMode",
        "spec.volumeName",
    ),
    "StorageClass": ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
    "PriorityClass": ("value", "preemptionPolicy"),
    "IngressClass": ("spec.controller",),
    "Secret": ("type",),
    "RuntimeClass": ("handler",),
}


def find_immutable_changes(case: Case) -> Iterator[Finding]:
    """Manifests that would be refused because the object exists with another value in a fixed field."""
    for manifest in case.by_ref.values():
        live = case.before(manifest.resource.ref)
        if live is None:
            continue
        for field in _FIELDS.get(manifest.resource.ref.kind, ()):
            difference = _difference(manifest.resource, live, field)
            if difference is not None:
                yield _finding(manifest, live, *difference)
        yield from _shrunk(manifest, live)


def _difference(new: Resource, live: Resource, field: str) -> tuple[str, str, str] | None:
    path = field.split(".")
    wanted, have = dig(new.body, *path), dig(live.body, *path)
    if wanted is None or wanted == "" or have is None:
        return None
    return _first_difference(wanted, have, field)


def _first_difference(wanted: Any, have: Any, path: str) -> tuple[str, str, str] | None:
    """The first place where the manifest asks for another value; what it leaves out is defaulted by the server."""
    if isinstance(wanted, dict) and isinstance(have, dict):
        exact = path.endswith(("matchLabels", "selector"))
        for key in sorted({*wanted, *(have if exact else ())}):
            if key in ("creationTimestamp", "status", "controller-uid", "batch.kubernetes.io/controller-uid"):
                continue
            found = (
                _first_difference(wanted.get(key), have.get(key), f"{path}.{key}") if key in wanted or exact else None
            )
            if found is not None:
                return found
        return None
    if isinstance(wanted, list) and isinstance(have, list) and len(wanted) == len(have):
        for index, (one, other) in enumerate(zip(wanted, have, strict=True)):
            found = _first_difference(one, other, f"{path}[{index}]")
            if found is not None:
                return found
        return None
    if wanted == have or text(wanted) == text(have) != "" or (not wanted and not have):
        return None
    if parse_quantity(wanted) is not None and parse_quantity(wanted) == parse_quantity(have):
        return None
    return path, _shown(have), _shown(wanted)


def _shown(value: Any) -> str:
    return text(value) or msgspec.json.encode(value).decode()[:200]


def _finding(manifest: Manifest, live: Resource, path: str, have: str, wanted: str) -> Finding:
    ref = manifest.resource.ref
    return Finding(
        cause=causes.IMMUTABLE.id,
        object=ref,
        title=f"{ref} would be refused: {path} cannot be changed on the existing object ({have} → {wanted})",
        evidence=(
            written(manifest, path, f"{path} is {wanted} here"),
            Evidence(ref, path, f"{path} is {have} in the cluster", live.source),
        ),
        weight=0.93,
        steps=(change(f"Keep {path} as it is, or delete {ref} and create it anew", ref),),
    )


def _shrunk(manifest: Manifest, live: Resource) -> Iterator[Finding]:
    """A volume claim may grow, never shrink; an immutable ConfigMap or Secret keeps its keys."""
    path = ("spec", "resources", "requests", "storage")
    wanted, have = dig(manifest.resource.body, *path), dig(live.body, *path)
    new, old = parse_quantity(wanted), parse_quantity(have)
    if manifest.resource.ref.kind == "PersistentVolumeClaim" and new is not None and old is not None and new < old:
        yield _finding(manifest, live, ".".join(path), text(have), text(wanted))
    if live.body.get("immutable") is True:
        keys, kept = dig(manifest.resource.body, "dataKeys"), dig(live.body, "dataKeys")
        if keys != kept:
            yield _finding(manifest, live, "data", _shown(kept), _shown(keys))
