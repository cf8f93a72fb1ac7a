"""Of a refusal, the rule that comes nearest to allowing it: what it misses, and the smallest change that would let it through.

Words for a person to weigh; nothing here is ever applied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from copilot.diagnosis.policies import rule_words
from copilot.diagnosis.policy_match import (
    Direction,
    End,
    Fit,
    Half,
    in_namespaces,
    is_peer,
    namespace_labels,
    peer_fits,
    peers_of,
    port_fits,
    rules_of,
)
from copilot.diagnosis.reach.judge import Decider
from copilot.diagnosis.view import View
from copilot.model import Resource, children, mapping, number
from retrievers.graph.selectors import Selector, parse_label_selector

_DNS = 53


class Near(msgspec.Struct, frozen=True, eq=False):
    """The nearest rule (0: none), what it misses, the change. `cost` orders: fewer and smaller misses first."""

    policy: Resource
    rule: int
    missing: tuple[str, ...]
    change: str
    cost: tuple[int, int]


def nearest_rule(view: View, half: Half, deciders: Sequence[Decider]) -> Near | None:
    """The nearest rule of the NetworkPolicies that refuse, None where others refuse."""
    policies = [decider.policy for decider in deciders if decider.policy.ref.kind == "NetworkPolicy"]
    found = [near for policy in policies for near in _of_policy(view, policy, half)]
    return min(found, key=lambda near: (near.cost, near.policy.ref, near.rule), default=None)


def _of_policy(view: View, policy: Resource, half: Half) -> Iterator[Near]:
    rules = rules_of(policy, half.direction)
    if not rules:
        says = f"{policy.ref} has no {half.direction.field} rule: it refuses all {half.direction.field}"
        yield Near(policy, 0, (says,), _add_rule(policy, half), (2, 0))
    for i, rule in enumerate(rules, start=1):
        yield _of_rule(view, policy, i, rule, half)


def _of_rule(view: View, policy: Resource, i: int, rule: Mapping[str, Any], half: Half) -> Near:
    ports_fit, peer = port_fits(rule, half), peer_fits(view, policy, rule, half.direction, half.other)
    where = f"rule {i} of {policy.ref}"
    field = f"spec.{half.direction.field}[{i - 1}]"
    missing: list[str] = []
    change = _add_rule(policy, half)
    cost = (3, 0)
    if not ports_fit:
        missing.append(f"{where} allows {_ports(rule)}, not {_port(half)}")
        if peer:
            change, cost = f"add {_port(half)} to {field}.ports of {policy.ref}", (0, 0)
    if not peer:
        said, fix, size = _nearest_peer(view, policy, rule, half)
        missing.append(f"{where} {said}")
        if ports_fit and fix:
            change, cost = fix, (1, size)
    only_dns = {number(entry, "port") for entry in children(rule, "ports")} == {_DNS} and half.port != _DNS
    return Near(policy, i, tuple(missing), change, (4, 0) if only_dns else cost)


def _nearest_peer(view: View, policy: Resource, rule: Mapping[str, Any], half: Half) -> tuple[str, str, int]:
    """What the nearest peer of a rule misses, the change, and how many labels it is away."""
    direction, other = half.direction, half.other
    verb = "lets out only" if direction is Direction.EGRESS else "lets in only"
    words = f"{verb} {rule_words({direction.peers: rule.get(direction.peers)}, direction).rpartition(' on ')[0].partition(' ')[2]}"
    if other.pod is None:
        address = other.words or other.ip or "an address that is not known"
        return f"{words}, and the other end is {address}", "", 0
    best: tuple[int, str, str] | None = None
    for peer in peers_of(rule, direction):
        said, fix, size = _peer_misses(view, policy, peer, other)
        if best is None or size < best[0]:
            best = (size, said, fix)
    if best is None:
        return words, "", 9
    return f"{words}: {best[1]}", best[2], best[0]


_FAR = 9  # labels away: no small change helps


def _peer_misses(view: View, policy: Resource, peer: Mapping[str, Any], other: End) -> tuple[str, str, int]:
    pod = other.pod
    assert pod is not None, "called for pods"
    if mapping(peer, "ipBlock"):
        return f"the address {', '.join(other.addresses) or 'of the pod'} is not in it", "", _FAR
    if is_peer(view, policy, peer, other) is None:
        return "whether it fits cannot be told", "", _FAR
    said: list[str] = []
    fixes: list[str] = []
    size = 0
    place = pod.ref.namespace
    chosen = peer.get("namespaceSelector")
    if chosen is None:
        if place != policy.ref.namespace:
            return f"without a namespaceSelector it means pods of namespace {policy.ref.namespace}, and {pod.ref} is in {place}", "", _FAR  # fmt: skip
    else:
        gaps, wants = _gaps(parse_label_selector(chosen), namespace_labels(view, place))
        fits: Fit = in_namespaces(view, parse_label_selector(chosen), place)
        if not fits and gaps:
            said.append(f"namespace {place} {'; '.join(gaps)}")
            fixes.append(f"label namespace {place} {','.join(wants)}" if wants else "")
            size += len(gaps)
    if peer.get("podSelector") is not None:
        gaps, wants = _gaps(parse_label_selector(peer.get("podSelector")), pod.labels)
        if gaps:
            said.append(f"{pod.ref} {'; '.join(gaps)}")
            fixes.append(f"label the pods {','.join(wants)} in the template of {view.pod(pod).owner}" if wants else "")
            size += len(gaps)
    return " and ".join(said) or "it fits nothing", " and ".join(fixes) if fixes and all(fixes) else "", size or _FAR


def _gaps(selector: Selector | None, labels: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The requirements that labels do not meet, in words, and the labels that would."""
    if selector is None:
        return ["is selected by nothing: the selector is not valid"], []
    gaps: list[str] = []
    wants: list[str] = []
    for key, value in selector.equal:
        if labels.get(key) != value:
            gaps.append(f"has {key}={labels[key]}, not {value}" if key in labels else f"lacks the label {key}={value}")
            wants.append(f"{key}={value}")
    for need in selector.requirements:
        if not need.matches(labels):
            rule = str(Selector(requirements=(need,)))
            gaps.append(f"has {_label(need.key, labels)}, and the selector wants {rule}")
            values = sorted(need.values)
            wants.append(f"{need.key}={values[0]}" if need.operator == "In" else f"as {rule} wants")
    return gaps, wants


def _label(key: str, labels: Mapping[str, Any]) -> str:
    """The label as it is: `role=web`, or `no label role`."""
    return f"{key}={labels[key]}" if key in labels else f"no label {key}"


def _ports(rule: Mapping[str, Any]) -> str:
    return rule_words({"ports": rule.get("ports")}, Direction.INGRESS).rpartition(" on ")[2]


def _port(half: Half) -> str:
    return f"{half.protocol} {half.port}" if half.port else half.protocol


def _add_rule(policy: Resource, half: Half) -> str:
    """The change that always helps: a rule for exactly this connection."""
    other = half.other
    if other.pod is not None:
        labels = ",".join(
            f"{key}={value}" for key, value in sorted(other.pod.labels.items()) if not _of_one_revision(key)
        )
        who = f"pods {labels or '(any)'} of namespace {other.pod.ref.namespace}"
    else:
        who = f"address {other.words or other.ip}" if other.ip else "the addresses in question"
    way = "to" if half.direction is Direction.EGRESS else "from"
    return f"add to spec.{half.direction.field} of {policy.ref}, or of a policy of its own, a rule {way} {who} on {_port(half)}"


def _of_one_revision(key: str) -> bool:
    return key in ("pod-template-hash", "controller-revision-hash", "pod-template-generation") or key.startswith(
        ("statefulset.kubernetes.io/", "apps.kubernetes.io/", "batch.kubernetes.io/", "job-name", "controller-uid")
    )
