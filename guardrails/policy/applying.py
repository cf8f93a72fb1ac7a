"""Puts a site policy on top of a judged plan, and asks it again before the plan is carried out. Pure, and only upward."""

from __future__ import annotations

from datetime import datetime

import msgspec

from guardrails.break_glass import glass_problem
from guardrails.plan import Plan, Tier
from guardrails.policy.opinions import opinions, ruling
from guardrails.policy.policy import Policy
from guardrails.policy.subject import subject_of
from guardrails.tiers import agreement_refusals

ENVIRONMENT_UNKNOWN = "whether this is a production environment (every one is judged alike)"


def with_policy(plan: Plan, policy: Policy, now: datetime, people: int = 1) -> Plan:
    """The plan with what the policy says about it: its tier never lower, its refusals never fewer.

    Only where the plan carries break-glass leave are there fewer: the windows and the second person, and the card says so.
    """
    computed = plan.computed
    if policy.document.environments is None:
        computed = msgspec.structs.replace(computed, not_checked=(*computed.not_checked, ENVIRONMENT_UNKNOWN))
    if not policy.configured:
        return msgspec.structs.replace(plan, computed=computed)
    glass = plan.break_glass
    found = opinions(policy, subject_of(plan), plan.requester, now)
    spoken = ruling(computed.tier, found, break_glass=glass is not None, people=people)
    own = computed.refusals if glass is None else _without_second_person(computed.refusals)
    computed = msgspec.structs.replace(
        computed,
        tier=spoken.tier,
        reasons=(*computed.reasons, *spoken.reasons),
        refusals=(*own, *(each for each in spoken.refusals if each not in own)),
    )
    if glass is not None:
        second = ("the second person",) if spoken.tier is Tier.TWO_PEOPLE else ()
        glass = msgspec.structs.replace(glass, passed=(*second, *spoken.passed))
    return msgspec.structs.replace(
        plan, computed=computed, policy_sha=policy.sha, tier_without_policy=plan.computed.tier, break_glass=glass
    )


def _without_second_person(refusals: tuple[str, ...]) -> tuple[str, ...]:
    asked = agreement_refusals(Tier.TWO_PEOPLE)
    return tuple(each for each in refusals if each not in asked)


def policy_difference(plan: Plan, policy: Policy, now: datetime, people: int = 1) -> str:
    """What the policy says now that it did not say when the plan was made; "" when nothing."""
    if policy.sha != plan.policy_sha:
        return "the site policy has changed"
    if problem := glass_problem(plan, policy.document.break_glass, now):
        return problem
    if not policy.configured:
        return ""
    before = plan.tier_without_policy or plan.computed.tier
    found = opinions(policy, subject_of(plan), plan.requester, now)
    now_said = ruling(before, found, break_glass=plan.break_glass is not None, people=people)
    fresh = [each for each in now_said.refusals if each not in plan.computed.refusals]
    if fresh:
        return fresh[0]
    return f"the site policy asks for tier {int(now_said.tier)} by now" if now_said.tier > plan.computed.tier else ""
