"""Whether a volume can serve a claim, and if not, which test it fails. Pure comparison of two objects.

Upstream: pkg/controller/volume/persistentvolume/pv_controller.go checkVolumeSatisfyClaim and the volume binder.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from copilot.model import Resource, mapping, parse_quantity, text, texts
from copilot.model.quantity import format_bytes
from retrievers.graph.selectors import parse_label_selector

OLD_CLASS = "volume.beta.kubernetes.io/storage-class"


def class_of(claim: Resource) -> str | None:
    """The class a claim or volume names; "" is "no class, on purpose", None is "the default one"."""
    old = claim.annotations.get(OLD_CLASS)
    if isinstance(old, str):
        return old
    named = claim.spec.get("storageClassName")
    return named if isinstance(named, str) else None


def size_of(claim: Resource) -> Fraction:
    """What the claim asks for, in bytes."""
    return parse_quantity(mapping(claim.spec, "resources", "requests").get("storage")) or Fraction(0)


def mismatches(claim: Resource, volume: Resource) -> Iterator[str]:
    """Every test that the volume fails for the claim, as a sentence. None: it could be bound."""
    holder = mapping(volume.spec, "claimRef")
    if holder and (text(holder, "name"), text(holder, "namespace")) != (claim.ref.name, claim.ref.namespace):
        yield f"it is {text(volume.status, 'phase') or 'Bound'} and kept for claim {text(holder, 'namespace')}/{text(holder, 'name')}"
    elif holder and text(holder, "uid") and claim.uid and text(holder, "uid") != claim.uid:
        yield "it is Released: it still holds the deleted claim of the same name (claimRef.uid differs)"
    wanted, offered = class_of(claim) or "", text(volume.spec, "storageClassName")
    if wanted != offered:
        yield f"its storage class is {offered or 'none'}, the claim asks for {wanted or 'none'}"
    missing = [mode for mode in texts(claim.spec, "accessModes") if mode not in texts(volume.spec, "accessModes")]
    if missing:
        yield f"its access modes are {', '.join(texts(volume.spec, 'accessModes'))}, the claim asks for {', '.join(missing)}"
    capacity = parse_quantity(mapping(volume.spec, "capacity").get("storage")) or Fraction(0)
    if capacity < size_of(claim):
        yield f"its capacity is {format_bytes(capacity)}, the claim asks for {format_bytes(size_of(claim))}"
    if (text(claim.spec, "volumeMode") or "Filesystem") != (text(volume.spec, "volumeMode") or "Filesystem"):
        yield f"its volumeMode is {text(volume.spec, 'volumeMode') or 'Filesystem'}, the claim's is {text(claim.spec, 'volumeMode') or 'Filesystem'}"
    selector = parse_label_selector(claim.spec.get("selector")) if claim.spec.get("selector") else None
    if selector is not None and not selector.matches(volume.labels):
        yield f"its labels do not match the claim's selector ({selector})"
    if volume.deleted is not None:
        yield "it is being deleted"


def nearest_volumes(claim: Resource, volumes: list[Resource]) -> list[tuple[Resource, list[str]]]:
    """Volumes with what each lacks, the nearest first."""
    judged = [(volume, list(mismatches(claim, volume))) for volume in volumes]
    return sorted(judged, key=lambda pair: (len(pair[1]), pair[0].ref))
