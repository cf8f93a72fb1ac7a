"""`kubectl copilot do`: one change, from words to a watched rollout, through the guarded door."""

from __future__ import annotations

import click

from copilot.cli.options import Target, cluster_options, output_option


@click.command(name="do")
@click.argument("words", metavar="WORDS", nargs=-1, required=True)
@click.option(
    "--allow-changes",
    is_flag=True,
    help="Ask the cluster to rehearse the change, and carry it out once you agree. Off by default.",
)
@cluster_options
@output_option("text", "json")
def COMMAND(words: tuple[str, ...], allow_changes: bool, target: Target, output: str) -> int:  # noqa: N802 - the name every command module exports
    """Plan one change, show its card, and carry it out after a typed yes.

    Understood: scale [KIND/]NAME [in NAMESPACE] to N, and restart [KIND/]NAME [in NAMESPACE].

    Without --allow-changes only the card is shown. With it, the change is rehearsed on the server, and a person at a
    terminal is asked; there is no option that says yes for them. With -o json the plan is printed and nobody is asked.

    Exit code: 0 done, 1 done but the rollout failed, 2 outcome unknown, 77 refused or not agreed, 64 not understood.

    \b
    Examples:
      kubectl copilot do "scale deploy/web to 3" -n shop
      kubectl copilot do "restart deploy/web in shop" --allow-changes
      kubectl copilot do "scale web to 3" --from must-gather.tar.gz
    """
    from copilot.changing.opening import open_changing, open_reading
    from copilot.cli.change_options import CHANGES_OFF, converse, show, tell
    from copilot.model import UsageError
    from copilot.settings import load_settings
    from guardrails.intent import parse_intent

    settings = load_settings()
    if target.all_namespaces:
        raise UsageError("A change is for one object, so -A has no meaning here", "Name the namespace with -n.")
    sentence = " ".join(words)
    parse_intent(sentence)  # what is not understood is said before anything is read
    if target.paths:
        return _recorded(sentence, target, output)
    if not (allow_changes or settings.allow_changes):
        plan = open_reading(target, settings).desk.plan(sentence, target.namespace)
        return show(plan, output, CHANGES_OFF)
    workshop = open_changing(target, settings, tell)
    if output == "json":
        return show(workshop.desk.plan(sentence, target.namespace), output, "")
    return converse(workshop, lambda: workshop.desk.plan(sentence, target.namespace))


def _recorded(sentence: str, target: Target, output: str) -> int:
    """Plan on recorded material, which can only show the card."""
    from copilot.app import open_snapshot
    from copilot.changing.desk import plan_recorded
    from copilot.cli.change_options import show

    plan = plan_recorded(open_snapshot(target), sentence, target.namespace)
    return show(plan, output, "This is a recording: nothing can be changed from here.")
