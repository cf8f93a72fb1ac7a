"""Reads volumes as `describe` prints them: the source of each, back in the API's fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tools.cluster.transcript.describe.lexer import Entry
from tools.cluster.transcript.values import access_modes, bracketed, count, present, truth, without_nothing


def volumes_of(entry: Entry | None) -> list[dict[str, Any]]:
    """`spec.volumes` of a pod or of a pod template."""
    found = []
    for child in entry.children if entry is not None else ():
        if child.key and child.get("Type") is not None:
            found.append({"name": child.key} | source_of(child))
    return found


def source_of(entry: Entry) -> dict[str, Any]:
    """The volume source that stands under a volume's name, or under a PersistentVolume's `Source:`."""
    word = entry.word("Type").partition(" (")[0]
    reader = _READERS.get(word)
    return reader(entry) if reader is not None else {}


def _optional(entry: Entry, name_field: str, *keys: str) -> dict[str, Any]:
    found: dict[str, Any] = {name_field: entry.word(*keys)}
    if entry.word("Optional") == "true":
        found["optional"] = True
    return found


def _projected(entry: Entry) -> dict[str, Any]:
    sources: list[dict[str, Any]] = []
    for child in entry.children:
        match child.key:
            case "TokenExpirationSeconds":
                sources.append({"serviceAccountToken": {"expirationSeconds": count(child.value)}})
            case "ConfigMapName" | "SecretName":
                kind = "configMap" if child.key == "ConfigMapName" else "secret"
                sources.append({kind: {"name": child.value}})
            case "Optional" | "ConfigMapOptional" | "SecretOptionalName" if sources and child.value == "true":
                for value in sources[-1].values():
                    value["optional"] = True
            case "DownwardAPI":
                sources.append({"downwardAPI": {}})
            case _:
                pass
    return {"projected": {"sources": sources}}


def _downward(entry: Entry) -> dict[str, Any]:
    items: list[dict[str, Any]] = []
    listed = entry.get("Items")
    for line in listed.lines() if listed is not None else ():
        field, arrow, path = line.partition(" -> ")
        if arrow and field.startswith(("limits.", "requests.")):
            items.append({"path": path, "resourceFieldRef": {"resource": field}})
        elif arrow:
            items.append({"path": path, "fieldRef": {"fieldPath": field}})
    return {"downwardAPI": {"items": items}}


def _claim(entry: Entry) -> dict[str, Any]:
    return {"persistentVolumeClaim": _fields(entry, {"ClaimName": "claimName"})}


def _ephemeral(entry: Entry) -> dict[str, Any]:
    spec = {
        "storageClassName": entry.word("StorageClass"),
        "volumeMode": entry.word("VolumeMode"),
        "accessModes": access_modes(entry.word("Access Modes")),
    }
    return {"ephemeral": {"volumeClaimTemplate": {"spec": without_nothing(spec)}}}


def _fields(entry: Entry, names: dict[str, str]) -> dict[str, Any]:
    """The named values, with `ReadOnly: true` as `readOnly`."""
    found: dict[str, Any] = {field: present(entry.word(key)) for key, field in names.items()}
    if truth(entry.word("ReadOnly")):
        found["readOnly"] = True
    return without_nothing(found)


def _plain(field: str, **names: str) -> Callable[[Entry], dict[str, Any]]:
    return lambda entry: {field: _fields(entry, names)}


def _empty_dir(entry: Entry) -> dict[str, Any]:
    return {"emptyDir": _fields(entry, {"Medium": "medium", "SizeLimit": "sizeLimit"})}


def _csi(entry: Entry) -> dict[str, Any]:
    found = _fields(entry, {"Driver": "driver", "FSType": "fsType", "VolumeHandle": "volumeHandle"})
    attributes: dict[str, str] = {}
    listed = entry.get("VolumeAttributes")
    for line in listed.lines() if listed is not None else ():
        key, equals, value = line.partition("=")
        if equals:
            attributes[key.strip()] = value
    return {"csi": found | ({"volumeAttributes": attributes} if attributes else {})}


def _fibre(entry: Entry) -> dict[str, Any]:
    found = _fields(entry, {"FSType": "fsType"})
    return {
        "fc": found
        | without_nothing({"targetWWNs": bracketed(entry.word("TargetWWNs")), "lun": count(entry.word("LUN"))})
    }


_READERS: dict[str, Callable[[Entry], dict[str, Any]]] = {
    "ConfigMap": lambda entry: {"configMap": _optional(entry, "name", "Name")},
    "Secret": lambda entry: {"secret": _optional(entry, "secretName", "SecretName")},
    "Projected": _projected,
    "DownwardAPI": _downward,
    "PersistentVolumeClaim": _claim,
    "EphemeralVolume": _ephemeral,
    "EmptyDir": _empty_dir,
    "HostPath": lambda entry: {
        "hostPath": without_nothing({"path": entry.word("Path"), "type": entry.word("HostPathType")})
    },
    "NFS": _plain("nfs", Server="server", Path="path"),
    "CSI": _csi,
    "FC": _fibre,
    "LocalVolume": _plain("local", Path="path"),
    "Image": _plain("image", Reference="reference", PullPolicy="pullPolicy"),
    "ISCSI": _plain("iscsi", TargetPortal="targetPortal", IQN="iqn", FSType="fsType", InitiatorName="initiatorName"),
    "GCEPersistentDisk": _plain("gcePersistentDisk", PDName="pdName", FSType="fsType"),
    "AWSElasticBlockStore": _plain("awsElasticBlockStore", VolumeID="volumeID", FSType="fsType"),
    "AzureDisk": _plain(
        "azureDisk", DiskName="diskName", DiskURI="diskURI", FSType="fsType", CachingMode="cachingMode"
    ),
    "AzureFile": _plain("azureFile", SecretName="secretName", ShareName="shareName"),
    "vSphereVolume": _plain("vsphereVolume", VolumePath="volumePath", FSType="fsType"),
    "Cinder": _plain("cinder", VolumeID="volumeID", FSType="fsType"),
    "Glusterfs": _plain("glusterfs", EndpointsName="endpoints", Path="path"),
    "CephFS": _plain("cephfs", Path="path", User="user", SecretFile="secretFile"),
    "RBD": _plain("rbd", RBDImage="image", FSType="fsType", RBDPool="pool", RadosUser="user"),
    "FlexVolume": _plain("flexVolume", Driver="driver", FSType="fsType"),
    "PortworxVolume": _plain("portworxVolume", VolumeID="volumeID"),
    "Quobyte": _plain("quobyte", Registry="registry", Volume="volume"),
    "StorageOS": _plain("storageos", VolumeName="volumeName", VolumeNamespace="volumeNamespace", FSType="fsType"),
    "ScaleIO": _plain("scaleIO", Gateway="gateway", System="system", VolumeName="volumeName", FSType="fsType"),
}
