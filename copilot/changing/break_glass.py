"""Opens the glass for one person and one incident: asks the server who they are, and the site policy whether they may."""

from __future__ import annotations

from copilot.changing.history import reviews
from copilot.changing.opening import Workshop
from guardrails.break_glass import grant
from guardrails.plan import BreakGlass
from tools.change.review import groups_of


def open_glass(workshop: Workshop, reason: str, incident: str) -> BreakGlass:
    """Leave for this person, as the policy and the server stand now.

    Raises:
        ChangeRefused: they have none, or an earlier use was never reviewed.
    """
    desk = workshop.desk
    rules = desk.policy().document.break_glass
    groups = groups_of(desk.reader)
    return grant(rules, desk.requester, groups, reviews(workshop.journal), (reason, incident), desk.clock())
