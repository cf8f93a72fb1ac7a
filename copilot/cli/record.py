"""`kubectl copilot record`: save what `why` reads as a folder to attach to an issue, to replay, or to score."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from copilot.cli.options import Target, cluster_options
from copilot.model import CopilotError, Coverage, Snapshot

if TYPE_CHECKING:
    from guardrails.redaction import Redactor
    from tools.cluster.source import Scope, Source


@click.command(name="record")
@click.option(
    "-o", "--output", "folder", required=True, metavar="DIR", type=click.Path(path_type=Path),
    help="The folder to write; a recording that is already there is replaced.",
)  # fmt: skip
@click.option(
    "--config-values", is_flag=True, help="Keep the values of ConfigMaps (redacted); their keys are always kept."
)
@cluster_options
def COMMAND(folder: Path, config_values: bool, target: Target) -> int:  # noqa: N802 - the name every command module exports
    """Save what `why` reads, for `--from`.

    The whole cluster is saved, as far as you may read it; with -n, that namespace and what it depends on. Secrets
    are never read, and every text is redacted before it is written.

    \b
    Examples:
      kubectl copilot record -o incident-42
      kubectl copilot why --from incident-42
    """
    from copilot.app import open_copilot
    from tools.cluster.record import check_target, save
    from tools.cluster.source import Scope

    check_target(folder)
    copilot = open_copilot(target)
    namespaces = (target.namespace,) if target.namespace and not target.all_namespaces else None
    snapshot = _observed(copilot.source, Scope(namespaces=namespaces, config_values=config_values))
    redactor = _redactor(copilot.settings.data_dir)
    redactor.learn(resource.body for resource in snapshot.resources)
    recorded = save(snapshot, folder, redactor)
    for reading in snapshot.coverage.refused():
        click.echo(f"note: {reading.detail}", err=True)
    for note in snapshot.coverage.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"Recorded {recorded.objects} objects and {recorded.logs} logs of {snapshot.cluster} in {folder}.")
    click.echo(f"Replay it: kubectl copilot why --from {folder}")
    return 0


def _observed(source: Source, scope: Scope) -> Snapshot:
    """One observation with the logs `why` would ask for."""
    from copilot.diagnosis.needs import wanted_logs
    from retrievers.graph import build_graph
    from tools.cluster.source import LogRequest

    snapshot = source.snapshot(scope)
    requests = [LogRequest(*wanted) for wanted in wanted_logs(build_graph(snapshot))]
    read = source.read_logs(requests)
    coverage = Coverage(snapshot.coverage.readings, (*snapshot.coverage.notes, *read.notes))
    return msgspec.structs.replace(snapshot, logs=(*snapshot.logs, *read.logs), coverage=coverage)


def _redactor(data_dir: Path) -> Redactor:
    """This installation's redactor: the same secret gets the same placeholder in every recording."""
    from guardrails.redaction import Redactor, install_key

    try:
        return Redactor(install_key(data_dir))
    except OSError as error:
        raise CopilotError(
            f"The redaction key in {data_dir} cannot be read or made: {error.strerror}.",
            "Set COPILOT_DATA_DIR to a folder you may write to.",
        ) from error
