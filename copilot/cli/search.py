"""`kubectl copilot search`: find the runbook section for a symptom. Needs no cluster, no model and no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from copilot.cli.options import output_option
from copilot.cli.printing import print_json

if TYPE_CHECKING:
    from retrievers.knowledge import Hit

SCHEMA = "cluster-copilot/search/v1"


@click.command("search")
@click.argument("words", nargs=-1, required=True)
@click.option("-k", "count", type=click.IntRange(1, 100), default=5, show_default=True, help="How many documents.")
@click.option("--lexical", is_flag=True, help="Rank by words only, even where an embedding model is present.")
@output_option("text", "json")
def COMMAND(words: tuple[str, ...], count: int, lexical: bool, output: str) -> int:  # noqa: N802 - the name every command file exports
    """Search the shipped runbooks and the documents you indexed.

    WORDS may be a symptom in your own words, an event's reason, or a pasted error line. Exit code 1 means that
    nothing was found.
    """
    from copilot.settings import load_settings
    from retrievers.knowledge import open_library

    query = " ".join(words)
    with open_library(load_settings().data_dir, dense=not lexical) as library:
        hits = library.search(query, count)
    if output == "json":
        document = {"schema": SCHEMA, "query": query, "hits": [_as_json(hit, query) for hit in hits]}
        print_json(document)
    elif hits:
        click.echo("\n\n".join(_as_text(rank, hit, query) for rank, hit in enumerate(hits, start=1)))
    else:
        click.echo(
            "Nothing found. Try other words, or add your own documents with: kubectl copilot index PATH", err=True
        )
    return 0 if hits else 1


def _as_json(hit: Hit, query: str) -> dict[str, object]:
    """One hit for machines."""
    from retrievers.knowledge.snippets import snippet

    return {
        "title": hit.document,
        "section": hit.section,
        "path": hit.source_path,
        "line": hit.line,
        "snippet": snippet(hit.text, query),
        "score": hit.score,
        "legs": list(hit.legs),
        "trust": hit.trust.value,
        "signed": hit.signed,
    }


def _as_text(rank: int, hit: Hit, query: str) -> str:
    """One hit for people: what it is, where it stands, and the lines that matter."""
    from retrievers.knowledge.snippets import snippet

    title = f"{hit.document} — {hit.section}" if hit.section else hit.document
    return f"{rank}. {title}\n   {hit.source_path}:{hit.line}\n   {snippet(hit.text, query)}"
