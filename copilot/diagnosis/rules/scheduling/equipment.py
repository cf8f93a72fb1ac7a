"""Which devices a node has by its labels, whether or not its kubelet offers them: what detectors and clouds write on nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from copilot.model import Resource


class _Sign(msgspec.Struct, frozen=True):
    """A label that proves a device: its key, and what its value must be."""

    resource: str
    key: re.Pattern[str]
    value: re.Pattern[str]


def _signs(*entries: tuple[str, str, str]) -> tuple[_Sign, ...]:
    return tuple(_Sign(resource, re.compile(key), re.compile(value)) for resource, key, value in entries)


_TYPE = r"^(?:beta|node)\.kubernetes\.io/instance-type$"
_SIGNS = _signs(
    ("nvidia.com/gpu", r"^nvidia\.com/gpu\.present$", r"^true$"),
    ("nvidia.com/gpu", r"^feature\.node\.kubernetes\.io/pci-(?:030[02]_)?10de\.present$", r"^true$"),
    ("nvidia.com/gpu", r"^cloud\.google\.com/gke-accelerator$", r"nvidia"),
    ("nvidia.com/gpu", r"^(?:kubernetes\.azure\.com|k8s\.amazonaws\.com)/accelerator$", r"nvidia|tesla|."),
    ("nvidia.com/gpu", _TYPE, r"^(?:p[2-6]\w*|g[3-6]\w*|gr6\w*)\.|^Standard_N[CDV]|^a[23]-(?:high|mega|ultra)gpu"),
    ("amd.com/gpu", r"^feature\.node\.kubernetes\.io/pci-(?:0[38]\d\d_)?1002\.present$", r"^true$"),
    ("amd.com/gpu", r"^amd\.com/gpu\.(?:family|device-id|product-name)", r"."),
    ("habana.ai/gaudi", r"^feature\.node\.kubernetes\.io/pci-(?:1200_)?1da3\.present$", r"^true$"),
    ("google.com/tpu", r"^cloud\.google\.com/gke-tpu-accelerator$", r"."),
    ("aws.amazon.com/neuron", _TYPE, r"^(?:trn|inf)\d"),
)


def devices_of(node: Resource) -> Iterator[tuple[str, str]]:
    """(resource, label) for each kind of device the node has by its labels, each kind once."""
    seen: set[str] = set()
    for sign in _SIGNS:
        for key, value in node.labels.items():
            if sign.resource not in seen and sign.key.search(key) and sign.value.search(str(value)):
                seen.add(sign.resource)
                yield sign.resource, key


def has_device(node: Resource, resource: str) -> bool:
    """Whether the labels say that the node has the device; a slice of a GPU counts as the GPU."""
    wanted = "nvidia.com/gpu" if resource.startswith("nvidia.com/") else resource
    return any(found == wanted for found, _ in devices_of(node))
