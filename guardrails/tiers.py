"""Judges a change: which tier it needs, or why nobody may approve it. A rule can only raise or refuse, never lower."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from guardrails.facts import Case
from guardrails.plan import Tier
from guardrails.rules import brakes, circumstances, operations, surroundings
from guardrails.rules.disruption import pods_disrupted
from guardrails.rules.finding import Finding, Rule, Weight

__all__ = ["RULES", "Finding", "Judgement", "Rule", "Weight", "judge", "pods_disrupted"]
RULES: tuple[Rule, ...] = (*circumstances.RULES, *operations.RULES, *surroundings.RULES, *brakes.RULES)


class Judgement(msgspec.Struct, frozen=True):
    """All findings together. Any refusal means: not to be approved here."""

    tier: Tier
    reasons: tuple[str, ...]
    refusals: tuple[str, ...]


def judge(case: Case, rules: Sequence[Rule] | None = None) -> Judgement:
    """Apply every rule. Raisers lift to TWO_PEOPLE at most; NEVER comes only from a rule that says so."""
    findings = [finding for rule in (RULES if rules is None else rules) for finding in rule(case)]
    base = max((finding.tier for finding in findings if finding.weight is Weight.AT_LEAST), default=Tier.ONE_YES)
    raised = sum(finding.weight is Weight.RAISE for finding in findings)
    tier = base if base is Tier.NEVER else Tier(min(Tier.TWO_PEOPLE, base + raised))
    reasons = tuple(finding.reason for finding in findings if finding.weight is not Weight.REFUSE)
    refusals = [finding.reason for finding in findings if finding.weight is Weight.REFUSE]
    return Judgement(tier, reasons, (*refusals, *agreement_refusals(tier, case.people)))


def agreement_refusals(tier: Tier, people: int = 1) -> tuple[str, ...]:
    """Why the agreement that a tier asks for cannot be given where so many people can agree; empty where it can."""
    if tier is Tier.TWO_PEOPLE and people < 2:
        return ("it needs the agreement of two people, and this command knows only one: see kubectl copilot executor",)
    return ("changes of this tier are never carried out",) if tier is Tier.NEVER else ()
