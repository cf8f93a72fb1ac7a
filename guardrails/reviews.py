"""Who may close the review of a break-glass change: somebody who neither asked for it nor agreed to it, and once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from copilot.model import UsageError, mapping, text
from guardrails.approval import are_different_people
from guardrails.break_glass import worded
from guardrails.errors import ChangeRefused
from guardrails.journal import Entry, Kind
from guardrails.plan import Plan, Requester


def closing(plan: Plan, entries: Sequence[Entry], person: Requester, note: str) -> dict[str, Any]:
    """What the journal notes when a person closes the review of a plan; `entries` are the plan's.

    Raises:
        UsageError: it has no open review.
        ChangeRefused: the person asked for the change or agreed to it, or the note cannot be read.
    """
    kinds = {entry.kind for entry in entries}
    if plan.break_glass is None or Kind.CONSUMED not in kinds or Kind.REVIEW_CLOSED in kinds:
        state = "is closed already" if Kind.REVIEW_CLOSED in kinds else "was never opened"
        raise UsageError(f"The review of plan {plan.id} {state}", "kubectl copilot audit reviews lists the open ones.")
    given = [mapping(entry.detail, "approval", "approver") for entry in entries if entry.kind is Kind.APPROVED]
    agreed = [Requester(*(text(each, name) for name in ("iss", "sub", "k8s_user", "groups_sha"))) for each in given]
    if not all(are_different_people(person, other) for other in (plan.requester, *agreed)):
        raise ChangeRefused(
            f"{person.k8s_user or person.sub} cannot review their own change",
            "Another person closes the review, from their own account.",
        )
    return noted(person, note)


def noted(person: Requester, note: str) -> dict[str, Any]:
    """What a person found, with their name."""
    return {"by": {"iss": person.iss, "sub": person.sub, "k8s_user": person.k8s_user}, "note": worded("note", note)}
