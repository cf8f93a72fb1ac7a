"""Volumes that do not reach their pod: attach refused, held elsewhere, driver absent, server or path wrong.

Only pods that wait for their volumes now are looked at; a mount that was retried and succeeded is no fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.pods import PodFact, condition
from copilot.diagnosis.rules.scheduling.fit import claims_of, volumes_of
from copilot.diagnosis.rules.storage.driver import NODE, driver_workloads
from copilot.diagnosis.steps import change, describe, listing
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import listed
from copilot.model import Evidence, Finding, Ref, Resource, children, mapping, text
from retrievers.graph import EdgeKind, EventFact

_SEEN = ("event FailedMount", "event FailedAttachVolume", "status.containerStatuses[].state.waiting.reason")


def _cause(
    rule: str,
    title: str,
    *fields: str,
    yields: bool = False,
    secondary: bool = False,
    kind: str = "Pod",
    citation: str = "pkg/volume/util/operationexecutor/operation_generator.go",
) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind=kind,
        fields=(*fields, *_SEEN),
        yields=yields,
        secondary=secondary,
        steps=("Read the newest mount or attach event", "Look at the volume and its driver"),
        citation=citation,
    )


TIMEOUT = _cause(
    "volume.mount.timeout",
    "Volumes are not mounted in time",
    secondary=True,
    citation="pkg/kubelet/volumemanager/volume_manager.go",
)
NO_DRIVER = _cause(
    "volume.mount.driver_missing",
    "The storage driver does not run on the node",
    "CSINode.spec.drivers[]",
    citation="pkg/volume/csi/csi_client.go",
)
NETWORK = _cause(
    "volume.mount.nfs",
    "The file server refuses or does not answer the mount",
    "PersistentVolume.spec.nfs",
    citation="k8s.io/mount-utils/mount_linux.go",
)
MULTI = _cause(
    "volume.multiattach",
    "A ReadWriteOnce volume is in use on another node",
    "PersistentVolumeClaim.spec.accessModes",
    citation="pkg/controller/volume/attachdetach/reconciler/reconciler.go",
)
ROLLING = _cause(
    "volume.multiattach.rolling",
    "A rolling update deadlocks on a ReadWriteOnce volume",
    "spec.strategy.type",
    kind="Deployment",
    citation="pkg/controller/volume/attachdetach/reconciler/reconciler.go",
)
DANGLING = _cause(
    "volume.multiattach.dangling",
    "A volume is still attached to a node that is down",
    "VolumeAttachment.spec.nodeName",
    kind="Node",
    yields=True,
    citation="pkg/controller/volume/attachdetach/reconciler/reconciler.go",
)
BACKEND = _cause(
    "volume.attach.backend",
    "The storage backend refuses to attach the volume",
    "VolumeAttachment.status.attachError",
    kind="PersistentVolume",
)
HOST_PATH = _cause(
    "volume.mount.hostpath",
    "A hostPath is not on the node, or of another type",
    "spec.volumes[].hostPath",
    citation="pkg/volume/hostpath/host_path.go",
)
OTHER = _cause("volume.mount.failed", "A volume cannot be mounted", yields=True)
TOKEN = _cause(
    "sa.token",
    "The kubelet cannot get the pod's service account token",
    yields=True,
    citation="pkg/kubelet/token/token_manager.go",
)

_WAITING = ("ContainerCreating", "PodInitializing", "")
_DRIVER = re.compile(r"driver name (\S+) not found in the list of registered CSI drivers")
_VOLUME = re.compile(r"for volume \"([^\"]+)\"")
_HOLDERS = re.compile(r"used by pod\(s\) ([\w.,\- ]+)")
_NET = re.compile(
    r"exit status 32|access denied by server|mount\.nfs|No route to host|Connection (?:timed out|refused)|bad option; for several filesystems|mount error\(\d+\)",
    re.IGNORECASE,
)
_OUTPUT = re.compile(r"Output: (.+)", re.DOTALL)
_REFERENCE = re.compile(
    r"(?:configmap|secret)s? \"[^\"]+\" not found|references non-existent (?:config|secret) key|couldn't find key|object \"[^\"]+\" not registered",
    re.IGNORECASE,
)
_TIMED_OUT = re.compile(
    r"^Unable to attach or mount volumes|timed out waiting for the condition|context deadline exceeded"
)


class Mount(msgspec.Struct, frozen=True, eq=False):
    """A pod that waits for a volume, the event that says why, and the volume it is about."""

    pod: PodFact
    event: EventFact
    claim: Resource | None = None
    volume: Resource | None = None


def find_mount_failures(view: View) -> Iterator[Finding]:
    """One finding for each pod and reason why its volumes are missing."""
    for pod in view.placed:
        waits = [container for container in pod.containers if container.state in ("waiting", "")]
        if not waits or any(c.reason not in _WAITING for c in waits) or pod.resource.deleted is not None:
            continue
        events = [
            e
            for e in view.events(pod.ref, "FailedMount", "FailedAttachVolume", "FailedMapVolume")
            if not _REFERENCE.search(e.message)
        ]
        if events:
            yield _explain(view, pod, events)


def _explain(view: View, pod: PodFact, events: Sequence[EventFact]) -> Finding:
    """The newest event that says more than that time ran out; attach comes before mount."""
    telling = [event for event in events if not _TIMED_OUT.match(event.message)]
    attach = [event for event in telling if event.reason == "FailedAttachVolume"]
    event = (attach or telling or list(events))[-1]
    claim, volume = _volume_of(view, pod, event.message)
    mount = Mount(pod, event, claim, volume)
    if "Multi-Attach" in event.message:
        return _multi_attach(view, mount)
    if found := _DRIVER.search(event.message):
        return _no_driver(view, mount, found[1])
    if "failed to fetch token" in event.message:
        return _finding(
            TOKEN,
            mount,
            f"The kubelet cannot fetch the service account token of {pod.owner}: {event.message[:200]}",
            weight=0.6,
        )
    if "hostPath type check failed" in event.message:
        return _finding(
            HOST_PATH,
            mount,
            f"{pod.owner}: {event.message[event.message.index('hostPath') :][:200]} (node {pod.node})",
            weight=0.92,
        )
    if event.reason == "FailedAttachVolume":
        ref = volume.ref if volume is not None else pod.owner
        return _finding(
            BACKEND,
            mount,
            f"Attaching {_name(mount)} to node {pod.node} fails: {event.message[:240]}",
            ref=ref,
            weight=0.82,
        )
    if _NET.search(event.message):
        return _network(mount)
    if not telling:
        names = [claim.name for claim in claims_of(pod.resource)]
        return _finding(
            TIMEOUT,
            mount,
            f"Volumes of pod {pod.ref.name} are not mounted in time ({listed(names) or 'see the event'})",
            ref=pod.ref,
            weight=0.5,
        )
    return _finding(
        OTHER,
        mount,
        f"{_name(mount)} of {pod.owner} cannot be mounted on node {pod.node}: {event.message[:240]}",
        weight=0.7,
    )


def _volume_of(view: View, pod: PodFact, message: str) -> tuple[Resource | None, Resource | None]:
    """The claim and volume that the message is about: by name, else the pod's only one."""
    found = _VOLUME.search(message)
    bound = list(volumes_of(view, pod.resource))
    for claim, volume in bound:
        if found and found[1] in (volume.ref.name, claim.ref.name):
            return claim, volume
    return bound[0] if len(bound) == 1 else (None, None)


def _name(mount: Mount) -> str:
    if mount.claim is not None:
        return f"volume of PersistentVolumeClaim {mount.claim.ref.name}"
    found = _VOLUME.search(mount.event.message)
    return f"volume {found[1]}" if found else "a volume"


def _finding(
    cause: Cause,
    mount: Mount,
    title: str,
    *,
    ref: Ref | None = None,
    evidence: Sequence[Evidence] = (),
    weight: float = 0.9,
    points_to: tuple[Ref, ...] = (),
) -> Finding:
    pod = mount.pod
    target = ref or pod.owner
    extra = (describe(mount.claim.ref),) if mount.claim is not None else ()
    return Finding(
        cause=cause.id,
        object=target,
        title=title,
        evidence=(told(mount.event), *evidence),
        explains=(pod.ref,),
        weight=weight,
        since=mount.event.first or pod.resource.created,
        steps=(describe(pod.ref), *extra, listing("volumeattachments"), change(cause.title, target)),
        points_to=points_to,
    )


def _multi_attach(view: View, mount: Mount) -> Finding:
    """Who holds the volume decides: a dead node, the same Deployment's older pod, or another workload."""
    pod, holders = mount.pod, _holders(view, mount)
    node = view.graph.get(Ref("Node", "", holders[0].node)) if holders and holders[0].node else None
    where = f"pod {holders[0].ref.name} on node {holders[0].node}" if holders else "another node"
    ready = text(condition(node, "Ready"), "status") if node is not None else ""
    proof = [
        said(holder.resource, "spec.nodeName", f"{holder.ref} holds the claim on node {holder.node}")
        for holder in holders[:2]
    ]
    name = _name(mount)
    if holders and (ready in ("False", "Unknown") or (node is None and view.was_read("Node"))):
        down = Ref("Node", "", holders[0].node)
        return _finding(
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
            return _finding(
                ROLLING,
                mount,
                f"Multi-Attach: pods of Deployment {pod.owner.name} share the ReadWriteOnce {name}; {where} holds it while RollingUpdate starts another",
                evidence=proof,
                weight=0.93,
            )
    return _finding(
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
    if named := _HOLDERS.search(mount.event.message):
        for name in re.split(r"[,\s]+", named[1]):
            resource = view.graph.get(Ref("Pod", mount.pod.ref.namespace, name.strip().rpartition("/")[2]))
            if resource is not None and resource.ref not in [pod.ref for pod in pods]:
                pods.append(view.pod(resource))
    elsewhere = [
        pod for pod in pods if pod.node and pod.node != mount.pod.node and pod.phase not in ("Succeeded", "Failed")
    ]
    return sorted(elsewhere, key=lambda pod: pod.ref)


def _no_driver(view: View, mount: Mount, driver: str) -> Finding:
    node = Ref("CSINode", "", mount.pod.node, "storage.k8s.io")
    registered = view.graph.get(node)
    names = [text(entry, "name") for entry in children(registered.spec, "drivers")] if registered is not None else []
    plugins = driver_workloads(view, driver, NODE)
    proof = (
        [said(registered, "spec.drivers", f"drivers registered on node {mount.pod.node}: {listed(names) or 'none'}")]
        if registered
        else []
    )
    if plugins:
        plugin = plugins[0]
        here = [pod for pod in view.pods_of(plugin.ref) if pod.node == mount.pod.node]
        state = "its pod there is not ready" if here else "it has no pod there"
        return _finding(
            NO_DRIVER,
            mount,
            f"CSI driver {driver} is not registered on node {mount.pod.node}: {plugin.ref} should run it, but {state}",
            ref=plugin.ref,
            evidence=proof,
            points_to=tuple(pod.ref for pod in here),
        )
    ref = _class_ref(mount) or mount.pod.owner
    return _finding(
        NO_DRIVER,
        mount,
        f"CSI driver {driver} is not registered on node {mount.pod.node}: no DaemonSet of that driver is installed",
        ref=ref,
        evidence=proof,
        weight=0.8,
    )


def _class_ref(mount: Mount) -> Ref | None:
    return mount.volume.ref if mount.volume is not None else None


def _network(mount: Mount) -> Finding:
    output = _OUTPUT.search(mount.event.message)
    why = (output[1] if output else mount.event.message)[-220:].strip()
    source = mapping(mount.volume.spec, "nfs") if mount.volume is not None else {}
    if not source:
        source = next(
            (mapping(v, "nfs") for v in children(mount.pod.resource.spec, "volumes") if mapping(v, "nfs")), {}
        )
    server = f" of server {text(source, 'server')}:{text(source, 'path')}" if source else ""
    ref = mount.volume.ref if mount.volume is not None else None
    return _finding(
        NETWORK, mount, f"Mounting {_name(mount)}{server} for {mount.pod.owner} fails: {why}", ref=ref, weight=0.85
    )


RULES: tuple[Rule, ...] = (
    Rule(
        find=find_mount_failures,
        causes=(TIMEOUT, NO_DRIVER, NETWORK, MULTI, ROLLING, DANGLING, BACKEND, HOST_PATH, OTHER, TOKEN),
    ),
)
