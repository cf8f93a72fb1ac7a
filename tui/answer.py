"""An answer as a person reads it: the sentences, then where each [n] stands, then what can be run next."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from copilot.agent.events import Answer, Citation, Refused
from tui.console import command, indent


def render_answer(answer: Answer, console: Console) -> None:
    """Print a whole answer."""
    indent(console, Text(answer.text, style="" if answer.known else "yellow"), 0)
    if answer.citations:
        console.print()
        for citation in answer.citations:
            indent(console, _cited(citation))
    if answer.steps:
        console.print()
        for step in answer.steps:
            command(console, step.command, 2, f"{step.text}: ")
    if answer.notes:
        console.print()
        for note in answer.notes:
            indent(console, Text(note, style="dim"))
    console.print(Text(f"({answer.scope})", style="dim"))


def render_refusal(refusal: Refused, console: Console) -> None:
    """Print why a question was refused."""
    indent(console, Text(refusal.reason, style="yellow"), 0)
    if refusal.nearest:
        indent(console, Text(refusal.nearest, style="cyan"))


def _cited(citation: Citation) -> Text:
    place = " ".join(part for part in (str(citation.object) if citation.object else "", citation.path) if part)
    where = ", ".join(part for part in (place, citation.source) if part)
    return Text.assemble((f"[{citation.number}] ", "cyan"), citation.text, (f"  ({where})" if where else "", "dim"))
