"""A diagnosis as a person reads it: the cause first, then its proof, who suffers, what to do. Text in, text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from copilot.model import Diagnosis, Gap, GapKind, NextStep, ReadState, Ref, RootCause, StepKind, Verdict, age_text
from copilot.model.moment import EPOCH
from copilot.model.wording import listed
from tui.console import command, indent

SHOWN_CAUSES = 5  # a person acts on the first; more than a handful is a list, not an answer
SHOWN_AFFECTED = 8  # names; the rest is counted
SHOWN_REFUSED = 4  # one line each; more are named in one line
SHOWN_GAPS = 8  # lines; the rest is counted
_ALWAYS = (GapKind.REFUSED, GapKind.LOGS, GapKind.STALE, GapKind.OTHER)
_NAMED = (GapKind.REFUSED,)
_FIRST_KUBERNETES = 2014  # an observation before it is no date: the text carried none
FAULT = 0.5  # causes below even odds are shown apart, as not proven

_HEAD = {
    Verdict.FAULT: ("bold white on red", " FAULT "),
    Verdict.HEALTHY: ("bold white on green", " HEALTHY "),
    Verdict.UNKNOWN: ("bold black on yellow", " UNKNOWN "),
}


def render_diagnosis(diagnosis: Diagnosis, console: Console, scope: str) -> None:
    """Print the whole answer for `scope` ("namespace shop", "Deployment shop/web", "the whole cluster")."""
    style, word = _HEAD[diagnosis.verdict]
    head = Text.assemble((word, style), "  ", f"{scope}, ", _observed(diagnosis))
    console.print(head, soft_wrap=True)
    firm = [cause for cause in diagnosis.root_causes if cause.confidence >= FAULT]
    for cause in firm[:SHOWN_CAUSES]:
        console.print()
        _cause(cause, console, diagnosis, numbered=len(firm) > 1)
    if len(firm) > SHOWN_CAUSES:
        console.print(f"\n{len(firm) - SHOWN_CAUSES} further root causes: -o json shows all.")
    if not firm:
        _no_cause(diagnosis, console)
    _coverage(diagnosis, console)


def _observed(diagnosis: Diagnosis) -> str:
    if diagnosis.observed_at == EPOCH:
        return "by itself: no cluster was read"
    dated = diagnosis.observed_at.year >= _FIRST_KUBERNETES
    moment = (
        f"observed {diagnosis.observed_at:%Y-%m-%d %H:%M:%S} UTC"
        if dated
        else "observed at a time the text does not tell"
    )
    return f"cluster {diagnosis.cluster or 'unnamed'}, {moment}"


def _cause(cause: RootCause, console: Console, diagnosis: Diagnosis, *, numbered: bool) -> None:
    number = f"{cause.rank}. " if numbered else ""
    console.print(Text(f"{number}{cause.title}", style="bold"))
    facts = [f"cause {cause.cause}", f"change {cause.object}", f"confidence {cause.confidence:.2f}"]
    if cause.since is not None:
        facts.append(f"since {age_text((diagnosis.observed_at - cause.since).total_seconds())} ago")
    indent(console, Text(" · ".join(facts), style="dim"))
    _section(console, "Proof", _proof(cause))
    if len(cause.chain) > 1:
        _section(console, "How it leads here", (Text(link.text) for link in cause.chain))
    if cause.affected:
        _section(console, "Who suffers", [Text(_names(cause.affected))])
    if cause.doubts:
        _section(console, "Against it, or not checked", (Text(doubt) for doubt in cause.doubts))
    if cause.remembered:
        _section(console, "Seen before (quoted, not checked)", (Text(one.quote) for one in cause.remembered))
    if cause.next_steps or cause.runbook:
        _steps(console, "What to do", cause.next_steps, cause.runbook)


def _proof(cause: RootCause) -> Iterator[Text]:
    for i, piece in enumerate(cause.evidence, start=1):
        where = f"{piece.object} {piece.path}".strip()
        source = f", {piece.source}" if piece.source else ""
        yield Text.assemble((f"[{i}] ", "cyan"), piece.text, (f"  ({where}{source})", "dim"))


def _steps(console: Console, title: str, steps: Sequence[NextStep], runbook: str = "") -> None:
    indent(console, Text(title, style="bold"))
    for step in steps:
        mark = "change" if step.kind is StepKind.CHANGE else "read"
        indent(
            console, Text.assemble((f"{mark}: ", "yellow" if step.kind is StepKind.CHANGE else "green"), step.text), 4
        )
        if step.command:
            command(console, step.command, 12)
    if runbook:
        indent(console, Text.assemble(("runbook: ", "green"), runbook), 4)


def _names(refs: Sequence[Ref]) -> str:
    return listed((str(ref) for ref in refs), SHOWN_AFFECTED)


def _no_cause(diagnosis: Diagnosis, console: Console) -> None:
    if diagnosis.verdict is Verdict.HEALTHY:
        console.print("\nNothing is wrong in what was read.")
        return
    refused = len({reading.kind for reading in diagnosis.coverage.readings if reading.state is ReadState.REFUSED})
    if refused and not diagnosis.symptoms:
        console.print(f"\nNothing can be told: the server refused to list {refused} kinds to this user.")
    else:
        console.print("\nThe evidence does not reach a cause.")
    if diagnosis.symptoms:
        _section(console, "What is visibly wrong", (Text(piece.text) for piece in diagnosis.symptoms[:10]))
    weak = [cause for cause in diagnosis.root_causes if cause.confidence < FAULT][:3]
    if weak:
        _section(
            console,
            "Possible, not proven",
            (Text(f"{cause.title} (confidence {cause.confidence:.2f})") for cause in weak),
        )
    if diagnosis.collect:
        _steps(console, "Collect next", diagnosis.collect)


def _coverage(diagnosis: Diagnosis, console: Console) -> None:
    """What was not seen: always what lowered an answer; the rest as far as it may concern a person who reads this one."""
    unsure = diagnosis.verdict is Verdict.UNKNOWN
    shown = [gap for gap in diagnosis.gaps if gap.matters or unsure or gap.kind in _ALWAYS]
    refused = [gap for gap in shown if gap.kind is GapKind.REFUSED and not gap.matters]
    if len(refused) > SHOWN_REFUSED:
        shown = [gap for gap in shown if gap not in refused]
        kinds = ", ".join(gap.text.partition(" ")[0] for gap in refused)
        shown.insert(0, Gap(GapKind.REFUSED, f"{len(refused)} kinds were refused: {kinds}"))
    lines = [Text.assemble((f"{gap.kind.value}: ", "yellow" if gap.matters else "dim"), gap.text) if gap.kind in _NAMED else Text(gap.text) for gap in shown]  # fmt: skip
    if lines:
        console.print()
        _section(console, "Not seen", lines[:SHOWN_GAPS])
    if len(lines) > SHOWN_GAPS:
        indent(console, Text(f"and {len(lines) - SHOWN_GAPS} more: -o json lists them."), 4)


def _section(console: Console, title: str, lines: Sequence[Text] | Iterator[Text]) -> None:
    indent(console, Text(title, style="bold"))
    for line in lines:
        indent(console, line, 4)
