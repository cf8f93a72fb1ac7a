"""One pre-flight: the manifests, the cluster they would meet (or none), and the cluster as it would be afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from copilot.diagnosis.view import TEMPLATE_PATH, WORKLOADS
from copilot.model import Detail, Evidence, Ref, Resource, mapping
from retrievers.graph import ResourceGraph
from tools.cluster.manifest_files import Manifest

FORETOLD = "foretold"  # the source of what the cluster would say


class Case:
    """What every check reads. `live` is None when no cluster was read."""

    def __init__(self, manifests: tuple[Manifest, ...], live: ResourceGraph | None) -> None:
        self.manifests = manifests
        self.live = live

    @cached_property
    def by_ref(self) -> Mapping[Ref, Manifest]:
        """The manifest of each object; of duplicates the last one, which is what stays after an apply."""
        return {manifest.resource.ref: manifest for manifest in self.manifests}

    def objects(self, *kinds: str) -> Iterator[Manifest]:
        """The objects of these kinds, in the order in which they are written."""
        for manifest in self.by_ref.values():
            if manifest.resource.ref.kind in kinds:
                yield manifest

    def workloads(self) -> Iterator[Manifest]:
        """Everything with a pod template, and bare pods."""
        return self.objects(*WORKLOADS, "Pod")

    def before(self, ref: Ref) -> Resource | None:
        """The object as it is in the cluster now, seen whole."""
        found = self.live.get(ref) if self.live is not None else None
        return found if found is not None and found.detail is Detail.FULL else None


def template_path(resource: Resource) -> tuple[str, ...]:
    """Where the pod template stands; () for a pod, which is its own."""
    return TEMPLATE_PATH.get(resource.ref.kind, ("spec", "template"))


def pod_template(resource: Resource) -> Mapping[str, Any]:
    """The pod template (metadata and spec) of a workload, or the pod itself."""
    path = template_path(resource)
    return mapping(resource.body, *path) if path else resource.body


def written(manifest: Manifest, path: str, sentence: str) -> Evidence:
    """Evidence from a manifest: the fact with file and line."""
    return Evidence(manifest.resource.ref, path, sentence, manifest.place(path))


def in_template(manifest: Manifest, path: str) -> str:
    """A path of the pod (`spec.containers[web].image`) as the path in its manifest."""
    return ".".join((*template_path(manifest.resource), path))
