"""The kinds every supported server has, and the kinds that are never listed. Each exclusion stands with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import msgspec

from copilot.model.kinds import BUILT_IN, built_in


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


# The kinds the rules read: what a server lacks of these is said, and where discovery itself is refused they are tried.
_READ = """
Pod Event Service ConfigMap PersistentVolumeClaim ServiceAccount ResourceQuota LimitRange ReplicationController Node
Namespace PersistentVolume Deployment ReplicaSet StatefulSet DaemonSet ControllerRevision Job CronJob
HorizontalPodAutoscaler PodDisruptionBudget Ingress IngressClass NetworkPolicy EndpointSlice StorageClass
VolumeAttachment CSIDriver CSINode PriorityClass Lease Role RoleBinding ClusterRole ClusterRoleBinding
ValidatingWebhookConfiguration MutatingWebhookConfiguration CustomResourceDefinition APIService
"""


def _well_known() -> Iterator[ApiKind]:
    for name in _READ.split():
        kind = built_in(name)
        assert kind is not None
        yield ApiKind(kind.group, kind.version, kind.plural, kind.kind, kind.namespaced)


WELL_KNOWN: tuple[ApiKind, ...] = tuple(_well_known())
_BUILT_IN_GROUPS = frozenset(kind.group for kind in BUILT_IN if not kind.add_on) | {"events.k8s.io"}

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
