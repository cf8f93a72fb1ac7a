"""`kubectl copilot approve`: one person's yes or no to one plan that waits at an executor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from copilot.cli.options import Target, cluster_options, soak_option
from copilot.model.errors import EXIT_DENIED

if TYPE_CHECKING:
    from guardrails.plan import Plan
    from tools.change.frames import Agreement, WaitingPlan
    from tools.change.remote import RemoteExecutor

_SHORTEST = 4  # characters of a plan's id: fewer name too many plans


@click.command(name="approve")
@click.argument("plan_id", metavar="PLAN")
@click.option("--reject", is_flag=True, help="Say no: the plan stops waiting.")
@soak_option
@cluster_options
def COMMAND(plan_id: str, reject: bool, soak: float, target: Target) -> int:  # noqa: N802 - the name every command module exports
    """Agree to a plan that waits, or reject it.

    The whole card is shown again, the executor checks the plan against the cluster once more, and you type what the card
    asks for: the object's name at tier 2, the card's code at tier 3. Tier 3 needs two different people. Who asked for the
    plan carries it out: their `do` waits for it, or they run approve on it themselves. There is no way to agree to
    several plans at once, and none to agree in advance.

    Needs COPILOT_EXECUTOR: the socket of the executor where the plan waits.

    \b
    Examples:
      kubectl copilot approve 3f9a21c04b77
      kubectl copilot approve 3f9a21c04b77 --reject
    """
    from copilot.cli.change_options import show
    from copilot.cli.pending import executor_of
    from copilot.model import UsageError
    from copilot.settings import load_settings
    from guardrails.approval import wanted_word
    from tui.consent import ask, is_attended

    if target.paths or target.all_namespaces or target.namespace:
        raise UsageError("approve works on one plan that waits", "Leave --from, -n and -A away.")
    settings = load_settings()
    remote = executor_of(settings)
    standing = remote.standing()
    plan = _chosen(remote.waiting(), plan_id).plan
    show(plan, "text", "")
    if reject:
        return _rejected(remote, plan)
    mine, state = plan.requester == standing.requester, remote.progress(plan)
    if not (mine and (state.ready or standing.requester.sub in state.agreed)):
        if not is_attended():
            click.echo("Nobody is at a terminal to agree, so nothing was changed.", err=True)
            return EXIT_DENIED
        typed = ask(plan)
        if typed != wanted_word(plan):
            click.echo("Not agreed. The plan still waits; --reject ends that.")
            return EXIT_DENIED
        state = remote.approve(plan, typed)
    if not mine:
        return _told(plan, state)
    from copilot.changing.opening import open_changing
    from copilot.cli.agreeing import finish
    from copilot.cli.change_options import tell

    return finish(open_changing(target, settings, tell, soak), plan, state)


def _chosen(waiting: tuple[WaitingPlan, ...], plan_id: str) -> WaitingPlan:
    from copilot.model import UsageError

    found = [each for each in waiting if each.plan.id.startswith(plan_id)] if len(plan_id) >= _SHORTEST else []
    if len(found) != 1:
        several = f"{plan_id!r} names {len(found)} plans" if found else f"No plan {plan_id!r} waits for a yes"
        raise UsageError(several, "kubectl copilot pending lists them.")
    return found[0]


def _rejected(remote: RemoteExecutor, plan: Plan) -> int:
    from guardrails.journal import Entry
    from tools.change.frames import Decline

    remote.ask(Decline(plan.id), Entry)
    click.echo(f"Plan {plan.id} is rejected: nothing was changed.")
    return 0


def _told(plan: Plan, state: Agreement) -> int:
    """Say to somebody who agreed to another's plan what comes next."""
    from guardrails.display import visible

    if not state.ready:
        click.echo(f"Your yes is on record: {len(state.agreed)} of {state.needed} people have agreed.")
        return 0
    who = visible(plan.requester.sub)
    click.echo(
        f"All have agreed. {who} carries it out within five minutes: their do waits for it, or they run approve {plan.id}."
    )
    return 0
