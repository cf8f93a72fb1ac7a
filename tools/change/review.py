"""Asks the server what the person may do and who it takes them for. It posts reviews only, which store nothing."""

from __future__ import annotations

import msgspec

from copilot.model import dig, mapping, text
from guardrails.plan import Access, ObjectRef, Requester, RestartArgs, ScaleArgs
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
    attributes = {
        "verb": access.verb,
        "group": access.group,
        "resource": access.resource,
        "subresource": access.subresource,
        "namespace": access.namespace,
        "name": access.name,
    }
    answer = reader.review(Review.ACCESS, {"resourceAttributes": attributes})
    status = mapping(answer.json(), "status")
    allowed = answer.ok and dig(status, "allowed") is True and dig(status, "denied") is not True
    reason = text(status, "reason") or text(status, "evaluationError")
    if not answer.ok:
        reason = f"the access review failed: HTTP {answer.status} {answer.reason}"
    # A yes needs no reason, and its wording (which binding grants it) may change without any change of the answer.
    return msgspec.structs.replace(access, allowed=allowed, reason="" if allowed else reason)
