"""Claims that are not bound: no class, a wrong class, no matching volume, a provisioner that is silent or refuses.

A claim that waits for its first consumer is not a storage fault, and one that was just made is given a moment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from copilot.diagnosis.cause import Rule
from copilot.diagnosis.rules.storage.claim import STORAGE, Claim, claim_cause, claim_finding, claim_of
from copilot.diagnosis.rules.storage.match import class_of, nearest_volumes
from copilot.diagnosis.rules.storage.provisioning import PROVISION_CAUSES, refused, shared, silent
from copilot.diagnosis.steps import change, listing
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import listed
from copilot.model import Detail, Finding, Ref, Resource, mapping, text
from copilot.model.likeness import nearest

MOMENT = timedelta(seconds=15)  # the volume controller answers a new claim within seconds
DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
NO_PROVISIONER = "kubernetes.io/no-provisioner"
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
PINNED = claim_cause(
    "pvc.wait_consumer.pinned",
    "A pod is put on a node by name, so nobody asks for its volume",
    "Pod.spec.nodeName",
    citation="pkg/scheduler/framework/plugins/volumebinding/volume_binding.go",
)
LOST = claim_cause("pvc.lost", "A claim's PersistentVolume was deleted", "event ClaimLost")
_CANNOT = re.compile(
    r"Cannot bind to requested volume \"(?P<name>[^\"]+)\": (?P<why>.{3,160})|volume \"(?P<name2>[^\"]+)\" already bound to a different claim"
)
_NO_CLASS_SAID = "no storage class is set"
_NOT_FOUND = re.compile(r"storageclass\S* \"([^\"]+)\" not found", re.IGNORECASE)


def find_unbound_claims(view: View) -> Iterator[Finding]:
    """One finding for each reason why claims are not bound; claims of one missing class are one finding."""
    by_class: dict[str, list[Claim]] = {}
    unbound: list[tuple[Claim, Finding]] = []
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
                unbound.append((claim, finding))
    yield from shared(view, unbound)
    for name, claims in by_class.items():
        yield _class_missing(view, name, claims)


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
        return refused(view, claim, "")
    wanted = text(claim.resource.spec, "volumeName")
    if wanted:
        return _misbound(view, claim, wanted)
    name = class_of(claim.resource)
    if name is None:
        default = _default_class(view)
        told_so = any(_NO_CLASS_SAID in event.message for event in view.events(claim.ref, "FailedBinding"))
        if default is None and (view.was_read("StorageClass") or told_so):
            return _no_class(view, claim)
        storage_class = default
    else:
        storage_class = view.graph.get(Ref("StorageClass", "", name, STORAGE)) if name else None
    provisioner = text(storage_class.body, "provisioner") if storage_class is not None else ""
    if name == "" or provisioner == NO_PROVISIONER or (storage_class is None and name):
        return _no_match(view, claim)
    waits = storage_class is not None and text(storage_class.body, "volumeBindingMode") == "WaitForFirstConsumer"
    failed = refused(view, claim, provisioner)
    if failed is not None:
        return failed
    if waits and not _node_selected(claim):
        return _pinned(view, claim)  # else the consumer decides: it is missing, or its own scheduling explains it
    return silent(view, claim, storage_class, provisioner)


def _pinned(view: View, claim: Claim) -> Finding | None:
    """A claim that waits for the scheduler to choose a node for its pod, which nobody asks: the template names the node."""
    for ref in claim.pods:
        resource = view.graph.get(ref)
        pod = view.pod(resource) if resource is not None else None
        if pod is None or not pod.node or pod.phase != "Pending":
            continue
        if text(view.template(pod.owner), "nodeName") and not view.events(ref, "Scheduled"):
            words = f"{pod.owner} sets spec.nodeName {pod.node}, which passes the scheduler by, so {claim.name} waits for ever for its first consumer"
            proof = said(pod.resource, "spec.nodeName", f"{ref} is put on node {pod.node} by name")
            return claim_finding(PINNED, claim, words, (proof,), ref=pod.owner, weight=0.88)
    return None


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
            return _told_misbound(view, claim)
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
        return _told_misbound(view, claim)  # a pasted description leaves out what was compared
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


def _told_misbound(view: View, claim: Claim) -> Finding | None:
    """What the volume controller says of the volume that a claim names, where the volume itself was not read."""
    for event in reversed(view.events(claim.ref, "FailedBinding", "ClaimMisbound", "VolumeMismatch")):
        found = _CANNOT.search(event.message)
        if found:
            volume = view.graph.get(Ref("PersistentVolume", "", found["name"] or found["name2"]))
            released = volume is not None and text(volume.status, "phase") == "Released"
            why = found["why"] or "it is already bound to another claim"
            why = "it is Released: it still holds a deleted claim (claimRef)" if released else why
            words = f"{claim.name} names volumeName {found['name'] or found['name2']}, but cannot have that PersistentVolume: {why}"
            ref = volume.ref if volume is not None and released else claim.ref
            return claim_finding(MISBOUND, claim, words, (told(event),), ref=ref, weight=0.88)
    return None


def _no_class(view: View, claim: Claim) -> Finding:
    events = view.events(claim.ref, "FailedBinding")
    names = [item.ref.name for item in view.graph.of_kind("StorageClass", group=STORAGE)]
    have = f"none of the classes ({listed(names)}) is the default" if names else "there is no StorageClass"
    return claim_finding(
        NO_CLASS, claim, f"{claim.name} names no StorageClass, and {have}", tuple(told(event) for event in events[-1:])
    )


def _no_match(view: View, claim: Claim) -> Finding | None:
    if not view.was_read("PersistentVolume"):
        return refused(view, claim, "")
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


RULES: tuple[Rule, ...] = (
    Rule(
        find=find_unbound_claims,
        causes=(CLASS_MISSING, NO_CLASS, NO_MATCH, MISBOUND, PINNED, LOST, *PROVISION_CAUSES),
    ),
)
