"""A provisioner that refuses or is silent: what it says of one claim, and what several claims of a class share.

Where the driver or its storage system may be to blame, the finding points there and gives way to what is found there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from copilot.diagnosis.cause import Cause
from copilot.diagnosis.rules.storage.claim import PROVISIONING, STORAGE, Claim, claim_cause, claim_finding
from copilot.diagnosis.rules.storage.driver import backend_refs, driver_refs, driver_workloads
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import listed, plural
from copilot.model import Evidence, Finding, Ref, Resource, text
from copilot.model.likeness import nearest

SNAPSHOTS = "snapshot.storage.k8s.io"


def _cause(name: str, title: str, *, yields: bool = False) -> Cause:
    return claim_cause(f"pvc.provision.{name}", title, "event ProvisioningFailed", yields=yields)


EXHAUSTED = _cause("exhausted", "The storage backend has no capacity left")
REFUSED = _cause("denied", "The storage backend refuses the provisioner's credentials")
MODES = _cause("access_mode", "The storage cannot be used in the way the claim asks for")
PARAMETERS = _cause("parameters", "The storage refuses what the StorageClass asks for")
SIZE = _cause("size", "The storage cannot make a volume of this size")
SOURCE = _cause("source", "What the claim is to be filled from is missing or not ready", yields=True)
TOPOLOGY = _cause("topology", "No volume can be made where the pod is to run")
SECRET = _cause("secret", "The secret that the StorageClass names for its driver cannot be read")
FAILED = _cause("failed", "Provisioning the volume fails", yields=True)
SILENT = claim_cause(
    "pvc.wait_external", "The provisioner of the claim's class does nothing", "event ExternalProvisioning", yields=True
)
PROVISION_CAUSES = (EXHAUSTED, REFUSED, MODES, PARAMETERS, SIZE, SOURCE, TOPOLOGY, SECRET, FAILED, SILENT)
_OF_CLASS = frozenset({EXHAUSTED.id, REFUSED.id, PARAMETERS.id, TOPOLOGY.id, SECRET.id, FAILED.id, SILENT.id})

# (cause, what the message holds, words, weight); the first that fits wins.
_MESSAGES: tuple[tuple[Cause, re.Pattern[str], str, float], ...] = (
    (SOURCE, re.compile(r"DataSource|data source|VolumeContentSource|source (?:volume|snapshot)", re.IGNORECASE), "cannot be filled from its source", 0.88),
    (SECRET, re.compile(r"(?:provision|credential|node)\w* secret|secrets? \S{1,200} not found|error resolving (?:secret|value)|failed to get secret", re.IGNORECASE), "fails because the secret of its driver cannot be read", 0.88),
    (MODES, re.compile(r"access ?modes?|MULTI_NODE|ReadWriteMany|RWX|[Vv]olume capabilit|volumeMode|block volume", re.IGNORECASE), "fails because the storage does not offer the access mode", 0.88),
    (EXHAUSTED, re.compile(r"ResourceExhausted|not enough (?:free )?(?:space|capacity)|insufficient\w* ?(?:volume)?(?:capacity|space)|InsufficientVolumeCapacity|no space left|out of (?:capacity|space)|quota|limit ?exceeded|RESOURCE_POOL_EXHAUSTED|data space is exhausted", re.IGNORECASE), "fails because the storage backend has no capacity or quota left", 0.85),
    (REFUSED, re.compile(r"Unauthenticated|PermissionDenied|AccessDenied|Unauthori[sz]ed|not authorized|Forbidden|credential|\b40[13]\b|AuthorizationFailed|invalid_grant|AADSTS", re.IGNORECASE), "is refused by the storage backend (credentials or permission)", 0.85),
    (TOPOLOGY, re.compile(r"topolog|accessibility requirements|zone[s ]\S{0,40} ?(?:not|is un)\w* ?(?:available|supported|found)", re.IGNORECASE), "fails because no volume can be made where its pod is to run (topology, zone)", 0.85),
    (SIZE, re.compile(r"OutOfRange|(?:minimum|maximum|smaller|larger|less|greater) (?:than )?.{0,60}(?:size|GiB|bytes|capacity)|invalid (?:disk |volume )?size|size .{0,60}(?:must be|out of range|too)", re.IGNORECASE), "fails because of the size asked for", 0.85),
    (PARAMETERS, re.compile(r"unknown parameter|invalid (?:option|parameter)|InvalidParameter|(?:is |are )?not (?:a )?supported|unsupported|parameter .{0,80}(?:missing|required|invalid)|missing .{0,40}parameter|pool .{0,80}(?:not found|does not exist)|no such pool|(?:cluster|clusterID|file ?system|pool) \S{1,120} (?:not found|does not exist)", re.IGNORECASE), "fails because of what its StorageClass asks for (parameters)", 0.82),
)  # fmt: skip


def refused(view: View, claim: Claim, provisioner: str) -> Finding | None:
    """What the provisioner says against the claim, by its kind."""
    failed = view.events(claim.ref, "ProvisioningFailed")
    if not failed:
        return None
    last = failed[-1]
    cause, words, weight = FAILED, "fails", 0.75
    for known, pattern, said_of_it, sure in _MESSAGES:
        if pattern.search(last.message):
            cause, words, weight = known, said_of_it, sure
            break
    if cause is SOURCE:
        return _source(view, claim, last.message, told(last))
    finding = claim_finding(
        cause,
        claim,
        f"Provisioning a volume for {claim.name} {words}: {last.message[:240]}",
        (told(last),),
        weight=weight,
        points_to=(*driver_refs(view, provisioner), *backend_refs(view, provisioner)) if cause is FAILED else (),
    )
    owner = _class_ref(view, claim) if cause in (PARAMETERS, SECRET) else None
    return _told_of(finding, owner) if owner is not None else finding


def _told_of(finding: Finding, owner: Ref) -> Finding:
    return msgspec.structs.replace(finding, object=owner, explains=tuple(dict.fromkeys((*finding.explains, finding.object))))  # fmt: skip


def _class_ref(view: View, claim: Claim) -> Ref | None:
    name = text(claim.resource.spec, "storageClassName")
    ref = Ref("StorageClass", "", name, STORAGE)
    return ref if name and view.graph.get(ref) is not None else None


def _source(view: View, claim: Claim, message: str, proof: Evidence) -> Finding:
    """A snapshot or claim to be filled from: it is not there, not ready, or larger than the claim."""
    spec = claim.resource.spec
    kind = text(spec, "dataSource", "kind") or text(spec, "dataSourceRef", "kind") or "VolumeSnapshot"
    name = text(spec, "dataSource", "name") or text(spec, "dataSourceRef", "name")
    space = text(spec, "dataSourceRef", "namespace") or claim.ref.namespace
    ref = Ref(kind, space, name, "" if kind == "PersistentVolumeClaim" else SNAPSHOTS)
    held = view.graph.get(ref)
    evidence = [proof]
    points: tuple[Ref, ...] = ()
    if held is None and "not found" in message:
        names = [item.ref.name for item in view.graph.of_kind(kind, space)]
        near = nearest(name, names)
        have = f" (there is {near})" if near else f" (there are {listed(sorted(names)[:3])})" if names else ""
        why = f"{kind} {space}/{name}, which does not exist{have}"
    else:
        why, points = f"{kind} {space}/{name}: {message[-200:]}", (ref,) if held is not None else ()
        if held is not None:
            ready = text(held.status, "readyToUse") or "unknown"
            evidence.append(said(held, "status.readyToUse", f"{ref}: readyToUse {ready}, restoreSize {text(held.status, 'restoreSize') or 'unknown'}"))  # fmt: skip
    return claim_finding(
        SOURCE, claim, f"{claim.name} cannot be filled from its source, {why}", tuple(evidence), weight=0.9, points_to=points
    )  # fmt: skip


def silent(view: View, claim: Claim, storage_class: Resource | None, provisioner: str) -> Finding | None:
    """A claim that its provisioner has not answered: is the provisioner there, and is it well?"""
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
    if idle and len(idle) == len(workloads):
        ref, why, weight = idle[0].ref, f"its controller {idle[0].ref} has no ready pod", 0.85
    elif not workloads and driver is None and storage_class is not None and view.was_read("Pod", "*"):
        ref, why, weight = storage_class.ref, "no such driver runs in the cluster", 0.75
    else:
        ref, why, weight = (storage_class.ref if storage_class is not None else claim.ref), "it has not answered", 0.55
    return claim_finding(
        SILENT,
        claim,
        f"{claim.name} waits for the provisioner {provisioner or 'of its class'}: {why}",
        tuple(proof),
        ref=ref,
        weight=weight,
        points_to=(*driver_refs(view, provisioner), *backend_refs(view, provisioner)),
    )


def shared(view: View, found: Sequence[tuple[Claim, Finding]]) -> list[Finding]:
    """The findings, those that several claims of one class share told once, of the class."""
    groups: dict[tuple[str, Ref | None], list[tuple[Claim, Finding]]] = {}
    for claim, finding in found:
        groups.setdefault((finding.cause, _class_ref(view, claim)), []).append((claim, finding))
    told_once: list[Finding] = []
    for (cause, owner), members in groups.items():
        first = members[0][1]
        objects = {finding.object for _, finding in members}
        if owner is None or cause not in _OF_CLASS or len(members) < 2:
            told_once += [finding for _, finding in members]
            continue
        others = f" ({plural(len(members), 'claim')} of {owner} fail alike)"
        explains = dict.fromkeys(ref for _, finding in members for ref in (*finding.explains, finding.object))
        evidence = dict.fromkeys(piece for _, finding in members[:3] for piece in finding.evidence[:2])
        told_once.append(
            msgspec.structs.replace(first, object=first.object if len(objects) == 1 else owner, title=first.title + others, explains=tuple(explains), evidence=tuple(evidence))
        )  # fmt: skip
    return told_once
