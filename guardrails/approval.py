"""A person's yes to one plan, signed. It names the plan's digest, the person and a deadline, and nothing else fits it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from enum import Enum

import msgspec

from copilot.model.moment import stamp
from guardrails.canonical import canonical_json
from guardrails.plan import Plan, Requester, Tier

# A yes is for what the card showed; after this time the cluster is not what was shown. A riskier one is shorter.
APPROVAL_TTL = {Tier.ONE_YES: timedelta(minutes=15), Tier.TYPED_NAME: timedelta(minutes=10)}


class Method(Enum):
    """Where the yes was given."""

    TERMINAL = "terminal"


class Approval(msgspec.Struct, frozen=True):
    """The signed yes. `nonce` makes it one of a kind, so that it can be used up."""

    plan_id: str
    digest: str
    approver: Requester
    method: Method
    nonce: str
    issued: str
    expires: str
    tier: Tier
    signature: str = ""


def approve(plan: Plan, approver: Requester, method: Method, key: bytes, now: datetime) -> Approval:
    """Sign a yes. Whether it is good for the plan is decided when it is used, not here."""
    ttl = APPROVAL_TTL.get(plan.computed.tier, timedelta(0))
    unsigned = Approval(
        plan_id=plan.id,
        digest=plan.digest,
        approver=approver,
        method=method,
        nonce=secrets.token_hex(16),
        issued=stamp(now),
        expires=stamp(now + ttl),
        tier=plan.computed.tier,
    )
    return msgspec.structs.replace(unsigned, signature=_signature(unsigned, key))


def is_genuine(approval: Approval, key: bytes) -> bool:
    """Tell whether the approval was signed with this key and not altered since."""
    return hmac.compare_digest(_signature(approval, key).encode(), approval.signature.encode("utf-8", "replace"))


def _signature(approval: Approval, key: bytes) -> str:
    content = canonical_json(msgspec.structs.replace(approval, signature=""))
    return hmac.new(key, b"approval\0" + content, hashlib.sha256).hexdigest()
