"""NetworkPolicies as sets: may this pod talk to that one on this port, and which policy decides. Pure.

Upstream: k8s.io/api/networking/v1 NetworkPolicySpec. Policies only add permissions: a pod that any policy selects for a
direction may do there what some policy allows, and nothing else. Here what cannot be told counts as allowed, so that no
policy is blamed on a guess; `copilot.diagnosis.reach` keeps the two apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from copilot.diagnosis.policy_match import (
    GROUP,
    Direction,
    End,
    Half,
    isolates,
    namespace_labels,
    peer_fits,
    peers_of,
    port_fits,
    rule_fits,
    rules_of,
    types_of,
)
from copilot.diagnosis.view import View
from copilot.model import Resource, children, mapping, number, text, texts
from retrievers.graph.selectors import parse_label_selector

__all__ = [
    "Direction",
    "End",
    "Refusal",
    "namespace_labels",
    "policies_of",
    "refusal",
    "rule_texts",
    "rule_words",
    "types_of",
]


class Refusal(msgspec.Struct, frozen=True, eq=False):
    """Why a connection is not allowed: the direction, the policies that isolate, and the one that comes nearest to allowing it."""

    direction: Direction
    policies: tuple[Resource, ...]
    nearest: Resource
    why: str


def refusal(view: View, source: End, target: End, port: int, protocol: str = "TCP") -> Refusal | None:
    """None when allowed; else the refusal of the first direction that blocks."""
    for direction, own, other in ((Direction.EGRESS, source, target), (Direction.INGRESS, target, source)):
        if own.pod is None or own.on_host:
            continue
        if direction is Direction.INGRESS and source.on_host:
            continue  # traffic from a node is let in by most network plugins
        half = Half(direction, own, other, target, port, protocol)
        isolating = policies_of(view, own.pod, direction)
        if isolating and not any(_allows(view, policy, half) for policy in isolating):
            return _refused(view, isolating, half)
    return None


def policies_of(view: View, pod: Resource, direction: Direction) -> list[Resource]:
    """The policies that isolate a pod in a direction."""
    return [
        policy
        for policy in view.graph.of_kind("NetworkPolicy", pod.ref.namespace, GROUP)
        if isolates(policy, pod, direction)
    ]


def rule_texts(policy: Resource, direction: Direction) -> list[str]:
    """What each rule of a direction lets through, in words; a policy without rules lets nothing through."""
    return [rule_words(rule, direction) for rule in rules_of(policy, direction)]


def _allows(view: View, policy: Resource, half: Half) -> bool:
    return any(rule_fits(view, policy, rule, half) is not False for rule in rules_of(policy, half.direction))


def _refused(view: View, policies: list[Resource], half: Half) -> Refusal:
    """The policy that comes nearest: one whose peers fit but not its ports, or the reverse; else one with rules; else any."""
    direction = half.direction
    best: tuple[int, int, Resource, str] | None = None
    for policy in policies:
        rank, why = (
            _DENIES_ALL if not rules_of(policy, direction) else -1,
            f"allows no {direction.value.lower()} at all",
        )
        for rule in rules_of(policy, direction):
            fits_port = port_fits(rule, half) is not False
            fits_peer = peer_fits(view, policy, rule, direction, half.other) is not False
            score = _nearness(rule, direction, half.port, fits_port=fits_port, fits_peer=fits_peer)
            if score > rank:
                rank, why = score, f"allows only {rule_words(rule, direction)}"
        specific = len(mapping(policy.spec, "podSelector", "matchLabels")) + len(list(children(policy.spec, "podSelector", "matchExpressions")))  # fmt: skip
        if best is None or (rank, specific) > best[:2]:
            best = (rank, specific, policy, why)
    assert best is not None, "called with at least one policy"
    return Refusal(direction, tuple(policies), best[2], best[3])


_DENIES_ALL = 2  # nearer than a policy that is about other traffic, farther than one about this target or port


def _nearness(rule: Mapping[str, Any], direction: Direction, port: int, *, fits_port: bool, fits_peer: bool) -> int:
    """How near a rule comes to allowing the connection: 4 the right port, 3 the right peer or caller list, 1 other traffic, 0 DNS."""
    ports = {number(entry, "port") for entry in children(rule, "ports")}
    if ports == {53} and port != 53:
        return 0
    if ports and fits_port:
        return 4
    named = bool(peers_of(rule, direction))
    if (fits_peer and named) or (not ports and named and direction is Direction.INGRESS):
        return 3
    return 1


def rule_words(rule: Mapping[str, Any], direction: Direction) -> str:
    """What one rule lets through: `from pods app=web on TCP 5432`."""
    ports = ", ".join(_port_words(rule)) or "any port"
    peers = " or ".join(_peer_words(peers_of(rule, direction))) or "anybody"
    return f"{'to' if direction is Direction.EGRESS else 'from'} {peers} on {ports}"


def _port_words(rule: Mapping[str, Any]) -> Iterator[str]:
    for entry in children(rule, "ports"):
        last = f"-{number(entry, 'endPort')}" if number(entry, "endPort") else ""
        yield f"{text(entry, 'protocol') or 'TCP'} {text(entry, 'port') or 'any'}{last}"


def _peer_words(peers: list[Mapping[str, Any]]) -> Iterator[str]:
    for peer in peers:
        parts = []
        if "namespaceSelector" in peer:
            shown = str(parse_label_selector(peer.get("namespaceSelector")) or "")
            parts.append(f"namespaces {shown}" if shown else "all namespaces")
        if "podSelector" in peer:
            shown = str(parse_label_selector(peer.get("podSelector")) or "")
            parts.append(f"pods {shown}" if shown else "pods of the namespace")
        if mapping(peer, "ipBlock"):
            left_out = texts(peer, "ipBlock", "except")
            parts.append(text(peer, "ipBlock", "cidr") + (f" except {', '.join(left_out)}" if left_out else ""))
        yield " in ".join(reversed(parts)) if len(parts) > 1 else "".join(parts)
