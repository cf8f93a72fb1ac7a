"""Name resolution of the cluster: servers that are down while programs cannot resolve names, and kubelets without one."""

from __future__ import annotations

from collections.abc import Iterator

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.complaints import complaints
from copilot.diagnosis.log_dependency import dns_services
from copilot.diagnosis.log_lines import bare
from copilot.diagnosis.steps import describe, listing
from copilot.diagnosis.view import View, logged, said, told
from copilot.model import Finding, Ref
from retrievers.graph import EdgeKind

SERVER_DOWN = Cause(
    id="dns.server_down", title="The cluster's DNS server is down", kind="Deployment", yields=True,
    fields=("Service kube-dns endpoints", "log"), steps=("Look at the CoreDNS pods and their configuration",),
    citation="kubernetes cluster/addons/dns/coredns",
)  # fmt: skip
MISSING = Cause(
    id="dns.missing_clusterdns", title="The kubelet has no cluster DNS address to give to pods", kind="Node", severity=Severity.DEGRADED,
    fields=("event MissingClusterDNS",), steps=("Set clusterDNS in the kubelet's configuration",), citation="kubernetes pkg/kubelet/network/dns/dns.go",
)  # fmt: skip
FORMING = Cause(
    id="dns.config_forming", title="The node's resolv.conf holds more than a pod may have", kind="Node", severity=Severity.NOTICE,
    fields=("event DNSConfigForming",), steps=("Shorten nameservers and search paths of the node",), citation="kubernetes pkg/kubelet/network/dns/dns.go",
)  # fmt: skip


def find_dns_down(view: View) -> Iterator[Finding]:
    """The DNS servers, when none is ready and somebody cannot resolve a name."""
    lost = [complaint for complaint in complaints(view) if complaint.cause == "app.dependency.unknown_host"]
    if not lost:
        return
    for service in dns_services(view):
        pods = [pod for edge in view.graph.out(service.ref, EdgeKind.SELECTS) if (pod := view.graph.get(edge.target))]
        if any(view.pod(pod).ready for pod in pods) or not view.was_read("Pod", service.ref.namespace):
            continue
        owner = view.pod(pods[0]).owner if pods else service.ref
        quotes = tuple(logged(c.log, c.line.number, bare(c.line.raw)[:300]) for c in lost[:2])
        state = f"none of its {len(pods)} pods is ready" if pods else "it has no pods"
        yield Finding(
            cause=SERVER_DOWN.id, object=owner, title=f"{owner}: the cluster's DNS server is down ({state}), so names do not resolve",
            evidence=(said(service, "spec.selector", f"{service.ref}: {state}"), *quotes),
            explains=tuple(dict.fromkeys(complaint.pod.ref for complaint in lost)), weight=0.85,
            steps=(describe(owner), listing("pods", service.ref.namespace)),
        )  # fmt: skip


def find_kubelet_dns(view: View) -> Iterator[Finding]:
    """What kubelets say of the DNS settings they hand to pods; a note unless programs fail to resolve names."""
    for reason, cause, weight in (("MissingClusterDNS", MISSING, 0.7), ("DNSConfigForming", FORMING, 0.3)):
        hosts: dict[str, list[Ref]] = {}
        for event in view.events_with(reason):
            pod = view.graph.get(event.ref)
            node = event.host or (view.pod(pod).node if pod is not None and pod.ref.kind == "Pod" else "")
            if node:
                hosts.setdefault(node, []).append(event.ref)
        for node, about in sorted(hosts.items()):
            event = next(e for e in reversed(view.events_with(reason)) if e.ref in about)
            yield Finding(
                cause=cause.id, object=Ref("Node", "", node), title=f"Node {node}: {cause.title.lower()}: {event.message[:160]}",
                evidence=(told(event),), explains=tuple(dict.fromkeys(about)), weight=weight, steps=(describe(Ref("Node", "", node)),),
            )  # fmt: skip


RULES = (
    Rule(find=find_dns_down, causes=(SERVER_DOWN,)),
    Rule(find=find_kubelet_dns, causes=(MISSING, FORMING)),
)
