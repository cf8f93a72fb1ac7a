"""Whether a NetworkPolicy keeps the API server from a webhook's pods. The API server is no pod: only open rules and blocks let it in."""

from __future__ import annotations

from collections.abc import Sequence

from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.policies import policies_of
from copilot.diagnosis.policy_match import Direction, End, Half, named_ports, peers_of, port_fits, rules_of
from copilot.diagnosis.view import View
from copilot.model import Ref, Resource, children, mapping, number, text

PODS = 5  # of a webhook that are looked at: they are replicas


def cutting_policy(view: View, service: Ref, pods: Sequence[PodFact], port: int) -> Resource | None:
    """The policy that isolates every pod behind the webhook and lets nobody outside in on its port; None when one may pass."""
    found: Resource | None = None
    resource = view.graph.get(service)
    for pod in pods[:PODS]:
        policies = policies_of(view, pod.resource, Direction.INGRESS)
        if resource is None or not policies or pod.resource.spec.get("hostNetwork") is True:
            return None
        half = _half(pod.resource, _target(resource, pod.resource, port))
        if any(_lets_in(policy, half) for policy in policies):
            return None
        found = found or min(policies, key=lambda policy: policy.ref)
    return found


def _target(service: Resource, pod: Resource, port: int) -> int:
    for entry in children(service.spec, "ports"):
        if number(entry, "port") == port:
            named = named_ports(pod, text(entry, "targetPort"))
            return number(entry, "targetPort") or (named[0] if named else port)
    return port


def _half(pod: Resource, port: int) -> Half:
    end = End(pod=pod)
    return Half(Direction.INGRESS, end, End(), end, port, "TCP")


def _lets_in(policy: Resource, half: Half) -> bool:
    for rule in rules_of(policy, Direction.INGRESS):
        peers = peers_of(rule, Direction.INGRESS)
        open_to_it = not peers or any(mapping(peer, "ipBlock") for peer in peers)
        if open_to_it and port_fits(rule, half) is not False:
            return True
    return False
