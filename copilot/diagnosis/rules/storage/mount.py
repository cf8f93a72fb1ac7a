"""Volumes that are at their node and do not reach their pod: driver absent, server or path wrong, file system damaged.

Only pods that wait for their volumes now are looked at; a mount that was retried and succeeded is no fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from copilot.diagnosis.addresses import Meaning, target_of
from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.rules.scheduling.fit import claims_of, volumes_of
from copilot.diagnosis.rules.storage.attach import ATTACH_CAUSES, attach_refused, find_in_attachments, multi_attach
from copilot.diagnosis.rules.storage.driver import NODE, driver_workloads
from copilot.diagnosis.rules.storage.mount_case import Mount, mount_cause, mount_finding, name_of, volume_of
from copilot.diagnosis.serving import behind
from copilot.diagnosis.view import View, said
from copilot.diagnosis.words import listed
from copilot.model import Finding, Ref, children, mapping, text, texts
from copilot.model.likeness import nearest
from retrievers.graph import EventFact

TIMEOUT = mount_cause(
    "volume.mount.timeout",
    "Volumes are not mounted in time",
    secondary=True,
    citation="pkg/kubelet/volumemanager/volume_manager.go",
)
NO_DRIVER = mount_cause(
    "volume.mount.driver_missing",
    "The storage driver does not run on the node",
    "CSINode.spec.drivers[]",
    citation="pkg/volume/csi/csi_client.go",
)
DRIVER_DOWN = mount_cause(
    "volume.mount.driver_down",
    "The storage driver's pod on the node does not work",
    "CSINode.spec.drivers[]",
    kind="DaemonSet",
    yields=True,
    citation="pkg/volume/csi/csi_client.go",
)
NETWORK = mount_cause(
    "volume.mount.nfs",
    "The file server refuses or does not answer the mount",
    "PersistentVolume.spec.nfs",
    citation="k8s.io/mount-utils/mount_linux.go",
)
SERVER = mount_cause(
    "volume.mount.server_in_cluster",
    "A file server that runs in the cluster does not serve",
    "PersistentVolume.spec.nfs",
    kind="Service",
    yields=True,
    citation="k8s.io/mount-utils/mount_linux.go",
)
HOST_PATH = mount_cause(
    "volume.mount.hostpath",
    "A hostPath is not on the node, or of another type",
    "spec.volumes[].hostPath",
    citation="pkg/volume/hostpath/host_path.go",
)
LOCAL = mount_cause(
    "volume.mount.local_path",
    "The directory or disk of a local volume is not on its node",
    "PersistentVolume.spec.local",
    kind="PersistentVolume",
    citation="pkg/volume/local/local.go",
)
DAMAGED = mount_cause(
    "volume.mount.filesystem",
    "The file system on the volume is damaged or of another type",
    kind="PersistentVolume",
    citation="k8s.io/mount-utils/mount_linux.go",
)
STORE = mount_cause(
    "volume.mount.secret_store",
    "The external secret store does not give what the volume asks for",
    "SecretProviderClass.spec",
    kind="SecretProviderClass",
    citation="kubernetes-sigs/secrets-store-csi-driver pkg/secrets-store",
)
STORE_MISSING = mount_cause(
    "volume.mount.secret_class_missing",
    "The SecretProviderClass that a volume names does not exist",
    "spec.volumes[].csi.volumeAttributes",
    citation="kubernetes-sigs/secrets-store-csi-driver pkg/secrets-store",
)
SECRET_REF = mount_cause(
    "volume.mount.secret_ref",
    "The secret that a volume gives its driver does not exist",
    "PersistentVolume.spec.csi.nodeStageSecretRef",
    kind="PersistentVolume",
    citation="pkg/volume/csi/csi_util.go",
)
OWNERSHIP = mount_cause(
    "volume.mount.fsgroup",
    "The kubelet cannot give the volume's files to the pod's group",
    "spec.securityContext.fsGroup",
    citation="pkg/volume/volume_linux.go",
)
OTHER = mount_cause("volume.mount.failed", "A volume cannot be mounted", yields=True)
TOKEN = mount_cause(
    "sa.token",
    "The kubelet cannot get the pod's service account token",
    yields=True,
    citation="pkg/kubelet/token/token_manager.go",
)

_WAITING = ("ContainerCreating", "PodInitializing", "")
_DRIVER = re.compile(
    r"driver name (\S+) not found in the list of registered CSI drivers|CSINode \S+ does not contain driver ([\w.\-]+)"
)
_SOCKET = re.compile(r"/plugins/([\w.\-]+)/\S*\.sock.{0,80}(?:refused|no such file|timeout|deadline)")
_NET = re.compile(
    r"exit status 32\b(?!.{0,400}(?:superblock|wrong fs type))|access denied by server|mount\.nfs|No route to host|Connection (?:timed out|refused)|bad option; for several filesystems|mount error\(\d+\)|[Ss]tale (?:NFS )?file handle|[Tt]ransport endpoint is not connected|Failed to resolve server",
    re.IGNORECASE | re.DOTALL,
)
_OUTPUT = re.compile(r"Output: (.+)", re.DOTALL)
_REFERENCE = re.compile(
    r"(?:configmap|secret)s? \"[^\"]+\" not found|references non-existent (?:config|secret) key|couldn't find key|object \"[^\"]+\" not registered",
    re.IGNORECASE,
)
_TIMED_OUT = re.compile(r"^Unable to attach or mount volumes|^timed out waiting for the condition")
_CLASS = re.compile(r"secretproviderclass (?P<namespace>[\w.\-]+)/(?P<name>[\w.\-]+)", re.IGNORECASE)
_SECRET = re.compile(
    r"(?:Stage|Publish|Expand)SecretRef (?P<namespace>[\w.\-]+)/(?P<name>[\w.\-]+).{0,40}(?:failed|not found)|error fetching secret (?P<name2>[\w.\-]+) in namespace (?P<namespace2>[\w.\-]+)"
)
_SIMPLE: tuple[tuple[Cause, re.Pattern[str], str, float], ...] = (
    (TOKEN, re.compile(r"failed to fetch token"), "The kubelet cannot fetch the service account token of {owner}: {message}", 0.6),
    (HOST_PATH, re.compile(r"hostPath type check failed"), "{owner}: {message} (node {node})", 0.92),
    (LOCAL, re.compile(r"path \"[^\"]+\" does not exist|NewMounter initialization failed|local volume .{0,80}(?:not|no such)"), "{volume} is a local volume of node {node}, which does not have it: {message}", 0.9),
    (DAMAGED, re.compile(r"fsck.{0,40}(?:found errors|could not)|UNEXPECTED INCONSISTENCY|bad superblock|superblock|wrong fs type|[Ss]tructure needs cleaning|unknown filesystem type|duplicate UUID|Bad message|Input/output error|failed to format|xfs_repair|e2fsck"), "The file system on the {volume} is damaged or of another type, so {owner} cannot mount it: {message}", 0.85),
    (OWNERSHIP, re.compile(r"applyFSGroup failed|(?:lchown|chown|chmod) \S{1,300}: (?:operation not permitted|permission denied|read-only)"), "The kubelet cannot give the files of the {volume} to the fsGroup of {owner}: {message}", 0.88),
)  # fmt: skip
_OF_VOLUME = frozenset({LOCAL.id, DAMAGED.id})


def find_mount_failures(view: View) -> Iterator[Finding]:
    """One finding for each pod and reason why its volumes are missing."""
    for pod in view.placed:
        waits = [container for container in pod.containers if container.state in ("waiting", "")]
        if not waits or any(c.reason not in _WAITING for c in waits) or pod.resource.deleted is not None:
            continue
        events = [
            e
            for e in view.events(pod.ref, "FailedMount", "FailedAttachVolume", "FailedMapVolume")
            if not _REFERENCE.search(e.message) or _SECRET.search(e.message)
        ]
        telling = [event for event in events if not _TIMED_OUT.match(event.message)]
        found = None if telling else find_in_attachments(view, pod, volumes_of(view, pod.resource))
        if found is not None:
            yield found
        elif events:
            yield _explain(view, pod, events, telling)


def _explain(view: View, pod: PodFact, events: Sequence[EventFact], telling: Sequence[EventFact]) -> Finding:
    """The newest event that says more than that time ran out; attach comes before mount."""
    attach = [event for event in telling if event.reason == "FailedAttachVolume"]
    event = (attach or telling or list(events))[-1]
    mount = Mount(pod, event, *volume_of(view, pod, event.message))
    if "Multi-Attach" in event.message:
        return multi_attach(view, mount)
    if found := _DRIVER.search(event.message):
        return _no_driver(view, mount, found[1] or found[2])
    if found := _SOCKET.search(event.message):
        return _no_driver(view, mount, found[1])
    if not telling:
        names = listed([claim.name for claim in claims_of(pod.resource)]) or "see the event"
        return mount_finding(TIMEOUT, mount, f"Volumes of pod {pod.ref.name} are not mounted in time ({names})", ref=pod.ref, weight=0.5)  # fmt: skip
    if event.reason == "FailedAttachVolume":
        return attach_refused(view, mount)
    return _secrets(view, mount) or _simple(mount) or (_network(view, mount) if _NET.search(event.message) else _other(view, mount))  # fmt: skip


def _simple(mount: Mount) -> Finding | None:
    for cause, pattern, words, weight in _SIMPLE:
        found = pattern.search(mount.message)
        if found:
            quote = mount.message[max(0, found.start() - 40) :][:240]
            title = words.format(owner=mount.pod.owner, node=mount.pod.node, volume=name_of(mount), message=quote)
            ref = mount.volume.ref if cause.id in _OF_VOLUME and mount.volume is not None else None
            return mount_finding(cause, mount, title, ref=ref, weight=weight)
    return None


def _other(view: View, mount: Mount) -> Finding:
    """A mount that fails for a reason of the driver's own: the driver's pod on the node is pointed at."""
    driver = text(mount.volume.spec, "csi", "driver") if mount.volume is not None else ""
    plugins = driver_workloads(view, driver, NODE) if driver else []
    here = [pod.ref for plugin in plugins for pod in view.pods_of(plugin.ref) if pod.node == mount.pod.node]
    words = f"{name_of(mount)} of {mount.pod.owner} cannot be mounted on node {mount.pod.node}: {mount.message[:240]}"
    return mount_finding(OTHER, mount, words, weight=0.7, points_to=tuple(here))


def _secrets(view: View, mount: Mount) -> Finding | None:
    """Volumes that need a secret: one for their driver, or an external store that is asked for them."""
    needed = _SECRET.search(mount.message)
    if needed:
        where = needed["namespace"] or needed["namespace2"]
        wanted = Ref("Secret", where, needed["name"] or needed["name2"])
        near = nearest(wanted.name, [item.ref.name for item in view.graph.of_kind("Secret", wanted.namespace)])
        hint = f" (there is {near})" if near else ""
        ref = mount.volume.ref if mount.volume is not None else None
        return mount_finding(SECRET_REF, mount, f"The {name_of(mount)} gives its driver {wanted}, which does not exist{hint}", ref=ref, weight=0.9)  # fmt: skip
    lowered = mount.message.lower()
    named = _CLASS.search(mount.message)
    if named and "not found" in lowered and "failed to get secretproviderclass" in lowered:
        space, name = named["namespace"], named["name"]
        near = nearest(name, [item.ref.name for item in view.graph.of_kind("SecretProviderClass", space)])
        hint = f" (there is {near})" if near else ""
        return mount_finding(STORE_MISSING, mount, f"{mount.pod.owner} mounts SecretProviderClass {name}, which does not exist in namespace {space}{hint}", weight=0.93)  # fmt: skip
    if "secrets store objects" not in lowered and "provider not found" not in lowered:
        return None
    names = [
        text(volume, "csi", "volumeAttributes", "secretProviderClass")
        for volume in children(mount.pod.resource.spec, "volumes")
    ]
    held = [
        r for name in names if name and (r := view.graph.find("SecretProviderClass", mount.pod.ref.namespace, name))
    ]
    ref = held[0].ref if held else None
    why = mount.message.partition("err: ")[2] or mount.message
    return mount_finding(STORE, mount, f"The secret store does not give {mount.pod.owner} what its volume asks for: {why[:300]}", ref=ref, weight=0.88)  # fmt: skip


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
    lead = f"CSI driver {driver} is not registered on node {mount.pod.node}"
    if not plugins:
        ref = mount.volume.ref if mount.volume is not None else mount.pod.owner
        words = f"{lead}: no DaemonSet of that driver is installed"
        return mount_finding(NO_DRIVER, mount, words, ref=ref, evidence=proof, weight=0.8)
    plugin = plugins[0]
    here = [pod for pod in view.pods_of(plugin.ref) if pod.node == mount.pod.node]
    if not here:
        words = f"{lead}: {plugin.ref} should run it, but it has no pod there"
        return mount_finding(NO_DRIVER, mount, words, ref=plugin.ref, evidence=proof)
    state = "is not ready" if not here[0].ready else "does not answer"
    words = f"{lead}: the pod of {plugin.ref} there {state}"
    return mount_finding(DRIVER_DOWN, mount, words, ref=plugin.ref, evidence=proof, points_to=tuple(pod.ref for pod in here))  # fmt: skip


def _network(view: View, mount: Mount) -> Finding:
    output = _OUTPUT.search(mount.message)
    why = " ".join((output[1] if output else mount.message)[-220:].split())
    host, path = _server(mount)
    target = target_of(view, host, 0, mount.pod.ref.namespace) if host else None
    if target is not None and target.meaning is Meaning.SERVED and target.service is not None:
        if "resolve" in why.lower() or "Name or service" in why:
            words = f"{name_of(mount)} names its server {host}, a name only pods can resolve: the node mounts it, so it must name the cluster IP of {target.service}"
            return mount_finding(NETWORK, mount, words, ref=mount.volume.ref if mount.volume else None, weight=0.9)
        if "denied" not in why.lower() and "bad option" not in why.lower():
            words = f"{target.service}: the file server {host} behind it does not serve its volumes: {why}"
            return mount_finding(
                SERVER, mount, words, ref=target.service, weight=0.8, points_to=behind(view, target.service)
            )
    server = f" of server {host}:{path}" if host else ""
    ref = mount.volume.ref if mount.volume is not None else None
    words = f"Mounting {name_of(mount)}{server} for {mount.pod.owner} fails: {why}"
    return mount_finding(NETWORK, mount, words, ref=ref, weight=0.85)


def _server(mount: Mount) -> tuple[str, str]:
    """The server and path of a network volume: of its PersistentVolume, else of the pod's own volume."""
    specs = [mount.volume.spec] if mount.volume is not None else list(children(mount.pod.resource.spec, "volumes"))
    for spec in specs:
        nfs, csi = mapping(spec, "nfs"), mapping(spec, "csi", "volumeAttributes")
        source = text(csi, "source") or text(csi, "share")
        monitors = texts(spec, "cephfs", "monitors")
        host = (
            text(nfs, "server") or text(csi, "server") or source.strip("/").partition("/")[0]
            or text(spec, "iscsi", "targetPortal").partition(":")[0] or (monitors[0].partition(":")[0] if monitors else "")
        )  # fmt: skip
        if host:
            return host, text(nfs, "path") or text(csi, "path") or text(csi, "share") or "/"
    return "", ""


RULES: tuple[Rule, ...] = (
    Rule(
        find=find_mount_failures,
        causes=(
            TIMEOUT, NO_DRIVER, DRIVER_DOWN, NETWORK, SERVER, *ATTACH_CAUSES, HOST_PATH, LOCAL, DAMAGED, STORE, STORE_MISSING, SECRET_REF,
            OWNERSHIP, OTHER, TOKEN,
        ),
    ),
)  # fmt: skip
