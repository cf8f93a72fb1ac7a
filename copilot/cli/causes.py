"""`kubectl copilot causes`: the catalogue of what this program can find, with evidence and next step."""

from __future__ import annotations

from typing import Any

import click

from copilot.cli.options import output_option
from copilot.cli.printing import print_json
from copilot.model import UsageError

SCHEMA = "cluster-copilot/causes/v1"


@click.command(name="causes")
@click.argument("word", required=False)
@output_option("text", "json")
def COMMAND(word: str | None, output: str) -> int:  # noqa: N802 - the name every command module exports
    """List the causes this program can find; WORD narrows the list."""
    from copilot.preflight.judge import KNOWN

    rows = [_row(cause) for cause in KNOWN.values()]
    chosen = sorted(
        (row for row in rows if word is None or word.lower() in str(row).lower()), key=lambda row: str(row["id"])
    )
    if not chosen:
        raise UsageError(f"No cause mentions {word!r}.", "kubectl copilot causes lists them all.")
    if output == "json":
        print_json({"schema": SCHEMA, "causes": chosen})
        return 0
    for row in chosen:
        click.echo(f"{row['id']}  ({row['kind']}{', symptom' if row['symptom'] else ''})")
        click.echo(f"    {row['title']}")
        click.echo(f"    evidence: {', '.join(row['fields'])}")
        if row["steps"]:
            click.echo(f"    next: {'; '.join(row['steps'])}")
    return 0


def _row(cause: Any) -> dict[str, Any]:
    return {
        "id": cause.id,
        "title": cause.title,
        "kind": cause.kind,
        "severity": cause.severity.name.lower(),
        "symptom": cause.secondary,
        "fields": list(cause.fields),
        "steps": list(cause.steps),
        "citation": cause.citation,
    }
