"""Judges a change: which tier it needs, or why nobody may approve it. A rule can only raise or refuse, never lower."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum

import msgspec

from guardrails.facts import Case
from guardrails.managers import Reverts
from guardrails.plan import DryRunState, RestartArgs, ScaleArgs, Tier

PROTECTED_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease", "cluster-copilot"})
MANY_PODS = 10  # pods: more than this at once, or a fifth of a Service, is not one person's decision
STALE_SECONDS = 30  # an older picture of the cluster may no longer hold
MUCH_GROWTH = 100  # pods: this many new ones at once can fill a cluster and evict others


class Weight(Enum):
    """What a rule's finding does."""

    AT_LEAST = "needs at least a tier"
    RAISE = "raises by one tier"
    REFUSE = "refuses"


class Finding(msgspec.Struct, frozen=True):
    """One rule's finding. `tier` counts for AT_LEAST only."""

    weight: Weight
    reason: str
    tier: Tier = Tier.ONE_YES


class Judgement(msgspec.Struct, frozen=True):
    """All findings together. Any refusal means: not to be approved here."""

    tier: Tier
    reasons: tuple[str, ...]
    refusals: tuple[str, ...]


Rule = Callable[[Case], Iterable[Finding]]


def judge(case: Case, rules: Sequence[Rule] | None = None) -> Judgement:
    """Apply every rule. Raisers lift to TWO_PEOPLE at most; NEVER comes only from a rule that says so."""
    findings = [finding for rule in (RULES if rules is None else rules) for finding in rule(case)]
    base = max((finding.tier for finding in findings if finding.weight is Weight.AT_LEAST), default=Tier.ONE_YES)
    raised = sum(finding.weight is Weight.RAISE for finding in findings)
    tier = base if base is Tier.NEVER else Tier(min(Tier.TWO_PEOPLE, base + raised))
    reasons = tuple(finding.reason for finding in findings if finding.weight is not Weight.REFUSE)
    refusals = [finding.reason for finding in findings if finding.weight is Weight.REFUSE]
    if tier is Tier.TWO_PEOPLE:
        refusals.append("it needs the agreement of two people, and this command knows only one")
    if tier is Tier.NEVER:
        refusals.append("changes of this tier are never carried out")
    return Judgement(tier, reasons, tuple(refusals))


def pods_disrupted(case: Case) -> int:
    """How many running pods the change takes away or replaces."""
    match case.args:
        case ScaleArgs(before=before, after=after):
            return max(0, before - after)
        case RestartArgs():
            return max(0, case.state.replicas - case.state.partition)


def _at_least(tier: Tier, reason: str) -> Finding:
    return Finding(Weight.AT_LEAST, reason, tier)


def _raise(reason: str) -> Finding:
    return Finding(Weight.RAISE, reason)


def _refuse(reason: str) -> Finding:
    return Finding(Weight.REFUSE, reason)


def _protected(case: Case) -> Iterable[Finding]:
    if case.ref.namespace in PROTECTED_NAMESPACES:
        yield _at_least(Tier.NEVER, f"namespace {case.ref.namespace} is protected")


def _scale(case: Case) -> Iterable[Finding]:
    if not isinstance(case.args, ScaleArgs):
        return
    before, after = case.args.before, case.args.after
    if after == before:
        yield _refuse(f"it already wants {before} replica{'s'[: before != 1]}: there is nothing to change")
    elif after == 0:
        yield _at_least(Tier.TWO_PEOPLE, "it scales to zero: nothing is left to serve")
    elif after < before:
        yield _at_least(Tier.TYPED_NAME, f"it takes {before - after} of {before} pods away")
        if case.state.deletes_claims:
            yield _at_least(
                Tier.TWO_PEOPLE, "the volume claims of the pods that go are deleted with them (whenScaled: Delete)"
            )
    elif after - before > MUCH_GROWTH:
        yield _at_least(Tier.TWO_PEOPLE, f"it adds {after - before} pods, more than {MUCH_GROWTH}")
    elif after > 2 * before:
        yield _at_least(Tier.TYPED_NAME, f"it more than doubles the replicas ({before} to {after})")
    else:
        yield _at_least(Tier.ONE_YES, f"it adds {after - before} pod{'s'[: after - before != 1]}")


def _restart(case: Case) -> Iterable[Finding]:
    if not isinstance(case.args, RestartArgs):
        return
    state = case.state
    if state.paused:
        yield _refuse("its rollouts are paused, so a restart would not start; resume it first (kubectl rollout resume)")
    if state.on_delete:
        yield _refuse("its update strategy is OnDelete: a restart would replace no pod until each is deleted by hand")
    if state.replicas == 0:
        yield _refuse("it has no pods to restart")
    elif state.partition >= state.replicas:
        yield _refuse(f"its update partition is {state.partition}: no pod would be replaced")
    if case.ref.kind == "Deployment":
        yield _at_least(Tier.ONE_YES, "it replaces every pod, a few at a time")
    else:
        yield _at_least(Tier.TYPED_NAME, f"it changes the pod template of a {case.ref.kind}")
    if 0 < state.replicas <= state.at_once:
        yield _at_least(Tier.TYPED_NAME, "all its pods may be away at the same time")


def _being_deleted(case: Case) -> Iterable[Finding]:
    if case.state.deleting:
        yield _refuse("it is being deleted")


def _autoscaled(case: Case) -> Iterable[Finding]:
    if isinstance(case.args, ScaleArgs):
        for hpa in case.around.autoscalers:
            yield _refuse(
                f"HorizontalPodAutoscaler {hpa.name} sets its replicas ({hpa.least} to {hpa.most}) and would undo this; "
                f"change the bounds in {hpa.place}"
            )


def _managed(case: Case) -> Iterable[Finding]:
    for manager in case.managers:
        name, place = manager.banner.manager, manager.banner.place
        if isinstance(case.args, RestartArgs):
            if manager.parent:
                yield _at_least(Tier.TYPED_NAME, f"{name} owns it and may write its pod template back")
        elif manager.parent and case.ref.kind == "ReplicaSet":
            yield _refuse(f"{name} owns it and sets its replicas; scale {place} instead")
        elif manager.reverts is Reverts.SOON:
            yield _at_least(Tier.TWO_PEOPLE, f"{name} would put the old number back; change {place} instead")
        else:
            yield _at_least(Tier.TYPED_NAME, f"{name} would overwrite the number later; change {place} too")


def _budgets(case: Case) -> Iterable[Finding]:
    """A budget is not asked by the API for these operations, so it is kept here."""
    lost = _healthy_lost(case)
    for budget in case.around.budgets:
        moves = isinstance(case.args, ScaleArgs) and not budget.absolute
        if lost > 0 and not moves and budget.healthy - lost < budget.wanted:
            yield _refuse(
                f"PodDisruptionBudget {budget.name} wants {budget.wanted} healthy pods; "
                f"{max(0, budget.healthy - lost)} would be left of {budget.healthy}"
            )


def _healthy_lost(case: Case) -> int:
    """Healthy pods that may be missing at the worst moment."""
    state = case.state
    match case.args:
        case ScaleArgs(before=before, after=after):
            return max(0, state.ready - after) if after < before else 0
        case RestartArgs():
            return max(0, state.ready - max(0, state.replicas - state.at_once))


def _endpoints(case: Case) -> Iterable[Finding]:
    lost = _healthy_lost(case)
    for service in case.around.services:
        if service.ready > 0 and lost > 0 and service.ready - min(lost, service.ready_here) <= 0:
            yield _at_least(Tier.TWO_PEOPLE, f"Service {service.name} may be left without a ready endpoint")


def _many_pods(case: Case) -> Iterable[Finding]:
    pods = pods_disrupted(case)
    ready = max((service.ready for service in case.around.services), default=0)
    if pods > max(MANY_PODS, ready // 5):
        yield _raise(f"it disrupts {pods} pods")


def _fragile(case: Case) -> Iterable[Finding]:
    """One doubt about availability raises a restart; a scale down is a typed decision already."""
    if not isinstance(case.args, RestartArgs) or case.state.replicas == 0:
        return
    if case.around.single_writer_volume and case.ref.kind == "Deployment":
        yield _raise("its pods share a volume that only one node may write, so old and new can block each other")
    elif case.state.replicas == 1:
        yield _raise("it has a single replica")
    elif not case.around.budgets and case.state.at_once > 1:
        yield _raise(f"no PodDisruptionBudget covers its pods, and {case.state.at_once} may be away at once")


def _quota(case: Case) -> Iterable[Finding]:
    if isinstance(case.args, ScaleArgs):
        more = case.args.after - case.args.before
        for room in case.around.quotas:
            if more > max(0, room.pods):
                yield _refuse(
                    f"ResourceQuota {room.name} has room for {max(0, room.pods)} more of these pods ({room.resource}); "
                    f"{more} are wanted"
                )


def _picture(case: Case) -> Iterable[Finding]:
    if case.around.unread:
        yield _raise(f"its surroundings are not fully known: {', '.join(case.around.unread)}")
    if case.around.age_seconds > STALE_SECONDS:
        yield _raise(f"the picture of the cluster is {case.around.age_seconds} s old")


def _moved_on(case: Case) -> Iterable[Finding]:
    if case.moved_on:
        yield _at_least(Tier.TYPED_NAME, case.moved_on)


def _loop(case: Case) -> Iterable[Finding]:
    if case.changed_lately and not case.is_undo:
        yield _raise("it was changed through here less than 15 minutes ago")


def _access(case: Case) -> Iterable[Finding]:
    for access in case.access:
        if access.allowed is False:
            what = f"{access.resource}/{access.subresource}" if access.subresource else access.resource
            reason = f" ({access.reason})" if access.reason else ""
            yield _refuse(f"the cluster does not let you {access.verb} {what} in namespace {access.namespace}{reason}")


def _rehearsal(case: Case) -> Iterable[Finding]:
    if case.rehearsed is DryRunState.REFUSED:
        yield _refuse(f"the server refused the rehearsal: {case.rehearsal_detail}")
    if case.rehearsed is DryRunState.NOT_DONE:
        yield _raise(f"the server could not rehearse it: {case.rehearsal_detail}")
    if case.way_back in (DryRunState.REFUSED, DryRunState.NOT_DONE):
        yield _raise("the server did not accept the way back in a rehearsal")


RULES: tuple[Rule, ...] = (
    _protected, _being_deleted, _scale, _restart, _autoscaled, _managed, _budgets, _endpoints, _many_pods, _fragile,
    _quota, _picture, _moved_on, _loop, _access, _rehearsal,
)  # fmt: skip
