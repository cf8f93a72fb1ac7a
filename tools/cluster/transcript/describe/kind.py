"""Tells which kind a described object is, from the command or from the keys that only its describer prints."""

from __future__ import annotations

from tools.cluster.transcript.describe.generic import scalar
from tools.cluster.transcript.describe.lexer import Entry
from tools.cluster.transcript.kinds import KindInfo, by_kind

# Keys that together occur in the description of one kind only; the first match wins.
_SIGNATURES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("Containers", "QoS Class"), "Pod"),
    (("Containers", "Node-Selectors", "IP"), "Pod"),
    (("Containers", "Status", "Node"), "Pod"),
    (("StrategyType",), "Deployment"),
    (("Update Strategy", "Replicas"), "StatefulSet"),
    (("Volume Claims", "Replicas"), "StatefulSet"),
    (("Desired Number of Nodes Scheduled",), "DaemonSet"),
    (("Schedule", "Concurrency Policy"), "CronJob"),
    (("Pods Statuses", "Parallelism"), "Job"),
    (("Replicas", "Pods Status", "Pod Template"), "ReplicaSet"),
    (("Session Affinity",), "Service"),
    (("IP Families", "Type"), "Service"),
    (("Subsets",), "Endpoints"),
    (("AddressType",), "EndpointSlice"),
    (("Default backend",), "Ingress"),
    (("Rules", "Address", "Ingress Class"), "Ingress"),
    (("Created on", "Spec"), "NetworkPolicy"),
    (("Reclaim Policy", "Source"), "PersistentVolume"),
    (("StorageClass", "Access Modes", "Volume"), "PersistentVolumeClaim"),
    (("Provisioner",), "StorageClass"),
    (("System Info",), "Node"),
    (("Unschedulable", "Conditions"), "Node"),
    (("Allocatable", "Capacity"), "Node"),
    (("Metrics", "Reference"), "HorizontalPodAutoscaler"),
    (("Reference", "Max replicas"), "HorizontalPodAutoscaler"),
    (("Min available", "Selector"), "PodDisruptionBudget"),
    (("Max unavailable", "Selector"), "PodDisruptionBudget"),
    (("Image pull secrets",), "ServiceAccount"),
    (("Mountable secrets",), "ServiceAccount"),
    (("PolicyRule",), "ClusterRole"),
    (("Role", "Subjects"), "ClusterRoleBinding"),
    (("PreemptionPolicy", "GlobalDefault"), "PriorityClass"),
    (("Controller",), "IngressClass"),
    (("DriverName", "Parameters"), "VolumeAttributesClass"),
)

# Every key that a describer of kubectl prints at column 0.
_TOP_KEYS = frozenset(
    """Name|Namespace|Labels|Annotations|CreationTimestamp|Created on|Status|Reason|Message|Priority|Priority Class Name
Runtime Class Name|Service Account|Node|Start Time|Termination Grace Period|SeccompProfile|LocalhostProfile|IP|IPs
Controlled By|NominatedNodeName|Resources|Init Containers|Containers|Ephemeral Containers|Readiness Gates|Conditions|Volumes
QoS Class|Node-Selectors|Tolerations|Topology Spread Constraints|SchedulingGroup|Events|Selector|Replicas|StrategyType
MinReadySeconds|RollingUpdateStrategy|Pod Template|OldReplicaSets|NewReplicaSet|Pods Status|Pods Statuses|Service Name
Pod Management Policy|Update Strategy|Persistent Volume Claim Retention Policy|Volume Claims|Node-Selector
Desired Number of Nodes Scheduled|Current Number of Nodes Scheduled|Number of Nodes Scheduled with Up-to-date Pods
Number of Nodes Scheduled with Available Pods|Number of Nodes Misscheduled|Parallelism|Completions|Completion Mode|Suspend
Backoff Limit|TTL Seconds After Finished|Completed At|Duration|Active Deadline Seconds|Completed Indexes|Schedule
Concurrency Policy|Time Zone|Successful Job History Limit|Failed Job History Limit|Starting Deadline Seconds
Last Schedule Time|Active Jobs|Type|IP Family Policy|IP Families|External IPs|Desired LoadBalancer IP|External Name
LoadBalancer Ingress|Port|TargetPort|AppProtocol|NodePort|Endpoints|Session Affinity|External Traffic Policy
Internal Traffic Policy|HealthCheck NodePort|LoadBalancer Source Ranges|Traffic Distribution|Subsets|AddressType|Ports
Address|Ingress Class|Default backend|TLS|Rules|Controller|Parameters|Spec|StorageClass|Volume|Finalizers|Capacity
Access Modes|VolumeMode|DataSource|Used By|Claim|Reclaim Policy|Node Affinity|Source|IsDefaultClass|Provisioner
AllowVolumeExpansion|MountOptions|ReclaimPolicy|VolumeBindingMode|AllowedTopologies|DriverName|Roles|Taints|Unschedulable
Lease|Addresses|Allocatable|System Info|PodCIDR|PodCIDRs|ProviderID|Non-terminated Pods|Allocated resources|Pods
Resource Slices|Resource|Resource Quotas|Resource Limits|No resource quota.|No LimitRange resource.|Scopes|Reference|Metrics
Target CPU utilization|Current CPU utilization|Min replicas|Max replicas|Behavior|Min available|Max unavailable|PolicyRule
Role|Subjects|Image pull secrets|Mountable secrets|Tokens|Value|GlobalDefault|PreemptionPolicy|Description|Data|BinaryData
CIDRs|Parent Reference|Requesting User|Signer|Requested Duration|Subject|Subject Alternative Names|API Version|Kind|Metadata
Missing secrets|Kubelet Version|Kube-Proxy Version|ExternalID|Hostname|Immutable""".replace("\n", "|").split("|")
)
_TABLE_HEADS = ("Resource ", "Type ", "-----", "Resource\t", "----", "No ")


def is_top_key(text: str) -> bool:
    """Whether a line at column 0 starts a field (or a table) of a description, and does not continue a value."""
    key = text.split(":", 1)[0]
    return key.rstrip() in _TOP_KEYS or text.startswith(_TABLE_HEADS) or key.endswith(" pods") or _is_quota_row(text)


def _is_quota_row(text: str) -> bool:
    parts = text[:300].split()
    return len(parts) in (3, 7) and ":" not in text[:300] and any(char.isdigit() or char == "-" for char in parts[-1])


def kind_of(root: Entry, wanted: KindInfo | None, *, has_data: bool) -> KindInfo | None:
    """The kind of a described object; None when nothing tells."""
    version, kind = root.word("API Version"), root.word("Kind")
    if version and kind:
        group, _, _ = version.rpartition("/")
        return KindInfo(
            kind=str(scalar(kind, "kind")),
            group=group,
            version=version.rpartition("/")[2],
            namespaced=bool(root.word("Namespace")),
            known=wanted is not None and wanted.known,
        )
    if wanted is not None:
        return wanted
    if has_data:
        return by_kind("Secret" if root.get("Type") is not None else "ConfigMap")
    keys = {child.key for child in root.children}
    for signature, name in _SIGNATURES:
        if keys.issuperset(signature):
            return by_kind(name)
    return _by_table(root)


def _by_table(root: Entry) -> KindInfo | None:
    for child in root.children:
        words = child.text.split()
        if words[:3] == ["Resource", "Used", "Hard"]:
            return by_kind("ResourceQuota")
        if words[:3] == ["Type", "Resource", "Min"]:
            return by_kind("LimitRange")
        if child.text.startswith(("Resource Quotas", "No resource quota", "No LimitRange")):
            return by_kind("Namespace")
    return None
