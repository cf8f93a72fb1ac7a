"""Which edge functions apply to which kind: one table. Every function is pure and knows one field or one label."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from copilot.model import Resource
from copilot.model.kinds import is_namespaced
from retrievers.graph.edge import Edge, EdgeKind
from retrievers.graph.edges import custom, devices, gateway, network, ownership, pods, policies, storage, workloads
from retrievers.graph.edges.pod_spec import edges_of_pod_spec, pod_spec_of

EdgeFunction = Callable[[Resource], Iterator[Edge]]


def edges_of_template(resource: Resource) -> Iterator[Edge]:
    """The edges of the object's pod spec."""
    pod = pod_spec_of(resource)
    if pod is not None:
        yield from edges_of_pod_spec(pod)


_CUSTOM: tuple[EdgeFunction, ...] = (custom.edges_of_custom,)
_TEMPLATE: tuple[EdgeFunction, ...] = (edges_of_template,)

# The functions of a kind that read its status: what a running cluster changes all the time.
_STATUS: dict[tuple[str, str], tuple[EdgeFunction, ...]] = {
    ("Pod", ""): (pods.edges_of_pod_nomination, pods.edges_of_pod_allocated_claims, pods.edges_of_pod_images),
    ("ResourceClaim", devices.GROUP): (devices.edges_of_claim_allocation, devices.edges_of_claim_reservations),
}

# (kind, group) -> functions
EDGE_FUNCTIONS: dict[tuple[str, str], tuple[EdgeFunction, ...]] = {
    ("Pod", ""): (edges_of_template, *_STATUS[("Pod", "")]),
    ("Deployment", "apps"): _TEMPLATE,
    ("ReplicaSet", "apps"): _TEMPLATE,
    ("DaemonSet", "apps"): _TEMPLATE,
    ("StatefulSet", "apps"): (
        edges_of_template,
        workloads.edges_of_stateful_set_service,
        workloads.edges_of_stateful_set_claims,
        workloads.edges_of_stateful_set_class,
    ),
    ("ReplicationController", ""): _TEMPLATE,
    ("PodTemplate", ""): _TEMPLATE,
    ("Job", "batch"): _TEMPLATE,
    ("CronJob", "batch"): _TEMPLATE,
    ("Event", ""): (ownership.edges_of_event,),
    ("EndpointSlice", "discovery.k8s.io"): (network.edges_of_endpoint_slice,),
    ("Endpoints", ""): (network.edges_of_endpoints,),
    ("Ingress", "networking.k8s.io"): (network.edges_of_ingress,),
    ("Ingress", "extensions"): (network.edges_of_ingress,),
    ("IngressClass", "networking.k8s.io"): (network.edges_of_ingress_class,),
    ("IPAddress", "networking.k8s.io"): (network.edges_of_ip_address,),
    ("ValidatingWebhookConfiguration", "admissionregistration.k8s.io"): (network.edges_of_webhooks,),
    ("MutatingWebhookConfiguration", "admissionregistration.k8s.io"): (network.edges_of_webhooks,),
    ("ValidatingAdmissionPolicyBinding", "admissionregistration.k8s.io"): (policies.edges_of_policy_binding,),
    ("MutatingAdmissionPolicyBinding", "admissionregistration.k8s.io"): (policies.edges_of_policy_binding,),
    ("CustomResourceDefinition", "apiextensions.k8s.io"): (network.edges_of_conversion_webhook,),
    ("APIService", "apiregistration.k8s.io"): (network.edges_of_api_service,),
    ("PersistentVolumeClaim", ""): (storage.edges_of_claim,),
    ("PersistentVolume", ""): (storage.edges_of_volume,),
    ("StorageClass", "storage.k8s.io"): (storage.edges_of_storage_class,),
    ("VolumeAttachment", "storage.k8s.io"): (storage.edges_of_volume_attachment,),
    ("CSINode", "storage.k8s.io"): (storage.edges_of_csi_node,),
    ("CSIStorageCapacity", "storage.k8s.io"): (storage.edges_of_storage_capacity,),
    ("HorizontalPodAutoscaler", "autoscaling"): (policies.edges_of_autoscaler,),
    ("ResourceQuota", ""): (policies.edges_of_namespace_limits,),
    ("LimitRange", ""): (policies.edges_of_namespace_limits,),
    ("RoleBinding", "rbac.authorization.k8s.io"): (policies.edges_of_binding,),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io"): (policies.edges_of_binding,),
    ("ServiceAccount", ""): (policies.edges_of_service_account,),
    ("Node", ""): (devices.edges_of_node_gpus,),
    ("Service", ""): (network.edges_of_external_name,),
    ("ResourceClaim", devices.GROUP): (devices.edges_of_claim_spec, *_STATUS[("ResourceClaim", devices.GROUP)]),
    ("ResourceClaimTemplate", devices.GROUP): (devices.edges_of_claim_spec,),
    ("ResourceSlice", devices.GROUP): (devices.edges_of_slice_nodes, devices.edges_of_slice_devices),
    ("DeviceClass", devices.GROUP): (devices.edges_of_device_class,),
    ("DeviceTaintRule", devices.GROUP): (devices.edges_of_device_taint_rule,),
    ("Gateway", gateway.GROUP): (gateway.edges_of_gateway,),
    ("GatewayClass", gateway.GROUP): (gateway.edges_of_gateway_class,),
    ("ReferenceGrant", gateway.GROUP): (gateway.edges_of_reference_grant,),
    **{(kind, gateway.GROUP): (gateway.edges_of_route,) for kind in gateway.ROUTES},
    ("PodGroup", "scheduling.k8s.io"): (custom.edges_of_custom,),
    ("Workload", "scheduling.k8s.io"): (custom.edges_of_custom,),
    ("FlowSchema", "flowcontrol.apiserver.k8s.io"): (policies.edges_of_flow_schema,),
}


def edges_of(resource: Resource) -> list[Edge]:
    """Every edge the object declares, once for each target and kind: the first field that says it, required first."""
    found: dict[tuple[EdgeKind, object], Edge] = {}
    for edge in _declared(resource):
        key = (edge.kind, edge.target)
        known = found.get(key)
        if known is None or (known.optional and not edge.optional):
            found[key] = edge
    return list(found.values())


def _declared(resource: Resource) -> Iterator[Edge]:
    yield from ownership.edges_of_owners(resource)
    for function in functions_for(resource.ref.kind, resource.ref.group):
        yield from function(resource)


def functions_for(kind: str, group: str) -> tuple[EdgeFunction, ...]:
    """The table's functions; a kind that is not built in is read by convention."""
    known = EDGE_FUNCTIONS.get((kind, group))
    if known is None:
        return _CUSTOM if is_namespaced(kind, group) is None else ()
    return known


_READ_METADATA = ("ownerReferences", "labels", "annotations")


def declare_alike(old: Resource, new: Resource) -> bool:
    """Tell, without looking at every reference, that two versions of an object declare the same edges.

    Comparing what functions read is several times cheaper than running them; most updates touch only the status.
    """
    if any(old.metadata.get(field) != new.metadata.get(field) for field in _READ_METADATA):
        return False
    if old.body.keys() != new.body.keys() and old.body.keys() ^ new.body.keys() != {"status"}:
        return False
    if any(old.body[part] != new.body.get(part) for part in old.body if part not in ("metadata", "status")):
        return False
    readers = _STATUS.get((new.ref.kind, new.ref.group), ())
    return all(list(reader(old)) == list(reader(new)) for reader in readers)
