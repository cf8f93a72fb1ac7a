"""Things a pod names that do not exist: ConfigMaps, Secrets, their keys, in variables and in volumes.

The kubelet's message points; the objects decide, and the nearest existing name or key is offered.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.steps import change, describe, listing
from copilot.diagnosis.view import View, said, told
from copilot.model import Evidence, Finding, Ref, children, mapping, text, texts

_ENV = ("status.containerStatuses[].state.waiting.message", "spec.containers[].env", "spec.containers[].envFrom")
_VOLUME = ("event FailedMount", "spec.volumes[]")
_KUBELET = "kubernetes pkg/kubelet/kubelet_pods.go"

CONFIGMAP = Cause(
    id="pod.create.configmap_missing",
    title="A ConfigMap it needs does not exist",
    kind="Pod",
    fields=_ENV,
    steps=("Create it or correct the name",),
    citation=_KUBELET,
)
SECRET = Cause(
    id="pod.create.secret_missing",
    title="A Secret it needs does not exist",
    kind="Pod",
    fields=_ENV,
    steps=("Create it or correct the name",),
    citation=_KUBELET,
)
KEY = Cause(
    id="pod.create.key_missing",
    title="The object exists but lacks the key",
    kind="Pod",
    fields=_ENV,
    steps=("Add the key or correct its name",),
    citation=_KUBELET,
)
MOUNT_CONFIGMAP = Cause(
    id="pod.mount.configmap_missing",
    title="A ConfigMap it mounts does not exist",
    kind="Pod",
    fields=_VOLUME,
    steps=("Create it or correct the name",),
    citation="kubernetes pkg/volume/configmap",
)
MOUNT_SECRET = Cause(
    id="pod.mount.secret_missing",
    title="A Secret it mounts does not exist",
    kind="Pod",
    fields=_VOLUME,
    steps=("Create it or correct the name",),
    citation="kubernetes pkg/volume/secret",
)
MOUNT_KEY = Cause(
    id="pod.mount.key_missing",
    title="A volume names a key that the object lacks",
    kind="Pod",
    fields=_VOLUME,
    steps=("Add the key or correct its name",),
    citation="kubernetes pkg/volume/util",
)

_MISSING = re.compile(r'(?P<kind>configmap|secret)s? "(?P<name>[^"]{1,253})" not found', re.IGNORECASE)
_NO_KEY = re.compile(
    r"couldn't find key (?P<key>\S{1,253}) in (?P<kind>ConfigMap|Secret) (?:(?P<namespace>[^/\s]{1,63})/)?(?P<name>[^\s,;]{1,253})"
)
_VOLUME_KEY = re.compile(r"references non-existent (?P<kind>config|secret) key: (?P<key>[^\s,;]{1,253})")
_VOLUME_NAME = re.compile(r'for volume "(?P<volume>[^"]{1,253})"')
_KINDS = {"configmap": "ConfigMap", "secret": "Secret", "config": "ConfigMap"}


def find_missing_references(view: View) -> Iterator[Finding]:
    """One finding for each thing a placed pod waits for that does not exist."""
    for pod in view.placed:
        said_by_kubelet = list(_messages(view, pod))
        if not said_by_kubelet:
            yield from _unsaid(view, pod)
        for message, piece in said_by_kubelet:
            if match := _NO_KEY.search(message):
                kind = _KINDS[match["kind"].lower()]
                yield _missing_key(
                    view,
                    pod,
                    Ref(kind, match["namespace"] or pod.ref.namespace, match["name"]),
                    match["key"],
                    piece,
                    KEY,
                )
            elif match := _VOLUME_KEY.search(message):
                holder = _volume_source(pod, message)
                if holder is not None:
                    yield _missing_key(view, pod, holder, match["key"], piece, MOUNT_KEY)
            elif match := _MISSING.search(message):
                mount = piece.path == "event FailedMount"
                yield _missing_object(
                    view, pod, Ref(_KINDS[match["kind"].lower()], pod.ref.namespace, match["name"]), piece, mount
                )


def _unsaid(view: View, pod: PodFact) -> Iterator[Finding]:
    """What a pod that does not start names and does not exist, where the kubelet's events are gone or were not read."""
    waits = [c for c in pod.containers if c.state in ("waiting", "") and c.reason in _NOT_STARTED]
    if not waits or pod.resource.deleted is not None:
        return
    wanted: dict[Ref, tuple[str, bool]] = {}
    for volume in children(pod.resource.spec, "volumes"):
        for kind, name, optional in _volume_references(volume):
            if not optional:
                wanted.setdefault(Ref(kind, pod.ref.namespace, name), (f"spec.volumes[{text(volume, 'name')}]", True))
    for container in waits:
        for kind, name, optional in _variable_references(container.spec):
            if not optional:
                wanted.setdefault(Ref(kind, pod.ref.namespace, name), (f"spec.containers[{container.name}].env", False))
    for ref, (path, mount) in wanted.items():
        if view.graph.get(ref) is None and view.was_read(ref.kind, ref.namespace):
            yield _missing_object(
                view, pod, ref, said(pod.resource, path, f"{path} names {ref}, which was not found"), mount
            )


_NOT_STARTED = ("ContainerCreating", "PodInitializing", "CreateContainerConfigError", "")


def _volume_references(volume: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """(kind, name, optional) of what a volume shows."""
    sources = [volume, *children(volume, "projected", "sources")]
    for source in sources:
        for key, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            body = mapping(source, key)
            name = text(body, "name") or text(body, "secretName")
            if name:
                yield kind, name, body.get("optional") is True


def _variable_references(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """(kind, name, optional) of what a container's variables take."""
    for entry in children(spec, "env"):
        for key, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            body = mapping(entry, "valueFrom", key)
            if text(body, "name"):
                yield kind, text(body, "name"), body.get("optional") is True
    for entry in children(spec, "envFrom"):
        for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            body = mapping(entry, key)
            if text(body, "name"):
                yield kind, text(body, "name"), body.get("optional") is True


def _messages(view: View, pod: PodFact) -> Iterator[tuple[str, Evidence]]:
    waiting = [
        c for c in pod.containers if c.reason in ("CreateContainerConfigError", "CreateContainerError") and c.message
    ]
    for container in waiting:
        path = f"{container.path}.state.waiting.message"
        yield container.message, said(pod.resource, path, f"the kubelet says: {container.message[:300]}")
    if not waiting and any(c.reason == "CreateContainerConfigError" for c in pod.containers):
        for event in view.events(pod.ref, "Failed")[-3:]:
            yield event.message, told(event)
    if any(c.reason in ("ContainerCreating", "PodInitializing", "") for c in pod.containers):
        seen: set[str] = set()
        for event in reversed(view.events(pod.ref, "FailedMount")):
            key = event.message[:200]
            if key not in seen:
                seen.add(key)
                yield event.message, told(event)


def _volume_source(pod: PodFact, message: str) -> Ref | None:
    match = _VOLUME_NAME.search(message)
    wanted = match["volume"] if match else ""
    for volume in children(pod.resource.spec, "volumes"):
        if text(volume, "name") == wanted:
            return _source(volume, pod.ref.namespace)
    return None


def _source(volume: object, namespace: str) -> Ref | None:
    if name := text(volume, "configMap", "name"):
        return Ref("ConfigMap", namespace, name)
    if name := text(volume, "secret", "secretName"):
        return Ref("Secret", namespace, name)
    return None


def _missing_object(view: View, pod: PodFact, wanted: Ref, piece: Evidence, mount: bool) -> Finding:
    cause = {
        ("ConfigMap", False): CONFIGMAP,
        ("ConfigMap", True): MOUNT_CONFIGMAP,
        ("Secret", False): SECRET,
        ("Secret", True): MOUNT_SECRET,
    }[wanted.kind, mount]
    evidence = [piece, *_where_named(pod, wanted)]
    title = f"{pod.owner} needs {wanted.kind} {wanted.name}, which does not exist in namespace {wanted.namespace}"
    near = _near_names(view, wanted)
    if near is not None:
        title += f" (there is {near})"
        evidence.append(Evidence(object=near, path="metadata.name", text=f"{near} exists", source="listed"))
    if view.graph.get(wanted) is not None:
        cause_doubts: tuple[str, ...] = (f"{wanted} exists now: it may have been created after the kubelet looked",)
    else:
        cause_doubts = ()
    return Finding(
        cause=cause.id,
        object=pod.owner,
        title=title,
        evidence=tuple(evidence),
        explains=(pod.ref,),
        weight=0.95 if not cause_doubts else 0.5,
        since=pod.resource.created,
        doubts=cause_doubts,
        steps=(
            listing(wanted.kind.lower() + "s", wanted.namespace, f"List the {wanted.kind}s of the namespace"),
            change(f"Create {wanted}, or correct the name in {pod.owner}", pod.owner),
        ),
    )


def _near_names(view: View, wanted: Ref) -> Ref | None:
    """The nearest name in the namespace, else the same name in another one."""
    here = {resource.ref.name: resource.ref for resource in view.graph.of_kind(wanted.kind, wanted.namespace)}
    near = difflib.get_close_matches(wanted.name, here, n=1, cutoff=0.6)
    if near and near[0] != wanted.name:
        return here[near[0]]
    elsewhere = [resource.ref for resource in view.graph.of_kind(wanted.kind) if resource.ref.name == wanted.name]
    return elsewhere[0] if elsewhere and elsewhere[0] != wanted else None


def _missing_key(view: View, pod: PodFact, holder: Ref, key: str, piece: Evidence, cause: Cause) -> Finding:
    evidence = [piece, *_where_named(pod, holder)]
    title = f"{pod.owner} wants key {key} of {holder.kind} {holder.name}, which has no such key"
    resource = view.graph.get(holder)
    keys = sorted({*texts(resource.body, "dataKeys"), *mapping(resource.body, "data")}) if resource is not None else []
    if resource is not None and keys:
        near = difflib.get_close_matches(key, keys, n=1, cutoff=0.5)
        title += f" (it has {near[0]})" if near else f" (it has {', '.join(keys[:5])})"
        evidence.append(said(resource, "data", f"{holder} has the keys {', '.join(keys[:10])}"))
    return Finding(
        cause=cause.id,
        object=pod.owner,
        title=title,
        evidence=tuple(evidence),
        explains=(pod.ref,),
        weight=0.95,
        since=pod.resource.created,
        steps=(describe(holder), change(f"Add key {key} to {holder}, or correct the key in {pod.owner}", pod.owner)),
    )


def _where_named(pod: PodFact, wanted: Ref) -> Iterator[Evidence]:
    """The fields of the pod that name the object."""
    ref_key, from_key = (
        ("configMapKeyRef", "configMapRef") if wanted.kind == "ConfigMap" else ("secretKeyRef", "secretRef")
    )
    for container in pod.containers:
        for entry in children(container.spec, "env"):
            if text(entry, "valueFrom", ref_key, "name") == wanted.name:
                path = f"spec.containers[{container.name}].env[{text(entry, 'name')}].valueFrom.{ref_key}"
                yield said(
                    pod.resource,
                    path,
                    f"variable {text(entry, 'name')} takes key {text(entry, 'valueFrom', ref_key, 'key')} of {wanted.kind} {wanted.name}",
                )
                return
        for entry in children(container.spec, "envFrom"):
            if text(entry, from_key, "name") == wanted.name:
                yield said(
                    pod.resource,
                    f"spec.containers[{container.name}].envFrom",
                    f"container {container.name} takes all of {wanted.kind} {wanted.name}",
                )
                return
    for volume in children(pod.resource.spec, "volumes"):
        if _source(volume, wanted.namespace) == wanted:
            yield said(
                pod.resource,
                f"spec.volumes[{text(volume, 'name')}]",
                f"volume {text(volume, 'name')} mounts {wanted.kind} {wanted.name}",
            )
            return


RULES = (Rule(find=find_missing_references, causes=(CONFIGMAP, SECRET, KEY, MOUNT_CONFIGMAP, MOUNT_SECRET, MOUNT_KEY)),)
