"""Volumes that do not come to their node: held elsewhere, refused by the backend, over a limit, or never answered.

The VolumeAttachment tells what the pod's events leave out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta

from copilot.diagnosis.pods import PodFact, condition
from copilot.diagnosis.rules.storage.driver import backend_refs, driver_refs, driver_workloads
from copilot.diagnosis.rules.storage.mount_case import Mount, mount_cause, mount_finding, name_of
from copilot.diagnosis.view import View, said
from copilot.model import Evidence, Finding, Ref, Resource, text
from retrievers.graph import EdgeKind

MULTI = mount_cause(
    "volume.multiattach",
    "A ReadWriteOnce volume is in use on another node",
    "PersistentVolumeClaim.spec.accessModes",
    citation="pkg/controller/volume/attachdetach/reconciler/reconciler.go",
)
ROLLING = mount_cause(
    "volume.multiattach.rolling",
    "A rolling update deadlocks on a ReadWriteOnce volume",
    "spec.strategy.type",
    kind="Deployment",
    citation="pkg/controller/volume/attachdetach/reconciler/reconciler.go",
)
DANGLING = mount_cause(
    "volume.multiattach.dangling",
    "A volume is still attached to a node that is down",
    "VolumeAttachment.spec.nodeName",
    kind="Node",
    yields=True,
    citation="pkg/controller/volume/attachdetach/reconciler/reconciler.go",
)
BACKEND = mount_cause(
    "volume.attach.backend",
    "The storage backend refuses to attach the volume",
    "VolumeAttachment.status.attachError",
    kind="PersistentVolume",
)
LIMIT = mount_cause(
    "volume.attach.limit",
    "The node holds as many volumes as it can",
    "CSINode.spec.drivers[].allocatable.count",
    kind="Node",
    citation="pkg/scheduler/framework/plugins/nodevolumelimits",
)
UNANSWERED = mount_cause(
    "volume.attach.unanswered",
    "Nobody answers the request to attach the volume",
    "VolumeAttachment.status",
    kind="VolumeAttachment",
    yields=True,
    citation="kubernetes-csi/external-attacher",
)
NOT_READY = mount_cause(
    "volume.attach.not_ready",
    "The storage system is not ready to attach the volume",
    "VolumeAttachment.status.attachError",
    kind="PersistentVolume",
    yields=True,
    citation="container-storage-interface/spec ControllerPublishVolume errors",
)
ATTACH_CAUSES = (NOT_READY, MULTI, ROLLING, DANGLING, BACKEND, LIMIT, UNANSWERED)
_HOLDERS = re.compile(r"used by pod\(s\) ([\w.,\- ]+)")
_FULL = re.compile(
    r"attachment limit|maximum number of (?:disks|volumes|attach)|too many (?:volumes|disks)|AttachmentLimitExceeded|max\w* (?:volume|disk)s? (?:count|per)|VolumeLimitExceeded|no available (?:device|slot)",
    re.IGNORECASE,
)
_LATER = re.compile(
    r"code = (?:Aborted|Unavailable|DeadlineExceeded)|context deadline exceeded|not (?:yet )?ready|already in progress|try again|connection refused",
    re.IGNORECASE,
)
_PATIENCE = timedelta(minutes=2)  # clouds attach within seconds


def attach_refused(view: View, mount: Mount) -> Finding:
    """What the backend says against attaching the volume."""
    if _FULL.search(mount.message):
        node = Ref("Node", "", mount.pod.node)
        return mount_finding(LIMIT, mount, f"{node} holds as many volumes as it can, so {name_of(mount)} cannot be attached: {mount.message[:200]}", ref=node, weight=0.88)  # fmt: skip
    ref = mount.volume.ref if mount.volume is not None else mount.pod.owner
    words = f"Attaching {name_of(mount)} to node {mount.pod.node} fails: {mount.message[:240]}"
    if _LATER.search(mount.message):
        driver = text(mount.volume.spec, "csi", "driver") if mount.volume is not None else ""
        points = (*driver_refs(view, driver), *backend_refs(view, driver)) if driver else ()
        return mount_finding(NOT_READY, mount, words, ref=ref, weight=0.75, points_to=points)
    return mount_finding(BACKEND, mount, words, ref=ref, weight=0.82)


def find_in_attachments(view: View, pod: PodFact, volumes: Iterable[tuple[Resource, Resource]]) -> Finding | None:
    """What the VolumeAttachments of a pod's volumes tell, where its events do not: an error, or nothing for long."""
    for claim, volume in volumes:
        for attachment in _attachments(view).get(volume.ref.name, ()):
            if text(attachment.spec, "nodeName") not in ("", pod.node) or attachment.status.get("attached") is True:
                continue
            mount = Mount(pod, None, claim, volume)
            error = text(attachment.status, "attachError", "message")
            if error:
                proof = said(attachment, "status.attachError", f"{attachment.ref}: {error[:400]}")
                words = f"Attaching {name_of(mount)} to node {pod.node} fails: {error[:240]}"
                return mount_finding(BACKEND, mount, words, ref=volume.ref, evidence=(proof,), weight=0.85)
            if attachment.created is not None and view.now - attachment.created > _PATIENCE:
                return _unanswered(view, mount, attachment)
    return None


def _attachments(view: View) -> Mapping[str, list[Resource]]:
    def read() -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for attachment in view.graph.of_kind("VolumeAttachment"):
            found.setdefault(text(attachment.spec, "source", "persistentVolumeName"), []).append(attachment)
        return found

    return view.once("attachments by volume", read)


def _unanswered(view: View, mount: Mount, attachment: Resource) -> Finding:
    driver = text(attachment.spec, "attacher")
    idle = [w for w in driver_workloads(view, driver) if not any(pod.ready for pod in view.pods_of(w.ref))]
    why = f"its controller {idle[0].ref} has no ready pod" if idle else "no answer and no error for minutes"
    proof: list[Evidence] = [
        said(attachment, "status.attached", f"{attachment.ref} of {driver} is not attached: {why}")
    ]
    what = f"volumes of driver {driver}" if idle else f"{name_of(mount)} to node {mount.pod.node} (driver {driver})"
    words = f"Nobody attaches {what}: {why}"
    ref = idle[0].ref if idle else attachment.ref
    points = driver_refs(view, driver)
    return mount_finding(UNANSWERED, mount, words, ref=ref, evidence=proof, weight=0.82 if idle else 0.6, points_to=points)  # fmt: skip


def multi_attach(view: View, mount: Mount) -> Finding:
    """Who holds the volume decides: a dead node, the same Deployment's older pod, or another workload."""
    pod, holders = mount.pod, _holders(view, mount)
    node = view.graph.get(Ref("Node", "", holders[0].node)) if holders and holders[0].node else None
    where = f"pod {holders[0].ref.name} on node {holders[0].node}" if holders else "another node"
    ready = text(condition(node, "Ready"), "status") if node is not None else ""
    proof = [
        said(holder.resource, "spec.nodeName", f"{holder.ref} holds the claim on node {holder.node}")
        for holder in holders[:2]
    ]
    name = name_of(mount)
    if holders and (ready in ("False", "Unknown") or (node is None and view.was_read("Node"))):
        down = Ref("Node", "", holders[0].node)
        return mount_finding(
            DANGLING,
            mount,
            f"Multi-Attach: the {name} is still attached to node {down.name}, which is {'not ready' if node else 'gone'} ({where})",
            ref=down,
            evidence=proof,
            points_to=(down,),
        )
    if holders and holders[0].owner == pod.owner:
        owner = view.graph.get(pod.owner)
        strategy = text(owner.spec, "strategy", "type") or "RollingUpdate" if owner is not None else ""
        if pod.owner.kind == "Deployment" and strategy == "RollingUpdate":
            return mount_finding(
                ROLLING,
                mount,
                f"Multi-Attach: pods of Deployment {pod.owner.name} share the ReadWriteOnce {name}; {where} holds it while RollingUpdate starts another",
                evidence=proof,
                weight=0.93,
            )
    return mount_finding(
        MULTI,
        mount,
        f"Multi-Attach: {pod.owner} needs the ReadWriteOnce {name}, which {where} holds",
        evidence=proof,
        weight=0.9 if holders else 0.75,
    )


def _holders(view: View, mount: Mount) -> list[PodFact]:
    pods: list[PodFact] = []
    if mount.claim is not None:
        refs = [edge.source for edge in view.graph.into(mount.claim.ref, EdgeKind.MOUNTS) if edge.source.kind == "Pod"]
        found = [view.graph.get(ref) for ref in refs if ref != mount.pod.ref]
        pods = [view.pod(resource) for resource in found if resource is not None]
    if named := _HOLDERS.search(mount.message):
        for name in re.split(r"[,\s]+", named[1]):
            resource = view.graph.get(Ref("Pod", mount.pod.ref.namespace, name.strip().rpartition("/")[2]))
            if resource is not None and resource.ref not in [pod.ref for pod in pods]:
                pods.append(view.pod(resource))
    elsewhere = [
        pod for pod in pods if pod.node and pod.node != mount.pod.node and pod.phase not in ("Succeeded", "Failed")
    ]
    return sorted(elsewhere, key=lambda pod: pod.ref)
