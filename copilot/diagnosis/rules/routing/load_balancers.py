"""Load balancers that are asked for and not made: what the controller said, or that there is none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, fact, said, told
from copilot.diagnosis.words import read
from copilot.model import Finding, Resource, mapping, text

PATIENCE = timedelta(minutes=5)  # clouds need a minute or two; their controllers speak in events meanwhile

FAILED = Cause(
    id="svc.lb_failed",
    title="The load balancer cannot be made",
    kind="Service",
    fields=("event SyncLoadBalancerFailed", "event AllocationFailed"),
    severity=Severity.DEGRADED,
    steps=("Read the cloud's message",),
    citation="k8s.io/cloud-provider service controller",
)
NOBODY = Cause(
    id="svc.lb_none",
    title="Nothing in the cluster makes load balancers",
    kind="Service",
    fields=("spec.type", "status.loadBalancer"),
    severity=Severity.NOTICE,
    steps=("Install a load balancer controller, or use NodePort or an Ingress",),
    citation="k8s.io/api/core/v1 ServiceStatus",
)


def find_pending_load_balancers(view: View) -> Iterator[Finding]:
    """Services of type LoadBalancer without an address, by what was said of them."""
    services = [s for s in view.graph.of_kind("Service", group="") if text(s.spec, "type") == "LoadBalancer"]
    served = any(_has_address(service) for service in services)
    for service in services:
        if _has_address(service) or service.deleted is not None:
            continue
        events = view.events(service.ref)
        failures = [event for event in events if event.type == "Warning"]
        if failures:
            last = failures[-1]
            yield Finding(
                cause=FAILED.id, object=service.ref, title=f"{service.ref}: its load balancer cannot be made ({last.reason}): {' '.join(last.message.split())[:260]}",
                evidence=(told(last),), weight=0.85, since=last.first, steps=(describe(service.ref),),
            )  # fmt: skip
        elif _waits_in_vain(view, service) and not events:
            yield _nobody(service, served=served)


def _has_address(service: Resource) -> bool:
    return bool(mapping(service.status, "loadBalancer").get("ingress")) or bool(service.spec.get("externalIPs"))


def _waits_in_vain(view: View, service: Resource) -> bool:
    """Whether the status was read, is empty, and time enough has passed."""
    known = isinstance(service.status.get("loadBalancer"), dict) and view.was_read("Event", service.ref.namespace)
    return known and view.timed and service.created is not None and view.now - service.created > PATIENCE


def _nobody(service: Resource, *, served: bool) -> Finding:
    wanted = text(service.spec, "loadBalancerClass")
    who = f"no controller answers for loadBalancerClass {wanted}" if wanted else "no controller has answered (is there a cloud provider or MetalLB?)"  # fmt: skip
    other = "; other Services have theirs" if served else ""
    return Finding(
        cause=NOBODY.id, object=service.ref, title=f"{service.ref} waits for a load balancer address: {who}{other}",
        evidence=(fact(service, "spec.type"), said(service, "status.loadBalancer", "status.loadBalancer is empty and there is no event")),
        weight=0.55, since=service.created,
        steps=(read("Look for a controller that makes load balancers", "kubectl get pods -A | grep -iE 'cloud-controller|metallb|load-?balancer'"), change("Use NodePort or an Ingress where there is none", service.ref)),
    )  # fmt: skip


RULES = (Rule(find=find_pending_load_balancers, causes=(FAILED, NOBODY)),)
