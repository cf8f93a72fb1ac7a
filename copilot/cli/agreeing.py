"""The conversation with an executor of its own, which `do`, `undo` and `approve` share: ask, hand over the yes, wait, carry out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from copilot.model.errors import EXIT_DENIED

if TYPE_CHECKING:
    from copilot.changing.opening import Workshop
    from guardrails.plan import Plan
    from tools.change.frames import Agreement
    from tools.change.remote import RemoteExecutor

LOOK_EVERY = 2.0  # seconds: a person reads a card for longer


def offer(workshop: Workshop, plan: Plan, recorded: Callable[[Plan], None]) -> int:
    """Put a plan on record, ask for this person's yes, and carry it out once all have agreed.

    `recorded` is called in between, before anybody is asked.
    """
    from guardrails.approval import wanted_word
    from tui.consent import ask, is_attended

    door, remote = workshop.door, workshop.remote
    assert door is not None
    assert remote is not None
    door.note_planned(plan)
    recorded(plan)
    if not is_attended():
        click.echo(f"Plan {plan.id} waits for a yes: kubectl copilot approve {plan.id}", err=True)
        return EXIT_DENIED
    if not remote.standing().may_approve:
        return finish(workshop, plan, remote.progress(plan))
    typed = ask(plan)
    if typed != wanted_word(plan):
        door.note_declined(plan)
        click.echo("Not agreed: nothing was changed.")
        return EXIT_DENIED
    return finish(workshop, plan, remote.approve(plan, typed))


def finish(workshop: Workshop, plan: Plan, state: Agreement) -> int:
    """Wait until all have agreed, then carry the plan out. The requester's hand does it, whoever agreed last."""
    from copilot.cli.change_options import EXIT_INTERRUPTED, carry_out

    assert workshop.remote is not None
    try:
        if not state.ready:
            state = _waited(workshop.remote, plan, state)
    except KeyboardInterrupt:
        click.echo(
            f"\nNo longer waiting. Plan {plan.id} is good until {plan.expires}: kubectl copilot approve {plan.id} carries it on."
        )
        return EXIT_INTERRUPTED
    if not state.ready:
        click.echo(f"Nothing was changed: {_why(state)}.", err=True)
        return EXIT_DENIED
    click.echo(f"Agreed: {' and '.join(state.agreed)}.")
    return carry_out(workshop, plan)


def _waited(remote: RemoteExecutor, plan: Plan, state: Agreement) -> Agreement:
    import time

    who = f"{' and '.join(state.agreed)} agreed. " if state.agreed else ""
    click.echo(
        f"{who}It needs {state.needed} people: another person runs kubectl copilot approve {plan.id}. Waiting; Ctrl-C stops waiting."
    )
    while not state.ready and not state.over:
        time.sleep(LOOK_EVERY)
        state = remote.progress(plan)
    return state


def _why(state: Agreement) -> str:
    from guardrails.display import visible

    return visible(state.over) or f"{len(state.agreed)} of {state.needed} people have agreed"
