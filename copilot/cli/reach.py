"""`kubectl copilot reach`: may A reach B, by every network policy of both ends, and the rule that decides."""

from __future__ import annotations

import click

from copilot.cli.options import Target, cluster_options, output_option
from copilot.cli.printing import print_json


@click.command(name="reach")
@click.argument("source", metavar="SRC")
@click.argument("destination", metavar="DST[:PORT][/PROTOCOL]")
@cluster_options
@output_option("text", "json")
def COMMAND(source: str, destination: str, target: Target, output: str) -> int:  # noqa: N802 - the name every command module exports
    """Say whether SRC may reach DST.

    SRC and DST: a pod, a workload, a Service, an Ingress or its host, a node, a namespace (namespace/NAME), an address or
    a block of them, or `internet`. Names as KIND/NAME, NAMESPACE/NAME or NAMESPACE/KIND/NAME. Without a port, every port
    that DST serves.

    All policies of both directions are evaluated as a set; no packet is sent and nothing is changed.

    Exit code: 0 allowed, 1 refused (or some of it), 2 cannot be told, 64 and above: the question could not be asked.

    \b
    Examples:
      kubectl copilot reach deploy/web svc/db:5432 -n shop
      kubectl copilot reach shop/web payments/deploy/api:http
      kubectl copilot reach internet svc/gateway:443 -n edge
      kubectl copilot reach deploy/web 10.20.0.0/16:5432/tcp -n shop -o json
      kubectl copilot reach deploy/web svc/db --from dump/
    """
    from copilot.app import open_copilot
    from copilot.diagnosis.reach.answer import Verdict

    found = open_copilot(target).reach(source, destination)
    if output == "json":
        from copilot.diagnosis.reach.document import document

        print_json(document(found))
    else:
        from tui.console import make_console
        from tui.reach import render_reach

        render_reach(found, make_console())
    return {Verdict.ALLOWED: 0, Verdict.UNKNOWN: 2}.get(found.verdict, 1)
