"""A judged connection as a person reads it: the verdict, each group with the rule that decides, the nearest change. Text in, text out."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from copilot.diagnosis.reach import Group, Reachability, State
from copilot.diagnosis.reach.answer import Verdict
from copilot.model.wording import listed
from tui.console import indent

SHOWN_GROUPS = 12  # a person reads a handful; all of them are in the JSON
SHOWN_NAMES = 4

_HEAD = {
    Verdict.ALLOWED: ("bold white on green", " ALLOWED "),
    Verdict.REFUSED: ("bold white on red", " REFUSED "),
    Verdict.PARTLY: ("bold black on yellow", " PARTLY "),
    Verdict.UNKNOWN: ("bold black on yellow", " CANNOT BE TOLD "),
}
_STYLE = {State.ALLOWED: "green", State.REFUSED: "red", State.UNKNOWN: "yellow"}


def render_reach(found: Reachability, console: Console) -> None:
    """Print the whole answer."""
    style, word = _HEAD[found.verdict]
    console.print(Text.assemble((word, style), "  ", f"{found.source} → {_target(found)}"), soft_wrap=True)
    for group in found.groups[:SHOWN_GROUPS]:
        _group(group, console)
    if len(found.groups) > SHOWN_GROUPS:
        indent(console, Text(f"{len(found.groups) - SHOWN_GROUPS} further groups: -o json shows all."))
    _section(console, "Also", found.notes)
    _section(console, "Enforcement", [found.enforcement.words])
    _section(console, "Not evaluated", found.not_evaluated)


def _target(found: Reachability) -> str:
    port = str(found.wanted.port or found.wanted.port_name or "")
    parts = [f" port {port}" if port else "", f" ({found.wanted.protocol})" if found.wanted.protocol else ""]
    return found.target + "".join(parts)


def _group(group: Group, console: Console) -> None:
    console.print()
    port = f" on {group.protocol} {group.port}" if group.port else ""
    ends = f"{listed(group.sources, SHOWN_NAMES)} → {listed(group.targets, SHOWN_NAMES)}{port}"
    indent(console, Text.assemble((group.state.value, f"bold {_STYLE[group.state]}"), f": {ends}"))
    for why in group.why:
        indent(console, Text(why), 4)
    if group.state is State.UNKNOWN and group.as_read is not State.UNKNOWN:
        indent(console, Text(f"by what was read alone it would be {group.as_read.value}"), 4)
    places = dict.fromkeys(f"{decider.policy.ref} {decider.place}" for decider in group.deciders)
    if places:
        indent(console, Text(f"decided by {listed(places)}", style="dim"), 4)
    for missing in group.missing:
        indent(console, Text(f"nearest: {missing}"), 4)
    if group.change:
        indent(console, Text.assemble(("nearest change: ", "cyan"), group.change), 4)


def _section(console: Console, title: str, lines: Iterable[str]) -> None:
    shown = list(lines)
    if shown:
        console.print()
        indent(console, Text(title, style="bold"))
    for line in shown:
        indent(console, Text(line), 4)
