"""`kubectl copilot index`: add your own Markdown, or a cluster's state, to the knowledge base. Repeating it changes nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from copilot.cli.knowing import open_knowledge
from copilot.cli.options import Target, cluster_options, output_option
from copilot.cli.printing import print_json

if TYPE_CHECKING:
    from retrievers.knowledge import IndexReport, Library

SCHEMA = "cluster-copilot/index/v1"


@click.command("index")
@click.argument("places", nargs=-1, metavar="[PATH]...")
@click.option("--prune", is_flag=True, help="Forget the documents of a PATH that does not exist any more.")
@click.option("--sign", is_flag=True, help="Vouch for every page of each PATH as it is now; a changed page loses it.")
@click.option("--unsign", is_flag=True, help="Vouch for no page of each PATH any more.")
@click.option(
    "--objects", is_flag=True, help="Add the state of the cluster that the options below name, as text to search."
)
@cluster_options
@output_option("text", "json")
def COMMAND(  # noqa: N802 - the name every command file exports
    places: tuple[str, ...], prune: bool, sign: bool, unsign: bool, objects: bool, target: Target, output: str
) -> int:
    """Add Markdown files and folders to the knowledge base that `search` and `ask` read.

    A second run reads only what changed and forgets what is gone. Without PATH, everything indexed before is
    brought up to date. Secrets are redacted before anything is stored.

    What a page says counts as anybody's text. With --sign you vouch for the pages of a folder: a change that a model
    proposes may then take its values from them. The list is signed with the key of this installation.

    With --objects the state of a cluster is added: a summary of each owner and the words of what is abnormal, redacted, and
    the incidents remembered there. `search --objects` shows them to whom the API server lets get the objects.
    """
    if not objects and (
        target.paths or target.namespace or target.context or target.kubeconfig or target.all_namespaces
    ):
        raise click.UsageError("The options that name a cluster belong to --objects.")
    from copilot.settings import load_settings
    from retrievers.knowledge import Trust, sign_folder

    if (sign or unsign) and (not places or (sign and unsign)):
        raise click.UsageError("Give --sign or --unsign, and the PATH of the runbooks that it is about.")
    show = output == "text" and sys.stderr.isatty()
    settings = load_settings()
    with open_knowledge(settings, read_only=False) as library:
        roots = list(places) or ([] if objects else library.roots())
        gone = [] if places or prune else [root for root in roots if not Path(root).exists()]
        roots = [root for root in roots if root not in gone]
        report = library.index(roots, prune=prune, progress=_progress if show else None)
        if objects:
            report += _index_objects(library, target)
        held = library.store.counts()
        gaps = list(library.gaps)
        data_dir = settings.data_dir
        signed = sum(sign_folder(library, data_dir, root, away=unsign) for root in roots) if sign or unsign else None
    if show:
        click.echo("\r\x1b[K", nl=False, err=True)
    if output == "json":
        document = {
            "schema": SCHEMA,
            "paths": roots,
            "gone": gone,
            **{name: getattr(report, name) for name in ("added", "changed", "unchanged", "removed", "sections")},
            "skipped": report.skipped,
            "notes": report.notes,
            "gaps": gaps,
            **({} if signed is None else {"signed": signed}),
            "documents": {trust.value: count for trust, count in held.items()},
        }
        print_json(document)
        return 0
    for root in gone:
        click.echo(f"{root}: not there; its documents are kept (forget them with --prune)", err=True)
    for note in (*report.skipped, *report.notes):
        click.echo(f"{note.path}: {note.reason}", err=True)
    for gap in gaps:
        click.echo(f"note: {gap}", err=True)
    click.echo(
        f"{report.added} added, {report.changed} changed, {report.removed} removed, "
        f"{report.unchanged} unchanged, {len(report.skipped)} skipped."
    )
    click.echo(
        "The knowledge base holds "
        + ", ".join(f"{count} {trust.value}" for trust, count in held.items() if count or trust is Trust.USER)
        + " documents."
    )
    if signed is not None:
        click.echo(f"{signed} page{'s'[: signed != 1]} of {', '.join(roots)} signed.")
    return 0


def _index_objects(library: Library, target: Target) -> IndexReport:
    """Render the cluster as this person can read it, and the incidents remembered there."""
    from copilot.app import open_copilot
    from retrievers.history import History

    copilot = open_copilot(target)
    report = library.index_objects(copilot.objects, copilot.memory_key)
    entries = History(copilot.settings.data_dir).entries(copilot.memory_key)
    return report + library.index_incidents(entries, copilot.memory_key)


def _progress(path: str) -> None:
    """Show the file being read on one line of the terminal."""
    click.echo(f"\r\x1b[K{path[-100:]}", nl=False, err=True)
