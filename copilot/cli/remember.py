"""`kubectl copilot remember`: write down what was wrong and what helped; offered again only for the very same trouble."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import click

from copilot.cli.naming import object_words
from copilot.cli.options import Target, cluster_options, output_option
from copilot.cli.printing import print_json
from copilot.model import UsageError

if TYPE_CHECKING:
    from retrievers.history import History, Incident

SCHEMA = "cluster-copilot/incidents/v1"
_LIST, _FORGET = "list", "forget"


@click.command(name="remember")
@click.argument("objects", metavar="[KIND/NAME | list | forget NUMBER]", nargs=-1)
@click.option("--cause", "why", metavar="WORDS", help="What was wrong, in your words.")
@click.option("--fix", metavar="WORDS", help="What helped.")
@click.option("--rank", type=click.IntRange(1, 50), default=1, show_default=True, help="Which root cause `why` names.")
@cluster_options
@output_option("text", "json")
def COMMAND(  # noqa: N802 - the name every command module exports
    objects: tuple[str, ...], why: str | None, fix: str | None, rank: int, target: Target, output: str
) -> int:
    """Remember what was wrong with an object and what helped.

    The object is diagnosed now; what you write is kept with the kind, the cause and the field that were found. `why` and
    `ask` quote it when exactly these three are found again in this cluster, with its date, author and track record; similar
    words are not enough. Secrets are redacted, and nothing that is written here is ever carried out. Plans that `do`
    carries out are remembered by themselves, with whether the trouble was gone.

    \b
    Examples:
      kubectl copilot remember deploy/web -n shop --cause "tag was never pushed" --fix "pushed 1.4.2 again"
      kubectl copilot remember list
      kubectl copilot remember forget 3
    """
    from copilot.settings import load_settings
    from retrievers.history import History

    history = History(load_settings().data_dir)
    if objects[:1] == (_LIST,) and len(objects) == 1 and not (why or fix):
        return _show(history.entries(), output)
    if objects[:1] == (_FORGET,):
        return _forget(history, objects[1:])
    if not why or not fix:
        raise UsageError("remember needs both --cause and --fix.", 'For example: --cause "…" --fix "…"')
    made = _keep(history, object_words(objects, "remember") if objects else "", (why, fix), rank, target)
    if output == "json":
        print_json({"schema": SCHEMA, "incidents": [_as_json(made)]})
    else:
        click.echo(f"Remembered as {made.id}: offered for {made.cause} at {made.field or 'no field'} of a {made.kind}.")
    return 0


def _keep(history: History, words: str, told: tuple[str, str], rank: int, target: Target) -> Incident:
    """Diagnose, and keep the words with what was found."""
    from copilot.app import open_copilot

    copilot = open_copilot(target)
    ref = copilot.resolve(words) if words else None
    causes = copilot.diagnose(ref).root_causes
    if len(causes) < rank:
        raise UsageError(
            f"{ref or 'It'} has {len(causes)} root causes now, so there is nothing to remember it by.",
            "Remember it while `kubectl copilot why` still finds it, or from a recording with --from.",
        )
    return history.remember(copilot.memory_key, causes[rank - 1], *told, _me(), copilot.snapshot.observed_at)


def _me() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"


def _forget(history: History, words: tuple[str, ...]) -> int:
    if len(words) != 1 or not words[0].isdecimal() or len(words[0]) > 18:
        raise UsageError("forget takes the number of one entry.", "kubectl copilot remember list shows them.")
    if not history.forget(int(words[0])):
        raise UsageError(f"There is no entry {words[0]}.", "kubectl copilot remember list shows them.")
    click.echo(f"Forgotten: {words[0]}.")
    return 0


def _show(entries: list[Incident], output: str) -> int:
    from copilot.redacting import plain

    if output == "json":
        print_json({"schema": SCHEMA, "incidents": [_as_json(entry) for entry in entries]})
    elif not entries:
        click.echo('Nothing is remembered. Add: kubectl copilot remember KIND/NAME --cause "…" --fix "…"')
    for entry in entries if output != "json" else []:
        click.echo(f"{entry.id}  {entry.cause}  {entry.ref}  {plain(entry.field)}\n   {entry.quote}")
    return 0


def _as_json(entry: Incident) -> dict[str, object]:
    return {
        "id": entry.id,
        "cluster": entry.cluster,
        "signature": {"kind": entry.kind, "cause": entry.cause, "field": entry.field},
        "object": entry.ref.as_json(),
        "cause": entry.why,
        "fix": entry.fix,
        "author": entry.author,
        "at": entry.at,
        "plan": entry.plan or None,
        "tried": entry.tried,
        "worked": entry.worked,
        "trust": "external",
    }
