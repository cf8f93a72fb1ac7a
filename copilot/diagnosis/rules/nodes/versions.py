"""Kubelets that are too old or too new for the API server: nothing promises that they still understand each other.

The newest kubelet of the cluster is the least that the API server can be; an old node that works is only a notice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.rules.nodes.conditions import victims_on
from copilot.diagnosis.rules.nodes.journal import is_ill
from copilot.diagnosis.steps import describe
from copilot.diagnosis.view import View, said
from copilot.diagnosis.words import read
from copilot.model import Finding, Resource, text

SKEW = Cause(
    id="node.version_skew",
    title="A kubelet is more minor versions behind than Kubernetes supports",
    kind="Node",
    fields=("Node.status.nodeInfo.kubeletVersion", "Node.status.conditions[Ready]"),
    severity=Severity.DEGRADED,
    brings_about=("node.notready.kubelet",),
    steps=("Drain the node and upgrade its kubelet, one minor version after the other",),
    citation="kubernetes.io/releases/version-skew-policy",
)
SUPPORTED = 3  # minor versions that a kubelet may be older than the API server, since 1.28
_VERSION = re.compile(r"v?(\d{1,3})\.(\d{1,3})\b")


def minor_of(node: Resource) -> int | None:
    """The minor version of a node's kubelet; None where it is not shown or is not 1.x."""
    found = _VERSION.match(text(node.status, "nodeInfo", "kubeletVersion"))
    return int(found[2]) if found is not None and found[1] == "1" else None


def find_skewed_kubelets(view: View) -> Iterator[Finding]:
    """Nodes whose kubelet is further behind the newest one than is supported."""
    known = {node.ref: minor for node in view.graph.of_kind("Node", group="") if (minor := minor_of(node)) is not None}
    newest = max(known.values(), default=0)
    for ref, minor in sorted(known.items()):
        node = view.graph.get(ref)
        if newest - minor <= SUPPORTED or node is None:
            continue
        victims = victims_on(view, ref)
        version = text(node.status, "nodeInfo", "kubeletVersion")
        yield Finding(
            cause=SKEW.id,
            object=ref,
            title=f"The kubelet of node {ref.name} ({version}) is {newest - minor} minor versions older than the cluster (1.{newest}): a version skew of at most {SUPPORTED} is supported",
            evidence=(said(node, "status.nodeInfo.kubeletVersion", f"node {ref.name}: kubeletVersion = {version}; the newest kubelet here is 1.{newest}"),),
            explains=victims,
            weight=0.9 if is_ill(view, ref.name) else 0.55 if victims else 0.4,
            steps=(read("See all versions", "kubectl get nodes -o wide"), read("See the API server's version", "kubectl version"), describe(ref)),
        )  # fmt: skip


RULES: tuple[Rule, ...] = (Rule(find=find_skewed_kubelets, causes=(SKEW,)),)
