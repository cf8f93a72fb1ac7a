"""`kubectl copilot why`: one root cause with its proof, for an object, a namespace or the whole cluster."""

from __future__ import annotations

from typing import Any

import click

from copilot.cli.naming import object_words
from copilot.cli.options import Target, cluster_options, output_option
from copilot.cli.printing import print_json
from copilot.model import Diagnosis, UsageError, Verdict

EXIT_CODES = {Verdict.HEALTHY: 0, Verdict.FAULT: 1, Verdict.UNKNOWN: 2}


@click.command(name="why")
@click.argument("objects", metavar="[KIND/NAME | KIND NAME]", nargs=-1)
@click.option(
    "-f",
    "--filename",
    "files",
    multiple=True,
    metavar="FILE",
    help="Judge these manifests (file, folder or - for stdin) before they are applied. Repeatable.",
)
@click.option("--alone", is_flag=True, help="With -f: judge the manifests by themselves, without asking a cluster.")
@cluster_options
@output_option("text", "json", "sarif")
def COMMAND(objects: tuple[str, ...], files: tuple[str, ...], target: Target, output: str, *, alone: bool) -> int:  # noqa: N802 - the name every command module exports
    """Say why something is broken.

    Without an object: the whole namespace; with -A, or with --from and no -n, the whole cluster.

    With -f: what of the manifests would be refused or never become ready, before anything is applied, in the cluster that
    the other options name.

    Exit code: 0 healthy, 1 a fault was found, 2 could not tell, 64 and above: the question could not be asked.

    \b
    Examples:
      kubectl copilot why -n shop
      kubectl copilot why deploy/checkout -n shop -o json
      kubectl copilot why --from must-gather.tar.gz
      pbpaste | kubectl copilot why --from -
      kubectl copilot why -f manifests/ -o sarif
    """
    from copilot.app import judge_manifests, open_copilot

    if alone and not files:
        raise UsageError("--alone is about manifests", "Name them with -f.")
    if files:
        if objects:
            raise UsageError("why takes an object or manifests, not both", "Leave the object out, or -f.")
        verdict = judge_manifests(files, target, alone=alone)
        _print(verdict, output, ", ".join(files))
        return EXIT_CODES[verdict.verdict]

    words = object_words(objects, "why") if objects else ""
    copilot = open_copilot(target)
    ref = copilot.resolve(words) if words else None
    diagnosis = copilot.diagnose(ref)
    scope = str(ref) if ref else f"namespace {copilot.namespace}" if copilot.namespace else "the whole cluster"
    _print(diagnosis, output, scope)
    return EXIT_CODES[diagnosis.verdict]


def _print(diagnosis: Diagnosis, output: str, scope: str) -> None:
    if output != "text":
        print_json(_machine(diagnosis, output))
        return
    from tui.console import make_console
    from tui.diagnosis import render_diagnosis

    render_diagnosis(diagnosis, make_console(), scope)


def _machine(diagnosis: Diagnosis, output: str) -> dict[str, Any]:
    """The document for machines in the format asked for."""
    if output == "json":
        from copilot.diagnosis.document import document

        return document(diagnosis)
    from copilot import __version__
    from copilot.diagnosis.sarif import sarif
    from copilot.preflight.judge import KNOWN

    return sarif(diagnosis, KNOWN, __version__)
