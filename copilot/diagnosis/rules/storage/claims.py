"""Claims that are not bound: no class, a wrong class, no matching volume, a provisioner that is silent or refuses.

A claim that waits for its first consumer is not a storage fault, and one that was just made is given a moment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import msgspec

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.rules.storage.driver import driver_workloads
from copilot.diagnosis.rules.storage.match import class_of, nearest_volumes
from copilot.diagnosis.steps import change, describe, listing
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import listed, read
from copilot.model import Detail, Evidence, Finding, Ref, Resource, children, mapping, text
from copilot.model.likeness import nearest
from retrievers.graph import EdgeKind, EventFact

MOMENT = timedelta(seconds=15)  # the volume controller answers a new claim within seconds
PROVISIONING = timedelta(minutes=2)  # clouds make a disk within a minute; silence beyond two is a fault
STORAGE = "storage.k8s.io"
DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
NO_PROVISIONER = "kubernetes.io/no-provisioner"
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


CLASS_MISSING = claim_cause(
    "pvc.storageclass.missing", "A claim names a StorageClass that does not exist", "event ProvisioningFailed"
)
NO_CLASS = claim_cause(
    "pvc.no_class",
    "A claim names no StorageClass and there is no default one",
    "StorageClass.metadata.annotations",
    "event FailedBinding",
)
NO_MATCH = claim_cause(
    "pvc.no_match", "No PersistentVolume matches the claim", "PersistentVolume.spec", "event FailedBinding"
)
MISBOUND = claim_cause(
    "pvc.misbound",
    "A claim names a PersistentVolume it cannot have",
    "PersistentVolume.spec.claimRef",
    "event FailedBinding",
)
LOST = claim_cause("pvc.lost", "A claim's PersistentVolume was deleted", "event ClaimLost")
EXHAUSTED = claim_cause(
    "pvc.provision.exhausted", "The storage backend has no capacity left", "event ProvisioningFailed"
)
REFUSED = claim_cause(
    "pvc.provision.denied", "The storage backend refuses the provisioner's credentials", "event ProvisioningFailed"
)
FAILED = claim_cause("pvc.provision.failed", "Provisioning the volume fails", "event ProvisioningFailed", yields=True)
SILENT = claim_cause(
    "pvc.wait_external", "The provisioner of the claim's class does nothing", "event ExternalProvisioning", yields=True
)

_EXHAUSTED = re.compile(
    r"ResourceExhausted|not enough (?:free )?(?:space|capacity)|insufficient (?:capacity|space)|no space left|out of (?:capacity|space)|quota",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"Unauthenticated|PermissionDenied|AccessDenied|Unauthori[sz]ed|not authorized|Forbidden|credential", re.IGNORECASE
)
_NOT_FOUND = re.compile(r"storageclass\S* \"([^\"]+)\" not found", re.IGNORECASE)


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


def find_unbound_claims(view: View) -> Iterator[Finding]:
    """One finding for each reason why claims are not bound; claims of one missing class are one finding."""
    by_class: dict[str, list[Claim]] = {}
    for resource in view.graph.of_kind("PersistentVolumeClaim", group=""):
        phase = text(resource.status, "phase")
        if phase == "Bound" or resource.deleted is not None or not phase:
            continue
        claim = claim_of(view, resource)
        if phase == "Lost":
            yield _lost(view, claim)
        elif missing := _missing_class(view, claim):
            by_class.setdefault(missing, []).append(claim)
        elif resource.created is None or view.now - resource.created > MOMENT:
            finding = _unbound(view, claim)
            if finding is not None:
                yield finding
    for name, claims in by_class.items():
        yield _class_missing(view, name, claims)


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


def _lost(view: View, claim: Claim) -> Finding:
    volume = text(claim.resource.spec, "volumeName")
    events = view.events(claim.ref, "ClaimLost")
    return claim_finding(
        LOST,
        claim,
        f"{claim.name} has lost its PersistentVolume {volume}: the volume object was deleted, the data may be gone",
        tuple(told(event) for event in events[-1:]),
        ref=claim.ref,
    )


def _missing_class(view: View, claim: Claim) -> str:
    """The class that the claim names and that does not exist, or nothing."""
    name = class_of(claim.resource)
    events = view.events(claim.ref, "ProvisioningFailed")
    if claim.resource.detail is Detail.ROW and name is None:
        found = next((m[1] for event in events if (m := _NOT_FOUND.search(event.message))), "")
        return found if found and view.graph.get(Ref("StorageClass", "", found, STORAGE)) is None else ""
    if not name or view.graph.get(Ref("StorageClass", "", name, STORAGE)) is not None:
        return ""
    refused = any(_NOT_FOUND.search(event.message) for event in events)
    static = any(text(pv.spec, "storageClassName") == name for pv in view.graph.of_kind("PersistentVolume"))
    return name if refused or (view.was_read("StorageClass") and not static) else ""


def _class_missing(view: View, name: str, claims: list[Claim]) -> Finding:
    missing = Ref("StorageClass", "", name, STORAGE)
    owners = list(dict.fromkeys(claim.owner for claim in claims))
    existing = [item.ref.name for item in view.graph.of_kind("StorageClass", group=STORAGE)]
    near = nearest(name, existing)
    have = f"there is {near}" if near else f"there are {listed(existing)}" if existing else "there is none"
    proof = [said(claim.resource, "spec.storageClassName", f"{claim.name} names class {name}") for claim in claims[:3]]
    for claim in claims[:2]:
        proof += [told(event) for event in view.events(claim.ref, "ProvisioningFailed")[-1:]]
    return Finding(
        cause=CLASS_MISSING.id,
        object=owners[0] if len(owners) == 1 else missing,
        title=f"StorageClass {name} does not exist ({have}), but {listed([f'{owner.kind} {owner.path}' for owner in owners])} asks for it",
        evidence=tuple(proof),
        explains=tuple(dict.fromkeys(ref for claim in claims for ref in (claim.ref, *claim.pods, claim.owner))),
        weight=0.96,
        since=min((c.resource.created for c in claims if c.resource.created is not None), default=None),
        steps=(
            listing("storageclass"),
            change(
                "Create the class, or make the claim again with one that exists (the field is immutable)", owners[0]
            ),
        ),
    )


def _unbound(view: View, claim: Claim) -> Finding | None:
    """Why a claim that is no longer new is still Pending."""
    if claim.resource.detail is Detail.ROW and not claim.resource.spec:
        return _by_events(view, claim)
    wanted = text(claim.resource.spec, "volumeName")
    if wanted:
        return _misbound(view, claim, wanted)
    name = class_of(claim.resource)
    if name is None:
        default = _default_class(view)
        if default is None and view.was_read("StorageClass"):
            return _no_class(view, claim)
        storage_class = default
    else:
        storage_class = view.graph.get(Ref("StorageClass", "", name, STORAGE)) if name else None
    provisioner = text(storage_class.body, "provisioner") if storage_class is not None else ""
    if name == "" or provisioner == NO_PROVISIONER or (storage_class is None and name):
        return _no_match(view, claim)
    waits = storage_class is not None and text(storage_class.body, "volumeBindingMode") == "WaitForFirstConsumer"
    if waits and not _node_selected(claim):
        return None  # the consumer decides: it is missing, or its own scheduling explains it
    return _by_events(view, claim) or _silent(view, claim, storage_class, provisioner)


def _node_selected(claim: Claim) -> bool:
    return bool(claim.resource.annotations.get("volume.kubernetes.io/selected-node"))


def _default_class(view: View) -> Resource | None:
    classes = view.graph.of_kind("StorageClass", group=STORAGE)
    return next((c for c in classes if any(c.annotations.get(key) == "true" for key in DEFAULT_CLASS)), None)


def _misbound(view: View, claim: Claim, wanted: str) -> Finding | None:
    volume = view.graph.get(Ref("PersistentVolume", "", wanted))
    events = tuple(
        told(event) for event in view.events(claim.ref, "FailedBinding", "ClaimMisbound", "VolumeMismatch")[-1:]
    )
    if volume is None:
        if not view.was_read("PersistentVolume"):
            return None
        near = nearest(wanted, [item.ref.name for item in view.graph.of_kind("PersistentVolume")])
        return claim_finding(
            MISBOUND,
            claim,
            f"{claim.name} names PersistentVolume {wanted}, which does not exist"
            + (f" (there is {near})" if near else ""),
            events,
            ref=claim.ref,
        )
    reasons = nearest_volumes(claim.resource, [volume])[0][1]
    if not reasons:
        return None
    released = "Released" in reasons[0] and len(reasons) == 1
    proof = (*events, said(volume, "spec.claimRef", f"PersistentVolume {wanted}: {'; '.join(reasons)}"))
    holder = mapping(volume.spec, "claimRef")
    kept = (
        f"already bound to another claim ({text(holder, 'namespace')}/{text(holder, 'name')})"
        if "kept for claim" in reasons[0]
        else reasons[0]
    )
    return claim_finding(
        MISBOUND,
        claim,
        f"{claim.name} names volumeName {wanted}, but that PersistentVolume is {kept}".replace("is it is", "is"),
        proof,
        ref=volume.ref if released else claim.ref,
    )


def _no_class(view: View, claim: Claim) -> Finding:
    events = view.events(claim.ref, "FailedBinding")
    names = [item.ref.name for item in view.graph.of_kind("StorageClass", group=STORAGE)]
    have = f"none of the classes ({listed(names)}) is the default" if names else "there is no StorageClass"
    return claim_finding(
        NO_CLASS, claim, f"{claim.name} names no StorageClass, and {have}", tuple(told(event) for event in events[-1:])
    )


def _no_match(view: View, claim: Claim) -> Finding | None:
    if not view.was_read("PersistentVolume"):
        return _by_events(view, claim)
    volumes = view.graph.of_kind("PersistentVolume")
    judged = nearest_volumes(claim.resource, volumes)
    if judged and not judged[0][1]:
        return None  # a volume fits: binding is on its way, or waits for a consumer
    events = tuple(told(event) for event in view.events(claim.ref, "FailedBinding")[-1:])
    if not judged:
        why = "there is no PersistentVolume, and its class does not provision any"
    else:
        why = f"the nearest, {judged[0][0].ref.name}, does not fit: {'; '.join(judged[0][1])}"
    proof = tuple(
        said(volume, "spec", f"PersistentVolume {volume.ref.name}: {'; '.join(why)}") for volume, why in judged[:3]
    )
    return claim_finding(NO_MATCH, claim, f"No PersistentVolume matches {claim.name}: {why}", (*events, *proof))


def _by_events(view: View, claim: Claim) -> Finding | None:
    failed = view.events(claim.ref, "ProvisioningFailed")
    if not failed:
        return None
    last: EventFact = failed[-1]
    cause, words, weight = FAILED, "fails", 0.75
    if _EXHAUSTED.search(last.message):
        cause, words, weight = EXHAUSTED, "fails because the storage backend has no capacity or quota left", 0.85
    elif _DENIED.search(last.message):
        cause, words, weight = REFUSED, "is refused by the storage backend (credentials or permission)", 0.85
    return claim_finding(
        cause,
        claim,
        f"Provisioning a volume for {claim.name} {words}: {last.message[:220]}",
        (told(last),),
        weight=weight,
    )


def _silent(view: View, claim: Claim, storage_class: Resource | None, provisioner: str) -> Finding | None:
    created = claim.resource.created
    waiting = view.events(claim.ref, "ExternalProvisioning", "Provisioning")
    if created is not None and view.now - created < PROVISIONING and not any(event.count > 3 for event in waiting):
        return None
    driver = view.graph.get(Ref("CSIDriver", "", provisioner, STORAGE))
    workloads = driver_workloads(view, provisioner)
    idle = [workload for workload in workloads if not any(pod.ready for pod in view.pods_of(workload.ref))]
    proof = [told(event) for event in waiting[-1:]]
    if storage_class is not None:
        proof.append(
            said(storage_class, "provisioner", f"StorageClass {storage_class.ref.name} uses provisioner {provisioner}")
        )
    if idle:
        ref, why, weight = idle[0].ref, f"its controller {idle[0].ref} has no ready pod", 0.85
    elif not workloads and driver is None and storage_class is not None and view.was_read("Pod", "*"):
        ref, why, weight = storage_class.ref, "no such driver runs in the cluster", 0.75
    else:
        ref, why, weight = (storage_class.ref if storage_class is not None else claim.ref), "it has not answered", 0.55
    points = tuple(pod.ref for workload in idle for pod in view.pods_of(workload.ref))
    return claim_finding(
        SILENT,
        claim,
        f"{claim.name} waits for the provisioner {provisioner or 'of its class'}: {why}",
        tuple(proof),
        ref=ref,
        weight=weight,
        points_to=points,
    )


RULES: tuple[Rule, ...] = (
    Rule(
        find=find_unbound_claims,
        causes=(CLASS_MISSING, NO_CLASS, NO_MATCH, MISBOUND, LOST, EXHAUSTED, REFUSED, FAILED, SILENT),
    ),
)
