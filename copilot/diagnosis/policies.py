"""NetworkPolicies as sets: may this pod talk to that one on this port, and which policy decides. Pure.

Upstream: k8s.io/api/networking/v1 NetworkPolicySpec. Policies only add permissions: a pod that any policy selects for a
direction may do there what some policy allows, and nothing else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import msgspec

from copilot.diagnosis.view import View
from copilot.model import Ref, Resource, children, mapping, number, text, texts
from retrievers.graph.selectors import parse_label_selector

GROUP = "networking.k8s.io"
_NAME_LABEL = "kubernetes.io/metadata.name"  # set by the API server on every namespace


class Direction(Enum):
    """The two halves of a connection; both must be allowed."""

    EGRESS = "Egress"  # judged by the policies of the source
    INGRESS = "Ingress"  # judged by the policies of the target


class End(msgspec.Struct, frozen=True, eq=False):
    """One end of a connection: a pod, or an address outside (`pod` None)."""

    ip: str = ""
    pod: Resource | None = None


class Refusal(msgspec.Struct, frozen=True, eq=False):
    """Why a connection is not allowed: the direction, the policies that isolate, and the one that comes nearest to allowing it."""

    direction: Direction
    policies: tuple[Resource, ...]
    nearest: Resource
    why: str


def refusal(view: View, source: End, target: End, port: int, protocol: str = "TCP") -> Refusal | None:
    """None when allowed; else the refusal of the first direction that blocks."""
    for direction, own, other in ((Direction.EGRESS, source, target), (Direction.INGRESS, target, source)):
        if own.pod is None or own.pod.spec.get("hostNetwork") is True:
            continue
        if direction is Direction.INGRESS and source.pod is not None and source.pod.spec.get("hostNetwork") is True:
            continue  # traffic from a node is let in by most network plugins
        isolating = policies_of(view, own.pod, direction)
        if not isolating:
            continue
        served = target.pod
        if not any(_allows(view, policy, direction, other, served, port, protocol) for policy in isolating):
            return _refused(view, direction, isolating, other, served, port, protocol)
    return None


def policies_of(view: View, pod: Resource, direction: Direction) -> list[Resource]:
    """The policies that isolate a pod in a direction."""
    found = []
    for policy in view.graph.of_kind("NetworkPolicy", pod.ref.namespace, GROUP):
        selector = parse_label_selector(policy.spec.get("podSelector") or {})
        if selector is not None and selector.matches(pod.labels) and direction.value in types_of(policy):
            found.append(policy)
    return found


def allowing(
    view: View,
    own: Resource,
    other: End,
    direction: Direction,
    served: Resource | None,
    port: int,
    protocol: str = "TCP",
) -> list[Resource]:
    """Of the policies that isolate a pod in a direction, those that let this connection pass. `served` is the target pod."""
    return [
        policy
        for policy in policies_of(view, own, direction)
        if _allows(view, policy, direction, other, served, port, protocol)
    ]


def rule_texts(policy: Resource, direction: Direction) -> list[str]:
    """What each rule of a direction lets through, in words; a policy without rules lets nothing through."""
    return [_told(rule, direction) for rule in rules_of(policy, direction)]


def types_of(policy: Resource) -> list[str]:
    """The directions a policy is about; unsaid, ingress always and egress when it has egress rules."""
    said = texts(policy.spec, "policyTypes")
    return said or ["Ingress", *(["Egress"] if policy.spec.get("egress") else [])]


def rules_of(policy: Resource, direction: Direction) -> list[Mapping[str, Any]]:
    """The rules of one direction."""
    return list(children(policy.spec, direction.value.lower()))


def _peers(rule: Mapping[str, Any], direction: Direction) -> list[Mapping[str, Any]]:
    return list(children(rule, "to" if direction is Direction.EGRESS else "from"))


def _allows(
    view: View, policy: Resource, direction: Direction, other: End, served: Resource | None, port: int, protocol: str
) -> bool:
    return any(
        _port_fits(rule, served, port, protocol) and _peer_fits(view, policy, rule, direction, other)
        for rule in rules_of(policy, direction)
    )


def _port_fits(rule: Mapping[str, Any], served: Resource | None, port: int, protocol: str) -> bool:
    """Whether a rule's ports hold this one; a rule without ports holds all, an unknown port (0) is taken to fit."""
    ports = list(children(rule, "ports"))
    if not ports or not port:
        return True
    for entry in ports:
        if (text(entry, "protocol") or "TCP") != protocol:
            continue
        wanted, end = entry.get("port"), number(entry, "endPort")
        if wanted is None:
            return True
        if isinstance(wanted, str) and not wanted.isdigit():
            if port in _named_ports(served, wanted):
                return True
        elif number(wanted) == port or (end and number(wanted) <= port <= end):
            return True
    return False


def _named_ports(pod: Resource | None, name: str) -> list[int]:
    if pod is None:
        return []
    return [
        number(entry, "containerPort")
        for container in children(pod.spec, "containers")
        for entry in children(container, "ports")
        if text(entry, "name") == name
    ]


def _peer_fits(view: View, policy: Resource, rule: Mapping[str, Any], direction: Direction, other: End) -> bool:
    peers = _peers(rule, direction)
    return not peers or any(_is_peer(view, policy, peer, other) for peer in peers)


def _is_peer(view: View, policy: Resource, peer: Mapping[str, Any], other: End) -> bool:
    block = mapping(peer, "ipBlock")
    if block:
        return _in_block(block, other.ip or (text(other.pod.status, "podIP") if other.pod is not None else ""))
    if other.pod is None:
        return False
    namespace = other.pod.ref.namespace
    if "namespaceSelector" in peer:
        selector = parse_label_selector(peer.get("namespaceSelector"))
        if selector is None or not selector.matches(namespace_labels(view, namespace)):
            return False
    elif namespace != policy.ref.namespace:
        return False
    if "podSelector" in peer:
        selector = parse_label_selector(peer.get("podSelector"))
        return selector is not None and selector.matches(other.pod.labels)
    return True


def namespace_labels(view: View, name: str) -> Mapping[str, Any]:
    """The labels of a namespace, with the one that the API server sets."""
    found = view.graph.get(Ref("Namespace", "", name))
    return {_NAME_LABEL: name, **(found.labels if found is not None else {})}


def _in_block(block: Mapping[str, Any], address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
        if ip not in ipaddress.ip_network(text(block, "cidr"), strict=False):
            return False
        return not any(ip in ipaddress.ip_network(part, strict=False) for part in texts(block, "except"))
    except ValueError:
        return False


def _refused(
    view: View,
    direction: Direction,
    policies: list[Resource],
    other: End,
    served: Resource | None,
    port: int,
    protocol: str,
) -> Refusal:
    """The policy that comes nearest: one whose peers fit but not its ports, or the reverse; else one with rules; else any."""
    best: tuple[int, int, Resource, str] | None = None
    for policy in policies:
        rank, why = (
            _DENIES_ALL if not rules_of(policy, direction) else -1,
            f"allows no {direction.value.lower()} at all",
        )
        for rule in rules_of(policy, direction):
            fits_port = _port_fits(rule, served, port, protocol)
            fits_peer = _peer_fits(view, policy, rule, direction, other)
            score = _nearness(rule, direction, port, fits_port=fits_port, fits_peer=fits_peer)
            if score > rank:
                rank, why = score, f"allows only {_told(rule, direction)}"
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
    named = bool(_peers(rule, direction))
    if (fits_peer and named) or (not ports and named and direction is Direction.INGRESS):
        return 3
    return 1


def _told(rule: Mapping[str, Any], direction: Direction) -> str:
    ports = ", ".join(_port_words(rule)) or "any port"
    peers = " or ".join(_peer_words(_peers(rule, direction))) or "anybody"
    return f"{'to' if direction is Direction.EGRESS else 'from'} {peers} on {ports}"


def _port_words(rule: Mapping[str, Any]) -> Iterator[str]:
    for entry in children(rule, "ports"):
        last = f"-{number(entry, 'endPort')}" if number(entry, "endPort") else ""
        yield f"{text(entry, 'protocol') or 'TCP'} {text(entry, 'port') or 'any'}{last}"


def _peer_words(peers: list[Mapping[str, Any]]) -> Iterator[str]:
    for peer in peers:
        parts = []
        if "namespaceSelector" in peer:
            parts.append(
                f"namespaces {parse_label_selector(peer.get('namespaceSelector')) or '(all)'}".replace(
                    "namespaces  ", "all namespaces"
                )
            )
        if "podSelector" in peer:
            shown = str(parse_label_selector(peer.get("podSelector")) or "")
            parts.append(f"pods {shown}" if shown else "pods of the namespace")
        if mapping(peer, "ipBlock"):
            left_out = texts(peer, "ipBlock", "except")
            parts.append(text(peer, "ipBlock", "cidr") + (f" except {', '.join(left_out)}" if left_out else ""))
        yield " in ".join(reversed(parts)) if len(parts) > 1 else "".join(parts)
