"""System services of a node that do not run, from `systemctl status` text, with the line that says why.

A unit that is off on purpose (disabled, no failure) beside a working one is no fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.pods import condition
from copilot.diagnosis.rules.nodes import victims_on
from copilot.diagnosis.steps import change
from copilot.diagnosis.view import View
from copilot.diagnosis.words import read
from copilot.model import Evidence, Finding, NodeService, Ref, text

DOWN = Cause(
    id="node.service.down",
    title="A system service of the node does not run",
    kind="Node",
    fields=("systemctl status", "Node.status.conditions[Ready]"),
    steps=("Read the unit's journal", "Correct its configuration and start it"),
    citation="systemd unit states; kubelet, container runtime and kube-proxy as system services",
)

_UNITS = re.compile(
    r"^(kubelet|containerd|cri-?o|crio|docker|dockerd|cri-docker|kube-proxy|etcd|kube-apiserver|kube-scheduler|kube-controller-manager|k3s(?:-agent)?|rke2-(?:server|agent)|calico|flannel|chronyd|ntpd)",
    re.IGNORECASE,
)
_ALTERNATIVES = (
    frozenset({"containerd", "crio", "cri-o", "docker", "dockerd", "cri-docker"}),
    frozenset({"chronyd", "ntpd"}),
)
_WHY = re.compile(
    r"failed|error|fatal|cannot|unable|invalid|expired|no such file|denied|refused|unknown flag|not found|panic",
    re.IGNORECASE,
)
_NOISE = re.compile(r"main process exited|failed with result|scheduled restart|start request repeated", re.IGNORECASE)


def find_services_down(view: View) -> Iterator[Finding]:
    """One finding for each unit of a node that should run and does not."""
    for service in view.snapshot.services:
        unit = service.unit.removesuffix(".service")
        restarting = service.active == "activating" and "auto-restart" in service.text
        running = service.active in ("active", "activating", "reloading") and not restarting
        if not _UNITS.match(unit) or running:
            continue
        if service.active == "inactive" and _has_alternative(view, service, unit):
            continue
        yield _explain(view, service, unit)


def _has_alternative(view: View, service: NodeService, unit: str) -> bool:
    """Another runtime is active on the same node, so this one is off on purpose."""
    for group in _ALTERNATIVES:
        if unit in group:
            others = (
                other for other in view.snapshot.services if other.node == service.node and other.active == "active"
            )
            return any(other.unit.removesuffix(".service") in group for other in others)
    return False


def _explain(view: View, service: NodeService, unit: str) -> Finding:
    node = Ref("Node", "", service.node or _suspect(view))
    why = _reason(service.text)
    where = f"on node {node.name}" if node.name else "on a node (the text does not say which)"
    state = "crashes again and again" if service.active == "activating" else f"is {service.active}"
    return Finding(
        cause=DOWN.id,
        object=node,
        title=f"Service {unit} {state} {where}" + (f": {why}" if why else ""),
        evidence=(
            Evidence(
                object=node,
                path=f"systemctl status {service.unit}",
                text=why or f"{service.unit}: Active: {service.active}",
                source=service.source,
            ),
        ),
        explains=victims_on(view, node) if node.name else (),
        weight=0.96 if node.name else 0.75,
        steps=(
            read("Read its journal", f"ssh {node.name or 'NODE'} journalctl -u {unit} -n 80 --no-pager"),
            change(
                f"Start {unit} once its cause is corrected", node, f"ssh {node.name or 'NODE'} systemctl restart {unit}"
            ),
        ),
        doubts=() if service.node else ("the pasted text does not name the node",),
    )


def _suspect(view: View) -> str:
    """The only node that is not ready, when the text names none."""
    ill = [
        node.ref.name
        for node in view.graph.of_kind("Node", group="")
        if text(condition(node, "Ready"), "status") in ("False", "Unknown")
    ]
    return ill[0] if len(ill) == 1 else ""


def _reason(status: str) -> str:
    telling = [line.strip() for line in status.splitlines() if _WHY.search(line) and not _NOISE.search(line)]
    logged = [line for line in telling if re.search(r"\]: ", line)]
    return (logged or telling or [""])[-1].rpartition("]: ")[2][:240]


RULES: tuple[Rule, ...] = (Rule(find=find_services_down, causes=(DOWN,)),)
