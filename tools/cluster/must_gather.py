"""What a path inside a must-gather tree (`oc adm must-gather`, `oc adm inspect`) says about its file. Any number of roots."""

from __future__ import annotations

from pathlib import PurePosixPath

from tools.cluster.files_hint import Hint, Shape, kind_of

CLUSTER = "cluster-scoped-resources"
NAMESPACES = "namespaces"
_LOG_NAMES = {"current.log": False, "previous.log": True, "current.insecure.log": False, "previous.insecure.log": True}
_YAML = (".yaml", ".yml", ".json")


def hint(path: PurePosixPath) -> Hint | None:
    """Judge a path; None where it has neither of the two roots."""
    parts = path.parts
    if CLUSTER in parts:
        return _cluster(parts[parts.index(CLUSTER) + 1 :])
    if NAMESPACES in parts[:-1]:
        return _namespaced(parts[parts.index(NAMESPACES) + 1 :])
    return None


def _cluster(inside: tuple[str, ...]) -> Hint | None:
    """`<group>/<plural>.yaml` is a list; `<group>/<plural>/<name>.yaml` is one of all objects of that kind."""
    if not inside or not inside[-1].endswith(_YAML):
        return None
    found = kind_of(PurePosixPath(inside[1]).stem if len(inside) > 1 else "", inside[0])
    if found is None:
        return Hint(Shape.ONE_OF_ALL if len(inside) == 3 else Shape.LIST, namespace="*")
    shape = Shape.ONE_OF_ALL if len(inside) == 3 else Shape.LIST
    return Hint(shape, found.kind, found.group, found.version, "*")


def _namespaced(inside: tuple[str, ...]) -> Hint | None:
    """`<ns>/<ns>.yaml`, `<ns>/<group>/<plural>.yaml`, `<ns>/<group>/<plural>/<name>.yaml`, `<ns>/pods/<pod>/…`."""
    if len(inside) >= 5 and inside[1] == "pods" and inside[-1] in _LOG_NAMES and inside[-2] == "logs":
        return Hint(
            Shape.LOG,
            namespace=inside[0],
            pod=inside[2],
            container=inside[3],
            previous=_LOG_NAMES[inside[-1]],
        )
    if not inside[-1].endswith(_YAML) or len(inside) < 2:
        return None
    if len(inside) == 3:
        found = kind_of(PurePosixPath(inside[2]).stem, inside[1])
        if found is not None:
            return Hint(Shape.LIST, found.kind, found.group, found.version, inside[0])
        return Hint(Shape.LIST, namespace=inside[0])
    if len(inside) == 4 and inside[1] != "pods":
        return Hint(Shape.ONE_OF_ALL, namespace=inside[0])
    return Hint(Shape.OBJECTS)
