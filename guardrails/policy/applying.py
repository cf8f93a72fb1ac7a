"""Puts a site policy on top of a judged plan, and asks it again before the plan is carried out. Pure, and only upward."""

from __future__ import annotations

from datetime import datetime

import msgspec

from guardrails.plan import Plan
from guardrails.policy.opinions import opinions, ruling
from guardrails.policy.policy import Policy
from guardrails.policy.subject import subject_of

ENVIRONMENT_UNKNOWN = "whether this is a production environment (every one is judged alike)"


def with_policy(plan: Plan, policy: Policy, now: datetime) -> Plan:
    """The plan with what the policy says about it: its tier never lower, its refusals never fewer."""
    computed = plan.computed
    if policy.document.environments is None:
        computed = msgspec.structs.replace(computed, not_checked=(*computed.not_checked, ENVIRONMENT_UNKNOWN))
    if not policy.configured:
        return msgspec.structs.replace(plan, computed=computed)
    spoken = ruling(computed.tier, opinions(policy, subject_of(plan), plan.requester, now))
    computed = msgspec.structs.replace(
        computed,
        tier=spoken.tier,
        reasons=(*computed.reasons, *spoken.reasons),
        refusals=(*computed.refusals, *(each for each in spoken.refusals if each not in computed.refusals)),
    )
    own = plan.computed.tier
    return msgspec.structs.replace(plan, computed=computed, policy_sha=policy.sha, tier_without_policy=own)


def policy_difference(plan: Plan, policy: Policy, now: datetime) -> str:
    """What the policy says now that it did not say when the plan was made; "" when nothing."""
    if policy.sha != plan.policy_sha:
        return "the site policy has changed"
    if not policy.configured:
        return ""
    before = plan.tier_without_policy or plan.computed.tier
    now_said = ruling(before, opinions(policy, subject_of(plan), plan.requester, now))
    fresh = [each for each in now_said.refusals if each not in plan.computed.refusals]
    if fresh:
        return fresh[0]
    return f"the site policy asks for tier {int(now_said.tier)} by now" if now_said.tier > plan.computed.tier else ""
