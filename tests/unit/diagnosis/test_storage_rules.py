"""Claims and mounts: what is missing, wrong, held or silent is named; waiting for a consumer is not a fault."""

import pytest

from copilot.diagnosis.rules.storage import claims as storage
from copilot.diagnosis.rules.storage import lifecycle as storage_lifecycle
from copilot.diagnosis.rules.storage import mount as storage_mount
from copilot.diagnosis.rules.storage import snapshots
from tests.unit.diagnosis.cluster import Cluster, ago, condition, ref

RULES = storage.RULES
CLASS = "storage.k8s.io/v1"
MOUNTED = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}


def claim(
    cluster=None, name="data", *, size="1Gi", modes=("ReadWriteOnce",), phase="Pending", metadata=None, age=3600, **spec
):
    body = {"accessModes": list(modes), "resources": {"requests": {"storage": size}}, **spec}
    return (cluster or Cluster()).add(
        "PersistentVolumeClaim", name, "shop", spec=body, status={"phase": phase}, metadata=metadata, age=age
    )


def volume(cluster, name="pv1", *, size="1Gi", modes=("ReadWriteOnce",), phase="Available", labels=None, **spec):
    body = {"accessModes": list(modes), "capacity": {"storage": size}, **spec}
    return cluster.add("PersistentVolume", name, spec=body, status={"phase": phase}, labels=labels)


def storage_class(cluster, name="fast", *, provisioner="csi.example.com", mode="Immediate", default=False):
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return cluster.add(
        "StorageClass",
        name,
        api=CLASS,
        provisioner=provisioner,
        volumeBindingMode=mode,
        metadata={"annotations": annotations},
    )


def test_a_class_that_does_not_exist_blames_its_one_claim_and_offers_the_nearest():
    found = storage_class(claim(storageClassName="fats")).only(RULES)
    assert (found.cause, found.object) == ("pvc.storageclass.missing", ref("PersistentVolumeClaim", "shop/data"))
    assert "there is fast" in found.title


def test_a_class_named_by_a_stateful_set_blames_the_stateful_set():
    cluster = claim(
        Cluster().statefulset("db", volumeClaimTemplates=[{"metadata": {"name": "data"}}]),
        "data-db-0",
        storageClassName="none",
    )
    found = storage_class(cluster).only(RULES)
    assert found.object == ref("StatefulSet", "shop/db")


def test_a_missing_class_that_several_name_is_one_finding_about_the_class():
    found = claim(claim(storageClassName="gone"), "other", storageClassName="gone").only(RULES)
    assert found.object == ref("StorageClass", "gone")
    assert ref("PersistentVolumeClaim", "shop/other") in found.explains


def test_a_class_without_an_object_that_static_volumes_carry_is_not_missing():
    assert volume(claim(storageClassName="manual"), storageClassName="manual").find(RULES) == []


def test_nothing_is_called_missing_where_classes_were_not_read():
    assert claim(Cluster(unread=["StorageClass", "PersistentVolume"]), storageClassName="fast").find(RULES) == []


def test_a_claim_without_class_needs_a_default():
    found = storage_class(claim()).only(RULES)
    assert found.cause == "pvc.no_class"
    assert "none of the classes (fast) is the default" in found.title
    assert storage_class(claim(age=5).lease("n1"), default=True, mode="WaitForFirstConsumer").find(RULES) == []


@pytest.mark.parametrize(
    ("asked", "offered", "words"),
    [
        ({"modes": ("ReadWriteMany",)}, {}, "access modes are ReadWriteOnce, the claim asks for ReadWriteMany"),
        ({"size": "5Gi"}, {}, "capacity is 1Gi, the claim asks for 5Gi"),
        (
            {"selector": {"matchLabels": {"tier": "gold"}}},
            {"labels": {"tier": "iron"}},
            "do not match the claim's selector",
        ),
        ({"volumeMode": "Block"}, {}, "volumeMode is Filesystem, the claim's is Block"),
        ({}, {"storageClassName": "other"}, "storage class is other"),
        ({}, {"claimRef": {"name": "x", "namespace": "y"}, "phase": "Bound"}, "kept for claim y/x"),
    ],
)
def test_the_test_that_the_nearest_volume_fails_is_named(asked, offered, words):
    found = volume(claim(storageClassName="", **asked), **offered).only(RULES)
    assert found.cause == "pvc.no_match"
    assert words in found.title


def test_a_volume_that_fits_is_on_its_way():
    assert volume(claim(storageClassName="")).find(RULES) == []


def test_a_claim_for_a_volume_that_another_holds_is_misbound():
    cluster = volume(claim(volumeName="pv1"), claimRef={"name": "data", "namespace": "old"}, phase="Bound")
    found = cluster.only(RULES)
    assert (found.cause, found.object) == ("pvc.misbound", ref("PersistentVolumeClaim", "shop/data"))
    assert "bound to another claim (old/data)" in found.title


def test_a_released_volume_is_the_object_to_change():
    holder = {"name": "data", "namespace": "shop", "uid": "uid-of-the-deleted-claim"}
    found = volume(claim(volumeName="pv1", storageClassName=""), claimRef=holder, phase="Released").only(RULES)
    assert (found.cause, found.object) == ("pvc.misbound", ref("PersistentVolume", "pv1"))


def test_a_claim_for_a_volume_that_does_not_exist_offers_the_nearest():
    assert "there is pv1" in volume(claim(volumeName="pv2")).only(RULES).title


def test_a_lost_volume_is_said_to_be_lost():
    assert claim(phase="Lost", volumeName="pv9").only(RULES).cause == "pvc.lost"


def test_a_claim_that_waits_for_its_first_consumer_is_no_storage_fault():
    cluster = storage_class(claim(storageClassName="fast"), mode="WaitForFirstConsumer")
    assert (
        cluster.event("PersistentVolumeClaim", "data", "shop", "WaitForFirstConsumer", "waiting", type_="Normal").find(
            RULES
        )
        == []
    )


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("rpc error: code = ResourceExhausted desc = not enough space", "pvc.provision.exhausted"),
        ("rpc error: code = PermissionDenied desc = UnauthorizedOperation", "pvc.provision.denied"),
        ("rpc error: code = InvalidArgument desc = unsupported access mode", "pvc.provision.access_mode"),
        ("rpc error: code = Internal desc = something odd happened", "pvc.provision.failed"),
        ("rpc error: code = OutOfRange desc = invalid size", "pvc.provision.size"),
        ("rpc error: code = InvalidArgument desc = unknown parameter tpye", "pvc.provision.parameters"),
        ("error generating accessibility requirements: no topology key found on CSINode n1", "pvc.provision.topology"),
        ('failed to get provisioner secret: secrets "ceph-admin" not found', "pvc.provision.secret"),
    ],
)
def test_a_provisioner_that_refuses_is_quoted_by_kind(message, cause):
    cluster = storage_class(claim(storageClassName="fast"))
    found = cluster.event("PersistentVolumeClaim", "data", "shop", "ProvisioningFailed", message).only(RULES)
    assert found.cause == cause
    assert message[-20:] in found.title


def test_a_provisioner_without_a_ready_pod_is_the_object():
    sidecar = {"containers": [{"name": "p", "image": "i", "args": ["--csi-driver=csi.example.com"]}]}
    cluster = storage_class(claim(storageClassName="fast")).deployment("csi-controller", "storage", spec=sidecar)
    found = cluster.only(RULES)
    assert (found.cause, found.object) == ("pvc.wait_external", ref("Deployment", "storage/csi-controller"))


def test_a_provisioner_that_is_not_in_the_cluster_blames_the_class():
    assert storage_class(claim(storageClassName="fast")).only(RULES).object == ref("StorageClass", "fast")


def test_a_new_claim_is_given_a_moment():
    assert storage_class(claim(storageClassName="fast", age=30).lease("n1")).find(RULES) == []


def test_a_bound_claim_is_healthy():
    assert claim(phase="Bound", volumeName="pv1").find((*RULES, *storage_lifecycle.RULES)) == []


def test_resize_trouble_is_told_on_a_bound_claim():
    failed = claim(phase="Bound").event(
        "PersistentVolumeClaim", "data", "shop", "VolumeResizeFailed", "backend says no"
    )
    assert failed.only(storage_lifecycle.RULES).cause == "pvc.resize.failed"
    pending = Cluster().node().running("db", "n1", spec=MOUNTED)
    waiting = {"phase": "Bound", "conditions": [condition("FileSystemResizePending", "True")]}
    pending.add("PersistentVolumeClaim", "data", "shop", spec={}, status=waiting)
    assert pending.only(storage_lifecycle.RULES).cause == "pvc.resize.fs_pending"


def test_a_deleted_claim_that_a_pod_uses_names_the_pod():
    cluster = claim(
        Cluster().node().running("db", "n1", spec=MOUNTED),
        phase="Bound",
        metadata={"deletionTimestamp": ago(900), "finalizers": ["kubernetes.io/pvc-protection"]},
    )
    found = cluster.only(storage_lifecycle.RULES)
    assert found.cause == "pvc.terminating"
    assert "db-abc-n1" in found.title


def mounting(message, reason="FailedMount", *, spec=None, owner="web"):
    cluster = Cluster().node("n1").node("n2").deployment(owner, have=1, spec=spec or MOUNTED)
    cluster.pod(
        f"{owner}-abc-1",
        owner=("ReplicaSet", f"{owner}-abc"),
        node="n1",
        phase="Pending",
        waiting="ContainerCreating",
        spec=spec or MOUNTED,
    )
    volume(claim(cluster, phase="Bound", volumeName="pv1"), csi={"driver": "csi.example.com"}, phase="Bound")
    return cluster.event("Pod", f"{owner}-abc-1", "shop", reason, message)


MULTI = 'Multi-Attach error for volume "pv1" Volume is already used by pod(s) {0}'


def test_a_rolling_update_on_one_volume_blames_the_deployment():
    cluster = mounting(MULTI.format("web-abc-0"), "FailedAttachVolume").pod(
        "web-abc-0", owner=("ReplicaSet", "web-abc"), node="n2", spec=MOUNTED
    )
    found = cluster.only(storage_mount.RULES)
    assert (found.cause, found.object) == ("volume.multiattach.rolling", ref("Deployment", "shop/web"))


def test_two_workloads_on_one_volume_name_the_holder():
    cluster = mounting(MULTI.format("other-abc-0"), "FailedAttachVolume").pod(
        "other-abc-0", owner=("ReplicaSet", "other-abc"), node="n2", spec=MOUNTED
    )
    found = cluster.deployment("other", have=1, ready=1).only(storage_mount.RULES)
    assert found.cause == "volume.multiattach"
    assert "other-abc-0 on node n2" in found.title


def test_a_volume_on_a_dead_node_blames_the_node():
    cluster = mounting(MULTI.format("web-abc-0"), "FailedAttachVolume")
    cluster.node("dead", conditions=[condition("Ready", "Unknown", "NodeStatusUnknown")])
    found = cluster.pod("web-abc-0", owner=("ReplicaSet", "web-abc"), node="dead", spec=MOUNTED).only(
        storage_mount.RULES
    )
    assert (found.cause, found.object) == ("volume.multiattach.dangling", ref("Node", "dead"))


def test_a_driver_that_is_not_registered_blames_its_daemon_set():
    message = "driver name csi.example.com not found in the list of registered CSI drivers"
    plugin = {
        "containers": [{"name": "p", "image": "i"}],
        "volumes": [{"name": "s", "hostPath": {"path": "/var/lib/kubelet/plugins/csi.example.com"}}],
    }
    found = mounting(message).daemonset("csi-node", spec=plugin).only(storage_mount.RULES)
    assert (found.cause, found.object) == ("volume.mount.driver_missing", ref("DaemonSet", "kube-system/csi-node"))
    assert "no DaemonSet" in mounting(message).only(storage_mount.RULES).title


@pytest.mark.parametrize(
    ("reason", "message", "cause"),
    [
        (
            "FailedMount",
            'MountVolume.SetUp failed for volume "pv1" : mount failed: exit status 32 Output: mount.nfs: Connection timed out',
            "volume.mount.nfs",
        ),
        (
            "FailedAttachVolume",
            'AttachVolume.Attach failed for volume "pv1" : rpc error: code = Internal desc = disk busy',
            "volume.attach.backend",
        ),
        (
            "FailedMount",
            'MountVolume.SetUp failed for volume "d" : hostPath type check failed: /data is not a directory',
            "volume.mount.hostpath",
        ),
        (
            "FailedMount",
            'MountVolume.SetUp failed for volume "kube-api-access-x" : failed to fetch token: timeout',
            "sa.token",
        ),
        (
            "FailedMount",
            'MountVolume.MountDevice failed for volume "pv1" : rpc error: wrong fs type',
            "volume.mount.filesystem",
        ),
        (
            "FailedMount",
            'MountVolume.MountDevice failed for volume "pv1" : rpc error: code = Internal desc = it went wrong',
            "volume.mount.failed",
        ),
        (
            "FailedMount",
            "Unable to attach or mount volumes: unmounted volumes=[d]: timed out waiting for the condition",
            "volume.mount.timeout",
        ),
    ],
)
def test_each_way_a_volume_fails_has_its_cause(reason, message, cause):
    assert mounting(message, reason).only(storage_mount.RULES).cause == cause


def test_an_attach_error_is_preferred_to_the_timeout_that_follows_it():
    cluster = mounting('AttachVolume.Attach failed for volume "pv1" : rpc error: quota', "FailedAttachVolume")
    cluster.event(
        "Pod",
        "web-abc-1",
        "shop",
        "FailedMount",
        "Unable to attach or mount volumes: timed out waiting for the condition",
        last=5,
    )
    assert cluster.only(storage_mount.RULES).cause == "volume.attach.backend"


def test_a_missing_config_map_is_left_to_the_rules_of_references():
    assert mounting('MountVolume.SetUp failed for volume "c" : configmap "x" not found').find(storage_mount.RULES) == []


def test_a_mount_that_succeeded_at_the_second_try_is_healthy():
    cluster = (
        Cluster()
        .node()
        .running("web", "n1", spec=MOUNTED)
        .event("Pod", "web-abc-n1", "shop", "FailedMount", "rpc error")
    )
    assert cluster.find(storage_mount.RULES) == []


def test_an_attach_limit_of_the_cloud_blames_the_node():
    message = 'AttachVolume.Attach failed for volume "pv1" : rpc error: AttachmentLimitExceeded: too many volumes'
    found = mounting(message, "FailedAttachVolume").only(storage_mount.RULES)
    assert (found.cause, found.object) == ("volume.attach.limit", ref("Node", "n1"))


def snapshot(error, *, source="data", cls="daily"):
    cluster = claim(phase="Bound", volumeName="pv1")
    cluster.add("VolumeSnapshotClass", "daily", api="snapshot.storage.k8s.io/v1", driver="d", deletionPolicy="Delete")
    spec = {"volumeSnapshotClassName": cls, "source": {"persistentVolumeClaimName": source}}
    status = {"readyToUse": False, **({"error": {"message": error, "time": ago(600)}} if error else {})}
    return cluster.add("VolumeSnapshot", "nightly", "shop", api="snapshot.storage.k8s.io/v1", spec=spec, status=status)


@pytest.mark.parametrize(
    ("made", "cause"),
    [
        (snapshot("the driver refused"), "snapshot.failed"),
        (snapshot('volumesnapshotclass "dayly" not found', cls="dayly"), "snapshot.class_missing"),
        (snapshot('persistentvolumeclaims "date" not found', source="date"), "snapshot.source_missing"),
    ],
    ids=["refused", "class", "source"],
)
def test_a_snapshot_that_carries_an_error_is_told_by_its_kind(made, cause):
    assert made.only(snapshots.RULES).cause == cause


def test_a_snapshot_in_the_making_is_no_fault():
    assert snapshot("").find(snapshots.RULES) == []


def test_a_driver_is_found_by_its_name_where_no_argument_names_it():
    cluster = storage_class(claim(storageClassName="fast"), provisioner="ebs.csi.aws.com")
    sidecar = {"containers": [{"name": "csi-provisioner", "image": "registry.k8s.io/sig-storage/csi-provisioner:v5"}]}
    cluster.deployment("ebs-csi-controller", "kube-system", spec=sidecar)
    found = cluster.deployment("snapshot-controller", "kube-system", spec=sidecar).only(RULES)
    assert found.object == ref("Deployment", "kube-system/ebs-csi-controller")
