"""`kubectl copilot tools`: what a model may look with. Own tools, those of the user's MCP servers, and why some are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from copilot.cli.options import output_option
from copilot.cli.printing import print_json
from copilot.model import UsageError
from copilot.model.errors import EXIT_UNAVAILABLE

if TYPE_CHECKING:
    from copilot.agent.foreign.link import Link
    from copilot.agent.foreign.offers import Offer
    from copilot.agent.foreign.toolset import ForeignTools

SCHEMA = "cluster-copilot/tools/v1"


@click.group(name="tools", invoke_without_command=True)
@click.pass_context
@output_option("text", "json")
def COMMAND(context: click.Context, output: str) -> int:  # noqa: N802 - the name every command module exports
    """List what a model may look with: the program's own tools and those of your MCP servers.

    COPILOT_MCP_FILE names a YAML or JSON file in the shape that other MCP clients read: under mcpServers, for each server, a
    command with args and env, or a url with a headers_file (Name: value lines, mode 0600); and the names of its tools that may
    be used under allow. Only these are offered, only if they do not say that they write, and only while they say of
    themselves what they said when they were first used. The servers are started to be listed, and ended.
    Exit code: 0, or 69 where a server is not there.

    \b
    Examples:
      kubectl copilot tools
      kubectl copilot tools -o json
      kubectl copilot tools allow prometheus query_range
    """
    if context.invoked_subcommand is not None:
        return 0
    foreign = _foreign()
    try:
        found = foreign.offered() if foreign is not None else []
    finally:
        if foreign is not None:
            foreign.close()
    if output == "json":
        _print_json(found)
    else:
        _print(found)
    return EXIT_UNAVAILABLE if any(link.trouble for link, _ in found) else 0


@COMMAND.command(name="allow")
@click.argument("server")
@click.argument("tool")
def allow(server: str, tool: str) -> int:
    """Allow a tool as it describes itself now. SERVER and TOOL are names that `kubectl copilot tools` lists."""
    from copilot.agent.foreign.offers import Verdict
    from copilot.agent.foreign.pins import Pins
    from copilot.settings import load_settings

    foreign = _foreign()
    try:
        found = foreign.offered() if foreign is not None else []
    finally:
        if foreign is not None:
            foreign.close()
    link = next((link for link, _ in found if link.server.name == server), None)
    if link is None:
        known = ", ".join(link.server.name for link, _ in found) or "none"
        raise UsageError(f"No MCP server {server!r} is named in the file.", f"Named: {known}.")
    if link.trouble:
        raise UsageError(link.trouble, "See: kubectl copilot tools")
    offer = next(
        (one for link, offers in found if link.server.name == server for one in offers if one.tool == tool), None
    )
    if offer is None or offer.verdict not in (Verdict.OFFERED, Verdict.CHANGED):
        raise UsageError(f"The tool {tool!r} of {server} cannot be allowed: {offer.why if offer else 'there is none of that name.'}", f"Name it under allow of {server} in the file first." if offer and offer.verdict is Verdict.NOT_ALLOWED else "See: kubectl copilot tools")  # fmt: skip
    Pins(load_settings().data_dir).keep(server, {tool: offer.sha}, anew=True)
    click.echo(f"Allowed {server} {tool} as it says now ({offer.sha[:12]}):")
    click.echo(_quoted(offer))
    return 0


def _foreign() -> ForeignTools | None:
    """The servers of the settings, all of them.

    Raises:
        CopilotError: the file is not understood, or the client is not installed.
    """
    from copilot.agent.foreign.toolset import every_server
    from copilot.settings import load_settings

    return every_server(load_settings())


def _print_json(found: list[tuple[Link, tuple[Offer, ...]]]) -> None:
    from copilot.agent.tools import Limits
    from copilot.agent.tools.toolbox import OWN

    limits = Limits()
    print_json(
        {
            "schema": SCHEMA,
            "limits": {"steps": limits.steps, "calls": limits.calls, "tokens": limits.tokens, "seconds": limits.seconds, "result_characters": limits.result, "repeats": limits.repeats},
            "own": [{"name": tool.name, "summary": tool.summary} for tool in OWN],
            "servers": [
                {
                    "name": link.server.name,
                    "trouble": link.trouble,
                    "tools": [
                        {"tool": one.tool, "name": one.name or None, "verdict": one.verdict.value, "why": one.why, "words": one.words, "sha256": one.sha or None, "new": one.new}
                        for one in offers
                    ],
                }
                for link, offers in found
            ],
        }
    )  # fmt: skip


def _print(found: list[tuple[Link, tuple[Offer, ...]]]) -> None:
    from copilot.agent.foreign.offers import Verdict
    from copilot.agent.tools import Limits
    from copilot.agent.tools.toolbox import OWN

    limits = Limits()
    click.echo(f"A turn may take {limits.steps} requests to the model, {limits.calls} looks, {limits.tokens:,} tokens and {limits.seconds:g} seconds;")  # fmt: skip
    click.echo(f"a result shows {limits.result:,} characters, read_more the rest. No tool changes anything.\n")
    width = max(len(tool.name) for tool in OWN)
    for tool in OWN:
        click.echo(f"{tool.name:<{width}}  {tool.summary}")
    click.echo(f"{'propose_plan':<{width}}  Draw up a change for the operator to read. Nothing is done.")
    if not found:
        click.echo("\nNo MCP server is named; COPILOT_MCP_FILE names the file with yours.")
    for link, offers in found:
        click.echo(f"\nMCP server {link.server.name}" + (f": {link.trouble}" if link.trouble else ""))
        for one in offers:
            word = "offered" if one.verdict is Verdict.OFFERED else "left out"
            click.echo(f"  {one.tool}  {word}{', new' if one.new else ''}: {one.why}")
            if one.verdict in (Verdict.OFFERED, Verdict.CHANGED):
                click.echo(_quoted(one))
            if one.verdict is Verdict.CHANGED:
                click.echo(f"    kubectl copilot tools allow {one.server} {one.tool}")


def _quoted(offer: Offer) -> str:
    """What a tool says of itself, as a quotation."""
    return "\n".join(f"    | {line}" for line in offer.words.splitlines() or ["(nothing)"])
