"""A claim with those who use it and what made it, and the shape of every finding about one."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec

from copilot.diagnosis.cause import Cause, Severity
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, said
from copilot.diagnosis.words import read
from copilot.model import Evidence, Finding, Ref, Resource, children, text
from retrievers.graph import EdgeKind

PROVISIONING = timedelta(minutes=2)  # clouds make a disk within a minute; silence beyond two is a fault
STORAGE = "storage.k8s.io"
_PV = "pkg/controller/volume/persistentvolume/pv_controller.go"
_CLAIM = ("PersistentVolumeClaim.spec", "PersistentVolumeClaim.status.phase")


def claim_cause(
    rule: str, title: str, *fields: str, yields: bool = False, severity: Severity = Severity.OUTAGE, citation: str = _PV
) -> Cause:
    """Declare a cause that is read from a claim."""
    return Cause(
        id=rule,
        title=title,
        kind="PersistentVolumeClaim",
        fields=(*_CLAIM, *fields),
        severity=severity,
        yields=yields,
        steps=("Compare the claim with the classes and volumes there are",),
        citation=citation,
    )


class Claim(msgspec.Struct, frozen=True, eq=False):
    """A claim with those who use it. `owner` is what a person would change: the StatefulSet that made it, or itself."""

    resource: Resource
    pods: tuple[Ref, ...]
    owner: Ref

    @property
    def ref(self) -> Ref:
        """The claim's address."""
        return self.resource.ref

    @property
    def name(self) -> str:
        """As sentences name it."""
        return f"PersistentVolumeClaim {self.ref.path}"


def claim_of(view: View, resource: Resource) -> Claim:
    """A claim with its pods and the object that made it."""
    pods = tuple(edge.source for edge in view.graph.into(resource.ref, EdgeKind.MOUNTS) if edge.source.kind == "Pod")
    return Claim(resource, pods, _maker(view, resource.ref) or resource.ref)


def _maker(view: View, claim: Ref) -> Ref | None:
    """The StatefulSet whose volumeClaimTemplates made the claim: `<template>-<set>-<ordinal>`."""
    for owner in view.graph.of_kind("StatefulSet", claim.namespace):
        for template in children(owner.spec, "volumeClaimTemplates"):
            if re.fullmatch(re.escape(f"{text(template, 'metadata', 'name')}-{owner.ref.name}-") + r"\d+", claim.name):
                return owner.ref
    return None


def claim_finding(
    cause: Cause,
    claim: Claim,
    title: str,
    evidence: tuple[Evidence, ...],
    *,
    ref: Ref | None = None,
    weight: float = 0.93,
    points_to: tuple[Ref, ...] = (),
) -> Finding:
    """A finding about one claim; the object is what made the claim unless another is named."""
    target = ref or claim.owner
    phase = said(claim.resource, "status.phase", f"{claim.name} is {text(claim.resource.status, 'phase')}")
    return Finding(
        cause=cause.id,
        object=target,
        title=title,
        evidence=(phase, *evidence),
        explains=tuple(dict.fromkeys((claim.ref, *claim.pods))),
        weight=weight,
        since=claim.resource.created,
        steps=(
            describe(claim.ref),
            read("List the storage classes and volumes", "kubectl get storageclass,persistentvolume"),
            change(cause.title, target),
        ),
        points_to=points_to,
    )
