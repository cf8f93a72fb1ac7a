"""What the built-in kinds are called: kind, plural, short names, API group, scope. One table; nothing else may know it."""

from __future__ import annotations

from functools import lru_cache

import msgspec


class Kind(msgspec.Struct, frozen=True):
    """One kind of the API as `kubectl api-resources` lists it.

    `group` is "" for core, `version` the newest one that today's servers have. An add-on brings its own definition.
    """

    kind: str
    plural: str
    short: tuple[str, ...] = ()
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    add_on: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every word a person may use for it, in lower case."""
        return (self.kind.lower(), self.plural, *self.short)


_ADMISSION = "admissionregistration.k8s.io"
_GATEWAY = "gateway.networking.k8s.io"
_RBAC = "rbac.authorization.k8s.io"
_STORAGE = "storage.k8s.io"
_RESOURCE = "resource.k8s.io"
_SNAPSHOT = "snapshot.storage.k8s.io"

# Where two kinds share a word, the first one answers to it, as in kubectl.
BUILT_IN: tuple[Kind, ...] = (
    Kind("Pod", "pods", ("po",)),
    Kind("Service", "services", ("svc",)),
    Kind("Node", "nodes", ("no",), namespaced=False),
    Kind("Namespace", "namespaces", ("ns",), namespaced=False),
    Kind("ConfigMap", "configmaps", ("cm",)),
    Kind("Secret", "secrets"),
    Kind("ServiceAccount", "serviceaccounts", ("sa",)),
    Kind("PersistentVolumeClaim", "persistentvolumeclaims", ("pvc",)),
    Kind("PersistentVolume", "persistentvolumes", ("pv",), namespaced=False),
    Kind("Event", "events", ("ev",)),
    Kind("Endpoints", "endpoints", ("ep", "endpoint")),
    Kind("LimitRange", "limitranges", ("limits",)),
    Kind("ResourceQuota", "resourcequotas", ("quota",)),
    Kind("ReplicationController", "replicationcontrollers", ("rc",)),
    Kind("PodTemplate", "podtemplates"),
    Kind("ComponentStatus", "componentstatuses", ("cs",), namespaced=False),
    Kind("Deployment", "deployments", ("deploy",), "apps"),
    Kind("ReplicaSet", "replicasets", ("rs",), "apps"),
    Kind("StatefulSet", "statefulsets", ("sts",), "apps"),
    Kind("DaemonSet", "daemonsets", ("ds",), "apps"),
    Kind("ControllerRevision", "controllerrevisions", (), "apps"),
    Kind("Job", "jobs", (), "batch"),
    Kind("CronJob", "cronjobs", ("cj",), "batch"),
    Kind("HorizontalPodAutoscaler", "horizontalpodautoscalers", ("hpa",), "autoscaling", "v2"),
    Kind("PodDisruptionBudget", "poddisruptionbudgets", ("pdb",), "policy"),
    Kind("Ingress", "ingresses", ("ing",), "networking.k8s.io"),
    Kind("IngressClass", "ingressclasses", (), "networking.k8s.io", namespaced=False),
    Kind("NetworkPolicy", "networkpolicies", ("netpol",), "networking.k8s.io"),
    Kind("IPAddress", "ipaddresses", ("ip",), "networking.k8s.io", namespaced=False),
    Kind("ServiceCIDR", "servicecidrs", (), "networking.k8s.io", namespaced=False),
    Kind("EndpointSlice", "endpointslices", (), "discovery.k8s.io"),
    Kind("StorageClass", "storageclasses", ("sc",), _STORAGE, namespaced=False),
    Kind("VolumeAttachment", "volumeattachments", (), _STORAGE, namespaced=False),
    Kind("VolumeAttributesClass", "volumeattributesclasses", ("vac",), _STORAGE, namespaced=False),
    Kind("CSIDriver", "csidrivers", (), _STORAGE, namespaced=False),
    Kind("CSINode", "csinodes", (), _STORAGE, namespaced=False),
    Kind("CSIStorageCapacity", "csistoragecapacities", (), _STORAGE),
    Kind("Role", "roles", (), _RBAC),
    Kind("RoleBinding", "rolebindings", (), _RBAC),
    Kind("ClusterRole", "clusterroles", (), _RBAC, namespaced=False),
    Kind("ClusterRoleBinding", "clusterrolebindings", (), _RBAC, namespaced=False),
    Kind("PriorityClass", "priorityclasses", ("pc",), "scheduling.k8s.io", namespaced=False),
    Kind("PodGroup", "podgroups", (), "scheduling.k8s.io", "v1alpha1"),
    Kind("Workload", "workloads", (), "scheduling.k8s.io", "v1alpha1"),
    Kind("RuntimeClass", "runtimeclasses", (), "node.k8s.io", namespaced=False),
    Kind("Lease", "leases", (), "coordination.k8s.io"),
    Kind("LeaseCandidate", "leasecandidates", (), "coordination.k8s.io", "v1beta1"),
    Kind("CustomResourceDefinition", "customresourcedefinitions", ("crd", "crds"), "apiextensions.k8s.io",
         namespaced=False),
    Kind("APIService", "apiservices", (), "apiregistration.k8s.io", namespaced=False),
    Kind("ValidatingWebhookConfiguration", "validatingwebhookconfigurations", (), _ADMISSION, namespaced=False),
    Kind("MutatingWebhookConfiguration", "mutatingwebhookconfigurations", (), _ADMISSION, namespaced=False),
    Kind("ValidatingAdmissionPolicy", "validatingadmissionpolicies", (), _ADMISSION, namespaced=False),
    Kind("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", (), _ADMISSION, namespaced=False),
    Kind("MutatingAdmissionPolicy", "mutatingadmissionpolicies", (), _ADMISSION, namespaced=False),
    Kind("MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", (), _ADMISSION, namespaced=False),
    Kind("CertificateSigningRequest", "certificatesigningrequests", ("csr",), "certificates.k8s.io",
         namespaced=False),
    Kind("ClusterTrustBundle", "clustertrustbundles", (), "certificates.k8s.io", "v1beta1", namespaced=False),
    Kind("PodCertificateRequest", "podcertificaterequests", (), "certificates.k8s.io", "v1beta1"),
    Kind("FlowSchema", "flowschemas", (), "flowcontrol.apiserver.k8s.io", namespaced=False),
    Kind("PriorityLevelConfiguration", "prioritylevelconfigurations", (), "flowcontrol.apiserver.k8s.io",
         namespaced=False),
    Kind("ResourceClaim", "resourceclaims", (), _RESOURCE),
    Kind("ResourceClaimTemplate", "resourceclaimtemplates", (), _RESOURCE),
    Kind("ResourceSlice", "resourceslices", (), _RESOURCE, namespaced=False),
    Kind("DeviceClass", "deviceclasses", (), _RESOURCE, namespaced=False),
    Kind("DeviceTaintRule", "devicetaintrules", (), _RESOURCE, "v1alpha3", namespaced=False),
    Kind("StorageVersionMigration", "storageversionmigrations", (), "storagemigration.k8s.io", "v1beta1", namespaced=False),
    # Not compiled in, yet spoken of everywhere: the Gateway API and snapshots.
    Kind("Gateway", "gateways", ("gtw",), _GATEWAY, add_on=True),
    Kind("GatewayClass", "gatewayclasses", ("gc",), _GATEWAY, namespaced=False, add_on=True),
    Kind("HTTPRoute", "httproutes", (), _GATEWAY, add_on=True),
    Kind("GRPCRoute", "grpcroutes", (), _GATEWAY, add_on=True),
    Kind("TLSRoute", "tlsroutes", (), _GATEWAY, "v1alpha3", add_on=True),
    Kind("TCPRoute", "tcproutes", (), _GATEWAY, "v1alpha2", add_on=True),
    Kind("UDPRoute", "udproutes", (), _GATEWAY, "v1alpha2", add_on=True),
    Kind("ReferenceGrant", "referencegrants", ("refgrant",), _GATEWAY, "v1beta1", add_on=True),
    Kind("BackendTLSPolicy", "backendtlspolicies", ("btlspolicy",), _GATEWAY, add_on=True),
    Kind("VolumeSnapshot", "volumesnapshots", ("vs",), _SNAPSHOT, add_on=True),
    Kind("VolumeSnapshotContent", "volumesnapshotcontents", ("vsc",), _SNAPSHOT, namespaced=False, add_on=True),
    Kind("VolumeSnapshotClass", "volumesnapshotclasses", ("vsclass",), _SNAPSHOT, namespaced=False,
         add_on=True),
)  # fmt: skip


@lru_cache(maxsize=1)
def _by_word() -> dict[str, Kind]:
    words: dict[str, Kind] = {}
    for kind in BUILT_IN:
        for word in kind.names:
            words.setdefault(word, kind)
    return words


@lru_cache(maxsize=1)
def _by_kind() -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    for kind in BUILT_IN:
        kinds.setdefault(kind.kind, kind)
    return kinds


@lru_cache(maxsize=1)
def _scopes() -> dict[tuple[str, str], bool]:
    return {(kind.kind, kind.group): kind.namespaced for kind in BUILT_IN}


def resolve_kind(word: str) -> Kind | None:
    """Find a built-in kind by any of its names: `deploy`, `Deployments`, `deployments.apps`, `deployment.v1.apps`."""
    lowered = word.strip().lower()
    if found := _by_word().get(lowered):
        return found
    name, dot, group = lowered.partition(".")
    if not dot:
        return None
    return next((kind for kind in BUILT_IN if name in kind.names and _same_group(group, kind.group)), None)


def _same_group(written: str, group: str) -> bool:
    """`apps`, or `v1.apps` with the version before it; core is written `v1` or nothing."""
    version, _, rest = written.partition(".")
    is_version = len(version) > 1 and version[0] == "v" and version[1].isdigit()
    return written == group or (is_version and rest == group)


def built_in(kind: str, group: str | None = None) -> Kind | None:
    """The table's entry for an exact kind, in any group when `group` is None."""
    found = _by_kind().get(kind)
    if found is None or group is None or found.group == group:
        return found
    return next((entry for entry in BUILT_IN if entry.kind == kind and entry.group == group), None)


def group_of(kind: str) -> str | None:
    """The API group of a built-in kind; None for a kind that is not built in."""
    found = _by_kind().get(kind)
    return found.group if found is not None else None


def is_namespaced(kind: str, group: str) -> bool | None:
    """Whether objects of the kind live in namespaces; None when the table does not know."""
    return _scopes().get((kind, group))
