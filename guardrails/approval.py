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
APPROVAL_TTL = {
    Tier.ONE_YES: timedelta(minutes=15),
    Tier.TYPED_NAME: timedelta(minutes=10),
    Tier.TWO_PEOPLE: timedelta(minutes=5),
}
WAITING_TTL = timedelta(minutes=15)  # how long a first yes waits for the second: as long as the plan itself is good
CODE_LENGTH = 6  # 31^6 codes: nobody types the right one without having read the card
_CODE_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # without those that look alike: 0 o, 1 i l


class Method(Enum):
    """Where the yes was given."""

    TERMINAL = "terminal"
    SOCKET = "socket"  # at a terminal of an account that the kernel named to the executor


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


def people_needed(plan: Plan) -> int:
    """How many different people must agree: two for the highest tier that can be approved, else one.

    Break-glass leave takes the place of the second person; it has its own reason, window and review.
    """
    return 2 if plan.computed.tier >= Tier.TWO_PEOPLE and plan.break_glass is None else 1


def are_different_people(one: Requester, other: Requester) -> bool:
    """Tell two people apart by issuer and subject and, where both are known, by who the cluster takes them for."""
    named = bool(one.k8s_user and other.k8s_user)
    return (one.iss, one.sub) != (other.iss, other.sub) and not (named and one.k8s_user == other.k8s_user)


def plan_code(plan: Plan) -> str:
    """Six characters that stand on the card of a tier 3 plan. Another plan, or the same one altered, has others."""
    number = int.from_bytes(hashlib.sha256(b"code\0" + plan.digest.encode()).digest()[:16], "big")
    letters = []
    for _ in range(CODE_LENGTH):
        number, index = divmod(number, len(_CODE_LETTERS))
        letters.append(_CODE_LETTERS[index])
    return "".join(letters)


def wanted_word(plan: Plan) -> str:
    """What a person types to agree: `yes`, the object's name where a slip would cost more, the card's code at tier 3."""
    match plan.computed.tier:
        case Tier.ONE_YES:
            return "yes"
        case Tier.TYPED_NAME:
            return plan.target.name
        case _:
            return plan_code(plan)


def approve(plan: Plan, approver: Requester, method: Method, key: bytes, now: datetime) -> Approval:
    """Sign a yes. Whether it is good for the plan is decided when it is used, not here."""
    ttl = WAITING_TTL if people_needed(plan) > 1 else APPROVAL_TTL.get(plan.computed.tier, timedelta(0))
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
