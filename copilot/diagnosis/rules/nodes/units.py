"""Which system services of which nodes should run and do not. Read from `systemctl status` text; nothing is explained here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from copilot.diagnosis.pods import condition
from copilot.diagnosis.view import View
from copilot.model import NodeService, text

_UNITS = re.compile(
    r"^(kubelet|containerd|cri-?o|crio|docker|dockerd|cri-docker|kube-proxy|etcd|kube-apiserver|kube-scheduler|kube-controller-manager|k3s(?:-agent)?|rke2-(?:server|agent)|calico|flannel|chronyd|ntpd)",
    re.IGNORECASE,
)
_ALTERNATIVES = (
    frozenset({"containerd", "crio", "cri-o", "docker", "dockerd", "cri-docker"}),
    frozenset({"chronyd", "ntpd"}),
)


def services_down(view: View) -> Iterator[NodeService]:
    """Units that a node needs and that are neither active nor replaced by another that is."""
    for service in view.snapshot.services:
        unit = service.unit.removesuffix(".service")
        restarting = service.active == "activating" and "auto-restart" in service.text
        running = service.active in ("active", "activating", "reloading") and not restarting
        if not _UNITS.match(unit) or running:
            continue
        if service.active == "inactive" and _has_alternative(view, service, unit):
            continue
        yield service


def _has_alternative(view: View, service: NodeService, unit: str) -> bool:
    """Another runtime is active on the same node, so this one is off on purpose."""
    for group in _ALTERNATIVES:
        if unit in group:
            others = (
                other for other in view.snapshot.services if other.node == service.node and other.active == "active"
            )
            return any(other.unit.removesuffix(".service") in group for other in others)
    return False


def node_of(view: View, service: NodeService) -> str:
    """The node the text names, else the only one that is not ready; empty when neither tells."""
    return service.node or _suspect(view)


def _suspect(view: View) -> str:
    """The only node that is not ready, when the text names none."""
    ill = [
        node.ref.name
        for node in view.graph.of_kind("Node", group="")
        if text(condition(node, "Ready"), "status") in ("False", "Unknown")
    ]
    return ill[0] if len(ill) == 1 else ""
