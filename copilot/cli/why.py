"""`kubectl copilot why`: one root cause with its proof, for an object, a namespace or the whole cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

from copilot.cli.naming import object_words
from copilot.cli.options import Target, cluster_options, output_option
from copilot.cli.printing import print_json
from copilot.model import Diagnosis, UsageError, Verdict

if TYPE_CHECKING:
    from copilot.settings import Settings

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
@click.option(
    "--prometheus", metavar="URL", help="Also ask this Prometheus (a live cluster's; COPILOT_PROMETHEUS_URL)."
)
@cluster_options
@output_option("text", "json", "sarif")
def COMMAND(  # noqa: N802 - the name every command module exports
    objects: tuple[str, ...],
    files: tuple[str, ...],
    prometheus: str | None,
    target: Target,
    output: str,
    *,
    alone: bool,
) -> int:
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
    settings = _settings(prometheus, target)
    copilot = open_copilot(target, settings) if settings is not None else open_copilot(target)
    ref = copilot.resolve(words) if words else None
    diagnosis = copilot.diagnose(ref)
    scope = str(ref) if ref else f"namespace {copilot.namespace}" if copilot.namespace else "the whole cluster"
    _print(diagnosis, output, scope)
    return EXIT_CODES[diagnosis.verdict]


def _settings(prometheus: str | None, target: Target) -> Settings | None:
    """The settings with the Prometheus of the command line, None for those of the environment."""
    if not prometheus:
        return None
    from copilot.settings import load_settings
    from tools.cluster.prometheus_api import check_url

    if target.paths:
        raise UsageError(
            "--prometheus is about a live cluster", "With --from, give the query results as further files."
        )
    return msgspec.structs.replace(load_settings(), prometheus_url=check_url(prometheus))


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
