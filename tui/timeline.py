"""Changes and timelines as a person reads them: one line a moment, the onset marked. Rendered from data and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.console import Console
from rich.text import Text

from copilot.diagnosis.changes import Aspect, Change
from copilot.diagnosis.timeline import Entry, EntryKind, Timeline
from copilot.model import age_text

SHOWN = 60  # lines; more is a dump, and -o json has it
FOLDED = 4  # creations in one namespace and minute that become one line
NAMED = 8  # objects of one line that are named; of more, the kinds are counted


def render_changes(changes: Sequence[Change], console: Console, scope: str, now: datetime, span: timedelta) -> None:
    """Print changes, newest first."""
    if not changes:
        line = f"Nothing that was read of {scope} changed in the {age_text(span.total_seconds())} before it was read."
        console.print(line, soft_wrap=True)
        return
    head = f"{scope}: what changed in the {age_text(span.total_seconds())} before {now:%Y-%m-%d %H:%M:%S} UTC, newest first"
    console.print(Text(head, style="bold"), soft_wrap=True)
    lines = _lines(changes)
    for change, words in lines[:SHOWN]:
        ago = age_text((now - change.at).total_seconds())
        _row(console, f"{ago} ago", change.at, words)
    if len(lines) > SHOWN:
        console.print(f"and {len(lines) - SHOWN} earlier ones: -o json shows all.")


def _lines(changes: Sequence[Change]) -> list[tuple[Change, Text]]:
    """A line for each change; objects created together become one."""
    together: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        if change.aspect is Aspect.CREATED:
            together.setdefault(_batch(change), []).append(change)
    told: set[tuple[str, str]] = set()
    found: list[tuple[Change, Text]] = []
    for change in changes:
        batch = together.get(_batch(change), []) if change.aspect is Aspect.CREATED else []
        if len(batch) < FOLDED:
            found.append((change, _sentence(change)))
        elif _batch(change) not in told:
            told.add(_batch(change))
            found.append((change, _folded(batch)))
    return found


def _batch(change: Change) -> tuple[str, str]:
    return (change.object.namespace, f"{change.at:%Y%m%d%H%M}")


def _folded(batch: Sequence[Change]) -> Text:
    where = f" in namespace {batch[0].object.namespace}" if batch[0].object.namespace else ""
    if len(batch) <= NAMED:
        names = ", ".join(f"{change.object.kind} {change.object.name}" for change in batch)
    else:
        kinds = Counter(change.object.kind for change in batch)
        names = ", ".join(
            f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))
        )
    return Text.assemble((f"{len(batch)} objects", "bold"), f" were created{where}: {names}")


def _sentence(change: Change) -> Text:
    return Text.assemble((str(change.object), "bold"), " ", change.text)


def _row(console: Console, when: str, at: datetime, words: Text) -> None:
    console.print(Text.assemble((f"{when:>12}  ", "cyan"), (f"{at:%m-%d %H:%M:%S}  ", "dim"), words), soft_wrap=True)


_STYLES = {
    EntryKind.CHANGE: "bold yellow",
    EntryKind.EVENT: "",
    EntryKind.CONDITION: "magenta",
    EntryKind.RESTART: "red",
    EntryKind.POD: "dim",
}
MESSAGE = 300  # characters of an event's message on a line


def render_timeline(line: Timeline, console: Console) -> None:
    """Print a timeline, oldest first, with the onset between what came before it and what came after."""
    console.print(
        Text.assemble((str(line.object), "bold"), f", observed {line.observed_at:%Y-%m-%d %H:%M:%S} UTC"),
        soft_wrap=True,
    )
    for cause in line.causes:
        console.print(Text(f"{cause.title} (confidence {cause.confidence:.2f})"), soft_wrap=True)
    shown = _nearest(line)
    if len(shown) < len(line.entries):
        console.print(
            Text(
                f"the {len(shown)} of {len(line.entries)} moments nearest to the onset; -o json shows all", style="dim"
            )
        )
    marked = line.onset is None
    for entry in shown:
        if not marked and line.onset is not None and _after_onset(entry, line.onset.at):
            _mark(line, console)
            marked = True
        _entry_row(entry, line, console)
    if not marked:
        _mark(line, console)
    if line.onset is None:
        console.print(
            "No sign of present trouble on it or on what it depends on, so no onset is marked.", soft_wrap=True
        )
    if not line.entries:
        console.print(f"Nothing dated was read since {line.since:%Y-%m-%d %H:%M:%S} UTC.", soft_wrap=True)


def _after_onset(entry: Entry, onset: datetime) -> bool:
    """A change in the onset's own second came before its effect."""
    return entry.at > onset or (entry.at == onset and entry.kind is not EntryKind.CHANGE)


def _nearest(line: Timeline) -> Sequence[Entry]:
    if len(line.entries) <= SHOWN:
        return line.entries
    middle = line.onset.at if line.onset else line.observed_at
    near = sorted(
        line.entries, key=lambda entry: (entry.kind is not EntryKind.CHANGE, abs((entry.at - middle).total_seconds()))
    )
    kept = {id(entry) for entry in near[:SHOWN]}
    return [entry for entry in line.entries if id(entry) in kept]


def _mark(line: Timeline, console: Console) -> None:
    assert line.onset is not None
    ago = age_text((line.observed_at - line.onset.at).total_seconds())
    sign = line.onset.sign
    words = f"──── onset {line.onset.at:%m-%d %H:%M:%S}, {ago} before this was read: {sign.object} {sign.text}"
    console.print(Text(" ".join(words.split())[:MESSAGE], style="bold red"), soft_wrap=True)


def _entry_row(entry: Entry, line: Timeline, console: Console) -> None:
    middle = line.onset.at if line.onset else line.observed_at
    distance = (entry.at - middle).total_seconds()
    when = f"{'-' if distance < 0 else '+'}{age_text(abs(distance))}"
    pods = f" on {entry.pods} pods" if entry.pods else ""
    times = f" (x{entry.count}{pods}{_until(entry)})" if entry.count > 1 else ""
    words = " ".join(entry.text.split())
    style = _STYLES[entry.kind] or ("red" if entry.warning else "")
    words = words if len(words) <= MESSAGE or entry.kind is EntryKind.CHANGE else f"{words[:MESSAGE]}…"
    _row(
        console,
        when,
        entry.at,
        Text.assemble((f"{entry.kind.value:<10}", style), (str(entry.object), "bold"), f" {words}{times}"),
    )


def _until(entry: Entry) -> str:
    return f", last {entry.last:%H:%M:%S}" if entry.last > entry.at else ""
