"""Answers the requests of the socket: it checks who asks, keeps the journal, and lets the executor send.

Promise: a plan is put on record only after it was judged again here, a yes counts only with the words typed for it, and
a step goes out only if it is that of the plan on record. What a client computed is compared, never believed.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, assert_never

import msgspec

from copilot.model import UsageError, parse_time
from copilot.model.moment import stamp
from guardrails.approval import Approval, Method, are_different_people, people_needed, wanted_word
from guardrails.errors import ApprovalError, ChangeRefused, JournalError, PlanChanged
from guardrails.gate import Gate
from guardrails.journal import AlreadyClaimed, Entry, Journal, Kind
from guardrails.plan import SCHEMA, ClusterId, Plan, Requester, Tier, plan_of
from guardrails.reviews import closing, noted
from guardrails.steps import ApprovedStep, RehearsalStep
from tools.change import frames
from tools.change.readback import Reading, read_back
from tools.change.review import review_access
from tools.cluster.transport import Transport
from tools.executor.executor import Executor
from tools.executor.people import ActsAs, Peer, People

MOST_WAITING = 5  # cards that one person is shown at a time: more are no longer read
MAX_WORDS = 2000  # characters of a remark for the journal
_ID = re.compile(r"[0-9a-f]{12}")
_AGAIN = "Nothing was changed. Ask for the change again to get a new plan."


class Hands(msgspec.Struct, frozen=True, eq=False):
    """What acts for one person on one plan: the executor, and the reader with the same identity."""

    executor: Executor
    reader: Transport


class Shop(msgspec.Struct, frozen=True, eq=False):
    """What the service works with.

    Args:
        cluster: the cluster that the executor's own credentials lead to.
        version: of this program.
        hands: makes what acts for an identity (None: the executor's own) on a plan.
        objection: judges a plan again, as its requester would see it; what is wrong with it, or "".
    """

    gate: Gate
    journal: Journal
    people: People
    cluster: ClusterId
    version: str
    clock: Callable[[], datetime]
    hands: Callable[[ActsAs | None, str], Hands]
    objection: Callable[[Plan, Hands], str]


class Service:
    """One executor's answers. Safe to use from several threads."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._people = shop.people
        self._journal = shop.journal
        self._deciding = threading.Lock()  # counts and then writes: plans, yeses

    def answer(self, peer: Peer, ask: frames.AnyAsk) -> Any:
        """Answer one request of one person.

        Raises:
            CopilotError: it is refused, or cannot be done.
        """
        match ask:
            case frames.Status():
                return self._standing(peer)
            case frames.Review(access=access):
                return review_access(self._hands(peer, "").reader, access)
            case frames.Rehearse(step=step):
                return self._rehearse(peer, step)
            case frames.Submit(plan=plan):
                return self._submit(peer, plan)
            case frames.Decline(plan=plan_id):
                return self._decline(peer, plan_id)
            case frames.Approve():
                return self._approve(peer, ask)
            case frames.Progress(plan=plan_id):
                return self._agreement(self._plan(plan_id))
            case frames.Consume(plan=plan_id, digest=digest):
                return self._consume(peer, plan_id, digest)
            case frames.Send(step=approved):
                return self._send(peer, approved)
            case frames.Void(plan=plan_id, reason=reason):
                with self._deciding:  # once this is answered, the plan was used up before or never will be
                    return self._note(peer, plan_id, Kind.VOIDED, {"reason": _words(reason)})
            case frames.Watched(plan=plan_id, step=step, end=end, text=text):
                self._step(plan_id, step)
                return self._note(peer, plan_id, Kind.WATCHED, {"end": _words(end), "text": _words(text)}, step)
            case frames.Settle(plan=plan_id, step=step):
                return self._settle(peer, plan_id, step)
            case frames.Entries(after=after, plan=plan_id):
                return self._page(after, plan_id)
            case frames.Verify(head=head):
                return self._journal.verify(head)
            case frames.Waiting():
                return tuple(frames.WaitingPlan(plan, self._agreement(plan).agreed) for plan in self._waiting())
            case frames.CloseReview(plan=plan_id, note=note):
                return self._close(peer, plan_id, note)
            case frames.Looked(note=note):
                return self._journal.append(Kind.LOOKED, "", noted(self._people.requester(peer), note))
            case _:  # pragma: no cover - the type checker proves that there is none
                assert_never(ask)

    def _standing(self, peer: Peer) -> frames.Standing:
        people = self._people
        return frames.Standing(
            protocol=frames.PROTOCOL,
            version=self._shop.version,
            cluster=self._shop.cluster,
            requester=people.requester(peer),
            may_request=people.may_request(peer),
            may_approve=people.may_approve(peer),
            people=people.count,
            impersonates=people.mapping is not None,
        )

    def _hands(self, peer: Peer, plan_id: str) -> Hands:
        return self._shop.hands(self._people.acts_as(peer), plan_id)

    def _rehearse(self, peer: Peer, step: RehearsalStep) -> Any:
        _require_id(step.plan_id)  # it goes into headers
        return self._hands(peer, step.plan_id).executor.rehearse(step)

    def _submit(self, peer: Peer, plan: Plan) -> Entry:
        _require_id(plan.id)
        self._require_own(peer, plan)
        if plan.schema != SCHEMA or plan.cluster != self._shop.cluster:
            raise ChangeRefused("The plan is for another cluster, or of another version", _AGAIN)
        hands = self._hands(peer, plan.id)
        for step in (*plan.steps, *plan.rollback):
            hands.executor.require_compiled(plan.cluster, step)
        if not plan.steps or plan.computed.refusals or plan.computed.tier is Tier.NEVER:
            raise ChangeRefused("Nobody may agree to this plan, so it does not wait for anybody", "")
        if people_needed(plan) == 1 and not self._people.may_approve(peer):
            raise ChangeRefused(
                "A plan below tier 3 needs your own yes, and yours does not count here",
                "See --approvers of the executor.",
            )
        if objection := self._shop.objection(plan, hands):
            raise ChangeRefused(f"The executor does not find what the plan says: {objection}", _AGAIN)
        with self._deciding:
            self._require_room(plan)
            detail = {"plan": msgspec.to_builtins(plan), "digest": plan.digest}
            try:
                return self._journal.append(Kind.PLANNED, plan.id, detail, claim=f"planned/{plan.id}")
            except AlreadyClaimed as error:
                raise ChangeRefused(f"There is a plan {plan.id} on record already", _AGAIN) from error

    def _require_room(self, plan: Plan) -> None:
        """Stop where a person would have more cards before them than they can read."""
        shared = people_needed(plan) > 1
        mine = [each for each in self._waiting() if people_needed(each) > 1 or each.requester == plan.requester]
        count = sum(people_needed(each) > 1 for each in mine) if shared else len(mine)
        if max(count, 0) >= MOST_WAITING:
            raise ChangeRefused(
                f"{count} plans wait for a yes already, and more are not read with care",
                "kubectl copilot pending lists them: agree, or reject them with kubectl copilot approve PLAN --reject.",
            )

    def _decline(self, peer: Peer, plan_id: str) -> Entry:
        plan = self._plan(plan_id)
        if not self._people.may_approve(peer):
            self._require_own(peer, plan)
        with self._deciding:
            self._require_waiting(plan)
            who = msgspec.to_builtins(self._people.requester(peer))
            return self._journal.append(Kind.DECLINED, plan.id, {"by": who})

    def _approve(self, peer: Peer, ask: frames.Approve) -> frames.Agreement:
        plan, person = self._plan(ask.plan), self._people.requester(peer)
        if not self._people.may_approve(peer):
            raise ApprovalError(f"{peer.name} may not agree to plans here", "See --approvers of the executor.")
        if ask.digest != plan.digest:
            raise ApprovalError("The plan that was shown is not the one on record", _AGAIN)
        if ask.typed != wanted_word(plan):
            raise ApprovalError(
                "What was typed is not what this plan asks for", "Look at its card: kubectl copilot approve PLAN"
            )
        self._require_waiting(plan)
        self._require_unchanged(plan)
        with self._deciding:
            self._require_waiting(plan)
            if any((each.iss, each.sub) == (person.iss, person.sub) for each in map(_approver, self._yeses(plan))):
                raise ApprovalError(f"{peer.name} has agreed to plan {plan.id} already", "")
            self._shop.gate.approve(plan, person, Method.SOCKET)
        return self._agreement(plan)

    def _consume(self, peer: Peer, plan_id: str, digest: str) -> tuple[ApprovedStep, ...]:
        plan = self._plan(plan_id)
        self._require_own(peer, plan)
        if digest != plan.digest:
            raise ApprovalError("The plan to carry out is not the one on record", _AGAIN)
        self._require_waiting(plan)
        self._require_unchanged(plan)
        with self._deciding:
            self._require_waiting(plan)
            return self._shop.gate.consume(plan, self._pair(plan), self._people.requester(peer))

    def _send(self, peer: Peer, approved: ApprovedStep) -> Any:
        plan = self._plan(approved.plan_id)
        self._require_own(peer, plan)
        if approved.digest != plan.digest or approved.step != self._step(plan.id, approved.index):
            raise ApprovalError("The step is not one of the plan on record", _AGAIN)
        return self._hands(peer, plan.id).executor.send(approved)

    def _settle(self, peer: Peer, plan_id: str, number: int) -> Reading:
        """Read a step back with the executor's own eyes: a client's word for it would not do."""
        step = self._step(plan_id, number)
        told = [entry for entry in self._journal.entries(plan_id) if entry.step == number]
        sent = next((entry.at for entry in reversed(told) if entry.kind is Kind.INTENT), "")
        if not sent:
            raise UsageError(f"Step {number} of plan {plan_id} was never sent", "")
        reading = read_back(self._hands(peer, plan_id).reader, step, sent)
        finding = {"state": reading.state.value, "text": _words(reading.text), "uid": reading.uid}
        if told[-1].kind in (Kind.INTENT, Kind.RESULT, Kind.SETTLED) and told[-1].detail != finding:
            self._journal.append(Kind.SETTLED, plan_id, finding, step=number)
        return reading

    def _close(self, peer: Peer, plan_id: str, note: str) -> Entry:
        plan, person = self._plan(plan_id), self._people.requester(peer)
        if not self._people.may_approve(peer):
            raise ApprovalError(f"{peer.name} may not review changes here", "See --approvers of the executor.")
        with self._deciding:  # a review is closed once
            detail = closing(plan, self._journal.entries(plan_id), person, note)
            return self._journal.append(Kind.REVIEW_CLOSED, plan_id, detail)

    def _note(self, peer: Peer, plan_id: str, kind: Kind, detail: dict[str, Any], step: int = -1) -> Entry:
        plan = self._plan(plan_id)
        self._require_own(peer, plan)
        return self._journal.append(kind, plan.id, detail, step=step)

    def _page(self, after: int, plan_id: str) -> frames.Page:
        entries = [entry for entry in self._journal.entries(plan_id or None) if entry.seq > after]
        size, chosen = 0, list[Entry]()
        for entry in entries:
            size += len(msgspec.json.encode(entry))
            if chosen and size > frames.PAGE_BYTES:
                break
            chosen.append(entry)
        return frames.Page(tuple(chosen), more=len(chosen) < len(entries))

    def _plan(self, plan_id: str) -> Plan:
        """The plan on record."""
        planned = next((each for each in self._journal.entries(plan_id) if each.kind is Kind.PLANNED), None)
        if planned is None:
            raise UsageError(
                f"There is no plan {plan_id!r} on record", "kubectl copilot pending lists those that wait."
            )
        try:
            return plan_of(planned.detail["plan"])
        except (msgspec.MsgspecError, KeyError) as error:
            raise JournalError(f"Plan {plan_id} on record is of another version", _AGAIN) from error

    def _step(self, plan_id: str, number: int) -> Any:
        steps = self._plan(plan_id).steps
        if not 1 <= number <= len(steps):
            raise UsageError(f"Plan {plan_id} has no step {number}", "")
        return steps[number - 1]

    def _waiting(self) -> list[Plan]:
        """The plans that nobody declined, that nothing made void and that were not carried out, and are still good."""
        plans: dict[str, Entry] = {}
        for entry in self._journal.entries():
            if entry.kind is Kind.PLANNED:
                plans[entry.plan] = entry
            elif entry.kind in (Kind.DECLINED, Kind.VOIDED, Kind.CONSUMED):
                plans.pop(entry.plan, None)
        found = [self._plan(plan_id) for plan_id in plans]
        return [plan for plan in found if not self._late(plan)]

    def _late(self, plan: Plan) -> bool:
        moment = parse_time(plan.expires)
        return moment is None or self._shop.clock() >= moment

    def _over(self, plan: Plan) -> str:
        """Why a plan no longer waits; "" while it does."""
        for entry in self._journal.entries(plan.id):
            match entry.kind:
                case Kind.DECLINED:
                    return f"it was rejected by {entry.detail.get('by', {}).get('sub', 'who asked for it')}"
                case Kind.VOIDED:
                    return f"something changed: {entry.detail.get('reason', '')}"
                case Kind.CONSUMED:
                    return "it is being carried out, or was"
                case _:
                    continue
        return f"it was good until {plan.expires}" if self._late(plan) else ""

    def _require_waiting(self, plan: Plan) -> None:
        if why := self._over(plan):
            raise ApprovalError(f"Plan {plan.id} does not wait any more: {why}", _AGAIN)

    def _require_own(self, peer: Peer, plan: Plan) -> None:
        if self._people.requester(peer) != plan.requester:
            raise ChangeRefused(f"Plan {plan.id} is not {peer.name}'s", "Only who asked for a plan carries it out.")

    def _require_unchanged(self, plan: Plan) -> None:
        """Judge the plan again as its requester would see it; what no longer holds makes it void."""
        hands = self._shop.hands(self._identity(plan.requester), plan.id)
        if objection := self._shop.objection(plan, hands):
            self._journal.append(Kind.VOIDED, plan.id, {"reason": _words(objection)})
            raise PlanChanged(f"Plan {plan.id} no longer fits: {objection}", _AGAIN)

    def _identity(self, requester: Requester) -> ActsAs | None:
        """Whom to act as for a plan that is on record: its requester may have lost the leave since."""
        if self._people.mapping is None:
            return None
        acts = self._people.mapping.get(requester.sub)
        if acts is None or acts.user != requester.k8s_user:
            raise ChangeRefused(f"{requester.sub} may no longer ask for changes here", _AGAIN)
        return acts

    def _yeses(self, plan: Plan) -> list[Approval]:
        """The approvals on record that are still good by the clock."""
        now = stamp(self._shop.clock())
        told = [each.detail.get("approval") for each in self._journal.entries(plan.id) if each.kind is Kind.APPROVED]
        found = [msgspec.convert(each, Approval) for each in told]
        return [each for each in found if each.digest == plan.digest and each.expires > now]

    def _pair(self, plan: Plan) -> tuple[Approval, ...]:
        """The approvals to use: the newest yes, or the newest two of different people with a stranger among them."""
        yeses = list(reversed(self._yeses(plan)))
        if people_needed(plan) == 1:
            return tuple(yeses[:1])
        for index, one in enumerate(yeses):
            for other in yeses[index + 1 :]:
                people = (one.approver, other.approver)
                if are_different_people(*people) and any(are_different_people(x, plan.requester) for x in people):
                    return (other, one)
        return tuple(yeses[:1])

    def _agreement(self, plan: Plan) -> frames.Agreement:
        needed = people_needed(plan)
        agreed = tuple(each.approver.sub for each in self._yeses(plan))
        over = self._over(plan)
        return frames.Agreement(agreed, needed, ready=not over and len(self._pair(plan)) == needed, over=over)


def _approver(approval: Approval) -> Requester:
    return approval.approver


def _require_id(plan_id: str) -> None:
    if not _ID.fullmatch(plan_id):
        raise ChangeRefused("A plan's id is twelve characters of 0-9 and a-f", _AGAIN)


def _words(said: str) -> str:
    return "".join(char if char.isprintable() else " " for char in said)[:MAX_WORDS]
