"""Every built-in kind's own fields become edges: one row a field."""

from __future__ import annotations

import pytest

from retrievers.graph.edges import edges_of
from tests.unit.graph.objects import made, said, wrap

NET = "networking.k8s.io/v1"
STORE = "storage.k8s.io/v1"
RBAC = "rbac.authorization.k8s.io/v1"
DRA = "resource.k8s.io/v1"
GW = "gateway.networking.k8s.io/v1"
ADM = "admissionregistration.k8s.io/v1"
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
RESULT = {"request": "r", "driver": "gpu.example", "pool": "n1", "device": "gpu-0"}

ROWS = [
    (made("EndpointSlice", "web-x", api="discovery.k8s.io/v1", labels={"kubernetes.io/service-name": "web"}),
     "BACKS", "Service shop/web"),
    (made("EndpointSlice", "web-x", api="discovery.k8s.io/v1",
          endpoints=[{"targetRef": {"kind": "Pod", "name": "web-0", "namespace": "shop"}}]), "TARGETS", "Pod shop/web-0"),
    (made("Endpoints", "web"), "BACKS", "Service shop/web"),
    (made("Endpoints", "web", subsets=[{"notReadyAddresses": [{"targetRef": {"kind": "Pod", "name": "web-0"}}]}]),
     "TARGETS", "Pod shop/web-0"),
    (made("Ingress", "i", api=NET, spec={"rules": [{"http": {"paths": [{"backend": BACKEND}]}}]}),
     "ROUTES_TO", "Service shop/web"),
    (made("Ingress", "i", api=NET, spec={"defaultBackend": BACKEND}), "ROUTES_TO", "Service shop/web"),
    (made("Ingress", "i", api="extensions/v1beta1", spec={"backend": {"serviceName": "web"}}),
     "ROUTES_TO", "Service shop/web"),
    (made("Ingress", "i", api=NET, spec={"defaultBackend": {"resource": {"kind": "Bucket", "name": "b", "apiGroup": "x"}}}),
     "ROUTES_TO", "Bucket shop/b"),
    (made("Ingress", "i", api=NET, spec={"tls": [{"secretName": "tls"}]}), "REFERENCES", "Secret shop/tls"),
    (made("Ingress", "i", api=NET, spec={"ingressClassName": "nginx"}), "OF_CLASS", "IngressClass nginx"),
    (made("IngressClass", "nginx", "", api=NET, spec={"parameters": {"kind": "P", "name": "p", "apiGroup": "x"}}),
     "REFERENCES", "P p"),
    (made("IPAddress", "10.0.0.1", "", api=NET,
          spec={"parentRef": {"resource": "services", "name": "web", "namespace": "shop"}}), "REFERENCES", "Service shop/web"),
    (made("Service", "ext", spec={"type": "ExternalName", "externalName": "db.data.svc.cluster.local."}),
     "CONNECTS_TO", "Service data/db"),
    (made("ValidatingWebhookConfiguration", "w", "", api=ADM, webhooks=[
        {"name": "h", "clientConfig": {"service": {"name": "hook", "namespace": "sys"}}}]), "CALLS", "Service sys/hook"),
    (made("MutatingWebhookConfiguration", "w", "", api=ADM, webhooks=[
        {"name": "h", "clientConfig": {"service": {"name": "hook", "namespace": "sys"}}}]), "CALLS", "Service sys/hook"),
    (made("CustomResourceDefinition", "c", "", api="apiextensions.k8s.io/v1", spec={"conversion": {"webhook": {
        "clientConfig": {"service": {"name": "hook", "namespace": "sys"}}}}}), "CALLS", "Service sys/hook"),
    (made("APIService", "v1.m", "", api="apiregistration.k8s.io/v1",
          spec={"service": {"name": "metrics", "namespace": "kube-system"}}), "SERVED_BY", "Service kube-system/metrics"),
    (made("ValidatingAdmissionPolicyBinding", "b", "", api=ADM, spec={"policyName": "p"}),
     "BINDS", "ValidatingAdmissionPolicy p"),
    (made("PersistentVolumeClaim", "c", spec={"volumeName": "pv-1"}), "BOUND_TO", "PersistentVolume pv-1"),
    (made("PersistentVolumeClaim", "c", spec={"storageClassName": "fast"}), "OF_CLASS", "StorageClass fast"),
    (made("PersistentVolumeClaim", "c", annotations={"volume.beta.kubernetes.io/storage-class": "old"}),
     "OF_CLASS", "StorageClass old"),
    (made("PersistentVolumeClaim", "c", annotations={"volume.kubernetes.io/selected-node": "n1"}), "NOMINATED_TO", "Node n1"),
    (made("PersistentVolumeClaim", "c", spec={"volumeAttributesClassName": "gold"}), "OF_CLASS", "VolumeAttributesClass gold"),
    (made("PersistentVolumeClaim", "c", spec={"dataSource": {"kind": "PersistentVolumeClaim", "name": "src"}}),
     "REFERENCES", "PersistentVolumeClaim shop/src"),
    (made("PersistentVolumeClaim", "c", spec={"dataSourceRef": {
        "apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s", "namespace": "bak"}}),
     "REFERENCES", "VolumeSnapshot bak/s"),
    (made("PersistentVolume", "pv", "", spec={"claimRef": {"name": "c", "namespace": "shop"}}),
     "RESERVED_BY", "PersistentVolumeClaim shop/c"),
    (made("PersistentVolume", "pv", "", spec={"csi": {"driver": "ebs"}}), "USES", "CSIDriver ebs"),
    (made("PersistentVolume", "pv", "", spec={"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
        {"key": "kubernetes.io/hostname", "operator": "In", "values": ["n1"]}]}]}}}), "ON_NODE", "Node n1"),
    (made("StorageClass", "fast", "", api=STORE, provisioner="ebs"), "USES", "CSIDriver ebs"),
    (made("VolumeAttachment", "a", "", api=STORE, spec={"nodeName": "n1"}), "ATTACHES_TO", "Node n1"),
    (made("VolumeAttachment", "a", "", api=STORE, spec={"source": {"persistentVolumeName": "pv"}}),
     "ATTACHES", "PersistentVolume pv"),
    (made("CSINode", "n1", "", api=STORE, spec={"drivers": [{"name": "ebs"}]}), "USES", "CSIDriver ebs"),
    (made("CSINode", "n1", "", api=STORE), "ON_NODE", "Node n1"),
    (made("CSIStorageCapacity", "x", api=STORE, storageClassName="fast"), "OF_CLASS", "StorageClass fast"),
    (made("HorizontalPodAutoscaler", "h", api="autoscaling/v2",
          spec={"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}),
     "SCALES", "Deployment shop/web"),
    (made("ResourceQuota", "q"), "GOVERNS", "Namespace shop"),
    (made("LimitRange", "l"), "GOVERNS", "Namespace shop"),
    (made("RoleBinding", "b", api=RBAC, roleRef={"kind": "Role", "name": "r"}), "BINDS", "Role shop/r"),
    (made("RoleBinding", "b", api=RBAC, roleRef={"kind": "ClusterRole", "name": "r"}), "BINDS", "ClusterRole r"),
    (made("RoleBinding", "b", api=RBAC, subjects=[{"kind": "ServiceAccount", "name": "web"}]),
     "GRANTS", "ServiceAccount shop/web"),
    (made("ClusterRoleBinding", "b", "", api=RBAC, subjects=[{"kind": "ServiceAccount", "name": "w", "namespace": "x"}]),
     "GRANTS", "ServiceAccount x/w"),
    (made("ClusterRoleBinding", "b", "", api=RBAC, subjects=[{"kind": "Group", "name": "system:masters"}]),
     "GRANTS", "Group system:masters"),
    (made("ServiceAccount", "web", imagePullSecrets=[{"name": "reg"}]), "REFERENCES", "Secret shop/reg"),
    (made("FlowSchema", "f", "", api="flowcontrol.apiserver.k8s.io/v1",
          spec={"priorityLevelConfiguration": {"name": "p"}}), "USES", "PriorityLevelConfiguration p"),
    (made("StatefulSet", "db", api="apps/v1", spec={"serviceName": "peers"}), "HEADLESS_SERVICE", "Service shop/peers"),
    (made("StatefulSet", "db", api="apps/v1", spec={"replicas": 2, "ordinals": {"start": 3}, "volumeClaimTemplates": [
        {"metadata": {"name": "data"}}]}), "MOUNTS", "PersistentVolumeClaim shop/data-db-4"),
    (made("StatefulSet", "db", api="apps/v1", spec={"volumeClaimTemplates": [
        {"metadata": {"name": "data"}, "spec": {"storageClassName": "fast"}}]}), "OF_CLASS", "StorageClass fast"),
    (made("Event", "e", involvedObject={"kind": "Pod", "name": "web-0", "namespace": "shop"}), "ABOUT", "Pod shop/web-0"),
    (made("Event", "e", "default", involvedObject={"kind": "Node", "name": "n1"}), "ABOUT", "Node n1"),
    (made("Event", "e", api="events.k8s.io/v1", regarding={"kind": "Deployment", "name": "web", "namespace": "shop"}),
     "ABOUT", "Deployment shop/web"),
    (made("Node", "n1", "", labels={"nvidia.com/gpu.product": "A100"}), "HAS_GPU", "GPUModel A100"),
    (made("ResourceClaim", "c", api=DRA, spec={"devices": {"requests": [
        {"name": "r", "exactly": {"deviceClassName": "gpu"}}]}}), "OF_CLASS", "DeviceClass gpu"),
    (made("ResourceClaim", "c", api="resource.k8s.io/v1beta1", spec={"devices": {"requests": [
        {"name": "r", "deviceClassName": "gpu"}]}}), "OF_CLASS", "DeviceClass gpu"),
    (made("ResourceClaimTemplate", "t", api=DRA, spec={"spec": {"devices": {"requests": [
        {"name": "r", "firstAvailable": [{"name": "a", "deviceClassName": "big"}]}]}}}), "OF_CLASS", "DeviceClass big"),
    (made("ResourceClaim", "c", api=DRA, status={"allocation": {"devices": {"results": [RESULT]}}}),
     "ALLOCATED", "Device gpu.example/n1/gpu-0"),
    (made("ResourceClaim", "c", api=DRA, status={"reservedFor": [{"resource": "pods", "name": "web-0", "uid": "u"}]}),
     "RESERVED_FOR", "Pod shop/web-0"),
    (made("ResourceSlice", "s", "", api=DRA, spec={"nodeName": "n1"}), "ON_NODE", "Node n1"),
    (made("ResourceSlice", "s", "", api=DRA, spec={"devices": [{"name": "d", "nodeName": "n2"}]}), "ON_NODE", "Node n2"),
    (made("ResourceSlice", "s", "", api=DRA, spec={"driver": "x", "pool": {"name": "p"}, "devices": [{"name": "d"}]}),
     "OFFERS", "Device x/p/d"),
    (made("ResourceSlice", "s", "", api=DRA, spec={"driver": "x", "pool": {"name": "p"}, "devices": [
        {"name": "d", "consumesCounters": [{"counterSet": "gpu-0"}]}]}), "PARTITION_OF", "CounterSet x/p/gpu-0"),
    (made("DeviceClass", "c", "", api=DRA, spec={"extendedResourceName": "nvidia.com/gpu"}),
     "MAPS", "ExtendedResource nvidia.com/gpu"),
    (made("DeviceTaintRule", "t", "", api="resource.k8s.io/v1alpha3",
          spec={"deviceSelector": {"driver": "x", "pool": "p", "device": "d"}}), "TAINTS", "Device x/p/d"),
    (made("HTTPRoute", "r", api=GW, spec={"parentRefs": [{"name": "gw"}]}), "ATTACHES_TO", "Gateway shop/gw"),
    (made("HTTPRoute", "r", api=GW, spec={"rules": [{"backendRefs": [{"name": "web", "port": 80}]}]}),
     "ROUTES_TO", "Service shop/web"),
    (made("GRPCRoute", "r", api=GW, spec={"rules": [{"backendRefs": [
        {"name": "pool", "kind": "InferencePool", "group": "inference.networking.k8s.io", "namespace": "ai"}]}]}),
     "ROUTES_TO", "InferencePool ai/pool"),
    (made("HTTPRoute", "r", api=GW, spec={"rules": [{"filters": [{"requestMirror": {"backendRef": {"name": "m"}}}]}]}),
     "ROUTES_TO", "Service shop/m"),
    (made("Gateway", "g", api=GW, spec={"gatewayClassName": "envoy"}), "OF_CLASS", "GatewayClass envoy"),
    (made("Gateway", "g", api=GW, spec={"listeners": [{"name": "l", "tls": {"certificateRefs": [{"name": "c"}]}}]}),
     "REFERENCES", "Secret shop/c"),
    (made("GatewayClass", "g", "", api=GW, spec={"parametersRef": {"kind": "P", "group": "x", "name": "p", "namespace": "n"}}),
     "REFERENCES", "P n/p"),
    (made("ReferenceGrant", "g", api=GW, spec={"from": [{"namespace": "front"}]}), "PERMITS", "Namespace front"),
    (made("ReferenceGrant", "g", api=GW, spec={"to": [{"kind": "Service", "group": "", "name": "web"}]}),
     "PERMITS", "Service shop/web"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "kind", "target"), ROWS, ids=[f"{row[0].ref.kind} {row[1]} {i}" for i, row in enumerate(ROWS)]
)
def test_a_field_of_a_built_in_kind_becomes_an_edge(resource, kind, target):
    assert (kind, target) in {found[:2] for found in said(edges_of(resource))}


CUSTOM = [
    ({"secretRef": {"name": "s"}}, "Secret shop/s", True),
    ({"auth": {"passwordSecretKeyRef": {"name": "s", "key": "k"}}}, "Secret shop/s", False),
    ({"template": {"configMapRef": {"name": "c"}}}, "ConfigMap shop/c", True),
    ({"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}, "Deployment shop/web", True),
    ({"sourceRef": {"kind": "GitRepository", "name": "repo", "namespace": "flux"}}, "GitRepository flux/repo", True),
    ({"storageRefs": [{"kind": "PersistentVolumeClaim", "name": "p"}]}, "PersistentVolumeClaim shop/p", True),
    ({"storageClassName": "fast"}, "StorageClass fast", False),
    ({"claimName": "data"}, "PersistentVolumeClaim shop/data", False),
    ({"deep": [{"er": {"serviceRef": {"name": "web"}}}]}, "Service shop/web", True),
    ({"subject": {"kind": "Service", "name": "web"}}, "Service shop/web", False),
    ({"poolRef": {"name": "p"}}, "Pool shop/p", False),
    ({"group": {"template": {"spec": {"containers": [
        {"name": "w", "image": "i", "envFrom": [{"secretRef": {"name": "s"}}]}]}}}}, "Secret shop/s", True),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "target", "certain"), CUSTOM, ids=[f"{row[1]} {i}" for i, row in enumerate(CUSTOM)])
def test_a_custom_resource_is_read_by_convention(spec, target, certain):
    edges = {str(edge.target): edge.certain for edge in edges_of(made("Widget", "w", api="example.io/v1", spec=spec))}
    assert edges[target] is certain


def test_an_embedded_object_is_no_reference():
    spec = {"template": {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "data": {"a": "b"}}}
    assert edges_of(made("Widget", "w", api="example.io/v1", spec=spec)) == []


def test_a_custom_kind_that_shares_a_built_in_name_is_not_read_as_the_built_in_one():
    knative = made(
        "Service", "web", api="serving.knative.dev/v1", spec={"type": "ExternalName", "externalName": "a.b.svc"}
    )
    assert edges_of(knative) == []


def test_a_huge_number_of_replicas_makes_a_bounded_number_of_claims():
    huge = made("StatefulSet", "db", api="apps/v1", spec={
        "replicas": 2**31, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]})  # fmt: skip
    assert len(edges_of(huge)) <= 1100


def test_deep_nesting_in_a_custom_resource_ends():
    spec: dict = {}
    for _ in range(5000):
        spec = {"a": spec}
    assert edges_of(wrap({"apiVersion": "x/v1", "kind": "W", "metadata": {"name": "w"}, "spec": spec})) == []
