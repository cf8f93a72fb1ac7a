"""`kubectl copilot undo`: the way back of a change, as a new plan through the same guarded door."""

from __future__ import annotations

import click

from copilot.cli.break_glass_options import GlassWords, break_glass_options, leave_for, needs_changes
from copilot.cli.options import Target, allow_changes_option, cluster_options, soak_option


@click.command(name="undo")
@click.argument("plan_id", metavar="PLAN")
@allow_changes_option
@soak_option
@break_glass_options
@cluster_options
def COMMAND(plan_id: str, allow_changes: bool, soak: float, glass: GlassWords | None, target: Target) -> int:  # noqa: N802 - the name every command module exports
    """Undo a change made through `do`.

    PLAN is the id that `do` printed, or its first characters; `kubectl copilot audit` lists them. The way back is
    computed from the state before the change, shown as a card, and carried out after a typed yes. Restarts, evictions
    and deletions cannot be undone.

    \b
    Example:
      kubectl copilot undo 3f9a21c04b77 --allow-changes
    """
    from copilot.changing.history import find_record
    from copilot.changing.opening import open_changing, open_reading, open_records
    from copilot.cli.change_options import CHANGES_OFF, converse, show, tell
    from copilot.model import UsageError
    from copilot.settings import load_settings

    settings = load_settings()
    if target.paths or target.all_namespaces:
        raise UsageError("undo works on a live cluster and on one plan", "Leave --from and -A away.")
    record = find_record(open_records(settings), plan_id)
    if not (allow_changes or settings.allow_changes or settings.executor):
        needs_changes(glass)
        return show(open_reading(target, settings).desk.plan_undo(record), "text", CHANGES_OFF)
    workshop = open_changing(target, settings, tell, soak)
    leave = leave_for(workshop, glass)
    return converse(workshop, lambda: workshop.desk.plan_undo(find_record(workshop.journal, plan_id), leave))
