"""Admission webhooks that refuse or do not answer: walked from the failed call to its configuration, Service and pods.

The object named is what must change: the backend that is gone, the Service that points nowhere, or the configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from copilot.diagnosis.cause import Cause
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.rules.admission.message import Denial, Refusal
from copilot.diagnosis.rules.admission.record import Denied, evidence_of, explained, since_of
from copilot.diagnosis.rules.admission.webhook_way import cutting_policy
from copilot.diagnosis.steps import change, describe, show
from copilot.diagnosis.view import View, said
from copilot.diagnosis.words import listed, plural, read
from copilot.model import Evidence, Finding, NextStep, Ref, Resource, children, mapping, number, text
from retrievers.graph.selectors import parse_map_selector

GROUP = "admissionregistration.k8s.io"
_KINDS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_SHARED = 3  # workloads; a webhook that refuses so many is itself the thing to look at


def _cause(rule: str, title: str, *, yields: bool = False) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind="ValidatingWebhookConfiguration",
        fields=(
            "webhooks[].clientConfig.service",
            "Service.spec.selector",
            "status.readyReplicas",
            "event FailedCreate",
        ),
        yields=yields,
        steps=("Follow the webhook's Service to its pods", "Bring the backend up, or remove the stale configuration"),
        citation="staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook/validating/dispatcher.go",
    )


DENIED = _cause("webhook.denied", "An admission webhook refuses the object")
NO_ENDPOINTS = _cause("webhook.no_endpoints", "An admission webhook has no running backend", yields=True)
SCALED_DOWN = _cause("webhook.backend_scaled_down", "An admission webhook's backend is scaled to zero")
NO_SERVICE = _cause("webhook.service_missing", "An admission webhook names a Service that does not exist")
TIMEOUT = _cause("webhook.timeout", "An admission webhook does not answer in time", yields=True)
CUT_OFF = _cause("webhook.cut_off", "A NetworkPolicy keeps the API server from an admission webhook")
TLS = _cause("webhook.tls", "The API server does not trust an admission webhook's certificate")
WEBHOOK_CAUSES = (DENIED, NO_ENDPOINTS, SCALED_DOWN, NO_SERVICE, TIMEOUT, CUT_OFF, TLS)


class Backend(msgspec.Struct, frozen=True, eq=False):
    """What stands behind a webhook, as far as it could be followed."""

    config: Resource | None = None
    hook: Mapping[str, Any] = {}
    service: Ref | None = None
    service_found: bool = False
    workload: Resource | None = None
    pods: tuple[PodFact, ...] = ()

    @property
    def ready(self) -> int:
        """How many of its pods are ready."""
        return sum(pod.ready for pod in self.pods)


def explain_webhook(view: View, group: Sequence[Denied]) -> Iterator[Finding]:
    """Explain the failures of one webhook."""
    denial = group[0].refusal.denial
    if denial is Denial.WEBHOOK_DENIED:
        yield from _denied(view, group)
        return
    backend = follow(view, group[0].refusal.name, group[0].refusal.service)
    name, victims = group[0].refusal.name, _victims(group)
    cause, ref, why, weight, points = _culprit(view, backend, denial, group[0].refusal)
    proof = [*evidence_of(group, 2), *_proof(backend)]
    yield Finding(
        cause=cause.id,
        object=ref,
        title=f"Admission webhook {name} {why}, so {victims} cannot be created",
        evidence=tuple(proof),
        explains=explained(group) + ((backend.service,) if backend.service is not None else ()),
        points_to=points,
        weight=weight,
        since=since_of(group),
        steps=_steps(backend, ref),
    )


def _victims(group: Sequence[Denied]) -> str:
    owners = list(dict.fromkeys(denied.owner for denied in group))
    spaces = list(dict.fromkeys(owner.namespace for owner in owners if owner.namespace))
    where = f" in {plural(len(spaces), 'namespace')}" if len(spaces) > 1 else ""
    return f"the pods of {listed([f'{owner.kind} {owner.path}' for owner in owners], 3)}{where}"


def find_hook(view: View, name: str) -> tuple[Resource | None, Mapping[str, Any]]:
    """The webhook configuration that has a webhook of that name, and the webhook."""
    for kind in _KINDS:
        for config in view.graph.of_kind(kind, group=GROUP):
            for hook in children(config.body, "webhooks"):
                if text(hook, "name") == name:
                    return config, hook
    return None, {}


def follow(view: View, name: str, service: str) -> Backend:
    """Walk from a webhook to its Service and the workload that the Service selects."""
    config, hook = find_hook(view, name)
    named = mapping(hook, "clientConfig", "service")
    space, _, short = service.rpartition("/")
    space, short = text(named, "namespace") or space, text(named, "name") or short
    if not short:
        return Backend(config, hook)
    ref = Ref("Service", space, short)
    found = view.graph.get(ref)
    selector = parse_map_selector(found.spec.get("selector")) if found else None
    workload: Resource | None = None
    pods: tuple[PodFact, ...] = ()
    if selector is not None:
        for candidate in view.workloads("Deployment", "StatefulSet", "DaemonSet"):
            labels = mapping(candidate.spec, "template", "metadata", "labels")
            if candidate.ref.namespace == space and labels and selector.matches(labels):
                workload = candidate
                break
        pods = tuple(view.pod(pod) for pod in view.graph.of_kind("Pod", space) if selector.matches(pod.labels))
    return Backend(config, hook, ref, found is not None, workload, pods)


def _culprit(
    view: View, backend: Backend, denial: Denial, refusal: Refusal
) -> tuple[Cause, Ref, str, float, tuple[Ref, ...]]:
    """The object to change, why, how sure, and where something deeper may lie."""
    name, detail = refusal.name, refusal.detail
    config = backend.config.ref if backend.config else None
    service = backend.service
    fallback = config or service or Ref(_KINDS[0], "", name, GROUP)
    if service is None:
        return _by_text(denial, fallback, "cannot be called", 0.7)
    gone = not backend.service_found and (
        denial is Denial.WEBHOOK_NO_SERVICE or view.was_read("Service", service.namespace)
    )
    if gone:
        return NO_SERVICE, fallback, f"is served by Service {service.path}, which does not exist", 0.95, ()
    if denial is Denial.WEBHOOK_TLS:
        return TLS, fallback, distrust(detail), 0.85, ()
    points = tuple(pod.ref for pod in backend.pods)
    if backend.workload is not None and not backend.ready:
        ref = backend.workload.ref
        if number(backend.workload.spec, "replicas", default=1) == 0:
            return SCALED_DOWN, ref, f"has no backend: {ref.kind} {ref.path} is scaled to 0 replicas", 0.96, ()
        return NO_ENDPOINTS, ref, f"has no ready backend: {ref.kind} {ref.path} has 0 ready pods", 0.85, points
    if (
        backend.service_found
        and not backend.pods
        and backend.workload is None
        and view.was_read("Pod", service.namespace)
    ):
        return NO_ENDPOINTS, service, f"has no backend: Service {service.path} selects no pod", 0.85, ()
    port = _wrong_port(view, backend)
    if port:
        return NO_ENDPOINTS, fallback, port, 0.85, ()
    called = number(backend.hook, "clientConfig", "service", "port", default=443)
    policy = cutting_policy(view, service, backend.pods, called) if denial is Denial.WEBHOOK_TIMEOUT else None
    if policy is not None:
        why = f"is cut off: NetworkPolicy {policy.ref.path} lets nobody outside the cluster's pods in on its port"
        return CUT_OFF, policy.ref, why, 0.85, ()
    return _by_text(
        denial,
        backend.workload.ref if backend.workload else fallback,
        f"does not answer through Service {service.path}",
        0.65,
    )


_EXPIRED = re.compile(r"current time (\S+) is after (\S+)")
_EARLY = re.compile(r"current time (\S+) is before (\S+)")
_NAMES = re.compile(r"certificate is (?:not )?valid for (.{1,160}?), not (\S+?)[,.;)\"]*(?:\s|$)")


def distrust(detail: str) -> str:
    """Why a TLS client does not accept a webhook's certificate, told apart: its time, its names, its authority."""
    if found := _EXPIRED.search(detail):
        return f"presents a certificate that expired at {found[2].rstrip('.,;')}: renew it and its caBundle"
    if found := _EARLY.search(detail):
        return f"presents a certificate that is not valid before {found[2].rstrip('.,;')}, or the API server's clock is wrong ({found[1]})"
    if found := _NAMES.search(detail):
        return f"presents a certificate for other names ({found[1]}), not for {found[2]}"
    if "expired" in detail and "not yet valid" not in detail:
        return "presents an expired certificate: renew it and its caBundle"
    if "relies on legacy Common Name" in detail:
        return "presents a certificate without subject alternative names"
    if "authority" in detail or "certificate" in detail:
        return "presents a certificate that its configuration's caBundle does not trust"
    return f"does not speak TLS as expected: {detail[-120:]}"


def _by_text(denial: Denial, ref: Ref, why: str, weight: float) -> tuple[Cause, Ref, str, float, tuple[Ref, ...]]:
    match denial:
        case Denial.WEBHOOK_TIMEOUT:
            return TIMEOUT, ref, f"{why}: the call times out", weight, ()
        case Denial.WEBHOOK_TLS:
            return TLS, ref, "presents a certificate the API server does not trust", weight, ()
        case Denial.WEBHOOK_NO_SERVICE:
            return NO_SERVICE, ref, "names a Service that does not exist", weight, ()
        case _:
            return NO_ENDPOINTS, ref, f"{why}: no endpoint accepts the connection", weight, ()


def _wrong_port(view: View, backend: Backend) -> str:
    resource = view.graph.get(backend.service) if backend.service else None
    port = number(backend.hook, "clientConfig", "service", "port", default=443)
    ports = [number(entry, "port") for entry in children(resource.spec, "ports")] if resource else []
    if ports and backend.hook and port not in ports:
        return f"is called on port {port}, but Service {backend.service} serves only {listed([str(p) for p in ports])}"
    return ""


def _proof(backend: Backend) -> Iterator[Evidence]:
    if backend.config is not None:
        policy = text(backend.hook, "failurePolicy") or "Fail"
        path = f"webhooks[{text(backend.hook, 'name')}].failurePolicy"
        yield said(
            backend.config, path, f"failurePolicy = {policy}: while it does not answer, matching writes are refused"
        )
    if backend.workload is not None:
        wanted, ready = (
            number(backend.workload.spec, "replicas", default=1),
            number(backend.workload.status, "readyReplicas"),
        )
        yield said(
            backend.workload, "status.readyReplicas", f"spec.replicas = {wanted}, status.readyReplicas = {ready}"
        )


def _steps(backend: Backend, ref: Ref) -> tuple[NextStep, ...]:
    steps = [describe(ref)]
    if backend.config is not None:
        steps.append(show(backend.config.ref, "See what the webhook matches, and its failurePolicy"))
    if backend.service is not None:
        steps.append(
            read(
                "See whether its Service has endpoints",
                f"kubectl get endpointslices -n {backend.service.namespace} -l kubernetes.io/service-name={backend.service.name}",
            )
        )
    if backend.workload is not None and number(backend.workload.spec, "replicas", default=1) == 0:
        steps.append(change("Scale the backend up", ref, f"kubectl scale {ref.argument} --replicas=1{ref.flags}"))
    elif backend.config is not None and not backend.service_found:
        steps.append(
            change(
                "Delete the configuration if its operator is uninstalled",
                backend.config.ref,
                f"kubectl delete {backend.config.ref.argument}",
            )
        )
    return tuple(steps)


def _denied(view: View, group: Sequence[Denied]) -> Iterator[Finding]:
    """A policy said no: the object that breaks it must change, unless the policy refuses many unrelated ones."""
    name = group[0].refusal.name
    config, _ = find_hook(view, name)
    owners = list(dict.fromkeys(denied.owner for denied in group))
    shared = config is not None and len(owners) >= _SHARED
    for ref in [config.ref] if config is not None and shared else owners:
        mine = [denied for denied in group if shared or denied.owner == ref]
        yield Finding(
            cause=DENIED.id,
            object=ref,
            title=f"Admission webhook {name} denies the pods of {listed([f'{o.kind} {o.name}' for o in (owners if shared else [ref])], 3)}: {mine[0].refusal.detail[:160]}",
            evidence=evidence_of(mine),
            explains=explained(mine),
            weight=0.9,
            since=since_of(mine),
            steps=(describe(ref), change("Change the object so that the policy allows it", ref)),
        )
