"""What a service mesh is told to do to requests: injected faults, and connection limits that requests overflow.

A fault of zero per cent is none. A limit is a cause only where a log or a series shows the overflow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.rules.performance.targets import behind_host, selected_pods, touched, workloads_in
from copilot.diagnosis.steps import change, show
from copilot.diagnosis.view import View, logged, said
from copilot.model import Evidence, Finding, Ref, Resource, children, mapping, number, parse_quantity, text, texts

FAULT = Cause(
    id="mesh.fault_injection", title="A rule of the mesh aborts or delays requests on purpose", kind="VirtualService",
    fields=("spec.http[].fault.abort", "spec.http[].fault.delay"), steps=("Remove the fault from the route",),
    brings_about=("app.errors", "app.dependency", "performance.", "pod.probe", "pod.cpu"), citation="istio api networking/v1 HTTPFaultInjection",
)  # fmt: skip
LIMIT = Cause(
    id="mesh.connection_limit", title="A connection limit of the mesh refuses requests", kind="DestinationRule", severity=Severity.DEGRADED,
    fields=("spec.trafficPolicy.connectionPool", "log", "response_flags"), steps=("Raise the limit",),
    brings_about=("app.errors", "app.dependency.refused", "app.dependency.exhausted", "performance."), citation="istio api networking/v1 ConnectionPoolSettings",
)  # fmt: skip
_LIMITS = ("maxConnections", "http1MaxPendingRequests", "http2MaxRequests", "maxRequestsPerConnection", "maxRetries")


def find_faults(view: View) -> Iterator[Finding]:
    """Routes and policies that abort or delay a share of the requests."""
    yield from _virtual_services(view)
    yield from _envoy_gateway(view)
    yield from _kuma(view)
    yield from _envoy_filters(view)


def _virtual_services(view: View) -> Iterator[Finding]:
    for rule in view.graph.of_kind("VirtualService", group="networking.istio.io"):
        for index, route in enumerate(children(rule.spec, "http")):
            words = _faults(mapping(route, "fault"))
            if words:
                yield _injected(rule, f"spec.http[{index}].fault", words, _victims(view, rule, route))


def _envoy_gateway(view: View) -> Iterator[Finding]:
    for rule in view.graph.of_kind("BackendTrafficPolicy", group="gateway.envoyproxy.io"):
        words = _faults(mapping(rule.spec, "faultInjection"))
        if words:
            targets = [*children(rule.spec, "targetRefs"), mapping(rule.spec, "targetRef")]
            names = [text(ref, "name") for ref in targets if text(ref, "kind") == "Service"]
            victims = tuple(ref for name in names for ref in behind_host(view, name, rule.ref.namespace))
            yield _injected(rule, "spec.faultInjection", words, victims)


def _kuma(view: View) -> Iterator[Finding]:
    for rule in view.graph.of_kind("MeshFaultInjection", group="kuma.io"):
        entries = [*children(rule.spec, "from"), *children(rule.spec, "to"), *children(rule.spec, "rules")]
        words = " and ".join(
            found for entry in entries for http in children(entry, "default", "http") if (found := _faults(http))
        )
        if words:
            target = mapping(rule.spec, "targetRef")
            labels = mapping(target, "labels") or mapping(target, "tags")
            pods = selected_pods(view, {"labelSelectors": labels}, rule.ref.namespace)
            yield _injected(rule, "spec", words, touched(view, pods))


def _envoy_filters(view: View) -> Iterator[Finding]:
    for rule in view.graph.of_kind("EnvoyFilter", group="networking.istio.io"):
        words = next((found for part in _fault_filters(rule.spec, 0) if (found := _faults(part))), "")
        if words:
            labels = mapping(rule.spec, "workloadSelector", "labels")
            pods = selected_pods(view, {"labelSelectors": labels}, rule.ref.namespace)
            yield _injected(rule, "spec.configPatches", words, touched(view, pods))


def _faults(fault: Mapping[str, Any]) -> str:
    """What an abort and a delay do, in words; empty when they do nothing."""
    return " and ".join(words for kind in ("abort", "delay") if (words := _fault(kind, mapping(fault, kind))))


def _fault_filters(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    """The typed configurations of Envoy's fault filter inside a patch."""
    if depth > 12:
        return
    if isinstance(value, Mapping):
        if text(value, "@type").endswith("fault.v3.HTTPFault") or text(value, "type_url").endswith(
            "fault.v3.HTTPFault"
        ):
            yield mapping(value, "value") or value
        for held in value.values():
            yield from _fault_filters(held, depth + 1)
    elif isinstance(value, list):
        for held in value[:100]:
            yield from _fault_filters(held, depth + 1)


def _fault(kind: str, fault: Mapping[str, Any]) -> str:
    """What a fault does, in words; empty when it does nothing."""
    if not fault:
        return ""
    share = _share(fault)
    if share <= 0:
        return ""
    if kind == "delay":
        return f"delays {share:g}% of the requests by {text(fault, 'fixedDelay') or text(fault, 'fixed_delay') or text(fault, 'value') or 'some time'}"
    code = (
        text(fault, "httpStatus")
        or text(fault, "http_status")
        or text(fault, "grpcStatus")
        or text(fault, "grpc_status")
    )
    return f"aborts {share:g}% of the requests with {code or 'an error'}"


def _share(fault: Mapping[str, Any]) -> float:
    """Per cent of the requests: 100 where none is said (istio api HTTPFaultInjection)."""
    value = fault.get("percentage", fault.get("percent"))
    if isinstance(value, Mapping):
        if "numerator" in value:
            whole = {"TEN_THOUSAND": 10_000, "MILLION": 1_000_000}.get(text(value, "denominator"), 100)
            return 100 * number(value, "numerator") / whole
        value = value.get("value", 0)
    if value is None:
        return 100.0
    amount = parse_quantity(str(value))
    return float(amount) if amount is not None else 0.0


def _victims(view: View, rule: Resource, route: Mapping[str, Any]) -> tuple[Ref, ...]:
    hosts = [text(target, "destination", "host") for target in children(route, "route")] + texts(rule.spec, "hosts")
    return tuple(dict.fromkeys(ref for host in hosts if host for ref in behind_host(view, host, rule.ref.namespace)))


def _injected(rule: Resource, path: str, words: str, victims: tuple[Ref, ...]) -> Finding:
    whom = ", ".join(str(ref) for ref in workloads_in(victims)[:3]) or "its hosts"
    return Finding(
        cause=FAULT.id, object=rule.ref, title=f"{rule.ref} {words} to {whom} on purpose (fault injection)", evidence=(said(rule, path, f"{path}: {words}"),),
        explains=victims, weight=0.88, since=rule.created, steps=(change(f"Remove the fault from {rule.ref}", rule.ref), show(rule.ref)),
    )  # fmt: skip


def find_limits(view: View) -> Iterator[Finding]:
    """Connection limits that requests overflow, as logs or response flags show."""
    for rule in view.graph.of_kind("DestinationRule", group="networking.istio.io"):
        limits = dict(_limits(mapping(rule.spec, "trafficPolicy", "connectionPool")))
        host = text(rule.spec, "host")
        if not limits or not host:
            continue
        victims = behind_host(view, host, rule.ref.namespace)
        proof = _overflow(view, victims, host)
        if proof:
            words = ", ".join(f"{key} {value}" for key, value in limits.items())
            yield Finding(
                cause=LIMIT.id, object=rule.ref, title=f"{rule.ref} limits connections to {host} ({words}), and requests overflow it: they are answered 503",
                evidence=(said(rule, "spec.trafficPolicy.connectionPool", f"connectionPool: {words}"), *proof), explains=victims, weight=0.8,
                since=rule.created, steps=(change(f"Raise the limits in {rule.ref}", rule.ref), show(rule.ref)),
            )  # fmt: skip


def _limits(pool: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for part in (mapping(pool, "tcp"), mapping(pool, "http")):
        for key in _LIMITS:
            if part.get(key) is not None:
                yield key, number(part, key)


def _overflow(view: View, victims: tuple[Ref, ...], host: str) -> list[Evidence]:
    names = {ref.name for ref in victims} | {host.partition(".")[0]}
    proof: list[Evidence] = []
    for series in view.snapshot.series:
        named = names & set(series.labels.values())
        if (
            "UO" in series.labels.get("response_flags", "").split(",")
            and named
            and series.points
            and series.points[-1][1] > 0
        ):
            proof.append(Evidence(victims[0] if victims else Ref("Service", "", host), series.name, f"{series.name}: requests to {min(named)} are refused with flag UO (upstream overflow)", series.source))  # fmt: skip
            break
    for log in view.snapshot.logs:
        lines = log.text.splitlines()
        for index in range(max(0, len(lines) - 60), len(lines)):
            line = lines[index]
            if "reset reason: overflow" in line or "upstream_rq_pending_overflow" in line or " UO " in line[:500]:
                proof.append(logged(log, index + 1, line[:300]))
                return proof
    return proof


RULES = (Rule(find=find_faults, causes=(FAULT,)), Rule(find=find_limits, causes=(LIMIT,)))
