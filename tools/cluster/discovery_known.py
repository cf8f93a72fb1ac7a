"""The kinds every supported server has, and the kinds that are never listed. Each exclusion stands with its reason."""

from __future__ import annotations

from urllib.parse import quote

import msgspec


class ApiKind(msgspec.Struct, frozen=True, order=True):
    """One kind as the server serves it: `/apis/<group>/<version>/<plural>`."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """`apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "") -> str:
        """The path that lists it, in one namespace or everywhere."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{root}/namespaces/{quote(namespace, safe='')}/{self.plural}" if namespace else f"{root}/{self.plural}"


# group version plural kind namespaced(+)/cluster(-). The kinds the rules read: what a server lacks of these is said,
# and where discovery itself is refused they are tried as they stand.
_TABLE = """
- v1 pods Pod +
- v1 events Event +
- v1 services Service +
- v1 configmaps ConfigMap +
- v1 persistentvolumeclaims PersistentVolumeClaim +
- v1 serviceaccounts ServiceAccount +
- v1 resourcequotas ResourceQuota +
- v1 limitranges LimitRange +
- v1 replicationcontrollers ReplicationController +
- v1 nodes Node -
- v1 namespaces Namespace -
- v1 persistentvolumes PersistentVolume -
apps v1 deployments Deployment +
apps v1 replicasets ReplicaSet +
apps v1 statefulsets StatefulSet +
apps v1 daemonsets DaemonSet +
apps v1 controllerrevisions ControllerRevision +
batch v1 jobs Job +
batch v1 cronjobs CronJob +
autoscaling v2 horizontalpodautoscalers HorizontalPodAutoscaler +
policy v1 poddisruptionbudgets PodDisruptionBudget +
networking.k8s.io v1 ingresses Ingress +
networking.k8s.io v1 ingressclasses IngressClass -
networking.k8s.io v1 networkpolicies NetworkPolicy +
discovery.k8s.io v1 endpointslices EndpointSlice +
storage.k8s.io v1 storageclasses StorageClass -
storage.k8s.io v1 volumeattachments VolumeAttachment -
storage.k8s.io v1 csidrivers CSIDriver -
storage.k8s.io v1 csinodes CSINode -
scheduling.k8s.io v1 priorityclasses PriorityClass -
coordination.k8s.io v1 leases Lease +
rbac.authorization.k8s.io v1 roles Role +
rbac.authorization.k8s.io v1 rolebindings RoleBinding +
rbac.authorization.k8s.io v1 clusterroles ClusterRole -
rbac.authorization.k8s.io v1 clusterrolebindings ClusterRoleBinding -
admissionregistration.k8s.io v1 validatingwebhookconfigurations ValidatingWebhookConfiguration -
admissionregistration.k8s.io v1 mutatingwebhookconfigurations MutatingWebhookConfiguration -
apiextensions.k8s.io v1 customresourcedefinitions CustomResourceDefinition -
apiregistration.k8s.io v1 apiservices APIService -
"""


def _known() -> tuple[ApiKind, ...]:
    rows = [line.split() for line in _TABLE.strip().splitlines()]
    return tuple(
        ApiKind(group="" if group == "-" else group, version=version, plural=plural, kind=kind, namespaced=scope == "+")
        for group, version, plural, kind, scope in rows
    )


WELL_KNOWN: tuple[ApiKind, ...] = _known()
_BUILT_IN_GROUPS = frozenset(kind.group for kind in WELL_KNOWN) | {
    "certificates.k8s.io",
    "events.k8s.io",
    "node.k8s.io",
    "resource.k8s.io",
    "storagemigration.k8s.io",
}

# The node agents' heartbeats and the control plane's elections; other leases are other programs' own business.
LEASE_NAMESPACES = ("kube-node-lease", "kube-system")

# Kinds that are not listed: (group, plural) -> why. "*" is the whole group.
NEVER_LISTED = {
    ("", "secrets"): "Secrets are never listed: their names come from references.",
    ("", "componentstatuses"): "deprecated; it reports the control plane of old servers only",
    ("", "podtemplates"): "nothing runs from it",
    ("events.k8s.io", "*"): "the same events are listed in the core group",
    ("metrics.k8s.io", "*"): "read as usage, not as objects",
    ("custom.metrics.k8s.io", "*"): "not objects: a query interface",
    ("external.metrics.k8s.io", "*"): "not objects: a query interface",
    ("packages.operators.coreos.com", "*"): "a catalogue of software, not the state of the cluster",
    ("flowcontrol.apiserver.k8s.io", "*"): "the API servers' own settings for fairness",
    ("internal.apiserver.k8s.io", "*"): "the API servers' own bookkeeping",
}

# Old groups that served today's kinds under a second address: skipped where the new group is served.
MOVED_GROUPS = {"extensions": ("apps", "networking.k8s.io", "policy")}


def is_built_in(kind: ApiKind) -> bool:
    """Tell whether the kind belongs to Kubernetes itself, and not to an add-on."""
    return kind.group in _BUILT_IN_GROUPS
