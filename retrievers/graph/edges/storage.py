"""Edges of claims, volumes, classes and drivers. Pure: what the object says, never whether it exists."""

from __future__ import annotations

from collections.abc import Iterator

from copilot.model import Ref, Resource, child, children, text, texts
from retrievers.graph.edge import Edge, EdgeKind
from retrievers.graph.edges.ownership import object_ref

_GROUP = "storage.k8s.io"
_LEGACY_CLASS = "volume.beta.kubernetes.io/storage-class"
_SELECTED_NODE = "volume.kubernetes.io/selected-node"
_HOSTNAME = "kubernetes.io/hostname"


def edges_of_claim(resource: Resource) -> Iterator[Edge]:
    """The volume, the class, the data it is filled from, and the node the scheduler chose for it.

    Once bound, the class is only a label: volumes made by hand often name one that has no object.
    """
    spec = resource.spec
    if volume := text(spec, "volumeName"):
        yield Edge(resource.ref, EdgeKind.BOUND_TO, Ref("PersistentVolume", "", volume), "spec.volumeName")
    if name := text(spec, "storageClassName"):
        yield Edge(resource.ref, EdgeKind.OF_CLASS, Ref("StorageClass", "", name, _GROUP), "spec.storageClassName",
                   certain=not volume)  # fmt: skip
    elif name := text(resource.annotations.get(_LEGACY_CLASS)):
        yield Edge(resource.ref, EdgeKind.OF_CLASS, Ref("StorageClass", "", name, _GROUP),
                   f"metadata.annotations[{_LEGACY_CLASS}]")  # fmt: skip
    if name := text(spec, "volumeAttributesClassName"):
        yield Edge(resource.ref, EdgeKind.OF_CLASS, Ref("VolumeAttributesClass", "", name, _GROUP),
                   "spec.volumeAttributesClassName")  # fmt: skip
    for field in ("dataSourceRef", "dataSource"):
        source = child(spec, field)
        target = object_ref({"apiGroup": "", **source}, text(source, "namespace") or resource.ref.namespace)
        if target is not None:
            yield Edge(resource.ref, EdgeKind.REFERENCES, target, f"spec.{field}")
            break
    if node := text(resource.annotations.get(_SELECTED_NODE)):
        yield Edge(
            resource.ref, EdgeKind.NOMINATED_TO, Ref("Node", "", node), f"metadata.annotations[{_SELECTED_NODE}]"
        )


def edges_of_volume(resource: Resource) -> Iterator[Edge]:
    """The claim it is kept for, the class, the driver, and the nodes a local volume can be used on.

    A driver need not have a CSIDriver object, and a host name need not be the node's name: both are uncertain.
    """
    spec = resource.spec
    claim = child(spec, "claimRef")
    if name := text(claim, "name"):
        yield Edge(resource.ref, EdgeKind.RESERVED_BY, Ref("PersistentVolumeClaim", text(claim, "namespace"), name),
                   "spec.claimRef")  # fmt: skip
    if name := text(spec, "storageClassName"):
        yield Edge(resource.ref, EdgeKind.OF_CLASS, Ref("StorageClass", "", name, _GROUP), "spec.storageClassName",
                   certain=False)  # fmt: skip
    if driver := text(spec, "csi", "driver"):
        yield Edge(resource.ref, EdgeKind.USES, Ref("CSIDriver", "", driver, _GROUP), "spec.csi.driver", certain=False)
    for term in children(spec, "nodeAffinity", "required", "nodeSelectorTerms"):
        for need in children(term, "matchExpressions"):
            if text(need, "key") == _HOSTNAME and text(need, "operator") == "In":
                for node in texts(need, "values"):
                    yield Edge(resource.ref, EdgeKind.ON_NODE, Ref("Node", "", node),
                               "spec.nodeAffinity.required.nodeSelectorTerms[].matchExpressions", certain=False)  # fmt: skip


def edges_of_storage_class(resource: Resource) -> Iterator[Edge]:
    """The driver that provisions for the class; built-in and external provisioners may have no CSIDriver object."""
    if driver := text(resource.body, "provisioner"):
        yield Edge(resource.ref, EdgeKind.USES, Ref("CSIDriver", "", driver, _GROUP), "provisioner", certain=False)


def edges_of_volume_attachment(resource: Resource) -> Iterator[Edge]:
    """The node and the volume it ties together, and the driver that does it."""
    spec = resource.spec
    if node := text(spec, "nodeName"):
        yield Edge(resource.ref, EdgeKind.ATTACHES_TO, Ref("Node", "", node), "spec.nodeName")
    if volume := text(spec, "source", "persistentVolumeName"):
        yield Edge(resource.ref, EdgeKind.ATTACHES, Ref("PersistentVolume", "", volume),
                   "spec.source.persistentVolumeName")  # fmt: skip
    if driver := text(spec, "attacher"):
        yield Edge(resource.ref, EdgeKind.USES, Ref("CSIDriver", "", driver, _GROUP), "spec.attacher", certain=False)


def edges_of_csi_node(resource: Resource) -> Iterator[Edge]:
    """The node whose drivers it lists, and those drivers."""
    yield Edge(resource.ref, EdgeKind.ON_NODE, Ref("Node", "", resource.ref.name), "metadata.name")
    for driver in children(resource.spec, "drivers"):
        if name := text(driver, "name"):
            yield Edge(resource.ref, EdgeKind.USES, Ref("CSIDriver", "", name, _GROUP),
                       f"spec.drivers[{name}]", certain=False)  # fmt: skip


def edges_of_storage_capacity(resource: Resource) -> Iterator[Edge]:
    """The class whose free space it reports."""
    if name := text(resource.body, "storageClassName"):
        yield Edge(resource.ref, EdgeKind.OF_CLASS, Ref("StorageClass", "", name, _GROUP), "storageClassName")
