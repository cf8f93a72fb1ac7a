"""Takes a verdict on words to the cluster or the recording: is the object there, and what does the change need there?

Promise: it plans and changes nothing; what was refused stays refused, and a tier can only rise.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from copilot.changing.lookup import op_of
from copilot.model import CopilotError
from guardrails.kubectl.commands import ChangeCommand
from guardrails.kubectl.verdict import Decision, Verdict
from guardrails.operations import ChangeIntent
from guardrails.plan import Plan, Tier
from guardrails.policy.opinions import foreseeable, ruling
from guardrails.policy.policy import Policy
from guardrails.policy.subject import Subject

Planner = Callable[[ChangeIntent, str], Plan]  # an intent and the words it came from


def resolved(verdict: Verdict, plan_for: Planner) -> Verdict:
    """The verdict where the object is known."""
    if verdict.decision is not Decision.APPROVAL or not isinstance(verdict.plan, ChangeCommand):
        return verdict
    try:
        plan = plan_for(verdict.plan.intent, verdict.input)
    except CopilotError as error:
        return _refused(verdict, verdict.tier, error.title, error.hint)
    tier = max(verdict.tier or 0, int(plan.computed.tier))
    refusals = plan.computed.refusals
    # Two people are one refusal of the command that knows one; any other refusal holds for everybody.
    if tier == Tier.NEVER or len(refusals) > (plan.computed.tier is Tier.TWO_PEOPLE):
        return _refused(verdict, tier, "; ".join(refusals), "")
    reason = "; ".join((verdict.reason, *plan.computed.reasons))
    return msgspec.structs.replace(verdict, tier=tier, reason=reason)


def foreseen(verdict: Verdict, policy: Policy, namespace: str | None, now: datetime) -> Verdict:
    """The verdict where no object is looked up: what the site policy says of its namespace and of the hour.

    Its rules and environments are about the object and its cluster, so the reason says that they are still to come.
    """
    if (
        verdict.decision is not Decision.APPROVAL
        or not isinstance(verdict.plan, ChangeCommand)
        or not policy.configured
    ):
        return verdict
    target = verdict.plan.intent.target
    subject = Subject(
        operation=op_of(verdict.plan.intent),
        kind=target.kind or "",
        name=target.name,
        namespace=target.namespace or namespace or "",
    )
    spoken = ruling(Tier(verdict.tier or Tier.ONE_YES), foreseeable(policy, subject, now))
    if spoken.tier is Tier.NEVER or spoken.refusals:
        return _refused(verdict, int(spoken.tier), "; ".join((*spoken.reasons, *spoken.refusals)), "")
    return msgspec.structs.replace(
        verdict, reason=f"{verdict.reason}; the site policy's rules speak where it is looked up"
    )


def _refused(verdict: Verdict, tier: int | None, reason: str, nearest: str) -> Verdict:
    return msgspec.structs.replace(
        verdict, decision=Decision.REFUSED, tier=tier, reason=reason, nearest=nearest, plan=None
    )
