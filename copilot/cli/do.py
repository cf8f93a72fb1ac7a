"""`kubectl copilot do`: one change, from words to a watched rollout, through the guarded door."""

from __future__ import annotations

import click

from copilot.cli.break_glass_options import GlassWords, break_glass_options, leave_for, needs_changes
from copilot.cli.options import Target, allow_changes_option, cluster_options, output_option, soak_option


@click.command(name="do")
@click.argument("words", metavar="[WORDS]", nargs=-1)
@click.option("-f", "--file", "path", metavar="FILE", help="Apply the one object in this local file (JSON or YAML).")
@allow_changes_option
@soak_option
@break_glass_options
@cluster_options
@output_option("text", "json")
def COMMAND(  # noqa: N802 - the name every command module exports
    words: tuple[str, ...],
    path: str | None,
    allow_changes: bool,
    soak: float,
    glass: GlassWords | None,
    target: Target,
    output: str,
) -> int:
    """Plan one change, show its card, and carry it out after a typed yes.

    \b
    Understood, with [in NAMESPACE] where the kind has one:
      scale KIND/NAME to N                        restart KIND/NAME
      roll back KIND/NAME [to revision N]         set image KIND/NAME CONTAINER=IMAGE
      set resources KIND/NAME requests cpu=1      set env KIND/NAME NAME=VALUE
      patch KIND/NAME /FIELD/PATH=VALUE           label | annotate KIND/NAME KEY=VALUE KEY-
      cordon | uncordon | drain NODE              taint NODE KEY=VALUE:EFFECT KEY-
      pause | resume | suspend | unsuspend KIND/NAME
      evict POD | delete KIND/NAME                create job NAME from CRONJOB

    A kubectl command after -- is read into the same changes (see `check`); kubectl itself is never run.

    With --file one object is applied on the server instead, never over fields that others manage.

    Without --allow-changes only the card is shown. With it, the change is rehearsed on the server, and a person at a
    terminal is asked; there is no option that says yes for them. With -o json the plan is printed and nobody is asked.

    In an emergency --break-glass goes past freeze windows and the second person, for whom the site policy names, and
    past nothing else. It is shown on the card, paged, and has to be reviewed by another person (see `audit`).

    Exit code: 0 done, 1 done but the rollout failed, 2 outcome unknown, 77 refused or not agreed, 64 not understood.

    \b
    Examples:
      kubectl copilot do "scale deploy/web to 3" -n shop
      kubectl copilot do "restart deploy/web in shop" --allow-changes
      kubectl copilot do "set image deploy/web web=repo/app:2 in shop"
      kubectl copilot do -- kubectl scale deploy/web --replicas=3 -n shop
      kubectl copilot do --file web.yaml -n shop --allow-changes
      kubectl copilot do "scale web to 3" --from must-gather.tar.gz
    """
    from copilot.app import open_snapshot
    from copilot.changing.desk import plan_recorded_intent as plan_recorded
    from copilot.changing.document import read_document
    from copilot.changing.opening import open_changing, open_reading, policy_loader
    from copilot.cli.change_options import CHANGES_OFF, converse, show, tell
    from copilot.model import UsageError
    from copilot.settings import load_settings
    from guardrails.kubectl.asked import asked

    settings = load_settings()
    if target.all_namespaces:
        raise UsageError("A change is for one object, so -A has no meaning here", "Name the namespace with -n.")
    if bool(words) == bool(path):
        raise UsageError("do takes either a sentence or --file", 'Try: kubectl copilot do "scale deploy/web to 3"')
    # before anything of the cluster is read
    intent, sentence = (read_document(path), f"apply {path}") if path else asked(words)
    if target.paths:
        needs_changes(glass)
        policy = policy_loader(settings)()
        plan = plan_recorded(open_snapshot(target), intent, sentence, target.namespace, policy)
        return show(plan, output, "This is a recording: nothing can be changed from here.")
    if not (allow_changes or settings.allow_changes or settings.executor):
        needs_changes(glass)
        plan = open_reading(target, settings).desk.plan_intent(intent, sentence, target.namespace)
        return show(plan, output, CHANGES_OFF)
    workshop = open_changing(target, settings, tell, soak)
    leave = leave_for(workshop, glass)
    if output == "json":
        return show(workshop.desk.plan_intent(intent, sentence, target.namespace, leave), output, "")
    return converse(workshop, lambda: workshop.desk.plan_intent(intent, sentence, target.namespace, leave))
