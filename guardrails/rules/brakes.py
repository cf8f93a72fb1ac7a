"""The brake: after several changes that did not work, a person looks before anything more is planned for them."""

from __future__ import annotations

from collections.abc import Iterable

from guardrails.facts import Case
from guardrails.rules.finding import Finding, refuse

MOST_FAILED = 3  # of one person within an hour: the next try would be a guess


def failures(case: Case) -> Iterable[Finding]:
    """More failures than these close the door, but not for a way back."""
    if case.failed_lately > MOST_FAILED and not case.is_undo:
        yield refuse(
            f"{case.failed_lately} of your changes have failed within the last hour: look at them with "
            'kubectl copilot audit failed, and note what you found with --note "..."; a way back (undo) is still open'
        )


RULES = (failures,)
