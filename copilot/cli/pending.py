"""`kubectl copilot pending`: the plans that wait for somebody's yes at an executor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from copilot.cli.options import output_option
from copilot.cli.printing import print_json

if TYPE_CHECKING:
    from copilot.settings import Settings
    from tools.change.frames import WaitingPlan
    from tools.change.remote import RemoteExecutor


@click.command(name="pending")
@output_option("text", "json")
def COMMAND(output: str) -> int:  # noqa: N802 - the name every command module exports
    """List the plans that wait for a yes.

    One line for each: its id, tier, who has agreed, until when it is good, the object, and what was asked for by whom.
    Needs COPILOT_EXECUTOR: the socket of an executor.

    \b
    Example:
      kubectl copilot pending
    """
    from copilot.settings import load_settings
    from guardrails.display import visible

    found = executor_of(load_settings()).waiting()
    if output == "json":
        print_json({"schema": "cluster-copilot/pending/v1", "plans": [_row(each) for each in found]})
        return 0
    if not found:
        click.echo("No plan waits for a yes.")
    for each in found:
        row = _row(each)
        agreed = f"{len(each.agreed)} of {row['needed']} agreed" + (f" ({row['agreed']})" if each.agreed else "")
        words = (
            row["plan"],
            f"tier {row['tier']}",
            agreed,
            f"until {row['expires']}",
            row["effect"],
            f"by {row['by']}",
        )
        click.echo("  ".join(visible(str(word)) for word in words))
    return 0


def _row(each: WaitingPlan) -> dict[str, object]:
    from guardrails.approval import people_needed
    from guardrails.effect import effect

    plan = each.plan
    return {
        "plan": plan.id,
        "tier": int(plan.computed.tier),
        "needed": people_needed(plan),
        "agreed": ", ".join(each.agreed),
        "expires": plan.expires,
        "object": plan.target.title,
        "effect": effect(plan.steps[0]) + (f" and {len(plan.steps) - 1} more" if len(plan.steps) > 1 else ""),
        "words": plan.intent.words,
        "by": plan.requester.sub,
    }


def executor_of(settings: Settings) -> RemoteExecutor:
    """The executor that the settings name.

    Raises:
        UsageError: they name none.
    """
    from copilot.model import UsageError
    from tools.change.remote import RemoteExecutor

    if settings.executor is None:
        raise UsageError(
            "Plans wait at an executor, and none is named",
            "Set COPILOT_EXECUTOR to the socket that kubectl copilot executor prints.",
        )
    return RemoteExecutor(settings.executor)
