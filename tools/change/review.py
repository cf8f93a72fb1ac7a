"""Asks the server what the person may do and who it takes them for. It posts reviews only, which store nothing."""

from __future__ import annotations

from typing import assert_never

import msgspec

from copilot.model import CopilotError, mapping, text, texts
from guardrails.kinds import changeable
from guardrails.operations.args import (
    ApplyArgs,
    CreateJobArgs,
    DeleteArgs,
    EditArgs,
    EvictArgs,
    RestartArgs,
    ScaleArgs,
    StepArgs,
)
from guardrails.plan import Access, ObjectRef, Requester
from tools.access import AccessQuestion, may
from tools.change.identity import requester_of
from tools.cluster.transport import Review, Transport


def wanted_access(ref: ObjectRef, args: StepArgs) -> tuple[Access, ...]:
    """Every right that a change needs, not asked yet: to read the object and to send the one request."""
    job = changeable("Job").resource
    asked: tuple[tuple[str, str, str, str], ...]  # verb, resource, subresource, name
    match args:
        case ScaleArgs():
            asked = (("patch", ref.resource, "scale", ref.name),)
        case RestartArgs() | EditArgs():
            asked = (("patch", ref.resource, "", ref.name),)
        case ApplyArgs(exists=exists, again=again):
            made = () if exists else (("create", ref.resource, "", ""),)
            asked = (*(() if again and not exists else (("patch", ref.resource, "", ref.name),)), *made)
        case EvictArgs():
            asked = (("create", ref.resource, "eviction", ref.name),)
        case DeleteArgs():
            asked = (("delete", ref.resource, "", ref.name),)
        case CreateJobArgs():
            asked = (("create", job, "", ""),)
        case _:
            assert_never(args)
    return tuple(
        Access(verb, ref.group, resource, part, ref.namespace, name, allowed=None, reason="")
        for verb, resource, part, name in (("get", ref.resource, "", ref.name), *asked)
    )


def review_access(reader: Transport, wanted: tuple[Access, ...]) -> tuple[Access, ...]:
    """Ask for each right. No clear answer counts as a no."""
    return tuple(_asked(reader, access) for access in wanted)


def who_am_i(reader: Transport, person: Requester) -> Requester:
    """The person with their name in the cluster; unchanged where the server does not answer that (before 1.28)."""
    answer = reader.review(Review.IDENTITY, {})
    info = mapping(answer.json(), "status", "userInfo")
    return requester_of(person, info) if answer.ok and text(info, "username") else person


def groups_of(reader: Transport) -> tuple[str, ...]:
    """The person's groups as the server tells them; none where it does not answer that."""
    answer = reader.review(Review.IDENTITY, {})
    return tuple(texts(answer.json(), "status", "userInfo", "groups")) if answer.ok else ()


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
