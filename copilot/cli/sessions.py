"""`kubectl copilot sessions`: the stored conversations of this user: list, show, export, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from copilot.cli.options import output_option
from copilot.cli.printing import print_json
from copilot.model import UsageError

if TYPE_CHECKING:
    from copilot.agent.session import Session
    from copilot.changing.once import Standing

SCHEMA = "cluster-copilot/sessions/v1"


@click.group(name="sessions")
def COMMAND() -> None:  # noqa: N802 - the name every command module exports
    """List, show, export or delete conversations of `chat`. They are stored redacted, for you alone, on this machine."""


@COMMAND.command(name="list")
@output_option("text", "json")
def list_sessions(output: str) -> int:
    """List the conversations, newest first."""
    from copilot.agent.session import every_session
    from copilot.settings import load_settings

    found = sorted(
        (session for _, session in every_session(load_settings().data_dir)), key=lambda one: one.updated, reverse=True
    )
    if output == "json":
        print_json({"schema": SCHEMA, "sessions": [_summary(one) for one in found]})
    elif not found:
        click.echo("No conversation is stored. Start one: kubectl copilot chat")
    else:
        for one in found:
            first = one.turns[0].question if one.turns else "(nothing asked)"
            click.echo(f"{one.id}  {one.updated}  {one.cluster}  {len(one.turns)} turns  {first[:60]}")
    return 0


def _summary(session: Session) -> dict[str, object]:
    return {
        "id": session.id,
        "cluster": session.cluster,
        "started": session.started,
        "updated": session.updated,
        "turns": len(session.turns),
        "proposals": len(session.proposals),
        "first_question": session.turns[0].question if session.turns else None,
    }


@COMMAND.command(name="export")
@click.argument("session")
@click.option(
    "-o", "--output", type=click.Choice(["md", "json"]), default="md", show_default=True, help="Markdown or JSON."
)
def export(session: str, output: str) -> int:
    """Print one conversation as a document. SESSION is its id, its beginning, or last."""
    from copilot.agent.session.export import as_json, as_markdown

    found = _find(session)
    if output == "json":
        print_json(as_json(found, _standings(found)))
    else:
        click.echo(as_markdown(found, _standings(found)), nl=False)
    return 0


def _standings(session: Session) -> dict[int, Standing]:
    """What the journal says of each proposal; nothing where it cannot be read."""
    from copilot.changing.once import on_record, standing
    from copilot.changing.opening import open_records
    from copilot.model import CopilotError
    from copilot.settings import load_settings

    if not session.proposals:
        return {}
    try:
        known = on_record(open_records(load_settings()))
    except CopilotError as error:
        click.echo(f"note: {error.title}", err=True)
        return {}
    return {one.number: standing(known, one.offers) for one in session.proposals}


@COMMAND.command(name="delete")
@click.argument("sessions", nargs=-1, required=True)
def delete(sessions: tuple[str, ...]) -> int:
    """Delete conversations with everything stored of them. SESSIONS are ids or their beginnings."""
    from copilot.agent.session import every_session
    from copilot.settings import load_settings

    for words in sessions:
        wanted = _find(words).id
        for store, one in every_session(load_settings().data_dir):
            if one.id == wanted:
                store.delete(one.id)
        click.echo(f"Deleted {wanted}.")
    return 0


def _find(words: str) -> Session:
    """The one conversation that is meant.

    Raises:
        UsageError: there is none, or there are several.
    """
    from copilot.agent.session import every_session
    from copilot.settings import load_settings

    found = [one for _, one in every_session(load_settings().data_dir) if words == "last" or one.id.startswith(words)]
    if words == "last":
        found = sorted(found, key=lambda one: one.updated)[-1:]
    if len(found) != 1:
        what = "No conversation begins" if not found else f"{len(found)} conversations begin"
        raise UsageError(f"{what} with {words!r}.", "See: kubectl copilot sessions list")
    return found[0]
