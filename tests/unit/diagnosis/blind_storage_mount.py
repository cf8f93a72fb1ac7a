"""Volumes that are bound and yet do not serve, written before the rules were read: attach, mount, rights, space, growth."""

from __future__ import annotations

from typing import Any

from copilot.model import NodeService
from tests.unit.diagnosis.blind_storage_kit import (
    EBS,
    ago,
    busy,
    claims,
    creating,
    disk,
    driver,
    mounted,
    pv,
    pvc,
    say,
    sc,
    unscheduled,
    vol,
)
from tests.unit.diagnosis.unseen import Case, condition, put, quiet, situation, svc


def holder(made: Case, name: str, claim: str, reason: str, message: str, *, path: str = "/data", mount: dict[str, Any] | None = None, **more: Any) -> Case:  # fmt: skip
    """A workload that cannot mount its claim."""
    return creating(made, name, reason, message, containers={name: {"volumeMounts": [mounted("data", path, **(mount or {}))]}},
                    spec={"volumes": [vol("data", persistentVolumeClaim={"claimName": claim})], **more.pop("spec", {})}, **more)  # fmt: skip


def using(made: Case, name: str, claim: str, log: str, *, path: str = "/data", state: str = "crash:1", main: dict[str, Any] | None = None, **more: Any) -> Case:  # fmt: skip
    """A workload that crashes over its mounted claim."""
    return put(made, name, containers={name: {"volumeMounts": [mounted("data", path)], **(main or {})}}, spec={"volumes": [vol("data", persistentVolumeClaim={"claimName": claim})], **more.pop("spec", {})},
               states=state, logs=log, **more)  # fmt: skip


@situation(
    "Deployment shop/wiki|PersistentVolumeClaim shop/wiki|Pod shop/wiki*",
    "multi-attach|another node|already|rwo|readwriteonce|rollingupdate|attach",
    "",
)
def rolling_update_wants_a_single_writer_volume_on_two_nodes() -> Case:
    made = disk(driver(sc(busy())), "wiki", modes=("ReadWriteOnce",))
    holder(made, "wiki", "wiki", "FailedAttachVolume", 'Multi-Attach error for volume "pvc-wiki" Volume is already used by pod(s) wiki-77c-old', nodes=("n2",), replicas=1)  # fmt: skip
    made.pod("wiki-77c-old", "shop", owner=("ReplicaSet", "wiki-77c"), node="n1", labels={"app": "wiki"}, spec={"containers": [{"name": "wiki", "image": "registry.example/wiki:1.4.1", "volumeMounts": [mounted("data", "/data")]}], "volumes": [vol("data", persistentVolumeClaim={"claimName": "wiki"})]})  # fmt: skip
    made.add("ReplicaSet", "wiki-77c", "shop", api="apps/v1", metadata={"ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "wiki", "uid": "uid-Deployment-shop-wiki", "controller": True}]}, labels={"app": "wiki"},
             spec={"replicas": 1, "selector": {"matchLabels": {"app": "wiki"}}, "template": {"metadata": {"labels": {"app": "wiki"}}, "spec": {"containers": [{"name": "wiki", "image": "registry.example/wiki:1.4.1"}]}}}, status={"replicas": 1, "readyReplicas": 1})  # fmt: skip
    made.add("VolumeAttachment", "csi-1", api="storage.k8s.io/v1", spec={"attacher": EBS, "nodeName": "n1", "source": {"persistentVolumeName": "pvc-wiki"}}, status={"attached": True})  # fmt: skip
    return made


@situation("Node n2", "n2|kubelet|ready|node", "")
def volume_is_held_by_a_node_that_died() -> Case:
    made = busy("n1", "n3")
    made.node("n2", conditions=[condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.", 1800)],
              taints=[{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}])  # fmt: skip
    made.lease("n2", renewed=1900)
    disk(driver(sc(made), nodes=("n1", "n3")), "wiki")
    holder(made, "wiki", "wiki", "FailedAttachVolume", 'Multi-Attach error for volume "pvc-wiki" Volume is already exclusively attached to one node and can\'t be attached to another', nodes=("n1",))  # fmt: skip
    made.pod("wiki-abc-old", "shop", owner=("ReplicaSet", "wiki-abc"), node="n2", labels={"app": "wiki"}, metadata={"deletionTimestamp": ago(1400), "deletionGracePeriodSeconds": 30}, spec={"volumes": [vol("data", persistentVolumeClaim={"claimName": "wiki"})]})  # fmt: skip
    made.add("VolumeAttachment", "csi-1", api="storage.k8s.io/v1", spec={"attacher": EBS, "nodeName": "n2", "source": {"persistentVolumeName": "pvc-wiki"}}, status={"attached": True})  # fmt: skip
    return made


@situation("Node n1|StatefulSet shop/shard|Node n2", "volume|attach", "")
def nodes_have_reached_their_volume_limit() -> Case:
    made = driver(sc(busy()), count=2)
    for index in range(4):
        disk(made, f"d{index}")
        put(made, f"s{index}", containers={"m": {"volumeMounts": [mounted("data", "/d")]}}, spec={"volumes": [vol("data", persistentVolumeClaim={"claimName": f"d{index}"})]}, nodes=("n1" if index < 2 else "n2",))  # fmt: skip
        made.add("VolumeAttachment", f"csi-{index}", api="storage.k8s.io/v1", spec={"attacher": EBS, "nodeName": "n1" if index < 2 else "n2", "source": {"persistentVolumeName": f"pvc-d{index}"}}, status={"attached": True})  # fmt: skip
    claims(made, "shard", make=unscheduled, message="0/2 nodes are available: 2 node(s) exceed max volume count. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.")  # fmt: skip
    return disk(made, "data-shard-0")


@situation("DaemonSet kube-system/ebs-csi-node|Pod kube-system/ebs-csi-node*|Node n2", "csi|driver|node plugin|ebs", "")
def node_plugin_crashes_so_the_driver_is_not_registered_there() -> Case:
    made = driver(sc(busy()), on=("n1",))
    plugin = next(body for body, _ in made.bodies if body["metadata"]["name"] == "ebs-csi-node-l1")
    plugin["status"]["containerStatuses"][0] |= {"ready": False, "restartCount": 31, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}, "lastState": {"terminated": {"exitCode": 255, "reason": "Error"}}}  # fmt: skip
    plugin["status"]["conditions"] = [condition("Ready", "False", "ContainersNotReady")]
    made.log("ebs-csi-node-l1", 'E0301 11:58:00.1 1 node.go:90] "Failed to get instance metadata" err="could not retrieve instance data from EC2 metadata service: context deadline exceeded"\npanic: could not get metadata from AWS\n', "kube-system", "ebs-csi-plugin")  # fmt: skip
    disk(made, "wiki")
    return holder(made, "wiki", "wiki", "FailedMount", 'MountVolume.MountDevice failed for volume "pvc-wiki" : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name ebs.csi.aws.com not found in the list of registered CSI drivers', nodes=("n2",))  # fmt: skip


@situation("DaemonSet kube-system/csi-nfs-node|Node n2|Deployment shop/media", "csi|driver|n2|register", "")
def node_plugin_does_not_run_on_a_labelled_node() -> Case:
    made = driver(sc(busy(), "nfs", "nfs.csi.k8s.io"), "nfs.csi.k8s.io", "csi-nfs", nodes=("n1",))
    made.add("CSINode", "n2", api="storage.k8s.io/v1", spec={"drivers": []})
    disk(made, "media", cls="nfs", modes=("ReadWriteMany",), source={"csi": {"driver": "nfs.csi.k8s.io", "volumeHandle": "10.0.0.4#e##"}})  # fmt: skip
    return holder(made, "media", "media", "FailedMount", 'MountVolume.SetUp failed for volume "pvc-media" : kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name nfs.csi.k8s.io not found in the list of registered CSI drivers', nodes=("n2",))  # fmt: skip


NFS = {"nfs": {"server": "10.0.0.4", "path": "/exports/media"}}
HEAD = "Mounting command: mount\nMounting arguments: -t nfs 10.0.0.4:/exports/media /var/lib/kubelet/pods/5b/volumes/kubernetes.io~nfs/pvc-media\nOutput: "


@situation(
    "PersistentVolume pvc-media|PersistentVolumeClaim shop/media|Deployment shop/media",
    "nfs|timed|denied|server|export",
    "",
)
def nfs_server_does_not_answer() -> Case:
    made = disk(busy(), "media", cls="", modes=("ReadWriteMany",), source=NFS)
    return holder(made, "media", "media", "FailedMount", f'MountVolume.SetUp failed for volume "pvc-media" : mount failed: exit status 32\n{HEAD}mount.nfs: Connection timed out')  # fmt: skip


@situation(
    "PersistentVolume pvc-media|PersistentVolumeClaim shop/media|Deployment shop/media", "denied|access|export", ""
)
def nfs_export_refuses_the_node() -> Case:
    made = disk(busy(), "media", cls="", modes=("ReadWriteMany",), source=NFS)
    return holder(made, "media", "media", "FailedMount", f'MountVolume.SetUp failed for volume "pvc-media" : mount failed: exit status 32\n{HEAD}mount.nfs: access denied by server while mounting 10.0.0.4:/exports/media')  # fmt: skip


@situation("Node n1|Node n2|Deployment shop/media|PersistentVolume pvc-media", "helper|mount.nfs|nfs", "")
def nodes_lack_the_nfs_client() -> Case:
    made = disk(busy(), "media", cls="", modes=("ReadWriteMany",), source=NFS)
    return holder(made, "media", "media", "FailedMount", f'MountVolume.SetUp failed for volume "pvc-media" : mount failed: exit status 32\n{HEAD}mount: /var/lib/kubelet/pods/5b/volumes/kubernetes.io~nfs/pvc-media: bad option; for several filesystems (e.g. nfs, cifs) you might need a /sbin/mount.<type> helper program.')  # fmt: skip


@situation("Deployment storage/nfs-server|StatefulSet storage/nfs-server", "exports|config|syntax|nfs|crash|exit", "")
def in_cluster_nfs_server_crashes_and_mounts_hang() -> Case:
    made = busy().add("Namespace", "storage", status={"phase": "Active"})
    put(made, "nfs-server", ns="storage", containers={"nfs": {"ports": [{"containerPort": 2049}]}}, states="crash:1", logs='Displaying /etc/exports contents:\nexportfs: /etc/exports:1: unknown keyword "no_root_sqash"\nExport validation failed, exiting...\n')  # fmt: skip
    svc(made, "nfs-server", 2049, ns="storage", ip="10.96.50.2")
    for app in ("media", "photos"):
        disk(made, app, cls="", modes=("ReadWriteMany",), source={"nfs": {"server": "10.96.50.2", "path": "/"}})
        holder(made, app, app, "FailedMount", f'MountVolume.SetUp failed for volume "pvc-{app}" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t nfs 10.96.50.2:/ /var/lib/kubelet/pods/5b/volumes/kubernetes.io~nfs/pvc-{app}\nOutput: mount.nfs: Connection refused')  # fmt: skip
    return made


@situation(
    "Deployment shop/media|PersistentVolume pvc-media|PersistentVolumeClaim shop/media|Pod shop/media*", "stale", ""
)
def file_handle_went_stale() -> Case:
    made = disk(busy(), "media", cls="", modes=("ReadWriteMany",), source=NFS)
    return using(made, "media", "media", "OSError: [Errno 116] Stale file handle: '/data/library.db'\n")


@situation(
    "PersistentVolume pvc-pg|PersistentVolumeClaim shop/pg|StatefulSet shop/pg",
    "filesystem|fsck|file system|corrupt|superblock",
    "",
)
def file_system_of_the_volume_is_damaged() -> Case:
    made = disk(driver(sc(busy())), "pg")
    return holder(made, "pg", "pg", "FailedMount", 'MountVolume.MountDevice failed for volume "pvc-pg" : rpc error: code = Internal desc = \'fsck\' found errors on device /dev/nvme1n1 but could not correct them: fsck from util-linux 2.37.4\n/dev/nvme1n1: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.', kind="StatefulSet")  # fmt: skip


@situation("Deployment shop/mariadb|StatefulSet shop/mariadb", "permission|fsgroup|owner", "")
def fresh_volume_belongs_to_root_and_the_program_does_not() -> Case:
    made = disk(driver(sc(busy())), "mariadb")
    return using(made, "mariadb", "mariadb", "mariadb 11:58:01.10 INFO  ==> ** Starting MariaDB setup **\nmkdir: cannot create directory '/bitnami/mariadb/data': Permission denied\n", path="/bitnami/mariadb", kind="StatefulSet", spec={"securityContext": {"runAsUser": 1001, "runAsNonRoot": True}})  # fmt: skip


@situation("StatefulSet shop/pg", "lost+found|not empty|subdirectory|mount point", "")
def postgres_will_not_use_a_mount_point_as_its_directory() -> Case:
    made = disk(driver(sc(busy())), "pg")
    return using(made, "pg", "pg", 'initdb: error: directory "/var/lib/postgresql/data" exists but is not empty\ninitdb: detail: It contains a lost+found directory, perhaps due to it being a mount point.\ninitdb: hint: Using a mount point directly as the data directory is not recommended.\nCreate a subdirectory under the mount point.\n', path="/var/lib/postgresql/data", kind="StatefulSet")  # fmt: skip


@situation(
    "Node n1|StatefulSet shop/mysql|PersistentVolume pvc-mysql|PersistentVolumeClaim shop/mysql",
    "read-only|read only|i/o",
    "",
)
def kernel_remounted_the_volume_read_only() -> Case:
    made = disk(driver(sc(busy())), "mysql")
    made.services.append(NodeService(node="n1", unit="kernel", active="", text="Mar 01 11:50:31 n1 kernel: EXT4-fs error (device nvme1n1): ext4_journal_check_start:83: comm mysqld: Detected aborted journal\nMar 01 11:50:31 n1 kernel: EXT4-fs (nvme1n1): Remounting filesystem read-only\n"))  # fmt: skip
    return using(made, "mysql", "mysql", "2026-03-01T11:51:01.100000Z 0 [ERROR] [MY-012592] [InnoDB] Operating system error number 30 in a file operation.\n2026-03-01T11:51:01.100000Z 0 [ERROR] [MY-012594] [InnoDB] Error number 30 means 'Read-only file system'\n", kind="StatefulSet", path="/var/lib/mysql")  # fmt: skip


@situation("PersistentVolumeClaim shop/pg|PersistentVolume pvc-pg", "resize|expan|modif|6 hours|grow", "")
def growing_the_volume_is_refused_by_the_cloud() -> Case:
    made = driver(sc(busy(), allowVolumeExpansion=True))
    pvc(made, "pg", volume="pvc-pg", size="40Gi", status={"capacity": {"storage": "20Gi"}, "conditions": [condition("Resizing", "True", "", "", 2400)], "allocatedResources": {"storage": "40Gi"}, "allocatedResourceStatuses": {"storage": "ControllerResizeInProgress"}})  # fmt: skip
    pv(made, "pvc-pg", claim="pg")
    using(made, "pg", "pg", "database system is ready to accept connections\n", state="ok", kind="StatefulSet")
    return made.event("PersistentVolumeClaim", "pg", "shop", "VolumeResizeFailed", 'resize volume "pvc-pg" by resizer "ebs.csi.aws.com" failed: rpc error: code = Internal desc = Could not resize volume "vol-0a": rpc error: code = Internal desc = could not modify volume "vol-0a": VolumeModificationRateExceeded: You\'ve reached the maximum modification rate per volume limit. Wait at least 6 hours between modifications per EBS volume.', count=30)  # fmt: skip


@situation(
    "PersistentVolumeClaim shop/pg|StatefulSet shop/pg|Pod shop/pg-0", "resize|restart|expan|grow|file system", ""
)
def file_system_grows_only_when_the_pod_restarts_and_it_is_full() -> Case:
    made = driver(sc(busy(), allowVolumeExpansion=True))
    pvc(made, "pg", volume="pvc-pg", size="40Gi", status={"capacity": {"storage": "20Gi"}, "conditions": [condition("FileSystemResizePending", "True", "", "Waiting for user to (re-)start a pod to finish file system resize of volume on node.", 2400)]})  # fmt: skip
    pv(made, "pvc-pg", claim="pg", size="40Gi")
    made.event("PersistentVolumeClaim", "pg", "shop", "FileSystemResizeRequired", "Require file system resize of volume on node", type_="Normal", count=1, first=2400, last=2400)  # fmt: skip
    return using(made, "pg", "pg", '2026-03-01 11:58:02.100 UTC [28] ERROR:  could not extend file "base/16384/16411": No space left on device\n2026-03-01 11:58:02.100 UTC [28] HINT:  Check free disk space.\n', state="ok", kind="StatefulSet")  # fmt: skip


@situation("Deployment shop/app|SecretProviderClass shop/kv", "secretproviderclass|kv", "")
def secret_provider_class_was_never_made() -> Case:
    made = busy()
    put(made, "csi-secrets-store", ns="kube-system", kind="DaemonSet", nodes=("n1", "n2"))
    volume = vol("kv", csi={"driver": "secrets-store.csi.k8s.io", "readOnly": True, "volumeAttributes": {"secretProviderClass": "kv"}})  # fmt: skip
    return creating(made, "app", "FailedMount", 'MountVolume.SetUp failed for volume "kv" : rpc error: code = Unknown desc = failed to get secretproviderclass shop/kv, error: SecretProviderClass.secrets-store.csi.x-k8s.io "kv" not found', containers={"app": {"volumeMounts": [mounted("kv", "/kv", readOnly=True)]}}, spec={"volumes": [volume]})  # fmt: skip


@situation("Deployment shop/app|SecretProviderClass shop/kv", "db-pasword|secret|vault|not found", "")
def secret_provider_class_asks_for_an_absent_secret() -> Case:
    made = busy().add("SecretProviderClass", "kv", "shop", api="secrets-store.csi.x-k8s.io/v1", spec={"provider": "azure", "parameters": {"keyvaultName": "acme", "objects": "array:\n  - |\n    objectName: db-pasword\n    objectType: secret\n"}})  # fmt: skip
    volume = vol("kv", csi={"driver": "secrets-store.csi.k8s.io", "readOnly": True, "volumeAttributes": {"secretProviderClass": "kv"}})  # fmt: skip
    return creating(made, "app", "FailedMount", 'MountVolume.SetUp failed for volume "kv" : rpc error: code = Unknown desc = failed to mount secrets store objects for pod shop/app-abc-x0, err: rpc error: code = Unknown desc = failed to mount objects, error: failed to get objectType:secret, objectName:db-pasword, objectVersion:: GET https://acme.vault.azure.net/secrets/db-pasword/\nRESPONSE 404: 404 Not Found\nERROR CODE: SecretNotFound', containers={"app": {"volumeMounts": [mounted("kv", "/kv", readOnly=True)]}}, spec={"volumes": [volume]})  # fmt: skip


@situation(
    "StatefulSet shop/pg|PersistentVolume pvc-pg|PersistentVolumeClaim shop/pg|VolumeAttachment csi-9",
    "attach|volume|not found",
    "",
)
def only_the_volume_attachment_tells_why() -> Case:
    made = disk(driver(sc(busy())), "pg")
    made.add("VolumeAttachment", "csi-9", api="storage.k8s.io/v1", spec={"attacher": EBS, "nodeName": "n1", "source": {"persistentVolumeName": "pvc-pg"}}, status={"attached": False, "attachError": {"time": ago(120), "message": 'rpc error: code = NotFound desc = Volume "vol-pvc-pg" not found'}})  # fmt: skip
    return holder(made, "pg", "pg", "FailedMount", "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[data kube-api-access-9x2lm]: timed out waiting for the condition", kind="StatefulSet")  # fmt: skip


@situation(
    "PersistentVolume local-a|StatefulSet shop/kafka|Node n1|PersistentVolumeClaim shop/data-kafka-0",
    "/mnt/disks/a|path|does not exist",
    "",
)
def local_disk_is_not_mounted_on_the_node() -> Case:
    made = sc(busy(), "local", "kubernetes.io/no-provisioner")
    claims(made, "kafka", cls="local", make=creating, reason="FailedMount", message='MountVolume.NewMounter initialization failed for volume "local-a" : path "/mnt/disks/a" does not exist')  # fmt: skip
    pvc(made, "data-kafka-0", cls="local", volume="local-a")
    return pv(made, "local-a", claim="data-kafka-0", cls="local", host="n1", source={"local": {"path": "/mnt/disks/a"}})


@situation("Deployment shop/app", "subpath", "")
def sub_path_escapes_or_is_missing_on_a_read_only_volume() -> Case:
    made = disk(busy(), "app", cls="", modes=("ReadOnlyMany",), source=NFS)
    message = 'failed to create subPath directory for volumeMount "data" of container "app"'
    put(made, "app", containers={"app": {"volumeMounts": [mounted("data", "/data", subPath="tenants/42")]}}, spec={"volumes": [vol("data", persistentVolumeClaim={"claimName": "app", "readOnly": True})]}, states=f"wait:CreateContainerConfigError:{message}")  # fmt: skip
    return say(made, "app", "Failed", f"Error: {message}")


@quiet
def an_attach_failed_once_while_the_old_node_let_go() -> Case:
    made = disk(driver(sc(busy())), "wiki")
    using(made, "wiki", "wiki", "ready\n", state="ok")
    return say(made, "wiki", "FailedAttachVolume", 'Multi-Attach error for volume "pvc-wiki" Volume is already used by pod(s) wiki-77c-old', count=1, first=2000, last=2000)  # fmt: skip


@quiet
def a_volume_grew_and_is_done() -> Case:
    made = disk(driver(sc(busy(), allowVolumeExpansion=True)), "pg", size="40Gi")
    using(made, "pg", "pg", "database system is ready to accept connections\n", state="ok", kind="StatefulSet")
    return made.event("PersistentVolumeClaim", "pg", "shop", "FileSystemResizeSuccessful", 'MountVolume.NodeExpandVolume succeeded for volume "pvc-pg"', type_="Normal", count=1, first=900, last=900)  # fmt: skip


@quiet
def a_mount_is_being_made_since_twenty_seconds() -> Case:
    made = disk(driver(sc(busy())), "pg", age=30)
    put(made, "pg", kind="StatefulSet", containers={"pg": {"volumeMounts": [mounted("data", "/data")]}}, spec={"volumes": [vol("data", persistentVolumeClaim={"claimName": "pg"})]}, states="wait:ContainerCreating", age=20)  # fmt: skip
    return say(made, "pg", "SuccessfulAttachVolume", 'AttachVolume.Attach succeeded for volume "pvc-pg"', type_="Normal", count=1, first=8, last=8)  # fmt: skip
