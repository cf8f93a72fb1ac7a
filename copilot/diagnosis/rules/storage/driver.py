"""The pods of a storage driver: by its name in arguments and sockets, else by the likeness of names and images.

A driver has no field that says where it runs; what is found this way is a lead, never proof by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from copilot.diagnosis.view import View
from copilot.model import Ref, Resource, children, text, texts
from copilot.model.kinds import built_in

CONTROLLER = ("Deployment", "StatefulSet")
NODE = ("DaemonSet",)
_MIGRATED: Mapping[str, str] = {  # k8s.io/csi-translation-lib: what the in-tree names have become
    "kubernetes.io/aws-ebs": "ebs.csi.aws.com", "kubernetes.io/gce-pd": "pd.csi.storage.gke.io", "kubernetes.io/azure-disk": "disk.csi.azure.com",
    "kubernetes.io/azure-file": "file.csi.azure.com", "kubernetes.io/cinder": "cinder.csi.openstack.org",
    "kubernetes.io/vsphere-volume": "csi.vsphere.vmware.com", "kubernetes.io/portworx-volume": "pxd.portworx.com",
}  # fmt: skip
_COMMON = frozenset(
    {"csi", "com", "io", "org", "net", "dev", "k8s", "kubernetes", "storage", "cloud", "driver", "provisioner", "sigs", "www", "local"}
)  # fmt: skip
_SIDECARS = ("csi-provisioner", "csi-attacher", "csi-resizer", "csi-snapshotter", "driver-registrar", "csi-driver")
_WORD = re.compile(r"[a-z0-9]+")


def driver_workloads(view: View, driver: str, kinds: tuple[str, ...] = CONTROLLER) -> list[Resource]:
    """The driver's workloads of these kinds, by namespace and name."""
    driver = _MIGRATED.get(driver, driver)
    if not driver:
        return []
    return view.once(f"workloads of {driver} {kinds}", lambda: _workloads(view, driver, kinds))


def _workloads(view: View, driver: str, kinds: tuple[str, ...]) -> list[Resource]:
    named = [workload for workload in view.workloads(*kinds) if _speaks_of(view, workload, driver)]
    return named or _alike(view, driver, kinds)


def backend_refs(view: View, driver: str) -> tuple[Ref, ...]:
    """The custom resources beside the driver's pods: the storage system itself is often one of them; kube-system holds none."""
    spaces = {workload.ref.namespace for workload in driver_workloads(view, driver, (*CONTROLLER, *NODE))}
    return tuple(
        member
        for space in sorted(spaces - {"kube-system", "default"})
        for member in view.graph.members(space)
        if "." in member.group and built_in(member.kind, member.group) is None
    )


def driver_refs(view: View, driver: str) -> tuple[Ref, ...]:
    """What a failure of the driver may come from: its controllers and their pods."""
    found: dict[Ref, None] = {}
    for workload in driver_workloads(view, driver):
        found[workload.ref] = None
        found.update(dict.fromkeys(pod.ref for pod in view.pods_of(workload.ref)))
    return tuple(found)


def _speaks_of(view: View, workload: Resource, driver: str) -> bool:
    if workload.ref.name in (driver, driver.partition(".")[0]):
        return True
    return any(driver in word for word in _words(view.template(workload.ref)))


def _words(spec: Mapping[str, Any]) -> Iterator[str]:
    for container in (*children(spec, "containers"), *children(spec, "initContainers")):
        yield from texts(container, "args")
        yield from texts(container, "command")
        for entry in children(container, "env"):
            yield text(entry, "value")
    for volume in children(spec, "volumes"):
        yield text(volume, "hostPath", "path")


def _alike(view: View, driver: str, kinds: tuple[str, ...]) -> list[Resource]:
    """The storage workloads that share the most telling words with the driver's name: ebs-csi-controller, csi-nfs-node."""
    wanted = set(_WORD.findall(driver.lower())) - _COMMON
    scored = [(_likeness(view, workload, wanted), workload) for workload in view.workloads(*kinds)]
    best = max((score for score, _ in scored), default=0)
    return [workload for score, workload in scored if score == best] if best else []


def _likeness(view: View, workload: Resource, wanted: set[str]) -> int:
    """How many words of a driver's name a workload shares; 0 unless it looks like a part of a storage driver."""
    containers = children(view.template(workload.ref), "containers")
    told = [workload.ref.name, *(text(c, "name") for c in containers), *(text(c, "image") for c in containers)]
    joined = " ".join(told).lower()
    storage = "csi" in workload.ref.name or "provisioner" in workload.ref.name or any(s in joined for s in _SIDECARS)
    if not storage:
        return 0
    words = set(_WORD.findall(joined))
    return sum(any(_same(token, word) for word in words) for token in wanted)


def _same(token: str, word: str) -> bool:
    """`disk` is in `azuredisk` and `rbd` in `rbdplugin`; shorter tokens must be whole words."""
    return token == word or (len(token) > 2 and (word.startswith(token) or word.endswith(token)))
