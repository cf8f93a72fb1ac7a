"""Opens the glass for one person and one incident: asks the server who they are, and the site policy whether they may."""

from __future__ import annotations

from datetime import datetime

from copilot.changing.history import reviews
from copilot.model import CopilotError, parse_time
from guardrails.break_glass import glass_problem, grant
from guardrails.journal import Journal
from guardrails.plan import BreakGlass, Plan, Requester
from guardrails.policy.policy import Policy
from tools.change.review import groups_of
from tools.cluster.transport import Transport


def open_glass(
    reader: Transport, person: Requester, policy: Policy, journal: Journal, words: tuple[str, str], now: datetime
) -> BreakGlass:
    """Leave for this person, as the policy and the server stand now. `words` are the reason and the incident.

    Raises:
        ChangeRefused: they have none, or an earlier use was never reviewed.
    """
    return grant(policy.document.break_glass, person, groups_of(reader), reviews(journal), words, now)


def glass_objection(plan: Plan, reader: Transport, policy: Policy, journal: Journal, now: datetime) -> str:
    """Why the leave in a plan is not what this process would give its requester; "" when it is, or when there is none.

    For whoever did not make the plan: a leave that a client wrote into it is compared, never believed.
    """
    glass = plan.break_glass
    if glass is None:
        return ""
    if problem := glass_problem(plan, policy.document.break_glass, now):
        return problem
    try:
        given = open_glass(reader, plan.requester, policy, journal, (glass.reason, glass.incident), now)
    except CopilotError as error:
        return error.title
    end, latest = parse_time(glass.until), parse_time(given.until)
    same = (given.reason, given.incident, given.person) == (glass.reason, glass.incident, glass.person)
    if not same or end is None or latest is None or end > latest:
        return "its break-glass leave is not the one that its person would be given"
    return ""
