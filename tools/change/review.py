"""Asks the server what the person may do and who it takes them for. It posts reviews only, which store nothing."""

from __future__ import annotations

import msgspec

from copilot.model import CopilotError, mapping, text
from guardrails.plan import Access, ObjectRef, Requester, RestartArgs, ScaleArgs
from tools.access import AccessQuestion, may
from tools.change.identity import requester_of
from tools.cluster.transport import Review, Transport


def wanted_access(ref: ObjectRef, args: ScaleArgs | RestartArgs) -> tuple[Access, ...]:
    """Every right that a change needs, not asked yet: to read the object and to send the one request."""
    subresource = "scale" if isinstance(args, ScaleArgs) else ""
    return tuple(
        Access(verb, ref.group, ref.resource, part, ref.namespace, ref.name, allowed=None, reason="")
        for verb, part in (("get", ""), ("patch", subresource))
    )


def review_access(reader: Transport, wanted: tuple[Access, ...]) -> tuple[Access, ...]:
    """Ask for each right. No clear answer counts as a no."""
    return tuple(_asked(reader, access) for access in wanted)


def who_am_i(reader: Transport, person: Requester) -> Requester:
    """The person with their name in the cluster; unchanged where the server does not answer that (before 1.28)."""
    answer = reader.review(Review.IDENTITY, {})
    info = mapping(answer.json(), "status", "userInfo")
    return requester_of(person, info) if answer.ok and text(info, "username") else person


def _asked(reader: Transport, access: Access) -> Access:
    question = AccessQuestion(
        access.verb, access.resource, access.group, access.namespace, access.name, access.subresource
    )
    try:
        answer = may(reader, question)
    except CopilotError as error:
        return msgspec.structs.replace(access, allowed=False, reason=error.title)
    # A yes needs no reason, and its wording (which binding grants it) may change without any change of the answer.
    reason = "" if answer.allowed else answer.reason or answer.doubt
    return msgspec.structs.replace(access, allowed=answer.allowed, reason=reason)
