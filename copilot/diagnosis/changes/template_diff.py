"""Two pod templates compared field by field, containers and variables by name. Pure; hostile templates give no more than a bounded list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from copilot.diagnosis.changes.change import Aspect
from copilot.model import mapping, text

MAX_DEPTH = 20  # levels; a pod template has about ten
MAX_LEAVES = 4000  # fields of one template that are compared; the largest in the wild have some hundreds

# Lists whose items have a name of their own; any other list is compared as one value.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "ports": ("name", "containerPort"),
    "imagePullSecrets": ("name",),
    "resourceClaims": ("name",),
    "schedulingGates": ("name",),
}
_MACHINE_LABELS = ("pod-template-hash", "controller-revision-hash", "pod-template-generation")
_RESTARTED = "restartedAt"
_CONTAINER = re.compile(
    r"spec\.(?P<list>containers|initContainers|ephemeralContainers)\[(?P<name>[^\]]*)\](?:\.(?P<rest>.*))?$"
)
_ASPECTS: tuple[tuple[re.Pattern[str], Aspect], ...] = tuple(
    (re.compile(pattern), aspect)
    for pattern, aspect in (
        (r"^(image|imagePullPolicy)$", Aspect.IMAGE),
        (r"^(command|args|workingDir|lifecycle)", Aspect.COMMAND),
        (r"^env", Aspect.ENVIRONMENT),
        (r"^resources", Aspect.RESOURCES),
        (r"^(liveness|readiness|startup)Probe", Aspect.PROBE),
        (r"^ports", Aspect.PORTS),
        (r"^(volumeMounts|volumeDevices)", Aspect.CONFIG),
        (r"^securityContext", Aspect.SECURITY),
    )
)
_POD_ASPECTS: tuple[tuple[str, Aspect], ...] = (
    ("metadata.labels", Aspect.LABELS),
    ("spec.volumes", Aspect.CONFIG),
    ("spec.imagePullSecrets", Aspect.IMAGE),
    ("spec.nodeSelector", Aspect.SCHEDULING),
    ("spec.nodeName", Aspect.SCHEDULING),
    ("spec.affinity", Aspect.SCHEDULING),
    ("spec.tolerations", Aspect.SCHEDULING),
    ("spec.topologySpreadConstraints", Aspect.SCHEDULING),
    ("spec.priorityClassName", Aspect.SCHEDULING),
    ("spec.schedulerName", Aspect.SCHEDULING),
    ("spec.schedulingGates", Aspect.SCHEDULING),
    ("spec.runtimeClassName", Aspect.SCHEDULING),
    ("spec.resources", Aspect.RESOURCES),
    ("spec.serviceAccount", Aspect.SECURITY),
    ("spec.securityContext", Aspect.SECURITY),
)


class FieldChange(msgspec.Struct, frozen=True):
    """One field of a pod template that differs. `path` starts at the template."""

    path: str
    aspect: Aspect
    what: str
    before: str = ""
    after: str = ""


def template_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldChange]:
    """Every field in which two PodTemplateSpecs differ, in the order of the paths."""
    old, new = _leaves(before), _leaves(after)
    found: dict[str, FieldChange] = {}
    for path in sorted({*old, *new}):
        if old.get(path) == new.get(path):
            continue
        change = _container_change(path, old, new) or _field_change(path, old.get(path, ""), new.get(path, ""))
        if change is not None:
            found.setdefault(change.path, change)
    return list(found.values())


def _container_change(path: str, old: Mapping[str, str], new: Mapping[str, str]) -> FieldChange | None:
    """A container that is only on one side is one change, not one for each of its fields."""
    match = _CONTAINER.match(path)
    if match is None:
        return None
    place = f"spec.{match['list']}[{match['name']}]"
    sides = [any(key.startswith(f"{place}.") for key in side) for side in (old, new)]
    if all(sides):
        return None
    image = f"{place}.image"
    noun = "init container" if match["list"] == "initContainers" else "container"
    what = f"{noun} {match['name']}"
    return FieldChange(place, Aspect.TEMPLATE, what, old.get(image, ""), new.get(image, ""))


def _field_change(path: str, before: str, after: str) -> FieldChange | None:
    if any(path == f"metadata.labels.{label}" for label in _MACHINE_LABELS):
        return None
    match = _CONTAINER.match(path)
    if match is not None and match["rest"]:
        aspect = next((aspect for pattern, aspect in _ASPECTS if pattern.search(match["rest"])), Aspect.TEMPLATE)
        return FieldChange(path, aspect, f"{_field_words(match['rest'])} of container {match['name']}", before, after)
    if path.startswith("metadata.annotations.") and _RESTARTED in path:
        return FieldChange(path, Aspect.RESTART, "restart asked for", before, after)
    aspect = next((aspect for prefix, aspect in _POD_ASPECTS if path.startswith(prefix)), Aspect.TEMPLATE)
    return FieldChange(path, aspect, path.removeprefix("spec.").removeprefix("metadata."), before, after)


def _field_words(rest: str) -> str:
    head, _, tail = rest.partition(".")
    if rest.startswith("env["):
        return "env"
    if rest.startswith(("resources.limits.", "resources.requests.")):
        section, name = rest.split(".", 2)[1:]
        return f"{name} {section.removesuffix('s')}"
    return f"{head} {tail}" if head.endswith("Probe") and tail else rest


def _leaves(template: Mapping[str, Any]) -> dict[str, str]:
    """Every field with its value as text; an empty value is no field."""
    found: dict[str, str] = {}
    for part in ("metadata", "spec"):
        for path, value in _walk(part, "", mapping(template, part), 0):
            if len(found) >= MAX_LEAVES:
                return found
            found[path] = value
    return found


def _walk(path: str, key: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if depth > MAX_DEPTH or value is None or value in ({}, [], ""):
        return
    if isinstance(value, dict):
        for name, below in value.items():
            if name not in ("creationTimestamp", "$patch"):
                yield from _walk(f"{path}.{name}", str(name), below, depth + 1)
    elif isinstance(value, list) and key in _KEYS and all(_name(key, item) for item in value):
        for item in value:
            place = f"{path}[{_name(key, item)}]"
            if key == "env":
                yield place, _variable(item)
            else:
                yield from _walk(
                    place, "", {k: v for k, v in item.items() if k not in _KEYS[key][:1]} or item, depth + 1
                )
    else:
        yield path, _shown(value)


def _name(key: str, item: Any) -> str:
    """What an item of a named list is called; nothing when it has no name."""
    return next((found for field in _KEYS[key] if (found := text(item, field))), "") if isinstance(item, dict) else ""


def _variable(item: Mapping[str, Any]) -> str:
    """A variable as `NAME=value`, which is how redaction recognises a secret one."""
    name = text(item, "name")
    source = mapping(item, "valueFrom")
    if not source:
        return f"{name}={text(item, 'value')}"
    kind = next(iter(source), "")
    key = ".".join(part for part in (text(source, kind, "name"), text(source, kind, "key")) if part)
    return f"{name} from {kind} {key or text(source, kind, 'fieldPath') or text(source, kind, 'resource')}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value):
        return " ".join(str(item) for item in value)
    return text(value) or msgspec.json.encode(value, order="sorted").decode(errors="replace")
