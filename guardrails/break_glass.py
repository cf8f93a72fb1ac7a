"""Break-glass: who may go past a freeze window and the second person in an emergency, for how long, and what follows.

Promise: it comes from the operator's policy file and a person's own words alone; access review, digest, journal, tier 4,
protected namespaces and taint are not its to pass, and every use asks for a review by somebody else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from copilot.model import mapping, text
from copilot.model.moment import parse_time, stamp
from guardrails.display import visible
from guardrails.errors import ChangeRefused
from guardrails.plan import BreakGlass, Plan, Requester
from guardrails.policy.document import BreakGlassRules
from guardrails.redaction import redact

NOTE = "break_glass"  # the key of a journal entry's detail that holds the leave that was used
MAX_REASON = 300  # characters: a page is read on a telephone
MAX_INCIDENT = 80
_SHORTEST_REASON = 10  # characters: "fix" tells a reviewer nothing


class Review(msgspec.Struct, frozen=True):
    """One use of break-glass, and who looked at it since. `opened` is when it was used; `closed_by` is "" while open."""

    plan: str
    glass: BreakGlass
    opened: str
    closed_by: str = ""
    closed: str = ""
    note: str = ""

    @property
    def is_open(self) -> bool:
        """Tell whether nobody has closed it yet."""
        return not self.closed_by

    def overdue(self, days: int, now: datetime) -> bool:
        """Tell whether it has been open for longer than it may; one whose time cannot be read has."""
        moment = parse_time(self.opened)
        return self.is_open and (moment is None or now - moment > timedelta(days=days))


def grant(
    rules: BreakGlassRules | None,
    person: Requester,
    groups: Sequence[str],
    reviews: Sequence[Review],
    words: tuple[str, str],
    now: datetime,
) -> BreakGlass:
    """Give leave, or say why not.

    Args:
        rules: what the site policy says of it; None where it says nothing.
        person: who asks.
        groups: their groups, as the API server told them.
        reviews: every use so far.
        words: the reason and the incident, as the person wrote them.
        now: the time.

    Raises:
        ChangeRefused: there is no leave for this person, or an old review is open.
    """
    if rules is None:
        raise ChangeRefused(
            "Nobody may use break-glass here",
            "The site policy (COPILOT_POLICY) has no breakGlass: see docs/break-glass.md.",
        )
    granted_by = _granted_by(rules, person, groups)
    if not granted_by:
        who = person.k8s_user or person.sub
        raise ChangeRefused(f"{who} may not use break-glass", "The site policy names people and groups who may.")
    for review in reviews:
        if review.overdue(rules.review_days, now):
            raise ChangeRefused(
                f"The break-glass change {review.plan} of {review.opened} was never reviewed",
                f"Another person closes it: kubectl copilot audit close {review.plan} --note TEXT",
            )
    reason, incident = worded("reason", words[0]), worded("incident", words[1], MAX_INCIDENT)
    if len(reason) < _SHORTEST_REASON:
        raise ChangeRefused(
            "The reason is too short to be reviewed", "Say in a few words what is broken and why it cannot wait."
        )
    name = person.k8s_user or person.sub
    until = _end_of_window(reviews, name, incident, rules.minutes, now)
    return BreakGlass(reason, incident, name, granted_by, stamp(until))


def _granted_by(rules: BreakGlassRules, person: Requester, groups: Sequence[str]) -> str:
    """Which entry of the policy names the person. A name must be the very name: no patterns."""
    for name in (person.k8s_user, person.sub if person.iss == "os" else ""):
        if name and name in rules.people:
            return f"person {name}"
    return next((f"group {group}" for group in groups if group and group in rules.groups), "")


def worded(what: str, given: str, most: int = MAX_REASON) -> str:
    """What a person wrote, as it goes on the card and into the journal: one line, no secret in it.

    Raises:
        ChangeRefused: it is empty, too long, or has characters that do not show.
    """
    said = redact(" ".join(given.split()))
    if not said or len(said) > most or visible(said) != said:
        raise ChangeRefused(f"The {what} must be one line of 1 to {most} characters that show", f"Give --{what} TEXT.")
    return said


def review_days(rules: BreakGlassRules | None) -> int:
    """After how many days an open review closes break-glass for everybody."""
    return (rules or BreakGlassRules()).review_days


def _end_of_window(reviews: Sequence[Review], name: str, incident: str, minutes: int, now: datetime) -> datetime:
    """A second change for the same incident is inside the first one's window; once that is over, a new one begins."""
    ends = [
        end
        for review in reviews
        if (review.glass.person, review.glass.incident) == (name, incident)
        and (end := parse_time(review.glass.until)) is not None
        and now < end <= now + timedelta(minutes=minutes)
    ]
    return min(ends, default=now + timedelta(minutes=minutes))


def glass_problem(plan: Plan, rules: BreakGlassRules | None, now: datetime) -> str:
    """Why the leave that a plan carries is not good (any more); "" when it is, or when the plan has none."""
    glass = plan.break_glass
    if glass is None:
        return ""
    if rules is None:
        return "the site policy lets nobody use break-glass"
    end = parse_time(glass.until)
    if end is None or now >= end:
        return f"its break-glass leave ended at {glass.until}"
    kind, _, name = glass.granted_by.partition(" ")
    named = rules.people if kind == "person" else rules.groups if kind == "group" else ()
    if name not in named or (kind == "person" and name not in (plan.requester.k8s_user, plan.requester.sub)):
        return "the site policy does not give its person break-glass"
    return (
        ""
        if end <= now + timedelta(minutes=rules.minutes)
        else "its break-glass leave is longer than the policy allows"
    )


def page_words(plan_id: str, detail: Mapping[str, Any]) -> str:
    """The page that is sent when the leave is used; `detail` is that of the journal's entry."""
    about = mapping(detail, NOTE)
    person, incident, reason = (text(about, key) for key in ("person", "incident", "reason"))
    return (
        f"BREAK-GLASS: {person} changes the cluster for {incident} (plan {plan_id}): {reason}. "
        f"To be reviewed by another person: kubectl copilot audit close {plan_id}"
    )
