"""`kubectl copilot timeline`: one line of time around the onset of an object's trouble."""

from __future__ import annotations

from datetime import timedelta

import click

from copilot.cli.naming import object_words
from copilot.cli.options import Target, cluster_options, output_option
from copilot.cli.printing import print_json
from copilot.cli.since import since_option


@click.command(name="timeline")
@click.argument("objects", metavar="KIND/NAME | KIND NAME", nargs=-1, required=True)
@cluster_options
@since_option(None, "How far back from the observation; without it, from an hour before the onset.")
@output_option("text", "json")
def COMMAND(objects: tuple[str, ...], target: Target, since: timedelta | None, output: str) -> int:  # noqa: N802 - the name every command module exports
    """Draw what happened around the onset of an object's trouble.

    Changes, events, condition flips and restarts of the object, of what it is made of and of what it depends on, oldest
    first, with the onset marked: what stands just above the mark is where to look.

    \b
    Examples:
      kubectl copilot timeline deploy/checkout -n shop
      kubectl copilot timeline node/worker-2 --since 2h -o json
    """
    from copilot.app import open_copilot
    from copilot.diagnosis.timeline import timeline, timeline_document
    from copilot.redacting import redact_timeline

    copilot = open_copilot(target)
    ref = copilot.resolve(object_words(objects, "timeline"))
    line = redact_timeline(timeline(copilot.graph, ref, copilot.diagnose(ref).root_causes[:1], since))
    if output == "json":
        document = timeline_document(line, copilot.snapshot.cluster)
        print_json(document)
        return 0
    from tui.console import make_console
    from tui.timeline import render_timeline

    render_timeline(line, make_console())
    return 0
