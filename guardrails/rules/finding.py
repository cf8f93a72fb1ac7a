"""What a rule may say: at least this tier, one tier more, or no. There is no word for less."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

import msgspec

from guardrails.facts import Case
from guardrails.plan import Tier


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


Rule = Callable[[Case], Iterable[Finding]]


def at_least(tier: Tier, reason: str) -> Finding:
    """It needs this tier or a higher one."""
    return Finding(Weight.AT_LEAST, reason, tier)


def one_more(reason: str) -> Finding:
    """It needs one tier more than it would."""
    return Finding(Weight.RAISE, reason)


def refuse(reason: str) -> Finding:
    """Nobody may approve it."""
    return Finding(Weight.REFUSE, reason)
