"""`kubectl copilot search`: find the runbook section for a symptom. Needs no cluster, no model and no network.

What was read from a cluster is found only with --objects, and only what the API server lets the asker get.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from copilot.cli.knowing import open_knowledge
from copilot.cli.options import Target, cluster_options, output_option
from copilot.cli.printing import print_json

if TYPE_CHECKING:
    from retrievers.knowledge import Hit, Library, Where

SCHEMA = "cluster-copilot/search/v1"


@click.command("search")
@click.argument("words", nargs=-1, required=True)
@click.option("-k", "count", type=click.IntRange(1, 100), default=5, show_default=True, help="How many documents.")
@click.option("--lexical", is_flag=True, help="Rank by words only, even where an embedding model is present.")
@click.option("--objects", is_flag=True, help="Also search the state and the incidents of the cluster named below.")
@cluster_options
@output_option("text", "json")
def COMMAND(  # noqa: N802 - the name every command file exports
    words: tuple[str, ...], count: int, lexical: bool, objects: bool, target: Target, output: str
) -> int:
    """Search the shipped runbooks and the documents you indexed.

    WORDS may be a symptom in your own words, an event's reason, or a pasted error line. Exit code 1 means that
    nothing was found.

    With --objects also what `index --objects` stored of the cluster: the API server is asked what you may get, and nothing
    else is shown. Each result says who wrote its text.
    """
    if not objects and (
        target.paths or target.namespace or target.context or target.kubeconfig or target.all_namespaces
    ):
        raise click.UsageError("The options that name a cluster belong to --objects.")
    from copilot.settings import load_settings
    from retrievers.knowledge import Where

    query = " ".join(words)
    with open_knowledge(load_settings(), dense=not lexical) as library:
        where, notes = _visible(library, target) if objects else (Where(), [])
        hits = library.search(query, count, where=where)
        gaps = [*notes, *library.gaps]
    if output == "json":
        document = {"schema": SCHEMA, "query": query, "hits": [_as_json(hit, query) for hit in hits], "gaps": gaps}
        print_json(document)
    elif hits:
        click.echo("\n\n".join(_as_text(rank, hit, query) for rank, hit in enumerate(hits, start=1)))
    else:
        click.echo(
            "Nothing found. Try other words, or add your own documents with: kubectl copilot index PATH", err=True
        )
    if output != "json":
        for gap in gaps:
            click.echo(f"note: {gap}", err=True)
    return 0 if hits else 1


def _visible(library: Library, target: Target) -> tuple[Where, list[str]]:
    """What this person may be shown of the cluster, and what could not be found out."""
    from copilot.app import open_copilot
    from retrievers.knowledge import Where

    copilot = open_copilot(target)
    needs = library.store.needs(copilot.memory_key)
    if not needs:
        return Where(), ["Nothing of this cluster was stored yet; kubectl copilot index --objects does."]
    rights = copilot.rights(needs)
    left = f"{rights.unasked} namespaces were not asked about and are left out." if rights.unasked else ""
    return Where(rights=rights), [left] if left else []


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
        "label": hit.label.value,
    }


def _as_text(rank: int, hit: Hit, query: str) -> str:
    """One hit for people: what it is, where it stands, and the lines that matter."""
    from copilot.redacting import plain
    from retrievers.knowledge.snippets import snippet

    title = f"{hit.document} — {hit.section}" if hit.section else hit.document
    return f"{rank}. {plain(title)}\n   {plain(hit.source_path)}:{hit.line}  [{hit.label.value}]\n   {plain(snippet(hit.text, query))}"
