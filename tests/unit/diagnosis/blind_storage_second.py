"""The second batch about storage: written after the first was mended, before any of it was run."""

from __future__ import annotations

from tests.unit.diagnosis.blind_storage import WAITS, failing, user
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
from tests.unit.diagnosis.blind_storage_mount import holder, using
from tests.unit.diagnosis.unseen import Case, condition, put, quiet, situation, svc


@situation(
    "Deployment kube-system/local-path-provisioner|StorageClass local-path|PersistentVolumeClaim shop/uploads",
    "time|helper|fails",
    "",
)
def local_path_provisioners_helper_pod_never_ends() -> Case:
    made = sc(busy(), "local-path", "rancher.io/local-path", default=True, mode="Immediate")
    put(made, "local-path-provisioner", ns="kube-system")
    pvc(user(made, "uploads", "uploads"), "uploads", cls="local-path")
    return failing(made, "uploads", 'failed to provision volume with StorageClass "local-path": failed to create volume pvc-77: create process timeout after 120 seconds', by="rancher.io/local-path_local-path-provisioner-6c86")  # fmt: skip


@situation(
    "ServiceAccount kube-system/local-path-provisioner|Deployment kube-system/local-path-provisioner",
    "forbidden|rbac|permission|cannot",
    "",
)
def provisioner_of_a_default_class_may_not_read_nodes() -> Case:
    made = sc(busy(), "local-path", "rancher.io/local-path", default=True, mode="Immediate")
    put(made, "local-path-provisioner", ns="kube-system", states="crash:1", logs='time="2026-03-01T11:58:01Z" level=fatal msg="Error starting daemon: Cannot start Provisioner: failed to get Kubernetes server version: nodes is forbidden: User \\"system:serviceaccount:kube-system:local-path-provisioner\\" cannot list resource \\"nodes\\" in API group \\"\\" at the cluster scope"\n')  # fmt: skip
    for app in ("uploads", "invoices"):
        pvc(user(made, app, app), app, cls=None)
        made.event("PersistentVolumeClaim", app, "shop", "ExternalProvisioning", WAITS.format("rancher.io/local-path"), type_="Normal", count=60)  # fmt: skip
    return made


@situation(
    "PersistentVolume pvc-media|PersistentVolumeClaim shop/media|Deployment shop/media",
    "resolve|efs|file system|fs-0abc",
    "",
)
def efs_file_system_id_does_not_resolve() -> Case:
    made = driver(sc(busy(), "efs", "efs.csi.aws.com"), "efs.csi.aws.com", "efs-csi")
    disk(made, "media", cls="efs", modes=("ReadWriteMany",), source={"csi": {"driver": "efs.csi.aws.com", "volumeHandle": "fs-0abc"}})  # fmt: skip
    return holder(made, "media", "media", "FailedMount", 'MountVolume.SetUp failed for volume "pvc-media" : rpc error: code = Internal desc = Could not mount "fs-0abc:/" at "/var/lib/kubelet/pods/5b/volumes/kubernetes.io~csi/pvc-media/mount": mount failed: exit status 1\nMounting command: mount\nMounting arguments: -t efs -o tls fs-0abc:/ /var/lib/kubelet/pods/5b/volumes/kubernetes.io~csi/pvc-media/mount\nOutput: Failed to resolve "fs-0abc.efs.eu-west-1.amazonaws.com" - check that your file system ID is correct, and ensure that the VPC has an EFS mount target for this file system ID.')  # fmt: skip


@situation(
    "PersistentVolume pvc-media|PersistentVolumeClaim shop/media|Secret shop/azure-files|Deployment shop/media",
    "permission|denied|credential|(13)",
    "",
)
def azure_file_share_refuses_the_key() -> Case:
    made = driver(sc(busy(), "azurefile", "file.csi.azure.com"), "file.csi.azure.com", "csi-azurefile")
    made.add("Secret", "azure-files", "shop", type="Opaque", dataKeys=["azurestorageaccountname", "azurestorageaccountkey"])  # fmt: skip
    disk(made, "media", cls="azurefile", modes=("ReadWriteMany",), source={"csi": {"driver": "file.csi.azure.com", "volumeHandle": "rg#acct#share", "nodeStageSecretRef": {"name": "azure-files", "namespace": "shop"}}})  # fmt: skip
    return holder(made, "media", "media", "FailedMount", 'MountVolume.MountDevice failed for volume "pvc-media" : rpc error: code = Internal desc = volume(rg#acct#share) mount //acct.file.core.windows.net/share on /var/lib/kubelet/plugins/globalmount failed with mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t cifs -o <masked> //acct.file.core.windows.net/share\nOutput: mount error(13): Permission denied\nRefer to the mount.cifs(8) manual page (e.g. man mount.cifs) and kernel log messages (dmesg)')  # fmt: skip


@situation("PersistentVolume pvc-pg|StatefulSet shop/pg|PersistentVolumeClaim shop/pg", "in use|already|attach", "")
def cloud_says_the_disk_is_used_by_another_machine() -> Case:
    made = disk(driver(sc(busy(), "pd", "pd.csi.storage.gke.io"), "pd.csi.storage.gke.io", "gcp-pd-csi"), "pg", cls="pd", source={"csi": {"driver": "pd.csi.storage.gke.io", "volumeHandle": "projects/p/zones/a/disks/pvc-pg"}})  # fmt: skip
    return holder(made, "pg", "pg", "FailedAttachVolume", "AttachVolume.Attach failed for volume \"pvc-pg\" : rpc error: code = FailedPrecondition desc = failed cloud service attach disk call: googleapi: Error 400: RESOURCE_IN_USE_BY_ANOTHER_RESOURCE - The disk resource 'projects/p/zones/a/disks/pvc-pg' is already being used by 'projects/p/zones/a/instances/old-vm'", kind="StatefulSet")  # fmt: skip


@situation("DaemonSet kube-system/ebs-csi-node|Pod kube-system/ebs-csi-node*", "memory|oom", "")
def node_plugin_is_killed_for_memory_and_its_socket_refuses() -> Case:
    made = driver(sc(busy()))
    plugin = next(body for body, _ in made.bodies if body["metadata"]["name"] == "ebs-csi-node-l1")
    plugin["spec"]["containers"][0]["resources"] = {"limits": {"memory": "40Mi"}}
    plugin["status"]["containerStatuses"][0] |= {"ready": False, "restartCount": 31, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}  # fmt: skip
    plugin["status"]["conditions"] = [condition("Ready", "False", "ContainersNotReady")]
    for app in ("wiki", "blog"):
        disk(made, app)
        holder(made, app, app, "FailedMount", f'MountVolume.MountDevice failed for volume "pvc-{app}" : rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /var/lib/kubelet/plugins/ebs.csi.aws.com/csi.sock: connect: connection refused"', nodes=("n2",))  # fmt: skip
    return made


@situation(
    "PersistentVolumeClaim shop/raw|PersistentVolume raw-1|Deployment shop/raw", "volumemode|block|filesystem", ""
)
def static_block_volume_for_a_file_system_claim() -> Case:
    made = user(sc(busy(), "manual", "kubernetes.io/no-provisioner", mode="Immediate"), "raw", "raw")
    pv(made, "raw-1", cls="manual", source={"local": {"path": "/dev/sdb"}, "volumeMode": "Block"}, host="n1")
    pvc(made, "raw", cls="manual")
    return made.event("PersistentVolumeClaim", "raw", "shop", "FailedBinding", "no persistent volumes available for this claim and no storage class is set", count=50)  # fmt: skip


@situation("PersistentVolume pvc-gone", "delet|reclaim", "")
def a_released_volume_cannot_be_deleted() -> Case:
    made = driver(sc(busy()))
    said = 'rpc error: code = Internal desc = Could not delete volume ID "vol-0a": VolumeInUse: Volume vol-0a is currently attached to i-0777'
    pv(made, "pvc-gone", claim="gone", uid="old", phase="Failed", message=said)
    return made.event("PersistentVolume", "pvc-gone", "", "VolumeFailedDelete", said, count=40)


@situation("VolumeSnapshot shop/nightly|VolumeSnapshotClass csi-snap", "class", "")
def snapshot_names_a_class_that_does_not_exist() -> Case:
    made = disk(driver(sc(busy())), "pg")
    made.add("VolumeSnapshotClass", "ebs-snapshots", api="snapshot.storage.k8s.io/v1", driver=EBS, deletionPolicy="Delete")  # fmt: skip
    said = 'Failed to get snapshot class with error volumesnapshotclass.snapshot.storage.k8s.io "csi-snap" not found'
    made.add("VolumeSnapshot", "nightly", "shop", api="snapshot.storage.k8s.io/v1", spec={"volumeSnapshotClassName": "csi-snap", "source": {"persistentVolumeClaimName": "pg"}}, status={"readyToUse": False, "error": {"message": said, "time": ago(3000)}})  # fmt: skip
    return made.event("VolumeSnapshot", "nightly", "shop", "GetSnapshotClassFailed", said, count=40)


@situation("Volume longhorn-system/pvc-pg", "faulted|longhorn|robustness|replica", "")
def longhorn_volume_has_lost_its_replicas() -> Case:
    name = "driver.longhorn.io"
    made = busy().add("Namespace", "longhorn-system", status={"phase": "Active"})
    driver(sc(made, "longhorn", name), name, "longhorn-csi", ns="longhorn-system")
    disk(made, "pg", cls="longhorn", source={"csi": {"driver": name, "volumeHandle": "pvc-pg"}})
    made.add("Volume", "pvc-pg", "longhorn-system", api="longhorn.io/v1beta2", spec={"numberOfReplicas": 2, "size": "21474836480"}, status={"state": "detached", "robustness": "faulted", "conditions": [condition("Scheduled", "True")]})  # fmt: skip
    return holder(made, "pg", "pg", "FailedAttachVolume", 'AttachVolume.Attach failed for volume "pvc-pg" : rpc error: code = Aborted desc = volume pvc-pg is not ready for workloads', kind="StatefulSet")  # fmt: skip


@situation("Deployment shop/redis|StatefulSet shop/redis", "permission", "")
def redis_may_not_write_its_dump() -> Case:
    made = disk(driver(sc(busy())), "redis")
    using(made, "redis", "redis", "1:M 01 Mar 2026 11:58:00.011 * 1 changes in 3600 seconds. Saving...\n1:M 01 Mar 2026 11:58:00.012 * Background saving started by pid 88\n88:C 01 Mar 2026 11:58:00.013 # Failed opening the temp RDB file temp-88.rdb (in server root dir /data) for saving: Permission denied\n1:M 01 Mar 2026 11:58:00.110 # Background saving error\n", state="unready", kind="StatefulSet", main={"readinessProbe": {"exec": {"command": ["sh", "-c", "redis-cli set probe 1"]}}})  # fmt: skip
    return say(made, "redis", "Unhealthy", "Readiness probe failed: MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled.", count=80)  # fmt: skip


@situation("PersistentVolumeClaim shop/ledger|Deployment shop/ledger", "readwriteoncepod|same name|already|in use", "")
def a_second_pod_wants_a_claim_for_one_pod() -> Case:
    made = disk(driver(sc(busy())), "ledger", modes=("ReadWriteOncePod",))
    using(made, "ledger-old", "ledger", "ok\n", state="ok")
    return user(made, "ledger", "ledger", "0/2 nodes are available: 1 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.")  # fmt: skip


@situation(
    "PersistentVolume pvc-pg|StorageClass rook-ceph-block|PersistentVolumeClaim shop/pg|Secret rook-ceph/rook-csi-rbd-node",
    "rook-csi-rbd-node|secret",
    "",
)
def drivers_stage_secret_is_gone() -> Case:
    name = "rook-ceph.rbd.csi.ceph.com"
    made = busy().add("Namespace", "rook-ceph", status={"phase": "Active"})
    driver(sc(made, "rook-ceph-block", name), name, "csi-rbdplugin", ns="rook-ceph")
    disk(made, "pg", cls="rook-ceph-block", source={"csi": {"driver": name, "volumeHandle": "0001-0009", "nodeStageSecretRef": {"name": "rook-csi-rbd-node", "namespace": "rook-ceph"}}})  # fmt: skip
    return holder(made, "pg", "pg", "FailedMount", 'MountVolume.MountDevice failed for volume "pvc-pg" : fetching NodeStageSecretRef rook-ceph/rook-csi-rbd-node failed: kubernetes.io/csi: failed to find the secret rook-csi-rbd-node in the namespace rook-ceph with error: secrets "rook-csi-rbd-node" not found', kind="StatefulSet")  # fmt: skip


@situation("Deployment kube-system/ebs-csi-controller", "lease|certificate|refused|time|attacher|crash|leader", "")
def attacher_is_down_so_volumes_are_never_attached() -> Case:
    made = driver(sc(busy()), controller={"csi-attacher": "crash:1"}, logs={"csi-attacher": 'E0301 11:58:00.100000 1 leaderelection.go:332] error retrieving resource lock kube-system/external-attacher-leader-ebs-csi-aws-com: Get "https://10.96.0.1:443/apis/coordination.k8s.io/v1": dial tcp 10.96.0.1:443: i/o timeout\nF0301 11:58:10.100000 1 main.go:214] leader election lost\n'})  # fmt: skip
    for app in ("wiki", "blog"):
        disk(made, app)
        made.add("VolumeAttachment", f"csi-{app}", api="storage.k8s.io/v1", spec={"attacher": EBS, "nodeName": "n1", "source": {"persistentVolumeName": f"pvc-{app}"}}, status={"attached": False})  # fmt: skip
        holder(made, app, app, "FailedMount", "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[data kube-api-access-9x2lm]: timed out waiting for the condition")  # fmt: skip
    return made


@situation("Deployment shop/infer", "gpu", "")
def claim_waits_for_a_pod_that_lacks_a_gpu() -> Case:
    made = pvc(driver(sc(busy())), "models")
    made.event("PersistentVolumeClaim", "models", "shop", "WaitForFirstConsumer", "waiting for first consumer to be created before binding", type_="Normal", count=60)  # fmt: skip
    return unscheduled(made, "infer", "0/2 nodes are available: 2 Insufficient nvidia.com/gpu. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.",
                       containers={"infer": {"resources": {"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"}}, "volumeMounts": [mounted("data", "/models")]}},
                       spec={"volumes": [vol("data", persistentVolumeClaim={"claimName": "models"})]})  # fmt: skip


@situation("StatefulSet shop/es|Deployment shop/es", "fsgroup|owner|permitted", "")
def group_of_a_squashed_export_cannot_be_changed() -> Case:
    made = disk(busy(), "es", cls="", modes=("ReadWriteMany",), source={"nfs": {"server": "10.0.0.4", "path": "/exports/es"}})  # fmt: skip
    return holder(made, "es", "es", "FailedMount", 'MountVolume.SetUp failed for volume "pvc-es" : applyFSGroup failed for vol pvc-es: lchown /var/lib/kubelet/pods/5b/volumes/kubernetes.io~nfs/pvc-es: operation not permitted', kind="StatefulSet", spec={"securityContext": {"fsGroup": 1000}})  # fmt: skip


@situation("PersistentVolume pvc-es|PersistentVolumeClaim shop/es", "resolve|cluster ip|name", "")
def volume_names_its_in_cluster_server_by_service_name() -> Case:
    made = put(busy(), "nfs-server", containers={"nfs": {"ports": [{"containerPort": 2049}]}})
    svc(made, "nfs-server", 2049)
    disk(made, "es", cls="", modes=("ReadWriteMany",), source={"nfs": {"server": "nfs-server.shop.svc.cluster.local", "path": "/"}})  # fmt: skip
    return holder(made, "es", "es", "FailedMount", 'MountVolume.SetUp failed for volume "pvc-es" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t nfs nfs-server.shop.svc.cluster.local:/ /var/lib/kubelet/pods/5b/volumes/kubernetes.io~nfs/pvc-es\nOutput: mount.nfs: Failed to resolve server nfs-server.shop.svc.cluster.local: Name or service not known', kind="StatefulSet")  # fmt: skip


@situation("Deployment shop/api", "app.toml|subpath|key|path", "")
def sub_path_names_a_key_the_config_map_has_not() -> Case:
    made = busy().add("ConfigMap", "api-conf", "shop", data={"app.yaml": "a: 1\n"})
    message = 'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting "/var/lib/kubelet/pods/5be3/volume-subpaths/conf/api/0" to rootfs at "/etc/app.toml": mount src=/var/lib/kubelet/pods/5be3/volume-subpaths/conf/api/0, dst=/etc/app.toml, dstFd=/proc/thread-self/fd/11, flags=MS_BIND|MS_REC: not a directory: Are you trying to mount a directory onto a file (or vice-versa)?: unknown'
    return put(made, "api", containers={"api": {"volumeMounts": [mounted("conf", "/etc/app.toml", subPath="app.toml")]}}, spec={"volumes": [vol("conf", configMap={"name": "api-conf"})]}, states=f"crash:StartError/128:{message}")  # fmt: skip


@quiet
def ceph_only_warns() -> Case:
    made = busy().add("Namespace", "rook-ceph", status={"phase": "Active"})
    return made.add("CephCluster", "rook-ceph", "rook-ceph", api="ceph.rook.io/v1", spec={"dataDirHostPath": "/var/lib/rook"}, status={"phase": "Ready", "conditions": [condition("Ready", "True", "ClusterCreated")], "ceph": {"health": "HEALTH_WARN", "details": {"RECENT_CRASH": {"message": "1 daemons have recently crashed", "severity": "HEALTH_WARN"}}}})  # fmt: skip


@quiet
def a_volume_is_being_attached_since_twenty_seconds() -> Case:
    made = disk(driver(sc(busy())), "wiki")
    made.add("VolumeAttachment", "csi-1", api="storage.k8s.io/v1", age=20, spec={"attacher": EBS, "nodeName": "n1", "source": {"persistentVolumeName": "pvc-wiki"}}, status={"attached": False})  # fmt: skip
    return put(made, "wiki", containers={"wiki": {"volumeMounts": [mounted("data", "/data")]}}, spec={"volumes": [vol("data", persistentVolumeClaim={"claimName": "wiki"})]}, states="wait:ContainerCreating", age=25)  # fmt: skip


@quiet
def provisioning_failed_once_and_then_succeeded() -> Case:
    made = claims(disk(driver(sc(busy())), "data-kafka-0"), "kafka")
    svc(made, "kafka", 9092, clusterIP="None")
    return made.event("PersistentVolumeClaim", "data-kafka-0", "shop", "ProvisioningFailed", 'failed to provision volume with StorageClass "gp3": rpc error: code = DeadlineExceeded desc = context deadline exceeded', count=1, last=3300, first=3300)  # fmt: skip


@quiet
def a_mount_failed_while_the_driver_was_updated() -> Case:
    made = creating(disk(driver(sc(busy())), "wiki"), "other", "Scheduled", "Successfully assigned", count=1)
    made.bodies = [(body, d) for body, d in made.bodies if body["metadata"].get("labels", {}).get("app") != "other" and body["metadata"]["name"] not in ("other", "other-abc")]  # fmt: skip
    using(made, "wiki", "wiki", "ready\n", state="ok")
    return say(made, "wiki", "FailedMount", 'MountVolume.MountDevice failed for volume "pvc-wiki" : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name ebs.csi.aws.com not found in the list of registered CSI drivers', count=2, first=2000, last=1950)  # fmt: skip
