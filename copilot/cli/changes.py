"""`kubectl copilot changes`: what changed, newest first, in a namespace, around an object, or in the whole cluster."""

from __future__ import annotations

from datetime import timedelta

import click

from copilot.cli.naming import object_words
from copilot.cli.options import Target, cluster_options, output_option
from copilot.cli.printing import print_json
from copilot.cli.since import since_option


@click.command(name="changes")
@click.argument("objects", metavar="[KIND/NAME | KIND NAME]", nargs=-1)
@cluster_options
@since_option("24h", "How far back from the observation.")
@output_option("text", "json")
def COMMAND(objects: tuple[str, ...], target: Target, since: timedelta, output: str) -> int:  # noqa: N802 - the name every command module exports
    """Say what changed, when and by whom, newest first.

    Revisions with their field diffs, edits and who made them, scale and HPA moves, cordons and taints, quota, policy and
    configuration edits, runs, deletions. With an object: its own changes and those of what it is made of and depends on.
    "Now" is the time of observation.

    \b
    Examples:
      kubectl copilot changes -n shop --since 1h
      kubectl copilot changes deploy/checkout -n shop
      kubectl copilot changes --from must-gather.tar.gz -A -o json
    """
    from copilot.app import open_copilot
    from copilot.diagnosis.changes import around, changes_in
    from copilot.redacting import redact_change

    words = object_words(objects, "changes") if objects else ""
    copilot = open_copilot(target)
    graph = copilot.graph
    ref = copilot.resolve(words) if words else None
    begin = graph.snapshot.observed_at - since
    found = changes_in(graph, around(graph, ref) if ref else None, begin)
    if ref is None and copilot.namespace:
        found = [
            c
            for c in found
            if copilot.namespace in (c.object.namespace, c.object.name if c.object.kind == "Namespace" else "")
        ]
    shown = [redact_change(change) for change in found]
    scope = str(ref) if ref else f"namespace {copilot.namespace}" if copilot.namespace else "the whole cluster"
    if output == "json":
        from copilot.diagnosis.changes.document import changes_document

        document = changes_document(graph.snapshot, shown, begin, ref, copilot.namespace)
        print_json(document)
        return 0
    from tui.console import make_console
    from tui.timeline import render_changes

    render_changes(shown, make_console(), scope, graph.snapshot.observed_at, since)
    return 0
