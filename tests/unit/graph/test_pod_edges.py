"""What a pod spec declares becomes edges, with the field that says it."""

from __future__ import annotations

from typing import Any

import pytest

from retrievers.graph.edges import edges_of
from tests.unit.graph.objects import owner, pod, said, workload

CONTAINER = {"name": "web", "image": "web:1"}


def containers(**more: Any) -> dict[str, Any]:
    return {"containers": [{**CONTAINER, **more}]}


def volume(**source: Any) -> dict[str, Any]:
    return {"volumes": [{"name": "v", **source}]}


SPECS = [
    ({"nodeName": "n1"}, "RUNS_ON", "Node n1", "spec.nodeName"),
    ({"serviceAccountName": "web"}, "USES_SA", "ServiceAccount shop/web", "spec.serviceAccountName"),
    ({"serviceAccount": "old"}, "USES_SA", "ServiceAccount shop/old", "spec.serviceAccountName"),
    ({"priorityClassName": "high"}, "USES", "PriorityClass high", "spec.priorityClassName"),
    ({"runtimeClassName": "kata"}, "USES", "RuntimeClass kata", "spec.runtimeClassName"),
    ({"schedulerName": "volcano"}, "USES", "Scheduler volcano", "spec.schedulerName"),
    ({"imagePullSecrets": [{"name": "reg"}]}, "REFERENCES", "Secret shop/reg", "spec.imagePullSecrets[0].name"),
    ({"schedulingGroup": {"podGroupName": "g"}}, "IN_GANG", "PodGroup shop/g", "spec.schedulingGroup.podGroupName"),
    ({"workloadRef": {"name": "w", "podGroup": "g"}}, "IN_GANG", "Workload shop/w", "spec.workloadRef.name"),
    (
        volume(persistentVolumeClaim={"claimName": "data"}),
        "MOUNTS", "PersistentVolumeClaim shop/data", "spec.volumes[v].persistentVolumeClaim.claimName",
    ),
    (volume(ephemeral={}), "MOUNTS", "PersistentVolumeClaim shop/web-0-v", "spec.volumes[v].ephemeral"),
    (volume(configMap={"name": "cfg"}), "REFERENCES", "ConfigMap shop/cfg", "spec.volumes[v].configMap.name"),
    (volume(secret={"secretName": "tls"}), "REFERENCES", "Secret shop/tls", "spec.volumes[v].secret.secretName"),
    (
        volume(projected={"sources": [{}, {"configMap": {"name": "ca"}}]}),
        "REFERENCES", "ConfigMap shop/ca", "spec.volumes[0].projected.sources[1].configMap.name",
    ),
    (
        volume(projected={"sources": [{"secret": {"name": "key"}}]}),
        "REFERENCES", "Secret shop/key", "spec.volumes[0].projected.sources[0].secret.name",
    ),
    (
        volume(projected={"sources": [{"clusterTrustBundle": {"name": "b", "path": "x"}}]}),
        "REFERENCES", "ClusterTrustBundle b", "spec.volumes[0].projected.sources[0].clusterTrustBundle.name",
    ),
    (
        volume(csi={"driver": "d", "nodePublishSecretRef": {"name": "s"}}),
        "REFERENCES", "Secret shop/s", "spec.volumes[v].csi.nodePublishSecretRef.name",
    ),
    (
        volume(cephfs={"secretRef": {"name": "s"}}),
        "REFERENCES", "Secret shop/s", "spec.volumes[v].cephfs.secretRef.name",
    ),
    (
        containers(env=[{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "cfg", "key": "a"}}}]),
        "REFERENCES", "ConfigMap shop/cfg", "spec.containers[web].env[A].valueFrom.configMapKeyRef.name",
    ),
    (
        containers(env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "a"}}}]),
        "REFERENCES", "Secret shop/s", "spec.containers[web].env[A].valueFrom.secretKeyRef.name",
    ),
    (
        containers(envFrom=[{"prefix": "X_"}, {"configMapRef": {"name": "cfg"}}]),
        "REFERENCES", "ConfigMap shop/cfg", "spec.containers[web].envFrom[1].configMapRef.name",
    ),
    (
        containers(envFrom=[{"secretRef": {"name": "s"}}]),
        "REFERENCES", "Secret shop/s", "spec.containers[web].envFrom[0].secretRef.name",
    ),
    (
        {"initContainers": [{"name": "init", "envFrom": [{"secretRef": {"name": "s"}}]}]},
        "REFERENCES", "Secret shop/s", "spec.initContainers[init].envFrom[0].secretRef.name",
    ),
    (
        {"ephemeralContainers": [{"name": "dbg", "envFrom": [{"configMapRef": {"name": "c"}}]}]},
        "REFERENCES", "ConfigMap shop/c", "spec.ephemeralContainers[dbg].envFrom[0].configMapRef.name",
    ),
    (
        {"resourceClaims": [{"name": "gpu", "resourceClaimName": "c"}]},
        "CLAIMS", "ResourceClaim shop/c", "spec.resourceClaims[gpu].resourceClaimName",
    ),
    (
        {"resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "t"}]},
        "CLAIMS", "ResourceClaimTemplate shop/t", "spec.resourceClaims[gpu].resourceClaimTemplateName",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "kind", "target", "field"), SPECS)
def test_a_pod_spec_field_becomes_an_edge(spec, kind, target, field):
    assert (kind, target, field) in said(edges_of(pod(spec=spec)))


@pytest.mark.parametrize(("kind", "prefix"), [
    ("Deployment", "spec.template.spec"), ("StatefulSet", "spec.template.spec"), ("DaemonSet", "spec.template.spec"),
    ("Job", "spec.template.spec"), ("CronJob", "spec.jobTemplate.spec.template.spec"),
])  # fmt: skip
def test_a_workload_declares_what_its_template_names(kind, prefix):
    edges = said(edges_of(workload(kind, "web", {"volumes": [{"name": "v", "configMap": {"name": "cfg"}}]})))
    assert ("REFERENCES", "ConfigMap shop/cfg", f"{prefix}.volumes[v].configMap.name") in edges
    assert ("USES_SA", "ServiceAccount shop/default", f"{prefix}.serviceAccountName") in edges


def test_a_replica_set_of_an_old_revision_declares_nothing_but_its_owner():
    old = workload("ReplicaSet", "web-1", {"serviceAccountName": "gone"}, more={"replicas": 0},
                   owners=[owner("Deployment", "web")])  # fmt: skip
    assert [edge.kind.value for edge in edges_of(old)] == ["OWNED_BY"]


STATUSES = [
    ({"nominatedNodeName": "n2"}, "NOMINATED_TO", "Node n2"),
    ({"resourceClaimStatuses": [{"name": "g", "resourceClaimName": "web-g-x"}]}, "CLAIMS", "ResourceClaim shop/web-g-x"),
    ({"extendedResourceClaimStatus": {"resourceClaimName": "c"}}, "CLAIMS_IMPLICIT", "ResourceClaim shop/c"),
    (
        {"containerStatuses": [{"name": "web", "imageID": "docker-pullable://r/web@sha256:ab"}]},
        "RUNS_IMAGE", "Image r/web@sha256:ab",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("status", "kind", "target"), STATUSES)
def test_a_pod_status_field_becomes_an_edge(status, kind, target):
    assert (kind, target) in {found[:2] for found in said(edges_of(pod(status=status)))}


def test_the_default_scheduler_is_no_edge():
    assert "USES" not in {edge.kind.value for edge in edges_of(pod(spec={"schedulerName": "default-scheduler"}))}


def test_an_optional_reference_keeps_its_flag():
    spec = volume(configMap={"name": "cfg", "optional": True})
    assert [edge.optional for edge in edges_of(pod(spec=spec)) if edge.kind.value == "REFERENCES"] == [True]


def test_a_name_that_is_required_once_is_required_although_it_is_optional_elsewhere():
    spec = {
        **volume(configMap={"name": "cfg", "optional": True}),
        **containers(envFrom=[{"configMapRef": {"name": "cfg"}}]),
    }
    edges = [edge for edge in edges_of(pod(spec=spec)) if edge.kind.value == "REFERENCES"]
    assert [(edge.optional, edge.field) for edge in edges] == [
        (False, "spec.containers[web].envFrom[0].configMapRef.name")
    ]


def test_owners_come_controller_first():
    both = pod(owners=[owner("ReplicaSet", "other", controller=False), owner("ReplicaSet", "web-1")])
    assert [edge.target.name for edge in edges_of(both) if edge.kind.value == "OWNED_BY"] == ["web-1", "other"]


def test_an_object_that_owns_itself_has_no_owner():
    assert edges_of(pod("web-0", owners=[owner("Pod", "web-0", "v1")])) == []
