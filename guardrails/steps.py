"""What passes through the door: a rehearsal, an approved step, and what became of it. All of it is inert data."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from guardrails.plan import ClusterId, Step


class RehearsalStep(msgspec.Struct, frozen=True):
    """A step to try with dryRun=All. It needs no approval, since the server stores nothing."""

    plan_id: str
    index: int
    cluster: ClusterId
    step: Step


class ApprovedStep(msgspec.Struct, frozen=True):
    """A step that a person approved. Only `Gate.consume` makes one whose seal holds."""

    plan_id: str
    digest: str
    nonce: str
    index: int
    cluster: ClusterId
    step: Step
    expires: str
    seal: str = ""


class SendState(Enum):
    """What became of one request."""

    APPLIED = "applied"
    CONFLICT = "conflict"  # 409: the object changed since the plan was made
    REFUSED = "refused"  # the server said no; nothing was stored
    NOT_SENT = "not sent"  # no connection: not one byte went out
    UNKNOWN = "unknown"  # it went out and no clear answer came back: to be read back, never repeated


class Outcome(msgspec.Struct, frozen=True):
    """The answer to one request. `body` is the object that came back, empty when none did."""

    state: SendState
    status: int = 0
    message: str = ""
    body: dict[str, Any] = {}
