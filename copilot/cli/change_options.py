"""The conversation that `do` and `undo` share: settle what is open, show the card, ask, carry out, report."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from copilot.cli.printing import print_json
from copilot.model.errors import EXIT_DENIED

if TYPE_CHECKING:
    from copilot.changing.door import Carried
    from copilot.changing.opening import Workshop
    from copilot.changing.remembering import Trouble
    from guardrails.approval import Approval
    from guardrails.plan import Plan

_ROUNDS = 3  # plans offered in one run: an object that changes that often needs another remedy
EXIT_ROLLOUT = 1
EXIT_UNKNOWN = 2
EXIT_INTERRUPTED = 130

CHANGES_OFF = (
    "Changes are off: nothing was changed, and only reads were sent. To carry this out, run it again with "
    "--allow-changes (or set COPILOT_ALLOW_CHANGES=1)."
)


def show(plan: Plan, output: str, why_not: str) -> int:
    """Print a plan that is not carried out."""
    if output == "json":
        print_json({"schema": "cluster-copilot/plan/v1", "digest": plan.digest, "plan": plan})
        return EXIT_DENIED
    from tui.card import print_card
    from tui.console import make_console

    print_card(plan, make_console())
    click.echo(f"\n{why_not}" if why_not else "")
    return EXIT_DENIED


def tell(line: str) -> None:
    """Print one line of progress."""
    from guardrails.display import visible

    click.echo(f"  {visible(line)}")


def nothing_more(_plan: Plan) -> None:
    """What is done once a plan is on record, where nothing is."""


def converse(workshop: Workshop, make_plan: Callable[[], Plan], recorded: Callable[[Plan], None] = nothing_more) -> int:
    """Offer a plan, and a new one when something changed in between, until it is carried out or refused.

    `recorded` is called when a plan is on record and nobody was asked yet; what it raises ends the conversation.
    """
    from copilot.changing.settling import settle_all
    from guardrails.errors import PlanChanged

    for plan, reading in settle_all(workshop.desk.reader, workshop.journal, workshop.desk.cluster):
        click.echo(f"Plan {plan.id} had no known outcome. Read back: {reading.text}.")
    for _ in range(_ROUNDS):
        plan = make_plan()
        show(plan, "text", "")
        try:
            return _offer(workshop, plan, recorded)
        except PlanChanged as changed:
            click.echo(f"\n{changed.title}\n{changed.hint} Here it is:\n")
    click.echo(
        f"It changed {_ROUNDS} times while being approved: someone or something else is at work on it.", err=True
    )
    return EXIT_DENIED


def _offer(workshop: Workshop, plan: Plan, recorded: Callable[[Plan], None]) -> int:
    """Ask for the yes and carry the plan out."""
    from copilot.cli.agreeing import offer
    from guardrails.approval import Method, wanted_word
    from tui.consent import ask, is_attended

    if plan.computed.refusals:
        click.echo("Refused: " + "; ".join(plan.computed.refusals), err=True)
        return EXIT_DENIED
    if workshop.remote is not None:
        return offer(workshop, plan, recorded)
    door, gate = workshop.door, workshop.gate
    assert door is not None
    assert gate is not None
    if not is_attended():
        click.echo("Nobody is at a terminal to agree, so nothing was changed.", err=True)
        return EXIT_DENIED
    door.note_planned(plan)
    recorded(plan)
    if ask(plan) != wanted_word(plan):
        door.note_declined(plan)
        click.echo("Not agreed: nothing was changed.")
        return EXIT_DENIED
    return carry_out(workshop, plan, gate.approve(plan, workshop.desk.requester, Method.TERMINAL))


def carry_out(workshop: Workshop, plan: Plan, *approvals: Approval) -> int:
    """Carry out what was agreed to, and report. An executor of its own holds the approvals itself."""
    from copilot.changing.remembering import trouble_before

    assert workshop.door is not None
    try:
        trouble = trouble_before(workshop.desk, plan)
        carried = workshop.door.carry_out(plan, *approvals)
        return _report(workshop, plan, carried, trouble)
    except KeyboardInterrupt:
        click.echo(f"\n{_where_it_stopped(workshop, plan)}")
        return EXIT_INTERRUPTED


def _remember(workshop: Workshop, plan: Plan, carried: Carried, trouble: Trouble | None) -> None:
    """Note whether the trouble that stood there before is gone."""
    from copilot.changing.opening import utc_now
    from copilot.changing.remembering import remember_outcome
    from copilot.settings import load_settings
    from guardrails.display import visible
    from retrievers.history import History

    history = History(load_settings().data_dir)
    if told := remember_outcome(workshop.desk, plan, trouble, carried, history, utc_now()):
        click.echo(visible(told))


def _where_it_stopped(workshop: Workshop, plan: Plan) -> str:
    """Say what an interrupted run has done: the journal knows."""
    from copilot.changing.history import PlanState, find_record

    state = find_record(workshop.journal, plan.id).state
    if state is PlanState.PARTIAL:
        return f"Interrupted on the way. What was done stays; kubectl copilot audit {plan.id} lists it."
    if state is PlanState.APPLIED:
        return f"No longer watching. The change is made and stays; the way back: kubectl copilot undo {plan.id} --allow-changes"
    if state is PlanState.UNKNOWN:
        return "Interrupted while sending: whether the change was made is not known yet. The next do or undo reads it back."
    return "Interrupted before anything was sent: nothing was changed."


def _report(workshop: Workshop, plan: Plan, carried: Carried, trouble: Trouble | None) -> int:
    """Say how it ended, and the way back."""
    from copilot.changing.anchoring import told_of
    from guardrails.display import visible
    from guardrails.steps import SendState
    from tools.change.watch import End

    watched = carried.watched
    if watched is not None:
        click.echo(f"{watched.what} {watched.end.value}: {visible(watched.text)}")
        for seen in watched.troubles:
            click.echo(f"  {visible(seen.line)}")
    if carried.stopped:
        click.echo(visible(carried.stopped))
    if (plan.rollback or plan.computed.way_back) and carried.state is SendState.APPLIED:
        click.echo(f"The way back: kubectl copilot undo {plan.id} --allow-changes")
    click.echo(f"Journal: {workshop.journal.verify().head}")
    for line in told_of(workshop.journal, plan):
        click.echo(visible(line))
    _remember(workshop, plan, carried, trouble)
    if carried.state is not SendState.APPLIED:
        return EXIT_UNKNOWN
    return 0 if watched is not None and watched.end is End.DONE else EXIT_ROLLOUT
