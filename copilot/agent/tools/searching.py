"""Searching what was written down: runbooks, the user's documents, the stored state of the cluster, past incidents.

Pages are for everybody. What was stored of a cluster is searched by the desk, which asks the API server first what this person
may get. It is told as what it is: state with the time it was read, an incident as somebody's words.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from copilot.agent.asking import ClusterSearcher, Finds, Shelf, Stored
from copilot.agent.tools.tool import Line, Result, Tool
from copilot.agent.tools.workplace import Workplace
from copilot.model import CopilotError
from guardrails.provenance import Source

MOST_PAGES = 4
MOST_STORED = 4  # of each shelf
MAX_WORDS = 400


class Among(StrEnum):
    """What is searched."""

    ALL = "all"
    PAGES = "pages"
    STATE = "state"
    INCIDENTS = "incidents"


class SearchArguments(msgspec.Struct, frozen=True):
    """Arguments of search."""

    words: Annotated[str, Meta(description="A symptom, an event's reason, an error line or a name")]
    among: Annotated[Among, Meta(description="pages: runbooks; state: stored objects; incidents: past ones")] = (
        Among.ALL
    )


def search(place: Workplace, given: SearchArguments) -> Result:
    """Sections that fit the words, best first of each sort."""
    words = given.words[:MAX_WORDS]
    lines: list[Line] = []
    searched: list[str] = []
    if given.among in (Among.ALL, Among.PAGES):
        searched.append("shipped runbooks and indexed documents")
        lines += _pages(place, words)
    shelves = [shelf for shelf in Shelf if given.among.value in (Among.ALL.value, shelf.value)]
    if shelves:
        finds = _stored(place, words, shelves)
        searched.append(f"stored {' and '.join(shelves)} of this cluster, as far as you may get it")
        searched += finds.notes
        lines += [_line(one) for one in finds.found]
    trouble = "" if lines else "Nothing that was searched speaks of that."
    return Result(f"what was written on {words!r}", "; ".join(searched), tuple(lines), trouble=trouble)


def _pages(place: Workplace, words: str) -> Iterator[Line]:
    for passage in place.desk.search(words, MOST_PAGES):
        origin = Source.RUNBOOK if passage.trusted else Source.EXTERNAL
        where = f"{passage.title} § {passage.section}" if passage.section else passage.title
        yield Line(f"{passage.title}: {passage.text}", None, where, passage.source, origin)


def _stored(place: Workplace, words: str, shelves: list[Shelf]) -> Finds:
    """What the desk finds; where it cannot ask what this person may get, nothing."""
    if not isinstance(place.desk, ClusterSearcher):
        return Finds(notes=("Nothing of a cluster is stored here.",))
    try:
        return place.desk.search_cluster(words, shelves, MOST_STORED)
    except CopilotError as error:
        return Finds(notes=(f"What is stored of the cluster was not searched: {error.title}",))


def _line(one: Stored) -> Line:
    if one.shelf is Shelf.INCIDENTS:
        head = f"{one.title}; quoted and not checked"
    else:
        head = f"{one.title} as stored" + (
            f" when the cluster was read at {one.read_at}" if one.read_at else " earlier"
        )
    return Line(f"{head}: {one.text}", None, one.title, one.source, one.origin)


SEARCHING: tuple[Tool[Any], ...] = (
    Tool("search", "Search runbooks, stored objects and past incidents by words.", SearchArguments, search),
)
