"""`kubectl copilot executor`: the one writer as a process of its own, on a Unix socket."""

from __future__ import annotations

from pathlib import Path

import click

from copilot.target import Target


@click.command(name="executor")
@click.option(
    "--socket",
    "path",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Where to listen; the data folder's executor/executor.sock by default.",
)
@click.option("--group", metavar="NAME", help="Let members of this group connect too; otherwise only you.")
@click.option(
    "--as-users",
    "mapping",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Act in the cluster as the Kubernetes user and groups that this file names for each account.",
)
@click.option("--approvers", metavar="USER,…", help="Only these accounts may agree to plans.")
@click.option("--approver-group", metavar="NAME", help="Members of this group may agree to plans.")
@click.option("--context", metavar="NAME", help="The kubeconfig context to use.")
@click.option(
    "--kubeconfig", metavar="FILE", help="The kubeconfig file to use; in a pod its service account by default."
)
def COMMAND(  # noqa: N802 - the name every command module exports
    path: Path | None,
    group: str | None,
    mapping: Path | None,
    approvers: str | None,
    approver_group: str | None,
    context: str | None,
    kubeconfig: str | None,
) -> int:
    """Carry out approved plans, and nothing else, for whoever may connect.

    It holds the credentials that write, the key that signs approvals, and the journal. Who asks is what the kernel says
    of the process at the other end. It never listens on a network. With COPILOT_EXECUTOR set to its socket, `do` and
    `undo` of other processes plan as before and have it send; plans of tier 3 become possible, with two people.

    Without --as-users only the account that runs it may ask for changes; others may agree.

    \b
    Examples:
      kubectl copilot executor
      kubectl copilot executor --socket /run/copilot/executor.sock --group operators --as-users /etc/copilot/users.yaml
    """
    import os
    import signal
    from datetime import UTC, datetime

    import msgspec

    from copilot.changing.serving import Rules, open_service
    from copilot.settings import load_settings
    from guardrails.display import visible
    from tools.change.frames import SOCKET_FILE
    from tools.executor.people import group_number, load_mapping
    from tools.executor.server import Server

    def say(line: str) -> None:
        """Print one line with the time."""
        click.echo(visible(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}"), err=True)

    settings = msgspec.structs.replace(load_settings(), executor=None)
    number = group_number(group) if group else None
    if approver_group:
        group_number(approver_group)
    rules = Rules(
        mapping=load_mapping(mapping) if mapping else None,
        approvers=frozenset(each.strip() for each in approvers.split(",")) if approvers else None,
        approver_group=approver_group or "",
        shared=number is not None,
    )
    service = open_service(Target(kubeconfig=kubeconfig, context=context), settings, rules, os.geteuid())
    place = (path or settings.data_dir / "executor" / SOCKET_FILE).absolute()
    with Server(place, service.answer, say, number) as server:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: server.close())
        click.echo(f"Listening at {place}. Others use it with: export COPILOT_EXECUTOR={place}")
        server.serve()
    return 0
