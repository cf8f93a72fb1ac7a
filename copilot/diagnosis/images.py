"""Image references taken apart (distribution/reference grammar), and the nearest one that runs."""

from __future__ import annotations

import difflib

import msgspec

from copilot.diagnosis.pods import PodFact, containers_of
from copilot.diagnosis.view import View
from copilot.model import Ref

DEFAULT_REGISTRY = "docker.io"
_COMPARE_AT_MOST = 2000  # images: the nearest name is a courtesy, not worth more than a few milliseconds


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
    running: dict[str, Ref] = {}
    for other in view.graph.of_kind("Pod"):
        if len(running) >= _COMPARE_AT_MOST:
            break
        for container in containers_of(other):
            if container.state == "running" and container.image and other.ref != pod.ref:
                running.setdefault(container.image, other.ref)
    full = f"{wanted.registry}/{wanted.repository}:{wanted.tag}".removeprefix(f"{DEFAULT_REGISTRY}/")
    near = difflib.get_close_matches(full, running, n=1, cutoff=0.75)
    return (running[near[0]], near[0]) if near and near[0] != full else None
