"""`/do` and `/plans` of `chat`: a proposal is planned afresh, shown as a card, and carried out after a typed yes. Not a command.

Promise: only a line that a person typed gets here, and what it carries out goes through the same door as `do`. Of all plans of
one proposal at most one is ever carried out, whichever terminals offer it; after a crash the journal says what became of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from copilot.model import CopilotError, UsageError
from copilot.model.errors import EXIT_DENIED

if TYPE_CHECKING:
    from copilot.agent.events import PlanProposed, Refused
    from copilot.agent.proposing import PlanningDesk
    from copilot.agent.session import Proposals, Proposed
    from copilot.agent.session.said import Then
    from copilot.changing.desk import Desk
    from copilot.changing.once import Standing
    from copilot.changing.opening import Workshop
    from copilot.cli.talking import Talk
    from copilot.settings import Settings
    from copilot.target import Target
    from guardrails.plan import Plan

RECORDED = "This is a recording: nothing can be changed from here."
CHANGES_OFF = (
    "Changes are off: nothing was changed, and only reads were sent. To carry it out, start the conversation with "
    "--allow-changes (chat --resume last --allow-changes goes on with this one) and type /do again."
)
FROM_STORE = (
    "This proposal was made in an earlier run: your own words still vouch for it, and everything else that the model had "
    "read by then is not kept, so its card treats that as text that anybody may have written."
)


class Typed(msgspec.Struct, frozen=True, eq=False):
    """A proposal as this process heard it: the change in full, and what it is traced to."""

    text: str
    then: Then


class Heard:
    """What this process heard of the proposals of one conversation. It outlives /refresh, and ends with the process."""

    def __init__(self) -> None:
        self.typed: dict[int, Typed] = {}
        self._unkept: Proposals | None = None

    def unkept(self) -> Proposals:
        """The list of a conversation that is not stored."""
        from copilot.agent.session import ProposalsInMemory

        if self._unkept is None:
            self._unkept = ProposalsInMemory()
        return self._unkept


class Approvals:
    """The proposals of one conversation, and the way from each to the door."""

    def __init__(self, talk: Talk, target: Target, settings: Settings, heard: Heard, *, allow: bool, soak: float) -> None:  # fmt: skip
        self._talk = talk
        self._target = target
        self._settings = settings
        self._heard = heard
        self._soak = soak
        self._allowed = allow or settings.allow_changes or settings.executor is not None
        self._taken = 0  # of the conversation's proposals by a model

    @property
    def _book(self) -> Proposals:
        return self._talk.proposals or self._heard.unkept()

    def note(self, event: PlanProposed) -> None:
        """Number what a model proposed, and say how to see its card."""
        text = self._talk.conversation.proposed[self._taken]
        self._taken += 1
        one = self._numbered(text, event.summary, own=False)
        _tell(one, event.warnings)
        click.echo(f"  {event.command}")
        click.echo(f"  /do {one.number} shows its card and asks you; until then nothing is done.")

    def order(self, line: str, refusal: Refused) -> Refused:
        """Number an order that the reader refused, if it is one whole change; the refusal with the way to it."""
        from copilot.agent.orders import read_order
        from copilot.agent.proposing import RecordedDesk
        from copilot.agent.tools.planning import proposal_of
        from copilot.redacting import plain

        asked = read_order(line, self._talk.conversation.focus)
        if asked is None:
            return refusal
        try:
            desk = RecordedDesk(self._talk.copilot.snapshot)
            plan = desk.plan_intent(asked.intent, asked.words, self._talk.copilot.namespace)
        except CopilotError as error:
            return msgspec.structs.replace(refusal, reason=f"{refusal.reason} {plain(error.title)}.", nearest=plain(error.hint))  # fmt: skip
        told = proposal_of(plan, asked.words)
        one = self._numbered(asked.words, told.summary, own=True)
        _tell(one, told.warnings)
        return msgspec.structs.replace(refusal, nearest=f"/do {one.number} shows its card and asks you; alone: {plain(told.command)}")  # fmt: skip

    def _numbered(self, text: str, summary: str, *, own: bool) -> Proposed:
        from copilot.agent.session.said import as_of_now, said_by_now

        session = self._talk.conversation.provenance
        one = self._book.add(text, summary, said_by_now(session), own=own)
        self._heard.typed[one.number] = Typed(text, as_of_now(session))
        return one

    def plans(self) -> None:
        """List the proposals with how far each came."""
        from copilot.changing.once import on_record, standing
        from copilot.changing.opening import open_records
        from guardrails.display import visible

        listed = self._book.listed()
        if not listed:
            click.echo("Nothing was proposed in this conversation. Ask for a change in plain words.")
            return
        known = on_record(open_records(self._settings))
        for one in listed:
            came = standing(known, one.offers)
            click.echo(f"{one.number}  {came.came.value:<9} {visible(one.summary)}")
            click.echo(f"   {'you' if one.own else 'the model'}: {visible(one.text)}")
            click.echo(f"   {visible(came.text)}.")

    def do(self, words: str) -> None:
        """Show the card of a proposal, ask, and carry it out; or say what became of it."""
        try:
            self._do(self._chosen(words))
        except KeyboardInterrupt:
            click.echo("\nInterrupted. /plans says how far it came.")

    def _chosen(self, words: str) -> Proposed:
        listed = self._book.listed()
        if not listed:
            raise UsageError("Nothing was proposed in this conversation.", "Ask for a change in plain words.")
        number = words.strip()
        if number and not (number.isdecimal() and 1 <= int(number[:6]) <= len(listed)):
            raise UsageError(f"There is no proposal {number[:40]!r} in this conversation.", "/plans lists them.")
        return listed[int(number) - 1 if number else -1]

    def _do(self, one: Proposed) -> None:
        from copilot.agent.proposing import RecordedDesk
        from copilot.changing.once import TakenUp, close, hold
        from copilot.changing.opening import open_changing, open_reading, policy_loader
        from copilot.cli.change_options import converse, show, tell
        from guardrails.journal import AlreadyClaimed

        settings, target = self._settings, self._pinned()
        if target.paths:
            desk = RecordedDesk(self._talk.copilot.snapshot, policy_loader(settings)())
            show(self._planned(one, desk), "text", RECORDED)
            return
        if self._was_used(one):
            return
        workshop = open_changing(target, settings, tell, self._soak) if self._allowed else open_reading(target, settings)  # fmt: skip
        self._require_same_cluster(workshop.desk)
        if not self._allowed:
            show(self._planned(one, workshop.desk), "text", CHANGES_OFF)
            return

        def make_plan() -> Plan:
            plan = self._planned(one, workshop.desk)
            self._book.offer(one.number, plan)
            close(workshop.journal, [each for each in self._again(one).offers if each.plan != plan.id])
            return plan

        def recorded(plan: Plan) -> None:
            hold(workshop.journal, self._again(one).offers, plan)

        try:
            ended = converse(workshop, make_plan, recorded)
        except AlreadyClaimed as error:
            raise TakenUp(f"Proposal {one.number} was taken up in another terminal, and nothing was sent from here", "See /plans.") from error  # fmt: skip
        if ended != EXIT_DENIED:
            click.echo("What is answered here is still of before: /refresh reads the cluster again.")

    def _again(self, one: Proposed) -> Proposed:
        """The proposal with the plans that were offered of it by now, in every terminal."""
        return self._book.listed()[one.number - 1]

    def _planned(self, one: Proposed, desk: PlanningDesk) -> Plan:
        """A fresh plan of a proposal, traced to what vouched for it when it was made.

        Raises:
            CopilotError: there is none any more; or what it says was not kept.
        """
        from copilot.agent.proposing import propose_plan
        from copilot.agent.session.said import restored
        from guardrails.errors import ChangeRefused
        from guardrails.kubectl.asked import asked

        typed = self._heard.typed.get(one.number)
        if typed is None and not one.whole:
            raise ChangeRefused(
                f"Proposal {one.number} was made in an earlier run, and not all that it says was kept",
                "Ask for it again.",
            )
        text = typed.text if typed else one.text
        if one.own:
            intent, said = asked((text,))
            return desk.plan_intent(intent, said, one.said.namespace or None)
        if typed is None:
            click.echo(FROM_STORE)
        found = propose_plan(text, typed.then.provenance() if typed else restored(one.said), desk)
        if found.plan is None:
            raise ChangeRefused(found.refusal, found.hint)
        return found.plan

    def _was_used(self, one: Proposed) -> bool:
        """Whether a plan of the proposal was agreed to and used up; then what became of it is read back and told."""
        from copilot.changing.once import on_record, standing
        from copilot.changing.opening import open_records

        offers = self._again(one).offers
        if not offers:
            return False
        came = standing(on_record(open_records(self._settings)), offers)
        if came.used is None:
            return False
        if came.used.unknown:
            came = self._settled(one, came)
        _tell_used(one, came)
        return True

    def _settled(self, one: Proposed, came: Standing) -> Standing:
        """Read back what nobody knows. It sends nothing but reads."""
        from copilot.changing.once import on_record, standing
        from copilot.changing.opening import open_reading, open_remote
        from copilot.changing.settling import settle
        from copilot.cli.change_options import tell

        assert came.used is not None
        target, settings = self._pinned(), self._settings
        workshop: Workshop
        if settings.executor is not None:
            workshop = open_remote(target, settings.executor, settings, tell)
        else:
            workshop = open_reading(target, settings)
        self._require_same_cluster(workshop.desk)
        for reading in settle(workshop.desk.reader, workshop.journal, came.used):
            click.echo(f"Plan {came.used.plan.id} had no known outcome. Read back: {reading.text}.")
        return standing(on_record(workshop.journal), self._again(one).offers)

    def _pinned(self) -> Target:
        """The target by the context that this conversation was opened with: the kubeconfig's choice may have moved since."""
        from tools.cluster.live import LiveSource

        source = self._talk.copilot.source
        if self._target.paths or not isinstance(source, LiveSource):
            return self._target
        return msgspec.structs.replace(self._target, context=self._target.context or source.connection.name or None)

    def _require_same_cluster(self, desk: Desk) -> None:
        from guardrails.errors import ChangeRefused

        uid = self._talk.copilot.identity.rpartition("/")[2]
        if uid and desk.cluster.uid and uid != desk.cluster.uid:
            raise ChangeRefused(
                f"This conversation is about another cluster than {desk.cluster.server} is by now",
                "Start a new conversation there.",
            )


def _tell(one: Proposed, warnings: tuple[str, ...]) -> None:
    from guardrails.display import visible

    click.echo(f"  proposal {one.number}: {visible(one.summary)}")
    for warning in warnings:
        click.echo(f"  warning: {visible(warning)}", err=True)


def _tell_used(one: Proposed, came: Standing) -> None:
    from copilot.changing.history import PlanState
    from guardrails.display import visible

    assert came.used is not None
    click.echo(f"Proposal {one.number}: {came.came.value}. {visible(came.text)}.")
    if came.used.state in (PlanState.APPLIED, PlanState.PARTIAL) and (came.used.plan.rollback or came.used.plan.computed.way_back):  # fmt: skip
        click.echo(f"The way back: kubectl copilot undo {came.used.plan.id} --allow-changes")
    click.echo("It is carried out once only. If you want it again, ask for it again.")
