"""NetworkPolicies that block a connection somebody is seen to miss. A blocked pair that nobody complains of is no fault.

Source, target, port and both directions are evaluated as sets; the complaint is a log line, a connectivity test, or a pod
that is not well and may not reach what its settings name.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from copilot.diagnosis.addresses import addresses_of, pod_at, service_of
from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.complaints import complaints
from copilot.diagnosis.log_dependency import dns_services
from copilot.diagnosis.log_lines import bare
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.policies import Direction, End, Refusal, refusal
from copilot.diagnosis.rules.routing.endpoints import addresses, slice_ports, slices_of
from copilot.diagnosis.steps import change, show
from copilot.diagnosis.view import View, logged, said
from copilot.model import Evidence, Finding, Ref, Resource, children, mapping, number, text
from retrievers.graph import EdgeKind

_FIELDS = ("NetworkPolicy spec.podSelector", "spec.ingress[]", "spec.egress[]", "log")
_UPSTREAM = "k8s.io/api/networking/v1 NetworkPolicySpec"


def _cause(identity: str, title: str, step: str) -> Cause:
    return Cause(id=identity, title=title, kind="NetworkPolicy", fields=_FIELDS, steps=(step,), citation=_UPSTREAM)


EGRESS = _cause("netpol.egress_denied", "A policy does not let the caller out", "Allow the target and port in egress")
INGRESS = _cause("netpol.ingress_denied", "A policy does not let the caller in", "Allow the caller and port in ingress")

SILENT = 0.88  # packets that vanish are what a policy does
ANSWERED = 0.6  # a refusal is seldom a policy's work: most network plugins drop
OUTSIDE = 0.78  # a server elsewhere may be silent for reasons of its own
SUSPECTED = 0.55  # the pod is not well and may not reach what it needs, but nobody saw a timeout


class Missed(msgspec.Struct, frozen=True, eq=False):
    """A connection that somebody misses: from a pod to a Service (or pod) on a port (0 when not known)."""

    source: PodFact
    target: Resource | None
    port: int
    evidence: tuple[Evidence, ...]
    weight: float
    protocol: str = "TCP"
    address: str = ""  # of the target, where it is outside the cluster

    @property
    def name(self) -> str:
        """The target as a person knows it."""
        return str(self.target.ref) if self.target is not None else f"{self.address} outside the cluster"


def find_blocking_policies(view: View) -> Iterator[Finding]:
    """One finding for each policy and pair of workloads that a missed connection shows."""
    if not view.graph.of_kind("NetworkPolicy"):
        return
    for missed in _missed(view):
        blocked = _judge(view, missed)
        if blocked is not None:
            yield _finding(view, missed, blocked)


def _missed(view: View) -> Iterator[Missed]:
    yield from _told(view)
    yield from _tested(view)
    yield from _suspected(view)


def _told(view: View) -> Iterator[Missed]:
    for complaint in complaints(view):
        pod, namespace = complaint.pod, complaint.pod.ref.namespace
        evidence = (logged(complaint.log, complaint.line.number, bare(complaint.line.raw)[:400]),)
        if complaint.cause == "app.dependency.unknown_host":
            for server in dns_services(view):
                yield Missed(pod, server, 53, evidence, SILENT - 0.05, "UDP")
            continue
        weight = SILENT if complaint.cause in ("app.dependency.timeout", "train.rendezvous") else ANSWERED
        found = _server(view, complaint.host, namespace) if complaint.host else None
        if found is not None:
            yield Missed(pod, found, complaint.port, evidence, weight)
            continue
        if complaint.cause == "app.dependency.timeout" and complaint.host.replace(".", "").isdigit():
            yield Missed(pod, None, complaint.port, evidence, OUTSIDE, address=complaint.host)
            continue
        for address in addresses_of(view, pod, complaint.container):
            service = service_of(view, address.host, namespace)
            if service is not None and (
                not complaint.host or not complaint.port or address.port in (0, complaint.port)
            ):
                yield Missed(pod, service, address.port, evidence, weight - 0.08)


def _server(view: View, host: str, namespace: str) -> Resource | None:
    """The Service, or the pod with the address."""
    service = service_of(view, host, namespace)
    if service is not None or not host.replace(".", "").isdigit():
        return service
    return pod_at(view, host)


def _tested(view: View) -> Iterator[Missed]:
    """Connectivity tests that a person ran from a pod."""
    for probe in view.snapshot.probes:
        if probe.outcome not in ("timeout", "not-resolved"):
            continue
        source = _pod_named(view, probe.origin)
        if source is None:
            continue
        evidence = (
            Evidence(source.ref, "connectivity test", probe.text or f"{probe.host}: {probe.outcome}", probe.source),
        )
        if probe.outcome == "not-resolved":
            for server in dns_services(view):
                yield Missed(source, server, 53, evidence, SILENT - 0.05, "UDP")
            continue
        target = _server(view, probe.host, source.ref.namespace)
        if target is not None:
            yield Missed(source, target, probe.port or 0, evidence, SILENT)


def _pod_named(view: View, origin: str) -> PodFact | None:
    namespace, _, name = origin.rpartition("/")
    for pod in view.graph.of_kind("Pod", namespace or None, ""):
        if pod.ref.name == name:
            return view.pod(pod)
    return None


def _suspected(view: View) -> Iterator[Missed]:
    """Pods that are not well, say nothing, and whose settings name a Service."""
    for pod in view.placed:
        if view.graph.logs(pod.ref) or pod.blocking_init() is not None:
            continue
        for container in pod.containers:
            unwell = container.state == "running" and not container.ready
            if not unwell and container.exit_code not in (1, 2):
                continue
            for address in addresses_of(view, pod, container):
                service = service_of(view, address.host, pod.ref.namespace)
                if service is not None:
                    where = (
                        f"container {container.name} is told {address.host} ({address.setting.path}) and is not well"
                    )
                    evidence = (said(pod.resource, f"{container.path}.ready", where),)
                    yield Missed(pod, service, address.port, evidence, SUSPECTED)


def _judge(view: View, missed: Missed) -> Refusal | None:
    """The refusal, when no pod behind the target may be reached."""
    source = End(pod=missed.source.resource)
    last: Refusal | None = None
    ends = list(_ends(view, missed))
    for end, port in ends:
        last = refusal(view, source, end, port, missed.protocol)
        if last is None:
            return None
    return last


def _ends(view: View, missed: Missed) -> Iterator[tuple[End, int]]:
    target = missed.target
    if target is None:
        yield End(ip=missed.address), missed.port
        return
    if target.ref.kind == "Pod":
        yield End(pod=target), missed.port
        return
    for edge in view.graph.out(target.ref, EdgeKind.SELECTS):
        pod = view.graph.get(edge.target)
        if pod is not None and pod.ref != missed.source.ref:
            yield End(pod=pod), _target_port(target, pod, missed.port)
    if not mapping(target.spec, "selector"):  # its endpoints were made by hand: addresses outside, or of any pod
        for held in slices_of(view, target):
            known = {port for _, port in slice_ports(held)} - {0}
            for address in addresses(held)[:_MOST]:
                yield _end_at(view, address), known.copy().pop() if len(known) == 1 else missed.port


_MOST = 20  # addresses of one slice that are judged


def _end_at(view: View, address: str) -> End:
    """The end with an address: the pod that has it, else something outside."""
    pod = pod_at(view, address)
    return End(pod=pod) if pod is not None else End(ip=address)


def _target_port(service: Resource, pod: Resource, port: int) -> int:
    """The container port a Service port leads to."""
    entries = list(children(service.spec, "ports"))
    chosen = [entry for entry in entries if number(entry, "port") == port] or (entries if len(entries) == 1 else [])
    if not chosen:
        return port
    wanted = chosen[0].get("targetPort") or chosen[0].get("port")
    if isinstance(wanted, str) and not wanted.isdigit():
        for container in children(pod.spec, "containers"):
            for entry in children(container, "ports"):
                if text(entry, "name") == wanted:
                    return number(entry, "containerPort")
        return 0
    return number(wanted)


def _finding(view: View, missed: Missed, blocked: Refusal) -> Finding:
    policy, source = blocked.nearest, missed.source
    egress = blocked.direction is Direction.EGRESS
    port = f" on port {missed.port}" if missed.port else ""
    title = (
        f"{policy.ref} blocks {source.owner} from {missed.name}{port}: as {blocked.direction.value.lower()} policy of "
        f"{'its pods' if egress else 'the target’s pods'} it {blocked.why}"
    )
    selector = mapping(policy.spec, "podSelector")
    proof = said(
        policy,
        f"spec.{blocked.direction.value.lower()}",
        f"{policy.ref} selects {_selected(selector)} and {blocked.why}",
    )
    others = [other for other in blocked.policies if other is not policy]
    also = tuple(
        said(other, "spec.podSelector", f"{other.ref} isolates the same pods and does not allow it either")
        for other in others[:2]
    )
    labels = ",".join(f"{key}={value}" for key, value in sorted(source.resource.labels.items()))
    who = (
        ()
        if egress
        else (said(source.resource, "metadata.labels", f"the caller {source.ref} has the labels {labels}"),)
    )
    return Finding(
        cause=EGRESS.id if egress else INGRESS.id,
        object=policy.ref,
        title=title,
        evidence=(*missed.evidence, proof, *who, *also),
        explains=(source.ref, *_callers(view, source)),
        weight=missed.weight,
        steps=(show(policy.ref), change(f"Allow it in {policy.ref}", policy.ref)),
    )


def _selected(selector: object) -> str:
    pairs = ",".join(f"{key}={value}" for key, value in sorted(mapping(selector, "matchLabels").items()))
    return f"pods {pairs}" if pairs else "the pods it isolates"


def _callers(view: View, source: PodFact) -> tuple[Ref, ...]:
    return tuple(ref for ref in view.graph.owners(source.ref))


RULES = (Rule(find=find_blocking_policies, causes=(EGRESS, INGRESS)),)
