"""The pods of a storage driver, found by its name: in the arguments of its sidecars, its sockets and its own name.

A driver has no field that says where it runs; what is found this way is a lead, never proof by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from copilot.diagnosis.view import View
from copilot.model import Resource, children, text, texts

CONTROLLER = ("Deployment", "StatefulSet")
NODE = ("DaemonSet",)


def driver_workloads(view: View, driver: str, kinds: tuple[str, ...] = CONTROLLER) -> list[Resource]:
    """The driver's workloads of these kinds, by namespace and name."""
    if not driver:
        return []
    return [workload for workload in view.workloads(*kinds) if _speaks_of(view, workload, driver)]


def _speaks_of(view: View, workload: Resource, driver: str) -> bool:
    if workload.ref.name in (driver, driver.partition(".")[0]):
        return True
    return any(driver in word for word in _words(view.template(workload.ref)))


def _words(spec: Mapping[str, Any]) -> Iterator[str]:
    for container in (*children(spec, "containers"), *children(spec, "initContainers")):
        yield from texts(container, "args")
        yield from texts(container, "command")
        for entry in children(container, "env"):
            yield text(entry, "value")
    for volume in children(spec, "volumes"):
        yield text(volume, "hostPath", "path")
