"""AdminNetworkPolicy and BaselineAdminNetworkPolicy: ordered rules of the cluster's owner before and after NetworkPolicies.

Upstream: sigs.k8s.io/network-policy-api apis/v1alpha1. The first rule that fits decides; the lowest priority number is
looked at first; among policies of one priority the order is not defined. Pods in their node's network are no subjects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from itertools import groupby
from typing import Any

import msgspec

from copilot.diagnosis.policy_match import (
    MAX_PORT,
    Direction,
    End,
    Fit,
    Half,
    all_of,
    any_of,
    in_block,
    in_namespaces,
    named_ports,
    selects,
)
from copilot.diagnosis.view import View
from copilot.model import Ref, Resource, children, dig, mapping, number, text, texts
from retrievers.graph.selectors import parse_label_selector

GROUP = "policy.networking.k8s.io"
ADMIN = "AdminNetworkPolicy"
BASELINE = "BaselineAdminNetworkPolicy"


class Action(Enum):
    """What a rule does with a connection that fits it."""

    ALLOW = "Allow"
    DENY = "Deny"
    PASS = "Pass"  # noqa: S105 - leaves it to the NetworkPolicies


class Match(msgspec.Struct, frozen=True, eq=False):
    """A rule that decides, or (`sure` False) may decide. `rule` counts from 1."""

    policy: Resource
    rule: int
    name: str
    action: Action
    sure: bool = True


def matches(view: View, kind: str, half: Half) -> list[Match]:
    """The rules that may decide, first to last: each is a doubt but the last, which is sure when one surely fits.

    Where policies of equal priority decide differently, each is a doubt: their order is not defined.
    """
    found: list[Match] = []
    policies = sorted(view.graph.of_kind(kind, group=GROUP), key=lambda one: (number(one.spec, "priority"), one.ref))
    for _, equals in groupby(policies, key=lambda one: number(one.spec, "priority")):
        lines = [list(_first(view, one, half)) for one in equals]
        firm = [line[-1] for line in lines if line and line[-1].sure]
        found += [match for line in lines for match in line if not match.sure]
        if len({match.action for match in firm}) > 1:
            return [*found, *(msgspec.structs.replace(match, sure=False) for match in firm)]
        if firm:
            return [*found, firm[0]]
    return found


def _first(view: View, policy: Resource, half: Half) -> Iterator[Match]:
    """The rules of one policy up to the first that surely fits."""
    subject = _is_subject(view, policy, half.own)
    if subject is False:
        return
    for i, rule in enumerate(children(policy.spec, half.direction.field), start=1):
        action = next((one for one in Action if one.value == text(rule, "action")), None)
        if action is None or (policy.ref.kind == BASELINE and action is Action.PASS):
            continue  # the API server would refuse it
        fits = all_of((subject, _port_fits(rule, half), _peers_fit(view, rule, half.direction, half.other)))
        if fits is not False:
            yield Match(policy, i, text(rule, "name"), action, sure=bool(fits))
        if fits:
            return


def _is_subject(view: View, policy: Resource, own: End) -> Fit:
    if own.pod is None or own.on_host:
        return False
    return _chosen(view, mapping(policy.spec, "subject"), own.pod)


def _chosen(view: View, chooser: Mapping[str, Any], pod: Resource) -> Fit:
    """`namespaces` or `pods` of a subject or peer."""
    if "namespaces" in chooser:
        return in_namespaces(view, parse_label_selector(chooser.get("namespaces")), pod.ref.namespace)
    place = in_namespaces(view, parse_label_selector(dig(chooser, "pods", "namespaceSelector")), pod.ref.namespace)
    return all_of((place, selects(parse_label_selector(dig(chooser, "pods", "podSelector")), pod)))


def _peers_fit(view: View, rule: Mapping[str, Any], direction: Direction, other: End) -> Fit:
    return any_of(_is_peer(view, peer, direction, other) for peer in children(rule, direction.peers))


def _is_peer(view: View, peer: Mapping[str, Any], direction: Direction, other: End) -> Fit:
    if "namespaces" in peer or "pods" in peer:
        return other.pod is not None and not other.on_host and _chosen(view, peer, other.pod)
    if direction is Direction.INGRESS:
        return False
    if "networks" in peer:
        return any_of(in_block({"cidr": cidr}, other) for cidr in texts(peer, "networks"))
    if "nodes" in peer:
        return _on_nodes(view, peer.get("nodes"), other)
    return None if texts(peer, "domainNames") and other.pod is None else False


def _on_nodes(view: View, selector: Any, other: End) -> Fit:
    if not other.on_host:
        return False
    chosen = parse_label_selector(selector)
    node = view.graph.get(Ref("Node", "", other.host))
    if chosen is None or node is None:
        return None if chosen is not None else False
    return chosen.matches(node.labels)


def _port_fits(rule: Mapping[str, Any], half: Half) -> Fit:
    ports = rule.get("ports")
    if not isinstance(ports, list):
        return True
    return any_of(_one_port(entry, half) for entry in children(ports))


def _one_port(entry: Mapping[str, Any], half: Half) -> Fit:
    name, port = text(entry, "namedPort"), half.port
    if name:
        pod = half.served.pod
        return pod is not None and (port in named_ports(pod, name, half.protocol) if port else None)
    one, span = mapping(entry, "portNumber"), mapping(entry, "portRange")
    if (text(one or span, "protocol") or "TCP") != half.protocol or not (one or span):
        return False
    if not port:
        return True if span and number(span, "start") <= 1 and number(span, "end") >= MAX_PORT else None
    if one:
        return number(one, "port") == port
    return number(span, "start") <= port <= number(span, "end")
