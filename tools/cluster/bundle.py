"""What a path inside a troubleshoot.sh support bundle says about its file. Shapes: pkg/collect/cluster_resources.go."""

from __future__ import annotations

from pathlib import PurePosixPath

from tools.cluster.files_hint import Hint, Shape, kind_of

ROOT = "cluster-resources"
_ERRORS = "-errors.json"
# Folders whose name is not the resource's own plural.
_FOLDERS = {
    "pvcs": "persistentvolumeclaims",
    "pvs": "persistentvolumes",
    "ingress": "ingresses",
    "network-policy": "networkpolicies",
    "resource-quota": "resourcequotas",
    "storage-classes": "storageclasses",
    "pod-disruption-budgets": "poddisruptionbudgets",
    "custom-resource-definitions": "customresourcedefinitions",
    "storage": "storageclasses",
}
# Facts about the bundle or the server, not objects of the cluster.
_NOT_OBJECTS = frozenset({"auth-cani-list", "image-pull-secrets", "groups", "resources", "groups-resources"})


def hint(path: PurePosixPath) -> Hint | None:
    """Judge a path; None where it does not stand below `cluster-resources/`."""
    parts = path.parts
    if ROOT not in parts:
        return None
    inside = parts[parts.index(ROOT) + 1 :]
    if not inside:
        return None
    folder = inside[0].removesuffix(_ERRORS).removesuffix(".json").removesuffix(".yaml")
    if folder in _NOT_OBJECTS:
        return Hint(Shape.IGNORED)
    if folder == "custom-resources":
        return _custom(inside)
    if inside[:2] == ("pods", "logs") and len(inside) == 5:
        return _log(inside)
    found = kind_of(_FOLDERS.get(folder, folder))
    if found is None or len(inside) > 2:
        return Hint(Shape.OBJECTS)
    namespace = "*" if len(inside) == 1 else PurePosixPath(inside[1]).stem
    if inside[-1].endswith(_ERRORS):
        return Hint(Shape.ERRORS, found.kind, found.group, found.version, namespace.removesuffix("-errors"))
    return Hint(Shape.LIST, found.kind, found.group, found.version, namespace)


def _custom(inside: tuple[str, ...]) -> Hint:
    """`custom-resources/<plural>.<group>/<namespace>.json`, or `<plural>.<group>.json` when cluster-scoped."""
    if inside[-1].endswith(_ERRORS):
        return Hint(Shape.IGNORED)
    return Hint(Shape.LIST, namespace=PurePosixPath(inside[2]).stem if len(inside) == 3 else "*")


def _log(inside: tuple[str, ...]) -> Hint:
    """`pods/logs/<namespace>/<pod>/<container>[-previous].log`."""
    container = PurePosixPath(inside[4]).stem
    previous = container.endswith("-previous")
    return Hint(
        Shape.LOG,
        namespace=inside[2],
        pod=inside[3],
        container=container.removesuffix("-previous"),
        previous=previous,
    )
