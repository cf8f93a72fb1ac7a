"""The gate: good approvals go in, approved steps come out, once. Everything about the yes is checked here."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from copilot.model.moment import parse_time, stamp
from guardrails.approval import (
    APPROVAL_TTL,
    Approval,
    Method,
    approve,
    are_different_people,
    is_genuine,
    people_needed,
)
from guardrails.break_glass import NOTE
from guardrails.canonical import canonical_json
from guardrails.errors import ApprovalError
from guardrails.journal import Journal, Kind
from guardrails.plan import Plan, Requester, Tier
from guardrails.steps import ApprovedStep

RUN_TTL = timedelta(minutes=30)  # how long the steps of one plan may be sent after it was started
SKEW = timedelta(seconds=60)  # a clock set back further than this since the yes makes its deadline meaningless
_AGAIN = "Ask for the change again to get a new plan."


class Gate:
    """Signs, checks and uses up approvals.

    Args:
        key: the installation's key (`load_or_create_key`).
        journal: where approvals are noted and used up.
        clock: the time now, aware.
    """

    def __init__(self, key: bytes, journal: Journal, clock: Callable[[], datetime]) -> None:
        self._key = key
        self._journal = journal
        self._clock = clock

    def approve(self, plan: Plan, approver: Requester, method: Method) -> Approval:
        """Note a person's yes in the journal and sign it.

        Raises:
            ApprovalError: nobody may approve this plan.
        """
        _refuse_if(bool(plan.computed.refusals) or plan.computed.tier is Tier.NEVER, "This plan may not be approved")
        _refuse_if(people_needed(plan) == 1 and approver != plan.requester, "Only who asked for this plan may agree")
        approval = approve(plan, approver, method, self._key, self._clock())
        self._journal.append(Kind.APPROVED, plan.id, {"approval": msgspec.to_builtins(approval)})
        return approval

    def consume(self, plan: Plan, approvals: tuple[Approval, ...], session: Requester) -> tuple[ApprovedStep, ...]:
        """Use the approvals up and hand out the steps. Of many callers at once exactly one succeeds.

        Where one person's yes is enough it is the requester's own. Where two are needed they are of two different
        people, at least one of whom did not ask for the plan. The hand that carries it out is always the requester's.

        Raises:
            ApprovalError: forged, altered, for another plan or person, too few, expired, or used before.
            JournalError: the journal cannot be written.
        """
        now = self._clock()
        for approval in approvals:
            self._check(plan, approval, now)
        _refuse_if(bool(plan.computed.refusals) or plan.computed.tier is Tier.NEVER, "This plan may not be approved")
        until = self._check_people(plan, approvals, session)
        _refuse_if(now >= _time(until), f"The approval expired at {until}")
        _refuse_if(now >= _time(plan.expires), f"The plan expired at {plan.expires}")
        _refuse_if(now + SKEW < _time(plan.not_before), f"The plan is not good before {plan.not_before}")
        nonce = approvals[-1].nonce
        detail: dict[str, object] = {
            "nonce": nonce,
            "digest": plan.digest,
            "nonces": [each.nonce for each in approvals],
        }
        if plan.break_glass is not None:
            _refuse_if(now >= _time(plan.break_glass.until), "The break-glass leave has ended")
            detail[NOTE] = msgspec.to_builtins(plan.break_glass)  # it is paged, and opens a review
        # A plan is carried out once, whichever of its approvals are used: a second pair of yeses is no second run.
        self._journal.append(Kind.CONSUMED, plan.id, detail, claim=run_of(plan.digest))
        # One request goes out while the yes is fresh. A list of them may take longer: each still carries its precondition.
        good = min(until, plan.expires) if len(plan.steps) == 1 else stamp(now + RUN_TTL)
        return tuple(
            self._sealed(ApprovedStep(plan.id, plan.digest, nonce, index, plan.cluster, step, good))
            for index, step in enumerate(plan.steps, start=1)
        )

    def _check(self, plan: Plan, approval: Approval, now: datetime) -> None:
        """Check what must hold of each approval by itself."""
        _refuse_if(not is_genuine(approval, self._key), "The approval was not signed here")
        _refuse_if(approval.plan_id != plan.id or approval.digest != plan.digest, "The approval is for another plan")
        _refuse_if(approval.tier is not plan.computed.tier, "The approval is for another tier")
        _refuse_if(now + SKEW < _time(approval.issued), "The clock was set back since the approval was given")

    def _check_people(self, plan: Plan, approvals: tuple[Approval, ...], session: Requester) -> str:
        """Check who agreed, and say until when all of it is good."""
        needed = people_needed(plan)
        _refuse_if(session != plan.requester, "The plan is somebody else's")
        _refuse_if(not approvals, "Nobody has agreed to this plan")
        if needed == 1:
            _refuse_if(len(approvals) > 1, "One approval is used at a time")
            _refuse_if(approvals[0].approver != plan.requester, "The approval is somebody else's")
            return approvals[0].expires
        _refuse_if(len(approvals) == 1, "One person's approval is not enough for this plan")
        _refuse_if(len(approvals) > needed, "Two approvals are used at a time")
        one, other = (each.approver for each in approvals)
        _refuse_if(not are_different_people(one, other), "Both approvals are the same person's")
        strangers = [each for each in (one, other) if are_different_people(each, plan.requester)]
        _refuse_if(not strangers, "Nobody but who asked for it has agreed to this plan")
        second = max(_time(each.issued) for each in approvals)
        return min(*(each.expires for each in approvals), stamp(second + APPROVAL_TTL[plan.computed.tier]))

    def vouch(self, step: ApprovedStep) -> None:
        """Check that this gate handed the step out and that it is still good.

        Raises:
            ApprovalError: the seal does not hold, or the step expired.
        """
        genuine = hmac.compare_digest(self._seal(step).encode(), step.seal.encode("utf-8", "replace"))
        _refuse_if(not genuine, "The step did not come through the gate")
        _refuse_if(self._clock() >= _time(step.expires), f"The approval expired at {step.expires}")

    def _sealed(self, step: ApprovedStep) -> ApprovedStep:
        return msgspec.structs.replace(step, seal=self._seal(step))

    def _seal(self, step: ApprovedStep) -> str:
        content = canonical_json(msgspec.structs.replace(step, seal=""))
        return hmac.new(self._key, b"step\0" + content, hashlib.sha256).hexdigest()


def run_of(digest: str) -> str:
    """The claim of carrying a plan out. Whoever makes it first decides: it is carried out, or never will be."""
    return f"plan/{digest}"


def _refuse_if(wrong: bool, title: str) -> None:
    if wrong:
        raise ApprovalError(title, _AGAIN)


def _time(text: str) -> datetime:
    moment = parse_time(text)
    _refuse_if(moment is None, "The approval has an unreadable time")
    assert moment is not None
    return moment
