"""The causes of a pod that no node takes, declared once. Ids are the rule names; filters map to them here and nowhere else."""

from __future__ import annotations

from copilot.diagnosis.cause import Cause
from copilot.diagnosis.rules.scheduling.message import Filter

_PLUGINS = "pkg/scheduler/framework/plugins/"
_SEEN = ("status.conditions[PodScheduled].message", "event FailedScheduling")


def _cause(
    rule: str,
    title: str,
    plugin: str,
    fields: tuple[str, ...],
    step: str,
    *,
    kind: str = "Deployment",
    yields: bool = False,
    secondary: bool = False,
) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind=kind,
        fields=(*fields, *_SEEN),
        yields=yields,
        secondary=secondary,
        steps=(step,),
        citation=_PLUGINS + plugin,
    )


_ROOM = ("Node.status.allocatable", "spec.containers[].resources.requests")
CPU = _cause(
    "sched.insufficient.cpu",
    "No node has enough free CPU",
    "noderesources/fit.go",
    _ROOM,
    "Lower the request, free a node, or add one",
)
MEMORY = _cause(
    "sched.insufficient.memory",
    "No node has enough free memory",
    "noderesources/fit.go",
    _ROOM,
    "Lower the request, free a node, or add one",
)
EPHEMERAL = _cause(
    "sched.insufficient.ephemeral",
    "No node has enough free ephemeral storage",
    "noderesources/fit.go",
    _ROOM,
    "Lower the request, or add disk",
)
EXTENDED = _cause(
    "sched.insufficient.extended",
    "No node has enough of an extended resource",
    "noderesources/fit.go",
    _ROOM,
    "See who holds the devices, and whether the device plugin advertises all",
    yields=True,
)
TOO_MANY = _cause(
    "sched.toomany",
    "Every suitable node runs its maximum number of pods",
    "noderesources/fit.go",
    ("Node.status.allocatable.pods",),
    "Raise the kubelet's max-pods, or add a node",
    kind="Node",
)
NODE_AFFINITY = _cause(
    "sched.nodeaffinity",
    "The node selector or affinity matches no node",
    "nodeaffinity/node_affinity.go",
    ("spec.nodeSelector", "spec.affinity.nodeAffinity", "Node.metadata.labels"),
    "Correct the selector, or label a node",
)
TAINT = _cause(
    "sched.taint",
    "The suitable nodes have a taint the pod does not tolerate",
    "tainttoleration/taint_toleration.go",
    ("Node.spec.taints", "spec.tolerations"),
    "Add the toleration if the pod belongs there, or remove the taint",
)
TAINT_SHARED = _cause(
    "sched.taint.shared",
    "A taint was put on nodes that ordinary pods share",
    "tainttoleration/taint_toleration.go",
    ("Node.spec.taints", "spec.tolerations"),
    "Remove the taint, or give the pods nodes of their own",
    kind="Node",
)
CONDITION_TAINT = _cause(
    "sched.taint.condition",
    "The suitable nodes are not ready",
    "tainttoleration/taint_toleration.go",
    ("Node.spec.taints", "Node.status.conditions"),
    "Repair the node",
    kind="Node",
    yields=True,
)
CORDON = _cause(
    "sched.unschedulable",
    "The suitable nodes are cordoned",
    "nodeunschedulable/node_unschedulable.go",
    ("Node.spec.unschedulable",),
    "Uncordon the node when its maintenance is over",
    kind="Node",
)
HOST_PORTS = _cause(
    "sched.hostports",
    "The host port is taken on every suitable node",
    "nodeports/node_ports.go",
    ("spec.containers[].ports[].hostPort",),
    "Free the port, or run fewer replicas than nodes",
)
POD_AFFINITY = _cause(
    "sched.podaffinity",
    "Pod affinity or anti-affinity leaves no node",
    "interpodaffinity/filtering.go",
    ("spec.affinity.podAntiAffinity", "spec.affinity.podAffinity"),
    "Make the rule preferred, run fewer replicas, or add topology domains",
)
SPREAD = _cause(
    "sched.spread",
    "Topology spread constraints leave no node",
    "podtopologyspread/filtering.go",
    ("spec.topologySpreadConstraints",),
    "Raise maxSkew, use ScheduleAnyway, or label the nodes",
)
VOLUME_ZONE = _cause(
    "sched.volume.zone",
    "The volume is in a zone without a suitable node",
    "volumezone/volume_zone.go",
    ("PersistentVolume.metadata.labels",),
    "Give the pod a node in the volume's zone",
)
VOLUME_NODE = _cause(
    "sched.volume.nodeaffinity",
    "The volume can only be used on nodes the pod cannot use",
    "volumebinding/binder.go",
    ("PersistentVolume.spec.nodeAffinity",),
    "Bring back the volume's node, or move the data",
)
VOLUME_UNBOUND = _cause(
    "sched.volume.unbound",
    "A claim of the pod is not bound",
    "volumebinding/volume_binding.go",
    ("PersistentVolumeClaim.status.phase",),
    "Explain the claim",
    kind="Pod",
    secondary=True,
)
VOLUME_NONE = _cause(
    "sched.volume.nopv",
    "No volume on the suitable nodes can serve the claim",
    "volumebinding/binder.go",
    ("PersistentVolume.spec", "CSIStorageCapacity"),
    "Make a volume, or raise the capacity",
    yields=True,
)
CLAIM_MISSING = _cause(
    "sched.volume.pvc_missing",
    "The pod names a claim that does not exist",
    "volumebinding/assume_cache.go",
    ("spec.volumes[].persistentVolumeClaim.claimName",),
    "Create the claim, or correct the name",
)
EXCLUSIVE = _cause(
    "sched.volume.rwop",
    "A ReadWriteOncePod volume is in use by another pod",
    "volumerestrictions/volume_restrictions.go",
    ("PersistentVolumeClaim.spec.accessModes",),
    "End the other pod, or use another access mode",
)
ATTACH_LIMIT = _cause(
    "sched.volume.limit",
    "The suitable nodes have attached as many volumes as they can",
    "nodevolumelimits/csi.go",
    ("CSINode.spec.drivers[].allocatable.count",),
    "Spread the volumes over more nodes",
)
MIXED = _cause(
    "sched.mixed",
    "No single constraint keeps the pod off all nodes",
    "scheduler message",
    (),
    "Relax the constraints that the nearest nodes fail",
    yields=True,
)
GATED = _cause(
    "sched.gated",
    "Scheduling gates hold the pod",
    "schedulinggates/scheduling_gates.go",
    ("spec.schedulingGates",),
    "Look at the controller that owns the gate",
    yields=True,
)
ALL = (
    CPU, MEMORY, EPHEMERAL, EXTENDED, TOO_MANY, NODE_AFFINITY, TAINT, TAINT_SHARED, CONDITION_TAINT, CORDON, HOST_PORTS, POD_AFFINITY, SPREAD,
    VOLUME_ZONE, VOLUME_NODE, VOLUME_UNBOUND, VOLUME_NONE, CLAIM_MISSING, EXCLUSIVE, ATTACH_LIMIT, MIXED, GATED,
)  # fmt: skip

BY_FILTER = {
    Filter.TAINT: TAINT,
    Filter.CORDON: CORDON,
    Filter.NODE_AFFINITY: NODE_AFFINITY,
    Filter.PODS: TOO_MANY,
    Filter.POD_AFFINITY: POD_AFFINITY,
    Filter.ANTI_AFFINITY: POD_AFFINITY,
    Filter.SPREAD: SPREAD,
    Filter.HOST_PORT: HOST_PORTS,
    Filter.VOLUME_NODE: VOLUME_NODE,
    Filter.VOLUME_ZONE: VOLUME_ZONE,
    Filter.VOLUME_LIMIT: ATTACH_LIMIT,
    Filter.VOLUME_NONE: VOLUME_NONE,
    Filter.VOLUME_SPACE: VOLUME_NONE,
    Filter.VOLUME_EXCLUSIVE: EXCLUSIVE,
}


def room_cause(resource: str) -> Cause:
    """The cause for a shortage of one resource."""
    match resource:
        case "cpu":
            return CPU
        case "memory":
            return MEMORY
        case "ephemeral-storage":
            return EPHEMERAL
        case _:
            return EXTENDED
