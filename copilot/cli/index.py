"""`kubectl copilot index`: add your own Markdown to the knowledge base. Repeating it changes nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from copilot.cli.options import output_option
from copilot.cli.printing import print_json

SCHEMA = "cluster-copilot/index/v1"


@click.command("index")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--prune", is_flag=True, help="Forget the documents of a PATH that does not exist any more.")
@click.option("--sign", is_flag=True, help="Vouch for every page of each PATH as it is now; a changed page loses it.")
@click.option("--unsign", is_flag=True, help="Vouch for no page of each PATH any more.")
@output_option("text", "json")
def COMMAND(paths: tuple[str, ...], prune: bool, sign: bool, unsign: bool, output: str) -> int:  # noqa: N802 - the name every command file exports
    """Add Markdown files and folders to the knowledge base that `search` and `ask` read.

    A second run reads only what changed and forgets what is gone. Without PATH, everything indexed before is
    brought up to date. Secrets are redacted before anything is stored.

    What a page says counts as anybody's text. With --sign you vouch for the pages of a folder: a change that a model
    proposes may then take its values from them. The list is signed with the key of this installation.
    """
    from copilot.settings import load_settings
    from retrievers.knowledge import open_library, sign_folder

    if (sign or unsign) and (not paths or (sign and unsign)):
        raise click.UsageError("Give --sign or --unsign, and the PATH of the runbooks that it is about.")
    show = output == "text" and sys.stderr.isatty()
    with open_library(load_settings().data_dir, read_only=False) as library:
        roots = list(paths) or library.roots()
        gone = [] if paths or prune else [root for root in roots if not Path(root).exists()]
        roots = [root for root in roots if root not in gone]
        report = library.index(roots, prune=prune, progress=_progress if show else None)
        held = library.store.counts()
        data_dir = load_settings().data_dir
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
            **({} if signed is None else {"signed": signed}),
            "documents": {trust.value: count for trust, count in held.items()},
        }
        print_json(document)
        return 0
    for root in gone:
        click.echo(f"{root}: not there; its documents are kept (forget them with --prune)", err=True)
    for note in (*report.skipped, *report.notes):
        click.echo(f"{note.path}: {note.reason}", err=True)
    click.echo(
        f"{report.added} added, {report.changed} changed, {report.removed} removed, "
        f"{report.unchanged} unchanged, {len(report.skipped)} skipped."
    )
    click.echo(
        "The knowledge base holds " + ", ".join(f"{held[trust]} {trust.value}" for trust in held) + " documents."
    )
    if signed is not None:
        click.echo(f"{signed} page{'s'[: signed != 1]} of {', '.join(roots)} signed.")
    return 0


def _progress(path: str) -> None:
    """Show the file being read on one line of the terminal."""
    click.echo(f"\r\x1b[K{path[-100:]}", nl=False, err=True)
