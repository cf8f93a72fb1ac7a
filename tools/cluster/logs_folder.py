"""What a path says about a container's log: our own layout, and the two layouts of a node's /var/log."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from tools.cluster.files_hint import Hint, Shape

_PREVIOUS = (".previous", "-previous")
_NODE_POD = re.compile(r"([a-z0-9.-]+)_([a-z0-9.-]+)_[0-9a-f-]{32,36}$")
_NODE_CONTAINER = re.compile(r"([a-z0-9.-]+)_([a-z0-9.-]+)_([a-z0-9.-]+)-[0-9a-f]{64}$")


def hint(path: PurePosixPath) -> Hint | None:
    """Judge a path; None where it is no container's log.

    `…/logs/<namespace>/<pod>/<container>[.previous].log`, `…/<namespace>_<pod>_<uid>/<container>/<n>.log` (pods) or
    `…/<pod>_<namespace>_<container>-<id>.log` (containers).
    """
    parts = path.parts
    if path.suffix == ".gz":
        path = path.with_suffix("")
    if path.suffix not in (".log", ".txt"):
        return None
    if len(parts) >= 4 and parts[-4] == "logs" and path.suffix == ".log":
        container, previous = _container(path.stem)
        return Hint(Shape.LOG, namespace=parts[-3], pod=parts[-2], container=container, previous=previous)
    if len(parts) >= 3 and (pod := _NODE_POD.match(parts[-3])):
        return Hint(Shape.LOG, namespace=pod[1], pod=pod[2], container=parts[-2])
    if name := _NODE_CONTAINER.match(path.stem):
        return Hint(Shape.LOG, namespace=name[2], pod=name[1], container=name[3])
    return None


def loose(path: PurePosixPath) -> Hint | None:
    """`…/<pod>/<container>.log` under any name: a log if it turns out that a pod is called so."""
    if len(path.parts) < 2 or path.suffix != ".log":
        return None
    container, previous = _container(path.stem)
    return Hint(Shape.LOG, pod=path.parts[-2], container=container, previous=previous)


def _container(stem: str) -> tuple[str, bool]:
    for mark in _PREVIOUS:
        if stem.endswith(mark):
            return stem.removesuffix(mark), True
    return stem, False
