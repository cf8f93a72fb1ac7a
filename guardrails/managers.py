"""Finds who else writes an object, from its marks. Names the place to change instead, since a change here may not last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import msgspec

from copilot.model import children, mapping, text
from guardrails.plan import Banner


class Reverts(Enum):
    """What a manager does to a change that was made beside it."""

    SOON = "puts its own state back by itself"
    NEXT_TIME = "overwrites it the next time it runs"


class Manager(msgspec.Struct, frozen=True):
    """One manager of one object. `parent` means an owner reference: the owner's controller acts within seconds."""

    banner: Banner
    reverts: Reverts
    parent: bool = False


def managers_of(body: Mapping[str, Any]) -> tuple[Manager, ...]:
    """Everyone whose marks the object carries, the nearest first. An object may well have several."""
    marks = _Marks(body)
    found = [manager for find in _FINDERS if (manager := find(marks)) is not None]
    return tuple(found)


class _Marks:
    """The parts of an object in which tools sign."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        metadata = mapping(body, "metadata")
        self.namespace = text(metadata, "namespace")
        self.labels = mapping(metadata, "labels")
        self.annotations = mapping(metadata, "annotations")
        self.owners = list(children(metadata, "ownerReferences"))
        self.writers = {text(entry, "manager").lower() for entry in children(metadata, "managedFields")}

    def label(self, key: str) -> str:
        """One label's text, or nothing."""
        return text(self.labels, key)

    def annotation(self, key: str) -> str:
        """One annotation's text, or nothing."""
        return text(self.annotations, key)


def _manager(name: str, place: str, reverts: Reverts, *, parent: bool = False) -> Manager:
    return Manager(Banner(manager=name, effect=f"{name} {reverts.value}", place=place), reverts, parent)


def _owner(marks: _Marks) -> Manager | None:
    for owner in marks.owners:
        if owner.get("controller") is True:
            kind, name = text(owner, "kind"), text(owner, "name")
            return _manager(f"{kind} {name}", f"{kind} {marks.namespace}/{name}", Reverts.SOON, parent=True)
    return None


def _argo(marks: _Marks) -> Manager | None:
    tracked = marks.annotation("argocd.argoproj.io/tracking-id").partition(":")[0]
    app = tracked or marks.label("argocd.argoproj.io/instance")
    if not app and not marks.writers & {"argocd-controller", "argocd-application-controller"}:
        return None
    name = f"Argo CD application {app}" if app else "Argo CD"
    return _manager(name, f"the Git source of {name}", Reverts.SOON)


def _flux(marks: _Marks) -> Manager | None:
    for kind, prefix in (("Kustomization", "kustomize"), ("HelmRelease", "helm")):
        name = marks.label(f"{prefix}.toolkit.fluxcd.io/name")
        if name or f"{prefix}-controller" in marks.writers:
            namespace = marks.label(f"{prefix}.toolkit.fluxcd.io/namespace")
            whole = f"Flux {kind} {namespace}/{name}" if name else f"a Flux {kind}"
            return _manager(whole, f"the Git source of {whole}", Reverts.SOON)
    return None


def _helm(marks: _Marks) -> Manager | None:
    release = marks.annotation("meta.helm.sh/release-name")
    if not release and marks.label("app.kubernetes.io/managed-by") != "Helm":
        return None
    namespace = marks.annotation("meta.helm.sh/release-namespace") or marks.namespace
    name = f"Helm release {namespace}/{release}" if release else "Helm"
    return _manager(name, f"the values of {name}, then helm upgrade", Reverts.NEXT_TIME)


# (where the mark stands, its key, the manager's name, what it does): tools that sign with one label or annotation
_SIGNED = (
    ("label", "kapp.k14s.io/app", "kapp", Reverts.NEXT_TIME),
    ("annotation", "objectset.rio.cattle.io/id", "Rancher Fleet", Reverts.SOON),
    ("annotation", "configmanagement.gke.io/managed", "Config Sync", Reverts.SOON),
    ("label", "addonmanager.kubernetes.io/mode", "the addon manager", Reverts.SOON),
    ("label", "olm.owner", "Operator Lifecycle Manager", Reverts.SOON),
)
_SIGNED_WRITERS = (("terraform", "Terraform"), ("hashicorp", "Terraform"), ("pulumi", "Pulumi"))


def _signed(marks: _Marks) -> Manager | None:
    for where, key, name, reverts in _SIGNED:
        value = marks.label(key) if where == "label" else marks.annotation(key)
        if value:
            return _manager(name, f"the source that {name} applies ({key}: {value})", reverts)
    for prefix, name in _SIGNED_WRITERS:
        if any(writer.startswith(prefix) for writer in marks.writers):
            return _manager(name, f"the {name} configuration", Reverts.NEXT_TIME)
    return None


_FINDERS: tuple[Callable[[_Marks], Manager | None], ...] = (_owner, _argo, _flux, _helm, _signed)
