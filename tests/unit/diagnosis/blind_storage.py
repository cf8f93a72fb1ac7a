"""Claims that get no volume, written before the rules were read: classes, provisioners, static volumes, snapshots."""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.blind_storage_kit import (
    EBS,
    ago,
    busy,
    claims,
    disk,
    driver,
    mounted,
    pv,
    pvc,
    sc,
    unscheduled,
    vol,
)
from tests.unit.diagnosis.unseen import Case, condition, put, quiet, situation, svc

UNBOUND = "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
WAITS = "Waiting for a volume to be created either by the external provisioner '{}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."


def user(made: Case, name: str, claim: str, message: str = UNBOUND, **more: Any) -> Case:
    """A Deployment that waits for a claim."""
    return unscheduled(made, name, message, containers={name: {"volumeMounts": [mounted("data", "/data")]}},
                       spec={"volumes": [vol("data", persistentVolumeClaim={"claimName": claim})], **more.pop("spec", {})}, **more)  # fmt: skip


def failing(made: Case, claim: str, message: str, *, ns: str = "shop", by: str = EBS) -> Case:
    """What the provisioner says of a claim."""
    made.event("PersistentVolumeClaim", claim, ns, "Provisioning", f'External provisioner is provisioning volume for claim "{ns}/{claim}"', type_="Normal", count=12)  # fmt: skip
    made.event("PersistentVolumeClaim", claim, ns, "ProvisioningFailed", message, count=12)
    return made.event("PersistentVolumeClaim", claim, ns, "ExternalProvisioning", WAITS.format(by), type_="Normal", count=40)  # fmt: skip


@situation(
    "StatefulSet shop/cockroach|PersistentVolumeClaim shop/data-cockroach-0|StorageClass gp3-iops", "gp3-iops|class", ""
)
def class_of_a_claim_template_is_misspelt() -> Case:
    made = driver(sc(sc(busy(), "gp3-io"), "gp2"))
    claims(made, "cockroach", cls="gp3-iops", make=unscheduled, message=UNBOUND, replicas=3)
    pvc(made, "data-cockroach-0", cls="gp3-iops")
    return made.event("PersistentVolumeClaim", "data-cockroach-0", "shop", "ProvisioningFailed", 'storageclass.storage.k8s.io "gp3-iops" not found', count=60)  # fmt: skip


@situation("PersistentVolumeClaim shop/uploads|Deployment shop/uploads", "default|class", "")
def no_class_named_and_none_is_the_default() -> Case:
    made = driver(sc(busy()))
    user(made, "uploads", "uploads")
    pvc(made, "uploads", cls=None)
    return made.event("PersistentVolumeClaim", "uploads", "shop", "FailedBinding", "no persistent volumes available for this claim and no storage class is set", count=50)  # fmt: skip


@situation("Deployment kube-system/ebs-csi-controller", "credential|authoriz|role|identity|web", "")
def driver_controller_has_no_cloud_credentials() -> Case:
    made = driver(sc(busy(), mode="Immediate"), controller={"ebs-csi-plugin": "crash:1", "csi-provisioner": "crash:1"}, logs={"ebs-csi-plugin": 'I0301 11:58:00.1 1 driver.go:78] "Driver Information" Driver="ebs.csi.aws.com" Version="v1.35.0"\nE0301 11:58:01.1 1 main.go:154] "failed to get credentials" err="operation error STS: AssumeRoleWithWebIdentity, https response error StatusCode: 403, AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"\n'})  # fmt: skip
    for app in ("uploads", "invoices"):
        pvc(user(made, app, app), app)
        made.event("PersistentVolumeClaim", app, "shop", "ExternalProvisioning", WAITS.format(EBS), type_="Normal", count=90)  # fmt: skip
    return made


@situation(
    "StorageClass fast|PersistentVolumeClaim shop/uploads|Deployment shop/uploads", "provisioner|driver|installed", ""
)
def nobody_provisions_for_the_class() -> Case:
    made = sc(busy(), "fast", "disk.csi.acme.io", mode="Immediate")
    pvc(user(made, "uploads", "uploads"), "uploads", cls="fast")
    return made.event("PersistentVolumeClaim", "uploads", "shop", "ExternalProvisioning", WAITS.format("disk.csi.acme.io"), type_="Normal", count=90)  # fmt: skip


@situation(
    "PersistentVolumeClaim shop/uploads|StorageClass gp3|Deployment kube-system/ebs-csi-controller|ServiceAccount kube-system/*",
    "authoriz|permission|denied|iam|access",
    "",
)
def cloud_refuses_to_create_the_volume() -> Case:
    made = driver(sc(busy(), mode="Immediate"))
    pvc(user(made, "uploads", "uploads"), "uploads")
    return failing(made, "uploads", 'failed to provision volume with StorageClass "gp3": rpc error: code = Internal desc = Could not create volume "pvc-77": could not create volume in EC2: operation error EC2: CreateVolume, https response error StatusCode: 403, RequestID: 0e, api error UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:sts::1234:assumed-role/nodes/i-0a is not authorized to perform: ec2:CreateVolume')  # fmt: skip


@situation("PersistentVolumeClaim shop/uploads|StorageClass pd-ssd", "quota", "")
def cloud_quota_for_ssd_is_used_up() -> Case:
    made = driver(sc(busy(), "pd-ssd", "pd.csi.storage.gke.io", mode="Immediate"), "pd.csi.storage.gke.io", "gcp-pd-csi")  # fmt: skip
    pvc(user(made, "uploads", "uploads"), "uploads", cls="pd-ssd", size="500Gi")
    return failing(made, "uploads", 'failed to provision volume with StorageClass "pd-ssd": rpc error: code = ResourceExhausted desc = CreateVolume failed to create single zonal disk pvc-77: failed to insert zonal disk: unknown Insert disk error: googleapi: Error 403: Quota \'SSD_TOTAL_GB\' exceeded.  Limit: 500.0 in region europe-west1., quotaExceeded', by="pd.csi.storage.gke.io")  # fmt: skip


@situation("StorageClass zrs|PersistentVolumeClaim shop/uploads", "sku|zrs|parameter|not supported|invalid", "")
def azure_does_not_offer_the_sku_in_the_region() -> Case:
    made = driver(sc(busy(), "zrs", "disk.csi.azure.com", mode="Immediate", parameters={"skuName": "PremiumV2_ZRS"}), "disk.csi.azure.com", "csi-azuredisk")  # fmt: skip
    pvc(user(made, "uploads", "uploads"), "uploads", cls="zrs")
    return failing(made, "uploads", 'failed to provision volume with StorageClass "zrs": rpc error: code = InvalidArgument desc = azureDisk - PremiumV2_ZRS is not supported sku type. Supported values: [PremiumV2_LRS Premium_LRS Premium_ZRS StandardSSD_LRS StandardSSD_ZRS Standard_LRS UltraSSD_LRS]', by="disk.csi.azure.com")  # fmt: skip


@situation(
    "PersistentVolumeClaim shop/shared|Deployment shop/shared|StorageClass gp3",
    "access mode|readwritemany|multi_node|access",
    "",
)
def block_storage_asked_for_many_writers() -> Case:
    made = driver(sc(busy(), mode="Immediate"))
    pvc(user(made, "shared", "shared", replicas=2), "shared", modes=("ReadWriteMany",))
    return failing(made, "shared", 'failed to provision volume with StorageClass "gp3": rpc error: code = InvalidArgument desc = Volume capabilities MULTI_NODE_MULTI_WRITER not supported. Only AccessModes[ReadWriteOnce] supported.')  # fmt: skip


@situation("CephCluster rook-ceph/rook-ceph|Deployment rook-ceph/rook-ceph-osd*", "ceph|osd|full|health", "")
def ceph_is_full_and_every_claim_waits() -> Case:
    name = "rook-ceph.rbd.csi.ceph.com"
    made = busy().add("Namespace", "rook-ceph", status={"phase": "Active"})
    driver(sc(made, "rook-ceph-block", name, mode="Immediate"), name, "csi-rbdplugin", ns="rook-ceph")
    made.add("CephCluster", "rook-ceph", "rook-ceph", api="ceph.rook.io/v1", spec={"dataDirHostPath": "/var/lib/rook"},
             status={"phase": "Ready", "state": "Created", "conditions": [condition("Ready", "True", "ClusterCreated")], "ceph": {"health": "HEALTH_ERR", "details": {"OSD_FULL": {"message": "3 full osd(s)", "severity": "HEALTH_ERR"}, "POOL_FULL": {"message": "2 pool(s) full", "severity": "HEALTH_ERR"}}}})  # fmt: skip
    for app in ("uploads", "invoices"):
        pvc(user(made, app, app), app, cls="rook-ceph-block")
        failing(made, app, 'failed to provision volume with StorageClass "rook-ceph-block": rpc error: code = DeadlineExceeded desc = context deadline exceeded', by=name)  # fmt: skip
    return made


@situation(
    "PersistentVolumeClaim shop/archive|PersistentVolume archive-nfs|Deployment shop/archive",
    "small|capacity|size|50gi",
    "",
)
def static_volume_is_smaller_than_the_claim() -> Case:
    made = user(busy(), "archive", "archive")
    pv(made, "archive-nfs", cls="", size="50Gi", modes=("ReadWriteMany",), source={"nfs": {"server": "10.0.0.4", "path": "/exports/archive"}}, policy="Retain")  # fmt: skip
    pvc(made, "archive", cls="", size="100Gi", modes=("ReadWriteMany",), volumeName="archive-nfs")
    return made.event("PersistentVolumeClaim", "archive", "shop", "VolumeMismatch", 'Cannot bind to requested volume "archive-nfs": requested PV is too small', count=80)  # fmt: skip


@situation(
    "PersistentVolumeClaim shop/archive|PersistentVolume archive-nfs|Deployment shop/archive",
    "access|readwritemany|readwriteonce",
    "",
)
def static_volume_offers_another_access_mode() -> Case:
    made = user(busy(), "archive", "archive")
    pv(made, "archive-nfs", cls="", modes=("ReadWriteOnce",), source={"nfs": {"server": "10.0.0.4", "path": "/exports/archive"}})  # fmt: skip
    pvc(made, "archive", cls="", modes=("ReadWriteMany",))
    return made.event("PersistentVolumeClaim", "archive", "shop", "FailedBinding", "no persistent volumes available for this claim and no storage class is set", count=80)  # fmt: skip


@situation(
    "PersistentVolumeClaim shop/archive|PersistentVolume archive-prod|Deployment shop/archive", "selector|label|env", ""
)
def claims_selector_matches_no_volume() -> Case:
    made = user(busy(), "archive", "archive")
    pv(made, "archive-prod", cls="manual", labels={"env": "production"}, source={"nfs": {"server": "10.0.0.4", "path": "/e"}})  # fmt: skip
    sc(made, "manual", "kubernetes.io/no-provisioner")
    pvc(made, "archive", cls="manual", selector={"matchLabels": {"env": "prod"}})
    return made.event("PersistentVolumeClaim", "archive", "shop", "FailedBinding", "no persistent volumes available for this claim and no storage class is set", count=80)  # fmt: skip


@situation(
    "PersistentVolume legacy-data|PersistentVolumeClaim shop/legacy|StatefulSet shop/legacy|Deployment shop/legacy",
    "released|claimref",
    "",
)
def the_volume_still_remembers_a_deleted_claim() -> Case:
    made = user(busy(), "legacy", "legacy")
    pv(made, "legacy-data", claim="legacy", uid="9f1c-old", cls="manual", phase="Released", policy="Retain", source={"nfs": {"server": "10.0.0.4", "path": "/e"}})  # fmt: skip
    sc(made, "manual", "kubernetes.io/no-provisioner", mode="Immediate")
    pvc(made, "legacy", cls="manual", volumeName="legacy-data", age=900)
    return made.event("PersistentVolumeClaim", "legacy", "shop", "FailedBinding", 'volume "legacy-data" already bound to a different claim.', count=50)  # fmt: skip


@situation("Deployment shop/pinned|PersistentVolumeClaim shop/pinned", "nodename", "")
def pod_pinned_by_node_name_never_wakes_its_claim() -> Case:
    made = driver(sc(busy()))
    put(made, "pinned", containers={"pinned": {"volumeMounts": [mounted("d", "/d")]}}, spec={"nodeName": "n1", "volumes": [vol("d", persistentVolumeClaim={"claimName": "pinned"})]},
        states="wait:ContainerCreating", pod_status={"podIP": "", "containerStatuses": [], "conditions": []}, phase="Pending")  # fmt: skip
    pvc(made, "pinned")
    return made.event("PersistentVolumeClaim", "pinned", "shop", "WaitForFirstConsumer", "waiting for first consumer to be created before binding", type_="Normal", count=90)  # fmt: skip


@situation("PersistentVolumeClaim shop/restore|VolumeSnapshot shop/nightly-0228", "snapshot|nightly-0228", "")
def restore_names_a_snapshot_that_was_pruned() -> Case:
    made = driver(sc(busy(), mode="Immediate"))
    made.add("VolumeSnapshot", "nightly-0301", "shop", api="snapshot.storage.k8s.io/v1", spec={"source": {"persistentVolumeClaimName": "pg"}}, status={"readyToUse": True, "restoreSize": "20Gi"})  # fmt: skip
    pvc(user(made, "restore", "restore"), "restore", dataSource={"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "nightly-0228"})  # fmt: skip
    return failing(made, "restore", 'failed to provision volume with StorageClass "gp3": error getting handle for DataSource Type VolumeSnapshot by Name nightly-0228: error getting snapshot nightly-0228 from api server: volumesnapshots.snapshot.storage.k8s.io "nightly-0228" not found')  # fmt: skip


@situation(
    "VolumeSnapshot shop/nightly|VolumeSnapshotClass ebs-snap|VolumeSnapshotContent snapcontent-1|PersistentVolumeClaim shop/restore",
    "snapshot",
    "",
)
def snapshot_itself_failed_so_the_restore_waits() -> Case:
    made = driver(sc(busy(), mode="Immediate"))
    said = 'Failed to check and update snapshot content: failed to take snapshot of the volume vol-0a1: "rpc error: code = Internal desc = Could not create snapshot: SnapshotCreationPerVolumeRateExceeded"'
    made.add("VolumeSnapshot", "nightly", "shop", api="snapshot.storage.k8s.io/v1", spec={"volumeSnapshotClassName": "ebs-snap", "source": {"persistentVolumeClaimName": "pg"}},
             status={"boundVolumeSnapshotContentName": "snapcontent-1", "readyToUse": False, "error": {"message": said, "time": ago(900)}})  # fmt: skip
    pvc(user(made, "restore", "restore"), "restore", dataSource={"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "nightly"})  # fmt: skip
    return failing(made, "restore", 'failed to provision volume with StorageClass "gp3": error getting handle for DataSource Type VolumeSnapshot by Name nightly: snapshot nightly is not Ready')  # fmt: skip


@situation("PersistentVolumeClaim shop/clone|StatefulSet shop/clone|Deployment shop/clone", "size|less|smaller", "")
def restored_claim_is_smaller_than_its_source() -> Case:
    made = driver(sc(busy(), mode="Immediate"))
    made.add("VolumeSnapshot", "nightly", "shop", api="snapshot.storage.k8s.io/v1", spec={"source": {"persistentVolumeClaimName": "pg"}}, status={"readyToUse": True, "restoreSize": "10Gi"})  # fmt: skip
    pvc(user(made, "clone", "clone"), "clone", size="5Gi", dataSource={"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "nightly"})  # fmt: skip
    return failing(made, "clone", 'failed to provision volume with StorageClass "gp3": error getting handle for DataSource Type VolumeSnapshot by Name nightly: requested volume size 5368709120 is less than the size 10737418240 for the source snapshot nightly')  # fmt: skip


@situation("PersistentVolumeClaim shop/data-redis-1", "delet|terminating", "")
def claim_is_being_deleted_while_its_pod_comes_back() -> Case:
    made = driver(sc(busy()))
    claims(made, "redis", make=unscheduled, message='0/2 nodes are available: persistentvolumeclaim "data-redis-1" is being deleted. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.', replicas=2)  # fmt: skip
    made.bodies = [(body, d) for body, d in made.bodies if body["metadata"]["name"] != "redis-0"]
    disk(made, "data-redis-0")
    return disk(made, "data-redis-1", metadata={"deletionTimestamp": ago(1500), "finalizers": ["kubernetes.io/pvc-protection"]})  # fmt: skip


@situation(
    "PersistentVolumeClaim shop/books|StatefulSet shop/books|Deployment shop/books|PersistentVolume pvc-books",
    "lost",
    "",
)
def the_volume_behind_a_claim_was_deleted() -> Case:
    made = driver(sc(busy()))
    user(made, "books", "books", '0/2 nodes are available: persistentvolumeclaim "books" bound to non-existent persistentvolume "pvc-books". preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.')  # fmt: skip
    pvc(made, "books", volume="pvc-books", phase="Lost")
    return made.event("PersistentVolumeClaim", "books", "shop", "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!", count=1)  # fmt: skip


@situation(
    "Pod shop/batch|PersistentVolumeClaim shop/batch-scratch", "batch-scratch|ephemeral|not created|owner|conflict", ""
)
def a_foreign_claim_has_the_name_of_an_ephemeral_volume() -> Case:
    made = driver(sc(busy()))
    template = {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "gp3", "resources": {"requests": {"storage": "5Gi"}}}}}  # fmt: skip
    unscheduled(made, "batch", "0/2 nodes are available: PVC shop/batch-scratch was not created for pod shop/batch (pod is not owner). preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.", kind="Pod", containers={"batch": {"volumeMounts": [mounted("scratch", "/s")]}}, spec={"volumes": [vol("scratch", ephemeral=template)]})  # fmt: skip
    return disk(made, "batch-scratch")


@situation("PersistentVolume local-a|StatefulSet shop/kafka|PersistentVolumeClaim shop/data-kafka-0", "n9|node", "")
def local_volume_belongs_to_a_node_that_is_gone() -> Case:
    made = sc(busy(), "local", "kubernetes.io/no-provisioner")
    claims(made, "kafka", cls="local", make=unscheduled, message="0/2 nodes are available: 2 node(s) had volume node affinity conflict. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.")  # fmt: skip
    pvc(made, "data-kafka-0", cls="local", volume="local-a")
    return pv(made, "local-a", claim="data-kafka-0", cls="local", host="n9", source={"local": {"path": "/mnt/disks/a"}}, policy="Retain")  # fmt: skip


@situation(
    "StatefulSet shop/kafka|PersistentVolume pvc-data-kafka-0|PersistentVolumeClaim shop/data-kafka-0",
    "zone|affinity|eu-b",
    "",
)
def volume_lies_in_another_zone_than_the_selector_wants() -> Case:
    made = driver(sc(busy()))
    claims(made, "kafka", make=unscheduled, message="0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had volume node affinity conflict. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.", spec={"nodeSelector": {"topology.kubernetes.io/zone": "eu-a"}})  # fmt: skip
    return disk(made, "data-kafka-0", zone="eu-b")


@quiet
def a_claim_waits_for_a_first_consumer_that_nobody_made() -> Case:
    made = pvc(driver(sc(busy())), "later")
    return made.event("PersistentVolumeClaim", "later", "shop", "WaitForFirstConsumer", "waiting for first consumer to be created before binding", type_="Normal", count=200)  # fmt: skip


@quiet
def a_volume_is_being_provisioned_since_ten_seconds() -> Case:
    made = driver(sc(busy(), mode="Immediate"))
    pvc(made, "new", age=10)
    made.event("PersistentVolumeClaim", "new", "shop", "Provisioning", 'External provisioner is provisioning volume for claim "shop/new"', type_="Normal", count=1, first=9, last=9)  # fmt: skip
    return made.event("PersistentVolumeClaim", "new", "shop", "ExternalProvisioning", WAITS.format(EBS), type_="Normal", count=1, first=9, last=9)  # fmt: skip


@quiet
def a_snapshot_is_being_taken() -> Case:
    made = disk(driver(sc(busy())), "pg")
    return made.add("VolumeSnapshot", "now", "shop", api="snapshot.storage.k8s.io/v1", age=40, spec={"volumeSnapshotClassName": "ebs-snap", "source": {"persistentVolumeClaimName": "pg"}}, status={"readyToUse": False})  # fmt: skip


@quiet
def an_available_static_volume_and_a_service_without_claims() -> Case:
    made = svc(put(busy(), "cart"), "cart", 80)
    return pv(made, "spare", cls="manual", source={"nfs": {"server": "10.0.0.4", "path": "/e"}})
