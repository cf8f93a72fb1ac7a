"""Compares what a pod may do before and after: every power that is added, every new registry, every new Secret it reads.

An added power is never approved here. Dropping one is no finding. Whatever is malformed reads as absent, and the server
refuses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from copilot.model import children, dig, mapping, text, texts

_DEFAULT_REGISTRY = "docker.io"
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_HOST = ("hostNetwork", "hostPID", "hostIPC")
_MILD_CAPABILITIES = frozenset({"NET_BIND_SERVICE"})  # the one that the restricted Pod Security Standard lets pods add
# Volume types that stay inside the pod or read objects of its own namespace; any other one may reach the node.
_MILD_VOLUMES = frozenset({"configMap", "secret", "emptyDir", "projected", "downwardAPI", "persistentVolumeClaim", "ephemeral",
                           "csi", "image"})  # fmt: skip


class TemplateChange(msgspec.Struct, frozen=True):
    """What a pod template gains. `powers` are sentences; `registries` and `secrets` are names."""

    powers: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


def template_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> TemplateChange:
    """Compare two pod specs. An empty `before` means that there was no pod: then every power is an added one."""
    return TemplateChange(
        powers=_added(_powers(before), _powers(after)),
        registries=_added(registries(before), registries(after)),
        secrets=_added(_secrets(before), _secrets(after)),
    )


def pod_spec(body: Mapping[str, Any], template: tuple[str, ...]) -> Mapping[str, Any]:
    """The pod spec inside a workload; `template` is where its pod template is."""
    return mapping(body, *template, "spec") if template else {}


def registries(spec: Mapping[str, Any]) -> frozenset[str]:
    """The registries that the images of a pod spec come from."""
    return frozenset(registry_of(image) for each in _containers(spec) if (image := text(each, "image")))


def registry_of(image: str) -> str:
    """The registry of one image, as the container runtimes read it (distribution/reference)."""
    host, slash, _ = image.partition("/")
    named = slash and ("." in host or ":" in host or host == "localhost" or host != host.lower())
    return host if named else _DEFAULT_REGISTRY


def _containers(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for field in _CONTAINERS:
        yield from children(spec, field)


def _added(before: frozenset[str], after: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(after - before))


def _powers(spec: Mapping[str, Any]) -> frozenset[str]:
    return frozenset((*_pod_powers(spec), *_volume_powers(spec), *_container_powers(spec)))


def _pod_powers(spec: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"it shares the node's {field.removeprefix('host')}" for field in _HOST if dig(spec, field) is True)
    account = text(spec, "serviceAccountName") or text(spec, "serviceAccount")
    if account and account != "default":
        yield f"it acts as service account {account}"
    if dig(spec, "automountServiceAccountToken") is True:
        yield "it mounts its service account's token"
    if text(spec, "nodeName"):
        yield f"it is bound to node {text(spec, 'nodeName')}, past the scheduler"
    if text(spec, "priorityClassName").startswith("system-"):
        yield f"it has the priority {text(spec, 'priorityClassName')}"
    if text(spec, "runtimeClassName"):
        yield f"it runs under runtime class {text(spec, 'runtimeClassName')}"
    if dig(spec, "shareProcessNamespace") is True:
        yield "its containers see each other's processes"
    for toleration in children(spec, "tolerations"):
        if not text(toleration, "key") and text(toleration, "operator") == "Exists":
            yield "it tolerates every taint"
        elif text(toleration, "key").startswith("node-role.kubernetes.io/"):
            yield f"it tolerates {text(toleration, 'key')}"
    yield from _security_powers("the pod", mapping(spec, "securityContext"))


def _volume_powers(spec: Mapping[str, Any]) -> Iterator[str]:
    for volume in children(spec, "volumes"):
        path = text(volume, "hostPath", "path")
        if path or "hostPath" in volume:
            yield f"it mounts {path or 'a path'} of the node"
        yield from (
            f"it mounts a volume of type {kind}" for kind in volume.keys() - _MILD_VOLUMES - {"name", "hostPath"}
        )
        driver = text(volume, "csi", "driver")
        if driver:
            yield f"it mounts an inline volume of driver {driver}"
        for source in children(volume, "projected", "sources"):
            if "serviceAccountToken" in source:
                yield f"it mounts a token for {text(source, 'serviceAccountToken', 'audience') or 'the API server'}"


def _container_powers(spec: Mapping[str, Any]) -> Iterator[str]:
    for each in _containers(spec):
        name = f"container {text(each, 'name')}"
        yield from _security_powers(name, mapping(each, "securityContext"))
        for port in children(each, "ports"):
            if dig(port, "hostPort"):
                yield f"{name} opens port {text(port, 'hostPort')} on the node"
        if children_any(each, "volumeDevices"):
            yield f"{name} gets raw block devices"
        for mount in children(each, "volumeMounts"):
            if text(mount, "mountPropagation") == "Bidirectional":
                yield f"{name} mounts into the node"


def children_any(body: Mapping[str, Any], field: str) -> bool:
    """Tell whether a list of mappings has any."""
    return any(True for _ in children(body, field))


def _security_powers(who: str, context: Mapping[str, Any]) -> Iterator[str]:
    if dig(context, "privileged") is True:
        yield f"{who} is privileged"
    if dig(context, "allowPrivilegeEscalation") is True:
        yield f"{who} may gain privileges"
    if dig(context, "runAsUser") == 0 or dig(context, "runAsGroup") == 0:
        yield f"{who} runs as root"
    if dig(context, "runAsNonRoot") is False:
        yield f"{who} is let run as root"
    if dig(context, "windowsOptions", "hostProcess") is True:
        yield f"{who} runs on the node itself (host process)"
    if text(context, "procMount") not in ("", "Default"):
        yield f"{who} has /proc mounted {text(context, 'procMount')}"
    for kind in ("seccompProfile", "appArmorProfile"):
        if text(context, kind, "type") == "Unconfined":
            yield f"{who} is unconfined ({kind})"
    for field in ("seLinuxOptions", "sysctls", "supplementalGroups"):
        if context.get(field):
            yield f"{who} sets {field}"
    for capability in texts(context, "capabilities", "add"):
        if capability.removeprefix("CAP_") not in _MILD_CAPABILITIES:
            yield f"{who} has capability {capability}"


_GUARDS = (("runAsNonRoot", True), ("allowPrivilegeEscalation", False), ("readOnlyRootFilesystem", True))


def dropped_guards(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Limits that a pod spec had on the same container (or on the pod) and has no more: as good as an added power."""
    found = []
    had, have = dict(_contexts(before)), dict(_contexts(after))
    for who in had.keys() & have.keys():
        found += [
            f"{who} is no longer held to {field}: {str(value).lower()}"
            for field, value in _GUARDS
            if dig(had[who], field) is value and dig(have[who], field) is not value
        ]
        dropped = set(texts(had[who], "capabilities", "drop")) - set(texts(have[who], "capabilities", "drop"))
        found += [f"{who} no longer drops capability {each}" for each in dropped]
        for kind in ("seccompProfile", "appArmorProfile"):
            if text(had[who], kind, "type") and not text(have[who], kind, "type"):
                found.append(f"{who} has no {kind} any more")
    if dig(before, "automountServiceAccountToken") is False and dig(after, "automountServiceAccountToken") is not False:
        found.append("its service account's token is mounted again")
    if dig(before, "hostUsers") is False and dig(after, "hostUsers") is not False:
        found.append("it shares the node's users")
    return tuple(sorted(found))


def _contexts(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "the pod", mapping(spec, "securityContext")
    for each in _containers(spec):
        yield f"container {text(each, 'name')}", mapping(each, "securityContext")


def _secrets(spec: Mapping[str, Any]) -> frozenset[str]:
    found: list[str] = [text(each, "name") for each in children(spec, "imagePullSecrets")]
    for volume in children(spec, "volumes"):
        found.append(text(volume, "secret", "secretName"))
        found += [text(source, "secret", "name") for source in children(volume, "projected", "sources")]
    for each in _containers(spec):
        found += [text(source, "secretRef", "name") for source in children(each, "envFrom")]
        found += [text(variable, "valueFrom", "secretKeyRef", "name") for variable in children(each, "env")]
    return frozenset(name for name in found if name)
