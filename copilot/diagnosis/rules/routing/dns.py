"""Name resolution of the cluster: servers that are down while programs cannot resolve names, and kubelets without one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.complaints import LASTING, complaints
from copilot.diagnosis.log_dependency import dns_services
from copilot.diagnosis.log_lines import LogLine, bare, tail
from copilot.diagnosis.steps import describe, listing
from copilot.diagnosis.view import View, logged, said, told
from copilot.model import ContainerLog, Finding, Ref
from retrievers.graph import EdgeKind

SERVER_DOWN = Cause(
    id="dns.server_down", title="The cluster's DNS server is down", kind="Deployment", yields=True,
    fields=("Service kube-dns endpoints", "log"), steps=("Look at the CoreDNS pods and their configuration",),
    citation="kubernetes cluster/addons/dns/coredns",
)  # fmt: skip
UPSTREAM = Cause(
    id="dns.upstream", title="The servers that the cluster's DNS forwards to do not answer", kind="ConfigMap",
    fields=("log of CoreDNS", "ConfigMap coredns Corefile"), brings_about=("app.dependency.unknown_host", "app.dependency.timeout", "dns.lookup_failing"),
    steps=("Correct `forward` in the Corefile, or repair the server it names",), citation="coredns plugin/forward",
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


_FORWARDED = re.compile(
    r"plugin/errors: \d \S{1,253} \w{1,10}: .{0,120}->(?P<server>[\d.:\[\]a-f]{3,60}?):\d{1,5}: .{0,60}(?:i/o timeout|refused|unreachable|no route)"
)


def find_silent_upstreams(view: View) -> Iterator[Finding]:
    """The server that CoreDNS forwards to and hears nothing of, while programs cannot resolve names outside."""
    lost = [complaint for complaint in complaints(view) if complaint.cause == "app.dependency.unknown_host"]
    for service in dns_services(view) if lost else ():
        said_of: dict[str, list[tuple[ContainerLog, LogLine]]] = {}
        pods = [edge.target for edge in view.graph.out(service.ref, EdgeKind.SELECTS)]
        for log in (log for pod in pods for log in view.logs(pod)):
            for line in tail(log, 80):
                if found := _FORWARDED.search(line.raw):
                    said_of.setdefault(found["server"], []).append((log, line))
        for server, lines in said_of.items():
            if len(lines) >= LASTING:
                yield _silent(view, pods[0], server, lines, [c.pod.ref for c in lost])


def _silent(
    view: View, pod: Ref, server: str, lines: list[tuple[ContainerLog, LogLine]], victims: list[Ref]
) -> Finding:
    read = view.graph.get(pod)
    owner = view.pod(read).owner if read is not None else pod
    held = view.graph.find("ConfigMap", "kube-system", "coredns")
    holder = held.ref if held is not None else owner
    log, line = lines[0]
    return Finding(
        cause=UPSTREAM.id, object=holder, title=f"{holder}: the DNS server {server}, to which the cluster's DNS forwards, does not answer: names outside the cluster do not resolve",
        evidence=(logged(log, line.number, bare(line.raw)[:300]),), explains=(*dict.fromkeys(victims), owner), weight=0.8,
        steps=(describe(holder), listing("pods", "kube-system", extra="-l k8s-app=kube-dns")),
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
    Rule(find=find_silent_upstreams, causes=(UPSTREAM,)),
    Rule(find=find_kubelet_dns, causes=(MISSING, FORMING)),
)
