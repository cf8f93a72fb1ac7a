"""One connection, judged by every policy of both directions. Allowed and refused are said only where nothing unread could change it.

A connection passes when the egress policies of its source and the ingress policies of its target both let it. In each
direction: AdminNetworkPolicies in order, then NetworkPolicies as a set, then the BaselineAdminNetworkPolicy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum

import msgspec

from copilot.diagnosis.policies import rule_words
from copilot.diagnosis.policy_match import GROUP, Direction, End, Fit, Half, isolates, peers_of, rule_fits, rules_of
from copilot.diagnosis.reach.admin import ADMIN, BASELINE, Action, Match, matches
from copilot.diagnosis.view import View
from copilot.model import Detail, Resource
from copilot.model.wording import listed


class State(Enum):
    """What can be said of a connection."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    UNKNOWN = "cannot be told"


class Decider(msgspec.Struct, frozen=True, eq=False):
    """A policy that decides. `rule` counts from 1; 0 means that the policy isolates and no rule of it fits."""

    policy: Resource
    direction: Direction
    rule: int
    words: str

    @property
    def place(self) -> str:
        """The field that decides: `spec.ingress[0]`."""
        return f"spec.{self.direction.field}" + (f"[{self.rule - 1}]" if self.rule else "")


class Side(msgspec.Struct, frozen=True, eq=False):
    """The judgement of one direction. `why` says it in words; `as_read` is the state if nothing had been left unread."""

    direction: Direction
    state: State
    deciders: tuple[Decider, ...] = ()
    why: str = ""
    as_read: State = State.UNKNOWN


class Judgement(msgspec.Struct, frozen=True, eq=False):
    """Both directions of one connection."""

    egress: Side
    ingress: Side

    @property
    def state(self) -> State:
        """Refused when one direction refuses, allowed when both allow."""
        return _both(self.egress.state, self.ingress.state)

    @property
    def as_read(self) -> State:
        """The state if nothing had been left unread."""
        return _both(self.egress.as_read, self.ingress.as_read)

    @property
    def sides(self) -> tuple[Side, Side]:
        """Egress, ingress."""
        return self.egress, self.ingress


def _both(one: State, other: State) -> State:
    if State.REFUSED in (one, other):
        return State.REFUSED
    return State.ALLOWED if one is other is State.ALLOWED else State.UNKNOWN


def judge(view: View, source: End, target: End, port: int, protocol: str = "TCP") -> Judgement:
    """Judge a connection from `source` to a port (0: not known) of `target`."""
    return Judgement(
        _side(view, Half(Direction.EGRESS, source, target, target, port, protocol)),
        _side(view, Half(Direction.INGRESS, target, source, target, port, protocol)),
    )


def _side(view: View, half: Half) -> Side:
    direction = half.direction
    free = _untouched(direction, half.own, half.other)
    if free:
        return Side(direction, State.ALLOWED, why=free, as_read=State.ALLOWED)
    admin = matches(view, ADMIN, half)
    last = admin[-1] if admin and admin[-1].sure else None
    settled = _by_policies(view, half) if last is None or last.action is Action.PASS else _by_admin(last, direction)
    return _unless(settled, [match for match in admin if not match.sure])


def _unless(settled: Side, doubts: Iterable[Match]) -> Side:
    """The same, unless a rule that may fit would say otherwise."""
    other = [match for match in doubts if _state(match.action) is not settled.state]
    if not other:
        return settled
    return Side(settled.direction, State.UNKNOWN, _deciders(other, settled.direction), _doubted(other), settled.as_read)


def _untouched(direction: Direction, own: End, other: End) -> str:
    """Why no policy is asked about this end, or nothing."""
    if own.pod is None:
        return f"{'the caller' if direction is Direction.EGRESS else 'the target'} is no pod: policies do not bind it"
    if own.on_host:
        return f"{own.pod.ref} is in its node's network: most network plugins apply no policy to it"
    if other.pod is not None and other.pod.ref == own.pod.ref:
        return "a pod always reaches itself"
    if direction is Direction.INGRESS and other.on_host and other.host and other.host == own.host:
        return f"a node always reaches its own pods, and both are on {own.host}"
    return ""


def _state(action: Action) -> State | None:
    return {Action.ALLOW: State.ALLOWED, Action.DENY: State.REFUSED, Action.PASS: None}[action]


def _by_admin(match: Match, direction: Direction) -> Side:
    state = State.ALLOWED if match.action is Action.ALLOW else State.REFUSED
    deciders = _deciders([match], direction)
    return Side(direction, state, deciders, deciders[0].words, state)


_DOES = {Action.ALLOW: "allows", Action.DENY: "denies", Action.PASS: "passes on"}


def _deciders(found: Iterable[Match], direction: Direction) -> tuple[Decider, ...]:
    return tuple(
        Decider(match.policy, direction, match.rule, f"{_rule(match)} {_DOES[match.action]} it") for match in found
    )


def _rule(match: Match) -> str:
    return f"rule {match.rule}{f' ({match.name})' if match.name else ''} of {match.policy.ref}"


def _doubted(doubts: Iterable[Match]) -> str:
    return f"whether {listed(_rule(match) for match in doubts)} decides cannot be told from what was read"


def _by_policies(view: View, half: Half) -> Side:
    """NetworkPolicies as a set; where none isolates, the baseline."""
    assert half.own.pod is not None, "an end that is no pod is free"
    direction, namespace = half.direction, half.own.pod.ref.namespace
    bound: list[tuple[Resource, Fit]] = []
    for policy in view.graph.of_kind("NetworkPolicy", namespace, GROUP):
        isolated = isolates(policy, half.own.pod, direction)
        if isolated is False:
            continue
        bound.append((policy, isolated))
        for i, rule in enumerate(rules_of(policy, direction), start=1):
            if isolated and rule_fits(view, policy, rule, half):
                words = f"rule {i} of {policy.ref} lets it through: {rule_words(rule, direction)}"
                return Side(direction, State.ALLOWED, (Decider(policy, direction, i, words),), words, State.ALLOWED)
    complete = view.was_read("NetworkPolicy", namespace)
    return _refusing(view, bound, half, complete=complete) if bound else _unbound(view, half, complete=complete)


def _unbound(view: View, half: Half, *, complete: bool) -> Side:
    """No NetworkPolicy isolates the pod: the baseline decides, and without one everything is allowed."""
    assert half.own.pod is not None, "an end that is no pod is free"
    direction, namespace = half.direction, half.own.pod.ref.namespace
    found = matches(view, BASELINE, half)
    if found and found[-1].sure:
        settled = _by_admin(found[-1], direction)
    else:
        why = f"no NetworkPolicy selects the {'caller' if direction is Direction.EGRESS else 'target'}"
        settled = Side(direction, State.ALLOWED, (), why, State.ALLOWED)
    settled = _unless(settled, [match for match in found if not match.sure])
    if complete or settled.state is State.UNKNOWN:
        return settled
    why = f"{settled.why}, but not all NetworkPolicies of namespace {namespace} were read"
    return Side(direction, State.UNKNOWN, settled.deciders, why, settled.as_read)


def _refusing(view: View, bound: list[tuple[Resource, Fit]], half: Half, *, complete: bool) -> Side:
    """Some policy isolates, or may, and none surely lets the connection through."""
    direction = half.direction
    firm = [policy for policy, isolated in bound if isolated]
    maybe = [doubt for policy, isolated in bound for doubt in _doubts(view, policy, half, isolated, bool(firm))]
    if maybe:
        return Side(direction, State.UNKNOWN, tuple(maybe), maybe[0].words)
    why = f"{listed(str(policy.ref) for policy in firm)} {'isolates' if len(firm) == 1 else 'isolate'} it for {direction.field}, and no rule lets this through"
    deciders = tuple(Decider(policy, direction, 0, f"{policy.ref} isolates it") for policy in firm)
    if complete:
        return Side(direction, State.REFUSED, deciders, why, State.REFUSED)
    namespace = firm[0].ref.namespace
    why += f"; but not all NetworkPolicies of namespace {namespace} were read, and another may let it through"
    return Side(direction, State.UNKNOWN, deciders, why, State.REFUSED)


def _doubts(view: View, policy: Resource, half: Half, isolated: Fit, firm: bool) -> Iterator[Decider]:
    """What of a policy could change a refusal: rules that may fit, or, where nothing else isolates, its own selector."""
    direction = half.direction
    if policy.detail is Detail.ROW:
        yield Decider(policy, direction, 0, f"the rules of {policy.ref} were not read")
        return
    if not isolated and not firm:
        yield Decider(policy, direction, 0, f"whether {policy.ref} selects the pod cannot be told: its labels were not read")  # fmt: skip
    for i, rule in enumerate(rules_of(policy, direction), start=1):
        fits = rule_fits(view, policy, rule, half)
        if fits is None or (fits and not isolated):
            words = f"whether rule {i} of {policy.ref} fits cannot be told: {rule_words(rule, direction)}"
            yield Decider(policy, direction, i, words)


def by_address(side: Side) -> bool:
    """Whether a block of addresses decides: addresses may be rewritten on the way."""
    rules = (rules_of(one.policy, one.direction)[one.rule - 1] for one in side.deciders if one.rule)
    return any("ipBlock" in peer or "networks" in peer for rule in rules for peer in peers_of(rule, side.direction))
