"""What surrounds a judgement: who enforces policies, which other policies were not evaluated, whether names resolve, who leads in.

Each is a sentence. A network plugin is known by its agents' names and images; where none is seen, nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from copilot.diagnosis.log_dependency import dns_services
from copilot.diagnosis.policy_match import End
from copilot.diagnosis.reach.admin import ADMIN, BASELINE
from copilot.diagnosis.reach.admin import GROUP as ADMIN_GROUP
from copilot.diagnosis.reach.judge import State, judge
from copilot.diagnosis.reach.lead import lead_service
from copilot.diagnosis.reach.wanted import Wanted
from copilot.diagnosis.view import View
from copilot.model import ReadState, Resource, children, text
from copilot.model.wording import listed, plural
from retrievers.graph import EdgeKind

# Agents of network plugins by a word of their DaemonSet's name or image, and whether they enforce NetworkPolicies.
_AGENTS = (
    ("calico-node", "Calico", True), ("canal", "Canal", True), ("cilium", "Cilium", True), ("anetd", "Dataplane V2", True),
    ("antrea-agent", "Antrea", True), ("weave-net", "Weave Net", True), ("kube-router", "kube-router", True),
    ("ovnkube-node", "OVN-Kubernetes", True), ("ovs-node", "OVN-Kubernetes", True), ("kube-ovn", "Kube-OVN", True),
    ("azure-npm", "Azure NPM", True), ("aws-eks-nodeagent", "the VPC CNI's network policy agent", True),
    ("network-policy-agent", "the VPC CNI's network policy agent", True), ("kube-network-policies", "kube-network-policies", True),
    ("romana-agent", "Romana", True), ("kindnet", "kindnet", None), ("kube-flannel", "Flannel", False), ("flannel", "Flannel", False),
)  # fmt: skip

# Kinds that also allow or refuse traffic, and whose rules are not evaluated here.
_OTHERS = (
    ("CiliumNetworkPolicy", "cilium.io"), ("CiliumClusterwideNetworkPolicy", "cilium.io"), ("NetworkPolicy", "crd.projectcalico.org"),
    ("GlobalNetworkPolicy", "crd.projectcalico.org"), ("NetworkPolicy", "projectcalico.org"), ("GlobalNetworkPolicy", "projectcalico.org"),
    ("NetworkPolicy", "crd.antrea.io"), ("ClusterNetworkPolicy", "crd.antrea.io"), ("ClusterNetworkPolicy", ADMIN_GROUP),
    ("EgressFirewall", "k8s.ovn.org"), ("EgressNetworkPolicy", "network.openshift.io"), ("AuthorizationPolicy", "security.istio.io"),
    ("PeerAuthentication", "security.istio.io"), ("Sidecar", "networking.istio.io"), ("AuthorizationPolicy", "policy.linkerd.io"),
    ("ServerAuthorization", "policy.linkerd.io"), ("MeshTrafficPermission", "kuma.io"), ("TrafficPermission", "kuma.io"),
    ("ServiceIntentions", "consul.hashicorp.com"), ("TrafficTarget", "access.smi-spec.io"),
)  # fmt: skip


class Enforcement(msgspec.Struct, frozen=True):
    """Whether the network plugin enforces policies: True, False, or None where it cannot be told, and the sentence."""

    enforced: bool | None
    words: str


def enforcement(view: View) -> Enforcement:
    """Who enforces NetworkPolicies in this cluster, as far as its DaemonSets and their pods show."""
    seen: dict[str, bool | None] = {}
    for resource in (*view.graph.of_kind("DaemonSet", group="apps"), *view.graph.of_kind("Pod", "kube-system", "")):
        words = " ".join((resource.ref.name, *_images(resource)))
        for word, plugin, enforces in _AGENTS:
            if word in words and not (resource.ref.kind == "DaemonSet" and "operator" in resource.ref.name):
                seen.setdefault(plugin, enforces)
                break
    firm = [plugin for plugin, enforces in seen.items() if enforces]
    if firm:
        return Enforcement(True, f"{listed(firm)} enforces NetworkPolicies here")
    if False in seen.values() and None not in seen.values():
        names = listed(plugin for plugin, enforces in seen.items() if enforces is False)
        return Enforcement(False, f"{names} alone does not enforce NetworkPolicies, and no agent that does was seen: a refusal below may be on paper only")  # fmt: skip
    if seen:
        return Enforcement(None, f"{listed(seen)} enforces NetworkPolicies in its newer versions only")
    return Enforcement(
        None, "which network plugin runs here was not seen: whether policies are enforced cannot be told"
    )


def _images(resource: Resource) -> Iterator[str]:
    spec = resource.spec if resource.ref.kind == "Pod" else view_template(resource)
    for container in children(spec, "containers"):
        yield text(container, "image").rpartition("@")[0] or text(container, "image")


def view_template(resource: Resource) -> object:
    """The pod's spec in a workload."""
    template = resource.spec.get("template")
    return template.get("spec") if isinstance(template, dict) else None


def not_evaluated(view: View, namespaces: Iterable[str]) -> Iterator[str]:
    """Policies of other kinds that could change the answer, and kinds that could not be read."""
    near = {*namespaces, ""}
    for kind, group in _OTHERS:
        found = [
            one
            for one in view.graph.of_kind(kind, group=group)
            if one.ref.namespace in near or group == "security.istio.io"
        ]
        if found:
            names = listed((one.ref.path for one in found), 3)
            yield f"{plural(len(found), f'{kind}.{group}')} may decide otherwise: {names}"
    for reading in view.coverage.readings:
        known = (reading.kind, reading.group)
        mine = known in _OTHERS or known in (
            (ADMIN, ADMIN_GROUP),
            (BASELINE, ADMIN_GROUP),
            ("NetworkPolicy", "networking.k8s.io"),
        )
        if mine and reading.state in (ReadState.REFUSED, ReadState.PARTIAL) and reading.namespace in ("*", *near):
            yield f"{reading.kind}.{reading.group} was not all read{f': {reading.detail}' if reading.detail else ''}"


def names_resolve(view: View, source: End) -> str:
    """A sentence when the caller may not ask the cluster's DNS, else nothing."""
    if source.pod is None:
        return ""
    for service in dns_services(view):
        led = lead_service(view, service, Wanted("", _DNS, protocol="UDP"))
        states = [judge(view, source, leg.end, leg.port, leg.protocol).state for leg in led.legs]
        if states and all(state is State.REFUSED for state in states):
            return f"{source.pod.ref} may not reach {service.ref} on UDP 53: it cannot resolve names, whatever is allowed here"  # fmt: skip
    return ""


_DNS = 53


def ways_in(view: View, pods: Iterable[Resource]) -> tuple[list[Resource], list[Resource]]:
    """Services that lead to these pods from outside the cluster, and the routes (Ingress, HTTPRoute …) that do."""
    services = {
        edge.source: None
        for pod in pods
        for edge in view.graph.into(pod.ref, EdgeKind.SELECTS)
        if edge.source.kind == "Service"
    }
    open_ones = [found for ref in services if (found := view.graph.get(ref)) is not None and is_open(found)]
    routes = {edge.source: None for ref in services for edge in view.graph.into(ref, EdgeKind.ROUTES_TO)}
    return open_ones, [found for ref in routes if (found := view.graph.get(ref)) is not None]


def is_open(service: Resource) -> bool:
    """Whether a Service has an address outside the cluster."""
    return text(service.spec, "type") in ("LoadBalancer", "NodePort") or bool(service.spec.get("externalIPs"))
