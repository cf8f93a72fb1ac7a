"""Readings of containers and nodes for the table of properties: one sentence's worth each, names before values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from copilot.agent.asking import Asking
from copilot.agent.describe import describe_state
from copilot.agent.facts import containers
from copilot.diagnosis.probes import describe_probe, probe_of
from copilot.model import Resource, children, mapping, text
from retrievers.graph import EdgeKind
from retrievers.graph.placement import taints_of

MAX_VARIABLES = 30  # names of one container; more are counted
_SOURCES = {"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap", "fieldRef": "field", "resourceFieldRef": "resource"}  # fmt: skip


def _per_container(found: list[tuple[str, str]]) -> str:
    """One container's words alone, several with their names."""
    said = [(name, words) for name, words in found if words]
    if len(found) == 1:
        return said[0][1] if said else "none"
    return "; ".join(f"{name}: {words or 'none'}" for name, words in found)


def env_names(asking: Asking, resource: Resource) -> str:
    """Names of variables with where each comes from; literal values stay out, they may be secrets."""
    return _per_container([(text(c, "name"), _variables(c)) for c in containers(asking, resource, init=True)])


def _variables(container: Mapping[str, Any]) -> str:
    shown = [variable_text(entry) for entry in children(container, "env")]
    for entry in children(container, "envFrom"):
        for key, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
            if mapping(entry, key):
                shown.append(f"every key of {kind} {text(entry, key, 'name')}")
    more = len(shown) - MAX_VARIABLES
    return ", ".join(shown[:MAX_VARIABLES]) + (f" and {more} more" if more > 0 else "")


def variable_text(entry: Mapping[str, Any]) -> str:
    """A variable with where it comes from, never with its value."""
    name = text(entry, "name")
    for key, kind in _SOURCES.items():
        source = mapping(entry, "valueFrom", key)
        if source:
            where = text(source, "fieldPath") or text(source, "resource") or f"{text(source, 'name')}, key {text(source, 'key')}"  # fmt: skip
            return f"{name} (from {kind} {where})"
    return name


def probes_text(*keys: str) -> Callable[[Asking, Resource], str]:
    """How the containers are probed, by these kinds of probe."""

    def read(asking: Asking, resource: Resource) -> str:
        return _per_container([(text(c, "name"), _probes(c, keys)) for c in containers(asking, resource)])

    return read


def _probes(container: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    shown = []
    for key in keys:
        probe = probe_of(container, key)
        if probe is not None:
            lead = f"{key.removesuffix('Probe')} " if len(keys) > 1 else ""
            shown.append(f"{lead}{describe_probe(probe)}")
    return ", ".join(shown)


def resources_text(section: str) -> Callable[[Asking, Resource], str]:
    """`cpu 100m, memory 128Mi` of each container."""

    def read(asking: Asking, resource: Resource) -> str:
        return _per_container(
            [
                (
                    text(c, "name"),
                    ", ".join(f"{name} {amount}" for name, amount in sorted(mapping(c, "resources", section).items())),
                )
                for c in containers(asking, resource)
            ]
        )

    return read


def template_setting(key: str, default: str) -> Callable[[Asking, Resource], str]:
    """One field of the pod spec, in words."""

    def read(asking: Asking, resource: Resource) -> str:
        value = asking.view.template(resource.ref).get(key)
        if isinstance(value, dict):
            return ", ".join(f"{name}={item}" for name, item in value.items()) or default
        if isinstance(value, list):
            entries = [item for item in value if isinstance(item, dict)]
            return ", ".join(" ".join(str(part) for part in entry.values()) for entry in entries) or default
        return str(value) if value not in (None, "") else default

    return read


def taints_text(_: Asking, node: Resource) -> str:
    """The taints as `kubectl taint` writes them."""
    return ", ".join(str(taint) for taint in taints_of(node)) or "none"


def node_condition_texts(_: Asking, node: Resource) -> str:
    """Every condition with its status."""
    return ", ".join(f"{text(c, 'type')}={text(c, 'status')}" for c in children(node.status, "conditions"))


def storage_text(asking: Asking, resource: Resource) -> str:
    """The claims that its pods mount, and the other volumes that hold data."""
    pods = [pod.ref for pod in asking.view.pods_of(resource.ref)] or [resource.ref]
    claims = dict.fromkeys(edge.target for pod in pods for edge in asking.graph.out(pod, EdgeKind.MOUNTS))
    claims.update(dict.fromkeys(edge.target for edge in asking.graph.out(resource.ref, EdgeKind.MOUNTS)))
    shown = []
    for ref in claims:
        claim = asking.graph.get(ref)
        shown.append(f"{ref} ({describe_state(asking.view, claim)})" if claim is not None else f"{ref} (not read)")
    for volume in children(asking.view.template(resource.ref), "volumes"):
        for kind in ("emptyDir", "hostPath", "nfs", "csi"):
            if isinstance(volume.get(kind), dict):
                where = text(volume, kind, "path") or text(volume, kind, "driver")
                shown.append(f"{kind} {where or text(volume, 'name')}")
    return ", ".join(shown) or "none"
