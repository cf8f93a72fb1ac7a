"""Image references taken apart (distribution/reference grammar), and the nearest one that runs."""

from __future__ import annotations

import msgspec

from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.view import View
from copilot.model import Ref

DEFAULT_REGISTRY = "docker.io"


class ImageName(msgspec.Struct, frozen=True):
    """`registry/repository:tag@digest`; registry is docker.io where none is named."""

    registry: str
    repository: str
    tag: str
    digest: str


def parse_image(reference: str) -> ImageName:
    """Take a reference apart; never raises, whatever the text."""
    rest, _, digest = reference.partition("@")
    first, slash, tail = rest.partition("/")
    registry = first if slash and ("." in first or ":" in first or first == "localhost") else ""
    path = tail if registry else rest
    head, colon, tag = path.rpartition(":")
    if not colon or "/" in tag:
        head, tag = path, ""
    return ImageName(registry=registry or DEFAULT_REGISTRY, repository=head, tag=tag, digest=digest)


def nearest_image(view: View, pod: PodFact, wanted: ImageName) -> tuple[Ref, str] | None:
    """The most similar image of a running container elsewhere, as (pod, image), or None."""
    full = f"{wanted.registry}/{wanted.repository}:{wanted.tag}".removeprefix(f"{DEFAULT_REGISTRY}/")
    for image in view.images_like(full):
        elsewhere = [ref for ref in view.running_images[image] if ref != pod.ref]
        if elsewhere and image != full:
            return elsewhere[0], image
    return None
