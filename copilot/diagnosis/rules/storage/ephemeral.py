"""Volumes that live with their pod: a claim of the right name that belongs to somebody else keeps the pod from starting."""

from __future__ import annotations

from collections.abc import Iterator

from copilot.diagnosis.cause import Rule
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.rules.storage.claim import claim_cause
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, fact, said
from copilot.model import Detail, Finding, Ref, Resource, children, mapping, text

CONFLICT = claim_cause(
    "pvc.ephemeral_conflict",
    "A claim of another owner has the name of a pod's own ephemeral volume",
    "metadata.ownerReferences",
    citation="staging/src/k8s.io/component-helpers/storage/ephemeral/ephemeral.go",
)


def find_ephemeral_conflicts(view: View) -> Iterator[Finding]:
    """One finding for each ephemeral volume whose claim is not the pod's own."""
    for pod in view.troubled:
        if pod.phase not in ("Pending", "") or pod.resource.deleted is not None:
            continue
        for volume in children(pod.resource.spec, "volumes"):
            if not mapping(volume, "ephemeral"):
                continue
            name = f"{pod.ref.name}-{text(volume, 'name')}"
            claim = view.graph.get(Ref("PersistentVolumeClaim", pod.ref.namespace, name))
            if claim is not None and claim.detail is Detail.FULL and not _owned_by(claim, pod):
                yield _conflict(pod, claim, text(volume, "name"))


def _owned_by(claim: Resource, pod: PodFact) -> bool:
    owners = children(claim.metadata, "ownerReferences")
    if pod.resource.uid:
        return any(text(owner, "uid") == pod.resource.uid for owner in owners)
    return any(text(owner, "kind") == "Pod" and text(owner, "name") == pod.ref.name for owner in owners)


def _conflict(pod: PodFact, claim: Resource, volume: str) -> Finding:
    words = f"PersistentVolumeClaim {claim.ref.name} was not created for {pod.ref}, which needs one of this name for its ephemeral volume {volume}"
    return Finding(
        cause=CONFLICT.id,
        object=claim.ref,
        title=f"{words}: the pod cannot start while it is there",
        evidence=(
            fact(pod.resource, f"spec.volumes[{volume}].name", "the pod's ephemeral volume"),
            said(claim, "metadata.ownerReferences", f"{claim.ref} is not owned by {pod.ref}"),
        ),
        explains=(pod.ref,),
        weight=0.92,
        since=pod.resource.created,
        steps=(
            describe(claim.ref),
            change("Rename the pod or its volume; delete the claim only if nobody needs its data", claim.ref),
        ),
    )


RULES: tuple[Rule, ...] = (Rule(find=find_ephemeral_conflicts, causes=(CONFLICT,)),)
