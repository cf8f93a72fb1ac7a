"""Whether a rule of a NetworkPolicy fits one connection. True, False, or None where what was read cannot tell.

Upstream: k8s.io/api/networking/v1 types.go (NetworkPolicyPeer, NetworkPolicyPort). Whatever the API server would refuse
(an empty peer, a port range without a start) fits nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any

import msgspec

from copilot.diagnosis.view import View
from copilot.model import Detail, Ref, Resource, children, mapping, number, text, texts
from retrievers.graph.selectors import Selector, parse_label_selector

GROUP = "networking.k8s.io"
NAME_LABEL = "kubernetes.io/metadata.name"  # set by the API server on every namespace
MAX_PORT = 65535

Fit = bool | None


class Direction(Enum):
    """The two halves of a connection; both must be allowed."""

    EGRESS = "Egress"  # judged by the policies of the source
    INGRESS = "Ingress"  # judged by the policies of the target

    @property
    def field(self) -> str:
        """The field of a policy's spec that holds its rules."""
        return self.value.lower()

    @property
    def peers(self) -> str:
        """The field of a rule that holds its peers."""
        return "to" if self is Direction.EGRESS else "from"


class End(msgspec.Struct, frozen=True, eq=False):
    """One end of a connection: a pod, or an address that is no pod's (`pod` None).

    A node's address has its `node`. `words` names a block of addresses that `ip` stands for.
    """

    ip: str = ""
    pod: Resource | None = None
    node: str = ""
    words: str = ""

    @property
    def on_host(self) -> bool:
        """Whether it is a node, or a pod in its node's network: policies are not about such pods."""
        return bool(self.node) if self.pod is None else self.pod.spec.get("hostNetwork") is True

    @property
    def host(self) -> str:
        """The node it is on, where that is known."""
        return self.node or (text(self.pod.spec, "nodeName") if self.pod is not None else "")

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses: a pod of a dual-stack cluster has two."""
        if self.ip or self.pod is None:
            return (self.ip,) if self.ip else ()
        listed = [text(entry, "ip") for entry in children(self.pod.status, "podIPs")]
        return tuple(dict.fromkeys(ip for ip in (text(self.pod.status, "podIP"), *listed) if ip))


class Half(msgspec.Struct, frozen=True, eq=False):
    """One half of a connection, as the policies of `own` judge it. `served` is the end that listens; a port of 0 is not known."""

    direction: Direction
    own: End
    other: End
    served: End
    port: int
    protocol: str


def all_of(fits: Iterable[Fit]) -> Fit:
    """False when one is False, else None when one is None."""
    found = list(fits)
    return False if False in found else None if None in found else True


def any_of(fits: Iterable[Fit]) -> Fit:
    """True when one is True, else None when one is None."""
    found = list(fits)
    return True if True in found else None if None in found else False


def selects(selector: Selector | None, pod: Resource) -> Fit:
    """Whether a selector selects a pod; a row of a table does not show its labels."""
    if selector is None:
        return False
    if selector.selects_everything:
        return True
    return None if pod.detail is Detail.ROW and not pod.labels else selector.matches(pod.labels)


def isolates(policy: Resource, pod: Resource, direction: Direction) -> Fit:
    """Whether a policy of the pod's namespace isolates it in a direction. Without a selector it is about every pod."""
    if direction.value not in types_of(policy):
        return None if policy.detail is Detail.ROW else False
    return selects(parse_label_selector(policy.spec.get("podSelector") or {}), pod)


def types_of(policy: Resource) -> list[str]:
    """The directions a policy is about; unsaid, ingress always and egress when it has egress rules."""
    said = texts(policy.spec, "policyTypes")
    return said or ["Ingress", *(["Egress"] if policy.spec.get("egress") else [])]


def rules_of(policy: Resource, direction: Direction) -> list[Mapping[str, Any]]:
    """The rules of one direction."""
    return list(children(policy.spec, direction.field))


def rule_fits(view: View, policy: Resource, rule: Mapping[str, Any], half: Half) -> Fit:
    """Whether a rule lets the connection pass."""
    return all_of((port_fits(rule, half), peer_fits(view, policy, rule, half.direction, half.other)))


def port_fits(rule: Mapping[str, Any], half: Half) -> Fit:
    """Whether a rule's ports hold that of the connection; a rule without ports holds all."""
    ports = list(children(rule, "ports"))
    return any_of(_one_port(entry, half) for entry in ports) if ports else True


def _one_port(entry: Mapping[str, Any], half: Half) -> Fit:
    if (text(entry, "protocol") or "TCP") != half.protocol:
        return False
    wanted, last = entry.get("port"), number(entry, "endPort")
    if wanted is None:
        return not last
    if not half.port:
        return None
    if isinstance(wanted, str) and not wanted.isdigit():
        return half.served.pod is not None and half.port in named_ports(half.served.pod, wanted, half.protocol)
    return number(wanted) <= half.port <= last if last else number(wanted) == half.port


def named_ports(pod: Resource, name: str, protocol: str = "TCP") -> list[int]:
    """The numbers that a port's name has in a pod; a sidecar's ports count as well."""
    return [
        number(entry, "containerPort")
        for entry in declared_ports(pod)
        if text(entry, "name") == name and (text(entry, "protocol") or "TCP") == protocol
    ]


def declared_ports(pod: Resource) -> Iterator[Mapping[str, Any]]:
    """Every port that a container which stays declares."""
    for container in children(pod.spec, "containers"):
        yield from children(container, "ports")
    for container in children(pod.spec, "initContainers"):
        if text(container, "restartPolicy") == "Always":
            yield from children(container, "ports")


def peers_of(rule: Mapping[str, Any], direction: Direction) -> list[Mapping[str, Any]]:
    """The peers of a rule; none means everybody."""
    return list(children(rule, direction.peers))


def peer_fits(view: View, policy: Resource, rule: Mapping[str, Any], direction: Direction, other: End) -> Fit:
    """Whether the other end is among a rule's peers."""
    peers = peers_of(rule, direction)
    return any_of(is_peer(view, policy, peer, other) for peer in peers) if peers else True


def is_peer(view: View, policy: Resource, peer: Mapping[str, Any], other: End) -> Fit:
    """Whether the other end is one peer: a block of addresses, or pods by their labels and those of their namespace."""
    block = mapping(peer, "ipBlock")
    if block:
        return in_block(block, other)
    chosen_pods, chosen_places = peer.get("podSelector"), peer.get("namespaceSelector")
    if other.pod is None or (chosen_pods is None and chosen_places is None):
        return False
    if chosen_places is not None:
        place = in_namespaces(view, parse_label_selector(chosen_places), other.pod.ref.namespace)
    else:
        place = other.pod.ref.namespace == policy.ref.namespace
    fits = all_of((place, selects(parse_label_selector(chosen_pods), other.pod) if chosen_pods is not None else True))
    # A pod in its node's network has the node's address: some network plugins know it as a pod, most do not.
    return None if other.on_host and fits is not False else fits


def in_namespaces(view: View, selector: Selector | None, namespace: str) -> Fit:
    """Whether a selector selects a namespace. Of one that was not read only the name is known."""
    if selector is None:
        return False
    if view.graph.get(Ref("Namespace", "", namespace)) is not None or selector.selects_everything:
        return selector.matches(namespace_labels(view, namespace))
    by_name = Selector(
        tuple(pair for pair in selector.equal if pair[0] == NAME_LABEL),
        tuple(need for need in selector.requirements if need.key == NAME_LABEL),
    )
    if not by_name.matches({NAME_LABEL: namespace}):
        return False
    return True if by_name == selector else None


def namespace_labels(view: View, name: str) -> Mapping[str, Any]:
    """The labels of a namespace, with the one that the API server sets."""
    found = view.graph.get(Ref("Namespace", "", name))
    return {NAME_LABEL: name, **(found.labels if found is not None else {})}


def in_block(block: Mapping[str, Any], other: End) -> Fit:
    """Whether an address of the other end is in a block and in none of its exceptions."""
    addresses = other.addresses
    if not addresses:
        return None
    network = parse_network(text(block, "cidr"))
    if network is None:
        return False
    left_out = [parse_network(part) for part in texts(block, "except")]
    return any(_within(ip, network) and not any(_within(ip, part) for part in left_out) for ip in addresses)


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_network(words: str) -> Network | None:
    """A block of addresses, or None where the words are none."""
    try:
        return ipaddress.ip_network(words, strict=False)
    except ValueError:
        return None


def _within(address: str, network: Network | None) -> bool:
    try:
        return network is not None and ipaddress.ip_address(address) in network
    except ValueError:
        return False
